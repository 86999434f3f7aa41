"""Physical circuits: measured circuits as a backend runs them, and what their outcomes mean.

Reading a qubit that is 1 fails more often than reading one that is 0, as it may relax while it is
read. So a bit that is more often 1 than 0 is measured the other way round, after an X gate, which
costs nothing where another gate of that qubit stands before it; outcomes are told as if it had not
been (Tannu and Qureshi 2019, "Mitigating measurement errors in quantum computers by exploiting
state-dependent bias", MICRO-52).
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

from qconv.execution.device.backends import Backend, ideal_simulator, is_ideal
from qconv.execution.device.transpiling import ready
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.simulate.probabilities import born_probabilities

#: Most qubits of a circuit whose bits are looked at for being mostly 1.
_LOOKED_AT = 12


@dataclass(frozen=True, eq=False)
class Physical:
    """A measured circuit as a backend runs it."""

    circuit: QuantumCircuit
    """In the backend's gates, on its qubits."""
    flipped: int = 0
    """Bits that are measured the other way round: outcomes are to be taken exclusive or this."""

    @cached_property
    def measured(self) -> tuple[int, ...]:
        """For each classical bit, the number of the qubit that is measured into it."""
        places = {
            self.circuit.find_bit(item.clbits[0]).index: self.circuit.find_bit(item.qubits[0]).index
            for item in self.circuit
            if isinstance(item.operation, Measure)
        }
        return tuple(places[bit] for bit in range(len(places)))

    def told(self, histogram: Histogram) -> Histogram:
        """Outcomes as the circuit that was asked for would give them."""
        if not self.flipped:
            return histogram
        return Histogram.of(histogram.outcomes ^ self.flipped, histogram.counts)

    def told_probabilities(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same of the probabilities of all outcomes."""
        return (
            probabilities[np.arange(len(probabilities)) ^ self.flipped]
            if self.flipped
            else probabilities
        )


def target_of(backend: Backend) -> BackendV2 | None:
    """What circuits are transpiled for; None for a sampler that does not say where it runs."""
    if backend is None:
        return ideal_simulator()
    return sampler_target(backend) if isinstance(backend, BaseSamplerV2) else backend


def sampler_target(sampler: BaseSamplerV2) -> BackendV2 | None:
    """The backend that a sampler runs on, if it says so."""
    target = getattr(sampler, "backend", None) or getattr(sampler, "_backend", None)
    target = target() if callable(target) else target
    return target if isinstance(target, BackendV2) else None


def without_noise(backend: Backend) -> bool:
    """Whether a backend is known to be an ideal simulator."""
    if isinstance(backend, StatevectorSampler):
        return True
    target = target_of(backend)
    return target is not None and is_ideal(target)


def physical(circuit: QuantumCircuit, backend: Backend) -> Physical:
    """A measured circuit made ready for a backend or sampler.

    Raises:
        ValueError: The backend has too few qubits, or would simulate the circuit wrongly.
    """
    target = target_of(backend)
    if target is None:
        return Physical(circuit)
    if is_ideal(target):
        return Physical(ready(circuit, target))
    flipped = _mostly_one(circuit)
    return Physical(ready(_complemented(circuit, flipped), target), flipped)


def _mostly_one(circuit: QuantumCircuit) -> int:
    """The classical bits that are 1 more often than 0, as bits of a number."""
    if circuit.num_qubits > _LOOKED_AT:
        return 0
    gates = circuit.remove_final_measurements(inplace=False)
    probabilities = born_probabilities(gates, measured=circuit.num_clbits)
    found = 0
    for bit in range(circuit.num_clbits):
        ones = probabilities.reshape(-1, 2, 1 << bit)[:, 1].sum()
        found |= int(ones > 0.5 + 1e-9) << bit
    return found


def _complemented(circuit: QuantumCircuit, flipped: int) -> QuantumCircuit:
    """The circuit with X gates before the measurements of some classical bits."""
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
