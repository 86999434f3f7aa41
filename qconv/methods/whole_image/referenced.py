"""Signed sums by amplitude estimation: the overlap of the filtered image with a reference.

Let ``w`` be the weights, of norm 1, and ``F`` the filter. Sums are overlaps ``b = <w|F|I>``, and a
probability ``b**2`` would lose their sign. The reference ``r = F^dagger w / g`` is known,
because it does not depend on the image, and passes the filter with the largest possible overlap
``g = |F^dagger w|``. A qubit superposes both:

    (|0> r + |1> I) / sqrt(2),    then F, H on the qubit, and the inverse preparation of w.

All qubits then read 0 with the amplitude ``A = (g + b) / 2``, which is never negative, so that
``sin(t) = A`` and ``b = 2 sin(t) - g``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister

from qconv.circuits.amplification.preparation import GatePreparation, RotationTree
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.loading.preparation import EXACT
from qconv.circuits.registers import AmplitudePreparation, axis_registers
from qconv.execution.program import Program
from qconv.methods.whole_image.encoded_image import EncodedImage
from qconv.methods.whole_image.state import State
from qconv.planning.number import Scored

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Referenced(Scored):
    """Sum that is sampled by its scores, and amplified by its overlap with a reference."""

    make: Callable[[], Overlapping] | None = None
    """Function that returns the circuit of the amplitude; None for a complex picture."""

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Whether each outcome of the amplified circuit is a success."""
        return self._overlapping.marked

    @property
    def expected_angle(self) -> float:
        """Angle whose sine is the expected amplitude."""
        made = self._overlapping
        amplitude = (made.reference + self.expected_value / made.unit) / 2
        return math.asin(min(max(amplitude, 0.0), 1.0))

    def of_angle(self, angles: _Array) -> _Array:
        """Return the sum for each angle, whose sine is the amplitude."""
        made = self._overlapping
        return np.asarray(made.unit * (2 * np.sin(angles) - made.reference))

    def amplified(self, power: int) -> Program:
        """Return the program with rounds that amplify the overlap."""
        return self._overlapping.program(power)

    @cached_property
    def _overlapping(self) -> Overlapping:
        if self.make is None:
            raise ValueError(
                "estimator: expected 'sampling' for sums of complex pictures, got 'amplitude'; use "
                "qconv.AmplitudeEstimation() for both"
            )
        return self.make()


@dataclass(frozen=True, eq=False)
class Overlapping:
    """Circuit whose success amplitude is the overlap of a filtered image with a reference."""

    encoded: EncodedImage
    """Encoded image."""
    filtering: QuantumCircuit
    """Circuit of the filter, whose first qubits hold the position."""
    labels: int
    """Number of qubits after the position that read 0 if the filter succeeds."""
    weights: _Array
    """Weights of the basis states, of norm 1."""
    turned: _Array
    """Weights after the adjoint filter."""
    unit: float
    """Value of the overlap 1."""

    @property
    def reference(self) -> float:
        """Overlap of the filtered reference with the weights."""
        return float(np.linalg.norm(self.turned))

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Whether each outcome of position, reference and labels is a success."""
        n = self.encoded.layout.num_qubits
        marked = np.zeros(2 ** (n + 1 + self.labels), dtype=np.bool_)
        marked[2**n - 1 if self.encoded.plan.native else 0] = True
        return marked

    def program(self, power: int) -> Program:
        """Return the program with rounds of amplification."""
        return self.encoded.amplified(self._shell, self._state, self.marked, power)

    def _state(self) -> State:
        """Return the state of the reference, and of the image where the qubit is 1."""
        image = self.encoded.content.ravel()
        both = [self.turned / self.reference, image / np.linalg.norm(image)]
        return State.of(np.array(both), EXACT)

    def _shell(self) -> QuantumCircuit:
        """Return the circuit after the preparation."""
        n, plan, made = self.encoded.layout.num_qubits, self.encoded.plan, self.filtering
        position = made.qubits[:n]
        number = len(axis_registers(self.encoded.layout.bits))
        reference = QuantumRegister(1, "reference")
        circuit = QuantumCircuit(*made.qregs[:number], reference, *made.qregs[number:])
        circuit.compose(made, made.qubits, inplace=True, copy=False)
        circuit.h(reference)
        if plan.native:
            RotationTree(self.weights, position).undo(circuit)
        else:
            make = AmplitudePreparation if plan.counted else encode_amplitudes
            GatePreparation(make(self.weights), position).undo(circuit)
        return circuit
