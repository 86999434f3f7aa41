"""Convolution as the product of two spectra, with different schemes of padding.

A product of discrete spectra is a circular convolution whose period is the length of the transform.
Along an axis of length N, with a kernel of length ``h <= N``, the linear result wraps around and
is added to itself::

    circular[n] = full[n] + full[n + N],   n = 0 .. N-1

The second term is zero for ``n >= h - 1``. Padding with zeros to a period of ``N + h - 1`` makes
the second term zero everywhere.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import image_and_kernel, numpy_defaults, one_of, whole_number
from classical.convolution import (
    circular_convolve,
    multiply_spectra,
    overlap_add,
    overlap_save,
    required_part,
)
from classical.frequency import transfer_function

_Block = tuple[int, ...] | None
_Scheme = Callable[[NDArray[np.float64], NDArray[np.float64], _Block], NDArray[np.float64]]


@numpy_defaults
def fourier_convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    padding: str = "both",
    block: int | Sequence[int] | None = None,
) -> NDArray[np.float64]:
    """Convolve by multiplying spectra; the padding determines the period of the convolution.

    The schemes that do not pad the image are circular: contributions beyond one end re-enter at the
    other end. Results are exact up to rounding errors relative to the largest value in the image.

    Args:
        image: Real array of shape N with 1, 2 or 3 axes, any unit.
        kernel: Real array of shape h with the same number of axes, any sign.
        padding: Padding before the transforms.

            - ``both``: image and kernel are padded with zeros to ``N + h - 1``. The result is
              linear and equals `convolve` with mode ``full``.
            - ``kernel``: only the kernel is padded with zeros, to N, with its first element at
              index 0. The result is circular. It equals ``both`` from index ``h - 1`` to the
              image's end along every axis, and equals ``wrapped`` shifted by ``(h - 1) // 2``.
            - ``wrapped``: the kernel is padded to N and shifted circularly, so that its centre,
              ``(h - 1) // 2``, is at index 0. The result is circular and equals `convolve` with
              mode ``same`` and boundary ``wrap``.
            - ``none``: no padding; image and kernel have the same shape. The result is circular and
              equals ``kernel`` with ``h = N``.
            - ``overlap-add``: the image is cut into blocks, each block is convolved with padding
              ``both``, and the results, which overlap by ``h - 1``, are added. The result is linear
              and equals ``both``.
            - ``overlap-save``: the result is cut into blocks. Each block is computed from a piece
              of the zero-padded image that is larger by ``h - 1``, convolved with padding
              ``kernel``. Wrapped contributions are discarded. The result is linear and equals
              ``both``.
        block: Number of pixels of a block along every axis, or one number per axis, at least 1; for
            the two overlapping schemes only. None for a default.

    Returns:
        The convolution as float64, in the unit of image times kernel. The shape is ``N + h - 1`` if
        the result is linear and N if it is circular.

    Raises:
        TypeError: If image or kernel is complex or does not hold numbers, or ``block`` does not
            hold integers.
        ValueError: If image or kernel is empty, not finite, or has the wrong number of axes, or if
            the scheme is unknown or does not allow the kernel's shape. It is also raised if
            ``block`` is below 1, has the wrong number of entries, or is given for a scheme without
            blocks.

    Source:
        Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7 (linear convolution by
        the discrete Fourier transform, overlap-add and overlap-save).

    Example:
        >>> import classical
        >>> for padding in ("both", "kernel", "wrapped"):
        ...     result = classical.fourier_convolve([1, 2, 3, 4], [1, 10, 100], padding=padding)
        ...     print(result.round())
        [  1.  12. 123. 234. 340. 400.]
        [341. 412. 123. 234.]
        [412. 123. 234. 341.]
    """
    chosen = _SCHEMES[one_of("padding", padding, _SCHEMES)]
    x, k = image_and_kernel(image, kernel)
    _check_shapes(padding, x.shape, k.shape)
    return chosen(x, k, _checked_block(padding, block, x.ndim))


def _check_shapes(
    padding: str, image_shape: tuple[int, ...], kernel_shape: tuple[int, ...]
) -> None:
    if padding == "none" and kernel_shape != image_shape:
        raise ValueError(
            f"kernel: expected the image's shape {image_shape} for padding 'none', got "
            f"{kernel_shape}; padding 'both' accepts any shape"
        )
    larger = any(h > n for h, n in zip(kernel_shape, image_shape, strict=True))
    if padding in ("kernel", "wrapped") and larger:
        raise ValueError(
            f"kernel: expected a shape no larger than the image {image_shape}, got "
            f"{kernel_shape}; padding 'both' accepts any shape"
        )


def _checked_block(padding: str, block: object, axes: int) -> _Block:
    """Check a block and return its number of pixels along each axis."""
    if block is None:
        return None
    if padding not in ("overlap-add", "overlap-save"):
        raise ValueError(
            f"block: expected None for padding {padding!r}, got {block!r}; only 'overlap-add' and "
            "'overlap-save' use blocks"
        )
    entries = block if isinstance(block, tuple | list) else (block,) * axes
    if len(entries) != axes:
        raise ValueError(
            f"block: expected one integer, or one for each of the image's {axes} axes, got "
            f"{block!r}"
        )
    return tuple(whole_number("block", entry, 1) for entry in entries)


def _both(
    image: NDArray[np.float64], kernel: NDArray[np.float64], _: _Block
) -> NDArray[np.float64]:
    size = tuple(n + h - 1 for n, h in zip(image.shape, kernel.shape, strict=True))
    return circular_convolve(image, kernel, size)


def _kernel(
    image: NDArray[np.float64], kernel: NDArray[np.float64], _: _Block
) -> NDArray[np.float64]:
    """Pad the kernel to the shape of the image; a kernel of that shape is not padded."""
    return circular_convolve(image, kernel, image.shape)


def _wrapped(
    image: NDArray[np.float64], kernel: NDArray[np.float64], _: _Block
) -> NDArray[np.float64]:
    last = image.shape[-1] // 2  # the later, negative frequencies are redundant
    spectrum = transfer_function(kernel, image.shape)[..., : last + 1]
    return multiply_spectra(image, spectrum, image.shape)


def _overlap_save(
    image: NDArray[np.float64], kernel: NDArray[np.float64], block: _Block
) -> NDArray[np.float64]:
    extended = required_part(image, kernel.shape, "full", "fill", 0.0)
    return overlap_save(extended, kernel, block)


_SCHEMES: dict[str, _Scheme] = {
    "both": _both,
    "kernel": _kernel,
    "wrapped": _wrapped,
    "none": _kernel,
    "overlap-add": overlap_add,
    "overlap-save": _overlap_save,
}
