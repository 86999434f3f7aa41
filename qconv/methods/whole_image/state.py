"""States that circuits prepare from an image, exactly or approximately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Gate

from qconv._checks import Numbers
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.loading.preparation import ApproximatePreparation, Preparation
from qconv.circuits.registers import AmplitudePreparation, LoadedPreparation


@dataclass(frozen=True, eq=False)
class State:
    """Amplitudes that a circuit prepares."""

    amplitudes: Numbers
    """Amplitudes that are actually prepared, one per basis state, not all zero."""
    circuit: QuantumCircuit | None = None
    """Circuit that prepares them; None for `encode_amplitudes`."""

    @classmethod
    def of(cls, amplitudes: Numbers, preparation: Preparation) -> State:
        """Prepare amplitudes.

        Args:
            amplitudes: Requested amplitudes, one axis per register; real for approximate
                preparation.
            preparation: ``"exact"``, or the options of approximate loading.
        """
        if not isinstance(preparation, ApproximatePreparation):
            return cls(amplitudes.ravel())
        loaded = preparation.load(amplitudes.real)
        return cls(loaded.image.ravel(), loaded.circuit)

    @property
    def unit(self) -> Numbers:
        """Amplitudes of norm 1."""
        return np.asarray(self.amplitudes / np.linalg.norm(self.amplitudes))

    def gates(self, *, boxed: bool) -> QuantumCircuit | Gate:
        """Return the gates; if ``boxed``, one gate that represents them, for counting."""
        if self.circuit is not None:
            return LoadedPreparation(self.circuit) if boxed else self.circuit
        make = AmplitudePreparation if boxed else encode_amplitudes
        return make(self.amplitudes)
