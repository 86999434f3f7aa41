"""Filtering in Fourier space: masks, the exact filter, and kernels as transfer functions.

Masks and transfer functions are in the order of ``numpy.fft.fftn``: frequency 0, which represents
the mean of the image, is at index 0 of every axis. Frequencies are in cycles per image along each
axis, from ``-(n // 2)`` to ``(n - 1) // 2``. The radius of a frequency is the Euclidean norm of
these numbers of cycles. A circular mask is therefore a circle in *index* space, with the same
number of cycles per image along the short and the long side. In cycles per pixel, the mask is an
ellipse unless the image is square.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.batch import Axes, convolved_axes, for_each
from classical.checks import (
    complex_array,
    grid_shape,
    non_negative_number,
    number_array,
    numpy_defaults,
    positive_number,
    real_array,
    require_axes,
)

_TOLERANCE = 1e-9


@numpy_defaults
def low_pass(shape: Sequence[int], radius: float) -> NDArray[np.float64]:
    """Create a circular mask of low frequencies: 1 inside and on the circle, 0 outside.

    Args:
        shape: Shape of the image, with 1, 2 or 3 axes.
        radius: Radius of the circle, at least 0, in cycles per image along every axis. A radius
            below 1 keeps only the mean.

    Returns:
        Mask of zeros and ones of that shape, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: If the radius is not a real number, or the shape is not a tuple or list of
            integers.
        ValueError: If the radius is negative, or the shape has an empty axis or too many axes.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.8 (ideal lowpass filter).

    Example:
        >>> import classical
        >>> classical.low_pass((8,), radius=2)  # the mean, then 1, 2, 3, -4, -3, -2, -1 cycles
        array([1., 1., 1., 0., 0., 0., 1., 1.])
    """
    limit = non_negative_number("radius", radius)
    return (_distance(shape) <= limit).astype(np.float64)


@numpy_defaults
def high_pass(shape: Sequence[int], radius: float) -> NDArray[np.float64]:
    """Create the complement of a `low_pass` mask: 0 inside and on the circle, 1 outside.

    Args:
        shape: Shape of the image, with 1, 2 or 3 axes.
        radius: Radius of the circle, at least 0, in cycles per image along every axis.

    Returns:
        Mask of zeros and ones of that shape, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: If `low_pass` would raise it.
        ValueError: If `low_pass` would raise it.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.9 (ideal highpass filter).

    Example:
        >>> import classical
        >>> classical.high_pass((8,), radius=2)
        array([0., 0., 0., 1., 1., 1., 0., 0.])
    """
    return 1.0 - low_pass(shape, radius)


@numpy_defaults
def band_pass(shape: Sequence[int], inner: float, outer: float) -> NDArray[np.float64]:
    """Create a ring-shaped mask of frequencies: 1 where ``inner < r <= outer``, 0 elsewhere.

    The ring is the `low_pass` circle of the outer radius minus the circle of the inner radius.
    Rings that share their radii therefore add up to a circle. The mean is never in the ring.

    Args:
        shape: Shape of the image, with 1, 2 or 3 axes.
        inner: Inner radius, excluded from the ring, at least 0, in cycles per image.
        outer: Outer radius, included in the ring, at least ``inner``, in cycles per image.

    Returns:
        Mask of zeros and ones of that shape, in the order of ``numpy.fft.fftn``; all zeros if the
        ring contains no frequency.

    Raises:
        TypeError: If `low_pass` would raise it.
        ValueError: If `low_pass` would raise it, or if the inner radius exceeds the outer radius.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.10 (ideal bandpass filter).

    Example:
        >>> import classical
        >>> classical.band_pass((8,), inner=1, outer=3)
        array([0., 0., 1., 1., 0., 1., 1., 0.])
    """
    low = non_negative_number("inner", inner)
    high = non_negative_number("outer", outer)
    if low > high:
        raise ValueError(f"inner: expected at most the outer radius {high!r}, got {low!r}")
    distance = _distance(shape)
    return ((low < distance) & (distance <= high)).astype(np.float64)


@numpy_defaults
def gaussian_pass(shape: Sequence[int], sigma: float) -> NDArray[np.float64]:
    """Create a Gaussian mask of low frequencies, which causes no ringing.

    Args:
        shape: Shape of the image, with 1, 2 or 3 axes.
        sigma: Radius at which the mask has fallen to ``exp(-1/2)``, positive, in cycles per image
            along every axis.

    Returns:
        Mask of that shape with the value ``exp(-r**2 / (2 * sigma**2))``, from 0 to 1, at radius
        ``r``, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: If `low_pass` would raise it.
        ValueError: If ``sigma`` is not positive, or if `low_pass` would raise it.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.8 (Gaussian lowpass filter).

    Example:
        >>> import classical
        >>> classical.gaussian_pass((4,), sigma=1).round(3)
        array([1.   , 0.607, 0.135, 0.607])
    """
    width = positive_number("sigma", sigma)
    distance = _distance(shape)
    with np.errstate(over="ignore"):  # exp(-inf) is 0, as intended for a tiny circle
        passed: NDArray[np.float64] = np.exp(-((distance / width) ** 2) / 2)
    return passed


@numpy_defaults
def filter_frequencies(
    image: ArrayLike,
    transfer: ArrayLike,
    *,
    axes: Axes | None = None,
    channel_axis: int | None = None,
) -> NDArray[Any]:
    """Multiply the frequencies of an image by a transfer function exactly.

    No frequency may be amplified, so that a quantum circuit can apply the transfer function too.
    All masks of this module satisfy this condition. The result of `transfer_function`, divided by
    its largest magnitude, satisfies it too.

    Args:
        image: Real or complex array with 1, 2 or 3 axes, any unit; with ``axes`` or
            ``channel_axis``, a batch of such arrays.
        transfer: Real or complex array of the image's shape along the filtered axes, in the order
            of ``numpy.fft.fftn``; ``|T| <= 1`` within 1e-9.
        axes: Axes that are filtered, in ascending order; None for all except the channels.
        channel_axis: Axis of the channels, each filtered separately; None for no channels.

    Returns:
        ``ifftn(fftn(image) * transfer)``, in the unit of the image. The result is float64 if the
        image is real and opposite frequencies have conjugate factors, ``T(-f) = conj(T(f))`` within
        1e-9. Otherwise, it is complex128.

    Raises:
        TypeError: If an argument does not hold numbers.
        ValueError: If an argument is empty, not finite or of the wrong shape, or if the transfer
            function amplifies a frequency.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.7.

    Example:
        >>> import classical
        >>> classical.filter_frequencies([1, 2, 3, 4], classical.low_pass((4,), radius=0))
        array([2.5, 2.5, 2.5, 2.5])
    """
    x = number_array("image", image)
    if axes is None and channel_axis is None:
        require_axes("image", x)
    moving = convolved_axes(x, axes, channel_axis)
    factors = _checked_transfer(transfer, tuple(x.shape[axis] for axis in moving))
    opposite = np.roll(np.flip(factors), 1, range(factors.ndim))
    stays_real = np.abs(factors - np.conj(opposite)).max() <= _TOLERANCE

    def filtered(part: NDArray[Any]) -> NDArray[Any]:
        result = np.fft.ifftn(np.fft.fftn(part) * factors)
        return result.real if stays_real and part.dtype.kind != "c" else result

    return for_each(x, moving, filtered)


@numpy_defaults
def compression_ratio(mask: ArrayLike) -> float:
    """Return the number of frequencies that a mask removes, divided by the number that it keeps.

    Args:
        mask: Real array, any number of axes. An entry of exactly 0 removes its frequency; any other
            entry keeps it.

    Returns:
        Number of removed frequencies divided by number of kept frequencies: 0 if all are kept, 3 if
        one in four is kept.

    Raises:
        TypeError: If the mask is complex or does not hold numbers.
        ValueError: If the mask is empty, not finite, or all zeros.

    Example:
        >>> import classical
        >>> classical.compression_ratio(classical.low_pass((8,), radius=0))
        7.0
    """
    entries = real_array("mask", mask)
    kept = int(np.count_nonzero(entries))
    if kept == 0:
        raise ValueError(f"mask: expected a non-zero entry, got all zeros (shape {entries.shape})")
    return (entries.size - kept) / kept


@numpy_defaults
def transfer_function(kernel: ArrayLike, shape: Sequence[int]) -> NDArray[np.complex128]:
    """Compute the transfer function of a kernel: its factor for every frequency.

    The kernel is placed on an array of zeros, with its centre at index 0. The centre is position
    ``(h - 1) // 2`` along an axis of length ``h``. Entries beyond the edges wrap around, and are
    summed if the kernel is larger than the image. By the convolution theorem, ``ifftn(fftn(image) *
    transfer)`` is then `classical.convolve` with mode ``same`` and boundary ``wrap``.

    The factors are not normalised: the factor of the mean is the sum of the kernel, and magnitudes
    are at most ``sum |k|``. `filter_frequencies` requires magnitudes of at most 1. Pass it
    ``transfer / scale``, with ``scale = abs(transfer).max()``, and multiply its result by
    ``scale``.

    Args:
        kernel: Real or complex array with 1, 2 or 3 axes, any size.
        shape: Shape of the image, with the same number of axes.

    Returns:
        Complex array of the image's shape, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: If the kernel does not hold numbers, or the shape is not a tuple or list of
            integers.
        ValueError: If the kernel is empty or not finite, or if kernel and shape differ in the
            number of axes. It is also raised if the shape has an empty axis or too many axes.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.6 (convolution theorem).

    Example:
        >>> import classical
        >>> classical.transfer_function([1, 2, 1], (4,)).real
        array([4., 2., 0., 2.])
    """
    sizes = grid_shape("shape", shape)
    k = number_array("kernel", kernel)
    if k.ndim != len(sizes):
        raise ValueError(
            f"kernel: expected as many axes as shape has, {len(sizes)}, got {k.ndim} "
            f"(shape {k.shape})"
        )
    places = [(np.arange(h) - (h - 1) // 2) % n for h, n in zip(k.shape, sizes, strict=True)]
    laid = np.zeros(sizes, k.dtype)
    np.add.at(laid, np.ix_(*places), k)
    factors: NDArray[np.complex128] = np.fft.fftn(laid)
    return factors


def _distance(shape: Sequence[int]) -> NDArray[np.float64]:
    """Return the radius of every frequency in cycles per image.

    Each radius is the square root of an exact integer, so a frequency can lie exactly on a circle.
    """
    sizes = grid_shape("shape", shape)
    cycles = [np.fft.ifftshift(np.arange(n) - n // 2) for n in sizes]
    squares = np.zeros(sizes)
    for along in np.ix_(*cycles):
        squares += along**2
    return np.sqrt(squares)


def _checked_transfer(transfer: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Check that a transfer function has the right shape and amplifies nothing."""
    factors = complex_array("transfer", transfer)
    if factors.shape != shape:
        raise ValueError(f"transfer: expected the image's shape {shape}, got {factors.shape}")
    largest = float(np.abs(factors).max())
    if not largest <= 1 + _TOLERANCE:
        raise ValueError(
            f"transfer: expected magnitudes of at most 1, got {largest!r}; divide by it"
        )
    return factors
