"""Convolution as the product of two spectra, and what each scheme of padding makes of it.

A product of discrete spectra is a convolution on a circle as long as the transform: along an axis
of length N, with a kernel of length ``h <= N``, the linear result is wound up and added to itself::

    circular[n] = full[n] + full[n + N],   n = 0 .. N-1

The second term is zero from ``n = h - 1`` on. Zeros that make the circle ``N + h - 1`` long make
it zero everywhere.
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
    """Convolve by multiplying spectra, with a scheme of padding that says on which circle.

    The circular schemes are those that do not pad the image: what the kernel carries over one end
    comes back in at the other. Everything is exact to a rounding error of the largest value in
    the image.

    Args:
        image: Real array of shape N with 1, 2 or 3 axes, any unit.
        kernel: Real array of shape h with as many axes, any sign.
        padding: What is done before the transforms.

            - ``both``: image and kernel are extended by zeros to ``N + h - 1``. Linear: it is
              `convolve` with mode ``full``.
            - ``kernel``: the kernel alone is extended by zeros to N, its first element on index 0.
              Circular: it equals ``both`` from index ``h - 1`` along every axis to the image's end,
              and is ``wrapped`` rolled on by ``(h - 1) // 2``.
            - ``wrapped``: the kernel is extended to N and wrapped around itself, so that its
              centre, ``(h - 1) // 2``, is on index 0. Circular: it is `convolve` with mode
              ``same`` and boundary ``wrap``.
            - ``none``: nothing; image and kernel have one shape. Circular: it is ``kernel`` with
              ``h = N``.
            - ``overlap-add``: the image is cut into blocks, each is convolved by ``both``, and the
              results, which overlap by ``h - 1``, are added. Linear, as ``both``.
            - ``overlap-save``: the result is cut into blocks; each is read from a piece of the
              image, in zeros, that is larger by ``h - 1``, convolved by ``kernel``; what wrapped
              around is discarded. Linear, as ``both``.
        block: Pixels of a block along every axis, or for each axis, at least 1; for the two
            overlapping schemes only. None: chosen.

    Returns:
        The convolution as float64, in the unit of image times kernel; of shape ``N + h - 1`` if
        linear, N if circular.

    Raises:
        TypeError: Image or kernel is complex or holds no numbers, or ``block`` no integers.
        ValueError: Image or kernel is empty, not finite, or has the wrong number of axes; an
            unknown scheme; a kernel that does not fit it; or a block below 1, for a scheme
            without blocks, or for another number of axes.

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
            f"kernel: expected, for padding 'none', the image's shape {image_shape}, got "
            f"{kernel_shape}; padding 'both' takes any"
        )
    larger = any(h > n for h, n in zip(kernel_shape, image_shape, strict=True))
    if padding in ("kernel", "wrapped") and larger:
        raise ValueError(
            f"kernel: expected a shape no larger than the image {image_shape}, got "
            f"{kernel_shape}; padding 'both' takes any"
        )


def _checked_block(padding: str, block: object, axes: int) -> _Block:
    """Check a block, and say its pixels for each axis."""
    if block is None:
        return None
    if padding not in ("overlap-add", "overlap-save"):
        raise ValueError(
            "block: expected None but for padding 'overlap-add' and 'overlap-save', got "
            f"{block!r} for {padding!r}"
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
    """The kernel is extended, or as large as the image already."""
    return circular_convolve(image, kernel, image.shape)


def _wrapped(
    image: NDArray[np.float64], kernel: NDArray[np.float64], _: _Block
) -> NDArray[np.float64]:
    last = image.shape[-1] // 2  # the negative frequencies that follow mirror the positive ones
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
