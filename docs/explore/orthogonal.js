"use strict";
// Gates for real orthogonal matrices, as in qconv.circuits: two qubits by pairs of quaternions, three qubits by the
// cosine-sine decomposition. Matrices are arrays of rows; bases of subspaces are lists of their vectors.

const Orthogonal = (() => {
  const { ry, cz, one, TOLERANCE } = Gates;
  const { dot, norm, transpose, multiply, kron, determinant } = Linear;
  const J = [[0, -1], [1, 0]], Z = [[1, 0], [0, -1]], I = [[1, 0], [0, 1]], JZ = multiply(J, Z);
  const LEFT = [kron(I, I), kron(J, I), kron(Z, J), kron(JZ, J)];
  const RIGHT = [kron(I, I), kron(I, J), kron(J, Z), kron(J, JZ)];
  const ASSOCIATE = LEFT.map((left) => RIGHT.map((right) => multiply(left, right).flat()));
  const scaled = (vector, factor) => vector.map((x) => x * factor);
  const unit = (vector) => scaled(vector, 1 / norm(vector));

  /** Return the angle of an RY that turns |0> to the direction (c, s). */
  const turnTo = (c, s) => 2 * Math.atan2(s, c);

  /** Write an SO(4) matrix as left(p) right(q) with unit quaternions p, q. */
  function toQuaternions(matrix) {
    const flat = matrix.flat(), associate = ASSOCIATE.map((row) => row.map((product) => dot(product, flat) / 4));
    const [row, column] = Linear.largest(associate);
    const p = unit(associate.map((values) => values[column])), q = unit(associate[row]);
    return [scaled(p, Math.sign(dot(p, associate.map((values) => dot(values, q))))), q];
  }

  /** Return left(p) right(q). */
  function fromQuaternions(p, q) {
    const sum = (units, weights) => units[0].map((row, i) => row.map((_, j) => dot(units.map((m) => m[i][j]), weights)));
    return multiply(sum(LEFT, p), sum(RIGHT, q));
  }

  /** Return a, b, c of a unit quaternion exp(a i) exp(b j) exp(c i). */
  function eulerAngles(p) {
    const total = Math.atan2(p[1], p[0]), difference = Math.atan2(p[3], p[2]);
    const middle = Math.atan2(Math.hypot(p[2], p[3]), Math.hypot(p[0], p[1]));
    if (middle < TOLERANCE) return [total, 0, 0];
    return [(total + difference) / 2, middle, (total - difference) / 2];
  }

  /** Return v and a of a unit quaternion v exp(a i) v*. */
  function rotationToAxis(p) {
    const sine = norm(p.slice(1));
    if (sine < TOLERANCE && p[0] > 0) return [[1, 0, 0, 0], 0];
    const axis = sine > 0 ? p.slice(1).map((x) => x / sine) : [1, 0, 0], sign = axis[0] >= 0 ? 1 : -1;
    const v = [1 + sign * axis[0], 0, -sign * axis[2], sign * axis[1]];
    return [unit(v), sign * Math.atan2(sine, p[0])];
  }

  /** Split a 4 x 4 matrix into orthogonal tensor factors; return null if this is impossible. */
  function tensorFactors(matrix) {
    const blocks = [0, 1, 2, 3].map((outer) => [0, 1, 2, 3].map((inner) =>
      matrix[2 * (outer >> 1) + (inner >> 1)][2 * (outer & 1) + (inner & 1)]));
    const [row, column] = Linear.largest(blocks);
    const first = scaled(unit(blocks.map((values) => values[column])), Math.SQRT2);
    const second = scaled(blocks[row], 1 / first[row]);
    const error = Math.hypot(...blocks.flatMap((values, i) => values.map((x, j) => x - first[i] * second[j])));
    return error > TOLERANCE ? null : [first, second];
  }

  /** Decompose an O(2) matrix, row by row, into an optional Z and an RY. */
  function oneQubit([a, b, c, d], qubit) {
    return [...(a * d - b * c < 0 ? [one("z", qubit)] : []), ry(turnTo(a, c), qubit)];
  }

  /** Decompose an SO(4) matrix into 2 CZ, or none for a tensor product; `first` is the more significant qubit. */
  function twoQubitRotation(matrix, first, second) {
    const local = tensorFactors(matrix);
    if (local) return [...oneQubit(local[0], first), ...oneQubit(local[1], second)];
    const [p, q] = toQuaternions(matrix), [a1, b2, c1] = eulerAngles(p), [a2, b1, c2] = eulerAngles(q);
    return [
      ry(2 * c1, first), ry(2 * c2, second), cz(first, second), ry(2 * b1, first), ry(2 * b2, second),
      cz(first, second), ry(2 * a1, first), ry(2 * a2, second),
    ];
  }

  const ones = (mask) => mask.toString(2).replaceAll("0", "").length;

  /** Transform angles per control value into angles per control parity. */
  function walshAngles(angles) {
    return angles.map((_, mask) =>
      angles.reduce((sum, angle, x) => sum + (ones(x & mask) % 2 ? -angle : angle), 0) / angles.length);
  }

  /** Order the parities with a nonzero angle by the Gray code, 0 last. */
  function parityPath(rotations) {
    const gray = rotations.map((_, i) => i ^ (i >> 1)).reverse();
    return gray.filter((mask) => Math.abs(rotations[mask]) > TOLERANCE / 10);
  }

  /** Count the CZ of a multiplexed rotation of a qubit in |0> along a path of parities. */
  const pathCost = (path) => path.reduce((sum, mask, i) => sum + ones(mask ^ (path[i + 1] ?? 0)), 0);

  /** Rotate at each parity of the path, with CZ in between, and return to parity 0. */
  function walk(rotations, path, controls, target) {
    return path.flatMap((mask, i) => {
      const flips = mask ^ (path[i + 1] ?? 0);
      const flipping = controls.filter((_, c) => flips & (1 << (controls.length - 1 - c)));
      return [ry(rotations[mask], target), ...flipping.map((control) => cz(control, target))];
    });
  }

  /** Rotate a qubit in |0> by an angle for each value of the controls. */
  function multiplexedRy(angles, controls, target) {
    const rotations = walshAngles(angles);
    return walk(rotations, parityPath(rotations), controls, target);
  }

  /** Apply `first` where `control` is 0, or `second` where it is 1: SO(4) matrices, at most 8 CZ. */
  function multiplexedRotation(first, second, control, pair) {
    const [p, q] = toQuaternions(multiply(first, transpose(second)));
    const [vLeft, a] = rotationToAxis(p), [vRight, b] = rotationToAxis(q);
    if (Math.abs(a) + Math.abs(b) < TOLERANCE) return twoQubitRotation(first, ...pair);
    const outer = fromQuaternions(vLeft, vRight);
    const half = fromQuaternions(...[a, b].map((t) => [Math.cos(t / 2), Math.sin(t / 2), 0, 0]));
    const inner = multiply(transpose(half), multiply(transpose(outer), first));
    const turns = pair.flatMap((qubit, i) => {
      const angle = [a, b][i];
      return Math.abs(angle) > TOLERANCE ? [cz(control, qubit), ry(angle, qubit), cz(control, qubit)] : [];
    });
    return [...twoQubitRotation(inner, ...pair), ...turns, ...twoQubitRotation(outer, ...pair)];
  }

  /** Find the two product states in the plane of u and v, as 2 x 2 matrices; none if there are not two. */
  function productStates([u, v]) {
    const a = u[0] * u[3] - u[1] * u[2], c = v[0] * v[3] - v[1] * v[2];
    const b = u[0] * v[3] + v[0] * u[3] - u[1] * v[2] - v[1] * u[2], discriminant = b * b - 4 * a * c;
    if (discriminant < TOLERANCE) return [];
    const root = -(b + (b < 0 ? -1 : 1) * Math.sqrt(discriminant)) / 2;
    return [[root, a], [c, root]].map(unit).map(([x, y]) => u.map((_, i) => x * u[i] + y * v[i]));
  }

  /**
   * Map one of two qubits, the other in |0>, onto the plane that two vectors of length 4 span: 1 or 2 CZ.
   *
   * Return the input qubit, the gates, and the images of its |0> and |1>.
   */
  function twoQubitIsometry(plane, pair) {
    const products = productStates(plane);
    for (let carrier = 0; carrier < 2 && products.length > 0; carrier++) {
      const factors = products.map(([a, b, c, d]) => (carrier ? [[a, c], [b, d]] : [[a, b], [c, d]]));
      const own = factors.map((factor) => Linear.svd(factor).u[0]);
      if (Math.abs(dot(own[0], own[1])) > TOLERANCE) continue;
      own[1] = [-own[0][1], own[0][0]];
      const other = factors.map((factor, i) => unit(transpose(factor).map((column) => dot(column, own[i]))));
      const source = pair[carrier], target = pair[1 - carrier];
      const gates = [...multiplexedRy(other.map(([c, s]) => turnTo(c, s)), [source], target), ry(turnTo(...own[0]), source)];
      const states = own.map((x, i) => (carrier ? kron([other[i]], [x]) : kron([x], [other[i]]))[0]);
      return { source, gates, states };
    }
    const basis = Linear.completed(plane, 4), sign = Math.sign(determinant(basis));
    basis[3] = scaled(basis[3], sign);
    return { source: pair[1], gates: twoQubitRotation(transpose(basis), ...pair), states: plane };
  }

  /** Decompose orthonormal vectors of length 8, as columns, as (A0 (+) A1) [C; S] B; A0 and A1 have determinant 1. */
  function cosinesAndSines(vectors) {
    const rank = vectors.length, columns = transpose(vectors);
    const { u: upper, values: cosines, v: mixing } = Linear.svd(columns.slice(0, 4));
    const rest = mixing.map((weights) => columns.slice(4).map((row) => dot(row, weights)));
    const { q, diagonal } = Linear.qr(rest.slice().reverse()); // longest column first, for accuracy
    const lower = [...q.slice(0, rank).reverse(), ...q.slice(rank)], sines = diagonal.reverse();
    for (const [side, values] of [[upper, cosines], [lower, sines]]) {
      if (determinant(side) > 0) continue;
      side[3] = scaled(side[3], -1);
      if (rank === 4) values[3] = -values[3];
    }
    return { upper, lower, cosines, sines, mixing };
  }

  /**
   * Map the last one or two of three qubits, the others in |0>, onto a subspace of 2 or 4 dimensions.
   *
   * Return the gates, and the images of the input basis states.
   */
  function threeQubitIsometry(vectors, qubits) {
    const rank = vectors.length, { upper, lower, cosines, sines } = cosinesAndSines(vectors);
    const states = cosines.map((c, i) => [...scaled(upper[i], c), ...scaled(lower[i], sines[i])]);
    const angles = cosines.map((c, i) => turnTo(c, sines[i])), inputs = qubits.slice(rank === 2 ? 2 : 1);
    const rotation = multiplexedRotation(transpose(upper), transpose(lower), qubits[0], qubits.slice(1));
    return { gates: [...multiplexedRy(angles, inputs, qubits[0]), ...rotation], states };
  }

  /** Decompose an SO(8) matrix into at most 19 CZ; the most significant qubit is first. */
  function threeQubitRotation(matrix, ...qubits) {
    const { upper, lower, cosines, sines, mixing } = cosinesAndSines(transpose(matrix).slice(0, 4));
    if (determinant(mixing) < 0) {
      mixing[0] = scaled(mixing[0], -1);
      cosines[0] = -cosines[0];
      sines[0] = -sines[0];
    }
    const right = (rows) => rows.map((row) => row.slice(4));
    const above = multiply(upper, right(matrix.slice(0, 4))), below = multiply(lower, right(matrix.slice(4)));
    const second = cosines.map((c, i) => below[i].map((x, j) => c * x - sines[i] * above[i][j]));
    const rotations = walshAngles(cosines.map((c, i) => turnTo(c, sines[i]))), path = parityPath(rotations);
    const start = path[0] ?? 0; // B1 absorbs the CZ that closes the rotation in the middle
    const signed = second.map((row, x) => scaled(row, ones(x & start) % 2 ? -1 : 1));
    return [
      ...multiplexedRotation(mixing, signed, qubits[0], qubits.slice(1)),
      ...walk(rotations, path, qubits.slice(1), qubits[0]),
      ...multiplexedRotation(transpose(upper), transpose(lower), qubits[0], qubits.slice(1)),
    ];
  }

  return {
    turnTo, walshAngles, parityPath, pathCost, multiplexedRy, twoQubitRotation, twoQubitIsometry,
    threeQubitIsometry, threeQubitRotation,
  };
})();
