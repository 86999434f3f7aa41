"use strict";
// The mathematics of the page. It follows the library: qconv.Propagator.from_kernel, the method Collapse
// with mode "same" and boundary "symm", and particles that diffuse with boundary "wrap". These functions
// do not access the page. Kernels are arrays of 9 or 25 numbers, row by row; pictures are
// { height, width, data }, row by row. tests/browser compares the functions with the library.

const Maths = (() => {
  /** Return the number of rows and of columns of a kernel. */
  const side = (kernel) => Math.sqrt(kernel.length);

  /** Return the position at the centre of a kernel. */
  const centre = (kernel) => (kernel.length - 1) / 2;

  /** Create a small, fast generator of 32-bit numbers (sfc32), seeded by one number. */
  function generator(seed) {
    let s = seed >>> 0;
    const mix = () => {
      s = (s + 0x9e3779b9) >>> 0;
      let t = s ^ (s >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) | 0;
    };
    let a = mix(), b = mix(), c = mix(), d = 1;
    const next = () => {
      const t = (((a + b) | 0) + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + t | 0;
      return t >>> 0;
    };
    for (let i = 0; i < 12; i++) next();
    /** Return a number in [0, 1) with 53 random bits. */
    const uniform = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
    return { next, uniform };
  }

  /** Split a kernel into probabilities and weights: S = sum |k|, p = |k| / S, w = S sign(k). */
  function propagator(kernel) {
    const largest = Math.max(...kernel.map(Math.abs));
    if (!(largest > 0 && Number.isFinite(largest))) {
      throw new RangeError("kernel: expected finite numbers, at least one of them other than 0");
    }
    const relative = kernel.map((k) => Math.abs(k) / largest);
    const sum = relative.reduce((a, b) => a + b, 0);
    const total = largest * sum;
    return { p: relative.map((r) => r / sum), w: kernel.map((k) => total * Math.sign(k)), total };
  }

  /** Return the encoded propagator: with a baseline, conditional on leaving the centre. */
  function encoded(kernel, baseline) {
    const whole = propagator(kernel), middle = centre(kernel);
    if (!baseline || whole.p[middle] === 0 || whole.p[middle] === 1) return whole;
    const p = whole.p.slice();
    p[middle] = 0;
    const remaining = p.reduce((a, b) => a + b, 0);
    return {
      p: p.map((x) => x / remaining),
      w: whole.w.map((x) => x * remaining),
      total: whole.total * remaining,
    };
  }

  /** Return the offset from a pixel to the pixel that kernel position j reads; convolution flips the kernel. */
  function offset(j, side) {
    const reach = (side - 1) / 2;
    return { row: reach - Math.floor(j / side), column: reach - (j % side) };
  }

  /** Mirror an index at half a pixel beyond the edge ("symm"). */
  function mirrored(i, length) {
    const turn = ((i % (2 * length)) + 2 * length) % (2 * length);
    return turn < length ? turn : 2 * length - 1 - turn;
  }

  /** Wrap an index around the edge ("wrap"). */
  function wrapped(i, length) {
    return ((i % length) + length) % length;
  }

  /** Return the grey level that every pixel reads at kernel position j. */
  function seen(picture, j, side, rule) {
    const { height, width, data } = picture;
    const shift = offset(j, side);
    const columns = Int32Array.from({ length: width }, (_, x) => rule(x + shift.column, width));
    const out = new Float64Array(height * width);
    for (let y = 0, i = 0; y < height; y++) {
      const row = rule(y + shift.row, height) * width;
      for (let x = 0; x < width; x++, i++) out[i] = data[row + columns[x]];
    }
    return out;
  }

  /** Compute the exact convolution, mode "same". */
  function convolve(picture, kernel, rule = mirrored) {
    const out = new Float64Array(picture.height * picture.width);
    kernel.forEach((k, j) => {
      if (k === 0) return;
      const view = seen(picture, j, side(kernel), rule);
      for (let i = 0; i < out.length; i++) out[i] += k * view[i];
    });
    return out;
  }

  /**
   * Compute the samples s_j(x) of all positions with positive probability, most probable first.
   *
   * Samples are stored as deviations from the first position's sample, so that a uniform window is exact
   * and its variance exactly 0. `known` is the term that a baseline adds without sampling.
   */
  function windows(picture, kernel, baseline) {
    const { p, w } = encoded(kernel, baseline);
    const positions = p.map((_, j) => j).filter((j) => p[j] > 0).sort((a, b) => p[b] - p[a] || a - b);
    const pixels = picture.height * picture.width;
    const sample = (j) => {
      const out = seen(picture, j, side(kernel), mirrored);
      for (let i = 0; i < pixels; i++) {
        out[i] = baseline ? w[j] * (out[i] - picture.data[i]) : w[j] * out[i];
      }
      return out;
    };
    const first = sample(positions[0]);
    const deviations = positions.slice(1).map((j) => {
      const out = sample(j);
      for (let i = 0; i < pixels; i++) out[i] -= first[i];
      return out;
    });
    const sum = kernel.reduce((a, b) => a + b, 0);
    const known = Float64Array.from({ length: pixels }, (_, i) => (baseline ? sum * picture.data[i] : 0));
    return {
      pixels, positions, first, deviations, known,
      p: positions.map((j) => p[j]),
      w: positions.map((j) => w[j]),
    };
  }

  /** Compute the standard deviation of one sample at every pixel: v = sum q s^2 - (sum q s)^2. */
  function deviation(windows) {
    const out = new Float64Array(windows.pixels);
    for (let i = 0; i < out.length; i++) {
      let mean = 0, square = 0;
      for (let j = 0; j < windows.deviations.length; j++) {
        const d = windows.deviations[j][i];
        const scaled = d * windows.p[j + 1];
        mean += scaled;
        square += d * scaled;
      }
      out[i] = Math.sqrt(Math.max(square - mean * mean, 0));
    }
    return out;
  }

  /** Estimate one pixel from its counts, which have the stride `pixels`; NaN without shots. */
  function estimate(windows, counts, shots, i) {
    if (shots === 0) return NaN;
    let total = 0;
    for (let j = 0; j < windows.deviations.length; j++) {
      total += (counts[(j + 1) * windows.pixels + i] / shots) * windows.deviations[j][i];
    }
    return total + windows.first[i] + windows.known[i];
  }

  const TAIL = [
    0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.0207906721037650,
    0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
    0.0092554621827127, 0.0083305634333631,
  ];

  /** Return log k! minus Stirling's formula. */
  function tail(k) {
    if (k < TAIL.length) return TAIL[k];
    const square = (k + 1) * (k + 1);
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1);
  }

  /** Draw a binomial count by inversion, for small n p. */
  function binomialByInversion(random, n, p) {
    const ratio = p / (1 - p), start = Math.exp(n * Math.log1p(-p));
    for (;;) {
      let u = random.uniform(), f = start;
      for (let k = 0; k <= n && k < 200; k++) {
        if (u < f) return k;
        u -= f;
        f *= ((n - k) / (k + 1)) * ratio;
      }
    }
  }

  /** Draw a binomial count by transformed rejection (BTRS, Hoermann 1993), exactly, for n p >= 10 and p <= 1/2. */
  function binomialByRejection(random, n, p) {
    const sigma = Math.sqrt(n * p * (1 - p));
    const b = 1.15 + 2.53 * sigma, a = -0.0873 + 0.0248 * b + 0.01 * p;
    const c = n * p + 0.5, quick = 0.92 - 4.2 / b, ratio = p / (1 - p);
    const alpha = (2.83 + 5.1 / b) * sigma, mode = Math.floor((n + 1) * p);
    for (;;) {
      const u = random.uniform() - 0.5, v = random.uniform();
      const us = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / us + b) * u + c);
      if (us >= 0.07 && v <= quick) return k;
      if (k < 0 || k > n) continue;
      const bound =
        (mode + 0.5) * Math.log((mode + 1) / (ratio * (n - mode + 1))) +
        (n + 1) * Math.log((n - mode + 1) / (n - k + 1)) +
        (k + 0.5) * Math.log((ratio * (n - k + 1)) / (k + 1)) +
        tail(mode) + tail(n - mode) - tail(k) - tail(n - k);
      if (Math.log((v * alpha) / (a / (us * us) + b)) <= bound) return k;
    }
  }

  /** Draw the number of successes in n trials with probability p. */
  function binomial(random, n, p) {
    if (n === 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(random, n, 1 - p);
    return n * p < 10 ? binomialByInversion(random, n, p) : binomialByRejection(random, n, p);
  }

  /** Draw one index from the probabilities p. */
  function draw(random, p) {
    let u = random.uniform();
    const last = p.length - 1;
    for (let j = 0; j < last; j++) {
      if (u < p[j]) return j;
      u -= p[j];
    }
    return last;
  }

  /** Add n shots with probabilities p to counts[start], counts[start + stride] and so on. */
  function addShots(random, p, n, counts, start, stride) {
    if (n < 12) {
      for (let s = 0; s < n; s++) counts[start + draw(random, p) * stride]++;
      return;
    }
    let left = n, rest = 1;
    for (let j = 0; j < p.length - 1 && left > 0; j++) {
      const count = binomial(random, left, Math.min(p[j] / rest, 1));
      counts[start + j * stride] += count;
      left -= count;
      rest -= p[j];
    }
    counts[start + (p.length - 1) * stride] += left;
  }

  /** Build Walker's alias table, which draws from many probabilities in constant time. */
  function aliasTable(weights) {
    const n = weights.length, sum = weights.reduce((a, b) => a + b, 0);
    const chance = Float64Array.from(weights, (x) => (x * n) / sum);
    const alias = Int32Array.from(chance, (_, i) => i);
    const small = [], large = [];
    chance.forEach((x, i) => (x < 1 ? small : large).push(i));
    while (small.length && large.length) {
      const s = small.pop(), l = large.pop();
      alias[s] = l;
      chance[l] -= 1 - chance[s];
      (chance[l] < 1 ? small : large).push(l);
    }
    for (const i of [...small, ...large]) chance[i] = 1;
    /** Draw once; one 53-bit number chooses both the column and the side. */
    return (random) => {
      const u = random.uniform() * n, i = Math.floor(u);
      return u - i < chance[i] ? i : alias[i];
    };
  }

  /** Place particles at pixels with probability proportional to brightness. */
  function scatter(random, picture, number) {
    const at = aliasTable(picture.data);
    const pixel = new Int32Array(number);
    for (let i = 0; i < number; i++) pixel[i] = at(random);
    return { pixel, down: new Int16Array(number), right: new Int16Array(number) };
  }

  /** Move every particle once, on a torus: kernel position j displaces it by j minus the centre. */
  function move(random, particles, kernel, height, width) {
    const at = aliasTable(propagator(kernel).p), wide = side(kernel), reach = (wide - 1) / 2;
    /** Tabulate the wrapped index after each displacement, in units of `unit`. */
    const table = (length, unit) => Array.from({ length: wide }, (_, k) =>
      Int32Array.from({ length }, (_, i) => wrapped(i + k - reach, length) * unit));
    const rows = table(height, width), columns = table(width, 1), { pixel } = particles;
    for (let i = 0; i < pixel.length; i++) {
      const j = at(random), down = Math.floor(j / wide), right = j % wide;
      const y = Math.floor(pixel[i] / width);
      pixel[i] = rows[down][y] + columns[right][pixel[i] - y * width];
      particles.down[i] += down - reach;
      particles.right[i] += right - reach;
    }
  }

  /** Compute the mean and the variance of the displacement in one step; the variance sums both axes. */
  function stepMoments(kernel) {
    const { p } = propagator(kernel), wide = side(kernel), reach = (wide - 1) / 2;
    let down = 0, right = 0, square = 0;
    p.forEach((chance, j) => {
      const dy = Math.floor(j / wide) - reach, dx = (j % wide) - reach;
      down += chance * dy;
      right += chance * dx;
      square += chance * (dy * dy + dx * dx);
    });
    return { down, right, variance: square - down * down - right * right };
  }

  return {
    side, centre, generator, propagator, encoded, offset, mirrored, wrapped, convolve, windows, deviation,
    estimate, binomial, draw, addShots, aliasTable, scatter, move, stepMoments,
  };
})();
