"""Filtering in the frequency domain: a transfer function instead of a kernel."""

from __future__ import annotations

from typing import Unpack

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
from qconv.methods.options import check_options
from qconv.methods.whole_image.fourier import Fourier
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
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Multiply the spectrum of an image by a transfer function in a quantum circuit.

    The measured average converges to ``numpy.fft.ifftn(numpy.fft.fftn(image) * transfer)``. If
    every side is a power of two, the circuit acts on the frequencies of the image. Otherwise, the
    filter becomes a kernel as large as the image, convolved with boundary ``wrap``. The result is
    the same, but it takes more qubits, and the success probability is different.

    Args:
        image: Real or complex array with 1, 2 or 3 axes, any unit.
        transfer: Array of the same shape as the image, with one factor per frequency in the order
            of ``numpy.fft.fftn``. Magnitudes are at most 1. The result is real if the image is real
            and ``transfer[-f]`` is the complex conjugate of ``transfer[f]``; otherwise, it is
            complex.
        method: Method with its options; by default `Fourier`.
        sampling: Options of measurement, see `SamplingOptions`.

    Returns:
        The estimate with its standard error, in the shape and unit of the image.

    Raises:
        TypeError: If an argument is of the wrong type, or the numbers are complex and ``method``
            takes only real ones.
        ValueError: If ``transfer`` has a shape other than the image's or a magnitude above 1; or in
            the cases in which `qconv.convolve` raises a ValueError.
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
    spectrum = _checked(transfer, pixels.shape)
    plan = filter_plan(pixels, spectrum, method, requested)
    return plan.run(requested.progress, requested.checkpoint)


def filter_plan(
    image: np.ndarray, transfer: np.ndarray, method: Method, requested: Requested
) -> Plan:
    """Plan a filter as a convolution with a kernel as large as the image and boundary ``wrap``."""
    centre = [(length - 1) // 2 for length in image.shape]
    kernel: Numbers = np.roll(np.fft.ifftn(transfer), centre, range(image.ndim))
    mirrored = np.roll(np.flip(transfer), 1, range(image.ndim))
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
    )


def _checked(transfer: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Check a transfer function and return it as an array."""
    require_unmasked(transfer, "transfer")
    array = np.asarray(transfer)
    if array.dtype.kind != "c":
        array = real_array(transfer, "transfer")
    if array.shape != shape:
        raise ValueError(f"transfer: expected the shape of the image, {shape}, got {array.shape}")
    require_finite(array.real, "transfer")
    require_finite(array.imag, "transfer")
    largest = float(np.abs(array).max(initial=0))
    if largest > 1 + _ROUNDING:
        raise ValueError(f"transfer: expected magnitudes of at most 1, got {largest:.12g}")
    return array
