"""Fourier: a quantum Fourier transform, a transfer function, and the inverse transform.

A convolution multiplies every frequency ``f`` of the position registers by the kernel's transfer
function. The transfer function divided by its largest magnitude is
``T(f) = cos(theta_f) exp(i phi_f)``. A flag qubit implements this factor. Between two Hadamard
gates on the flag, the diagonal

    exp(i (phi_f + theta_f)) on flag 0,    exp(i (phi_f - theta_f)) on flag 1

leaves the amplitude ``T(f)`` where the flag reads 0. After the inverse transform, position ``y``
with flag 0 has the amplitude ``(k * I)(y) / (max|K| |I|)``. The success probability is
``|k * I|**2 / (max|K|**2 |I|**2)``. `Interference` has at most the same success probability,
because ``max|K| <= sum|k|``. If ``|T| = 1`` everywhere, the filter is unitary: it needs no flag,
and every execution succeeds. The transforms omit the final swaps, so the diagonal has its
frequencies in bit-reversed order.

Devices have no diagonal gates. A filter for a device is built from the factors of the transfer
function if there are such factors: a quadratic phase, and multiplexed rotations of one flag per
axis. See ``qconv.methods.whole_image.filter_factors``.

A measurement of the position gives squared amplitudes, without signs. A reference qubit gives the
signs. Where the reference qubit is 1, the position registers hold the image. Where it is 0, they
hold a plane wave. At the frequency of this wave, ``T`` has its largest magnitude, so the wave
passes the filter unchanged. Single-qubit phases turn a uniform superposition into this wave and
back. A final Hadamard gate lets the branches interfere; see ``CoherentReadOut``.

With a transfer function instead of a kernel, the circuit is a frequency filter:
`filter_frequencies`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of
from qconv.circuits.fourier import reversed_bits
from qconv.circuits.loading.preparation import EXACT, Preparation
from qconv.methods.whole_image.coherent import CoherentMethod, Filtered, PreparedCoherent
from qconv.methods.whole_image.encoded_image import EncodedImage
from qconv.methods.whole_image.frequency_filter import FrequencyFilter
from qconv.methods.whole_image.register_layout import PADDINGS
from qconv.planning.method import Prepared
from qconv.planning.number import Number, Scored
from qconv.planning.problem import Problem

_Spectrum = NDArray[np.complex128]

#: Fraction of the largest magnitude below which differences are rounding errors.
_ROUNDING = 1e-9

#: Padding schemes that each block scheme allows.
_IN_BLOCKS = {
    "overlap-add": ("auto", "both"),
    "overlap-save": ("auto", "both", "kernel", "wrapped"),
}


@dataclass(frozen=True, repr=False)
class Fourier(CoherentMethod):
    """Multiplication of the image's quantum Fourier transform by the kernel's transfer function.

    Args:
        signed: True for a linear, unbiased read-out of signed values, which uses a reference qubit.
            The standard error is nearly uniform. With False, only the magnitudes of the values are
            read. Magnitudes are biased where counts are small. The standard error of magnitudes is
            smaller by a factor between ``sqrt(2)`` (for a small success probability) and 2 (for a
            success probability near 1).
        padding: Zero padding of image and kernel to the size of the registers. ``"auto"`` uses the
            fewest qubits that mode and boundary allow. ``"both"`` pads image and kernel with so
            many zeros that no value wraps around into the result. The other schemes use registers
            that are only as large as the image needs. These schemes are rejected if values that
            wrap around would change the result. With boundary ``wrap`` and sides that are powers of
            two, these values belong to the result. ``"kernel"`` pads the kernel and puts its first
            position on basis state 0, which displaces the result. ``"wrapped"`` pads the kernel and
            puts its centre on basis state 0. ``"none"`` requires a kernel as large as the image.
        amplify: Number of rounds of amplitude amplification; 0 for no amplification. Each round
            adds two oracle calls per execution and raises the fraction of successful executions.
            ``"auto"`` selects the number of rounds (at most 32) and the weight of the reference
            qubit. This choice minimises the error for a given number of oracle calls, as predicted
            from image and kernel. The scale of the result is not predicted but measured.
        read_out: Estimator of signed values. ``"linear"`` is unbiased. ``"root"`` is close to the
            maximum likelihood estimate. With amplification and a few hundred or more shots per
            pixel, ``"root"`` has about half the variance of ``"linear"``. ``"root"`` is biased
            where counts are small.
        preparation: Preparation of the image: ``"exact"``, or a `qconv.ApproximatePreparation` with
            far fewer gates. `Convolution.loading_bias` is the error that it causes.

    Raises:
        TypeError: If ``signed`` is not a bool, or ``amplify`` is neither an integer nor a string.
        ValueError: If ``amplify`` is negative or an unknown string, ``read_out`` or ``padding`` is
            unknown, or ``read_out`` is ``"root"`` without ``signed``.

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
    preparation: Preparation = EXACT

    unitary_filters: ClassVar[bool] = True

    def __post_init__(self) -> None:
        one_of(self.padding, "padding", PADDINGS)
        self._check_options()

    def prepare(self, plan: Problem) -> Prepared[Any]:
        """Return the `Prepared` object (circuits and their decoding) for one plan."""
        return self._prepared(plan, lambda own, part: PreparedFourier(self, own, part=part))

    def in_place(self) -> Fourier | None:
        """Return this method with padding ``"wrapped"``; None if its own padding excludes it."""
        return replace(self, padding="wrapped") if self.padding in ("auto", "wrapped") else None

    def check_blocks(self, scheme: str) -> None:
        """Raise if the block scheme does not allow the padding."""
        super().check_blocks(scheme)
        if self.padding not in _IN_BLOCKS[scheme]:
            raise ValueError(
                f"method: expected a padding of {' or '.join(map(repr, _IN_BLOCKS[scheme]))} "
                f"for {scheme!r}, got {self.padding!r}"
            )


@dataclass(frozen=True, eq=False)
class PreparedFourier(PreparedCoherent[Fourier]):
    """The circuit of transforms and a diagonal that filters one plan's image."""

    kernel_filter: FrequencyFilter | None = field(default=None, repr=False)
    """Filter that was made for another image; None to make it."""

    shared_transfer: _Spectrum | None = field(default=None, repr=False)
    """Transfer function that an earlier plan computed; None to compute it."""

    bands: Sequence[tuple[float, float]] = ()
    """Radii of the frequencies that pass and are measured, see `Observable.band`; empty to pass all
    frequencies and measure positions."""

    nothing: ClassVar[str] = "none of its frequencies passes the filter"

    def again(self, plan: Problem) -> Self:
        """Return the `Prepared` object for another plan, with the same filter if possible."""
        alike = (plan.native, plan.counted) == (self.plan.native, self.plan.counted)
        made = self._filter if alike and self._bound else None
        return replace(super().again(plan), shared_transfer=self._transfer, kernel_filter=made)

    def with_image(self, plan: Problem) -> PreparedFourier:
        """Return the `Prepared` object for another image, with the same filter."""
        made = self._filter if self._bound else None
        return PreparedFourier(self.method, plan, part=self.part, kernel_filter=made)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the values of the image."""
        return self.encoded.layout.num_qubits + self._label_qubits

    @property
    def _label_qubits(self) -> int:
        return self.method.signed + sum(self.encoded.layout.mirrored) + self._filter.flags

    def _encode(self) -> EncodedImage:
        """Encode the image as amplitudes."""
        extra = int(self.method.signed)  # and a flag, unless the filter turns out to be unitary
        padding = self.method.padding
        mirror = self.mirror and padding == "auto"
        return EncodedImage.of(self.plan, extra, extra, extra, padding=padding, mirror=mirror)

    @cached_property
    def _transfer(self) -> _Spectrum:
        """Transfer function of the kernel in ``numpy.fft.fftn`` order."""
        if self.shared_transfer is not None:
            return self.shared_transfer
        transfer = self.encoded.transfer(self.encoded.kernel[0])
        if not self.bands:
            return transfer
        return np.where(np.any([self._inside(band) for band in self.bands], axis=0), transfer, 0)

    def _inside(self, band: tuple[float, float]) -> NDArray[np.bool_]:
        """Return whether each frequency is in a band, in ``numpy.fft.fftn`` order."""
        squares = (np.square(np.fft.fftfreq(n, 1 / n)) for n in self.encoded.layout.shape)
        radius = np.sqrt(functools.reduce(np.add.outer, squares))
        return np.asarray((band[0] < radius) & (radius <= band[1]))

    @cached_property
    def _bound(self) -> float:
        """Subnormalisation: the largest magnitude of the transfer function."""
        return float(np.abs(self._transfer).max())

    @property
    def _rounds(self) -> int | str:
        """Number of rounds; 0 for a unitary filter, unless ``"auto"`` is requested."""
        amplify = self.method.amplify
        return 0 if amplify != "auto" and self._unitary else amplify

    def _reference_transfer(self) -> _Spectrum:
        return self._filter.of_reference()

    def _filter_exactly(self) -> Filtered:
        return self._through(self._transfer, self._bound)

    @property
    def _vanishes(self) -> bool:
        if self._bound == 0:
            return True
        keeps_all = self.encoded.layout.num_read == self.encoded.content.size
        return not (keeps_all and self._unitary) and super()._vanishes

    @cached_property
    def _unitary(self) -> bool:
        """Whether all magnitudes are equal up to rounding, so that the filter needs no flag."""
        sizes = np.abs(self._transfer)
        return bool(sizes.max() - sizes.min() <= _ROUNDING * sizes.max())

    @cached_property
    def _filter(self) -> FrequencyFilter:
        if self.kernel_filter is not None:
            return self.kernel_filter
        transfer = self._transfer / self._bound
        return FrequencyFilter(
            transfer,
            self.encoded.layout.mirrored,
            self.method.signed,
            flagged=not self._unitary,
            hermitian=not self.plan.propagator.is_complex,
            interfere=self._append_interference,
            native=self.plan.native,
            counted=self.plan.counted,
            returns=not self.bands,
        )

    def _in_bands(self, bands: Sequence[tuple[float, float]]) -> list[Number]:
        layout, grid = self.encoded.layout, self.plan.grid
        if not layout.shape == grid.output_shape == grid.image_shape or grid.boundary != "wrap":
            raise ValueError(
                "observable: expected mode='same', boundary='wrap' and sides that are powers of "
                f"two for a Band, got an image of shape {grid.image_shape} with boundary "
                f"{grid.boundary!r} and a result of shape {grid.output_shape}"
            )
        plain = PreparedFourier(self._plain.method, self.plan, bands=tuple(bands))
        return [plain._of_band(band) for band in bands]

    def _of_band(self, band: tuple[float, float]) -> Number:
        """Return the energy of one of the bands, from counts of frequencies."""
        if self._nothing:
            return Scored.zero(self._amplified)
        inside = self._inside(band).astype(np.float64)
        order = [reversed_bits(bits) for bits in self.encoded.layout.bits]
        filtered = self._transfer * self.encoded.spectrum() / self._read_out.factor
        squares = np.square(np.abs(filtered)) / filtered.size
        return self._energy(inside[np.ix_(*order)].ravel(), inside, squares)

    def _shell(self) -> QuantumCircuit:
        return self._filter.circuit()

    def _finish(self, circuit: QuantumCircuit) -> None:
        self._filter.append(circuit)

    def _reflect(self, circuit: QuantumCircuit) -> None:
        self._filter.reflect(circuit)
