"""Frequency filters as circuits: transforms, a diagonal, and a plane wave as the reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Gate

from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import (
    BoxedDiagonal,
    Registers,
    append_again,
    append_large,
    axis_registers,
    large_diagonal,
    qubits_of,
)

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class FrequencyFilter:
    """A transfer function, applied to an image on position registers."""

    transfer: _Spectrum
    """Factors of all frequencies in ``numpy.fft.fftn`` order, with largest magnitude 1. All lengths
    are powers of two."""
    signed: bool
    """Whether there is a reference qubit: at 0 a plane wave, at 1 the image."""
    flagged: bool
    """Whether there is a flag qubit, which reads 0 for the filtered image. Unitary filters need no
    flag qubit.
    """
    counted: bool = False
    """Whether the gates of the circuit are only counted."""

    @cached_property
    def _position(self) -> Registers:
        return axis_registers([length.bit_length() - 1 for length in self.transfer.shape])

    @cached_property
    def _reference(self) -> QuantumRegister | None:
        return QuantumRegister(1, "reference") if self.signed else None

    @cached_property
    def _flag(self) -> QuantumRegister | None:
        return QuantumRegister(1, "flag") if self.flagged else None

    def circuit(self) -> QuantumCircuit:
        """Return an empty circuit on ``row``, ``column`` and any ``reference`` and ``flag``."""
        others = [register for register in (self._reference, self._flag) if register]
        return QuantumCircuit(*self._position.values(), *others)

    def append(self, circuit: QuantumCircuit) -> None:
        """Append all gates, from the transform to the interference with the reference."""
        qubits = qubits_of(self._position)
        phase = np.angle(self._reordered)
        self._enter(circuit)
        if self._flag:
            theta = self._angles
            diagonal = np.exp(1j * np.concatenate([phase + theta, phase - theta]))
            circuit.h(self._flag)
            append_large(circuit, self._gate(diagonal), [*qubits, *self._flag])
            circuit.h(self._flag)
        else:
            append_large(circuit, self._gate(np.exp(1j * phase)), qubits)
        self._leave(circuit)
        if self._reference:
            angle = float(np.angle(self.transfer[self._wave]))
            circuit.p(angle, self._reference)  # the phase that the wave has acquired
            circuit.h(self._reference)

    def reflect(self, circuit: QuantumCircuit) -> None:
        """Append the filter, a flip of the sign where the flag reads 1, and the inverse filter.

        With ``H D H`` on the flag and ``D = exp(i phi) diag(exp(i t), exp(-i t))``,

            (H D H)^dagger Z (H D H) = Z H diag(exp(2 i t), exp(-2 i t)) H.
        """
        self._enter(circuit)
        circuit.h(self._flag)
        append_again(circuit, self._doubled)
        circuit.h(self._flag)
        circuit.z(self._flag)
        self._leave(circuit)

    @cached_property
    def _reordered(self) -> _Spectrum:
        """Factors in the order of the qubits: bits reversed, conjugated as in the transform."""
        order = [reversed_bits(length.bit_length() - 1) for length in self.transfer.shape]
        return self.transfer[np.ix_(*order)].ravel().conj()

    @property
    def _angles(self) -> _Array:
        """Angles whose cosines are the magnitudes of the factors."""
        return np.arccos(np.minimum(np.abs(self._reordered), 1.0))

    @cached_property
    def _doubled(self) -> CircuitInstruction:
        """Diagonal of the filter and the inverse filter."""
        theta = 2 * self._angles
        diagonal = self._gate(np.exp(1j * np.concatenate([theta, -theta])))
        qubits = [*qubits_of(self._position), *(self._flag or ())]
        return CircuitInstruction(diagonal, tuple(qubits), ())

    def _gate(self, entries: _Spectrum) -> Gate:
        """Return a diagonal gate."""
        return BoxedDiagonal(entries) if self.counted else large_diagonal(entries)

    @cached_property
    def _wave(self) -> tuple[np.intp, ...]:
        """Frequency of the reference wave, which passes the filter unchanged."""
        strongest = np.argmax(np.abs(self.transfer)) if self.flagged else 0
        return tuple(np.unravel_index(strongest, self.transfer.shape))

    def _enter(self, circuit: QuantumCircuit) -> None:
        """Turn the reference into a plane wave, and transform to frequencies."""
        self._append_wave(circuit, 1)
        for register in self._position.values():
            circuit.compose(fourier_transform(register.size), register, inplace=True)

    def _leave(self, circuit: QuantumCircuit) -> None:
        """Undo `_enter`."""
        for register in self._position.values():
            circuit.compose(fourier_transform(register.size).inverse(), register, inplace=True)
        self._append_wave(circuit, -1)

    def _append_wave(self, circuit: QuantumCircuit, sign: int) -> None:
        """Append the phases ``exp(sign 2 pi i f x / N)`` where the reference is 0."""
        if not self._reference or not any(self._wave):
            return
        circuit.x(self._reference)
        for axis, register in self._position.items():
            for bit, qubit in enumerate(register):
                turn = int(self._wave[axis]) * 2**bit % 2**register.size / 2**register.size
                if turn:
                    circuit.cp(sign * 2 * math.pi * turn, self._reference[0], qubit)
        circuit.x(self._reference)
