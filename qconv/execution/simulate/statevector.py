"""Simulation of a long circuit in pieces, each of which starts from the state of the previous one.

A simulator copies all parameters of a circuit before it starts. Rounds of amplitude amplification
have the same parameters, one per pixel, so each round is simulated separately. A round ends with
the reflection about the prepared state. A gate simulator would prepare this state again, but on a
state vector the reflection is one inner product.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.result import Result
from qiskit_aer import AerSimulator

from qconv.circuits.amplification.rounds import Reflection
from qconv.circuits.registers import ROUND, WholeState, append_again
from qconv.execution.device.backends import ideal_simulator, known_to_aer, require_success

#: Number of qubits up to which one thread simulates a piece. Its gates are many and short: two
#: threads would use 1.5 times the core time, and save time only if both cores are idle.
_ALONE = 21


def simulated(circuit: QuantumCircuit) -> Result:
    """Simulate a circuit without measurements, which saves its results at its end.

    Raises:
        RuntimeError: If the simulator failed.
    """
    if not any(item.name == ROUND for item in circuit.data):
        return _run(known_to_aer(circuit), ideal_simulator())
    simulator = ideal_simulator(_ALONE)
    head, tail = circuit.copy_empty_like(), circuit.copy_empty_like()
    rounds = []
    for item in circuit.data:
        if item.name == ROUND:
            rounds.append(item.operation.definition)
        else:
            append_again(tail if rounds else head, item)
    head.save_statevector()
    state = _state(known_to_aer(head), simulator)
    begun, reflection = _round(rounds[0])
    for number, one in enumerate(rounds):
        if one is not rounds[max(number - 1, 0)]:
            begun, reflection = _round(one)
        state = _state(_from(begun, state), simulator)
        reflection.reflect(state)
    return _run(_from(_begun(tail.data, tail), state), simulator)


def _round(one: QuantumCircuit) -> tuple[QuantumCircuit, Reflection]:
    """Split a round into a piece that saves its state, and the reflection that follows."""
    *items, last = one.data
    begun = _begun(items, one)
    begun.save_statevector()
    return begun, last.operation


def _begun(items: Iterable[CircuitInstruction], like: QuantumCircuit) -> QuantumCircuit:
    """Copy some instructions of a circuit after a placeholder for the initial state."""
    begun = like.copy_empty_like()
    begun.barrier()
    for item in items:
        append_again(begun, item)
    return known_to_aer(begun)


def _from(piece: QuantumCircuit, state: NDArray[np.complex128]) -> QuantumCircuit:
    """Set the initial state of a piece."""
    whole = WholeState(state, piece.num_qubits)
    piece.data[0] = CircuitInstruction(whole, tuple(piece.qubits), ())
    return piece


def _state(piece: QuantumCircuit, simulator: AerSimulator) -> NDArray[np.complex128]:
    """Run a piece and return its final state."""
    return np.array(_run(piece, simulator).data(0)["statevector"], copy=None)


def _run(piece: QuantumCircuit, simulator: AerSimulator) -> Result:
    result = simulator.run(piece, shots=1).result()
    require_success(result)
    return result
