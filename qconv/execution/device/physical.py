"""Physical circuits: measured circuits as a backend runs them, and the meaning of their outcomes.

Readout of a qubit in state 1 fails more often than in state 0, because the qubit may relax during
readout. A bit that is more often 1 than 0 is therefore measured inverted, after an X gate. This
gate costs nothing if it can be merged with a previous gate of the qubit. Outcomes are returned as
if the X gate were absent (Tannu and Qureshi 2019, "Mitigating measurement errors in quantum
computers by exploiting state-dependent bias", MICRO-52).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Measure
from qiskit.primitives import BaseSamplerV2, StatevectorSampler
from qiskit.providers import BackendV2

from qconv.execution.device.backends import (
    Backend,
    ideal_simulator,
    is_ideal,
    sampler_target,
)
from qconv.execution.device.transpiling import ready
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.simulate.probabilities import born_probabilities

#: Maximum number of qubits of a circuit that is simulated to find bits that are mostly 1.
_MOST_QUBITS = 12


@dataclass(frozen=True, eq=False)
class Physical:
    """Measured circuit as a backend runs it."""

    circuit: QuantumCircuit
    """Circuit of the backend's gates, on its qubits."""
    flipped: int = 0
    """Mask of the bits that are measured inverted, to be combined with outcomes by XOR."""

    @cached_property
    def measured(self) -> tuple[int, ...]:
        """Index of the qubit measured into each classical bit."""
        places = {
            self.circuit.find_bit(item.clbits[0]).index: self.circuit.find_bit(item.qubits[0]).index
            for item in self.circuit
            if isinstance(item.operation, Measure)
        }
        return tuple(places[bit] for bit in range(len(places)))

    def told(self, histogram: Histogram) -> Histogram:
        """Return the histogram of the original circuit, without inverted bits."""
        if not self.flipped:
            return histogram
        return Histogram.of(histogram.outcomes ^ self.flipped, histogram.counts)

    def told_probabilities(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of the original circuit's outcomes."""
        return np.asarray(probabilities[np.arange(len(probabilities)) ^ self.flipped])


def target_of(backend: Backend) -> BackendV2 | None:
    """Return the backend to transpile for; None if a sampler does not report its backend."""
    if backend is None:
        return ideal_simulator()
    return sampler_target(backend) if isinstance(backend, BaseSamplerV2) else backend


def without_noise(backend: Backend) -> bool:
    """Return whether a backend is known to be an ideal simulator."""
    if isinstance(backend, StatevectorSampler):
        return True
    target = target_of(backend)
    return target is not None and is_ideal(target)


def physical(circuit: QuantumCircuit, backend: Backend) -> Physical:
    """Transpile a measured circuit for a backend or sampler.

    Raises:
        ValueError: If the backend has too few qubits, or would simulate the circuit incorrectly.
    """
    target = target_of(backend)
    if target is None:
        return Physical(circuit)
    if is_ideal(target):
        return Physical(ready(circuit, target))
    flipped = _mostly_one(circuit)
    return Physical(ready(_complemented(circuit, flipped), target), flipped)


def _mostly_one(circuit: QuantumCircuit) -> int:
    """Return a mask of the classical bits that are more often 1 than 0."""
    if circuit.num_qubits > _MOST_QUBITS:
        return 0
    gates = circuit.remove_final_measurements(inplace=False)
    probabilities = born_probabilities(gates, measured=circuit.num_clbits)
    found = 0
    for bit in range(circuit.num_clbits):
        ones = probabilities.reshape(-1, 2, 1 << bit)[:, 1].sum()
        found |= int(ones > 0.5 + 1e-9) << bit
    return found


def _complemented(circuit: QuantumCircuit, flipped: int) -> QuantumCircuit:
    """Return the circuit with X gates before the measurements of some classical bits."""
    if not flipped:
        return circuit
    new = circuit.copy_empty_like()
    for item in circuit:
        if isinstance(item.operation, Measure):
            bit = circuit.find_bit(item.clbits[0]).index
            if flipped >> bit & 1:
                new.x(item.qubits[0])
        new.append(item)
    return new
