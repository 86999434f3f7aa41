"""Noise exactly: the law of a circuit's noisy outcomes, from the density matrix of its qubits.

A simulator of noise runs a circuit shot by shot: each shot picks errors at random. The law of what
comes out can be computed at once instead, by the density matrix of the qubits that the circuit uses
(the errors of all others do not matter, however many the device has), and by the readout errors of
those that are measured. Shots drawn from it have the same law as running the circuit, and the exact
expectation tells what noise gets systematically wrong.
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

#: Methods of Aer that simulate all states, without leaving out what is small.
_EXACT_METHODS = ("automatic", "statevector", "density_matrix")

#: Most qubits of a density matrix that is computed where shots could be run instead.
_MOST_QUBITS = 12

#: Copies of a density matrix, of 16 bytes an entry, that simulating one needs.
_COPIES = 3

#: Seconds, about: for an entry of a density matrix and a gate; for an amplitude, a gate and a shot,
#: when each shot is simulated by itself; for a gate and a shot however small the state.
_ENTRY, _AMPLITUDE, _GATE = 4e-9, 4e-9, 1e-6


def noise_of(backend: Backend) -> NoiseModel | None:
    """The noise that a simulator imitates; None for what is no such simulator.

    An imitated device makes its model when it first runs anything, which is done here.
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
    """Probability of every outcome of a measured circuit on a noisy simulator.

    Args:
        physical: The circuit, made ready for the simulator.
        noise: That the simulator imitates.
        shots: Executions that are wanted; None for the exact law whatever it takes.

    Returns:
        ``2**measured`` probabilities, little-endian; None where the law cannot be computed, or
        where running the circuit so often is less work.

    Raises:
        ValueError: Its density matrix would not fit in memory.
        RuntimeError: The simulator failed.
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
    """The simulator of density matrices."""
    return AerSimulator(method="density_matrix")


@cache
def _simulated_names() -> frozenset[str]:
    """Instructions that it knows; Aer makes its target anew whenever it is asked for them."""
    return frozenset(_density_matrices().operation_names)


def _parts(
    physical: QuantumCircuit,
) -> tuple[QuantumCircuit | None, list[int], list[int]]:
    """A circuit's gates on the qubits that it uses alone.

    Returns:
        The gates, or None where anything follows a measurement; for each classical bit the qubit,
        by its number among those used; and the used ones by their numbers on the device.
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
    """Whether all noise that matters is that of known gates and of the readout of single qubits."""
    if not {item.name for item in gates} <= _simulated_names():
        return False
    delayed = any(isinstance(item.operation, Delay) for item in gates)
    passes = [
        part for part in noise._custom_noise_passes if not isinstance(part, RelaxationNoisePass)
    ]
    of_measurement = "measure" in (noise._default_quantum_errors | noise._local_quantum_errors)
    return not (delayed and noise._custom_noise_passes) and not passes and not of_measurement


def _pays(num_qubits: int, gates: QuantumCircuit, shots: int | None) -> bool:
    """Whether the density matrix is wanted, or less work than running every shot."""
    if shots is None or num_qubits > _MOST_QUBITS:
        return shots is None
    count = len(gates.data) + 1
    each = _AMPLITUDE * 2**num_qubits + _GATE
    return bool(_ENTRY * 4**num_qubits * count < max(0.5, each * count * shots))


def _reduced(noise: NoiseModel, used: list[int]) -> NoiseModel:
    """The noise of the gates on some qubits, which are numbered anew."""
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
    """The readout error of one qubit of the device."""
    error = noise._local_readout_errors.get((qubit,), noise._default_readout_error)
    return error if error is not None and error.number_of_qubits == 1 else None


def _read_out(
    probabilities: NDArray[np.float64], place: int, error: ReadoutError | None
) -> NDArray[np.float64]:
    """A law after the readout error of one of its bits."""
    if error is None:
        return probabilities
    rows = probabilities.reshape(-1, 2, 1 << place)  # higher bits, the bit itself, lower bits
    return np.asarray(np.einsum("ij,hil->hjl", error.probabilities, rows)).ravel()


def executions_until(kept: int, success: float, seed: np.random.SeedSequence) -> int:
    """Executions until so many were kept, each with a given probability."""
    missed = 0 if success >= 1 else int(random_state(seed).negative_binomial(kept, success))
    return kept + missed
