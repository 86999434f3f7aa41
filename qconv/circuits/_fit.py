"""Real states of four qubits, any 3x3 kernel among them, by a numerical fit: 6 CX, or 5.

The ansatz is an RY on every qubit, then CZ gates, each followed by an RY on its two qubits. Six CZ
give 16 angles for the 15 degrees of freedom of a real state of four qubits. A search over
all 2,184 distinct ways to place five CZ, 24 starts each, found none that prepares a random 3x3
kernel, while many placements of six do; the ring below converges most often, from 3 starts in 10.
Some kernels with structure, emboss for one, need only five.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from qconv.circuits._gates import Array, Gates, cz, ry

Placement = tuple[tuple[int, int], ...]

_SIX: tuple[Placement, ...] = (
    ((1, 3), (1, 2), (0, 2), (0, 3), (1, 3), (1, 2)),
    ((2, 3), (0, 3), (1, 2), (0, 2), (2, 3), (0, 3)),
)
_FIVE: tuple[Placement, ...] = (
    ((0, 1), (1, 2), (2, 3), (1, 3), (0, 1)),
    ((1, 3), (0, 1), (2, 3), (0, 3), (2, 3)),
)
_STARTS = {5: 6, 6: 20}  # per placement; a random kernel fails 40 starts on six once in 10,000
_RESIDUAL = 1e-13
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
    target = state.ravel()
    rng = np.random.default_rng(_SEED)
    for _ in range(_STARTS[cost]):
        for placement in _FIVE if cost == 5 else _SIX:
            angles = _solve(placement, target, rng.uniform(-np.pi, np.pi, 4 + 2 * cost))
            if np.linalg.norm(_evolve(placement, angles)[0] - target) <= _RESIDUAL:
                return _to_gates(placement, angles)
    return None


def _solve(placement: Placement, target: Array, start: Array) -> Array:
    """Run Levenberg-Marquardt from one start, with the analytic Jacobian."""
    computed: dict[bytes, tuple[Array, Array]] = {}

    def evolve(angles: Array) -> tuple[Array, Array]:
        key = angles.tobytes()
        if key not in computed:
            computed.clear()
            computed[key] = _evolve(placement, angles)
        return computed[key]

    angles: Array = least_squares(
        lambda angles: evolve(angles)[0] - target,
        start,
        jac=lambda angles: evolve(angles)[1],
        method="lm",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=80,
    ).x
    return angles


def _rotations(placement: Placement) -> list[tuple[int, tuple[int, int] | None]]:
    """List every RY, in order: its qubit, and the CZ that comes right before it, if any."""
    first: list[tuple[int, tuple[int, int] | None]] = [(qubit, None) for qubit in range(4)]
    for pair in placement:
        first += [(pair[0], pair), (pair[1], None)]
    return first


def _evolve(placement: Placement, angles: Array) -> tuple[Array, Array]:
    """Return the state, shape ``(16,)``, and its derivatives, shape ``(16, len(angles))``."""
    columns = np.zeros((16, len(angles) + 1))  # the derivatives, then the state
    columns[0, -1] = 1.0
    cosines, sines = np.cos(angles / 2), np.sin(angles / 2)
    for i, (qubit, pair) in enumerate(_rotations(placement)):
        if pair is not None:
            columns[(_BIT[pair[0]] & _BIT[pair[1]]) == 1] *= -1
        turned = _SIGN[qubit][:, None] * columns[_FLIPPED[qubit]]
        columns = cosines[i] * columns + sines[i] * turned
        columns[:, i] = 0.5 * _SIGN[qubit] * columns[_FLIPPED[qubit], -1]
    return columns[:, -1], columns[:, :-1]


def _to_gates(placement: Placement, angles: Array) -> Gates:
    """Write the fitted circuit as gates."""
    gates: Gates = []
    for (qubit, pair), angle in zip(_rotations(placement), angles, strict=True):
        gates += [cz(*pair)] if pair is not None else []
        gates.append(ry(angle, qubit))
    return gates
