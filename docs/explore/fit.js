"use strict";
// Numerical fit of circuits for four-qubit states, such as any 3 x 3 kernel, as in qconv.circuits: RY on every qubit,
// then 5 or 6 CZ, each followed by RY on both of its qubits. The angles come from Levenberg-Marquardt.

const Fit = (() => {
  const SIX = [
    [[1, 3], [1, 2], [0, 2], [0, 3], [1, 3], [1, 2]],
    [[2, 3], [0, 3], [1, 2], [0, 2], [2, 3], [0, 3]],
  ];
  const STARTS = 12, BATCHES = { 5: 2, 6: 6 }, ITERATIONS = 200, PATIENCE = 6;
  const RESIDUAL = 1e-13, COARSE = 1e-4, VANISHES = 1e-12, SEED = 20040716;
  const BITS = [8, 4, 2, 1];

  /** Return <Y_a s_b Y_c> for s = Z and X, or <Y_a s_b s_c Y_d> and so on: `sites` names Y, Z or X per qubit. */
  function expectation(state, sites) {
    let total = 0;
    for (let i = 0; i < 16; i++) {
      let j = i, sign = 1;
      sites.forEach((site, q) => {
        const set = i & BITS[q];
        if (site === "Y" || site === "X") j ^= BITS[q];
        if ((site === "Z" && set) || (site === "Y" && !set)) sign = -sign;
      });
      total += sign * state[i] * state[j];
    }
    return total;
  }

  /** Return the cross product of <Y_a s_b Y_c> and <Y_a s_b Y_d>, with s = (Z, X). */
  function quartic(state, a, b) {
    const [c, d] = [0, 1, 2, 3].filter((q) => q !== a && q !== b);
    const value = (s, other) => {
      const sites = Array(4).fill("1");
      sites[a] = sites[other] = "Y";
      sites[b] = s;
      return expectation(state, sites);
    };
    return value("Z", c) * value("X", d) - value("X", c) * value("Z", d);
  }

  /** Combine <Y_0 Y_2 s_1 s_3>, <Y_0 Y_2 s_1> and <Y_0 Y_2 s_3>, with s = (Z, X). */
  function sextic(state) {
    const value = (s1, s3) => expectation(state, ["Y", s1, "Y", s3]);
    const left = [-value("X", "1"), value("Z", "1")], right = [-value("1", "X"), value("1", "Z")];
    return ["Z", "X"].reduce((sum, s1, i) => sum + ["Z", "X"].reduce((part, s3, j) => part + left[i] * value(s1, s3) * right[j], 0), 0);
  }

  /** Placements of five CZ, each with the polynomial that vanishes on all states that it prepares. */
  const FIVE = [
    [[[0, 1], [1, 2], [2, 3], [1, 3], [0, 1]], (state) => quartic(state, 0, 1)],
    [[[1, 3], [0, 1], [2, 3], [0, 3], [2, 3]], (state) => quartic(state, 2, 3)],
    [[[2, 3], [0, 2], [0, 1], [1, 2], [2, 3]], (state) => quartic(state, 3, 2)],
    [[[0, 2], [0, 1], [2, 3], [0, 3], [0, 1]], (state) => quartic(state, 1, 0)],
    [[[2, 3], [1, 3], [0, 1], [0, 3], [1, 2]], sextic],
  ];

  /** Rotate a qubit of a state, and of every derivative; append the derivative by the angle. */
  function rotate(vectors, qubit, angle) {
    const bit = BITS[qubit], c = Math.cos(angle / 2), s = Math.sin(angle / 2);
    for (const vector of vectors) {
      for (let i = 0; i < 16; i++) {
        if (i & bit) continue;
        const x = vector[i], y = vector[i | bit];
        vector[i] = c * x - s * y;
        vector[i | bit] = s * x + c * y;
      }
    }
    const [state] = vectors;
    vectors.push(state.map((_, i) => 0.5 * (i & bit ? state[i ^ bit] : -state[i ^ bit])));
  }

  /** Run a placement; return the state minus the target, followed by the derivatives by the angles. */
  function evolve(placement, angles, target) {
    const vectors = [Float64Array.from({ length: 16 }, (_, i) => (i === 0 ? 1 : 0))];
    for (let q = 0; q < 4; q++) rotate(vectors, q, angles[q]);
    placement.forEach(([a, b], k) => {
      const both = BITS[a] | BITS[b];
      for (const vector of vectors) for (let i = 0; i < 16; i++) if ((i & both) === both) vector[i] = -vector[i];
      rotate(vectors, a, angles[4 + 2 * k]);
      rotate(vectors, b, angles[5 + 2 * k]);
    });
    target.forEach((x, i) => (vectors[0][i] -= x));
    return vectors;
  }

  /**
   * Take a Levenberg-Marquardt step.
   *
   * Far from a solution, angles are rounded to six digits, so that the rounding errors of different browsers do not
   * decide where the fit ends.
   */
  function step(angles, [residual, ...derivatives], damping, distance) {
    const normal = derivatives.map((a, i) => derivatives.map((b, j) => Linear.dot(a, b) + (i === j ? damping : 0)));
    const { x } = Linear.eliminate(normal, derivatives.map((a) => Linear.dot(a, residual)));
    const after = angles.map((angle, i) => angle - x[i]);
    return distance > COARSE ? after.map((angle) => Math.round(angle * 1e6) / 1e6) : after;
  }

  /** Improve one set of angles; return the solution, or null if the distance stalls. */
  function solve(placement, target, start) {
    let angles = start, vectors = evolve(placement, angles, target), distance = Linear.norm(vectors[0]), damping = 0.1;
    const past = Array(PATIENCE).fill(Infinity);
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      const trial = step(angles, vectors, damping, distance);
      const reached = evolve(placement, trial, target), length = Linear.norm(reached[0]);
      past.push(distance);
      if (length < distance) {
        [angles, vectors, distance] = [trial, reached, length];
        damping = Math.max(damping * 0.3, 1e-13);
      } else {
        damping = Math.min(damping * 4, 1e6);
      }
      if (distance <= RESIDUAL) return angles;
      if (!(distance < 0.99 * past.shift())) return null;
    }
    return null;
  }

  /** Write fitted angles as gates. */
  function toGates(placement, angles) {
    const pairs = placement.flatMap(([a, b], k) =>
      [Gates.cz(a, b), Gates.ry(angles[4 + 2 * k], a), Gates.ry(angles[5 + 2 * k], b)]);
    return [...[0, 1, 2, 3].map((q) => Gates.ry(angles[q], q)), ...pairs];
  }

  /** Fit a circuit with `cost` CZ, 5 or 6, to a state of four qubits; return null if no start converges. */
  function fourQubits(state, cost) {
    const random = Maths.generator(SEED);
    for (let batch = 0; batch < BATCHES[cost]; batch++) {
      for (const [placement, polynomial] of cost === 5 ? FIVE : SIX.map((six) => [six, () => 0])) {
        if (Math.abs(polynomial(state)) > VANISHES) continue;
        for (let i = 0; i < STARTS; i++) {
          const start = Array.from({ length: 4 + 2 * cost }, () => Math.PI * (2 * random.uniform() - 1));
          const angles = solve(placement, state, start);
          if (angles) return toGates(placement, angles);
        }
      }
    }
    return null;
  }

  return { fourQubits };
})();
