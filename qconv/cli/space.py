"""Axes along which a picture is convolved; all others are the axes of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.cli.options import UsageError
from qconv.visualization.pictures import Picture


@dataclass(frozen=True)
class Space:
    """Axes along which a picture is convolved: rows and columns and, for a volume, depth."""

    axes: str
    """One letter per axis of the picture."""
    places: tuple[int, ...]
    """Positions of the axes along which the picture is convolved, in ascending order."""

    @classmethod
    def of(cls, picture: Picture, *, volume: bool) -> Space:
        """Choose the axes.

        Raises:
            UsageError: If ``volume`` is set, and the picture is not a stack.
        """
        axes = picture.axes
        plane = (axes.index("Y"), axes.index("X"))
        if not volume:
            return cls(axes, plane)
        if axes == "YXS" and picture.kind in ("NPY", "NPZ"):  # three columns, not three colours
            return cls("ZYX", (0, 1, 2))
        further = [place for place, axis in enumerate(axes) if axis not in "YXS"]
        deep = [place for place in further if axes[place] not in "TC"] or further
        if not deep:
            sides = " x ".join(map(str, picture.numbers.shape))
            raise UsageError(f"--volume: expected a stack of pictures, got one of {sides}")
        depth = axes.index("Z") if "Z" in axes else deep[-1]
        return cls(axes, tuple(sorted((depth, *plane))))

    @property
    def batch(self) -> dict[str, Any]:
        """Arguments for functions of arrays: ``axes`` and ``channel_axis``."""
        if len(self.places) == len(self.axes):
            return {}
        colours = self.axes.find("S")
        return {"axes": self.places, "channel_axis": colours if colours >= 0 else None}

    def first(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the first item of a batch."""
        moved = np.moveaxis(array, self.places, range(-len(self.places), 0))
        return np.asarray(moved[(0,) * (array.ndim - len(self.places))])
