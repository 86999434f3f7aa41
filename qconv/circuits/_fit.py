"""Numerical fit of circuits for real four-qubit states, such as any 3x3 kernel: 5 or 6 CX.

The ansatz is an RY on every qubit, then CZ gates, each followed by an RY on both of its qubits. Six
CZ give 16 angles for the 15 degrees of freedom of a real four-qubit state. A search over all 2,184
distinct placements of five CZ, with 24 starts each, found no placement that prepares a random 3x3
kernel. Many placements of six CZ prepare such a kernel. The ring below converges most often, from 7
of 10 starts. Some structured kernels, such as emboss, need only five CZ. Among all placements of
five CZ, the five placements below prepared the most kernels of small integers.

Five CZ are tried only if they may succeed. The states that such a placement prepares form a set of
13 dimensions. Final RY gates map this set to itself. Some polynomials that are invariant under
final RY gates therefore vanish on this set. For each placement, linear algebra on random circuits
found the polynomial of lowest degree: :func:`_quartic` or :func:`_sextic`. On a generic state, no
such polynomial is near 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qconv.circuits._gates import Array, Gates, cz, ry

Placement = tuple[tuple[int, int], ...]

_SIX: tuple[Placement, ...] = (
    ((1, 3), (1, 2), (0, 2), (0, 3), (1, 3), (1, 2)),
    ((2, 3), (0, 3), (1, 2), (0, 2), (2, 3), (0, 3)),
)
_STARTS = 12  # per batch
_BATCHES = {5: 2, 6: 6}  # per placement
_ITERATIONS = 200
_PATIENCE = 6  # iterations in which the distance must fall by 1 %
_RESIDUAL = 1e-13
_COARSE = 1e-4
_VANISHES = 1e-12
_SEED = 20040716


# ----------------------------------------------------------- states that five CZ cannot prepare

_Y = np.array([[0.0, -1.0], [1.0, 0.0]])  # Pauli Y up to a factor i; two such factors are a sign
_YY = np.kron(_Y, _Y)
_YY1_Y1Y = np.array([np.kron(_YY, np.eye(2)), np.kron(np.kron(_Y, np.eye(2)), _Y)])
_1ZX = np.array([np.eye(2), np.diag([1.0, -1.0]), [[0.0, 1.0], [1.0, 0.0]]])
_PAIRS = np.einsum("kij,lmn->klimjn", _1ZX, _1ZX).reshape(9, 16)


def _quartic(state: Array, a: int, b: int) -> float:
    """Return the cross product of ``<Y_a s_b Y_c>`` and ``<Y_a s_b Y_d>``, with ``s = (Z, X)``.

    ``c`` and ``d`` are the other two qubits. For four placements the product vanishes if ``(a, b)``
    is the last CZ and the CZ before it acts on ``b``.
    """
    rest = (qubit for qubit in range(4) if qubit not in (a, b))
    halves = state.transpose(b, a, *rest).reshape(2, 8)
    forms = halves @ _YY1_Y1Y @ halves.T
    z, x = forms[:, 0, 0] - forms[:, 1, 1], 2 * forms[:, 0, 1]
    return float(z[0] * x[1] - x[0] * z[1])


def _sextic(state: Array) -> float:
    """Combine ``<Y_0 Y_2 s_1 s_3>``, ``<Y_0 Y_2 s_1>`` and ``<Y_0 Y_2 s_3>``, with ``s = (Z, X)``.

    The first quantity is a matrix. It is multiplied by the other two quantities, which are vectors,
    after each vector is turned by 90 degrees.
    """
    quarters = state.transpose(1, 3, 0, 2).reshape(4, 4)
    values = (_PAIRS @ (quarters @ _YY @ quarters.T).ravel()).reshape(3, 3)
    (z1, x1), (z3, x3), both = values[1:, 0], values[0, 1:], values[1:, 1:]
    return float(np.array([-x1, z1]) @ both @ np.array([-x3, z3]))


_FIVE: dict[Placement, Callable[[Array], float]] = {
    ((0, 1), (1, 2), (2, 3), (1, 3), (0, 1)): lambda state: _quartic(state, 0, 1),
    ((1, 3), (0, 1), (2, 3), (0, 3), (2, 3)): lambda state: _quartic(state, 2, 3),
    ((2, 3), (0, 2), (0, 1), (1, 2), (2, 3)): lambda state: _quartic(state, 3, 2),
    ((0, 2), (0, 1), (2, 3), (0, 3), (0, 1)): lambda state: _quartic(state, 1, 0),
    ((2, 3), (1, 3), (0, 1), (0, 3), (1, 2)): _sextic,
}
"""Placements of five CZ, with the polynomial that vanishes on all states they prepare."""


# ------------------------------------------------------------------------------------- the fit


def fit_four_qubits(state: Array, cost: int) -> Gates | None:
    """Fit a circuit with ``cost`` CZ gates to a real state of four qubits.

    Args:
        state: State of norm 1, shape ``(2, 2, 2, 2)``.
        cost: Number of CZ gates, 5 or 6.

    Returns:
        The gates, exact to 1e-13; None if no start converged. The result is deterministic.
    """
    rng = np.random.default_rng(_SEED)
    for _ in range(_BATCHES[cost]):
        for placement in _FIVE if cost == 5 else _SIX:
            starts = rng.uniform(-np.pi, np.pi, (_STARTS, 4 + 2 * cost))
            if cost == 5 and abs(_FIVE[placement](state)) > _VANISHES:
                continue
            angles = _solve(placement, state.ravel(), starts)
            if angles is not None:
                return _to_gates(placement, angles)
    return None


def _solve(placement: Placement, target: Array, angles: Array) -> Array | None:
    """Run Levenberg-Marquardt from many starts, one per row of ``angles``.

    Return the first angles that converge to the target, or None if all starts stall.
    """
    damping = np.full(len(angles), 0.1)
    residual, jacobian = _evolve(placement, angles, target)
    distance = np.linalg.norm(residual, axis=1)
    past = [np.full(len(angles), np.inf)] * _PATIENCE
    for _ in range(_ITERATIONS):
        trial = _step(angles, residual, jacobian, damping)
        trial_residual, trial_jacobian = _evolve(placement, trial, target)
        trial_distance = np.linalg.norm(trial_residual, axis=1)
        better = trial_distance < distance
        angles = np.where(better[:, None], trial, angles)
        residual = np.where(better[:, None], trial_residual, residual)
        jacobian = np.where(better[:, None, None], trial_jacobian, jacobian)
        damping = (damping * np.where(better, 0.3, 4.0)).clip(1e-13, 1e6)
        past.append(distance)
        distance = np.minimum(distance, trial_distance)
        if distance.min() <= _RESIDUAL:
            best: Array = angles[int(np.argmin(distance))]
            return best
        moving = distance < 0.99 * past.pop(0)
        if not moving.any():
            return None
        if not moving.all():
            angles, residual, jacobian = angles[moving], residual[moving], jacobian[moving]
            damping, distance = damping[moving], distance[moving]
            past = [earlier[moving] for earlier in past]
    return None


def _step(angles: Array, residual: Array, jacobian: Array, damping: Array) -> Array:
    """Take a Levenberg-Marquardt step from each set of angles.

    Far from a solution, the angles are rounded to six digits. Rounding errors differ between
    machines and even processes; they must not decide where the fit ends.
    """
    transposed = jacobian.swapaxes(1, 2)
    normal = transposed @ jacobian + damping[:, None, None] * np.eye(angles.shape[1])
    after = angles - np.linalg.solve(normal, transposed @ residual[:, :, None])[:, :, 0]
    far = np.linalg.norm(residual, axis=1) > _COARSE
    return np.where(far[:, None], after.round(6), after)


@lru_cache(maxsize=16)
def _layers(
    placement: Placement,
) -> tuple[list[tuple[NDArray[np.intp], Array]], NDArray[np.intp]]:
    """Return the layers of a placement, and the amplitude in each row after the last layer.

    The first column has the state, the others its derivatives. A layer is the effect of one CZ
    before the two RY that follow. It brings the two qubits to the front, flips signs, and appends
    the derivatives with respect to the angles of the two RY. These derivatives are permuted
    amplitudes. It consists of two flat arrays: the index of the source of every new entry, and its
    factor.
    """
    rows = np.arange(16)
    amplitudes = rows
    sign = np.where(rows < 12, 1.0, -1.0)
    layers = []
    for i, pair in enumerate(placement):
        order = [*pair, *(qubit for qubit in range(4) if qubit not in pair)]
        after = rows.reshape(2, 2, 2, 2).transpose(order).ravel()
        before = np.argsort(amplitudes)[after]
        width = 5 + 2 * i
        source = before[:, None] * width + np.arange(width)
        factor = np.repeat(sign[:, None], width, 1)
        # The derivative of the RY is J/2 times it, where J|0> = |1> and J|1> = -|0>.
        for bit in (8, 4):
            half = np.where(rows & bit, 0.5, -0.5)
            source = np.column_stack([source, before[rows ^ bit] * width])
            factor = np.column_stack([factor, half * sign[rows ^ bit]])
        layers.append((source.ravel(), factor.ravel()))
        amplitudes = after
    return layers, amplitudes


def _evolve(placement: Placement, angles: Array, target: Array) -> tuple[Array, Array]:
    """Run the ansatz for each row of ``angles``.

    Return the state minus the target, shape ``(sets, 16)``, and its derivatives, shape ``(sets, 16,
    angles)``. The amplitudes of state and derivatives are in the order of :func:`_layers`.
    """
    layers, amplitudes = _layers(placement)
    sets = len(angles)
    cosines, sines = np.cos(angles / 2), np.sin(angles / 2)
    columns = _first_rotations(cosines[:, :4], sines[:, :4])
    turns = np.array([[cosines, -sines], [sines, cosines]])[:, :, :, 4:].transpose(3, 2, 0, 1)
    first, second = turns[::2, :, :, None, :, None], turns[1::2, :, None, :, None, :]
    pairs = (first * second).reshape(-1, sets, 4, 4)
    for (source, factor), pair in zip(layers, pairs, strict=True):
        columns = columns.reshape(sets, -1).take(source, 1) * factor
        columns = pair @ columns.reshape(sets, 4, -1)
    columns = columns.reshape(sets, 16, -1)
    return columns[:, :, 0] - target[amplitudes], columns[:, :, 1:]


def _first_rotations(cosines: Array, sines: Array) -> Array:
    """Return the state after the first RY and its four derivatives, shape ``(sets, 16, 5)``."""
    states = np.stack([cosines, sines], 1)[:, :, None].repeat(5, 2)  # [set, bit, column, qubit]
    each = np.arange(4)
    states[:, 0, each + 1, each], states[:, 1, each + 1, each] = -0.5 * sines, 0.5 * cosines
    a, b, c, d = states.transpose(3, 0, 1, 2)
    first, second = a[:, :, None] * b[:, None], c[:, :, None] * d[:, None]
    product: Array = first[:, :, :, None, None] * second[:, None, None]
    return product.reshape(-1, 16, 5)


def _to_gates(placement: Placement, angles: Array) -> Gates:
    """Write the fitted circuit as gates."""
    gates = [ry(angle, qubit) for qubit, angle in enumerate(angles[:4])]
    for pair, turns in zip(placement, angles[4:].reshape(-1, 2), strict=True):
        gates.append(cz(*pair))
        gates += [ry(angle, qubit) for qubit, angle in zip(pair, turns, strict=True)]
    return gates
