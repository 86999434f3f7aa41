"""Invertible preparations of amplitudes from a basis state.

A simulator can set the state of a register directly, but this operation is not unitary and has no
inverse. A tree of rotations has an inverse (Shende, Bullock and Markov 2006, quant-ph/0406176,
section 4). For ``n`` qubits, level ``k`` rotates qubit ``n - 1 - k`` about Y, by one angle for each
state of the ``k`` qubits above it. Each level divides the norm of a branch between its two halves.
The last level sets the amplitudes with their signs. Complex amplitudes have one more level, the
diagonal of their phases. SX gates turn Y into Z. Between SX gates, each
level is therefore one diagonal, which a simulator applies as one instruction:

    SX diag(exp(i t), exp(-i t)) SX^dagger = RY(2 t).

The tree starts from ``|1...1>``, whose sign a simulator can flip by changing a single amplitude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate, Qubit

from qconv._checks import Numbers
from qconv.circuits.registers import append_again, large_diagonal

_Array = NDArray[np.float64]


class Preparation(Protocol):
    """A unitary that maps a basis state to amplitudes."""

    @property
    def start(self) -> int:
        """Value of every qubit in the basis state: 0 or 1."""

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the unitary."""

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append the inverse of the unitary."""


class RotationTree:
    """A tree of multiplexed rotations for a simulator, with one diagonal per level.

    Args:
        amplitudes: ``2**len(qubits)`` amplitudes, not all zero.
        qubits: Qubits to prepare, lowest bit first.
    """

    start = 1

    def __init__(self, amplitudes: Numbers, qubits: Sequence[Qubit]) -> None:
        self._phases: list[tuple[CircuitInstruction, CircuitInstruction]] = []
        if amplitudes.dtype.kind == "c":
            turns = np.exp(1j * np.angle(amplitudes.ravel()))
            both = (
                CircuitInstruction(large_diagonal(d), (*qubits,), ()) for d in (turns, turns.conj())
            )
            self._phases.append((next(both), next(both)))
            amplitudes = np.abs(amplitudes)
        self._levels = []
        for level, angles in enumerate(tree_angles(amplitudes)):
            above, target = qubits[len(qubits) - level :], qubits[len(qubits) - 1 - level]
            phases = np.exp(1j * (angles - math.pi / 2))  # the tree starts from 1, not from 0
            diagonal = large_diagonal(np.concatenate([phases, phases.conj()]))
            self._levels.append((target, CircuitInstruction(diagonal, (*above, target), ())))

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the rotations, from the root to the leaves."""
        for target, diagonal in self._levels:
            circuit.sxdg(target)
            append_again(circuit, diagonal)
            circuit.sx(target)
        for phases, _ in self._phases:
            append_again(circuit, phases)

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append the inverse rotations in reverse order, between gates that turn Y into -Z."""
        for _, phases in self._phases:
            append_again(circuit, phases)
        for target, diagonal in reversed(self._levels):
            circuit.sx(target)
            append_again(circuit, diagonal)
            circuit.sxdg(target)


def tree_angles(amplitudes: _Array) -> list[_Array]:
    """Return half of each branch's rotation angle, one array of ``2**k`` angles per level ``k``."""
    levels = []
    norms = amplitudes.ravel() / np.abs(amplitudes).max()
    while norms.size > 1:
        pairs = norms.reshape(-1, 2)
        levels.append(np.arctan2(pairs[:, 1], pairs[:, 0]))
        norms = np.hypot(pairs[:, 0], pairs[:, 1])
    return levels[::-1]


class GatePreparation:
    """The gates of a circuit, or one gate that represents them.

    Args:
        forward: Gates that prepare the amplitudes from ``|0...0>``.
        qubits: Qubits to prepare, lowest bit first.
    """

    start = 0

    def __init__(self, forward: QuantumCircuit | Gate, qubits: Sequence[Qubit]) -> None:
        self._qubits, self._forward = qubits, forward
        self._backward = forward.inverse()

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the gates."""
        circuit.compose(self._forward, self._qubits, inplace=True)

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append the inverses of the gates in reverse order."""
        circuit.compose(self._backward, self._qubits, inplace=True)
