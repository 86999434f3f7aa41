"""Exact noise: probabilities of a circuit's noisy outcomes, from the density matrix of its qubits.

A noisy simulator runs a circuit shot by shot, with random errors in each shot. The outcome
probabilities can be computed instead, from the density matrix of the qubits that the circuit uses
and from the readout errors. Errors of unused qubits do not matter, so the device can have any
number of qubits. Shots drawn from these probabilities have the same distribution as measured shots.
The exact expectation shows the systematic error due to noise.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Measure
from qiskit.primitives import BaseSamplerV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError
from qiskit_aer.noise.passes import RelaxationNoisePass

from qconv._memory import require_memory
from qconv.execution.device.backends import Backend, is_imitation, require_success
from qconv.execution.device.physical import Physical
from qconv.execution.seeds import random_state

#: Methods of Aer that simulate all states without truncation.
_EXACT_METHODS = ("automatic", "statevector", "density_matrix")

#: Maximum number of qubits of a density matrix that replaces counted shots.
_MOST_QUBITS = 12

#: Number of copies of a density matrix, with 16 bytes per entry, that its simulation needs.
_COPIES = 3

#: Approximate seconds per gate: for each entry of a density matrix; for each amplitude and shot, if
#: shots are simulated one by one; and for each shot, whatever the size of the state.
_ENTRY, _AMPLITUDE, _GATE = 4e-9, 4e-9, 1e-6


def noise_of(backend: Backend) -> NoiseModel | None:
    """Return the noise model of a simulator or fake backend; None for any other backend.

    A fake backend builds its model in its first run, which is done here if necessary.
    """
    if backend is None or isinstance(backend, BaseSamplerV2):
        return None
    imitated = is_imitation(backend)
    if type(backend) is not AerSimulator and not imitated:
        return None
    if backend.options.get("method", "automatic") not in _EXACT_METHODS:
        return None
    if imitated and getattr(backend, "sim", getattr(backend, "_sim", None)) is None:
        shortest = QuantumCircuit(1, 1)
        shortest.measure(0, 0)
        require_success(backend.run(shortest, shots=1).result())
    model = backend.options.get("noise_model")
    return model if isinstance(model, NoiseModel) else None


def noisy_probabilities(
    physical: Physical, noise: NoiseModel, shots: int | None
) -> NDArray[np.float64] | None:
    """Compute the probability of every outcome of a measured circuit on a noisy simulator.

    Args:
        physical: Circuit transpiled for the simulator.
        noise: Noise model of the simulator.
        shots: Number of executions; None for exact probabilities, however long they take.

    Returns:
        ``2**measured`` probabilities, little-endian. None if they cannot be computed, or if running
        the circuit takes less time.

    Raises:
        ValueError: If the density matrix does not fit in memory.
        RuntimeError: If the simulator failed.
    """
    gates, measured, used = _parts(physical.circuit)
    if gates is None or not _known(noise, gates) or not _pays(len(used), gates, shots):
        return None
    needed = _COPIES * 16 * 4 ** len(used)
    require_memory(needed, f"density matrix of {len(used)} qubits, for the noise, is")
    reduced = _reduced(noise, used)
    gates.save_probabilities(list(measured))
    result = _density_matrices().run(gates, shots=1, noise_model=reduced).result()
    require_success(result)
    probabilities: NDArray[np.float64] = np.asarray(
        result.data(0)["probabilities"], dtype=np.float64
    )
    for place, qubit in enumerate(measured):
        probabilities = _read_out(probabilities, place, _readout(noise, used[qubit]))
    probabilities = np.maximum(probabilities, 0.0)
    return physical.told_probabilities(probabilities / probabilities.sum())


@cache
def _density_matrices() -> AerSimulator:
    """Return the simulator of density matrices."""
    return AerSimulator(method="density_matrix")


@cache
def _simulated_names() -> frozenset[str]:
    """Return its instructions' names, cached because Aer rebuilds its target at each access."""
    return frozenset(_density_matrices().operation_names)


def _parts(physical: QuantumCircuit) -> tuple[QuantumCircuit | None, list[int], list[int]]:
    """Reduce a circuit to its gates on the qubits that it uses.

    Returns:
        The gates, or None if a gate follows a measurement. The qubit measured into each classical
        bit, by its index among the used qubits. The used qubits, by their index on the device.
    """
    places = {qubit: number for number, qubit in enumerate(physical.qubits)}
    acting = [item for item in physical if item.name != "barrier"]
    used = sorted({places[qubit] for item in acting for qubit in item.qubits})
    number = {place: index for index, place in enumerate(used)}
    gates = QuantumCircuit(len(used), global_phase=physical.global_phase)
    measured: dict[int, int] = {}
    for item in acting:
        qubits = [number[places[qubit]] for qubit in item.qubits]
        if isinstance(item.operation, Measure):
            measured[physical.find_bit(item.clbits[0]).index] = qubits[0]
        elif item.clbits or set(qubits) & set(measured.values()):
            return None, [], used
        else:
            gates.append(item.operation, qubits)
    return gates, [measured[bit] for bit in range(len(measured))], used


def _known(noise: NoiseModel, gates: QuantumCircuit) -> bool:
    """Return whether all noise is of known gates and of the readout of single qubits."""
    if not {item.name for item in gates} <= _simulated_names():
        return False
    delayed = any(isinstance(item.operation, Delay) for item in gates)
    passes = [
        part for part in noise._custom_noise_passes if not isinstance(part, RelaxationNoisePass)
    ]
    of_measurement = "measure" in (noise._default_quantum_errors | noise._local_quantum_errors)
    return not (delayed and noise._custom_noise_passes) and not passes and not of_measurement


def _pays(num_qubits: int, gates: QuantumCircuit, shots: int | None) -> bool:
    """Return whether the density matrix is required, or takes less time than running all shots."""
    if shots is None or num_qubits > _MOST_QUBITS:
        return shots is None
    count = len(gates.data) + 1
    each = _AMPLITUDE * 2**num_qubits + _GATE
    return bool(_ENTRY * 4**num_qubits * count < max(0.5, each * count * shots))


def _reduced(noise: NoiseModel, used: list[int]) -> NoiseModel:
    """Return the noise of the gates on some qubits, which are renumbered from 0."""
    number = {place: index for index, place in enumerate(used)}
    reduced = NoiseModel(basis_gates=noise.basis_gates)
    for name, error in noise._default_quantum_errors.items():
        reduced.add_all_qubit_quantum_error(error, name, warnings=False)
    for name, errors in noise._local_quantum_errors.items():
        for qubits, error in errors.items():
            if set(qubits) <= number.keys():
                reduced.add_quantum_error(
                    error, name, [number[qubit] for qubit in qubits], warnings=False
                )
    return reduced


def _readout(noise: NoiseModel, qubit: int) -> ReadoutError | None:
    """Return the readout error of one qubit; None if it has no readout error."""
    error = noise._local_readout_errors.get((qubit,), noise._default_readout_error)
    return error if error is not None and error.number_of_qubits == 1 else None


def _read_out(
    probabilities: NDArray[np.float64], place: int, error: ReadoutError | None
) -> NDArray[np.float64]:
    """Apply the readout error of one bit to probabilities."""
    if error is None:
        return probabilities
    rows = probabilities.reshape(-1, 2, 1 << place)  # higher bits, the bit itself, lower bits
    return np.asarray(np.einsum("ij,hil->hjl", error.probabilities, rows)).ravel()


def executions_until(kept: int, success: float, seed: np.random.SeedSequence) -> int:
    """Draw the number of executions until ``kept`` succeed, each with a given probability."""
    missed = 0 if success >= 1 else int(random_state(seed).negative_binomial(kept, success))
    return kept + missed
