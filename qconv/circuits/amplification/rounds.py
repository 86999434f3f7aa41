"""Rounds of amplitude amplification (Brassard, Hoyer, Mosca and Tapp 2002, quant-ph/0005055).

The algorithm ``A = F P`` is a preparation ``P`` followed by a filter ``F``, which succeeds with
probability ``s = sin(t)**2``. A round is ``A S_0 A^dagger Z``. ``Z`` flips the sign of the failed
component, and ``S_0`` flips the sign of the initial state of ``A``. Each round rotates the state in
the plane of success and failure: ``m`` rounds change ``s`` to ``sin((2 m + 1) t)**2``. The
successful component is unchanged except for its norm. With ``F`` moved to the end, the circuit is

    F P (S_0 P^dagger F^dagger Z F P)^m.

``F^dagger Z F`` is often cheaper than two filters, and the first ``P`` may be any preparation.
``P S_0 P^dagger = 1 - 2 |psi><psi|`` flips the sign of the prepared state. This takes many gates on
a device, but only one inner product in a simulator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction, Qubit

from qconv._checks import Numbers
from qconv.circuits.amplification.preparation import (
    GatePreparation,
    Preparation,
    RotationTree,
)
from qconv.circuits.registers import LARGE, ROUND, append_large, prepare

#: Name of the instruction that flips the sign of the prepared state.
REFLECTION = "amplification_reflection"


@dataclass(frozen=True, eq=False)
class Rounds:
    """Rounds of amplitude amplification between a preparation and the filter."""

    number: int
    """Number of rounds."""
    reflect: Callable[[QuantumCircuit], None]
    """Function that appends the filter, flips the failed component, and appends the inverse."""

    def append(
        self, circuit: QuantumCircuit, preparation: Preparation, prepared: Sequence[Qubit]
    ) -> None:
        """Append the rounds, gate by gate.

        Args:
            circuit: Circuit that prepares the amplitudes.
            preparation: Invertible preparation of the same amplitudes.
            prepared: Qubits of the amplitudes. All other qubits start in ``|0>``; ancillas are in
                ``|0>`` between the gates.
        """
        others = _others(circuit, prepared)
        one = circuit.copy_empty_like()
        self.reflect(one)
        _append_reflection(one, preparation, prepared, others)
        for _ in range(self.number):
            circuit.compose(one, inplace=True, copy=False)

    def append_boxes(
        self, circuit: QuantumCircuit, amplitudes: Numbers, prepared: Sequence[Qubit]
    ) -> None:
        """Append the rounds as one instruction each, for `qconv.execution.simulate.probabilities`.

        All rounds are the same object, so their parameters are stored once.
        ``circuit.decompose("amplification_round")`` expands them;
        ``decompose("amplification_reflection")`` expands the reflection at the end of a round.

        Args:
            circuit: Circuit that prepares the amplitudes.
            amplitudes: Real amplitudes, not all zero.
            prepared: First qubits of the circuit, which hold the amplitudes. All other qubits start
                in ``|0>``; ancillas are in ``|0>`` between the gates.
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


def after_preparation(
    shell: QuantumCircuit,
    amplitudes: Numbers,
    gates: Callable[[], QuantumCircuit | Gate],
    rounds: Rounds,
    *,
    native: bool,
) -> QuantumCircuit:
    """Return the circuit that prepares amplitudes, amplifies them, and ends with another circuit.

    Args:
        shell: Circuit at the end; its first qubits hold the amplitudes.
        amplitudes: ``2**n`` amplitudes, not all zero.
        gates: Function that returns the gates that prepare the amplitudes.
        rounds: Rounds of amplification; their number may be 0.
        native: Whether a simulator takes arrays as instructions, instead of the gates.
    """
    qubits = shell.qubits[: amplitudes.size.bit_length() - 1]
    circuit = shell.copy_empty_like()
    if native:
        prepare(circuit, amplitudes, qubits)
    else:
        circuit.compose(gates(), qubits, inplace=True, copy=False)
    if rounds.number and native and amplitudes.size >= LARGE:
        rounds.append_boxes(circuit, amplitudes, qubits)
    elif rounds.number and native:
        rounds.append(circuit, RotationTree(amplitudes, qubits), qubits)
    elif rounds.number:
        rounds.append(circuit, GatePreparation(gates(), qubits), qubits)
    circuit.compose(shell, inplace=True, copy=False)
    return circuit


class Reflection(Instruction):  # type: ignore[misc]  # Qiskit has no types
    """Instruction that flips the sign of a state of given amplitudes, not of orthogonal states.

    Its definition undoes the preparation of the amplitudes, flips the sign of the initial state,
    and prepares the amplitudes again.

    Args:
        amplitudes: Amplitudes of the first qubits, not all zero; the other qubits are in
            ``|0>``.
        num_qubits: Number of qubits of the instruction.
    """

    def __init__(self, amplitudes: Numbers, num_qubits: int) -> None:
        self.amplitudes = amplitudes.ravel() / np.linalg.norm(amplitudes)
        super().__init__(REFLECTION, num_qubits, 0, [])

    def reflect(self, state: NDArray[np.complex128]) -> None:
        """Apply the reflection in place to a state vector whose other qubits are in ``|0>``."""
        part = state[: self.amplitudes.size]
        part -= 2 * (self.amplitudes.conj() @ part) * self.amplitudes

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        number = self.amplitudes.size.bit_length() - 1
        prepared, others = definition.qubits[:number], definition.qubits[number:]
        tree = RotationTree(self.amplitudes, prepared)
        _append_reflection(definition, tree, prepared, others)
        self.definition = definition


def _others(circuit: QuantumCircuit, prepared: Sequence[Qubit]) -> list[Qubit]:
    """Return the qubits that are neither prepared nor ancillas."""
    rest = {*prepared, *circuit.ancillas}
    return [qubit for qubit in circuit.qubits if qubit not in rest]


def _append_reflection(
    circuit: QuantumCircuit,
    preparation: Preparation,
    prepared: Sequence[Qubit],
    others: Sequence[Qubit],
) -> None:
    """Append a flip of the sign of the prepared state with all other qubits 0."""
    preparation.undo(circuit)
    zeros = others if preparation.start else [*prepared, *others]
    append_flip(circuit, [*prepared, *others], zeros)
    preparation.append(circuit)


def append_flip(circuit: QuantumCircuit, qubits: Sequence[Qubit], zeros: Sequence[Qubit]) -> None:
    """Append a flip of the sign of the basis state with ``zeros`` 0 and all other ``qubits`` 1."""
    if zeros:
        circuit.x(zeros)
    if len(qubits) == 1:
        circuit.z(qubits[0])
    else:
        circuit.mcp(math.pi, qubits[:-1], qubits[-1])
    if zeros:
        circuit.x(zeros)
