"""Checks of the arrays that `qconv.Convolution.plot` draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import Numbers, number_array, whole_number


def require_drawable(shape: tuple[int, ...], channel_axis: int | None) -> None:
    """Raise a ``ValueError`` unless a result can be drawn.

    Args:
        shape: Shape of the result.
        channel_axis: Axis of its channels; None for no channels.
    """
    besides = "" if channel_axis is None else " besides the channels"
    axes = len(shape) - (channel_axis is not None)
    if axes not in (1, 2, 3) or 0 in shape:
        raise ValueError(
            f"plot: expected a result with one, two or three axes{besides}, got the shape "
            f"{shape}; plot a part, such as result[0]"
        )
    if channel_axis is None or axes == 1 or shape[channel_axis] == 3:
        return
    whole = [":"] * len(shape)
    parts = []
    for part in ("0", ":3"):
        whole[channel_axis] = part
        parts.append(f"result[{', '.join(whole)}]")
    more = " or ".join(parts if shape[channel_axis] > 3 else parts[:1])
    raise ValueError(
        f"plot: expected 3 channels (red, green, blue), got {shape[channel_axis]}; plot {more}"
    )


def beside(
    measured: Numbers,
    channel_axis: int | None,
    image: ArrayLike | None,
    exact: ArrayLike | None,
) -> tuple[Numbers | None, Numbers | None]:
    """Return the input and the exact result as arrays that can be drawn beside a result.

    Raises:
        TypeError: If an array is not numeric.
        ValueError: If an array has another number of axes or channels than the result, if the exact
            result has another shape, or if it is complex and the measured result is not.
    """
    shape = measured.shape
    x, truth = (
        None if array is None else number_array(array, name)
        for name, array in (("image", image), ("exact", exact))
    )
    if truth is not None and truth.shape != shape:
        raise ValueError(f"exact: expected the shape {shape}, got {truth.shape}")
    if truth is not None and truth.dtype.kind != measured.dtype.kind:
        if truth.dtype.kind == "c":
            raise ValueError("exact: expected real numbers, as the result, got complex ones")
        truth = truth.astype(np.complex128)
    if x is not None and x.ndim != len(shape):
        raise ValueError(f"image: expected {len(shape)} axes, as the result, got {x.ndim}")
    if x is not None and channel_axis is not None and x.shape[channel_axis] != shape[channel_axis]:
        raise ValueError(
            f"image: expected {shape[channel_axis]} channels along axis {channel_axis}, got "
            f"{x.shape[channel_axis]}"
        )
    return x, truth


def point_in(
    shape: tuple[int, ...], channel_axis: int | None, point: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """Check the point in which the drawn planes of a volume meet.

    Raises:
        TypeError: If an index is not an integer.
        ValueError: If the result is not a volume, or the point is outside it.
    """
    if point is None:
        return None
    sides = [n for axis, n in enumerate(shape) if axis != channel_axis]
    if len(sides) != 3:
        raise ValueError(f"point: expected None for a result without planes, got {point!r}")
    if not isinstance(point, tuple | list | np.ndarray) or len(point) != 3:
        raise ValueError(f"point: expected (plane, row, column), got {point!r}")
    indices = [whole_number(i, "point", -n) for i, n in zip(point, sides, strict=True)]
    if any(i >= n for i, n in zip(indices, sides, strict=True)):
        raise ValueError(f"point: expected an index inside {tuple(sides)}, got {tuple(indices)}")
    return tuple(i % n for i, n in zip(indices, sides, strict=True))
