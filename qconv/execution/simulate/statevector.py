"""Pieces: a long circuit simulated in parts, the state handed on from one to the next.

A simulator copies all numbers of a circuit before it begins. Rounds of amplitude amplification all
have the same ones, as many as the image has pixels, so that each is simulated by itself. A round
ends with the reflection about the prepared state: a simulator of gates would prepare it anew for
that, though on a state vector it is one inner product.
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

#: Qubits up to which a piece is simulated by one thread: its gates are many and short, so that two
#: threads take half as long again of the cores, and gain nothing unless both are idle.
_ALONE = 21


def simulated(circuit: QuantumCircuit) -> Result:
    """What the ideal simulator gives for a circuit without measurements.

    Args:
        circuit: Saves what is wanted at its end, after any rounds.

    Raises:
        RuntimeError: The simulator failed.
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
    """A round up to its reflection, which begins with a placeholder and saves its state."""
    *items, last = one.data
    begun = _begun(items, one)
    begun.save_statevector()
    return begun, last.operation


def _begun(items: Iterable[CircuitInstruction], like: QuantumCircuit) -> QuantumCircuit:
    """Some of a circuit's instructions, after a placeholder for the state to begin with."""
    begun = like.copy_empty_like()
    begun.barrier()
    for item in items:
        append_again(begun, item)
    return known_to_aer(begun)


def _from(piece: QuantumCircuit, state: NDArray[np.complex128]) -> QuantumCircuit:
    """The same piece, with a state to begin with in place of the one before."""
    whole = WholeState(state, piece.num_qubits)
    piece.data[0] = CircuitInstruction(whole, tuple(piece.qubits), ())
    return piece


def _state(piece: QuantumCircuit, simulator: AerSimulator) -> NDArray[np.complex128]:
    """The state at the end of a piece, which saves it."""
    return np.array(_run(piece, simulator).data(0)["statevector"], copy=None)


def _run(piece: QuantumCircuit, simulator: AerSimulator) -> Result:
    result = simulator.run(piece, shots=1).result()
    require_success(result)
    return result
