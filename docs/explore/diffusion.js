"use strict";
// The mode Diffusion: particles start with probability proportional to brightness and move by the kernel.

const Diffusion = (() => {
  const MOST_DOTS = 1000, MOST_STEPS = 1000;
  const at = (id) => document.getElementById(id);
  let setting = null; // picture, kernel, p, moments, exact, mass
  let number = 1000, particles, steps, trail, seed, run = 0, timer = null, frame = 0;
  let random = null, say = () => {}, changed = () => {};

  /** Return whether particles can move by this kernel: no entry may be negative. */
  const takes = (kernel) => kernel.every((k) => k >= 0);

  /** Set the picture, the kernel and the seed, start again, and move all particles by some steps. */
  async function set(picture, kernel, newSeed, newNumber, newSteps) {
    const mass = picture.data.reduce((a, b) => a + b, 0), possible = takes(kernel) && mass > 0;
    run++;
    number = newNumber;
    steps = newSteps;
    at("diffusion-possible").hidden = !possible;
    at("diffusion-refused").hidden = possible;
    if (!possible) {
      pause();
      setting = null;
      const reason = mass === 0 ? "A black picture has no particles."
        : "Diffusion needs a kernel without negative entries: an entry is the probability of a move. " +
          "Change the entries, or use one of these kernels.";
      at("refused-reason").textContent = reason;
      at("refused-ways").hidden = mass === 0;
      return say("Diffusion is not possible.");
    }
    setting = { picture, kernel, p: Maths.propagator(kernel).p, moments: Maths.stepMoments(kernel), mass, exact: null };
    restart(newSeed);
    const mine = run;
    for (let i = 0; i < newSteps && mine === run; i++) {
      move();
      if (number > MOST_DOTS && i % 10 === 9) await new Promise((resume) => setTimeout(resume));
    }
    return mine === run && say(show());
  }

  /** Draw new starting positions for all particles, and drop the steps of an address that are still to come. */
  function restart(newSeed = seed) {
    pause();
    run++;
    seed = newSeed;
    random = Maths.generator(seed);
    particles = Maths.scatter(random, setting.picture, number);
    setting.exact = Float64Array.from(setting.picture.data);
    steps = 0;
    trail = [];
  }

  /** Start again with n particles. */
  function release(n) {
    number = n;
    restart();
    say(show());
    changed();
  }

  /** Compute the root mean square distance from the start, without the common drift. */
  function distance() {
    const { down, right } = setting.moments;
    let sum = 0;
    for (let i = 0; i < number; i++) {
      sum += (particles.down[i] - steps * down) ** 2 + (particles.right[i] - steps * right) ** 2;
    }
    return Math.sqrt(sum / number);
  }

  /** Move every particle by one step, and convolve the exact picture once. */
  function move() {
    const { picture, kernel, exact, p } = setting, { height, width } = picture;
    Maths.move(random, particles, kernel, height, width);
    setting.exact = Maths.convolve({ height, width, data: exact }, p, Maths.wrapped);
    steps++;
    trail.push([steps, distance()]);
  }

  /** Move every particle by one step, and show it. */
  function step() {
    if (steps >= MOST_STEPS) return pause();
    const before = number <= MOST_DOTS ? particles.pixel.slice() : null;
    move();
    changed();
    const said = show(before);
    if (timer === null) say(said);
  }

  /** Compute the picture from the particles, and its error. */
  function verdict() {
    const { exact, mass } = setting, unit = mass / number;
    const estimate = new Float64Array(exact.length);
    for (const i of particles.pixel) estimate[i] += unit;
    const difference = new Float64Array(exact.length);
    let square = 0, variance = 0;
    for (let i = 0; i < exact.length; i++) {
      const q = exact[i] / mass;
      difference[i] = estimate[i] - exact[i];
      square += difference[i] ** 2;
      variance += (mass * mass * q * (1 - q)) / number;
    }
    return {
      estimate, difference,
      rmse: Math.sqrt(square / exact.length), predicted: Math.sqrt(variance / exact.length),
    };
  }

  /** Show the pictures, the numbers and the plot; dots move from their positions `before`. */
  function show(before = null) {
    if (setting === null) return "";
    const { picture, exact, moments } = setting, found = verdict(), few = number <= MOST_DOTS;
    const grey = { black: 0, white: 255 };
    Draw.greys(at("cloud"), picture, few ? new Float64Array(exact.length).fill(NaN) : found.estimate, grey);
    Draw.greys(at("heat"), picture, exact, grey);
    Draw.signed(at("cloud-difference"), picture, found.difference, Math.max(127.5, 3 * found.predicted));
    dots(few ? particles.pixel : [], before);
    const named = `${Draw.whole(number)} ${number === 1 ? "particle" : "particles"}`;
    const times = `${steps} ${steps === 1 ? "step" : "steps"}`;
    at("cloud-note").textContent = few ? "one dot per particle" : "histogram";
    at("heat-note").textContent = `${steps} ${steps === 1 ? "convolution" : "convolutions"}, boundary wrap`;
    at("steps").textContent = steps;
    at("particles").textContent = named;
    const far = distance(), farther = Math.sqrt(steps * moments.variance);
    at("distance").textContent = far.toFixed(2);
    at("distance-predicted").textContent = farther.toFixed(2);
    at("cloud-rmse").textContent = Draw.even(found.rmse);
    at("cloud-predicted").textContent = `predicted ${Draw.even(found.predicted)} grey levels`;
    for (const button of document.querySelectorAll("[data-particles]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.particles) === number));
    }
    showPlot();
    return `${named}, ${times}: distance ${far.toFixed(2)} pixels, predicted ${farther.toFixed(2)}.`;
  }

  /** Plot the distance against the steps, with the line of a diffusion. */
  function showPlot() {
    const one = Math.sqrt(setting.moments.variance);
    if (one === 0) return Plot.say(at("distance-plot"), "With this kernel, all particles move identically.");
    const x1 = Math.max(2, Math.ceil(Math.log10(Math.max(steps, 1)))), end = 10 ** x1;
    const y = [Math.floor(Math.log10(one)), Math.ceil(Math.log10(one * Math.sqrt(end)))];
    const points = trail.filter(([t]) => t <= 20 || t === steps || t % 10 ** Math.floor(Math.log10(t / 2)) === 0);
    const lines = [{ kind: "line", ends: [[1, one], [end, one * Math.sqrt(end)]] }];
    Plot.draw(at("distance-plot"), { x: "steps", y: "rms distance, pixels", lines, points, range: { x: [0, x1], y } });
    at("distance-plot").setAttribute("aria-label",
      `Distance against steps: predicted ${Draw.short(one)} times the square root of the steps; after ${steps}, ${distance().toFixed(2)}`);
  }

  /** Draw particles as dots that glide from pixel to pixel; particles that cross an edge jump. */
  function dots(pixels, before) {
    cancelAnimationFrame(frame);
    const canvas = at("dots"), { height, width } = setting.picture;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    const context = canvas.getContext("2d"), cell = canvas.width / width;
    const style = getComputedStyle(document.documentElement);
    const radius = (pixels.length > 100 ? 1.7 : 4) * devicePixelRatio, start = performance.now();
    const glide = before && Draw.moves() ? 200 : 0;
    const paint = (now) => {
      const part = glide ? Math.min(Math.max((now - start) / glide, 0), 1) : 1;
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = style.getPropertyValue("--less");
      pixels.forEach((pixel, i) => {
        let x = pixel % width, y = Math.floor(pixel / width);
        if (part < 1) {
          const x0 = before[i] % width, y0 = Math.floor(before[i] / width);
          if (Math.abs(x - x0) <= 1 && Math.abs(y - y0) <= 1) {
            x = x0 + part * (x - x0);
            y = y0 + part * (y - y0);
          }
        }
        context.beginPath();
        context.arc((x + 0.5) * cell, ((y + 0.5) * canvas.height) / height, radius, 0, 2 * Math.PI);
        context.fill();
      });
      if (part < 1) frame = requestAnimationFrame(paint);
    };
    paint(start);
  }

  /** Stop running. */
  function pause() {
    clearInterval(timer);
    timer = null;
    at("run").setAttribute("aria-pressed", "false");
    at("run").textContent = "Run";
  }

  /** Start or stop running. */
  function toggle() {
    if (timer !== null) {
      pause();
      return say(show());
    }
    timer = setInterval(step, 280);
    at("run").setAttribute("aria-pressed", "true");
    at("run").textContent = "Pause";
    say("Running.");
    step();
  }

  /** Set the status line of the page, and what to call when its state has changed. */
  function connect(status, observer) {
    say = status;
    changed = observer;
  }

  return {
    connect, takes, set, restart, release, step, toggle, pause, show, verdict,
    state: () => ({ ...setting, number, particles, steps, trail }),
  };
})();
