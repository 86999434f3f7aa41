"use strict";
// A plot with two logarithmic axes, drawn at its size on the screen.

const Plot = (() => {
  const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

  /** Format a power of ten as the label of a tick. */
  function tick(power) {
    if (power >= -2 && power <= 3) return power < 0 ? (10 ** power).toFixed(-power) : Draw.whole(10 ** power);
    return "10" + [...String(power)].map((c) => SUPERSCRIPTS[c]).join("");
  }

  /**
   * Draw points and straight lines.
   *
   * `lines` and `points` hold [x, y] pairs; `x` and `y` are the labels of the axes; `range` holds the first
   * and the last power of ten of each axis.
   */
  function draw(element, { x, y, lines, points, range }) {
    const width = element.clientWidth || 380, height = element.clientHeight || 250;
    const box = { left: 50, right: width - 10, top: 22, bottom: height - 38 };
    element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    element.replaceChildren();
    const [x0, x1] = range.x, [y0, y1] = range.y;
    const across = (v) => box.left + ((Math.log10(v) - x0) / (x1 - x0)) * (box.right - box.left);
    const up = (v) => box.bottom - ((Math.log10(v) - y0) / (y1 - y0)) * (box.bottom - box.top);
    for (let power = x0; power <= x1; power++) {
      const at = across(10 ** power);
      Draw.svg(element, "line", { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "grid-line" });
      Draw.svg(element, "text", { x: at, y: box.bottom + 16, "text-anchor": "middle" }, tick(power));
    }
    const every = Math.ceil((y1 - y0) / 7);
    for (let power = y0; power <= y1; power += every) {
      const at = up(10 ** power);
      Draw.svg(element, "line", { x1: box.left, x2: box.right, y1: at, y2: at, class: "grid-line" });
      Draw.svg(element, "text", { x: box.left - 7, y: at + 4, "text-anchor": "end" }, tick(power));
    }
    Draw.svg(element, "text", { x: (box.left + box.right) / 2, y: height - 4, "text-anchor": "middle" }, x);
    Draw.svg(element, "text", { x: 0, y: 10 }, y);
    for (const { kind, ends } of lines) {
      const path = ends.map(([a, b]) => `${across(a)},${up(b)}`).join(" ");
      Draw.svg(element, "polyline", { points: path, class: kind });
    }
    for (const [a, b] of points) {
      if (a > 0 && b > 0) Draw.svg(element, "circle", { cx: across(a), cy: up(Math.max(b, 10 ** y0)), r: 4.5 });
    }
  }

  /** Show a text instead of a plot. */
  function say(element, text) {
    element.replaceChildren();
    element.setAttribute("viewBox", `0 0 ${element.clientWidth || 380} ${element.clientHeight || 250}`);
    Draw.svg(element, "text", { x: "50%", y: "50%", "text-anchor": "middle" }, text);
  }

  return { draw, say };
})();
