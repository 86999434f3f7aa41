"""Real states of four qubits, any 3x3 kernel among them, by a numerical fit: 6 CX, or 5.

The ansatz is an RY on every qubit, then CZ gates, each followed by an RY on its two qubits. Six CZ
give 16 angles for the 15 degrees of freedom of a real state of four qubits. A search over
all 2,184 distinct ways to place five CZ, 24 starts each, found none that prepares a random 3x3
kernel, while many placements of six do; the ring below converges most often, from 3 starts in 10.
Some kernels with structure, emboss for one, need only five: those placements below that reached
five for the most kernels of small whole numbers.
"""

from __future__ import annotations

import numpy as np

from qconv.circuits._gates import Array, Gates, cz, ry

Placement = tuple[tuple[int, int], ...]

_SIX: tuple[Placement, ...] = (
    ((1, 3), (1, 2), (0, 2), (0, 3), (1, 3), (1, 2)),
    ((2, 3), (0, 3), (1, 2), (0, 2), (2, 3), (0, 3)),
)
_FIVE: tuple[Placement, ...] = (
    ((0, 1), (1, 2), (2, 3), (1, 3), (0, 1)),
    ((1, 3), (0, 1), (2, 3), (0, 3), (2, 3)),
    ((2, 3), (0, 2), (0, 1), (1, 2), (2, 3)),
    ((0, 2), (0, 1), (2, 3), (0, 3), (0, 1)),
    ((2, 3), (1, 3), (0, 1), (0, 3), (1, 2)),
)
_STARTS = 12  # at once
_BATCHES = {5: 1, 6: 6}  # per placement
_ITERATIONS = 60
_RESIDUAL = 1e-13
_COARSE = 1e-4
_SEED = 20040716

_INDEX = np.arange(16)
_BIT = [(_INDEX >> (3 - qubit)) & 1 for qubit in range(4)]
_FLIPPED = [_INDEX ^ (1 << (3 - qubit)) for qubit in range(4)]
_SIGN = [2.0 * bit - 1.0 for bit in _BIT]  # J|0> = |1>, J|1> = -|0>


def fit_four_qubits(state: Array, cost: int) -> Gates | None:
    """Fit a circuit with ``cost`` CZ gates to a real state of four qubits.

    Args:
        state: Shape ``(2, 2, 2, 2)``, norm 1.
        cost: 5 or 6.

    Returns:
        The gates, exact to 1e-13, or None if no start converged. Always the same for one state.
    """
    rng = np.random.default_rng(_SEED)
    for _ in range(_BATCHES[cost]):
        for placement in _FIVE if cost == 5 else _SIX:
            starts = rng.uniform(-np.pi, np.pi, (_STARTS, 4 + 2 * cost))
            angles = _solve(placement, state.ravel(), starts)
            if angles is not None:
                return _to_gates(placement, angles)
    return None


def _solve(placement: Placement, target: Array, angles: Array) -> Array | None:
    """Run Levenberg-Marquardt from many starts until the first converges.

    Far from a solution the angles are rounded to six digits after each step, so that rounding
    errors, which differ between machines and even processes, do not decide where it ends.

    Args:
        placement: Of the CZ gates.
        target: Shape ``(16,)``.
        angles: The starts, shape ``(starts, angles)``.

    Returns:
        Angles, shape ``(angles,)``, or None.
    """
    damping = np.full(len(angles), 0.1)
    residual, jacobian = _evolve(placement, angles, target)
    distance = np.linalg.norm(residual, axis=1)
    for _ in range(_ITERATIONS):
        transposed = jacobian.swapaxes(1, 2)
        normal = transposed @ jacobian + damping[:, None, None] * np.eye(angles.shape[1])
        trial = angles - np.linalg.solve(normal, transposed @ residual[:, :, None])[:, :, 0]
        trial = np.where((distance > _COARSE)[:, None], trial.round(6), trial)
        trial_residual, trial_jacobian = _evolve(placement, trial, target)
        trial_distance = np.linalg.norm(trial_residual, axis=1)
        better = trial_distance < distance
        angles = np.where(better[:, None], trial, angles)
        residual = np.where(better[:, None], trial_residual, residual)
        jacobian = np.where(better[:, None, None], trial_jacobian, jacobian)
        distance = np.minimum(distance, trial_distance)
        damping = np.clip(damping * np.where(better, 0.3, 4.0), 1e-13, 1e6)
        if distance.min() <= _RESIDUAL:
            best: Array = angles[int(np.argmin(distance))]
            return best
    return None


def _rotations(placement: Placement) -> list[tuple[int, tuple[int, int] | None]]:
    """List every RY, in order: its qubit, and the CZ that comes right before it, if any."""
    first: list[tuple[int, tuple[int, int] | None]] = [(qubit, None) for qubit in range(4)]
    for pair in placement:
        first += [(pair[0], pair), (pair[1], None)]
    return first


def _evolve(placement: Placement, angles: Array, target: Array) -> tuple[Array, Array]:
    """Run the ansatz for many sets of angles.

    Args:
        placement: Of the CZ gates.
        angles: Shape ``(sets, angles)``.
        target: Shape ``(16,)``.

    Returns:
        State minus target, shape ``(sets, 16)``, and its derivatives, ``(sets, 16, angles)``.
    """
    sets, count = angles.shape
    columns = np.zeros((sets, 16, count + 1))  # the derivatives, then the state
    columns[:, 0, -1] = 1.0
    cosines, sines = np.cos(angles / 2)[:, :, None, None], np.sin(angles / 2)[:, :, None, None]
    for i, (qubit, pair) in enumerate(_rotations(placement)):
        if pair is not None:
            columns[:, (_BIT[pair[0]] & _BIT[pair[1]]) == 1] *= -1
        turned = _SIGN[qubit][:, None] * columns[:, _FLIPPED[qubit]]
        columns = cosines[:, i] * columns + sines[:, i] * turned
        columns[:, :, i] = 0.5 * _SIGN[qubit] * columns[:, _FLIPPED[qubit], -1]
    return columns[:, :, -1] - target, columns[:, :, :-1]


def _to_gates(placement: Placement, angles: Array) -> Gates:
    """Write the fitted circuit as gates."""
    gates: Gates = []
    for (qubit, pair), angle in zip(_rotations(placement), angles, strict=True):
        gates += [cz(*pair)] if pair is not None else []
        gates.append(ry(angle, qubit))
    return gates
