"use strict";
// One pixel and its neighbours, enlarged, and how often shots picked each of them.

const Zoom = (() => {
  const WIDTH = 246; // of the drawing, in its own units
  let moving = null;

  /** Return the middle of the cell that kernel position j reads; convolution flips the kernel. */
  function middle(j, side) {
    const { row, column } = Maths.offset(j, side), cell = WIDTH / side;
    return { x: (column + side / 2) * cell, y: (row + side / 2) * cell };
  }

  /** Describe in words the cell that a kernel position reads. */
  function direction(j, side) {
    const { row, column } = Maths.offset(j, side);
    const far = (steps, back, forth) =>
      steps === 0 ? "" : `${Math.abs(steps) > 1 ? `${Math.abs(steps)} ` : ""}${steps < 0 ? back : forth}`;
    return [far(row, "above", "below"), far(column, "left", "right")].filter(Boolean).join(" ") || "centre";
  }

  /** Draw one cell per kernel position, with discs of area p and counts below them; `last` is the position of the last shot. */
  function show(element, { picture, pixel, propagator, counts, last }) {
    moving?.cancel();
    element.replaceChildren();
    const row = Math.floor(pixel / picture.width), column = pixel % picture.width;
    const side = Maths.side(propagator.p), cell = WIDTH / side, small = side > 3;
    const largest = Math.max(...propagator.p), said = [];
    for (let j = 0; j < propagator.p.length; j++) {
      const shift = Maths.offset(j, side), { x, y } = middle(j, side);
      const level = picture.data[
        Maths.mirrored(row + shift.row, picture.height) * picture.width +
        Maths.mirrored(column + shift.column, picture.width)];
      const ink = level > 140 ? "#101418" : "#ffffff";
      Draw.svg(element, "rect", {
        x: x - cell / 2, y: y - cell / 2, width: cell, height: cell,
        fill: `rgb(${level}, ${level}, ${level})`, stroke: "rgb(128 128 128 / 45%)",
      });
      if (!small) {
        Draw.svg(element, "text", { x: x - cell / 2 + 6, y: y - cell / 2 + 15, fill: ink, "font-size": 12, opacity: 0.8 }, Math.round(level));
      }
      const radius = (small ? 15 : 21) * Math.sqrt(propagator.p[j] / largest);
      if (radius > 0) {
        Draw.svg(element, "circle", {
          cx: x, cy: y, r: radius, class: propagator.w[j] < 0 ? "negative-fill" : "positive-fill",
          "fill-opacity": j === last ? 1 : 0.55, stroke: ink, "stroke-width": j === last ? 2.5 : 0.8,
        });
      }
      const count = counts(j);
      if (propagator.p[j] > 0) said.push(`${direction(j, side)}: level ${Math.round(level)}, probability ${Draw.short(propagator.p[j])}, shots ${Draw.whole(count)}`);
      if (count > 0) {
        Draw.svg(element, "text", {
          x, y: y + cell / 2 - (small ? 3 : 6), fill: ink, "font-size": small ? 11 : 12.5, "font-weight": 600, "text-anchor": "middle",
        }, count < (small ? 1e4 : 1e5) ? Draw.whole(count) : Draw.short(count, small ? 1 : 3));
      }
    }
    element.setAttribute("aria-label", `Row ${row}, column ${column}; ${said.join("; ")}`);
  }

  /** Animate a particle from the centre to the cell that position j reads. */
  function drop(element, j, side) {
    if (!Draw.moves()) return;
    const to = middle(j, side), from = { x: WIDTH / 2, y: WIDTH / 2 };
    const particle = Draw.svg(element, "circle", { cx: 0, cy: 0, r: 9, fill: "#ffffff", stroke: "#101418", "stroke-width": 2 });
    moving = particle.animate(
      [{ transform: `translate(${from.x}px, ${from.y}px)` }, { transform: `translate(${to.x}px, ${to.y}px)` }],
      { duration: 260, easing: "ease-out", fill: "both" });
    moving.onfinish = () => particle.remove();
    moving.oncancel = () => particle.remove();
  }

  return { show, drop, direction };
})();
