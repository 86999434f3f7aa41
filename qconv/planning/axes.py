"""Axes of images: axes along which a kernel moves, and axes of a batch.

The elements of a batch are images that are convolved separately with the same kernel: the channels
of a colour image, or the images of a stack. Along an axis of the batch, the kernel has the length
1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv._checks import whole_number
from qconv.grid import AXES, CHANNEL, IMAGE
from qconv.propagator import Propagator

_Kernel: TypeAlias = NDArray[np.float64] | Propagator

#: Axes that are convolved: one axis or several.
Axes: TypeAlias = int | Sequence[int]


def axis_names(
    shape: tuple[int, ...], axes: Axes | None = None, channel_axis: int | None = None
) -> list[str]:
    """Return the name of each axis of an image, as in `qconv.grid.Grid.axes`.

    Args:
        shape: Shape of the image.
        axes: Axes that are convolved; None for all axes except the channels.
        channel_axis: Axis of the channels; None without channels.

    Raises:
        TypeError: If an axis is not an integer.
        ValueError: If an axis is out of range, repeated or not in ascending order, if the number of
            convolved axes is not 1, 2 or 3, or if the channels would be convolved.
    """
    ndim = len(shape)
    channel = None if channel_axis is None else _index(channel_axis, "channel_axis", ndim)
    if axes is None:
        moving = [axis for axis in range(ndim) if axis != channel]
    else:
        given = axes if isinstance(axes, Sequence | np.ndarray) else (axes,)
        moving = [_index(axis, "axes", ndim) for axis in given]
        if moving != sorted(set(moving)):
            raise ValueError(f"axes: expected different axes in ascending order, got {axes!r}")
        if channel in moving:
            raise ValueError(
                f"channel_axis: expected an axis that is not convolved, got {channel_axis} and "
                f"axes={axes!r}"
            )
    if len(moving) not in (1, 2, 3):
        raise ValueError(_wrong_number(shape, len(moving), axes, channel_axis))
    names = [IMAGE if ndim == 1 + len(moving) else f"{IMAGE}_{axis}" for axis in range(ndim)]
    for axis, name in zip(moving, AXES[-len(moving) :], strict=True):
        names[axis] = name
    if channel is not None:
        names[channel] = CHANNEL
    return names


def _index(axis: object, name: str, ndim: int) -> int:
    """Return the index of an axis, which may be counted from the end."""
    index = whole_number(axis, name, -ndim) if ndim else -1
    if not -ndim <= index < ndim:
        raise ValueError(
            f"{name}: expected an axis from {-ndim} to {ndim - 1} of an image with {ndim} axes, "
            f"got {axis!r}"
        )
    return index % ndim


def _wrong_number(
    shape: tuple[int, ...], moving: int, axes: Axes | None, channel_axis: int | None
) -> str:
    """Return the error for a wrong number of convolved axes."""
    if axes is not None:
        return f"axes: expected 1, 2 or 3 axes, got {moving} ({axes!r})"
    besides = "" if channel_axis is None else " besides the channels"
    hint = "; axes=(...) names the axes that are convolved" if moving > 3 else ""
    return f"image: expected 1, 2 or 3 axes{besides}, got {moving} (shape {shape}){hint}"


def along_axes(kernel: _Kernel, names: Sequence[str], shape: tuple[int, ...]) -> _Kernel:
    """Return a kernel with all axes of the image: length 1 along the axes of the batch.

    Args:
        kernel: Array or propagator with the convolved axes, or with all axes.
        names: Names of the axes of the image.
        shape: Shape of the image, for error messages.

    Raises:
        ValueError: If the kernel has another number of axes, or is longer than 1 along an axis of
            the batch.
    """
    batch = [axis for axis, name in enumerate(names) if name not in AXES]
    moving = len(names) - len(batch)
    if not batch and len(kernel.shape) != len(names):
        raise ValueError(
            f"kernel: expected as many axes as the image, {len(names)}, got {len(kernel.shape)} "
            f"(shape {kernel.shape}){_batch_hint(shape, kernel.shape)}"
        )
    if len(kernel.shape) == len(names):
        for axis in batch:
            if kernel.shape[axis] != 1:
                raise ValueError(
                    f"kernel: expected {_axes_of(moving)}, or the length 1 along axis {axis} (not "
                    f"convolved), got the shape {kernel.shape}; all channels and images have "
                    "the same kernel (for one kernel per channel: qconv.conv2d with groups)"
                )
        return kernel
    if len(kernel.shape) != moving:
        raise ValueError(
            f"kernel: expected one axis for each convolved axis, {moving} in all, got "
            f"{len(kernel.shape)} (shape {kernel.shape})"
        )
    lengths = iter(kernel.shape)
    whole = tuple(1 if axis in batch else next(lengths) for axis in range(len(names)))
    return reshaped(kernel, whole) if isinstance(kernel, Propagator) else kernel.reshape(whole)


def _axes_of(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def reshaped(propagator: Propagator, shape: tuple[int, ...]) -> Propagator:
    """Return a propagator of a different shape with the same entries."""
    parts = propagator.probabilities, propagator.weights
    return Propagator(*(part.reshape(shape) for part in parts))


def _batch_hint(image: tuple[int, ...], kernel: tuple[int, ...]) -> str:
    """Return the remedy for a kernel with fewer axes than the image; otherwise empty."""
    if not 0 < len(kernel) < len(image):
        return ""
    if len(kernel) == 2 and len(image) == 3 and image[-1] in (2, 3, 4):
        return "; for a colour image, add channel_axis=-1"
    last = tuple(range(len(image)))[-len(kernel) :]
    what = "stack of images" if len(kernel) == 2 else "batch of signals"
    return f"; for a {what}, add axes={last if len(last) > 1 else last[0]}"
