"""Halos: cutting a Dask array into blocks with all pixels that one part of the output reads.

A part of the output is a rectangle that consists of whole tiles. Each tile has its own random
stream. Let ``t`` be the stride from one output to the next, in padded
pixels, and let the kernel extend over ``r`` padded pixels. The outputs ``a <= i < b`` then depend
on the padded pixels from ``t a`` up to, but excluding, ``t (b - 1) + r``. These are the pixels of
the part itself and ``r - t`` pixels of the next part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask.array.overlap import overlap
from numpy.typing import NDArray

from qconv.grid import PAD_MODES, Grid, Tile

#: Minimum and maximum number of output pixels of a part, if tiles and image allow them. Below the
#: minimum, a task would be mostly overhead. With the maximum, several parts fit in the memory of a
#: worker.
_LEAST, _MOST = 2**14, 2**22


def part_lengths(
    image: da.Array, grid: Grid, sides: tuple[int, ...], channels: int = 1
) -> tuple[int, ...]:
    """Return the sides of a part in output pixels, similar to the chunks of the image.

    Borders of parts are multiples of ``sides``. Each output pixel has ``channels`` values.
    """
    own = math.prod(map(max, image.chunks)) // math.prod(grid.strides)
    most = max(1, min(_MOST, max(_LEAST, own)) // channels)
    least = [
        min(n, _multiple(max(1, -(-depth // t)), side))
        for n, depth, t, side in zip(
            grid.output_shape, _depths(grid), grid.strides, sides, strict=True
        )
    ]
    lengths = [
        min(n, max(low, _multiple(max(chunks) // t, side)))
        for n, low, chunks, t, side in zip(
            grid.output_shape, least, image.chunks, grid.strides, sides, strict=True
        )
    ]
    for axis in range(len(lengths)):
        others = math.prod(lengths) // lengths[axis]
        if math.prod(lengths) > most:
            fitting = max(1, most // others) // sides[axis] * sides[axis]
            lengths[axis] = max(least[axis], min(lengths[axis], fitting))
        elif math.prod(lengths) * channels < _LEAST:
            wanted = _multiple(-(-_LEAST // (others * channels)), sides[axis])
            lengths[axis] = max(lengths[axis], min(grid.output_shape[axis], wanted))
    return tuple(lengths)


def chunks_of(length: int, part: int) -> tuple[int, ...]:
    """Split a length into parts; the last part may be shorter."""
    return tuple(min(part, length - start) for start in range(0, length, part))


def in_parts(image: da.Array, grid: Grid, lengths: tuple[int, ...]) -> da.Array:
    """Return the padded image in blocks, one per part, with all pixels that the part depends on."""
    padded = _padded(image, grid)
    chunks = []
    for n, outputs, part, t in zip(
        padded.shape, grid.output_shape, lengths, grid.strides, strict=True
    ):
        own = [t * length for length in chunks_of(outputs, part)]
        chunks.append((*own[:-1], n - sum(own[:-1])))
    aligned = padded.rechunk(tuple(chunks), method="tasks")
    depths = [
        depth if len(own) > 1 else 0 for depth, own in zip(_depths(grid), chunks, strict=True)
    ]
    if not any(depths):
        return aligned
    after = {axis: (0, depth) for axis, depth in enumerate(depths)}
    return overlap(aligned, depth=after, boundary=dict.fromkeys(after, "none"))


def part_of(grid: Grid, lengths: tuple[int, ...], number: tuple[int, ...]) -> Tile:
    """Return the output pixels of one part."""
    return tuple(
        slice(i * part, min((i + 1) * part, n))
        for i, part, n in zip(number, lengths, grid.output_shape, strict=True)
    )


def _multiple(length: int, side: int) -> int:
    """Return the smallest positive multiple of ``side`` that is at least ``length``."""
    return max(1, -(-length // side)) * side


def _depths(grid: Grid) -> list[int]:
    """Return the number of pixels of the next part that a part depends on, along each axis."""
    each = zip(grid.strides, grid.dilations, grid.kernel_shape, strict=True)
    return [max(0, d * (h - 1) + 1 - t) for t, d, h in each]


def index_of_pixels(grid: Grid, axis: int) -> NDArray[np.int64]:
    """Return the image's index of every padded pixel along an axis; -1 for a constant margin."""
    pixels, widths = np.arange(grid.image_shape[axis]), grid.pad_widths[axis]
    if grid.boundary == "fill":
        return np.pad(pixels, widths, constant_values=-1)
    mode: Any = PAD_MODES[grid.boundary]
    return np.pad(pixels, widths, mode=mode)


def require_finite(pixels: NDArray[Any], name: str, places: Sequence[NDArray[np.int64]]) -> None:
    """Raise a ``ValueError`` if pixels of a part are NaN or infinite.

    Args:
        pixels: Pixels of the part.
        name: Name of the argument, for the message.
        places: Index of the pixels in the whole array, along each axis.
    """
    bad = np.argwhere(~np.isfinite(pixels))
    if bad.size:
        first = tuple(int(place[own]) for place, own in zip(places, bad[0], strict=True))
        raise ValueError(
            f"{name}: expected finite numbers, got {len(bad)} NaN or infinite ones in a block (the "
            f"first at {first})"
        )


def _padded(image: da.Array, grid: Grid) -> da.Array:
    """Pad the image lazily, like ``grid.pad``."""
    if grid.boundary == "fill":
        if any(map(any, grid.pad_widths)) and not _holds(image.dtype, grid.fillvalue):
            outside = type(grid.fillvalue)
            image = image.astype(np.complex128 if outside is complex else np.float64)
        return da.pad(image, grid.pad_widths, constant_values=grid.fillvalue)
    for axis, widths in enumerate(grid.pad_widths):
        n, (low, _) = image.shape[axis], widths
        places = index_of_pixels(grid, axis)
        ends = [da.take(image, part, axis) for part in (places[:low], places[low + n :])]
        image = da.concatenate([ends[0], image, ends[1]], axis)
    return image


def _holds(dtype: np.dtype[Any], value: float | complex) -> bool:
    """Return whether ``dtype`` represents ``value`` exactly."""
    if isinstance(value, complex):
        return dtype.kind == "c"
    if dtype.kind in "biu":
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return low <= value <= high and value == int(value)
    return bool(dtype.type(value) == value)
