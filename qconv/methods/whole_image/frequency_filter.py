"""Filters of frequencies as circuits: transforms, a diagonal, and a wave for reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction
from qiskit.circuit.library import DiagonalGate

from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import (
    Registers,
    append_again,
    append_large,
    axis_registers,
    large_diagonal,
    qubits_of,
)

_Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class FilterRegisters:
    """Registers ``row`` and ``column``, ``reference`` if signed, ``flag`` if it is needed."""

    position: Registers
    reference: QuantumRegister | None
    flag: QuantumRegister | None

    @classmethod
    def of(cls, bits: tuple[int, ...], *, signed: bool, flagged: bool) -> FilterRegisters:
        """The registers of a lattice of so many bits along each axis."""
        reference = QuantumRegister(1, "reference") if signed else None
        flag = QuantumRegister(1, "flag") if flagged else None
        return cls(axis_registers(bits), reference, flag)

    def circuit(self) -> QuantumCircuit:
        """A circuit of these registers, without gates."""
        others = [register for register in (self.reference, self.flag) if register]
        return QuantumCircuit(*self.position.values(), *others)


@dataclass(frozen=True, eq=False)
class FrequencyFilter:
    """A transfer function on the registers of an image."""

    registers: FilterRegisters
    """On which it acts."""
    transfer: _Spectrum
    """Of every frequency, with largest magnitude 1."""

    def append(self, circuit: QuantumCircuit) -> None:
        """Append everything from the transform to the interference with the reference."""
        reference, flag = self.registers.reference, self.registers.flag
        qubits = qubits_of(self.registers.position)
        self._enter(circuit)
        if flag:
            circuit.h(flag)
            append_large(circuit, flag_diagonal(self.transfer), [*qubits, *flag])
            circuit.h(flag)
        else:
            append_large(circuit, phase_diagonal(self.transfer), qubits)
        self._leave(circuit)
        if reference:
            angle = float(np.angle(self.transfer[self._wave]))
            circuit.p(angle, reference)  # as the wave has gained it
            circuit.h(reference)

    def reflect(self, circuit: QuantumCircuit) -> None:
        """Append the filter, the sign where the flag reads 1, and the filter undone.

        With ``H D H`` on the flag and ``D = exp(i phi) diag(exp(i t), exp(-i t))``,

            (H D H)^dagger Z (H D H) = Z H diag(exp(2 i t), exp(-2 i t)) H.
        """
        flag = self.registers.flag
        self._enter(circuit)
        circuit.h(flag)
        append_again(circuit, self._doubled)
        circuit.h(flag)
        circuit.z(flag)
        self._leave(circuit)

    @cached_property
    def _doubled(self) -> CircuitInstruction:
        """The diagonal of a filter and of the same undone."""
        theta = 2 * _angles(_reordered(self.transfer))
        diagonal = large_diagonal(np.exp(1j * np.concatenate([theta, -theta])))
        qubits = [*qubits_of(self.registers.position), *(self.registers.flag or ())]
        return CircuitInstruction(diagonal, tuple(qubits), ())

    @cached_property
    def _wave(self) -> tuple[np.intp, ...]:
        """The frequency that passes as it is."""
        strongest = np.argmax(np.abs(self.transfer)) if self.registers.flag else 0
        return tuple(np.unravel_index(strongest, self.transfer.shape))

    def _enter(self, circuit: QuantumCircuit) -> None:
        """Make a wave of the reference, and transform to frequencies."""
        position, reference = self.registers.position, self.registers.reference
        if reference:
            _append_wave(circuit, position, reference, self._wave, forward=True)
        for register in position.values():
            circuit.compose(fourier_transform(register.size), register, inplace=True)

    def _leave(self, circuit: QuantumCircuit) -> None:
        """Undo `_enter`."""
        position, reference = self.registers.position, self.registers.reference
        for register in position.values():
            circuit.compose(fourier_transform(register.size).inverse(), register, inplace=True)
        if reference:
            _append_wave(circuit, position, reference, self._wave, forward=False)


def _append_wave(
    circuit: QuantumCircuit,
    position: Registers,
    reference: QuantumRegister,
    wave: tuple[np.intp, ...],
    *,
    forward: bool,
) -> None:
    """Append the phases ``exp(2 pi i f x / N)`` of a plane wave where the reference is 0.

    Args:
        circuit: To which to append.
        position: Registers of the axes.
        reference: The reference qubit.
        wave: The frequency ``f`` along each axis.
        forward: False for the inverse.
    """
    if not any(wave):
        return
    circuit.x(reference)
    for axis, register in position.items():
        for bit, qubit in enumerate(register):
            turn = int(wave[axis]) * 2**bit % 2**register.size / 2**register.size
            if turn:
                angle = 2 * math.pi * turn
                circuit.cp(angle if forward else -angle, reference[0], qubit)
    circuit.x(reference)


def flag_diagonal(transfer: _Spectrum) -> DiagonalGate:
    """The diagonal that multiplies frequencies by a transfer function where a flag will read 0.

    Args:
        transfer: Shape of powers of two, magnitudes at most 1; in the order of ``numpy.fft.fftn``.

    Returns:
        A gate on the frequencies' qubits, bits reversed, and the flag after them.
    """
    t = _reordered(transfer)
    theta = _angles(t)
    phase = np.angle(t)
    return large_diagonal(np.exp(1j * np.concatenate([phase + theta, phase - theta])))


def phase_diagonal(transfer: _Spectrum) -> DiagonalGate:
    """The diagonal that multiplies frequencies by the phases of a transfer function.

    Args:
        transfer: Shape of powers of two, in the order of ``numpy.fft.fftn``.

    Returns:
        A gate on the frequencies' qubits, bits reversed.
    """
    return large_diagonal(np.exp(1j * np.angle(_reordered(transfer))))


def _angles(transfer: _Spectrum) -> NDArray[np.float64]:
    """The angles whose cosines are the magnitudes."""
    return np.arccos(np.minimum(np.abs(transfer), 1.0))


def _reordered(transfer: _Spectrum) -> _Spectrum:
    """Factors in the order of the qubits: reversed bits, the sign of the circuit's transform."""
    order = [reversed_bits(length.bit_length() - 1) for length in transfer.shape]
    return transfer[np.ix_(*order)].ravel().conj()
