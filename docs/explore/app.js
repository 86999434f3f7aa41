"use strict";
// The page as a whole: what is shown, its modes, its address, and the links between the controls.

const Explore = (() => {
  const at = (id) => document.getElementById(id);
  const DEFAULTS = { mode: "collapse", kernel: "edge", photo: "camera", baseline: "on", shots: [{ n: 1, times: 1 }], particles: 1000, steps: 0 };
  const state = { mode: "collapse", picture: null, name: null, kernel: [], baseline: true, seed: 0 };
  let writing = null; // timer of the next change of the address

  /** Show a text in the status line, which screen readers announce. */
  function say(text) {
    at("status").textContent = text;
  }

  /** Write what is shown as an address. */
  function address() {
    const parts = { kernel: state.name || Address.kernelText(state.kernel) };
    if (!state.picture.own) parts.photo = state.picture.name;
    parts.seed = state.seed;
    if (!state.baseline) parts.baseline = "off";
    if (state.mode === "collapse") {
      parts.shots = Address.shotsText(Collapse.events());
      const { row, column } = Collapse.where();
      parts.pixel = `${row}.${column}`;
    } else {
      const { number, steps } = Diffusion.state();
      Object.assign(parts, { mode: "diffusion", particles: number, steps });
    }
    if (Lesson.step()) parts.class = Lesson.step();
    return Address.write(parts);
  }

  /** Keep the address up to date, once nothing has changed for a moment: browsers limit how often it may change. */
  function changed() {
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", address()), 400);
  }

  /** Show what an address describes; parts that are missing have their defaults. */
  function load(hash) {
    const { found, unknown } = Address.read(hash);
    const parts = { ...DEFAULTS, ...found };
    let picture = Pictures.choose(parts.photo);
    if (!picture) {
      unknown.push("photo");
      picture = Pictures.choose(DEFAULTS.photo);
    }
    const named = Kernels.find(({ name }) => name === parts.kernel);
    Object.assign(state, {
      picture, name: named ? named.name : null, kernel: (named ? named.kernel : parts.kernel).slice(),
      mode: parts.mode, baseline: parts.baseline === "on",
      seed: parts.seed ?? crypto.getRandomValues(new Uint32Array(1))[0],
    });
    at("baseline").checked = state.baseline;
    document.querySelector(`[name=mode][value=${state.mode}]`).checked = true;
    Editor.show(state.kernel, state.name);
    const done = refresh(parts);
    Lesson.restore(state.mode === "collapse" ? parts.class || 0 : 0);
    return done.then(() => {
      if (unknown.length) say(`The address has parts that this page does not understand: ${unknown.join(", ")}. Defaults are used instead.`);
    });
  }

  /** Start again after the photograph, the kernel, the seed or the mode has changed. */
  async function refresh(parts = DEFAULTS) {
    const baseline = state.baseline && state.mode === "collapse";
    at("collapse").hidden = state.mode !== "collapse";
    at("diffusion").hidden = state.mode !== "diffusion";
    at("baseline").disabled = state.mode !== "collapse";
    at("seed").value = state.seed;
    Circuit.show(state.kernel, Maths.encoded(state.kernel, baseline), baseline);
    changed();
    if (state.mode === "collapse") {
      Diffusion.pause();
      Collapse.set(state.picture, state.kernel, baseline, state.seed);
      if (parts.pixel) Collapse.choose(...parts.pixel);
      return Collapse.replay(parts.shots);
    }
    return Diffusion.set(state.picture, state.kernel, state.seed, parts.particles, parts.steps);
  }

  /** Change some of the state, and start again. */
  function put(change) {
    Object.assign(state, change);
    return refresh(state.mode === "diffusion" ? { ...DEFAULTS, particles: Diffusion.state().number } : DEFAULTS);
  }

  /** Show a step of a lesson: a kernel by name, with shots to start from. */
  function teach({ kernel: name, baseline, shots }) {
    const { kernel } = Kernels.find((known) => known.name === name);
    Object.assign(state, { mode: "collapse", name, kernel: kernel.slice(), baseline });
    at("baseline").checked = baseline;
    document.querySelector("[name=mode][value=collapse]").checked = true;
    Editor.show(kernel, name);
    return refresh({ shots });
  }

  /** Start again without shots or steps, with the next seed. */
  function startAgain() {
    state.seed = (state.seed + 1) >>> 0;
    at("seed").value = state.seed;
    if (state.mode === "collapse") {
      Collapse.clear(state.seed);
      Collapse.show();
      say(`All shots are removed. The next shots have the seed ${state.seed}.`);
    } else {
      Diffusion.restart(state.seed);
      say(Diffusion.show());
    }
    changed();
  }

  /** Use a kernel without negative entries in place of one that has some. */
  function useInstead(which) {
    const name = which === "gaussian" ? which : null;
    const kernel = name ? Kernels.find((known) => known.name === name).kernel.slice() : state.kernel.map(Math.abs);
    Editor.show(kernel, name);
    put({ name, kernel });
  }

  /** Handle a new seed; the field keeps what is not a seed until it is mended. */
  function enterSeed() {
    const seed = Number(at("seed").value);
    if (at("seed").value !== "" && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) put({ seed });
  }

  /** Show a text to copy, and copy it where the browser allows this. */
  async function share(text, copied, remark) {
    at("shared").hidden = false;
    at("shared-text").value = text;
    at("shared-text").rows = Math.min(text.split("\n").length, 14);
    let done = copied;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      at("shared-text").select();
      done = "The browser does not allow copying: copy the text in the field.";
    }
    at("shared-note").textContent = `${done} ${remark}`.trim();
  }

  /** Copy the address of what is shown. */
  function copyLink() {
    const own = state.picture.own ? "Your own picture stays in this page and is not in the link." : "";
    const local = location.protocol === "file:" ? "The part of the link that begins with # works with every copy of this page." : "";
    return share(location.href.replace(/#.*$/, "") + address(), "The link is copied.", [own, local].filter(Boolean).join(" "));
  }

  /** Copy the Python program that computes what is shown. */
  function copyPython() {
    const { number, steps } = Diffusion.state();
    if (state.mode === "diffusion" && !Diffusion.takes(state.kernel)) return say("Diffusion needs a kernel without negative entries.");
    const text = state.mode === "collapse" ? Python.collapse(state, Collapse.shots()) : Python.diffusion(state, number, steps);
    return share(text, "The program is copied.", "It draws new shots, with the same probabilities.");
  }

  /** Handle arrow keys and Enter on the measured picture. */
  function key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (steps && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const far = event.shiftKey ? 8 : 1, { row, column } = Collapse.where();
      Collapse.choose(row + far * steps[0], column + far * steps[1]);
    } else if (event.key === "Enter" || event.key === " ") {
      Collapse.dropOne();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Handle a click or a tap on the measured picture. */
  function tap(event) {
    const canvas = at("measured"), box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
    const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    Collapse.choose(row, column);
    Collapse.dropOne();
  }

  /** Return whether a hash is a link to a part of this page, such as #main, and not what to show. */
  const within = (hash) => at(hash.slice(1)) !== null;

  /**
   * Show a new address.
   *
   * It is read from the event: `changed` may have written what was shown before into `location` meanwhile.
   */
  function follow(event) {
    const { hash } = new URL(event.newURL);
    return within(hash) ? changed() : load(hash);
  }

  /** Connect all controls with their actions. */
  function listen() {
    const press = (id, action) => at(id).addEventListener("click", action);
    press("drop", Collapse.dropOne);
    press("step", Diffusion.step);
    press("run", Diffusion.toggle);
    press("reset", startAgain);
    press("restart", startAgain);
    press("copy-link", copyLink);
    press("copy-python", copyPython);
    press("shared-close", () => (at("shared").hidden = true));
    at("measured").addEventListener("click", tap);
    at("measured").addEventListener("keydown", key);
    at("seed").addEventListener("change", enterSeed);
    at("baseline").addEventListener("change", () => put({ baseline: at("baseline").checked }));
    const each = (selector, action) => document.querySelectorAll(selector).forEach(action);
    each("[data-use]", (button) => button.addEventListener("click", () => useInstead(button.dataset.use)));
    each("[name=mode]", (input) => input.addEventListener("change", () => put({ mode: input.value })));
    each("[data-shots]", (button) => button.addEventListener("click", () => Collapse.add(Number(button.dataset.shots))));
    each("[data-particles]", (button) => button.addEventListener("click", () => Diffusion.release(Number(button.dataset.particles))));
    const again = () => {
      (state.mode === "collapse" ? Collapse : Diffusion).show();
      Lesson.show();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    addEventListener("hashchange", follow);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) again();
      width = innerWidth;
    });
  }

  /** Start the page with the state in its address. */
  function start() {
    Lesson.connect(teach, changed);
    Collapse.connect(say, changed);
    Diffusion.connect(say, changed);
    Pictures.connect((picture) => put({ picture }), say);
    Editor.connect((name, kernel) => put({ name, kernel }));
    listen();
    return load(within(location.hash) ? "" : location.hash);
  }

  return { state, ready: start(), address, put };
})();
