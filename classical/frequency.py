"""Filtering in Fourier space: masks, the exact filter, and kernels as transfer functions.

Masks and transfer functions are in the order of ``numpy.fft.fftn``: frequency 0, the mean of the
image, stands at index 0 of every axis. Frequencies count cycles per image along each axis, from
``-(n // 2)`` to ``(n - 1) // 2``, and the radius of a frequency is the Euclidean length of that
vector of counts. So a circle is a circle in *index* space; in cycles per pixel it is an ellipse if
the image is not square, and passes as many cycles along its short side as along its long side.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import (
    complex_array,
    grid_shape,
    non_negative_number,
    numpy_defaults,
    positive_number,
    real_array,
    require_axes,
)

_TOLERANCE = 1e-9


@numpy_defaults
def low_pass(shape: Sequence[int], radius: float) -> NDArray[np.float64]:
    """Make the mask of a circle of low frequencies: 1 inside and on it, 0 outside.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        radius: Radius of the circle in cycles per image along every axis, at least 0. A radius
            below 1 keeps the mean alone.

    Returns:
        Mask of that shape, 0 or 1, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: The radius is not a real number, or the shape not a tuple or list of integers.
        ValueError: A negative radius, or a shape with an empty axis or too many.

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
    """Make the mask that keeps what `low_pass` removes: 0 inside and on the circle, 1 outside.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        radius: Radius of the circle in cycles per image along every axis, at least 0.

    Returns:
        Mask of that shape, 0 or 1, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: As in `low_pass`.
        ValueError: As in `low_pass`.

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
    """Make the mask of a ring of frequencies: 1 where ``inner < r <= outer``, 0 elsewhere.

    It is what `low_pass` of the outer radius keeps and `low_pass` of the inner one removes, so
    rings with common radii add up to a circle. The mean is never in it.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        inner: Radius that is just outside of the ring, in cycles per image, at least 0.
        outer: Radius that is just inside of the ring, in cycles per image, at least ``inner``.

    Returns:
        Mask of that shape, 0 or 1, in the order of ``numpy.fft.fftn``; all zeros if no frequency
        lies in the ring.

    Raises:
        TypeError: As in `low_pass`.
        ValueError: As in `low_pass`, or the inner radius is larger than the outer one.

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
    """Make a soft circle of low frequencies, without the ringing of a sharp one.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        sigma: Radius at which the mask has fallen to ``exp(-1/2)``, in cycles per image along every
            axis, positive.

    Returns:
        ``exp(-r**2 / (2 * sigma**2))`` at radius ``r``, of that shape, from 0 to 1, in the order of
        ``numpy.fft.fftn``.

    Raises:
        TypeError: As in `low_pass`.
        ValueError: ``sigma`` is not positive, or as in `low_pass`.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.8 (Gaussian lowpass filter).

    Example:
        >>> import classical
        >>> classical.gaussian_pass((4,), sigma=1).round(3)
        array([1.   , 0.607, 0.135, 0.607])
    """
    width = positive_number("sigma", sigma)
    distance = _distance(shape)
    with np.errstate(over="ignore"):  # far out of a tiny circle: exp(-inf) is 0, as it should be
        passed: NDArray[np.float64] = np.exp(-((distance / width) ** 2) / 2)
    return passed


@numpy_defaults
def filter_frequencies(image: ArrayLike, transfer: ArrayLike) -> NDArray[np.float64]:
    """Multiply the frequencies of an image by a transfer function, exactly.

    The transfer function is one that a quantum circuit can apply too, and leaves the image real: no
    frequency is amplified, and opposite frequencies have conjugate factors. All masks of this
    module, and `transfer_function` over its largest magnitude, are of that kind.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        transfer: Real or complex array of the image's shape, in the order of ``numpy.fft.fftn``;
            ``|T| <= 1`` and ``T(-f) = conj(T(f))``, both within 1e-9.

    Returns:
        ``ifftn(fftn(image) * transfer)`` as float64, in the unit of the image.

    Raises:
        TypeError: The image is complex, or an argument holds no numbers.
        ValueError: An argument is empty, not finite or of the wrong shape; or the transfer function
            amplifies a frequency or makes the image complex.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.7.

    Example:
        >>> import classical
        >>> classical.filter_frequencies([1, 2, 3, 4], classical.low_pass((4,), radius=0))
        array([2.5, 2.5, 2.5, 2.5])
    """
    x = real_array("image", image)
    require_axes("image", x)
    factors = _checked_transfer(transfer, x.shape)
    filtered: NDArray[np.float64] = np.fft.ifftn(np.fft.fftn(x) * factors).real
    return filtered


@numpy_defaults
def compression_ratio(mask: ArrayLike) -> float:
    """Compare the area that a mask removes with the area that it keeps.

    Args:
        mask: Real array, any number of axes. An entry of exactly 0 removes its frequency, any
            other keeps it.

    Returns:
        Number of frequencies removed over number kept: 0 if all are kept, 3 if one in four is.

    Raises:
        TypeError: The mask is complex or holds no numbers.
        ValueError: The mask is empty, not finite, or all zeros.

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
    """Write a kernel as what it multiplies every frequency by: the convolution theorem.

    The kernel is laid on an empty image with its centre, position ``(h - 1) // 2`` along an axis of
    length ``h``, on index 0; what sticks out comes back in on the other side, and adds up if the
    kernel is larger than the image. Then ``ifftn(fftn(image) * transfer)`` is
    `classical.convolve` with mode ``same`` and boundary ``wrap``.

    Nothing is normalised: the factor of the mean is the sum of the kernel, and magnitudes go up to
    at most ``sum |k|``. `filter_frequencies` wants none above 1: give it ``transfer / scale``, with
    ``scale = abs(transfer).max()``, and multiply its result by ``scale``.

    Args:
        kernel: Real array with 1, 2 or 3 axes, any size and sign.
        shape: Shape of the image, as many axes.

    Returns:
        Complex array of the image's shape, in the order of ``numpy.fft.fftn``.

    Raises:
        TypeError: The kernel is complex, or the shape not a tuple or list of integers.
        ValueError: The kernel is empty, not finite, or has another number of axes than the shape;
            the shape has an empty axis or too many.

    Source:
        Gonzalez and Woods, Digital Image Processing, section 4.6 (convolution theorem).

    Example:
        >>> import classical
        >>> classical.transfer_function([1, 2, 1], (4,)).real
        array([4., 2., 0., 2.])
    """
    sizes = grid_shape("shape", shape)
    k = real_array("kernel", kernel)
    if k.ndim != len(sizes):
        raise ValueError(
            f"kernel: expected {len(sizes)} axes like the shape, got {k.ndim} (shape {k.shape})"
        )
    places = [(np.arange(h) - (h - 1) // 2) % n for h, n in zip(k.shape, sizes, strict=True)]
    laid = np.zeros(sizes)
    np.add.at(laid, np.ix_(*places), k)
    factors: NDArray[np.complex128] = np.fft.fftn(laid)
    return factors


def _distance(shape: Sequence[int]) -> NDArray[np.float64]:
    """Radius of every frequency. The root of an exact integer, so circles pass through points."""
    sizes = grid_shape("shape", shape)
    cycles = [np.fft.ifftshift(np.arange(n) - n // 2) for n in sizes]
    squares = np.zeros(sizes)
    for along in np.ix_(*cycles):
        squares += along**2
    return np.sqrt(squares)


def _checked_transfer(transfer: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Check that a transfer function fits an image, amplifies nothing and keeps images real."""
    factors = complex_array("transfer", transfer)
    if factors.shape != shape:
        raise ValueError(f"transfer: expected the image's shape {shape}, got {factors.shape}")
    largest = float(np.abs(factors).max())
    if not largest <= 1 + _TOLERANCE:
        raise ValueError(
            f"transfer: expected magnitudes of at most 1, got {largest!r} (divide by it)"
        )
    axes = tuple(range(factors.ndim))
    opposite = np.roll(np.flip(factors), 1, axes)
    difference = float(np.abs(factors - np.conj(opposite)).max())
    if difference > _TOLERANCE:
        raise ValueError(
            "transfer: expected conjugate factors at opposite frequencies, so that the image stays "
            f"real, got a difference of {difference:.3g}"
        )
    return factors
