"""Lists of real gates, which the preparation routines build before making a circuit.

A gate list is executed from left to right. Qubits are numbered like the axes of the state tensor:
qubit 0 is the first axis, the most significant bit of the C-order index.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TOLERANCE = 1e-13
"""Amplitudes of normalised states, singular values and angles below this limit are taken as zero.
"""


class Gate(NamedTuple):
    """A gate: ``ry``, ``rx``, ``rz`` (angle in radians), ``x``, ``h``, ``z``, ``cz`` or ``phase``.

    The names are Qiskit's, but ``phase`` acts on no qubit: it multiplies the state by
    ``exp(i angle)``. Only the few CZ pairs that :mod:`_simplify` merges become complex gates.
    """

    name: str
    qubits: tuple[int, ...]
    angle: float = 0.0


Gates = list[Gate]


def ry(angle: float, qubit: int) -> Gate:
    """Rotate ``qubit`` by ``angle`` radians about Y."""
    return Gate("ry", (qubit,), float(angle))


def cz(first: int, second: int) -> Gate:
    """Flip the sign where both qubits are 1. A CZ costs one CX."""
    return Gate("cz", (min(first, second), max(first, second)))


def two_qubit_count(gates: Iterable[Gate]) -> int:
    """Count the CZ gates, each of which is one CX after transpiling to ``rz, sx, x, cx``."""
    return sum(len(gate.qubits) == 2 for gate in gates)


def relabel(gates: Iterable[Gate], qubits: Sequence[int]) -> Gates:
    """Move a gate list from qubits ``0, 1, ...`` to ``qubits[0], qubits[1], ...``."""
    return [Gate(name, tuple([qubits[q] for q in own]), angle) for name, own, angle in gates]


def simulate(gates: Iterable[Gate], num_qubits: int) -> NDArray[np.complex128]:
    """Run a gate list on ``|0...0>`` and return the state, shape ``(2,) * num_qubits``."""
    state = np.zeros(2**num_qubits, dtype=np.complex128)
    state[0] = 1.0
    for gate in gates:
        if gate.name == "phase":
            state *= np.exp(1j * gate.angle)
        elif gate.name == "cz":
            first, second = sorted(gate.qubits)
            state.reshape(2**first, 2, 2 ** (second - first - 1), 2, -1)[:, 1, :, 1] *= -1
        else:
            pairs = state.reshape(2 ** gate.qubits[0], 2, -1)
            state = (_one_qubit_matrix(gate) @ pairs).ravel()
    return state.reshape((2,) * num_qubits)


_PAULI = {
    "1": np.eye(2, dtype=np.complex128),
    "x": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}


def _one_qubit_matrix(gate: Gate) -> NDArray[np.complex128]:
    """Return the matrix of a one-qubit gate, shape ``(2, 2)``."""
    if gate.name in _PAULI:
        return _PAULI[gate.name]
    if gate.name == "h":
        hadamard: NDArray[np.complex128] = (_PAULI["x"] + _PAULI["z"]) / np.sqrt(2)
        return hadamard
    c, s = math.cos(gate.angle / 2), math.sin(gate.angle / 2)
    if gate.name == "ry":
        return np.array([[c, -s], [s, c]], dtype=np.complex128)
    rotation: NDArray[np.complex128] = c * _PAULI["1"] - 1j * s * _PAULI[gate.name[1]]
    return rotation
