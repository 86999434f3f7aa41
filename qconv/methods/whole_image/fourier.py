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
`CoherentReadOut`.

A transfer function instead of a kernel makes this a filter of frequencies: `filter_frequencies`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit.library import DiagonalGate

from qconv._checks import boolean, one_of
from qconv.circuits.fourier import fourier_transform, reversed_bits
from qconv.circuits.registers import Registers, append_large, axis_registers, qubits_of
from qconv.execution.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.whole_image.encoded_image import CoherentReadOut, EncodedImage, superposed
from qconv.methods.whole_image.register_layout import PADDINGS
from qconv.planning.method import Method, Prediction
from qconv.planning.plan import Plan
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: A part of the largest magnitude below which a difference is rounding.
_ROUNDING = 1e-9

#: With which padding of its own a block gives what is asked of it.
_IN_BLOCKS = {
    "overlap-add": ("auto", "both"),
    "overlap-save": ("auto", "both", "kernel", "wrapped"),
}


@dataclass(frozen=True)
class Fourier(Method):
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

    Example:
        >>> import qconv
        >>> step = [1.0, 1, 1, 1, 9, 9, 9, 9]
        >>> where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier()}
        >>> qconv.convolve(step, [1, -2, 1], shots=None, **where).image.round(6) + 0.0  # no -0
        array([ 8.,  0.,  0.,  8., -8.,  0.,  0., -8.])
        >>> sampled = qconv.convolve(step, [1, -2, 1], shots=10_000, seed=7, **where)
        >>> sampled.image.round(1)
        array([ 8.1, -0.1,  0.2,  7.8, -8. ,  0.5, -0.3, -7.9])
    """

    signed: bool = True
    padding: str = "auto"

    whole_image: ClassVar[bool] = True
    unitary_filters: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")
        one_of(self.padding, "padding", PADDINGS)

    @property
    def corrects_readout(self) -> bool:  # type: ignore[override]
        """Unless it reads magnitudes, the roots of counts."""
        return self.signed

    def build(self, plan: Plan) -> list[Program]:
        """The circuit; none where no frequency of the image passes."""
        encoded = self._encoded(plan)
        if encoded.unit == 0 or self._stops(plan):
            return []
        return [
            encoded.program(
                lambda: self._registers(plan).circuit(),
                lambda: superposed(encoded.content, signed=self.signed),
                self.num_qubits(plan),
                lambda circuit: self._append_filter(plan, circuit),
            )
        ]

    def decode(self, plan: Plan, outcomes: Iterator[Outcomes]) -> Convolution:
        """Turn the counts of the cells into amplitudes."""
        encoded = self._encoded(plan)
        if encoded.unit == 0:
            return encoded.nothing("image: zero everywhere")
        if self._stops(plan):
            return encoded.nothing("image: none of its frequencies passes the filter")
        labels = self.num_qubits(plan) - encoded.layout.num_qubits
        return self._read_out(plan).decode(next(outcomes), labels)

    def num_qubits(self, plan: Plan) -> int:
        """Qubits of the circuit, whatever the image shows."""
        encoded = self._encoded(plan)
        return encoded.layout.num_qubits + self.signed + (not self._unitary(plan))

    def predict(self, plan: Plan) -> Prediction:
        """Success probability, and the standard error of every pixel."""
        if self._bound(plan) == 0:
            return Prediction(0.0, np.zeros(plan.grid.output_shape))
        return self._read_out(plan).predict()

    def in_place(self) -> Fourier | None:
        """The kernel wrapped around itself, if that is left open."""
        return replace(self, padding="wrapped") if self.padding in ("auto", "wrapped") else None

    def check_blocks(self, scheme: str) -> None:
        """Raise unless the padding gives what is asked of a block."""
        super().check_blocks(scheme)
        if self.padding not in _IN_BLOCKS[scheme]:
            raise ValueError(
                f"method: expected a padding of {' or '.join(map(repr, _IN_BLOCKS[scheme]))} "
                f"for {scheme!r}, got {self.padding!r}"
            )

    def _encoded(self, plan: Plan) -> EncodedImage:
        """The image as amplitudes."""
        extra = int(self.signed)  # and a flag, unless the filter turns out to be unitary
        return EncodedImage.of(plan, extra, measured=extra, prepared=extra, padding=self.padding)

    def _transfer(self, plan: Plan) -> _Spectrum:
        """The kernel's transfer function on the cells, in ``numpy.fft.fftn`` order."""

        def make() -> _Spectrum:
            encoded = self._encoded(plan)
            return encoded.transfer(encoded.kernel[0])

        return plan.once("transfer", make)

    def _bound(self, plan: Plan) -> float:
        """The subnormalisation: the transfer function's largest magnitude."""
        return plan.once("bound", lambda: float(np.abs(self._transfer(plan)).max()))

    def _read_out(self, plan: Plan) -> CoherentReadOut:
        def make() -> CoherentReadOut:
            encoded = self._encoded(plan)
            filtered = encoded.through(self._transfer(plan))
            gain = encoded.kernel[1]
            return CoherentReadOut(encoded, filtered, self._bound(plan), self.signed, gain)

        return plan.once(CoherentReadOut, make)

    def _stops(self, plan: Plan) -> bool:
        """Whether nothing passes the filter."""
        encoded = self._encoded(plan)
        if self._bound(plan) == 0:
            return True
        keeps_all = encoded.layout.num_read == encoded.content.size
        if keeps_all and self._unitary(plan):
            return False
        return self._read_out(plan).vanishes

    def _unitary(self, plan: Plan) -> bool:
        """Whether the filter needs no flag."""
        return plan.once("unitary", lambda: _is_unitary(self._transfer(plan)))

    def _registers(self, plan: Plan) -> _Registers:
        bits = self._encoded(plan).layout.bits
        return _Registers.of(bits, signed=self.signed, flagged=not self._unitary(plan))

    def _append_filter(self, plan: Plan, circuit: QuantumCircuit) -> None:
        factors = self._transfer(plan) / self._bound(plan)
        _append_filter(circuit, self._registers(plan), factors)


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
    def of(cls, bits: tuple[int, ...], *, signed: bool, flagged: bool) -> _Registers:
        """The registers of a lattice of so many bits along each axis."""
        reference = QuantumRegister(1, "reference") if signed else None
        flag = QuantumRegister(1, "flag") if flagged else None
        return cls(axis_registers(bits), reference, flag)

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
        append_large(circuit, flag_diagonal(transfer), [*qubits_of(position), *flag])
        circuit.h(flag)
    else:
        append_large(circuit, phase_diagonal(transfer), qubits_of(position))
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
