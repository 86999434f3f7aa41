"""Pieces: a long circuit simulated in parts, the state handed on from one to the next.

A simulator copies all numbers of a circuit before it begins. Rounds of amplitude amplification all
have the same ones, as many as the image has pixels, so that each is simulated by itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.result import Result
from qiskit_aer import AerSimulator

from qconv.circuits.registers import ROUND, WholeState, append_again
from qconv.execution.backends import known_to_aer, require_success


def simulated(circuit: QuantumCircuit, simulator: AerSimulator) -> Result:
    """What a simulator of state vectors gives for a circuit without measurements.

    Args:
        circuit: Saves what is wanted at its end, after any rounds.
        simulator: Ideal.

    Raises:
        RuntimeError: The simulator failed.
    """
    if not any(item.name == ROUND for item in circuit.data):
        return _run(circuit, simulator)
    head, tail = circuit.copy_empty_like(), circuit.copy_empty_like()
    rounds = []
    for item in circuit.data:
        if item.name == ROUND:
            rounds.append(item.operation.definition)
        else:
            append_again(tail if rounds else head, item)
    state = _state(head, simulator)
    begun = None
    for one in rounds:
        if begun is None or one is not rounds[0]:
            begun = _begun(one)
        state = _state(_from(begun, state), simulator)
    return _run(_from(_begun(tail), state), simulator)


def _begun(piece: QuantumCircuit) -> QuantumCircuit:
    """A copy that begins with a placeholder, for the state that it will begin with."""
    begun = piece.copy_empty_like()
    begun.barrier()
    for item in piece.data:
        append_again(begun, item)
    return begun


def _from(piece: QuantumCircuit, state: NDArray[np.complex128]) -> QuantumCircuit:
    """The same piece, with a state to begin with in place of the one before."""
    whole = WholeState(state, piece.num_qubits)
    piece.data[0] = CircuitInstruction(whole, tuple(piece.qubits), ())
    return piece


def _state(piece: QuantumCircuit, simulator: AerSimulator) -> NDArray[np.complex128]:
    """The state at the end of a piece."""
    piece.save_statevector()
    found = _run(piece, simulator).data(0)["statevector"]
    del piece.data[-1]
    return np.asarray(found)


def _run(piece: QuantumCircuit, simulator: AerSimulator) -> Result:
    result = simulator.run(known_to_aer(piece), shots=1).result()
    require_success(result)
    return result
