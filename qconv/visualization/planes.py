"""Volumes as pictures: three orthogonal planes through a point, side by side.

The plane of rows and columns is at the top left. The plane of rows and planes is on its right, and
the plane of planes and columns is below it::

    row, column     row, plane
    plane, column
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Array = NDArray[np.float64]

#: Pixels of the longest side per pixel of the gap between planes.
_PER_GAP = 40


def through(volume: _Array, point: tuple[int, ...]) -> _Array:
    """Return three orthogonal planes of a volume as one picture.

    Args:
        volume: Array of shape ``(D, H, W)`` or, in colour, ``(D, H, W, 3)``.
        point: Plane, row and column of the point in which the planes meet.

    Returns:
        Picture with NaN between the planes.
    """
    plane, row, column = point
    planes, rows, columns = volume.shape[:3]
    down, across = _starts(volume.shape)
    picture = np.full((down + planes, across + planes, *volume.shape[3:]), np.nan)
    picture[:rows, :columns] = volume[plane]
    picture[:rows, across:] = np.swapaxes(volume[:, :, column], 0, 1)
    picture[down:, :columns] = volume[:, row]
    return picture


def _starts(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the first row of the lower plane, and the first column of the right plane."""
    gap = -(-max(shape[:3]) // _PER_GAP)
    return shape[1] + gap, shape[2] + gap


def in_volume(point: tuple[int, ...], shape: tuple[int, ...], other: tuple[int, ...]) -> list[int]:
    """Return a point of a volume in a volume of another shape with the same centre."""
    each = zip(point, shape, other, strict=True)
    return [min(max(i + (n - m) // 2, 0), n - 1) for i, m, n in each]


def mark(axes: Axes, shape: tuple[int, ...], point: tuple[int, ...]) -> None:
    """Draw the lines in which the planes meet, and name the axes of each plane."""
    plane, row, column = point
    planes, rows, columns = shape[:3]
    down, across = _starts(shape)
    how = {"color": "C1", "lw": 0.7, "alpha": 0.8}
    ends_across = [(-0.5, columns - 0.5), (across - 0.5, across + planes - 0.5)]
    ends_down = [(-0.5, rows - 0.5), (down - 0.5, down + planes - 0.5)]
    for ends in ends_across:
        axes.plot(ends, (row, row), **how)  # type: ignore[arg-type]
    for ends in ends_down:
        axes.plot((column, column), ends, **how)  # type: ignore[arg-type]
    axes.plot(ends_across[0], (down + plane,) * 2, **how)  # type: ignore[arg-type]
    axes.plot((across + plane,) * 2, ends_down[0], **how)  # type: ignore[arg-type]
    axes.set_xticks([np.mean(ends) for ends in ends_across], ["column", "plane"])
    axes.set_yticks(
        [np.mean(ends) for ends in ends_down], ["row", "plane"], rotation=90, va="center"
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
