"""Preparations that can be undone: real amplitudes from a basis state, and back.

A simulator sets the state of a register at once, but that is no unitary, and cannot be undone. What
can be is a tree of rotations: for ``n`` qubits, level ``k`` rotates qubit ``n - 1 - k`` about Y by
an angle for each state of the ``k`` qubits above it, so that the two halves of every branch get the
norms of what is to be in them, and the last level the amplitudes with their signs (Shende, Bullock
and Markov 2006, quant-ph/0406176, section 4). Between SX gates, which turn Y into Z, such a level
is one diagonal, which a simulator carries out at once:

    SX diag(exp(i t), exp(-i t)) SX^dagger = RY(2 t).

The tree begins at ``|1...1>``, whose sign a simulator can flip by touching a single amplitude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Qubit

from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.registers import AmplitudePreparation, append_again, large_diagonal

_Array = NDArray[np.float64]


class Preparation(Protocol):
    """A unitary that takes a basis state to real amplitudes."""

    @property
    def start(self) -> int:
        """What every qubit reads in the basis state: 0 or 1."""

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the unitary."""

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append its inverse."""


class RotationTree:
    """A tree of multiplexed rotations for a simulator, one diagonal for each level.

    Args:
        amplitudes: ``2**len(qubits)`` of them, not all zero.
        qubits: What is prepared, the lowest bit first.
    """

    start = 1

    def __init__(self, amplitudes: _Array, qubits: Sequence[Qubit]) -> None:
        self._levels = []
        for level, angles in enumerate(tree_angles(amplitudes)):
            above, target = qubits[len(qubits) - level :], qubits[len(qubits) - 1 - level]
            phases = np.exp(1j * (angles - math.pi / 2))  # from 1, not from 0
            diagonal = large_diagonal(np.concatenate([phases, phases.conj()]))
            self._levels.append((target, CircuitInstruction(diagonal, (*above, target), ())))

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the rotations, from the root to the leaves."""
        for target, diagonal in self._levels:
            circuit.sxdg(target)
            append_again(circuit, diagonal)
            circuit.sx(target)

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append them backwards: between gates that turn Y into -Z."""
        for target, diagonal in reversed(self._levels):
            circuit.sx(target)
            append_again(circuit, diagonal)
            circuit.sxdg(target)


def tree_angles(amplitudes: _Array) -> list[_Array]:
    """Half of the rotation of every branch, level by level: ``2**k`` angles at level ``k``.

    Args:
        amplitudes: A power of two of them, real, not all zero.
    """
    levels = []
    norms = amplitudes.ravel() / np.abs(amplitudes).max()
    while norms.size > 1:
        pairs = norms.reshape(-1, 2)
        levels.append(np.arctan2(pairs[:, 1], pairs[:, 0]))
        norms = np.hypot(pairs[:, 0], pairs[:, 1])
    return levels[::-1]


class GatePreparation:
    """The gates of `encode_amplitudes`, or a box of them that is counted by formula.

    Args:
        amplitudes: ``2**len(qubits)`` of them, not all zero.
        qubits: What is prepared, the lowest bit first.
        boxed: Whether to leave the gates in their box.
    """

    start = 0

    def __init__(self, amplitudes: _Array, qubits: Sequence[Qubit], *, boxed: bool) -> None:
        self._qubits = qubits
        if boxed:
            gate = AmplitudePreparation(amplitudes.ravel())
            self._forward, self._backward = gate, gate.inverse()
        else:
            encoded = encode_amplitudes(amplitudes.ravel())
            self._forward, self._backward = encoded, encoded.inverse()

    def append(self, circuit: QuantumCircuit) -> None:
        """Append the gates."""
        circuit.compose(self._forward, self._qubits, inplace=True)

    def undo(self, circuit: QuantumCircuit) -> None:
        """Append their inverses, backwards."""
        circuit.compose(self._backward, self._qubits, inplace=True)
