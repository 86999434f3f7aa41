"""Exact convolution and correlation: by the definition, by FFT and by overlap-add.

The conventions are those of ``scipy.signal.convolve2d`` and ``correlate2d``, carried to 1 and 3
axes: one axis behaves like the row of a 1xN picture.

Along an axis with image ``x`` of length N and kernel ``k`` of length h, every result is::

    y[n] = sum_j k[j] * extended_x[n + start - j],   n = 0 .. length-1

where the boundary rule says how ``x`` extends, and the mode says ``start`` and ``length``. So a
call cuts out the part of the extended image that is needed, and what is left is one "valid"
convolution, which each method computes in its own way.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import next_fast_len

from classical.checks import image_and_kernel, one_of, real_number

MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm")

_BLOCK_PIXELS = 2**14


def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    method: str = "direct",
) -> NDArray[np.float64]:
    """Convolve an image with a kernel, exactly.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with as many axes, any size and sign.
        mode: ``full``: every pixel that the kernel reaches, ``N + h - 1`` along an axis; ``same``:
            the image's shape, cut from the middle of ``full``; ``valid``: only where image and
            kernel overlap entirely, ``|N - h| + 1``.
        boundary: What lies outside of the image: ``fill`` (the fill value), ``wrap`` (the image
            again), ``symm`` (its mirror image, edge pixels repeated).
        fillvalue: Value outside of the image for ``fill``, in the unit of the image.
        method: ``direct`` (by the definition, the oracle), ``fft`` (one transform) or
            ``overlap-add`` (a transform per block of the image). All give the same result; the
            last two to a rounding error of the *largest* value in the image.

    Returns:
        The convolution as float64, in the unit of image times kernel.

    Raises:
        TypeError: An argument is complex or not a number.
        ValueError: An argument is empty, not finite, has the wrong number of axes, is an unknown
            word; or, in mode ``valid``, neither image nor kernel contains the other.

    Source:
        SciPy, ``scipy.signal.convolve2d``.
    """
    chosen = _METHODS[one_of("method", method, _METHODS)]
    x, k = image_and_kernel(image, kernel)
    return chosen(required_part(x, k.shape, mode, boundary, fillvalue), k)


def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    method: str = "direct",
) -> NDArray[np.float64]:
    """Cross-correlate an image with a kernel, exactly: slide the kernel without flipping it.

    This is convolution with the kernel rotated by 180 degrees, except that mode ``same`` of an
    even-sized kernel is cut one pixel further on, as SciPy does.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with as many axes, any size and sign.
        mode: ``full``, ``same`` or ``valid``, as in `convolve`.
        boundary: ``fill``, ``wrap`` or ``symm``, as in `convolve`.
        fillvalue: Value outside of the image for ``fill``, in the unit of the image.
        method: ``direct``, ``fft`` or ``overlap-add``, as in `convolve`.

    Returns:
        The cross-correlation as float64, in the unit of image times kernel.

    Raises:
        TypeError: As in `convolve`.
        ValueError: As in `convolve`.

    Source:
        SciPy, ``scipy.signal.correlate2d``.
    """
    chosen = _METHODS[one_of("method", method, _METHODS)]
    x, k = image_and_kernel(image, kernel)
    part = required_part(x, k.shape, mode, boundary, fillvalue, flipped=True)
    return chosen(part, np.flip(k))


def required_part(
    image: NDArray[np.float64],
    kernel_shape: tuple[int, ...],
    mode: str,
    boundary: str,
    fillvalue: float,
    *,
    flipped: bool = False,
) -> NDArray[np.float64]:
    """Cut out the part of the extended image that a convolution needs.

    Args:
        image: Finite array.
        kernel_shape: Shape of the kernel, as many axes.
        mode: ``full``, ``same`` or ``valid``.
        boundary: ``fill``, ``wrap`` or ``symm``.
        fillvalue: Value outside of the image for ``fill``.
        flipped: Whether the kernel was rotated by 180 degrees, for a correlation.

    Returns:
        An array larger than the result by ``h - 1`` along every axis.

    Raises:
        TypeError: The fill value is not a real number.
        ValueError: An unknown word, a fill value that is not finite, or, in mode ``valid``,
            neither image nor kernel contains the other.
    """
    mode, boundary = one_of("mode", mode, MODES), one_of("boundary", boundary, BOUNDARIES)
    outside = real_number("fillvalue", fillvalue)
    if mode == "valid" and not _contains(image.shape, kernel_shape):
        # The kernel slides under the image: whatever lies outside of the image counts as nothing.
        _check_valid(image.shape, kernel_shape)
        boundary, outside = "fill", 0.0
    part = image
    for axis, (size, reach) in enumerate(zip(image.shape, kernel_shape, strict=True)):
        start, length = _output_range(size, reach, mode, flipped)
        indices = np.arange(start - reach + 1, start + length)
        part = _take_extended(part, indices, axis, boundary, outside)
    return part


def _contains(outer: tuple[int, ...], inner: tuple[int, ...]) -> bool:
    return all(a >= b for a, b in zip(outer, inner, strict=True))


def _check_valid(image_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> None:
    if not _contains(kernel_shape, image_shape):
        raise ValueError(
            "kernel: expected, for mode 'valid', a shape that is at most or at least the image's "
            f"{image_shape} along every axis, got {kernel_shape}"
        )


def _output_range(size: int, reach: int, mode: str, flipped: bool) -> tuple[int, int]:
    """First index (within ``full``) and length of the result along one axis."""
    if mode == "full":
        return 0, size + reach - 1
    if mode == "same":
        return (reach if flipped else reach - 1) // 2, size
    return min(size, reach) - 1, abs(size - reach) + 1


def _take_extended(
    image: NDArray[np.float64],
    indices: NDArray[np.intp],
    axis: int,
    boundary: str,
    outside: float,
) -> NDArray[np.float64]:
    """Take pixels along an axis, at indices that may lie outside of the image."""
    size = image.shape[axis]
    inside = np.clip(indices, 0, size - 1)
    if boundary == "wrap":
        inside = indices % size
    elif boundary == "symm":
        folded = indices % (2 * size)
        inside = np.minimum(folded, 2 * size - 1 - folded)
    part: NDArray[np.float64] = np.take(image, inside, axis=axis)
    if boundary == "fill":
        np.moveaxis(part, axis, 0)[(indices < 0) | (indices >= size)] = outside
    return part


def shifted_images(
    part: NDArray[np.float64], kernel_shape: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], NDArray[np.float64]]]:
    """Go through the kernel's positions, and the image as each of them sees it.

    Args:
        part: What `required_part` cut out.
        kernel_shape: Shape of the kernel.

    Yields:
        A position ``j`` of the kernel, and a view of the image of the result's shape whose
        element ``n`` is the pixel that ``kernel[j]`` multiplies in element ``n`` of the result.
    """
    for position in np.ndindex(*kernel_shape):
        window = tuple(
            slice(reach - 1 - j, size - j)
            for j, reach, size in zip(position, kernel_shape, part.shape, strict=True)
        )
        yield position, part[window]


def _direct(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the definition: the sum over the kernel of value times shifted image."""
    shape = tuple(n - h + 1 for n, h in zip(part.shape, kernel.shape, strict=True))
    result = np.zeros(shape)
    for position, shifted in shifted_images(part, kernel.shape):
        result += kernel[position] * shifted
    return result


def _fft(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """One circular convolution; what wraps around falls on pixels that are not needed."""
    size = tuple(int(next_fast_len(n, real=True)) for n in part.shape)
    circular = _multiply_spectra(part, np.fft.rfftn(kernel, size, _axes(size)), size)
    return circular[tuple(slice(h - 1, n) for h, n in zip(kernel.shape, part.shape, strict=True))]


def _overlap_add(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide and conquer: convolve blocks of the image, and add their overlapping results."""
    least = round(_BLOCK_PIXELS ** (1 / part.ndim))
    block = tuple(min(n, max(least, 8 * h)) for n, h in zip(part.shape, kernel.shape, strict=True))
    size = tuple(
        int(next_fast_len(b + h - 1, real=True)) for b, h in zip(block, kernel.shape, strict=True)
    )
    spectrum = np.fft.rfftn(kernel, size, _axes(size))
    total = np.zeros([n + h - 1 for n, h in zip(part.shape, kernel.shape, strict=True)])
    for corner in itertools.product(
        *(range(0, n, b) for n, b in zip(part.shape, block, strict=True))
    ):
        piece = part[tuple(slice(c, c + b) for c, b in zip(corner, block, strict=True))]
        target = total[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))]
        target += _multiply_spectra(piece, spectrum, size)[tuple(map(slice, target.shape))]
    return total[tuple(slice(h - 1, n) for h, n in zip(kernel.shape, part.shape, strict=True))]


def _multiply_spectra(
    image: NDArray[np.float64], spectrum: NDArray[np.complex128], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Circular convolution of an image, padded with zeros to a size, with a kernel's spectrum."""
    axes = _axes(size)
    return np.fft.irfftn(np.fft.rfftn(image, size, axes) * spectrum, size, axes)


def _axes(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(len(size)))


_METHODS: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "direct": _direct,
    "fft": _fft,
    "overlap-add": _overlap_add,
}
