"""Fourier: a quantum Fourier transform, a transfer function, and the transform back.

On the cells' lattice a convolution multiplies every frequency ``f`` by the kernel's transfer
function. Divided by its largest magnitude it is ``T(f) = cos(theta_f) exp(i phi_f)``, which a flag
qubit puts into effect: between two Hadamard gates, the diagonal

    exp(i (phi_f + theta_f)) on flag 0,    exp(i (phi_f - theta_f)) on flag 1

leaves the amplitude ``T(f)`` where the flag reads 0. After the transform back, those cells hold
``(k * I)(y) / (max|K| |I|)``. The success probability ``|k * I|**2 / (max|K|**2 |I|**2)`` is never
below that of `Interference`, as ``max|K| <= sum|k|``. The transforms leave out the swaps; the
diagonal has its frequencies in the order of reversed bits.

Measuring the position gives squares of amplitudes. The sign comes from a reference: a qubit that
holds the image's branch at 1, and at 0 the plane wave of the frequency whose transfer function is
largest, which passes the filter as it is. Phases of single bits turn a uniform superposition into
that wave and back. At the end a Hadamard gate lets the branches interfere; see
`qconv.whole.read_out`.

A transfer function instead of a kernel makes this a filter of frequencies: `filter_frequencies`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit.library import DiagonalGate

from qconv._checks import boolean
from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import Registers, axis_registers, qubits_of
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.whole import Scene, read_out, superposed, vanishes

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]


@dataclass(frozen=True)
class Fourier:
    """Multiply the image's quantum Fourier transform by the kernel's transfer function.

    Args:
        signed: True for a linear and unbiased read-out with the sign, by a reference qubit; its
            standard error is about the same everywhere. False reads magnitudes, with a standard
            error smaller by ``sqrt(2)`` and a bias where counts are small.

    Raises:
        TypeError: ``signed`` is not a bool.
    """

    signed: bool = True

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuit and turn the counts of its cells into amplitudes."""
        others = 1 + self.signed
        scene = Scene.of(problem, others, measured=others, prepared=self.signed)
        kernel = scene.cells.added(problem.propagator.effective_kernel)
        return self._filtered(scene, scene.transfer(kernel))

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """What follows the image's preparation where gates count: to be counted, not run."""
        scene = Scene.of(problem)
        kernel = scene.cells.added(problem.propagator.effective_kernel)
        transfer = scene.transfer(kernel)
        registers = _Registers.of(scene, signed=self.signed)
        circuit = registers.circuit()
        _append_filter(circuit, registers, transfer / np.abs(transfer).max())
        return circuit

    def _filtered(self, scene: Scene, transfer: _Spectrum) -> Convolution:
        """Filter with a transfer function of all frequencies, in ``numpy.fft.fftn`` order."""
        bound = float(np.abs(transfer).max())
        if scene.unit == 0:
            return scene.nothing("image: zero everywhere")
        if bound == 0 or vanishes(scene, transfer, bound):
            return scene.nothing("image: none of its frequencies passes the filter")
        registers = _Registers.of(scene, signed=self.signed)
        shell = registers.circuit()
        amplitudes = superposed(scene.content, signed=self.signed)
        circuit = scene.with_image(shell, amplitudes, shell.num_qubits)
        _append_filter(circuit, registers, transfer / bound)
        labels = circuit.num_qubits - scene.cells.num_qubits
        return read_out(scene, self, circuit, labels, transfer, bound, signed=self.signed)


@dataclass(frozen=True, eq=False)
class _Registers:
    """Registers ``row`` and ``column``, ``reference`` if signed, ``flag``."""

    position: Registers
    reference: QuantumRegister | None
    flag: QuantumRegister

    @classmethod
    def of(cls, scene: Scene, *, signed: bool) -> _Registers:
        reference = QuantumRegister(1, "reference") if signed else None
        return cls(axis_registers(scene.cells.bits), reference, QuantumRegister(1, "flag"))

    def circuit(self) -> QuantumCircuit:
        """A circuit of these registers, without gates."""
        reference = [self.reference] if self.reference else []
        return QuantumCircuit(*self.position.values(), *reference, self.flag)


def _append_filter(circuit: QuantumCircuit, registers: _Registers, transfer: _Spectrum) -> None:
    """Append everything from the transform to the interference with the reference.

    Args:
        circuit: To which to append.
        registers: Its registers.
        transfer: Of every frequency, with largest magnitude 1.
    """
    position, reference, flag = registers.position, registers.reference, registers.flag
    wave = np.unravel_index(np.argmax(np.abs(transfer)), transfer.shape)
    if reference:
        _append_wave(circuit, position, reference, wave, forward=True)
    for register in position.values():
        circuit.compose(fourier_transform(register.size), register, inplace=True)
    circuit.h(flag)
    circuit.append(flag_diagonal(transfer), [*qubits_of(position), *flag], copy=False)
    circuit.h(flag)
    for register in position.values():
        circuit.compose(fourier_transform(register.size).inverse(), register, inplace=True)
    if reference:
        _append_wave(circuit, position, reference, wave, forward=False)
        circuit.p(float(np.angle(transfer[wave])), reference)  # as the wave has gained it
        circuit.h(reference)


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
    order = [reversed_bits(length.bit_length() - 1) for length in transfer.shape]
    t = transfer[np.ix_(*order)].ravel()
    phase = -np.angle(t)  # the circuit's transform has the sign opposite to NumPy's
    theta = np.arccos(np.minimum(np.abs(t), 1.0))
    return DiagonalGate(np.exp(1j * np.concatenate([phase + theta, phase - theta])).tolist())
