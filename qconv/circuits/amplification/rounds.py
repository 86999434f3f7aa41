"""Rounds of amplitude amplification (Brassard, Hoyer, Mosca and Tapp 2002, quant-ph/0005055).

With ``A`` the whole algorithm, a preparation ``P`` and a filter ``F`` that leaves a part ``s`` of
the probability where it succeeds, ``m`` rounds ``A S_0 A^dagger Z`` turn the state in the plane of
success and failure: ``Z`` flips the sign where it failed, ``S_0`` that of the state in which ``A``
begins, and ``s = sin(t)**2`` becomes ``sin((2 m + 1) t)**2``. What succeeds is the same state as
before, but for its norm. Moving ``F`` to the end, ``m`` rounds and what follows them are

    F P (S_0 P^dagger F^dagger Z F P)^m,

where ``F^dagger Z F`` is often cheaper than two filters, and the first ``P`` is any preparation.
``P S_0 P^dagger = 1 - 2 |psi><psi|`` turns the sign of the prepared state: many gates, and for a
simulator one inner product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Qubit

from qconv.circuits.amplification.preparation import Preparation, RotationTree
from qconv.circuits.registers import ROUND, append_large

_Array = NDArray[np.float64]

#: Name of the instruction that turns the sign of the prepared state.
REFLECTION = "amplification_reflection"


@dataclass(frozen=True, eq=False)
class Rounds:
    """So many rounds between a preparation and the filter."""

    number: int
    """How many."""
    reflect: Callable[[QuantumCircuit], None]
    """Appends the filter, the sign where it failed, and the filter undone."""

    def append(
        self, circuit: QuantumCircuit, preparation: Preparation, prepared: Sequence[Qubit]
    ) -> None:
        """Append the rounds, gate by gate.

        Args:
            circuit: In which the amplitudes have been prepared.
            preparation: Of the same, that can be undone.
            prepared: The qubits of these. All others begin at 0; ancillas are 0 between the gates.
        """
        others = _others(circuit, prepared)
        one = circuit.copy_empty_like()
        self.reflect(one)
        _append_reflection(one, preparation, prepared, others)
        for _ in range(self.number):
            circuit.compose(one, inplace=True, copy=False)

    def append_boxes(
        self, circuit: QuantumCircuit, amplitudes: _Array, prepared: Sequence[Qubit]
    ) -> None:
        """Append the rounds as one instruction each, for a simulator.

        See `qconv.execution.simulate.statevector`.

        All are the same, so that their numbers take room once.
        ``circuit.decompose("amplification_round")`` opens them, and
        ``decompose("amplification_reflection")`` the gates of what a round ends with.

        Args:
            circuit: In which the amplitudes have been prepared.
            amplitudes: Real, not all zero.
            prepared: The first qubits of the circuit. All others begin at 0; ancillas are 0 between
                the gates.
        """
        others = _others(circuit, prepared)
        one = circuit.copy_empty_like()
        self.reflect(one)
        reflection = Reflection(amplitudes, len(prepared) + len(others))
        append_large(one, reflection, [*prepared, *others])
        box = Instruction(ROUND, one.num_qubits, 0, [])
        box.definition = one
        for _ in range(self.number):
            append_large(circuit, box, circuit.qubits)


class Reflection(Instruction):  # type: ignore[misc]  # Qiskit has no types
    """Turns the sign of a state of real amplitudes, and of nothing that is orthogonal to it.

    Its definition undoes the preparation of the amplitudes, turns the sign of the state where they
    begin, and prepares them again.

    Args:
        amplitudes: Of the first qubits, real, not all zero; the others are in ``|0>``.
        num_qubits: All of its qubits.
    """

    def __init__(self, amplitudes: _Array, num_qubits: int) -> None:
        self.amplitudes = amplitudes.ravel() / np.linalg.norm(amplitudes)
        super().__init__(REFLECTION, num_qubits, 0, [])

    def reflect(self, state: NDArray[np.complex128]) -> None:
        """Carry it out on a state vector, whose further qubits are in ``|0>``."""
        part = state[: self.amplitudes.size]
        part -= 2 * (self.amplitudes @ part) * self.amplitudes

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        number = self.amplitudes.size.bit_length() - 1
        prepared, others = definition.qubits[:number], definition.qubits[number:]
        tree = RotationTree(self.amplitudes, prepared)
        _append_reflection(definition, tree, prepared, others)
        self.definition = definition


def _others(circuit: QuantumCircuit, prepared: Sequence[Qubit]) -> list[Qubit]:
    """Qubits that were not prepared, and are no ancillas."""
    rest = {*prepared, *circuit.ancillas}
    return [qubit for qubit in circuit.qubits if qubit not in rest]


def _append_reflection(
    circuit: QuantumCircuit,
    preparation: Preparation,
    prepared: Sequence[Qubit],
    others: Sequence[Qubit],
) -> None:
    """Append what turns the sign of the prepared state with all others 0."""
    preparation.undo(circuit)
    zeros = others if preparation.start else [*prepared, *others]
    append_flip(circuit, [*prepared, *others], zeros)
    preparation.append(circuit)


def append_flip(circuit: QuantumCircuit, qubits: Sequence[Qubit], zeros: Sequence[Qubit]) -> None:
    """Append a flip of the sign of one basis state.

    Args:
        circuit: To which to append.
        qubits: Whose state it is, at least one.
        zeros: Those of them that are 0 in it; the others are 1.
    """
    if zeros:
        circuit.x(zeros)
    if len(qubits) == 1:
        circuit.z(qubits[0])
    else:
        circuit.mcp(math.pi, qubits[:-1], qubits[-1])
    if zeros:
        circuit.x(zeros)
