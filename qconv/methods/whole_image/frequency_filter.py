"""Frequency filters as circuits: transforms, a diagonal, and a plane wave as the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Gate, Qubit

from qconv.circuits.amplification.rounds import append_flip
from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import (
    BoxedDiagonal,
    Registers,
    append_again,
    append_mirror,
    axis_registers,
    large_diagonal,
    mirror_registers,
    on_ring,
)
from qconv.methods.whole_image.filter_factors import FilterFactors

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class FrequencyFilter:
    """A transfer function, applied to an image on position registers."""

    transfer: _Spectrum
    """Factors of all frequencies in ``numpy.fft.fftn`` order, with largest magnitude 1. All lengths
    are powers of two. A mirror qubit doubles the length."""
    mirrored: tuple[bool, ...]
    """Whether each axis has a mirror qubit."""
    signed: bool
    """Whether there is a reference qubit: at 0 a plane wave, at 1 the image."""
    flagged: bool
    """Whether there is a flag qubit, which reads 0 for the filtered image. Unitary filters need no
    flag qubit.
    """
    hermitian: bool
    """Whether the factors of opposite frequencies are complex conjugates, as for a real kernel."""
    interfere: Callable[[QuantumCircuit, QuantumRegister], None]
    """Function that appends the last gates on the reference, before it is measured."""
    native: bool
    """Whether the simulator takes a diagonal as one instruction. Otherwise, the filter is built
    from its `FilterFactors`, if it has any."""
    counted: bool
    """Whether the gates of the circuit are only counted."""
    returns: bool = True
    """Whether the filter ends with the transform back to positions."""

    @cached_property
    def _position(self) -> Registers:
        each = zip(self.transfer.shape, self.mirrored, strict=True)
        return axis_registers([length.bit_length() - 1 - mirror for length, mirror in each])

    @cached_property
    def _mirrors(self) -> Registers:
        return mirror_registers(self.mirrored)

    @property
    def _ring(self) -> Mapping[int, list[Qubit]]:
        """Qubits of each axis, to which the transform is applied."""
        return on_ring(self._position, self._mirrors)

    @property
    def _qubits(self) -> list[Qubit]:
        """Qubits of all axes, last axis first."""
        return [qubit for qubits in self._ring.values() for qubit in qubits]

    @cached_property
    def _reference(self) -> QuantumRegister | None:
        return QuantumRegister(1, "reference") if self.signed else None

    @cached_property
    def _flag(self) -> QuantumRegister | None:
        return QuantumRegister(self.flags, "flag") if self.flags else None

    @property
    def flags(self) -> int:
        """Number of flag qubits."""
        return int(self.flagged) if self._factors is None else len(self._factors.rotations)

    @cached_property
    def _factors(self) -> FilterFactors | None:
        """Factors from which the filter is built; None for one diagonal."""
        if self.native:
            return None
        return FilterFactors.of(self._reordered.reshape(self.transfer.shape))

    def circuit(self) -> QuantumCircuit:
        """Return an empty circuit.

        It has ``row`` and ``column``, and ``reference``, ``mirror_row``, ``mirror_column`` and
        ``flag`` as needed.
        """
        reference = [self._reference] if self._reference else []
        flag = [self._flag] if self._flag else []
        mirrors = self._mirrors.values()
        return QuantumCircuit(*self._position.values(), *reference, *mirrors, *flag)

    def of_reference(self) -> _Spectrum:
        """Return the transfer function that acts on the reference before it becomes a wave."""
        shifted = np.roll(self.transfer, [-int(f) for f in self._wave], range(self.transfer.ndim))
        angle = np.angle(self.transfer[self._wave])
        return np.asarray(shifted * np.exp(-1j * angle))

    def append(self, circuit: QuantumCircuit) -> None:
        """Append all gates, from the reflection to the interference with the reference."""
        append_mirror(circuit, self._position, self._mirrors)
        self._enter(circuit)
        if self._factors is not None:
            self._factors.append_phases(circuit, self._qubits)
            self._append_rotations(circuit, self._factors, undo=False)
        elif self._flag:
            circuit.h(self._flag)
            append_again(circuit, self._once)
            circuit.h(self._flag)
        else:
            append_again(circuit, self._once)
        if self.returns:
            self._leave(circuit)
        if self._reference:
            angle = float(np.angle(self.transfer[self._wave]))
            circuit.p(angle, self._reference)  # the phase that the wave has acquired
            self.interfere(circuit, self._reference)

    def reflect(self, circuit: QuantumCircuit) -> None:
        """Append the filter, a flip of the sign where the flag reads 1, and the inverse filter.

        With ``H D H`` on the flag and ``D = exp(i phi) diag(exp(i t), exp(-i t))``,

            (H D H)^dagger Z (H D H) = Z H diag(exp(2 i t), exp(-2 i t)) H.

        With factors, the phases cancel, and the sign is flipped where all flags read 0.
        """
        mirror = circuit.copy_empty_like()
        append_mirror(mirror, self._position, self._mirrors)
        circuit.compose(mirror, inplace=True)
        self._append_reflection(circuit)
        circuit.compose(mirror.inverse(), inplace=True)

    def _append_reflection(self, circuit: QuantumCircuit) -> None:
        """Append the filter, the flip and the inverse filter, on the ring of mirrored axes."""
        self._enter(circuit)
        if self._factors is not None:
            flags = [*(self._flag or ())]
            self._append_rotations(circuit, self._factors, undo=False)
            append_flip(circuit, flags, flags)
            self._append_rotations(circuit, self._factors, undo=True)
            self._leave(circuit)
            return
        circuit.h(self._flag)
        append_again(circuit, self._doubled)
        circuit.h(self._flag)
        circuit.z(self._flag)
        self._leave(circuit)

    def _append_rotations(
        self, circuit: QuantumCircuit, factors: FilterFactors, *, undo: bool
    ) -> None:
        """Append the rotations of the flags by the factors, or their inverses."""
        qubits, flags = self._qubits, [*(self._flag or ())]
        factors.append_rotations(circuit, qubits, flags, undo=undo, boxed=self.counted)

    @cached_property
    def _reordered(self) -> _Spectrum:
        """Factors in the order of the qubits: bits reversed, conjugated if the transform is."""
        order = [reversed_bits(length.bit_length() - 1) for length in self.transfer.shape]
        ordered = self.transfer[np.ix_(*order)].ravel()
        return ordered.conj() if self.hermitian else ordered

    @property
    def _sign(self) -> int:
        """Sign of the transform's exponent.

        Qiskit's sign is opposite to NumPy's. For real images, a transform with Qiskit's sign gives
        the complex conjugate spectrum. The factors are then conjugated too.
        """
        return 1 if self.hermitian else -1

    @property
    def _angles(self) -> _Array:
        """Angles whose cosines are the magnitudes of the factors."""
        return np.arccos(np.minimum(np.abs(self._reordered), 1.0))

    @cached_property
    def _once(self) -> CircuitInstruction:
        """Diagonal of the filter."""
        qubits, phase = self._qubits, np.angle(self._reordered)
        if not self._flag:
            return CircuitInstruction(self._gate(np.exp(1j * phase)), tuple(qubits), ())
        theta = self._angles
        diagonal = np.exp(1j * np.concatenate([phase + theta, phase - theta]))
        return CircuitInstruction(self._gate(diagonal), (*qubits, *self._flag), ())

    @cached_property
    def _doubled(self) -> CircuitInstruction:
        """Diagonal of the filter and the inverse filter."""
        theta = 2 * self._angles
        diagonal = self._gate(np.exp(1j * np.concatenate([theta, -theta])))
        qubits = [*self._qubits, *(self._flag or ())]
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
        for qubits in self._ring.values():
            circuit.compose(fourier_transform(len(qubits), self._sign), qubits, inplace=True)

    def _leave(self, circuit: QuantumCircuit) -> None:
        """Undo `_enter`."""
        for qubits in self._ring.values():
            transform = fourier_transform(len(qubits), self._sign).inverse()
            circuit.compose(transform, qubits, inplace=True)
        self._append_wave(circuit, -1)

    def _append_wave(self, circuit: QuantumCircuit, sign: int) -> None:
        """Append the phases ``exp(sign 2 pi i f x / N)`` where the reference is 0."""
        if not self._reference or not any(self._wave):
            return
        circuit.x(self._reference)
        for axis, qubits in self._ring.items():
            for bit, qubit in enumerate(qubits):
                turn = int(self._wave[axis]) * 2**bit % 2 ** len(qubits) / 2 ** len(qubits)
                if turn:
                    circuit.cp(sign * 2 * math.pi * turn, self._reference[0], qubit)
        circuit.x(self._reference)
