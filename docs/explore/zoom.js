"use strict";
// One pixel and its eight neighbours, large: where a shot looks, and how often it looked there.

const Zoom = (() => {
  const SIDE = 82;
  let moving = null;

  /** Middle of the cell that kernel position j looks at; convolution flips the kernel. */
  function middle(j) {
    const { row, column } = Law.offset(j);
    return { x: (column + 1.5) * SIDE, y: (row + 1.5) * SIDE };
  }

  /** Where a kernel position looks, in words. */
  function direction(j) {
    const { row, column } = Law.offset(j);
    const down = { "-1": "up", 0: "", 1: "down" }[row], right = { "-1": "left", 0: "", 1: "right" }[column];
    return [down, right].filter(Boolean).join(" and ") || "itself";
  }

  /** Draw the nine cells, with discs of area p and counts below; `last` is the latest shot's position. */
  function show(element, { picture, pixel, law, counts, last }) {
    moving?.cancel();
    element.replaceChildren();
    const row = Math.floor(pixel / picture.width), column = pixel % picture.width;
    const largest = Math.max(...law.p), said = [];
    for (let j = 0; j < 9; j++) {
      const shift = Law.offset(j), { x, y } = middle(j);
      const level = picture.data[
        Law.mirrored(row + shift.row, picture.height) * picture.width +
        Law.mirrored(column + shift.column, picture.width)];
      const ink = level > 140 ? "#101418" : "#ffffff";
      Draw.svg(element, "rect", {
        x: x - SIDE / 2, y: y - SIDE / 2, width: SIDE, height: SIDE,
        fill: `rgb(${level}, ${level}, ${level})`, stroke: "rgb(128 128 128 / 45%)",
      });
      Draw.svg(element, "text", { x: x - SIDE / 2 + 6, y: y - SIDE / 2 + 15, fill: ink, "font-size": 12, opacity: 0.8 }, Math.round(level));
      const radius = 21 * Math.sqrt(law.p[j] / largest);
      if (radius > 0) {
        Draw.svg(element, "circle", {
          cx: x, cy: y, r: radius, class: law.w[j] < 0 ? "negative-fill" : "positive-fill",
          "fill-opacity": j === last ? 1 : 0.55, stroke: ink, "stroke-width": j === last ? 2.5 : 0.8,
        });
      }
      const count = counts(j);
      if (law.p[j] > 0) said.push(`${direction(j)}: level ${Math.round(level)}, chance ${Draw.short(law.p[j])}, came ${Draw.whole(count)} times`);
      if (count > 0) {
        Draw.svg(element, "text", {
          x, y: y + SIDE / 2 - 6, fill: ink, "font-size": 12.5, "font-weight": 600, "text-anchor": "middle",
        }, count < 1e5 ? Draw.whole(count) : Draw.short(count));
      }
    }
    element.setAttribute("aria-label", `Row ${row}, column ${column}; ${said.join("; ")}`);
  }

  /** Let a particle go from the centre to where position j looks. */
  function drop(element, j) {
    if (!Draw.moves()) return;
    const to = middle(j), from = middle(Law.CENTRE);
    const particle = Draw.svg(element, "circle", { cx: 0, cy: 0, r: 9, fill: "#ffffff", stroke: "#101418", "stroke-width": 2 });
    moving = particle.animate(
      [{ transform: `translate(${from.x}px, ${from.y}px)` }, { transform: `translate(${to.x}px, ${to.y}px)` }],
      { duration: 260, easing: "ease-out", fill: "both" });
    moving.onfinish = () => particle.remove();
    moving.oncancel = () => particle.remove();
  }

  return { show, drop, direction };
})();
