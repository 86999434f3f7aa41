"""Exact convolution and correlation: from the definition, by FFT, and by FFT in blocks.

The conventions are those of ``scipy.signal.convolve2d``, for 1, 2 and 3 axes, and of SciPy's
correlations: ``correlate2d`` for 2 axes, ``correlate`` for 1 and 3.

Along an axis with image ``x`` of length N and kernel ``k`` of length h, every result is::

    y[n] = sum_j k[j] * extended_x[n + start - j],   n = 0 .. length-1

The boundary rule determines how ``x`` is extended; the mode determines ``start`` and ``length``.
Each call first cuts the required region out of the extended image. The remaining step is a "valid"
convolution of that region, which each method computes differently.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import next_fast_len

from classical.batch import Axes, convolved_axes, for_each, without_batch
from classical.checks import image_and_kernel, number, number_array, numpy_defaults, one_of

MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm", "mirror", "nearest")

#: Names of boundaries in ``scipy.ndimage`` and ``scipy.signal``, and names in ``numpy.pad`` that do
#: not conflict with them.
SYNONYMS = {
    "reflect": "symm",
    "symmetric": "symm",
    "grid-mirror": "symm",
    "constant": "fill",
    "grid-constant": "fill",
    "pad": "fill",
    "circular": "wrap",
    "grid-wrap": "wrap",
    "edge": "nearest",
}

#: Default fill value: an object of its own, so that a caller's 0.0 counts as given.
NO_VALUE = float("0")

_BLOCK_PIXELS = 2**14


@numpy_defaults
def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = NO_VALUE,
    *,
    cval: float | complex | None = None,
    method: str = "direct",
    axes: Axes | None = None,
    channel_axis: int | None = None,
) -> NDArray[Any]:
    """Convolve an image with a kernel exactly.

    Args:
        image: Real or complex array with 1, 2 or 3 axes, any unit; with ``axes`` or
            ``channel_axis``, a batch of such arrays.
        kernel: Real or complex array with the axes that are convolved, any size.
        mode: Region of the result. ``full`` contains every pixel that the kernel reaches,
            ``N + h - 1`` along an axis. ``same`` has the image's shape and is cut from the middle
            of ``full``. ``valid`` contains only pixels where image and kernel overlap entirely,
            ``|N - h| + 1``.
        boundary: Values outside the image: ``fill`` (the fill value), ``wrap`` (periodic
            repetition), ``symm`` (mirror image with repeated edge pixels), ``mirror`` (mirror image
            about the centre of the edge pixel) or ``nearest`` (the nearest edge pixel). Other names
            of the same boundaries are ``constant``, ``grid-constant``, ``pad``, ``grid-wrap``,
            ``circular``, ``reflect`` (``symm``, as in ``scipy.ndimage``), ``grid-mirror``,
            ``symmetric`` and ``edge``.
        fillvalue: Value outside the image for ``fill``, in the unit of the image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        method: ``direct`` follows the definition and is the reference for the others. ``fft`` uses
            one transform, ``overlap-add`` one per block of the image and ``overlap-save`` one per
            block of the result. All methods give the same result. The rounding error of the last
            three methods is relative to the *largest* value in the image.
        axes: Axes that are convolved, in ascending order; None for all except the channels.
        channel_axis: Axis of the channels, each convolved separately; None for no channels.

    Returns:
        The convolution as float64, or complex128 if image or kernel are complex, in the unit of
        image times kernel.

    Raises:
        TypeError: If an argument is not numeric.
        ValueError: If an argument is empty, not finite, an unknown word, or has the wrong number of
            axes. In mode ``valid``, it is also raised if neither image nor kernel contains the
            other.

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
    x, k, moving = _checked(image, kernel, axes, channel_axis)
    outside = value_outside(fillvalue, cval)
    return for_each(
        x, moving, lambda part: chosen(required_part(part, k.shape, mode, boundary, outside), k)
    )


@numpy_defaults
def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = NO_VALUE,
    *,
    cval: float | complex | None = None,
    method: str = "direct",
    axes: Axes | None = None,
    channel_axis: int | None = None,
) -> NDArray[Any]:
    """Cross-correlate an image with a kernel exactly, without flipping the kernel.

    Cross-correlation is convolution with the kernel rotated by 180 degrees and, if it is complex,
    conjugated. There is one exception, for two axes: in mode ``same``, the result for a kernel of
    even size starts one pixel later, as in ``scipy.signal.correlate2d``.

    Args:
        image: Real or complex array with 1, 2 or 3 axes, any unit; with ``axes`` or
            ``channel_axis``, a batch of such arrays.
        kernel: Real or complex array with the axes that are convolved, any size.
        mode: ``full``, ``same`` or ``valid``, as in `convolve`.
        boundary: Values outside the image, as in `convolve`.
        fillvalue: Value outside the image for ``fill``, in the unit of the image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        method: ``direct``, ``fft``, ``overlap-add`` or ``overlap-save``, as in `convolve`.
        axes: Axes that are convolved, as in `convolve`; None for all except the channels.
        channel_axis: Axis of the channels, as in `convolve`; None for no channels.

    Returns:
        The cross-correlation as float64, or complex128 if image or kernel are complex, in the unit
        of image times kernel.

    Raises:
        TypeError: If `convolve` would raise it.
        ValueError: If `convolve` would raise it.

    Source:
        SciPy, ``scipy.signal.correlate`` and ``scipy.signal.correlate2d``.

    Example:
        >>> import classical
        >>> classical.correlate([1, 2, 3, 4], [1, 10, 100], mode="valid")
        array([321., 432.])
    """
    chosen = _METHODS[one_of("method", method, _METHODS)]
    x, k, moving = _checked(image, kernel, axes, channel_axis)
    outside = value_outside(fillvalue, cval)

    def correlated(part: NDArray[Any]) -> NDArray[Any]:
        needed = required_part(part, k.shape, mode, boundary, outside, flipped=True)
        return chosen(needed, np.flip(k).conj())

    return for_each(x, moving, correlated)


def _checked(
    image: ArrayLike, kernel: ArrayLike, axes: Axes | None, channel_axis: int | None
) -> tuple[NDArray[Any], NDArray[Any], tuple[int, ...]]:
    """Return image and kernel as arrays, and the axes along which the kernel moves."""
    if axes is None and channel_axis is None:
        x, k = image_and_kernel(image, kernel, real=False)
        return x, k, tuple(range(x.ndim))
    x, k = number_array("image", image), number_array("kernel", kernel)
    moving = convolved_axes(x, axes, channel_axis)
    return x, without_batch("kernel", k, x, moving), moving


def required_part(
    image: NDArray[np.float64],
    kernel_shape: tuple[int, ...],
    mode: str,
    boundary: str,
    fillvalue: float | complex,
    *,
    flipped: bool = False,
) -> NDArray[np.float64]:
    """Cut out the region of the extended image that a convolution needs.

    Args:
        image: Finite array.
        kernel_shape: Shape of the kernel, with the same number of axes.
        mode: ``full``, ``same`` or ``valid``.
        boundary: Values outside the image, as in `convolve`.
        fillvalue: Value outside the image for ``fill``, in the unit of the image.
        flipped: Whether the kernel was rotated by 180 degrees, for a correlation.

    Returns:
        Array larger than the result by ``h - 1`` along every axis, in the unit of the image.

    Raises:
        TypeError: If the fill value is not a number.
        ValueError: If a word is unknown, if the fill value is not finite, or, in mode ``valid``, if
            neither image nor kernel contains the other.
    """
    mode, boundary = one_of("mode", mode, MODES), boundary_named(boundary)
    outside = number("fillvalue", fillvalue)
    if mode == "valid" and not _contains(image.shape, kernel_shape):
        # Image and kernel exchange roles: pixels outside the image do not contribute.
        _check_valid(image.shape, kernel_shape)
        boundary, outside = "fill", 0.0
    part = image.astype(np.result_type(image, np.array(outside)), copy=False)
    for axis, (size, reach) in enumerate(zip(image.shape, kernel_shape, strict=True)):
        start, length = _output_range(size, reach, mode, later=flipped and image.ndim == 2)
        indices = np.arange(start - reach + 1, start + length)
        part = _take_extended(part, indices, axis, boundary, outside)
    return part


def boundary_named(boundary: str) -> str:
    """Return the boundary that a name means; raise a ValueError for an unknown name."""
    one_of("boundary", boundary, [*BOUNDARIES, *SYNONYMS])
    return SYNONYMS.get(boundary, boundary)


def value_outside(fillvalue: float | complex, cval: float | complex | None) -> float | complex:
    """Return the value outside the image; raise a ValueError if both names are used."""
    if cval is None:
        return number("fillvalue", fillvalue)
    if fillvalue is not NO_VALUE:
        raise ValueError(f"cval: expected None together with fillvalue, got {cval!r}")
    return number("cval", cval)


def _contains(outer: tuple[int, ...], inner: tuple[int, ...]) -> bool:
    return all(a >= b for a, b in zip(outer, inner, strict=True))


def _check_valid(image_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> None:
    if not _contains(kernel_shape, image_shape):
        raise ValueError(
            "kernel: mode 'valid' requires one array to be at least as large as the other along "
            f"every axis, got image {image_shape} and kernel {kernel_shape}"
        )


def _output_range(size: int, reach: int, mode: str, *, later: bool) -> tuple[int, int]:
    """Return the first index (within ``full``) and the length of the result along one axis.

    With `later`, the first index in mode ``same`` is rounded up, as ``correlate2d`` does.
    """
    if mode == "full":
        return 0, size + reach - 1
    if mode == "same":
        return (reach - 1 + later) // 2, size
    return min(size, reach) - 1, abs(size - reach) + 1


def _take_extended(
    image: NDArray[np.float64],
    indices: NDArray[np.intp],
    axis: int,
    boundary: str,
    outside: float | complex,
) -> NDArray[np.float64]:
    """Take pixels along an axis, at indices that may lie outside the image."""
    size = image.shape[axis]
    inside = np.clip(indices, 0, size - 1)  # nearest, and fill below
    if boundary == "wrap":
        inside = indices % size
    elif boundary == "mirror":
        last = size - 1
        inside = last - np.abs(last - indices % max(1, 2 * last))
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
    """Iterate over the kernel's positions and the correspondingly shifted images.

    Args:
        part: Array returned by `required_part`.
        kernel_shape: Shape of the kernel.

    Yields:
        A position ``j`` of the kernel and a shifted view of the image with the shape of the result.
        Element ``n`` of the view is multiplied by ``kernel[j]`` in element ``n`` of the result.
    """
    for position in np.ndindex(*kernel_shape):
        window = tuple(
            slice(reach - 1 - j, size - j)
            for j, reach, size in zip(position, kernel_shape, part.shape, strict=True)
        )
        yield position, part[window]


def _direct(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve by the definition: sum the shifted images times the kernel's entries."""
    shape = tuple(n - h + 1 for n, h in zip(part.shape, kernel.shape, strict=True))
    result = np.zeros(shape, np.result_type(part, kernel))
    for position, shifted in shifted_images(part, kernel.shape):
        result += kernel[position] * shifted
    return result


def _fft(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve with one circular convolution, in which only discarded pixels wrap around."""
    size = tuple(int(next_fast_len(n, real=True)) for n in part.shape)
    return _valid(circular_convolve(part, kernel, size), part.shape, kernel.shape)


def _overlap_add(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return _valid(overlap_add(part, kernel), part.shape, kernel.shape)


def _valid(
    full: NDArray[np.float64], shape: tuple[int, ...], kernel_shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Cut the pixels without contributions from outside the image out of a full convolution."""
    return full[tuple(slice(h - 1, n) for h, n in zip(kernel_shape, shape, strict=True))]


def overlap_add(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    block: tuple[int, ...] | None = None,
) -> NDArray[np.float64]:
    """Convolve blocks of the image and add their overlapping results.

    Args:
        image: Finite array of shape N.
        kernel: Finite array of shape h, with the same number of axes.
        block: Number of pixels of a block along each axis, at least 1; None for a default.

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
    """Convolve overlapping pieces of the image and keep one block of each result.

    The first ``h - 1`` pixels of a piece's circular convolution contain wrapped contributions and
    are discarded.

    Args:
        image: Finite array of shape N, at least as large as the kernel.
        kernel: Finite array of shape h, with the same number of axes.
        block: Number of pixels of a block of the result along each axis, at least 1; None for a
            default.

    Returns:
        The pixels of the linear convolution that depend on the image alone, of shape
        ``N - h + 1``.
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
    """Return the shape of a block and of a transform large enough for the block's convolution."""
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
    """Iterate over an array's blocks and the block's region in an array larger by ``h - 1``."""
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
    """Compute the circular convolution of image and kernel after padding both with zeros.

    Args:
        image: Finite array.
        kernel: Finite array with the same number of axes.
        size: Shape of the transforms, at least as large as both shapes.

    Returns:
        The circular convolution, of shape `size`.
    """
    return multiply_spectra(image, _spectrum(kernel, size), size)


def multiply_spectra(
    image: NDArray[np.float64], spectrum: NDArray[np.complex128], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Compute the circular convolution of a zero-padded image from the kernel's spectrum.

    Args:
        image: Finite array.
        spectrum: Result of ``numpy.fft.rfftn`` for the kernel, padded with zeros to `size`.
        size: Shape of the transforms, at least as large as the shape of the image.

    Returns:
        The circular convolution, of shape `size`.
    """
    return np.fft.irfftn(_spectrum(image, size) * spectrum, size, _axes(size))


def _spectrum(array: NDArray[np.float64], size: tuple[int, ...]) -> NDArray[np.complex128]:
    """Return the spectrum of a zero-padded array at the non-negative frequencies."""
    return np.fft.rfftn(array, size, _axes(size))


def _axes(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(len(size)))


_Convolve = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]


def _by_parts(method: _Convolve) -> _Convolve:
    """Make a method for real numbers convolve real and imaginary parts separately."""

    def convolved(part: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
        if np.iscomplexobj(part):
            return convolved(part.real, kernel) + 1j * convolved(part.imag, kernel)
        if np.iscomplexobj(kernel):
            return convolved(part, kernel.real) + 1j * convolved(part, kernel.imag)
        return method(part, kernel)

    return convolved


_METHODS: dict[str, _Convolve] = {
    "direct": _direct,
    "fft": _by_parts(_fft),
    "overlap-add": _by_parts(_overlap_add),
    "overlap-save": _by_parts(overlap_save),
}
