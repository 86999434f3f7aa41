"""Probabilities of a circuit's outcomes, computed by an ideal simulator.

A simulator copies all parameters of a circuit before it starts. All rounds of amplitude
amplification have the same parameters, one per pixel. To hold a single copy at a time, each
round is simulated separately, from the state of the previous round. A round ends with the
reflection about the prepared state. A gate simulator would prepare this state again. On a state
vector, the reflection takes only one inner product.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.result import Result
from qiskit_aer import AerSimulator

from qconv._memory import require_memory
from qconv.circuits.amplification.rounds import Reflection
from qconv.circuits.registers import ROUND, WholeState, append_again
from qconv.execution.device.backends import (
    Backend,
    ideal_simulator,
    is_ideal,
    known_to_aer,
    require_success,
)
from qconv.execution.device.transpiling import ready

#: Bytes per prepared amplitude: a Python object, and the simulator's copies of it.
_PREPARED = 112

#: Maximum number of qubits of a piece that one thread simulates. The gates of a piece are many and
#: short: two threads would use 1.5 times the core time, and save time only if both cores are idle.
_ALONE = 21

NO_EXPECTATION = (
    "shots: expected an integer with this backend; None (the exact expectation) needs a simulator "
    "whose outcome probabilities can be computed"
)


def born_probabilities(
    circuit: QuantumCircuit, backend: Backend = None, *, measured: int | None = None
) -> NDArray[np.float64]:
    """Compute the probability of every outcome of measuring a circuit's first qubits.

    Args:
        circuit: Circuit without measurements.
        backend: Ideal ``AerSimulator``; None for the default one.
        measured: Number of measured qubits; None for all.

    Returns:
        ``2**measured`` probabilities, little-endian: outcome ``i`` has qubit 0 in its lowest bit.

    Raises:
        ValueError: If the backend is not an ideal simulator, or the state does not fit in memory.
        RuntimeError: If the simulator failed.
    """
    measured = circuit.num_qubits if measured is None else measured
    circuit.save_probabilities(circuit.qubits[:measured])
    try:
        return saved_probabilities(circuit, backend, measured)["probabilities"]
    finally:
        del circuit.data[-1]


def saved_probabilities(
    circuit: QuantumCircuit, backend: Backend, measured: int | None
) -> dict[str, NDArray[np.float64]]:
    """Run a circuit's ``save_probabilities`` instructions, and return their results by label.

    ``measured`` is the number of qubits whose probabilities are saved; None for all. See
    `born_probabilities` for the backend and the exceptions.
    """
    if not is_ideal(backend):
        raise ValueError(NO_EXPECTATION)
    needed = state_memory(circuit.num_qubits, measured or circuit.num_qubits)
    require_memory(needed, f"circuit of {circuit.num_qubits} qubits is")
    if backend is None:
        result = _simulated(circuit)
    else:
        result = backend.run(ready(circuit, backend), shots=1).result()
        require_success(result)
    saved: dict[str, NDArray[np.float64]] = result.data(0)
    return saved


def state_memory(num_qubits: int, measured: int) -> int:
    """Return the bytes needed for a state vector and the probabilities of its outcomes."""
    return int(16 * 2**num_qubits + 3 * 8 * 2**measured)


def require_room(num_qubits: int, measured: int, prepared: int, image: tuple[int, ...]) -> None:
    """Raise a ``ValueError`` if an image's circuit does not fit in memory.

    ``measured`` qubits are measured, and ``prepared`` have amplitudes prepared one by one.
    """
    require_memory(
        state_memory(num_qubits, measured) + _PREPARED * 2**prepared,
        f"image of shape {image}, in a circuit of {num_qubits} qubits, is",
    )


def _simulated(circuit: QuantumCircuit) -> Result:
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
