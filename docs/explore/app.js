"use strict";
// Controls of the page: photograph, kernel, baseline, mode and buttons.

const Explore = (() => {
  const at = (id) => document.getElementById(id);
  const MOST_PIXELS = 128, LARGEST_ENTRY = 1e6;
  const named = (name) => Kernels.find((kernel) => kernel.name === name);
  const state = { mode: "collapse", picture: null, name: "edge", kernel: named("edge").kernel.slice(), entry: Maths.CENTRE };
  let before = null; // kernel that the mode Diffusion rejected, restored when the mode ends

  /** Show a text in the status line, which screen readers announce. */
  function say(text) {
    at("status").textContent = text;
  }

  /** Decode the grey levels of a photograph that is part of the page. */
  function unpacked({ name, height, width, grey }) {
    return { name, height, width, data: Uint8Array.from(atob(grey), (c) => c.charCodeAt(0)) };
  }

  /** Read the user's file as grey levels, reduced in size; the file never leaves the browser. */
  async function opened(file) {
    const bitmap = await createImageBitmap(file);
    const part = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * part)), height = Math.max(1, Math.round(bitmap.height * part));
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const colours = context.getImageData(0, 0, width, height).data;
    const data = Uint8Array.from({ length: height * width }, (_, i) =>
      Math.round(0.2125 * colours[4 * i] + 0.7154 * colours[4 * i + 1] + 0.0721 * colours[4 * i + 2]));
    return { name: file.name, height, width, data };
  }

  /** Add a photograph to the list, and select it if `chosen` is true. */
  function offer(picture, chosen) {
    const label = document.createElement("label"), input = document.createElement("input");
    const canvas = document.createElement("canvas"), text = document.createElement("span");
    Object.assign(input, { type: "radio", name: "photo", checked: chosen });
    input.addEventListener("change", () => {
      state.picture = picture;
      refresh();
    });
    Draw.greys(canvas, picture, picture.data, { black: 0, white: 255 });
    text.textContent = picture.name;
    label.append(input, canvas, text);
    at("photos").append(label);
    if (chosen) state.picture = picture;
    return label;
  }

  /** Read the chosen file; it replaces the previous file in the list. */
  async function openFile() {
    const [file] = at("file").files;
    if (!file) return;
    try {
      const picture = await opened(file);
      document.querySelector(".photos .own")?.remove();
      offer(picture, true).className = "own";
      refresh();
      say(`${picture.name}: ${picture.height} × ${picture.width} pixels.`);
    } catch {
      say(`${file.name}: expected a picture that the browser can read.`);
    }
  }

  /** Create the nine input fields of the kernel. */
  function makeGrid() {
    for (let j = 0; j < 9; j++) {
      const input = document.createElement("input");
      Object.assign(input, { type: "number", step: "any", autocomplete: "off" });
      input.setAttribute("aria-label", `row ${Math.floor(j / 3)}, column ${j % 3}`);
      input.addEventListener("focus", () => choose(j));
      input.addEventListener("input", () => enter(j, input.value === "" ? NaN : Number(input.value)));
      input.addEventListener("change", showGrid);
      at("grid").append(input);
    }
  }

  /** Select the entry that the buttons below the grid change. */
  function choose(j) {
    state.entry = j;
    [...at("grid").children].forEach((input, i) => input.classList.toggle("chosen", i === j));
  }

  /** Show the kernel in its fields; a field that is being edited stays unchanged. */
  function showGrid() {
    state.kernel.forEach((k, j) => {
      const input = at("grid").children[j];
      if (input !== document.activeElement || Number(input.value) !== k) {
        input.value = String(Number(k.toPrecision(4)));
      }
      input.classList.toggle("positive", k > 0);
      input.classList.toggle("negative", k < 0);
    });
    choose(state.entry);
  }

  /** Change one entry of the kernel, by typing or with a button. */
  function enter(j, value) {
    const kernel = state.kernel.slice();
    kernel[j] = value;
    const problem =
      !Number.isFinite(value) || Math.abs(value) > LARGEST_ENTRY ? "Expected a number from −1,000,000 to 1,000,000."
      : kernel.every((k) => k === 0) ? "Expected at least one entry other than 0."
      : state.mode === "diffusion" && !Diffusion.takes(kernel) ? "Diffusion expects entries of at least 0."
      : "";
    at("kernel-error").textContent = problem;
    if (problem) return;
    Object.assign(state, { kernel, name: null });
    const input = at("grid").children[j];
    input.classList.toggle("positive", value > 0);
    input.classList.toggle("negative", value < 0);
    refresh();
  }

  /** Apply a button below the grid to the selected entry. */
  function nudge(how) {
    const j = state.entry, k = state.kernel[j];
    enter(j, { minus: k - 1, plus: k + 1, sign: -k, zero: 0 }[how]);
    showGrid();
  }

  /** Use a named kernel, or a kernel that was drawn by hand before. */
  function take(name, kernel = named(name).kernel) {
    Object.assign(state, { name, kernel: kernel.slice() });
    at("kernel-error").textContent = "";
    showGrid();
    refresh();
  }

  /** Switch to a mode. */
  function enterMode(mode) {
    state.mode = mode;
    const diffuses = mode === "diffusion";
    at("collapse").hidden = diffuses;
    at("diffusion").hidden = !diffuses;
    at("baseline").disabled = diffuses;
    Diffusion.pause();
    for (const option of at("kernel-name").options) {
      option.disabled = option.value === "drawn" || (diffuses && !Diffusion.takes(named(option.value).kernel));
    }
    if (diffuses && !Diffusion.takes(state.kernel)) {
      before = { name: state.name, kernel: state.kernel };
      return take("gaussian");
    }
    const back = !diffuses && state.name === "gaussian" ? before : null;
    before = null;
    if (back) return take(back.name, back.kernel);
    refresh();
  }

  /** Start again after the photograph, the kernel or the mode has changed. */
  function refresh() {
    const baseline = at("baseline").checked && state.mode === "collapse";
    at("kernel-name").value = state.name || "drawn";
    const exported = state.name && named(state.name)[baseline ? "baseline" : "plain"];
    Circuit.show(state.kernel, Maths.encoded(state.kernel, baseline), exported && exported.gates, baseline);
    try {
      if (state.mode === "collapse") {
        Collapse.set(state.picture, state.kernel, baseline);
        return Collapse.add(1);
      }
      Diffusion.set(state.picture, state.kernel);
      say(Diffusion.show());
    } catch (error) {
      say(error.message);
    }
    return undefined;
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

  /** Connect all controls with their actions. */
  function listen() {
    const press = (id, action) => at(id).addEventListener("click", action);
    press("drop", Collapse.dropOne);
    press("step", Diffusion.step);
    press("run", Diffusion.toggle);
    press("reset", () => {
      Collapse.clear();
      Collapse.show();
      say("All shots are removed.");
    });
    press("restart", () => {
      Diffusion.restart();
      say(Diffusion.show());
    });
    at("measured").addEventListener("click", tap);
    at("measured").addEventListener("keydown", key);
    at("file").addEventListener("change", openFile);
    at("baseline").addEventListener("change", refresh);
    at("kernel-name").addEventListener("change", (event) => take(event.target.value));
    const each = (selector, action) => document.querySelectorAll(selector).forEach(action);
    each("[name=mode]", (input) => input.addEventListener("change", () => enterMode(input.value)));
    each("[data-shots]", (button) => button.addEventListener("click", () => Collapse.add(Number(button.dataset.shots))));
    each("[data-particles]", (button) => button.addEventListener("click", () => Diffusion.release(Number(button.dataset.particles))));
    each("[data-nudge]", (button) => button.addEventListener("click", () => nudge(button.dataset.nudge)));
    const again = () => (state.mode === "collapse" ? Collapse : Diffusion).show();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) again();
      width = innerWidth;
    });
  }

  /** Start the page; `#seed=7` in the address repeats its shots. */
  function start() {
    const given = new URLSearchParams(location.hash.slice(1)).get("seed");
    const seed = /^\d+$/.test(given) ? Number(given) >>> 0 : crypto.getRandomValues(new Uint32Array(1))[0];
    const random = Maths.generator(seed);
    Collapse.connect(random, say);
    Diffusion.connect(random, say);
    at("seed-note").textContent = `The seed of this page is ${seed}. Add #seed=${seed} to the address to repeat its shots.`;
    Photos.map(unpacked).forEach((picture, i) => offer(picture, i === 0));
    for (const { name } of Kernels) at("kernel-name").add(new Option(name));
    const drawn = new Option("drawn by hand", "drawn");
    drawn.disabled = true;
    at("kernel-name").add(drawn);
    makeGrid();
    showGrid();
    listen();
    return refresh();
  }

  return { state, ready: start(), take, enter, enterMode };
})();
