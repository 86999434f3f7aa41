"""Named kernels, for the command line and the notebooks.

All kernels are written for true convolution, which flips the kernel. Derivative kernels give
positive values where brightness increases along their axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qconv._checks import numpy_defaults, one_of, whole_number

_Array = NDArray[np.float64]


def _binomial(size: int) -> _Array:
    row = np.array([1.0])
    for _ in range(size - 1):
        row = np.convolve(row, [1.0, 1.0])
    return np.asarray(row / row.sum())


def _impulse(size: int) -> _Array:
    kernel = np.zeros((size, size))
    kernel[size // 2, size // 2] = 1.0
    return kernel


#: Kernels of any odd size: functions of the size, by name.
_SIZED: dict[str, Callable[[int], _Array]] = {
    "identity": _impulse,
    "box": lambda size: np.full((size, size), 1.0 / size**2),
    "gaussian": lambda size: np.outer(_binomial(size), _binomial(size)),
    "edge": lambda size: size**2 * _impulse(size) - 1.0,
}

#: Kernels of one size, by name.
_FIXED: dict[str, list[list[float]]] = {
    "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "sobel-x": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "sobel-y": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
}

#: Maximum side of a named kernel; circuits of larger kernels take minutes to build.
_LARGEST = 255

#: Names that `named_kernel` accepts.
KERNEL_NAMES: tuple[str, ...] = (*_SIZED, *_FIXED)


@numpy_defaults
def named_kernel(name: str, size: int | None = None) -> NDArray[np.float64]:
    """Return a well-known two-dimensional kernel.

    Args:
        name: One of ``KERNEL_NAMES``. ``box`` and ``gaussian`` (binomial coefficients) sum to 1.
            ``edge`` is ``size**2 - 1`` at the centre and -1 elsewhere.
        size: Odd side length; None for 3. Only ``identity``, ``box``, ``gaussian`` and ``edge``
            exist in sizes other than 3.

    Returns:
        Real array, shape ``(size, size)``.

    Raises:
        TypeError: If ``size`` is not an integer.
        ValueError: If the name is unknown, or the kernel does not exist in that size.

    Example:
        >>> import qconv
        >>> qconv.named_kernel("edge")
        array([[-1., -1., -1.],
               [-1.,  8., -1.],
               [-1., -1., -1.]])
        >>> qconv.named_kernel("gaussian", 5)[2] * 256
        array([ 6., 24., 36., 24.,  6.])
    """
    one_of(name, "kernel", KERNEL_NAMES)
    side = 3 if size is None else whole_number(size, "size", 1, _LARGEST)
    if side % 2 == 0:
        raise ValueError(
            f"size: expected an odd number, got {side}; a kernel of even size has no centre"
        )
    if name in _SIZED:
        return _SIZED[name](side)
    if side != 3:
        raise ValueError(f"size: {name} exists as 3 x 3 only, got {side}")
    return np.array(_FIXED[name], dtype=np.float64)
