"""Filtering in the frequency domain: a transfer function instead of a kernel."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import (
    Numbers,
    number_array,
    numpy_defaults,
    real_array,
    require_finite,
    require_unmasked,
)
from qconv.grid import AXES
from qconv.methods.options import check_options
from qconv.methods.whole_image.fourier import Fourier
from qconv.planning.axes import Axes, axis_names
from qconv.planning.build import laid_out
from qconv.planning.method import Method
from qconv.planning.options import Requested, SamplingOptions
from qconv.planning.plan import Plan
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

#: Tolerance for rounding, of magnitudes above 1 and of conjugate pairs of frequencies.
_ROUNDING = 1e-9


@numpy_defaults
def filter_frequencies(
    image: ArrayLike,
    transfer: ArrayLike,
    *,
    method: Method = Fourier(),  # noqa: B008  (frozen)
    axes: Axes | None = None,
    channel_axis: int | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Multiply the spectrum of an image by a transfer function in a quantum circuit.

    The measured average converges to ``numpy.fft.ifftn(numpy.fft.fftn(image) * transfer)``. If
    every side is a power of two, the circuit acts on the frequencies of the image. Otherwise, the
    filter becomes a kernel as large as the image, convolved with boundary ``wrap``. The result is
    the same, but it takes more qubits, and the success probability is different.

    Args:
        image: Real or complex array with 1, 2 or 3 axes, any unit; with ``axes`` or
            ``channel_axis``, a batch of such arrays.
        transfer: Array of the same shape as the image, or as each element of the batch, with one
            factor per frequency in the order of ``numpy.fft.fftn``. Magnitudes are at most 1. The
            result is real if the image is real and ``transfer[-f]`` is the complex conjugate of
            ``transfer[f]``; otherwise, it is complex.
        method: Method with its options; by default `Fourier`.
        axes: Axes that are filtered, as for `qconv.convolve`; None for all except the channels.
        channel_axis: Axis of the channels, as for `qconv.convolve`; None for no channels.
        sampling: Options of measurement, see `SamplingOptions`.

    Returns:
        The estimate with its standard error, in the shape and unit of the image.

    Raises:
        TypeError: If an argument is of the wrong type, or the numbers are complex and ``method``
            takes only real numbers.
        ValueError: If ``transfer`` does not have the shape of the image, or a magnitude is above 1.
            A ValueError is also raised where `qconv.convolve` raises it.
        RuntimeError: If a backend failed repeatedly.

    Example:
        >>> import classical
        >>> import qconv
        >>> image = [[9.0, 1, 5, 1], [1, 5, 1, 5], [5, 1, 9, 1], [1, 5, 1, 5]]
        >>> mean_only = classical.low_pass((4, 4), radius=0)
        >>> qconv.filter_frequencies(image, mean_only, shots=None).image.round(6)
        array([[3.5, 3.5, 3.5, 3.5],
               [3.5, 3.5, 3.5, 3.5],
               [3.5, 3.5, 3.5, 3.5],
               [3.5, 3.5, 3.5, 3.5]])
        >>> result = qconv.filter_frequencies(image, mean_only, shots=10_000, seed=7)
        >>> print(f"{result.image.mean():.2f}, success probability {result.expected_success:.3f}")
        3.50, success probability 0.613
    """
    requested = check_options(sampling, method)
    pixels = number_array(image, "image", finite=False)
    names = axis_names(pixels.shape, axes, channel_axis)
    sides = tuple(n for n, name in zip(pixels.shape, names, strict=True) if name in AXES)
    spectrum = _checked(transfer, sides, whole=sides == pixels.shape)
    batch = {"axes": axes, "channel_axis": channel_axis}
    plan = filter_plan(pixels, spectrum, method, requested, **batch)
    return plan.run(requested.progress, requested.checkpoint)


def filter_plan(
    image: np.ndarray,
    transfer: np.ndarray,
    method: Method,
    requested: Requested,
    **batch: Any,
) -> Plan:
    """Plan a filter as a convolution with a kernel as large as the image and boundary ``wrap``.

    ``batch`` are ``axes`` and ``channel_axis``, as for `filter_frequencies`.
    """
    centre = [(length - 1) // 2 for length in transfer.shape]
    kernel: Numbers = np.roll(np.fft.ifftn(transfer), centre, range(transfer.ndim))
    mirrored = np.roll(np.flip(transfer), 1, range(transfer.ndim))
    if float(np.abs(transfer - mirrored.conj()).max(initial=0)) <= _ROUNDING:
        kernel = kernel.real
    if kernel.any():
        propagator = Propagator.from_kernel(kernel)
    else:
        propagator = Propagator(np.full(kernel.shape, 1 / kernel.size), kernel)
    return laid_out(
        image,
        propagator,
        requested,
        method=method,
        mode="same",
        boundary="wrap",
        fillvalue=0.0,
        flipped=True,
        **batch,
    )


def _checked(transfer: ArrayLike, shape: tuple[int, ...], *, whole: bool) -> np.ndarray:
    """Check a transfer function and return it as an array; ``whole`` if there is no batch."""
    require_unmasked(transfer, "transfer")
    array = np.asarray(transfer)
    if array.dtype.kind != "c":
        array = real_array(transfer, "transfer")
    if array.shape != shape:
        what = "the image" if whole else "the axes that are filtered"
        raise ValueError(f"transfer: expected the shape of {what}, {shape}, got {array.shape}")
    require_finite(array.real, "transfer")
    require_finite(array.imag, "transfer")
    largest = float(np.abs(array).max(initial=0))
    if largest > 1 + _ROUNDING:
        raise ValueError(f"transfer: expected magnitudes of at most 1, got {largest:.12g}")
    return array
