"use strict";
// The mode Collapse: shots at every pixel, or one shot at one pixel, and the estimates from them.

const Collapse = (() => {
  const at = (id) => document.getElementById(id);
  let setting = null; // picture, kernel, baseline, propagator, windows, deviation, exact, scale, rms, otherRms
  let counts, shots, trail, next, pixel = null; // `trail`: shots and errors, the next no earlier than at `next` shots
  let events, lasts; // what was added, in order, as Address writes it; the position of the last single shot, by pixel
  let run = 0, queue = Promise.resolve(); // `run` counts how often the shots were removed
  let random = null, say = () => {}, changed = () => {};

  const rms = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

  /** Set the picture, the kernel and the baseline, and remove all shots. */
  function set(picture, kernel, baseline, seed) {
    const windows = Maths.windows(picture, kernel, baseline);
    const deviation = Maths.deviation(windows), exact = Maths.convolve(picture, kernel);
    setting = {
      picture, kernel, baseline, windows, deviation, exact,
      propagator: Maths.encoded(kernel, baseline),
      scale: Draw.greyScale(exact, kernel),
      rms: rms(deviation),
      otherRms: rms(Maths.deviation(Maths.windows(picture, kernel, !baseline))),
    };
    const { height, width } = picture;
    if (pixel === null || pixel.of !== picture) {
      pixel = { of: picture, index: Math.floor(0.36 * height) * width + Math.floor(0.43 * width) };
    }
    clear(seed);
  }

  /** Remove all shots; the next ones are those of the seed. */
  function clear(seed) {
    run++;
    random = Maths.generator(seed);
    events = [];
    counts = new Float64Array(setting.windows.positions.length * setting.windows.pixels);
    shots = new Float64Array(setting.windows.pixels);
    trail = [];
    next = 0;
    lasts = new Map();
  }

  /** Compute estimates, errors and coverage from the shots so far. */
  function verdict() {
    const { windows, deviation, exact, scale } = setting;
    const estimate = new Float64Array(windows.pixels), difference = new Float64Array(windows.pixels);
    const rounding = 1e-9 * Math.max(Math.abs(scale.black), Math.abs(scale.white));
    let seen = 0, held = 0, square = 0, variance = 0, total = 0;
    for (let i = 0; i < windows.pixels; i++) {
      estimate[i] = Maths.estimate(windows, counts, shots[i], i);
      difference[i] = estimate[i] - exact[i];
      if (shots[i] === 0) continue;
      const error = deviation[i] / Math.sqrt(shots[i]);
      seen++;
      total += shots[i];
      square += difference[i] ** 2;
      variance += error * error;
      if (Math.abs(difference[i]) <= 1.959963984540054 * error + rounding) held++;
    }
    return {
      estimate, difference, seen, held, total,
      rmse: Math.sqrt(square / seen), predicted: Math.sqrt(variance / seen),
    };
  }

  /** Show the pictures, the numbers and the plot. */
  function show(found = verdict()) {
    const { picture, exact, scale, windows } = setting;
    Draw.greys(at("measured"), picture, found.estimate, scale);
    Draw.greys(at("exact"), picture, exact, scale);
    Draw.signed(at("difference"), picture, found.difference, (scale.white - scale.black) / 2);
    at("measured-empty").hidden = found.seen > 0;
    at("measured-note").textContent = `black is ${Draw.short(scale.black)}, white is ${Draw.short(scale.white)}`;
    const most = shots.reduce((a, b) => Math.max(a, b), 0), least = shots.reduce((a, b) => Math.min(a, b));
    at("shots").textContent = Draw.whole(least);
    at("executions").textContent = `${Draw.whole(found.total)} executions`;
    at("rmse").textContent = found.seen ? Draw.even(found.rmse) : "–";
    at("predicted").textContent = found.seen ? Draw.even(found.predicted) : "–";
    at("held").textContent = found.seen ? `${((100 * found.held) / found.seen).toFixed(1)} %` : "–";
    at("held-note").textContent = found.seen
      ? `${Draw.whole(found.held)} of ${Draw.whole(found.seen)} contain the exact value` : "that contain the exact value";
    showPlot(most, least, found.rmse);
    showPixel();
    const executions = Draw.whole(found.total);
    return found.seen < windows.pixels
      ? `${executions} shots, at ${Draw.whole(found.seen)} of ${Draw.whole(windows.pixels)} pixels.`
      : `${at("shots").textContent} ${most === 1 ? "shot" : "shots"} per pixel: error ${Draw.short(found.rmse)} grey levels, ` +
        `predicted ${Draw.short(found.predicted)}. ${at("held").textContent} of the 95 % intervals contain the exact value.`;
  }

  /** Plot the error against the shots, with the line that the standard errors predict. */
  function showPlot(most, least, rmse) {
    const { rms: own, otherRms: other, baseline } = setting;
    const x1 = Math.max(6, Math.ceil(Math.log10(Math.max(most / 1.3, 1)))), end = 10 ** x1;
    at("other-key").hidden = other === 0;
    at("plot").nextElementSibling.hidden = own === 0;
    at("other-name").textContent = baseline ? "predicted without baseline" : "predicted with baseline";
    if (own === 0) return Plot.say(at("plot"), "No randomness: every shot is exact.");
    const sizes = [own, own / Math.sqrt(end), ...(other > 0 ? [other, other / Math.sqrt(end)] : [])];
    const y = [Math.floor(Math.log10(Math.min(...sizes))), Math.ceil(Math.log10(Math.max(...sizes) * 1.2))];
    const latest = trail.length > 0 ? trail[trail.length - 1][0] : 0;
    const points = least > latest ? [...trail, [least, rmse]] : trail;
    const line = (kind, size) => ({ kind, ends: [[1, size], [end, size / Math.sqrt(end)]] });
    const lines = [...(other > 0 ? [line("dashes", other)] : []), line("line", own)];
    Plot.draw(at("plot"), { x: "shots per pixel", y: "RMSE, grey levels", lines, points, range: { x: [0, x1], y } });
    const said = points.map(([n, e]) => `${Draw.short(e)} at ${Draw.whole(n)}`).join(", ");
    at("plot").setAttribute("aria-label", `Error against shots per pixel: ${said || "no shots yet"}; predicted ${Draw.short(own)} divided by the square root of the shots`);
  }

  /** Show the chosen pixel: its position and its shots. */
  function showPixel() {
    const { picture, propagator, windows, deviation, exact } = setting, i = pixel.index;
    const row = Math.floor(i / picture.width), column = i % picture.width;
    const count = (j) => {
      const place = windows.positions.indexOf(j);
      return place < 0 ? 0 : counts[place * windows.pixels + i];
    };
    const last = lasts.get(i);
    Zoom.show(at("zoom"), { picture, pixel: i, propagator, counts: count, last });
    at("marker").style.left = `${(100 * (column + 0.5)) / picture.width}%`;
    at("marker").style.top = `${(100 * (row + 0.5)) / picture.height}%`;
    at("at-row").textContent = row;
    at("at-column").textContent = column;
    at("pixel-shots").textContent = `${Draw.whole(shots[i])} ${shots[i] === 1 ? "shot" : "shots"}`;
    const mean = Maths.estimate(windows, counts, shots[i], i);
    const error = deviation[i] / Math.sqrt(shots[i]);
    at("pixel-mean").textContent = shots[i] ? `${Draw.short(mean, 4)} ± ${Draw.short(error, 2)}` : "–";
    at("pixel-error").textContent = shots[i]
      ? `±${Draw.short(error, 2)} is the standard error: the standard deviation of one shot, ${Draw.short(deviation[i])}, divided by √${Draw.whole(shots[i])}.`
      : `The standard deviation of one shot is ${Draw.short(deviation[i])}.`;
    at("pixel-exact").textContent = Draw.short(exact[i], 4);
    at("last-shot").hidden = last === undefined;
    at("last").textContent = last === undefined ? "" : sample(last, i).said;
  }

  /** Describe the shot that picks position j at pixel i: the neighbour, its grey level, and the sample. */
  function sample(j, i) {
    const { windows, picture, kernel, baseline } = setting, { height, width, data } = picture;
    const side = Maths.side(kernel), shift = Maths.offset(j, side), row = Math.floor(i / width), column = i % width;
    const level = Math.round(data[
      Maths.mirrored(row + shift.row, height) * width + Maths.mirrored(column + shift.column, width)]);
    const weight = Draw.short(windows.w[windows.positions.indexOf(j)]), neighbour = Zoom.direction(j, side);
    const product = baseline ? `${weight} × (${level} − ${Math.round(data[i])})` : `${weight} × ${level}`;
    return { neighbour, level, product, said: `${neighbour}: ${product}` };
  }

  /** Add one shot at a pixel. */
  function dropAt(i) {
    const { windows, picture } = setting, place = Maths.draw(random, windows.p);
    counts[place * windows.pixels + i]++;
    shots[i]++;
    lasts.set(i, windows.positions[place]);
    note({ row: Math.floor(i / picture.width), column: i % picture.width, times: 1 });
  }

  /** Record what was added; repetitions are counted. */
  function note(event) {
    const before = events[events.length - 1];
    const same = before && ["n", "row", "column"].every((key) => before[key] === event[key]);
    if (same) before.times += event.times;
    else events.push({ ...event });
  }

  /** Add one shot at the chosen pixel, after any shots that are still being added. */
  function dropOne() {
    const mine = run;
    queue = queue.then(() => mine === run && dropNow());
    return queue;
  }

  /** Add one shot at the chosen pixel, and show it. */
  function dropNow() {
    const i = pixel.index, { row, column } = where();
    dropAt(i);
    show();
    changed();
    const { neighbour, level, product } = sample(lasts.get(i), i);
    Zoom.drop(at("zoom"), lasts.get(i), Maths.side(setting.kernel));
    say(`Row ${row}, column ${column}. Picked: ${neighbour}, level ${level}. Sample: ${product}. ` +
      `${at("pixel-shots").textContent}, mean ${at("pixel-mean").textContent}, exact ${at("pixel-exact").textContent}.`);
  }

  /** Choose a pixel. */
  function choose(row, column) {
    const { height, width } = setting.picture;
    row = Math.min(Math.max(row, 0), height - 1);
    column = Math.min(Math.max(column, 0), width - 1);
    pixel.index = row * width + column;
    showPixel();
    changed();
    say(`Row ${row}, column ${column}, grey level ${Math.round(setting.picture.data[pixel.index])}.`);
  }

  const where = () => ({
    row: Math.floor(pixel.index / setting.picture.width), column: pixel.index % setting.picture.width,
  });

  /** List the numbers of shots at which to update the page: 1, 2, 5, 10 and so on, and the last. */
  function looks(from, to) {
    const found = [];
    for (let power = 1; power < to; power *= 10) {
      for (const n of [power, 2 * power, 5 * power]) if (n > from && n < to) found.push(n);
    }
    return [...found, to];
  }

  /** Add n shots at every pixel, after any shots that are still being added. */
  function add(n) {
    const mine = run;
    queue = queue.then(() => (mine === run ? addNow(n, mine) : undefined));
    return queue;
  }

  /**
   * Add n shots at every pixel, in portions.
   *
   * Call `seen` after each, with the verdict if there is one already, and stop if it returns false. Shots that follow
   * one by one would cover the plotted line, so that only some of their errors are kept.
   */
  async function portions(n, seen) {
    const { windows } = setting, from = shots.reduce((a, b) => Math.min(a, b));
    let done = 0;
    for (const look of looks(from, from + n)) {
      const more = look - from - done;
      for (let i = 0; i < windows.pixels; i++) {
        Maths.addShots(random, windows.p, more, counts, i, windows.pixels);
        shots[i] += more;
      }
      done += more;
      const found = look >= next ? verdict() : undefined;
      if (found) {
        trail.push([look, found.rmse]);
        next = 1.25 * look;
      }
      if (done === n) note({ n, times: 1 });
      if (!(await seen(found, done === n))) return;
    }
  }

  /** Add n shots at every pixel with updates in between; stop if the shots are removed meanwhile. */
  async function addNow(n, mine) {
    let said = "";
    await portions(n, async (found, complete) => {
      if (complete || Draw.moves()) said = show(found);
      await new Promise((resume) => requestAnimationFrame(resume));
      return mine === run;
    });
    if (mine !== run) return;
    changed();
    say(said);
  }

  /** Add shots again as an address describes them, in the same order, and show the result. */
  function replay(given) {
    const mine = run, { height, width } = setting.picture;
    queue = queue.then(async () => {
      let since = performance.now();
      for (const { n, row, column, times } of given) {
        for (let t = 0; t < times; t++) {
          if (performance.now() - since > 100) {
            await new Promise((resume) => setTimeout(resume)); // for the rest of the page
            since = performance.now();
          }
          if (mine !== run) return;
          if (n) await portions(n, () => mine === run);
          else if (row < height && column < width) dropAt(row * width + column);
        }
      }
      if (mine !== run) return;
      const said = show();
      say(shots.some((n) => n > 0) ? said : "No shots yet.");
      changed();
    });
    return queue;
  }

  /** Set the status line of the page, and what to call when its state has changed. */
  function connect(status, observer) {
    say = status;
    changed = observer;
  }

  return {
    idle: () => queue, connect, set, clear, show, add, replay, dropOne, choose, where, verdict,
    setting: () => setting, events: () => events, shots: () => shots.reduce((a, b) => Math.min(a, b)),
  };
})();
