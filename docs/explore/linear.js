"use strict";
// Linear algebra of small real matrices, which are arrays of rows.

const Linear = (() => {
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const norm = (a) => Math.sqrt(dot(a, a));
  const transpose = (matrix) => matrix[0].map((_, j) => matrix.map((row) => row[j]));
  const multiply = (a, b) => {
    const columns = transpose(b);
    return a.map((row) => columns.map((column) => dot(row, column)));
  };
  const identity = (n) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const kron = (a, b) => a.flatMap((x) => b.map((y) => x.flatMap((s) => y.map((t) => s * t))));

  /** Return row and column of the largest magnitude. */
  function largest(matrix) {
    let best = [0, 0];
    matrix.forEach((row, i) => row.forEach((x, j) => {
      if (Math.abs(x) > Math.abs(matrix[best[0]][best[1]])) best = [i, j];
    }));
    return best;
  }

  /** Solve A x = b by elimination with pivots; return x and the determinant of A. */
  function eliminate(matrix, vector) {
    const n = matrix.length, rows = matrix.map((row, i) => [...row, vector[i]]);
    let determinant = 1;
    for (let k = 0; k < n; k++) {
      let pivot = k;
      for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
      if (pivot !== k) {
        [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
        determinant = -determinant;
      }
      determinant *= rows[k][k];
      if (rows[k][k] === 0) return { x: null, determinant: 0 };
      for (let i = k + 1; i < n; i++) {
        const factor = rows[i][k] / rows[k][k];
        if (factor !== 0) for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
      }
    }
    const x = Array(n).fill(0);
    for (let i = n - 1; i >= 0; i--) {
      let sum = rows[i][n];
      for (let j = i + 1; j < n; j++) sum -= rows[i][j] * x[j];
      x[i] = sum / rows[i][i];
    }
    return { x, determinant };
  }

  const determinant = (matrix) => eliminate(matrix, matrix.map(() => 0)).determinant;

  /** Complete orthonormal vectors of length n to a basis: each new one is the unit vector that they contain least. */
  function completed(vectors, n) {
    const basis = vectors.map((vector) => vector.slice());
    while (basis.length < n) {
      const contained = Array.from({ length: n }, (_, i) => basis.reduce((sum, vector) => sum + vector[i] ** 2, 0));
      let vector = identity(n)[contained.indexOf(Math.min(...contained))];
      for (let twice = 0; twice < 2; twice++) {
        for (const other of basis) {
          const part = dot(vector, other);
          vector = vector.map((x, i) => x - part * other[i]);
        }
      }
      const length = norm(vector);
      basis.push(vector.map((x) => x / length));
    }
    return basis;
  }

  /**
   * Decompose a matrix into singular values by one-sided Jacobi rotations: A = U diag(values) V^T.
   *
   * Values are in descending order. U and V are square; both are returned as lists of their columns.
   */
  function svd(matrix) {
    if (matrix.length < matrix[0].length) {
      const { u, values, v } = svd(transpose(matrix));
      return { u: v, values, v: u };
    }
    const columns = transpose(matrix), n = columns.length, v = identity(n);
    const turn = (vectors, i, j, c, s) => {
      const a = vectors[i], b = vectors[j];
      for (let k = 0; k < a.length; k++) [a[k], b[k]] = [c * a[k] - s * b[k], s * a[k] + c * b[k]];
    };
    for (let sweep = 0, turned = true; turned && sweep < 60; sweep++) {
      turned = false;
      for (let i = 0; i < n; i++) {
        for (let j = i + 1; j < n; j++) {
          const aa = dot(columns[i], columns[i]), bb = dot(columns[j], columns[j]), ab = dot(columns[i], columns[j]);
          if (Math.abs(ab) <= 1e-16 * Math.sqrt(aa * bb) || Math.abs(ab) < 1e-40) continue;
          const cotangent = (bb - aa) / (2 * ab);
          const t = (cotangent >= 0 ? 1 : -1) / (Math.abs(cotangent) + Math.hypot(1, cotangent));
          const c = 1 / Math.hypot(1, t);
          turn(columns, i, j, c, c * t);
          turn(v, i, j, c, c * t);
          turned = true;
        }
      }
    }
    const sizes = columns.map(norm), order = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a]);
    const values = order.map((i) => sizes[i]);
    const known = order.filter((i) => sizes[i] > 1e-15 * values[0]);
    const u = completed(known.map((i) => columns[i].map((x) => x / sizes[i])), matrix.length);
    return { u, values, v: order.map((i) => v[i]) };
  }

  /** Decompose columns as Q R by reflections; return the columns of the square Q, and the diagonal of R. */
  function qr(columns) {
    const n = columns[0].length, rest = columns.map((column) => column.slice()), q = identity(n), diagonal = [];
    const reflect = (vector, normal) => {
      const part = 2 * dot(vector, normal);
      for (let i = 0; i < n; i++) vector[i] -= part * normal[i];
    };
    rest.forEach((column, k) => {
      const normal = column.map((x, i) => (i < k ? 0 : x)), length = norm(normal);
      const target = column[k] > 0 ? -length : length;
      diagonal.push(target);
      normal[k] -= target;
      const size = norm(normal);
      if (size === 0) return;
      const unit = normal.map((x) => x / size);
      for (const other of rest) reflect(other, unit);
      for (const row of q) reflect(row, unit); // q holds the rows of the product of reflections
    });
    return { q: transpose(q), diagonal };
  }

  return { dot, norm, transpose, multiply, identity, kron, largest, eliminate, determinant, completed, svd, qr };
})();
