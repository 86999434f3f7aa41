"use strict";
// One pixel and its eight neighbours, enlarged, and how often shots picked each of them.

const Zoom = (() => {
  const SIDE = 82;
  let moving = null;

  /** Return the middle of the cell that kernel position j reads; convolution flips the kernel. */
  function middle(j) {
    const { row, column } = Maths.offset(j);
    return { x: (column + 1.5) * SIDE, y: (row + 1.5) * SIDE };
  }

  /** Describe in words the cell that a kernel position reads. */
  function direction(j) {
    const { row, column } = Maths.offset(j);
    const down = { "-1": "above", 0: "", 1: "below" }[row], right = { "-1": "left", 0: "", 1: "right" }[column];
    return [down, right].filter(Boolean).join(" ") || "centre";
  }

  /** Draw the nine cells, with discs of area p and counts below them; `last` is the position of the last shot. */
  function show(element, { picture, pixel, propagator, counts, last }) {
    moving?.cancel();
    element.replaceChildren();
    const row = Math.floor(pixel / picture.width), column = pixel % picture.width;
    const largest = Math.max(...propagator.p), said = [];
    for (let j = 0; j < 9; j++) {
      const shift = Maths.offset(j), { x, y } = middle(j);
      const level = picture.data[
        Maths.mirrored(row + shift.row, picture.height) * picture.width +
        Maths.mirrored(column + shift.column, picture.width)];
      const ink = level > 140 ? "#101418" : "#ffffff";
      Draw.svg(element, "rect", {
        x: x - SIDE / 2, y: y - SIDE / 2, width: SIDE, height: SIDE,
        fill: `rgb(${level}, ${level}, ${level})`, stroke: "rgb(128 128 128 / 45%)",
      });
      Draw.svg(element, "text", { x: x - SIDE / 2 + 6, y: y - SIDE / 2 + 15, fill: ink, "font-size": 12, opacity: 0.8 }, Math.round(level));
      const radius = 21 * Math.sqrt(propagator.p[j] / largest);
      if (radius > 0) {
        Draw.svg(element, "circle", {
          cx: x, cy: y, r: radius, class: propagator.w[j] < 0 ? "negative-fill" : "positive-fill",
          "fill-opacity": j === last ? 1 : 0.55, stroke: ink, "stroke-width": j === last ? 2.5 : 0.8,
        });
      }
      const count = counts(j);
      if (propagator.p[j] > 0) said.push(`${direction(j)}: level ${Math.round(level)}, probability ${Draw.short(propagator.p[j])}, shots ${Draw.whole(count)}`);
      if (count > 0) {
        Draw.svg(element, "text", {
          x, y: y + SIDE / 2 - 6, fill: ink, "font-size": 12.5, "font-weight": 600, "text-anchor": "middle",
        }, count < 1e5 ? Draw.whole(count) : Draw.short(count));
      }
    }
    element.setAttribute("aria-label", `Row ${row}, column ${column}; ${said.join("; ")}`);
  }

  /** Animate a particle from the centre to the cell that position j reads. */
  function drop(element, j) {
    if (!Draw.moves()) return;
    const to = middle(j), from = middle(Maths.CENTRE);
    const particle = Draw.svg(element, "circle", { cx: 0, cy: 0, r: 9, fill: "#ffffff", stroke: "#101418", "stroke-width": 2 });
    moving = particle.animate(
      [{ transform: `translate(${from.x}px, ${from.y}px)` }, { transform: `translate(${to.x}px, ${to.y}px)` }],
      { duration: 260, easing: "ease-out", fill: "both" });
    moving.onfinish = () => particle.remove();
    moving.oncancel = () => particle.remove();
  }

  return { show, drop, direction };
})();
