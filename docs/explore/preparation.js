"use strict";
// The circuit that prepares a kernel's state with few CZ, by the same search as qconv.encode_amplitudes. Every step
// removes qubits from a state and leaves a smaller state, which is prepared first. A state is an array of 2^n real
// amplitudes; qubit 0 is the most significant bit of the index.

const Preparation = (() => {
  const { ry, copy, count, relabel, simplify, TOLERANCE } = Gates;
  const { dot, norm, transpose, determinant } = Linear;
  const { turnTo } = Orthogonal;
  const qubitsOf = (state) => Math.log2(state.length);
  const range = (n) => Array.from({ length: n }, (_, i) => i);
  const others = (qubits, n) => range(n).filter((q) => !qubits.includes(q));

  /** List the groups of `size` qubits in lexicographic order. */
  function groups(n, size, from = 0) {
    if (size === 0) return [[]];
    return range(n).slice(from).flatMap((q) => groups(n, size - 1, q + 1).map((rest) => [q, ...rest]));
  }

  /** Write a state as a matrix: the rows are the qubits `rows`, the columns the others. */
  function matrixOf(state, rows) {
    const n = qubitsOf(state), columns = others(rows, n);
    const index = (bits, qubits) => qubits.reduce((sum, q, i) =>
      sum + ((bits >> (qubits.length - 1 - i)) & 1) * 2 ** (n - 1 - q), 0);
    return range(2 ** rows.length).map((i) =>
      range(2 ** columns.length).map((j) => state[index(i, rows) + index(j, columns)]));
  }

  /** Return the candidate with the fewest CZ. */
  function fewest(candidates) {
    const simple = candidates.map(simplify);
    return simple.reduce((best, gates) => (count(gates) < count(best) ? gates : best));
  }

  /** Prepare the state that remains after a step { cost, kept, take }, then append the gates of the step. */
  function follow({ kept, take }) {
    const { rest, gates } = take();
    return [...relabel(prepared(rest), kept), ...gates];
  }

  /** Find two groups of qubits with separate states; return null if there are none. */
  function productSplit(state) {
    const n = qubitsOf(state);
    for (const group of range(Math.floor(n / 2)).flatMap((i) => groups(n, i + 1))) {
      const matrix = matrixOf(state, group), [row, column] = Linear.largest(matrix);
      const along = matrix.map((values) => values[column]), length = norm(along), width = norm(matrix[row]);
      const first = along.map((x) => x / length), sign = Math.sign(first[row] * matrix[row][column]);
      const second = matrix[row].map((x) => (sign * x) / width);
      const error = Math.hypot(...matrix.flatMap((values, i) => values.map((x, j) => x - first[i] * second[j])));
      if (error < TOLERANCE) return [[group, first], [others(group, n), second]];
    }
    return null;
  }

  /** Make both lists of singular vectors rotations, in place, by changing signs. */
  function rotationsOnly({ u, values, v }) {
    for (const side of [u, v]) {
      if (determinant(side) > 0) continue;
      side[side.length - 1] = side[side.length - 1].map((x) => -x);
      values[values.length - 1] *= -1;
    }
    return { u, values, v };
  }

  /** Prepare two qubits with 1 CZ: Schmidt coefficients, a copy, a rotation of each qubit. */
  function entangledPair(state) {
    const { u, values, v } = rotationsOnly(Linear.svd(matrixOf(state, [0])));
    return [ry(turnTo(...values), 0), ...copy(0, 1), ry(turnTo(...u[0]), 0), ry(turnTo(...v[0]), 1)];
  }

  /** List groups of `size` qubits of Schmidt rank at most `most` against the rest. */
  function ofLowRank(state, size, most) {
    return groups(qubitsOf(state), size).flatMap((group) => {
      const matrix = matrixOf(state, group), { u, values } = Linear.svd(matrix);
      const rank = values.filter((value) => value > TOLERANCE).length;
      return rank <= most ? [{ group, matrix, basis: u, rank }] : [];
    });
  }

  /** Return the state of the inputs of an isometry with these images: their overlaps with the columns of a matrix. */
  function remaining(states, matrix) {
    const columns = transpose(matrix);
    return states.flatMap((vector) => columns.map((column) => dot(vector, column)));
  }

  /** Replace two qubits of Schmidt rank 2 against the rest by one qubit: 1 or 2 CZ. */
  function pairSteps(state) {
    return ofLowRank(state, 2, 2).map(({ group, matrix, basis }) => {
      const { source, gates, states } = Orthogonal.twoQubitIsometry(basis.slice(0, 2), group);
      const kept = [source, ...others(group, qubitsOf(state))];
      return { cost: count(gates), kept, take: () => ({ rest: remaining(states, matrix), gates }) };
    });
  }

  /** Replace three qubits by one (Schmidt rank 2, 9 CZ) or by two (rank 3 or 4, 11 CZ). */
  function tripleSteps(state) {
    return ofLowRank(state, 3, 4).flatMap(({ group, basis, rank }) => [0, 1, 2].map((i) => {
      const order = [i, ...others([i], 3)], qubits = order.map((j) => group[j]), inputs = rank <= 2 ? 1 : 2;
      const vectors = basis.slice(0, 2 ** inputs).map((vector) => matrixOf(vector, order).flat());
      const { gates, states } = Orthogonal.threeQubitIsometry(vectors, qubits);
      const kept = [...qubits.slice(3 - inputs), ...others(qubits, qubitsOf(state))];
      return { cost: count(gates), kept, take: () => ({ rest: remaining(states, matrixOf(state, qubits)), gates }) };
    }));
  }

  /** Remove controls without effect; angles that are not `known` may have any value. */
  function neededControls(angles, known, controls) {
    for (let axis = 0; axis < controls.length;) {
      const bit = 2 ** (controls.length - 1 - axis), zeros = range(angles.length).filter((i) => !(i & bit));
      const differ = (i) => known[i] && known[i + bit] && Math.abs(angles[i] - angles[i + bit]) > TOLERANCE / 10;
      if (zeros.some(differ)) {
        axis++;
        continue;
      }
      angles = zeros.map((i) => (known[i] ? angles[i] : angles[i + bit]));
      known = zeros.map((i) => known[i] || known[i + bit]);
      controls = controls.filter((_, c) => c !== axis);
    }
    return { turns: angles.map((angle, i) => (known[i] ? angle : 0)), controls };
  }

  /** Remove each qubit as a rotation multiplexed by the others. */
  function rotationSteps(state) {
    return range(qubitsOf(state)).map((qubit) => {
      const [zero, one] = matrixOf(state, [qubit]), kept = others([qubit], qubitsOf(state));
      const sign = zero.map((x, i) => ((x === 0 ? one[i] : x) < 0 ? -1 : 1));
      const lengths = zero.map((x, i) => Math.hypot(x, one[i])), rest = lengths.map((x, i) => sign[i] * x);
      const angles = zero.map((x, i) => turnTo(sign[i] * x, sign[i] * one[i]));
      const { turns, controls } = neededControls(angles, lengths.map((x) => x > TOLERANCE / 10), kept);
      const cost = Orthogonal.pathCost(Orthogonal.parityPath(Orthogonal.walshAngles(turns)));
      return { cost, kept, take: () => ({ rest, gates: Orthogonal.multiplexedRy(turns, controls, qubit) }) };
    });
  }

  /** Remove one qubit of a state that flipping some qubits leaves unchanged or negates: 1 CZ per other flip. */
  function mirrorSteps(state) {
    const n = qubitsOf(state), flips = (mask) => range(n).filter((q) => mask & (2 ** (n - 1 - q)));
    const masks = range(2 ** n).slice(1).sort((a, b) => flips(a).length - flips(b).length || a - b);
    for (const mask of masks) {
      for (const sign of [1, -1]) {
        if (norm(state.map((x, i) => state[i ^ mask] - sign * x)) >= TOLERANCE) continue;
        const [first, ...rest] = flips(mask);
        const gates = [ry((sign * Math.PI) / 2, first), ...rest.flatMap((other) => copy(first, other))];
        const kept = others([first], n), half = matrixOf(state, [first])[0].map((x) => Math.SQRT2 * x);
        return [{ cost: rest.length, kept, take: () => ({ rest: half, gates }) }];
      }
    }
    return [];
  }

  /** Prepare two halves: Schmidt coefficients on one, a copy to the other, a rotation of each. */
  function schmidt(state, left, rotate) {
    const right = others(left, qubitsOf(state));
    const { u, values, v } = rotationsOnly(Linear.svd(matrixOf(state, left)));
    const copies = left.flatMap((source, i) => copy(source, right[i]));
    return [...relabel(prepared(values), left), ...copies, ...rotate(transpose(u), ...left), ...rotate(transpose(v), ...right)];
  }

  /** Try every step, and a numerical fit if 5 or 6 CZ would be fewer. */
  function fourQubits(state) {
    const steps = [...pairSteps(state), ...mirrorSteps(state), ...rotationSteps(state)];
    const halves = [1, 2, 3].map((other) => schmidt(state, [0, other], Orthogonal.twoQubitRotation));
    let best = fewest([...steps.filter(({ cost }) => cost < 6).map(follow), ...halves]);
    for (const cost of [5, 6]) if (count(best) > cost) best = Fit.fourQubits(state, cost) || best;
    return best;
  }

  /** Choose the step of least cost per removed qubit of five or six; six have Schmidt halves as an alternative. */
  function manyQubits(state) {
    const n = qubitsOf(state), each = ({ cost, kept }) => cost / (n - kept.length);
    const steps = [...pairSteps(state), ...mirrorSteps(state), ...tripleSteps(state), ...rotationSteps(state)];
    const best = steps.reduce((least, step) => (each(step) < each(least) ? step : least));
    const halves = n === 6 && best.cost > 6 ? [schmidt(state, [0, 1, 2], Orthogonal.threeQubitRotation)] : [];
    return fewest([follow(best), ...halves]);
  }

  /** Prepare a state without the final simplification. */
  function prepared(state) {
    const n = qubitsOf(state);
    if (n < 2) return n === 1 ? [ry(turnTo(...state), 0)] : [];
    const split = productSplit(state);
    if (split) return split.flatMap(([qubits, factor]) => relabel(prepared(factor), qubits));
    if (n === 2) return entangledPair(state);
    if (n === 3) return fewest(pairSteps(state).map(follow));
    return n === 4 ? fourQubits(state) : manyQubits(state);
  }

  /** Prepare a state by multiplexed rotations alone, the last qubit last. */
  function tree(state) {
    if (state.length === 1) return [];
    const { rest, gates } = rotationSteps(state).pop().take();
    return [...tree(rest), ...gates];
  }

  /** Return how far the amplitudes that gates prepare are from a state, up to a global sign. */
  function error(gates, state) {
    const { real, imaginary } = Gates.simulate(gates, qubitsOf(state));
    const farthest = (sign) => Math.max(...state.map((x, i) => Math.hypot(real[i] - sign * x, imaginary[i])));
    return Math.min(farthest(1), farthest(-1));
  }

  /** Return the gates that prepare probabilities of 3 x 3 or 5 x 5 positions, with qubits numbered as in Qiskit. */
  function gates(probabilities) {
    const side = Maths.side(probabilities), states = 2 ** Math.ceil(Math.log2(side));
    const state = Array(states * states).fill(0), n = qubitsOf(state);
    probabilities.forEach((p, j) => (state[Math.floor(j / side) * states + (j % side)] = Math.sqrt(p)));
    let found = simplify(prepared(state));
    if (!(error(found, state) <= 5 * TOLERANCE)) found = simplify(tree(state)); // nearly equal roots or singular values
    const shown = found.filter(({ name }) => name !== "phase");
    return shown.map(({ name, qubits, angle }) => [name, qubits.map((q) => n - 1 - q), ...(angle === undefined ? [] : [angle])]);
  }

  return { gates, error };
})();
