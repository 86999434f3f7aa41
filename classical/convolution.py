"""Exact convolution and correlation: by the definition, by FFT, and by FFT in blocks.

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

from classical.checks import image_and_kernel, numpy_defaults, one_of, real_number

MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm")

_BLOCK_PIXELS = 2**14


@numpy_defaults
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
        method: ``direct`` (by the definition, the oracle), ``fft`` (one transform),
            ``overlap-add`` (a transform per block of the image) or ``overlap-save`` (a transform
            per block of the result). All give the same result; the last three to a rounding error
            of the *largest* value in the image.

    Returns:
        The convolution as float64, in the unit of image times kernel.

    Raises:
        TypeError: An argument is complex or not a number.
        ValueError: An argument is empty, not finite, has the wrong number of axes, is an unknown
            word; or, in mode ``valid``, neither image nor kernel contains the other.

    Source:
        SciPy, ``scipy.signal.convolve2d``.

    Example:
        >>> import classical
        >>> classical.convolve([1, 2, 3, 4], [1, 10, 100])
        array([  1.,  12., 123., 234., 340., 400.])
        >>> classical.convolve([1, 2, 3, 4], [1, 10, 100], mode="same", boundary="wrap")
        array([412., 123., 234., 341.])
    """
    chosen = _METHODS[one_of("method", method, _METHODS)]
    x, k = image_and_kernel(image, kernel)
    return chosen(required_part(x, k.shape, mode, boundary, fillvalue), k)


@numpy_defaults
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
        method: ``direct``, ``fft``, ``overlap-add`` or ``overlap-save``, as in `convolve`.

    Returns:
        The cross-correlation as float64, in the unit of image times kernel.

    Raises:
        TypeError: As in `convolve`.
        ValueError: As in `convolve`.

    Source:
        SciPy, ``scipy.signal.correlate2d``.

    Example:
        >>> import classical
        >>> classical.correlate([1, 2, 3, 4], [1, 10, 100], mode="valid")
        array([321., 432.])
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
    return _valid(circular_convolve(part, kernel, size), part.shape, kernel.shape)


def _overlap_add(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return _valid(overlap_add(part, kernel), part.shape, kernel.shape)


def _valid(
    full: NDArray[np.float64], shape: tuple[int, ...], kernel_shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Cut out of a convolution with an image of a shape what no outside pixel takes part in."""
    return full[tuple(slice(h - 1, n) for h, n in zip(kernel_shape, shape, strict=True))]


def overlap_add(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    block: tuple[int, ...] | None = None,
) -> NDArray[np.float64]:
    """Divide and conquer: convolve blocks of the image, and add their overlapping results.

    Args:
        image: Finite array of shape N.
        kernel: Finite array of shape h, as many axes.
        block: Positive pixels of a block along each axis; chosen if None.

    Returns:
        The linear convolution with zeros outside, of shape ``N + h - 1``.
    """
    block, size = _block_and_size(image.shape, kernel.shape, block)
    spectrum = _spectrum(kernel, size)
    total = np.zeros([n + h - 1 for n, h in zip(image.shape, kernel.shape, strict=True)])
    for inner, outer in _blocks(image.shape, block, kernel.shape):
        target = total[outer]
        circular = multiply_spectra(image[inner], spectrum, size)
        target += circular[tuple(map(slice, target.shape))]
    return total


def overlap_save(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    block: tuple[int, ...] | None = None,
) -> NDArray[np.float64]:
    """Divide and conquer: convolve overlapping pieces of the image, and save a block of each.

    The first ``h - 1`` pixels of a piece's circular convolution have wrapped around; they are
    discarded.

    Args:
        image: Finite array of shape N, at least as large as the kernel.
        kernel: Finite array of shape h, as many axes.
        block: Positive pixels of a block of the result along each axis; chosen if None.

    Returns:
        The part of the linear convolution that needs nothing outside, of shape ``N - h + 1``.
    """
    shape = tuple(n - h + 1 for n, h in zip(image.shape, kernel.shape, strict=True))
    block, size = _block_and_size(shape, kernel.shape, block)
    spectrum = _spectrum(kernel, size)
    result = np.empty(shape)
    for inner, outer in _blocks(shape, block, kernel.shape):
        piece = image[outer]
        circular = multiply_spectra(piece, spectrum, size)
        result[inner] = _valid(circular, piece.shape, kernel.shape)
    return result


def _block_and_size(
    shape: tuple[int, ...], kernel_shape: tuple[int, ...], block: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape of a block, and of a transform that holds all that the kernel makes of it."""
    if block is None:
        least = round(_BLOCK_PIXELS ** (1 / len(shape)))
        block = tuple(max(least, 8 * h) for h in kernel_shape)
    block = tuple(min(n, b) for n, b in zip(shape, block, strict=True))
    size = tuple(
        int(next_fast_len(b + h - 1, real=True)) for b, h in zip(block, kernel_shape, strict=True)
    )
    return block, size


def _blocks(
    shape: tuple[int, ...], block: tuple[int, ...], kernel_shape: tuple[int, ...]
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Go through an array's blocks, and what each covers in an array larger by ``h - 1``."""
    starts = (range(0, n, b) for n, b in zip(shape, block, strict=True))
    for corner in itertools.product(*starts):
        ends = [min(c + b, n) for c, b, n in zip(corner, block, shape, strict=True)]
        inner = tuple(map(slice, corner, ends))
        outer = tuple(
            slice(c, e + h - 1) for c, e, h in zip(corner, ends, kernel_shape, strict=True)
        )
        yield inner, outer


def circular_convolve(
    image: NDArray[np.float64], kernel: NDArray[np.float64], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Convolve image and kernel, both extended by zeros to a size, on a circle of that size.

    Args:
        image: Finite array.
        kernel: Finite array, as many axes.
        size: Shape of the transforms, at least that of both.

    Returns:
        An array of shape `size`.
    """
    return multiply_spectra(image, _spectrum(kernel, size), size)


def multiply_spectra(
    image: NDArray[np.float64], spectrum: NDArray[np.complex128], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Convolve an image, extended by zeros to a size, with a kernel of which the spectrum is known.

    Args:
        image: Finite array.
        spectrum: What ``numpy.fft.rfftn`` makes of the kernel, extended to the same size.
        size: Shape of the transforms, at least that of the image.

    Returns:
        The circular convolution, of shape `size`.
    """
    return np.fft.irfftn(_spectrum(image, size) * spectrum, size, _axes(size))


def _spectrum(array: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.complex128]:
    """Non-negative frequencies of an array, extended by zeros to a size."""
    return np.fft.rfftn(array, size, _axes(size))


def _axes(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(len(size)))


_METHODS: dict[str, Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]] = {
    "direct": _direct,
    "fft": _fft,
    "overlap-add": _overlap_add,
    "overlap-save": overlap_save,
}
