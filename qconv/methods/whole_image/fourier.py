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

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qconv._checks import boolean, one_of
from qconv.circuits.amplification.rounds import Rounds
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.whole_image.amplification import check_amplify, check_read_out
from qconv.methods.whole_image.encoded_image import EncodedImage, PreparedImage
from qconv.methods.whole_image.frequency_filter import FilterRegisters, FrequencyFilter
from qconv.methods.whole_image.read_outs import CoherentReadOut, ReadOut, read_out_of, superposed
from qconv.methods.whole_image.register_layout import PADDINGS
from qconv.planning.method import Method, Prediction
from qconv.planning.problem import Problem
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
        amplify: Rounds of amplitude amplification, each of which costs two more oracle calls an
            execution and raises the part of them that succeeds; ``"auto"`` for as many, at most
            32, and as little of the reference, as give the least error for the oracle calls. 0 for
            none. The picture and the kernel predict how many that are; the result's scale is
            measured.
        read_out: Of a signed result. ``"linear"`` is unbiased. ``"root"``, nearly the most likely
            value, has about half the variance once it is amplified, from some hundred shots a
            pixel on, and a bias where counts are small.

    Raises:
        TypeError: ``signed`` is not a bool, or ``amplify`` no whole number.
        ValueError: ``amplify`` is negative; ``read_out`` is unknown, or ``"root"`` of magnitudes;
            ``padding`` is unknown.

    Source:
        Brassard, Hoyer, Mosca and Tapp, Contemporary Mathematics 305, 53 (2002),
        quant-ph/0005055, section 2 (rounds of amplification).

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
    amplify: int | str = 0
    read_out: str = "linear"

    whole_image: ClassVar[bool] = True
    unitary_filters: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")
        one_of(self.padding, "padding", PADDINGS)
        check_amplify(self.amplify)
        check_read_out(self.read_out, signed=self.signed)

    @property
    def corrects_readout(self) -> bool:
        """Whether counts can be corrected: not where roots of them are read."""
        return self.signed and self.read_out == "linear"

    def prepare(self, plan: Problem) -> PreparedFourier:
        """Return the work for one plan."""
        return PreparedFourier(self, plan)

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


@dataclass(frozen=True, eq=False)
class PreparedFourier(PreparedImage[Fourier]):
    """The circuit of transforms and a diagonal that filters one plan's image."""

    @cached_property
    def programs(self) -> list[Program]:
        """The circuit; none where no frequency of the image passes."""
        encoded = self.encoded
        if encoded.unit == 0 or self._stops:
            return []
        made, signed = self._read_out.amplification, self.method.signed
        return [
            encoded.program(
                self._registers.circuit,
                lambda: superposed(encoded.content, signed=signed, weight=made.weight),
                self.num_qubits,
                lambda circuit: self._filter.append(circuit),
                Rounds(made.rounds, lambda circuit: self._filter.reflect(circuit)),
            )
        ]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Turn the counts of the cells into amplitudes."""
        encoded = self.encoded
        if encoded.unit == 0:
            return encoded.nothing("image: zero everywhere")
        if self._stops:
            return encoded.nothing("image: none of its frequencies passes the filter")
        labels = self.num_qubits - encoded.layout.num_qubits
        return self._read_out.decode(next(outcomes), labels)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the image shows."""
        return self.encoded.layout.num_qubits + self.method.signed + (not self._unitary)

    def predict(self) -> Prediction:
        """Predict the success probability and the standard error of every pixel."""
        if self._bound == 0:
            return Prediction(0.0, np.zeros(self.plan.grid.output_shape))
        return self._read_out.predict()

    def _encode(self) -> EncodedImage:
        """Encode the image as amplitudes."""
        extra = int(self.method.signed)  # and a flag, unless the filter turns out to be unitary
        padding = self.method.padding
        return EncodedImage.of(self.plan, extra, measured=extra, prepared=extra, padding=padding)

    @cached_property
    def _transfer(self) -> _Spectrum:
        """The kernel's transfer function on the cells, in ``numpy.fft.fftn`` order."""
        return self.encoded.transfer(self.encoded.kernel[0])

    @cached_property
    def _bound(self) -> float:
        """The subnormalisation: the transfer function's largest magnitude."""
        return float(np.abs(self._transfer).max())

    @cached_property
    def _read_out(self) -> ReadOut:
        """How the circuit's outcomes are read."""
        encoded, method = self.encoded, self.method
        filtered = encoded.through(self._transfer)
        read = CoherentReadOut(encoded, filtered, self._bound, method.signed, encoded.kernel[1])
        amplify = 0 if method.amplify != "auto" and self._unitary else method.amplify
        return read_out_of(read, self._transfer, amplify, method.read_out)

    @property
    def _stops(self) -> bool:
        """Whether nothing passes the filter."""
        if self._bound == 0:
            return True
        keeps_all = self.encoded.layout.num_read == self.encoded.content.size
        if keeps_all and self._unitary:
            return False
        return self._read_out.vanishes

    @cached_property
    def _unitary(self) -> bool:
        """Whether the filter needs no flag: all frequencies keep their strength, but for rounding.

        A common factor makes no difference.
        """
        sizes = np.abs(self._transfer)
        return bool(sizes.max() - sizes.min() <= _ROUNDING * sizes.max())

    @property
    def _registers(self) -> FilterRegisters:
        """The circuit's registers."""
        bits = self.encoded.layout.bits
        return FilterRegisters.of(bits, signed=self.method.signed, flagged=not self._unitary)

    @cached_property
    def _filter(self) -> FrequencyFilter:
        """The filter as a circuit."""
        return FrequencyFilter(self._registers, self._transfer / self._bound)
