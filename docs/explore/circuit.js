"use strict";
// The measured state: propagator, amplitudes and, for named kernels, the circuit that qconv builds.

const Circuit = (() => {
  const QUBITS = ["kernel_column 0", "kernel_column 1", "kernel_row 0", "kernel_row 1"];
  const BITS = ["00", "01", "10", "11"];
  const WIDE = 56, NARROW = 26, HIGH = 46, LEFT = 112;

  /** Show probabilities and weights in nine cells. */
  function cells(element, propagator) {
    element.replaceChildren(...propagator.p.map((p, j) => {
      const cell = document.createElement("div"), weight = document.createElement("small");
      cell.textContent = Draw.short(p);
      weight.textContent = p > 0 ? `× ${Draw.short(propagator.w[j])}` : "never";
      cell.append(weight);
      return cell;
    }));
  }

  /** Draw one square per basis state, with a side proportional to its amplitude. */
  function amplitudes(element, propagator) {
    element.replaceChildren();
    const side = 58, left = 40, top = 30, largest = Math.sqrt(Math.max(...propagator.p));
    BITS.forEach((bits, i) => {
      const middle = i * side + side / 2;
      Draw.svg(element, "text", { x: left + middle, y: 20, "text-anchor": "middle" }, `|${bits}⟩`);
      Draw.svg(element, "text", { x: 32, y: top + middle + 4, "text-anchor": "end" }, `|${bits}⟩`);
      for (let k = 0; k < 4; k++) {
        const x = left + k * side, y = top + i * side;
        Draw.svg(element, "rect", { x: x + 1, y: y + 1, width: side - 2, height: side - 2, rx: 4, class: "cell" });
        if (i === 3 || k === 3 || propagator.p[3 * i + k] === 0) continue;
        const j = 3 * i + k, amplitude = Math.sqrt(propagator.p[j]), size = (36 * amplitude) / largest;
        const sign = propagator.w[j] < 0 ? "negative-fill" : "positive-fill";
        Draw.svg(element, "rect", { x: x + (side - size) / 2, y: y + 22 - size / 2, width: size, height: size, class: sign });
        Draw.svg(element, "text", { x: x + side / 2, y: y + side - 5, "text-anchor": "middle", class: "value" }, amplitude.toFixed(3));
      }
    });
    const said = propagator.p.map((p, j) => p > 0 && `|${BITS[Math.floor(j / 3)]} ${BITS[j % 3]}⟩ ${Math.sqrt(p).toFixed(3)}`);
    element.setAttribute("aria-label", `Amplitudes, row and column: ${said.filter(Boolean).join(", ")}; the others 0`);
  }

  /** Format an angle, as a fraction of pi if possible. */
  function angle(radians) {
    for (const part of [1, 2, 3, 4, 6, 8]) {
      const times = Math.round((radians * part) / Math.PI);
      if (times === 0 || Math.abs((radians * part) / Math.PI - times) > 1e-9) continue;
      const size = Math.abs(times) === 1 ? "" : Math.abs(times);
      return `${times < 0 ? "−" : ""}${size}π${part > 1 ? `/${part}` : ""}`;
    }
    return Draw.even(radians).replace("-", "−");
  }

  /** Arrange gates in columns, each gate as far left as its qubits allow. */
  function columns(gates) {
    const free = [0, 0, 0, 0], found = [];
    for (const gate of gates) {
      const qubits = gate[1], span = [];
      for (let q = Math.min(...qubits); q <= Math.max(...qubits); q++) span.push(q);
      const at = Math.max(...span.map((q) => free[q]));
      span.forEach((q) => (free[q] = at + 1));
      (found[at] ||= []).push(gate);
    }
    return found;
  }

  /** Draw one gate at the horizontal position x. */
  function gate(element, [name, qubits, parameter], x) {
    const y = (q) => 24 + q * HIGH;
    if (name === "cz") {
      Draw.svg(element, "line", { x1: x, x2: x, y1: y(qubits[0]), y2: y(qubits[1]), class: "link" });
      for (const q of qubits) Draw.svg(element, "circle", { cx: x, cy: y(q), r: 4.5, class: "control" });
      return;
    }
    const half = parameter === undefined ? 15 : 24, at = y(qubits[0]);
    Draw.svg(element, "rect", { x: x - half, y: at - 17, width: 2 * half, height: 34, rx: 4, class: "gate" });
    Draw.svg(element, "text", { x, y: at + (parameter === undefined ? 4 : -2), "text-anchor": "middle", class: "name" }, name.toUpperCase());
    if (parameter !== undefined) {
      Draw.svg(element, "text", { x, y: at + 12, "text-anchor": "middle", class: "angle" }, angle(parameter));
    }
  }

  /** Draw a measurement symbol at the end of every wire. */
  function meters(element, x) {
    for (let q = 0; q < 4; q++) {
      const y = 24 + q * HIGH;
      Draw.svg(element, "rect", { x: x - 15, y: y - 15, width: 30, height: 30, rx: 4, class: "gate" });
      Draw.svg(element, "path", { d: `M${x - 9} ${y + 6} A9 9 0 0 1 ${x + 9} ${y + 6} M${x} ${y + 6} L${x + 6} ${y - 7}`, class: "meter" });
    }
  }

  /** Draw one box over all wires, for a preparation whose gates the page does not have. */
  function unknown(element, x) {
    Draw.svg(element, "rect", { x: x - 48, y: 6, width: 96, height: 3 * HIGH + 36, rx: 6, class: "gate" });
    Draw.svg(element, "text", { x, y: 20 + 1.5 * HIGH, "text-anchor": "middle", class: "name" }, "prepare");
    Draw.svg(element, "text", { x, y: 38 + 1.5 * HIGH, "text-anchor": "middle", class: "name" }, "Σ √pⱼ |j⟩");
  }

  /** Draw wires, gates and measurements; without gates, one box replaces the gates. */
  function wires(element, gates) {
    element.replaceChildren();
    const found = columns(gates || []);
    const widths = found.map((column) => (column.every(([name]) => name === "cz") ? NARROW : WIDE));
    if (!gates) widths.push(2 * WIDE);
    const end = LEFT + widths.reduce((a, b) => a + b, 0) + 26, height = 4 * HIGH + 2;
    element.setAttribute("viewBox", `0 0 ${end + 20} ${height}`);
    element.setAttribute("width", end + 20);
    element.setAttribute("height", height);
    QUBITS.forEach((name, q) => {
      Draw.svg(element, "line", { x1: LEFT - 8, x2: end, y1: 24 + q * HIGH, y2: 24 + q * HIGH, class: "wire" });
      Draw.svg(element, "text", { x: LEFT - 14, y: 28 + q * HIGH, "text-anchor": "end" }, name);
    });
    let x = LEFT;
    found.forEach((column, i) => {
      column.forEach((one) => gate(element, one, x + widths[i] / 2));
      x += widths[i];
    });
    meters(element, end);
    if (!gates) {
      unknown(element, LEFT + WIDE);
      element.setAttribute("aria-label", "Position register: preparation and measurement of all four qubits");
      return;
    }
    const said = gates.map(([name, qubits, parameter]) =>
      `${name.toUpperCase()}${parameter === undefined ? "" : ` ${angle(parameter)}`} on ${qubits.map((q) => QUBITS[q]).join(" and ")}`);
    element.setAttribute("aria-label", `Circuit: ${said.join(", ")}; all four qubits are measured`);
  }

  /** Show one propagator and its circuit; `gates` is null for kernels that were drawn by hand. */
  function show(kernel, propagator, gates, baseline) {
    const at = (id) => document.getElementById(id);
    cells(at("cells"), propagator);
    const S = kernel.reduce((a, b) => a + Math.abs(b), 0);
    const left = propagator.p[Maths.CENTRE] === 0 && kernel[Maths.CENTRE] !== 0;
    at("weights-note").textContent =
      `A shot at position j contributes its weight, ${left ? Draw.short(propagator.total) : "S"} × sign(kⱼ), times ` +
      (baseline ? "the neighbour's difference from the centre. " : "the neighbour's grey level. ") +
      `S = Σ|kⱼ| = ${Draw.short(S)}` + (left ? `; without the centre, ${Draw.short(propagator.total)}.` : ".");
    amplitudes(at("amplitudes"), propagator);
    const cz = (gates || []).filter(([name]) => name === "cz").length;
    at("circuit-cost").textContent = gates ? `${cz} CZ` : "position register only";
    at("circuit-note").textContent = gates
      ? "The circuit as qconv builds it: RY, H, X and Z act on one qubit, CZ on two. All qubits are measured. " +
        "The row and column registers, read as integers, give the kernel position."
      : "This kernel was drawn by hand. The page computes its state but not the gates of its circuit. " +
        "qconv.encode_amplitudes builds the gates, with at most 7 CZ.";
    wires(at("circuit"), gates);
  }

  return { show };
})();
