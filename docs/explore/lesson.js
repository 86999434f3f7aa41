"use strict";
// Class mode: a lesson in steps, the photograph large beside the result, and shots that follow one by one.

const Lesson = (() => {
  const at = (id) => document.getElementById(id);

  /** Each step has one sentence, what it starts from, and whether shots then follow by themselves. */
  const STEPS = [
    { kernel: "gaussian", shots: 0, says: "The task is to blur this photograph: four qubits hold the kernel's nine probabilities, and nothing has been measured yet." },
    { kernel: "gaussian", shots: 1, says: "One shot at every pixel: the measurement picks one of nine neighbours at random, and the pixel shows its grey level." },
    { kernel: "gaussian", shots: 1, plays: true, says: "Shot after shot, every pixel shows the mean of its shots, and the noise falls." },
    { kernel: "gaussian", shots: 1000, says: "The error falls as the inverse square root of the shots: a hundred times as many shots give a tenth of the error." },
    { kernel: "edge", shots: 1, plays: true, says: "An edge detector has large weights of both signs, so the same number of shots leaves far more noise." },
    { kernel: "edge", baseline: true, shots: 1, plays: true, says: "With a baseline, only differences from the centre pixel are sampled: in flat regions, nothing is left to chance." },
    { kernel: "edge", baseline: true, shots: 1000, says: "The mean converges to the exact convolution. Now leave the class mode, and choose a photograph and a kernel of your own." },
  ];
  let step = 0, timer = null, busy = false; // step 0: no lesson
  let put = () => {}, changed = () => {};

  /** Show the sentence, the buttons and the photograph of the step. */
  function show() {
    document.body.classList.toggle("class", step > 0);
    at("lesson").hidden = step === 0;
    at("photograph").hidden = step === 0;
    if (step === 0) return;
    const { picture } = Collapse.setting();
    at("lesson-says").textContent = STEPS[step - 1].says;
    at("lesson-step").textContent = `${step} of ${STEPS.length}`;
    at("lesson-back").setAttribute("aria-disabled", String(step === 1)); // disabled ones would lose the focus
    at("lesson-next").setAttribute("aria-disabled", String(step === STEPS.length));
    Draw.greys(at("photograph-canvas"), picture, picture.data, { black: 0, white: 255 });
  }

  /** Go to a step, and start from what it starts from. */
  async function go(to) {
    if (to < 1 || to > STEPS.length) return;
    step = to;
    pause();
    const { kernel, baseline = false, shots, plays } = STEPS[step - 1], mine = step;
    const done = put({ kernel, baseline, shots: shots ? [{ n: shots, times: 1 }] : [] });
    show();
    await done;
    if (plays && mine === step) play();
  }

  /** Enter at a step that an address names, with the rest of the address as it is; 0 leaves. */
  function restore(to) {
    pause();
    step = Math.min(to, STEPS.length);
    show();
  }

  /** Leave the lesson; what is shown stays. */
  function leave() {
    restore(0);
    if (document.fullscreenElement) document.exitFullscreen();
    Collapse.show();
    changed();
    at("class-enter").focus();
  }

  /** Let shots follow, one at every pixel at a time; one that takes longer than the pace delays the next. */
  function play() {
    clearInterval(timer);
    timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      await Collapse.add(1);
      busy = false;
    }, Number(at("pace").value));
    at("lesson-play").textContent = "Pause";
    at("lesson-play").setAttribute("aria-pressed", "true");
  }

  /** Stop the shots. */
  function pause() {
    clearInterval(timer);
    timer = null;
    at("lesson-play").textContent = "Play";
    at("lesson-play").setAttribute("aria-pressed", "false");
  }

  /** Switch full screen on or off. */
  function fullScreen() {
    return document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  }

  /** Handle the keys that clickers of presenters send. */
  function key(event) {
    const move = { PageDown: 1, PageUp: -1 }[event.key];
    if (step === 0 || !move) return;
    event.preventDefault();
    go(step + move);
  }

  /** Set how a step is shown, and what to call when the step has changed. */
  function connect(shower, observer) {
    put = shower;
    changed = observer;
    const press = (id, action) => at(id).addEventListener("click", action);
    press("class-enter", () => go(1).then(() => at("lesson-next").focus()));
    press("lesson-next", () => go(step + 1));
    press("lesson-back", () => go(step - 1));
    press("lesson-play", () => (timer === null ? play() : pause()));
    press("lesson-leave", leave);
    press("lesson-full", fullScreen);
    at("lesson-full").hidden = !document.fullscreenEnabled;
    at("pace").addEventListener("change", () => timer !== null && play());
    addEventListener("keydown", key);
    document.addEventListener("fullscreenchange", () =>
      (at("lesson-full").textContent = document.fullscreenElement ? "Exit full screen" : "Full screen"));
  }

  return { connect, restore, show, step: () => step, steps: STEPS.length };
})();
