"""Probabilities of a circuit's outcomes, computed by an ideal simulator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._memory import require_memory
from qconv.execution.device.backends import Backend, is_ideal, require_success
from qconv.execution.device.transpiling import ready
from qconv.execution.simulate.statevector import simulated

#: Bytes per prepared amplitude: a Python object, and the simulator's copies of it.
_PREPARED = 112

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
        result = simulated(circuit)
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
