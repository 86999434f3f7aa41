"""Rounds of amplitude amplification (Brassard, Hoyer, Mosca and Tapp 2002, quant-ph/0005055).

With ``A`` the whole algorithm, a preparation ``P`` and a filter ``F`` that leaves a part ``s`` of
the probability where it succeeds, ``m`` rounds ``A S_0 A^dagger Z`` turn the state in the plane of
success and failure: ``Z`` flips the sign where it failed, ``S_0`` that of the state in which ``A``
begins, and ``s = sin(t)**2`` becomes ``sin((2 m + 1) t)**2``. What succeeds is the same state as
before, but for its norm. Moving ``F`` to the end, ``m`` rounds and what follows them are

    F P (S_0 P^dagger F^dagger Z F P)^m,

where ``F^dagger Z F`` is often cheaper than two filters, and the first ``P`` is any preparation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Qubit

from qconv.circuits.amplification.preparation import Preparation
from qconv.circuits.registers import ROUND, append_large


@dataclass(frozen=True, eq=False)
class Rounds:
    """So many rounds between a preparation and the filter."""

    number: int
    """How many."""
    reflect: Callable[[QuantumCircuit], None]
    """Appends the filter, the sign where it failed, and the filter undone."""

    def append(
        self,
        circuit: QuantumCircuit,
        preparation: Preparation,
        prepared: Sequence[Qubit],
        *,
        boxed: bool,
    ) -> None:
        """Append the rounds.

        Args:
            circuit: In which the amplitudes have been prepared.
            preparation: Of the same, that can be undone.
            prepared: The qubits of these. All others begin at 0; ancillas are 0 between the gates.
            boxed: Whether each round is an instruction by itself, which all share, so that a
                simulator needs the room of one of them, see `qconv.execution.pieces`.
                ``circuit.decompose("amplification_round")`` opens them.
        """
        clean = {*prepared, *circuit.ancillas}
        others = [qubit for qubit in circuit.qubits if qubit not in clean]
        zeros = others if preparation.start else [*prepared, *others]
        one = circuit.copy_empty_like()
        self.reflect(one)
        preparation.undo(one)
        append_flip(one, [*prepared, *others], zeros)
        preparation.append(one)
        if not boxed:
            for _ in range(self.number):
                circuit.compose(one, inplace=True, copy=False)
            return
        box = Instruction(ROUND, one.num_qubits, 0, [])
        box.definition = one
        for _ in range(self.number):
            append_large(circuit, box, circuit.qubits)


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
