"use strict";
// Drawing: pictures on canvases, SVG elements, and numbers as text.

const Draw = (() => {
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");

  /** Return whether animations are allowed. */
  const moves = () => !reduced.matches;

  /** Return a colour of the style sheet as [red, green, blue]. */
  function colour(name) {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }

  /** Paint a picture on a canvas; `shade(i)` returns [red, green, blue] of pixel i. */
  function paint(canvas, height, width, shade) {
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    for (let i = 0; i < height * width; i++) {
      const [r, g, b] = shade(i);
      image.data[4 * i] = r;
      image.data[4 * i + 1] = g;
      image.data[4 * i + 2] = b;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  /** Show numbers as grey levels between black and white, and NaN in the colour of a hole. */
  function greys(canvas, { height, width }, values, { black, white }) {
    const hole = colour("--hole"), shades = Array.from({ length: 256 }, (_, g) => [g, g, g]);
    const scale = 255 / (white - black);
    paint(canvas, height, width, (i) => {
      if (Number.isNaN(values[i])) return hole;
      return shades[Math.round(Math.min(Math.max((values[i] - black) * scale, 0), 255))];
    });
  }

  /** Show signed numbers with a diverging colour map: neutral at 0, saturated at plus or minus `reach`. */
  function signed(canvas, { height, width }, values, reach) {
    const zero = colour("--zero"), hole = colour("--hole");
    const ramps = [colour("--less"), colour("--more")].map((full) =>
      Array.from({ length: 256 }, (_, i) => full.map((c, k) => zero[k] + ((c - zero[k]) * i) / 255)));
    paint(canvas, height, width, (i) => {
      if (Number.isNaN(values[i])) return hole;
      const level = Math.round(Math.min(Math.abs(values[i]) / reach, 1) * 255);
      return ramps[values[i] > 0 ? 1 : 0][level];
    });
  }

  /** Choose the grey scale of a convolution in the same way as qconv's figures. */
  function greyScale(exact, kernel) {
    const total = kernel.reduce((a, b) => a + b, 0);
    const size = kernel.reduce((a, b) => a + Math.abs(b), 0);
    if (total > 1e-9 * size) return { black: 0, white: 255 * total };
    const sizes = Float64Array.from(exact, Math.abs).sort();
    const reach = sizes[Math.floor(0.995 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
    return { black: -reach, white: reach };
  }

  /** Create an SVG element with attributes and text, and append it to its parent. */
  function svg(parent, name, attributes = {}, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  /** Format an integer with thousands separators. */
  const whole = (n) => Math.round(n).toLocaleString("en-US");

  /** Format a number with `digits` significant digits, without trailing zeros and with a true minus sign. */
  function short(x, digits = 3) {
    if (Number.isNaN(x)) return "–";
    if (x === 0) return "0";
    const size = Math.abs(x);
    const text =
      size >= 1e6 || size < 1e-4 ? x.toExponential(digits - 1)
      : size >= 10 ** digits ? whole(x)
      : x.toPrecision(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
    return text.replace(/-/g, "−");
  }

  /** Format as `short` does, but keep trailing zeros, so that two numbers are easy to compare. */
  function even(x, digits = 3) {
    if (Number.isNaN(x)) return "–";
    if (x === 0) return "0";
    if (Math.abs(x) >= 10 ** digits) return whole(x);
    return Math.abs(x) < 1e-4 ? x.toExponential(digits - 1).replace(/-/g, "−") : x.toPrecision(digits);
  }

  return { moves, greys, signed, greyScale, svg, whole, short, even };
})();
