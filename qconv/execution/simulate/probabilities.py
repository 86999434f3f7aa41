"""Laws: the probabilities of a circuit's outcomes, as an ideal simulator computes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._memory import require_memory
from qconv.execution.device.backends import Backend, is_ideal, require_success
from qconv.execution.device.transpiling import ready
from qconv.execution.simulate.statevector import simulated

#: Bytes of an amplitude that is prepared: a Python object, and what a simulator copies it to.
_PREPARED = 112


def born_probabilities(
    circuit: QuantumCircuit, backend: Backend = None, *, measured: int | None = None
) -> NDArray[np.float64]:
    """Probability of every outcome of measuring a circuit's first qubits, as Aer computes it.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: How many qubits are measured; None for all.

    Returns:
        ``2**measured`` probabilities, little-endian: outcome ``i`` has qubit 0 in its lowest bit.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
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
    """What the ``save_probabilities`` instructions of a circuit saved, by their labels.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: Of how many qubits the probabilities are saved; None for all.

    Returns:
        ``2**measured`` probabilities each.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
    """
    if not is_ideal(backend):
        raise ValueError(
            "shots: expected a whole number with this backend; None (the exact expectation) needs "
            "a simulator whose law can be computed"
        )
    needed = state_memory(circuit.num_qubits, measured or circuit.num_qubits)
    require_memory(needed, f"circuit of {circuit.num_qubits} qubits is")
    if backend is None:  # which takes circuits as they are
        result = simulated(circuit)
    else:
        result = backend.run(ready(circuit, backend), shots=1).result()
        require_success(result)
    saved: dict[str, NDArray[np.float64]] = result.data(0)
    return saved


def state_memory(num_qubits: int, measured: int) -> int:
    """Bytes that it takes to simulate a state vector and know the probabilities of outcomes."""
    return int(16 * 2**num_qubits + 3 * 8 * 2**measured)


def require_room(num_qubits: int, measured: int, prepared: int, image: tuple[int, ...]) -> None:
    """Refuse a circuit that could not be simulated in memory.

    Args:
        num_qubits: All qubits.
        measured: Those measured.
        prepared: Those whose amplitudes are prepared one by one.
        image: Shape of the image.

    Raises:
        ValueError: It needs more memory than there is.
    """
    require_memory(
        state_memory(num_qubits, measured) + _PREPARED * 2**prepared,
        f"image of shape {image}, in a circuit of {num_qubits} qubits, is",
    )
