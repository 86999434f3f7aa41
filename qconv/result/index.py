"""Indices of results: integers, slices, ``...`` and ``np.newaxis``."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Index of arrays of the image's shape.
Index: TypeAlias = tuple[int | slice | EllipsisType | None, ...]


@dataclass(frozen=True)
class View:
    """Pixels of a part of an image, by the axes of the whole image.

    Parts of parts are parts of the whole: ``[2:8][1:3]`` and ``[3:5]`` give equal views.
    """

    shape: tuple[int, ...]
    """Shape of the whole image."""
    axes: tuple[int | range | None, ...]
    """Selected positions along each axis of the whole image, or one position if the part does not
    have the axis. None marks the place of a new axis of the part."""

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> View:
        """Return the view of a whole image."""
        return cls(shape, tuple(map(range, shape)))

    def part(self, index: Index) -> View:
        """Return the view of a part of this part, by a checked index that is in range."""
        length = sum(not isinstance(axis, int) for axis in self.axes)
        given = sum(item is not None and item is not ... for item in index)
        rest: Index = (slice(None),) * (length - given)
        place = index.index(...) if ... in index else len(index)
        items = iter((*index[:place], *rest, *index[place + 1 :]))
        axes: list[int | range | None] = []
        for axis in self.axes:
            if isinstance(axis, int):
                axes.append(axis)
                continue
            while (item := next(items)) is None:
                axes.append(None)
            if isinstance(item, slice):
                axes.append(None if axis is None else axis[item])
            elif isinstance(item, int) and axis is not None:
                axes.append(axis[item])
        return View(self.shape, (*axes, *(None for _ in items)))

    @property
    def name(self) -> str:
        """Name of the selected pixels; the empty string for the whole image."""
        if self == View.of(self.shape):
            return ""
        names: list[str] = []
        new = 0
        for axis in self.axes:  # a new axis may stand on either side of an axis that was removed
            if axis is None:
                new += 1
            elif isinstance(axis, int):
                names.append(str(axis))
            else:
                step = axis.step if len(axis) > 1 else 1
                names += ["newaxis"] * new
                names.append(f"{axis[0]}:{axis[-1]}:{step}")
                new = 0
        return f"[{', '.join([*names, *['newaxis'] * new])}]"


def basic_index(index: object, shape: tuple[int, ...], view: View) -> tuple[Index, View]:
    """Check the index of a part; return it as a tuple, with the view of the selected pixels.

    Args:
        index: Index of the part.
        shape: Shape of the result that is indexed.
        view: View of the result that is indexed.

    Raises:
        TypeError: If an item is not an integer, a slice, ``...`` or ``np.newaxis``.
        IndexError: If the index is out of range, selects nothing, or leaves no axis.
    """
    items = index if isinstance(index, tuple) else (index,)
    checked = tuple(map(_item, items))
    selected = np.broadcast_to(np.int8(0), shape)[checked].shape  # raises NumPy's errors
    part = view.part(checked)
    if part == view:
        return checked, view
    if not selected:
        raise IndexError(
            "index: expected an index that leaves at least one axis, got a single pixel; write "
            "result.image[index] and result.stderr[index], or a slice of length 1"
        )
    if 0 in selected:
        raise IndexError(
            f"index: expected to select at least one pixel of a result of shape {shape}, got a "
            f"selection of shape {selected}"
        )
    return checked, part


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


def axis_after(index: Index, shape: tuple[int, ...], axis: int | None) -> int | None:
    """Return the position of an axis after indexing; None if the index removed the axis."""
    if axis is None:
        return None
    strides = [int(i == axis) for i in range(len(shape))]  # mark the axis
    marked = np.lib.stride_tricks.as_strided(np.zeros(shape[axis], dtype=np.int8), shape, strides)
    found = [i for i, stride in enumerate(marked[index].strides) if stride]
    return found[0] if found else None


def pixels_at(
    index: Index, pixels: NDArray[np.intp] | None, shape: tuple[int, ...]
) -> NDArray[np.intp] | None:
    """Return the positions of a part's pixels in the flattened whole image; None for all of them.

    Args:
        index: Index of the part, in the image or in an earlier part.
        pixels: Positions of the earlier part's pixels; None for the whole image.
        shape: Shape of the whole image.
    """
    whole = np.arange(math.prod(shape)).reshape(shape)
    found = np.asarray((whole if pixels is None else pixels)[index])
    return None if np.array_equal(found, whole) else found


def at_pixels(whole: NDArray[Any], pixels: NDArray[np.intp] | None) -> NDArray[Any]:
    """Return an array's entries at some pixels of the whole image; all of them for None."""
    return whole if pixels is None else whole.ravel()[pixels]
