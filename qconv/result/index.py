"""Indices of results: integers, slices, ``...`` and ``np.newaxis``."""

from __future__ import annotations

import math
import operator
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Index of arrays of the image's shape.
Index: TypeAlias = tuple[int | slice | EllipsisType | None, ...]


def basic_index(index: object, shape: tuple[int, ...]) -> tuple[Index, str]:
    """Check the index of a part; return it as a tuple, with a name for the selected pixels.

    Equivalent indices have the same name. The name of the whole image is empty.

    Raises:
        TypeError: If an item is not an integer, a slice, ``...`` or ``np.newaxis``.
        IndexError: If the index is out of range, selects nothing, or leaves no axis.
    """
    items = index if isinstance(index, tuple) else (index,)
    checked = tuple(map(_item, items))
    selected = np.broadcast_to(np.int8(0), shape)[checked].shape  # raises NumPy's errors
    name = _name(checked, shape)
    if name and not selected:
        raise IndexError(
            "index: expected an index that leaves at least one axis, got a single pixel; write "
            "result.image[index] and result.stderr[index], or a slice of length 1"
        )
    if name and 0 in selected:
        raise IndexError(
            f"index: expected to select at least one pixel of a result of shape {shape}, got a "
            f"selection of shape {selected}"
        )
    return checked, name


def _item(item: object) -> int | slice | EllipsisType | None:
    """Check one item of an index."""
    if item is None or isinstance(item, slice | EllipsisType):
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return operator.index(item)
    raise TypeError(
        f"index: expected integers, slices or ..., got {type(item).__name__}; index the arrays "
        "instead: result.image[index], result.stderr[index]"
    )


def _name(index: Index, shape: tuple[int, ...]) -> str:
    """Name the pixels that an index selects; the empty string for all of them."""
    given = sum(item is not None and item is not ... for item in index)
    rest: Index = (slice(None),) * (len(shape) - given)
    place = index.index(...) if ... in index else len(index)
    whole = (*index[:place], *rest, *index[place + 1 :])
    lengths = iter(shape)
    names, everything = [], True
    for item in whole:
        if item is None:
            names.append("newaxis")
            everything = False
        elif isinstance(item, slice):
            length = next(lengths)
            seen = range(length)[item]
            everything &= seen == range(length)
            names.append(f"{seen[0]}:{seen[-1]}:{seen.step}" if len(seen) > 1 else f"{seen}")
        elif isinstance(item, int):
            names.append(str(item % next(lengths)))
            everything = False
    return "" if everything else f"[{', '.join(names)}]"


def axis_after(index: Index, shape: tuple[int, ...], axis: int | None) -> int | None:
    """Return the place of an axis after indexing; None if the index removed the axis."""
    if axis is None:
        return None
    strides = [int(i == axis) for i in range(len(shape))]  # mark the axis
    marked = np.lib.stride_tricks.as_strided(np.zeros(shape[axis], dtype=np.int8), shape, strides)
    found = [i for i, stride in enumerate(marked[index].strides) if stride]
    return found[0] if found else None


def pixels_at(
    index: Index, pixels: NDArray[np.intp] | None, shape: tuple[int, ...]
) -> NDArray[np.intp]:
    """Return the positions of a part's pixels in the flattened whole image.

    Args:
        index: Index of the part, in the image or in an earlier part.
        pixels: Positions of the earlier part's pixels; None for the whole image.
        shape: Shape of the whole image.
    """
    every = np.arange(math.prod(shape)).reshape(shape) if pixels is None else pixels
    return np.asarray(every[index])


def at_pixels(whole: NDArray[Any], pixels: NDArray[np.intp] | None) -> NDArray[Any]:
    """Return an array's entries at some pixels of the whole image; all of them for None."""
    return whole if pixels is None else whole.ravel()[pixels]
