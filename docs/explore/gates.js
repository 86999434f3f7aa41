"use strict";
// Lists of gates { name, qubits, angle }, and their simplification, as in qconv.circuits. Qubit 0 is the most
// significant bit of the index of a state.

const Gates = (() => {
  const TOLERANCE = 1e-13; // amplitudes, singular values and angles below this limit are taken as zero
  const HALF = Math.PI / 2;
  const ry = (angle, qubit) => ({ name: "ry", qubits: [qubit], angle });
  const cz = (a, b) => ({ name: "cz", qubits: [Math.min(a, b), Math.max(a, b)] });
  const one = (name, qubit, angle) => ({ name, qubits: [qubit], angle });
  const count = (gates) => gates.filter(({ qubits }) => qubits.length === 2).length;
  const same = (a, b) => a.length === b.length && a.every((q, i) => q === b[i]);
  const modulo = (a, n) => ((a % n) + n) % n;

  /** Flip `target` where `source` is 1. */
  const copy = (source, target) => [ry(-HALF, target), cz(source, target), ry(HALF, target)];

  /** Move gates from qubits 0, 1, ... to qubits[0], qubits[1], ... */
  const relabel = (gates, qubits) => gates.map((gate) => ({ ...gate, qubits: gate.qubits.map((q) => qubits[q]) }));

  /** Return the matrix of a one-qubit gate as [[real, imaginary], ...], row by row. */
  function matrix({ name, angle }) {
    const c = Math.cos(angle / 2), s = Math.sin(angle / 2), r = Math.SQRT1_2;
    return {
      ry: [[c, 0], [-s, 0], [s, 0], [c, 0]],
      rx: [[c, 0], [0, -s], [0, -s], [c, 0]],
      rz: [[c, -s], [0, 0], [0, 0], [c, s]],
      x: [[0, 0], [1, 0], [1, 0], [0, 0]],
      z: [[1, 0], [0, 0], [0, 0], [-1, 0]],
      h: [[r, 0], [r, 0], [r, 0], [-r, 0]],
    }[name];
  }

  /** Apply a 2 x 2 matrix to two complex amplitudes in place. */
  function applyTo(real, imaginary, i, j, [a, b, c, d]) {
    const x = [real[i], imaginary[i]], y = [real[j], imaginary[j]];
    const mix = (m, n, part) => part === 0
      ? m[0] * x[0] - m[1] * x[1] + n[0] * y[0] - n[1] * y[1]
      : m[0] * x[1] + m[1] * x[0] + n[0] * y[1] + n[1] * y[0];
    [real[i], imaginary[i], real[j], imaginary[j]] = [mix(a, b, 0), mix(a, b, 1), mix(c, d, 0), mix(c, d, 1)];
  }

  /** Run gates on |0...0>; return the real and the imaginary parts of the amplitudes. */
  function simulate(gates, n) {
    const real = new Float64Array(2 ** n), imaginary = new Float64Array(2 ** n), bit = (q) => 2 ** (n - 1 - q);
    real[0] = 1;
    for (const gate of gates) {
      const { name, qubits, angle } = gate;
      for (let i = 0; i < real.length; i++) {
        if (name === "phase") {
          const c = Math.cos(angle), s = Math.sin(angle);
          [real[i], imaginary[i]] = [c * real[i] - s * imaginary[i], s * real[i] + c * imaginary[i]];
        } else if (name === "cz") {
          if (i & bit(qubits[0]) && i & bit(qubits[1])) {
            real[i] = -real[i];
            imaginary[i] = -imaginary[i];
          }
        } else if (!(i & bit(qubits[0]))) {
          applyTo(real, imaginary, i, i | bit(qubits[0]), matrix(gate));
        }
      }
    }
    return { real, imaginary };
  }

  /** Merge rotations about Y, and drop gates without effect. */
  function merge(gates) {
    const result = [], newest = new Map(), touched = new Set();
    for (let gate of gates) {
      if (["cz", "z"].includes(gate.name) && !gate.qubits.every((q) => touched.has(q))) continue;
      if (gate.name === "ry") {
        const [qubit] = gate.qubits, before = newest.get(qubit);
        newest.delete(qubit);
        let angle = gate.angle;
        if (before !== undefined) {
          angle += result[before].angle;
          result[before] = null;
        }
        angle = Math.PI - modulo(Math.PI - angle, 2 * Math.PI); // up to a global sign
        gate = ry(angle, qubit);
        if (Math.abs(angle) < TOLERANCE / 10) continue;
        newest.set(qubit, result.length);
      } else {
        gate.qubits.forEach((q) => newest.delete(q));
      }
      gate.qubits.forEach((q) => touched.add(q));
      result.push(gate);
    }
    return result.filter(Boolean);
  }

  /** Find the next CZ on the same pair with only rotations about Y in between; return null if there is none. */
  function untilSame(gates, start) {
    const pair = gates[start].qubits, between = [], rotated = new Set(), crossed = new Set();
    for (let index = start + 1; index < gates.length; index++) {
      const { name, qubits } = gates[index];
      if (same(qubits, pair)) return { end: index, between };
      const shared = qubits.filter((q) => pair.includes(q));
      if (shared.length === 0) continue;
      if (name === "ry") {
        between.push(index);
        shared.forEach((q) => rotated.add(q));
      } else if (["cz", "z", "rz"].includes(name)) {
        shared.forEach((q) => crossed.add(q));
      } else {
        return null;
      }
      if ([...rotated].some((q) => crossed.has(q))) return null;
    }
    return null;
  }

  /**
   * Write CZ, RY on both qubits, CZ with at most one CZ; return null if this is impossible.
   *
   * CZ RY(t) CZ is a product of one-qubit gates for multiples of pi, and takes one CZ for odd multiples of pi / 2.
   */
  function rewritten(pair, angles) {
    const quarters = pair.map((q) => (angles.get(q) || 0) / HALF), turns = quarters.map(Math.round);
    if (quarters.some((x, i) => Math.abs(x - turns[i]) > TOLERANCE)) return null;
    if (turns.every((turn) => modulo(turn, 2) === 1)) return null;
    return pair.flatMap((qubit, i) => {
      const turn = turns[i], other = pair[1 - i], sign = modulo(turn, 4) === 1 ? 1 : -1;
      if (modulo(turn, 2) === 0) return [ry(turn * HALF, qubit), ...(modulo(turn, 4) === 2 ? [one("z", other)] : [])];
      return [
        one("rx", qubit, HALF), cz(qubit, other), one("rz", qubit, sign * HALF), one("rz", other, sign * HALF),
        one("rx", qubit, -HALF), { name: "phase", qubits: [], angle: (sign * Math.PI) / 4 },
      ];
    });
  }

  /** Rewrite the first pair of CZ that needs fewer, or return null. */
  function mergeOnePair(gates) {
    for (let start = 0; start < gates.length; start++) {
      if (gates[start].name !== "cz") continue;
      const found = untilSame(gates, start);
      if (!found) continue;
      const { end, between } = found;
      const replacement = rewritten(gates[start].qubits, new Map(between.map((i) => [gates[i].qubits[0], gates[i].angle])));
      if (!replacement) continue;
      const kept = gates.slice(start + 1, end).filter((_, i) => !between.includes(start + 1 + i));
      return [...gates.slice(0, start), ...replacement, ...kept, ...gates.slice(end + 1)];
    }
    return null;
  }

  /** Write the first rotation of a qubit as X or H if it acts like this gate on |0>. */
  function nameFirst(gates) {
    const seen = new Set();
    return gates.map((gate) => {
      const [qubit] = gate.qubits, first = gate.name === "ry" && !seen.has(qubit);
      gate.qubits.forEach((q) => seen.add(q));
      if (first && Math.abs(gate.angle - Math.PI) < 1e-15) return one("x", qubit);
      return first && Math.abs(gate.angle - HALF) < 1e-15 ? one("h", qubit) : gate;
    });
  }

  /** Rewrite gates on |0...0> without adding any CZ, up to a global sign. */
  function simplify(gates) {
    let current = merge(gates);
    for (let next = mergeOnePair(current); next; next = mergeOnePair(current)) current = merge(next);
    return nameFirst(current);
  }

  return { TOLERANCE, ry, cz, one, count, copy, relabel, simulate, simplify };
})();
