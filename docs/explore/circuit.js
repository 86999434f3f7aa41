"use strict";
// The measured state: propagator, amplitudes, and the circuit that qconv builds.

const Circuit = (() => {
  const WIDE = 56, NARROW = 26, HIGH = 46, LEFT = 112;

  /** Return the number of qubits per axis: 2 for three positions, 3 for five. */
  const bitsOf = (side) => Math.ceil(Math.log2(side));

  /** Write a number in binary. */
  const binary = (i, bits) => i.toString(2).padStart(bits, "0");

  /** Return the names of the qubits, the lowest bit of the columns first. */
  function qubitNames(side) {
    const each = Array.from({ length: bitsOf(side) }, (_, q) => q);
    return ["kernel_column", "kernel_row"].flatMap((name) => each.map((q) => `${name} ${q}`));
  }

  /** Show the probability and the weight of every position. */
  function cells(element, propagator) {
    const small = propagator.p.length > 9;
    element.className = `cells cells-${Maths.side(propagator.p)}`;
    element.replaceChildren(...propagator.p.map((p, j) => {
      const cell = document.createElement("div"), weight = document.createElement("small");
      cell.textContent = Draw.short(p, small ? 2 : 3);
      const sign = propagator.w[j] < 0 ? "−" : "+";
      weight.textContent = p === 0 ? "never" : small ? sign : `× ${Draw.short(propagator.w[j])}`;
      cell.append(weight);
      return cell;
    }));
  }

  /** Draw one square per basis state, with a side proportional to its amplitude. */
  function amplitudes(element, propagator) {
    element.replaceChildren();
    const side = Maths.side(propagator.p), bits = bitsOf(side), states = 2 ** bits;
    const cell = 232 / states, left = 40, top = 30, largest = Math.sqrt(Math.max(...propagator.p));
    const values = states === 4; // larger grids have no space for numbers
    for (let i = 0; i < states; i++) {
      const middle = (i + 0.5) * cell, label = values ? `|${binary(i, bits)}⟩` : binary(i, bits);
      Draw.svg(element, "text", { x: left + middle, y: 20, "text-anchor": "middle", class: "ket" }, label);
      Draw.svg(element, "text", { x: 32, y: top + middle + 4, "text-anchor": "end", class: "ket" }, label);
      for (let k = 0; k < states; k++) {
        const x = left + k * cell, y = top + i * cell;
        Draw.svg(element, "rect", { x: x + 1, y: y + 1, width: cell - 2, height: cell - 2, rx: 4, class: "cell" });
        if (i >= side || k >= side || propagator.p[side * i + k] === 0) continue;
        const j = side * i + k, amplitude = Math.sqrt(propagator.p[j]);
        const size = ((values ? 0.62 : 0.86) * cell * amplitude) / largest, middleY = y + (values ? 0.38 : 0.5) * cell;
        const sign = propagator.w[j] < 0 ? "negative-fill" : "positive-fill";
        Draw.svg(element, "rect", { x: x + (cell - size) / 2, y: middleY - size / 2, width: size, height: size, class: sign });
        if (values) Draw.svg(element, "text", { x: x + cell / 2, y: y + cell - 5, "text-anchor": "middle", class: "value" }, amplitude.toFixed(3));
      }
    }
    const said = propagator.p.map((p, j) =>
      p > 0 && `|${binary(Math.floor(j / side), bits)} ${binary(j % side, bits)}⟩ ${Math.sqrt(p).toFixed(3)}`);
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
  function columns(gates, qubits) {
    const free = Array(qubits).fill(0), found = [];
    for (const gate of gates) {
      const span = [];
      for (let q = Math.min(...gate[1]); q <= Math.max(...gate[1]); q++) span.push(q);
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
  function meters(element, x, qubits) {
    for (let q = 0; q < qubits; q++) {
      const y = 24 + q * HIGH;
      Draw.svg(element, "rect", { x: x - 15, y: y - 15, width: 30, height: 30, rx: 4, class: "gate" });
      Draw.svg(element, "path", { d: `M${x - 9} ${y + 6} A9 9 0 0 1 ${x + 9} ${y + 6} M${x} ${y + 6} L${x + 6} ${y - 7}`, class: "meter" });
    }
  }

  /** Draw wires, gates and measurements. */
  function wires(element, gates, names) {
    element.replaceChildren();
    const found = columns(gates, names.length);
    const widths = found.map((column) => (column.every(([name]) => name === "cz") ? NARROW : WIDE));
    const end = LEFT + widths.reduce((a, b) => a + b, 0) + 26, height = names.length * HIGH + 2;
    element.setAttribute("viewBox", `0 0 ${end + 20} ${height}`);
    element.setAttribute("width", end + 20);
    element.setAttribute("height", height);
    names.forEach((name, q) => {
      Draw.svg(element, "line", { x1: LEFT - 8, x2: end, y1: 24 + q * HIGH, y2: 24 + q * HIGH, class: "wire" });
      Draw.svg(element, "text", { x: LEFT - 14, y: 28 + q * HIGH, "text-anchor": "end" }, name);
    });
    let x = LEFT;
    found.forEach((column, i) => {
      column.forEach((one) => gate(element, one, x + widths[i] / 2));
      x += widths[i];
    });
    meters(element, end, names.length);
    const said = gates.map(([name, qubits, parameter]) =>
      `${name.toUpperCase()}${parameter === undefined ? "" : ` ${angle(parameter)}`} on ${qubits.map((q) => names[q]).join(" and ")}`);
    element.setAttribute("aria-label", `Circuit: ${said.join(", ") || "no gates"}; all ${names.length} qubits are measured`);
  }

  /** Show one propagator and its circuit. */
  function show(kernel, propagator, baseline) {
    const at = (id) => document.getElementById(id), side = Maths.side(kernel), middle = Maths.centre(kernel);
    cells(at("cells"), propagator);
    const S = kernel.reduce((a, b) => a + Math.abs(b), 0);
    const left = propagator.p[middle] === 0 && kernel[middle] !== 0;
    at("weights-note").textContent =
      `A shot at position j contributes its weight, ${left ? Draw.short(propagator.total) : "S"} × sign(kⱼ), times ` +
      (baseline ? "the neighbour's difference from the centre. " : "the neighbour's grey level. ") +
      `S = Σ|kⱼ| = ${Draw.short(S)}` + (left ? `; without the centre, ${Draw.short(propagator.total)}.` : ".");
    amplitudes(at("amplitudes"), propagator);
    at("lead-size").textContent = `${side === 3 ? "Four" : "Six"} qubits hold a ${side} × ${side} kernel.`;
    at("qubits-note").textContent = side === 3 ? "two qubits each" : "three qubits each";
    at("never-note").textContent = side === 3 ? "States that contain 11 never occur." : "States with 101, 110 or 111 never occur.";
    const gates = Preparation.gates(propagator.p), cz = gates.filter(([, qubits]) => qubits.length === 2).length;
    at("circuit-cost").textContent = `${cz} CZ`;
    wires(at("circuit"), gates, qubitNames(side));
  }

  return { show };
})();
