"""Batches: functions of an image, applied to every channel or every image of a stack."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classical.checks import MAX_AXES

_Array = NDArray[Any]
Axes = int | Sequence[int]


def convolved_axes(
    image: _Array, axes: Axes | None, channel_axis: int | None, most: int = MAX_AXES
) -> tuple[int, ...]:
    """Return the axes along which a kernel moves.

    Args:
        image: Array with any number of axes.
        axes: Axes in ascending order; None for all except the channels.
        channel_axis: Axis of the channels; None without channels.
        most: Maximum number of axes.

    Raises:
        TypeError: If an axis is not an integer.
        ValueError: If an axis is out of range, the axes are not ascending or include the channels,
            or their number is not from 1 to ``most``.
    """
    channel = None if channel_axis is None else _index("channel_axis", channel_axis, image.ndim)
    if axes is None:
        found = tuple(axis for axis in range(image.ndim) if axis != channel)
    else:
        given = axes if isinstance(axes, Sequence | np.ndarray) else (axes,)
        found = tuple(_index("axes", axis, image.ndim) for axis in given)
        if list(found) != sorted(set(found)):
            raise ValueError(f"axes: expected different axes in ascending order, got {axes!r}")
    if channel in found:
        raise ValueError(
            f"channel_axis: expected an axis that is not convolved, got {channel_axis}"
        )
    if not 1 <= len(found) <= most:
        raise ValueError(f"image: expected 1 to {most} axes to convolve, got {len(found)}")
    return found


def _index(name: str, axis: object, ndim: int) -> int:
    try:
        index = operator.index(axis)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {axis!r}") from None
    if not -ndim <= index < ndim:
        raise ValueError(f"{name}: expected an axis of {ndim}, got {axis!r}")
    return index % ndim


def for_each(image: _Array, axes: tuple[int, ...], work: Callable[[_Array], _Array]) -> _Array:
    """Apply a function to every element of a batch and stack the results.

    Args:
        image: Array; its axes other than `axes` are the axes of the batch.
        axes: Axes of an element.
        work: Function of one element; all results have as many axes as the element.

    Returns:
        Array with the results along `axes`.
    """
    batch = [axis for axis in range(image.ndim) if axis not in axes]
    ordered = np.moveaxis(image, batch, range(len(batch)))
    results: dict[tuple[int, ...], _Array] = {
        index: work(ordered[index]) for index in np.ndindex(*ordered.shape[: len(batch)])
    }
    first = next(iter(results.values()))
    stacked = np.empty((*ordered.shape[: len(batch)], *first.shape), first.dtype)
    for index, result in results.items():
        stacked[index] = result
    return np.ascontiguousarray(np.moveaxis(stacked, range(len(batch)), batch))


def without_batch(name: str, kernel: _Array, image: _Array, axes: tuple[int, ...]) -> _Array:
    """Return a kernel with the axes of an element.

    Raises:
        ValueError: If the kernel has neither the axes of an element nor all axes of the image, or
            is longer than 1 along an axis of the batch.
    """
    if kernel.ndim == len(axes) != image.ndim:
        return kernel
    if kernel.ndim != image.ndim:
        raise ValueError(
            f"{name}: expected one axis for each convolved axis, {len(axes)} in all, got "
            f"{kernel.ndim} (shape {kernel.shape})"
        )
    batch = tuple(axis for axis in range(image.ndim) if axis not in axes)
    if any(kernel.shape[axis] != 1 for axis in batch):
        raise ValueError(
            f"{name}: expected the length 1 along axes that are not convolved, got the shape "
            f"{kernel.shape}"
        )
    return kernel.squeeze(batch) if batch else kernel
