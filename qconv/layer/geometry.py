"""Geometry of a layer: the pixels that ``torch.nn.functional.conv2d`` multiplies by a kernel.

Let ``t`` be the stride, ``d`` the dilation and ``x~`` the zero-padded input. The output is

    y[n, o, i] = b[o] + sum over c, j of  k[o, c, j] x~[n, first(o) + c, t i + d j],

where ``first(o)`` is the first input channel in the group of output channel ``o``.

Source:
    Dumoulin and Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285,
    sections 2 and 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import Numbers, number_array, one_of, require_finite, whole_number
from qconv._memory import require_copies, require_memory
from qconv.grid import Grid, strided_grid

#: One integer for all spatial axes, or one for each.
Integers = int | Sequence[int]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Checked input, weights and grid of a layer."""

    groups: list[Numbers]
    """Padded input of each group, contiguous, shape ``(N, C / groups, *places)``."""
    weight: Numbers
    """Kernels, shape ``(O, C / groups, *positions)``."""
    bias: Numbers
    """Bias of each output channel, shape ``(O,)``."""
    grid: Grid | None
    """Input pixels of each output pixel of a channel; None for an empty batch."""
    output_shape: tuple[int, ...]
    """Shape of the output: ``(N, O, *places)``, without ``N`` for a single image."""

    @property
    def result_type(self) -> np.dtype[Any]:
        """Type of the output: ``complex128`` if input, weight or bias is complex."""
        return np.result_type(self.groups[0], self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Frame:
    """Checked layer without its input."""

    weight: Numbers
    """Kernels, shape ``(O, C / groups, *positions)``."""
    bias: Numbers
    """Bias of each output channel, shape ``(O,)``."""
    groups: int
    """Number of groups of channels."""
    margins: tuple[tuple[int, int], ...]
    """Number of zeros before and after the input, for each of its axes."""
    grid: Grid
    """Pixels of a group's padded input that each output pixel depends on."""

    def geometry(self, padded: Numbers, output_shape: tuple[int, ...]) -> Geometry:
        """Return the layer with a padded input of shape ``(N, C, *places)``."""
        parts = np.split(padded, self.groups, axis=1)
        if padded.strides[-1]:  # broadcast zeros stay as they are
            parts = list(map(np.ascontiguousarray, parts))
        grid = self.grid if len(padded) else None
        return Geometry(parts, self.weight, self.bias, grid, output_shape)


def layer_geometry(places: int, input: ArrayLike, *layer: Any) -> Geometry:
    """Check the arguments of a layer, in the order of `qconv.conv2d`, and pad its input.

    ``places`` is the number of spatial axes, 1 or 2.
    """
    images = _images(input, places)
    batch = images if images.ndim == places + 2 else images[np.newaxis]
    frame = layer_frame(batch.shape, *layer)
    outputs = (len(batch), len(frame.weight), *frame.grid.output_shape[2:])
    padded = [n + sum(pad) for n, pad in zip(batch.shape, frame.margins, strict=True)]
    needed = int(np.prod(padded) + 3 * np.prod(outputs))
    require_memory(images.itemsize * needed, f"input of shape {batch.shape} is")
    require_finite(images, "input")
    return frame.geometry(np.pad(batch, frame.margins), outputs[batch.ndim - images.ndim :])


def layer_frame(
    shape: tuple[int, ...],
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Integers,
    padding: Integers | str,
    dilation: Integers,
    groups: int,
) -> Frame:
    """Check the arguments of a layer for an input of shape ``(N, C, *places)``."""
    places = len(shape) - 2
    require_copies(weight, "weight")
    kernels = number_array(weight, "weight")
    if kernels.ndim != places + 2:
        raise ValueError(
            f"weight: expected {places + 2} axes (output channels, input channels, positions), "
            f"got {kernels.ndim} (shape {kernels.shape})"
        )
    groups = _groups(groups, shape[1], kernels.shape)
    strides = _per_axis(stride, "stride", places, 1)
    dilations = _per_axis(dilation, "dilation", places, 1)
    reaches = [d * (h - 1) for d, h in zip(dilations, kernels.shape[2:], strict=True)]
    pads = _pads(padding, strides, reaches)
    padded = [n + sum(pad) for n, pad in zip(shape[2:], pads, strict=True)]
    grid = strided_grid(
        (max(1, shape[0]), kernels.shape[1], *padded), (1, *kernels.shape[1:]), strides, dilations
    )
    biases = np.zeros(len(kernels)) if bias is None else number_array(bias, "bias")
    if biases.shape != (len(kernels),):
        raise ValueError(
            f"bias: expected one number for each of {len(kernels)} output channels, got shape "
            f"{biases.shape}"
        )
    return Frame(kernels, biases, groups, ((0, 0), (0, 0), *pads), grid)


def _images(value: ArrayLike, places: int) -> Numbers:
    """Return the input as an array; the number of images may be 0, no other length."""
    if (
        isinstance(value, np.ndarray)
        and value.ndim == places + 2
        and value.shape[0] == 0
        and all(value.shape[1:])
    ):
        one = number_array(np.zeros(1, dtype=value.dtype), "input")  # raises if the type is wrong
        return np.empty(value.shape, one.dtype)
    require_copies(value, "input")
    array = number_array(value, "input", finite=False)
    if array.ndim not in (places + 1, places + 2):
        raise ValueError(
            f"input: expected {places + 2} axes (images, channels, pixels), or {places + 1} for a "
            f"single image, got {array.ndim} (shape {array.shape})"
        )
    return array


def _groups(value: int, channels: int, weight: tuple[int, ...]) -> int:
    """Return the number of groups; raise if it does not suit input and weight."""
    groups = whole_number(value, "groups", 1)
    if channels != weight[1] * groups:
        raise ValueError(
            f"input: expected {weight[1] * groups} channels for a weight of shape {weight} and "
            f"groups={groups}, got {channels}"
        )
    if weight[0] % groups:
        raise ValueError(
            f"groups: expected a divisor of the {weight[0]} output channels, got {groups}"
        )
    return groups


def _per_axis(value: Integers, name: str, places: int, least: int) -> tuple[int, ...]:
    """Return one integer for each spatial axis."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
        return (whole_number(value, name, least),) * places
    if len(value) not in (1, places):
        raise ValueError(f"{name}: expected 1 or {places} integers, got {value!r}")
    numbers = tuple(whole_number(entry, name, least) for entry in value)
    return numbers if len(numbers) == places else numbers * places


def _pads(
    value: Integers | str, strides: tuple[int, ...], reaches: list[int]
) -> list[tuple[int, int]]:
    """Return the number of zeros before and after, for each spatial axis."""
    if not isinstance(value, str):
        return [(pad, pad) for pad in _per_axis(value, "padding", len(strides), 0)]
    if one_of(value, "padding", ("same", "valid")) == "valid":
        return [(0, 0)] * len(strides)
    if any(stride != 1 for stride in strides):
        raise ValueError(f"padding: 'same' requires stride 1, got stride {strides}")
    return [(reach // 2, reach - reach // 2) for reach in reaches]
