"""Fourier: a quantum Fourier transform, a transfer function, and the transform back.

On the cells' lattice a convolution multiplies every frequency ``f`` by the kernel's transfer
function. Divided by its largest magnitude it is ``T(f) = cos(theta_f) exp(i phi_f)``, which a flag
qubit puts into effect: between two Hadamard gates, the diagonal

    exp(i (phi_f + theta_f)) on flag 0,    exp(i (phi_f - theta_f)) on flag 1

leaves the amplitude ``T(f)`` where the flag reads 0. After the transform back, those cells hold
``(k * I)(y) / (max|K| |I|)``. The success probability ``|k * I|**2 / (max|K|**2 |I|**2)`` is never
below that of `Interference`, as ``max|K| <= sum|k|``. A filter of phases alone, ``|T| = 1``
everywhere, is unitary as it is: it needs no flag, and every execution succeeds. The transforms
leave out the swaps; the diagonal has its frequencies in the order of reversed bits.

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

from qconv._checks import boolean, one_of
from qconv.cells import PADDINGS
from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import Registers, axis_registers, qubits_of
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.whole import Scene, read_out, superposed, vanishes

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: A part of the largest magnitude below which a difference is rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fourier:
    """Multiply the image's quantum Fourier transform by the kernel's transfer function.

    Args:
        signed: True for a linear and unbiased read-out with the sign, by a reference qubit; its
            standard error is about the same everywhere. False reads magnitudes, with a standard
            error smaller by ``sqrt(2)`` and a bias where counts are small.
        padding: What is extended by zeros to the cells of the registers. ``"auto"`` takes as few
            qubits as the mode and boundary allow. ``"both"``: image and kernel, until nothing that
            wraps around is seen. The others have cells for the image alone, and are refused where
            wrapping around would be seen: ``"kernel"`` extends the kernel, its first position on
            cell 0, which displaces the result on the cells; ``"wrapped"`` wraps it around itself,
            its centre on cell 0; ``"none"`` needs a kernel as large as the image.

    Raises:
        TypeError: ``signed`` is not a bool.
        ValueError: ``padding`` is unknown.
    """

    signed: bool = True
    padding: str = "auto"

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")
        one_of(self.padding, "padding", PADDINGS)

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuit and turn the counts of its cells into amplitudes."""
        extra = int(self.signed)  # and a flag, unless the filter turns out to be unitary
        scene = Scene.of(problem, extra, measured=extra, prepared=extra, padding=self.padding)
        transfer = _transfer(scene)
        bound = float(np.abs(transfer).max())
        if scene.unit == 0:
            return scene.nothing("image: zero everywhere")
        keeps_all = scene.cells.num_read == scene.content.size and _is_unitary(transfer)
        if bound == 0 or (not keeps_all and vanishes(scene, transfer, bound)):
            return scene.nothing("image: none of its frequencies passes the filter")
        registers = _Registers.of(scene, transfer / bound, signed=self.signed)
        shell = registers.circuit()
        amplitudes = superposed(scene.content, signed=self.signed)
        circuit = scene.with_image(shell, amplitudes, shell.num_qubits)
        _append_filter(circuit, registers, transfer / bound)
        labels = circuit.num_qubits - scene.cells.num_qubits
        return read_out(scene, self, circuit, labels, transfer, bound, signed=self.signed)

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """What follows the image's preparation where gates count: to be counted, not run."""
        transfer = _transfer(scene := Scene.of(problem, padding=self.padding))
        factors = transfer / np.abs(transfer).max()
        registers = _Registers.of(scene, factors, signed=self.signed)
        circuit = registers.circuit()
        _append_filter(circuit, registers, factors)
        return circuit

    def num_qubits(self, problem: Problem) -> int:
        """Qubits of the circuit that `estimate` would run."""
        transfer = _transfer(scene := Scene.of(problem, padding=self.padding))
        return scene.cells.num_qubits + self.signed + (not _is_unitary(transfer))


def _transfer(scene: Scene) -> _Spectrum:
    """The kernel's transfer function on the cells, in ``numpy.fft.fftn`` order."""
    return scene.transfer(scene.cells.added(scene.problem.propagator.effective_kernel))


def _is_unitary(transfer: _Spectrum) -> bool:
    """Whether all frequencies keep their strength, but for a common factor and rounding."""
    sizes = np.abs(transfer)
    return bool(sizes.max() - sizes.min() <= _ROUNDING * sizes.max())


@dataclass(frozen=True, eq=False)
class _Registers:
    """Registers ``row`` and ``column``, ``reference`` if signed, ``flag`` if it is needed."""

    position: Registers
    reference: QuantumRegister | None
    flag: QuantumRegister | None

    @classmethod
    def of(cls, scene: Scene, transfer: _Spectrum, *, signed: bool) -> _Registers:
        reference = QuantumRegister(1, "reference") if signed else None
        flag = None if _is_unitary(transfer) else QuantumRegister(1, "flag")
        return cls(axis_registers(scene.cells.bits), reference, flag)

    def circuit(self) -> QuantumCircuit:
        """A circuit of these registers, without gates."""
        others = [register for register in (self.reference, self.flag) if register]
        return QuantumCircuit(*self.position.values(), *others)


def _append_filter(circuit: QuantumCircuit, registers: _Registers, transfer: _Spectrum) -> None:
    """Append everything from the transform to the interference with the reference.

    Args:
        circuit: To which to append.
        registers: Its registers.
        transfer: Of every frequency, with largest magnitude 1.
    """
    position, reference, flag = registers.position, registers.reference, registers.flag
    strongest = np.argmax(np.abs(transfer)) if flag else 0
    wave = np.unravel_index(strongest, transfer.shape)
    if reference:
        _append_wave(circuit, position, reference, wave, forward=True)
    for register in position.values():
        circuit.compose(fourier_transform(register.size), register, inplace=True)
    if flag:
        circuit.h(flag)
        circuit.append(flag_diagonal(transfer), [*qubits_of(position), *flag], copy=False)
        circuit.h(flag)
    else:
        circuit.append(phase_diagonal(transfer), qubits_of(position), copy=False)
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
    t = _reordered(transfer)
    theta = np.arccos(np.minimum(np.abs(t), 1.0))
    phase = np.angle(t)
    return DiagonalGate(np.exp(1j * np.concatenate([phase + theta, phase - theta])).tolist())


def phase_diagonal(transfer: _Spectrum) -> DiagonalGate:
    """The diagonal that multiplies frequencies by the phases of a transfer function.

    Args:
        transfer: Shape of powers of two, in the order of ``numpy.fft.fftn``.

    Returns:
        A gate on the frequencies' qubits, bits reversed.
    """
    return DiagonalGate(np.exp(1j * np.angle(_reordered(transfer))).tolist())


def _reordered(transfer: _Spectrum) -> _Spectrum:
    """Factors in the order of the qubits: reversed bits, the sign of the circuit's transform."""
    order = [reversed_bits(length.bit_length() - 1) for length in transfer.shape]
    return transfer[np.ix_(*order)].ravel().conj()
