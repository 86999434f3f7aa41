"""Planes of a picture: the arrays that are convolved one by one, such as colours and slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qconv
from qconv.cli.options import UsageError
from qconv.result.numbers import contents
from qconv.result.origin import Origin
from qconv.visualization.pictures import Picture

#: Names of a picture's colours.
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Planes:
    """Axes along which a picture is convolved; along all others, it is split."""

    axes: str
    """One letter per axis of the picture."""
    shape: tuple[int, ...]
    """Shape of the picture."""
    space: tuple[int, ...]
    """Positions of the axes along which the picture is convolved."""

    @classmethod
    def of(cls, picture: Picture, *, volume: bool) -> Planes:
        """Choose the axes: rows and columns and, for a volume, depth.

        Raises:
            UsageError: If the picture is no volume.
        """
        axes, shape = picture.axes, picture.numbers.shape
        plane = (axes.index("Y"), axes.index("X"))
        if not volume:
            return cls(axes, shape, plane)
        if "Z" in axes:
            return cls(axes, shape, (axes.index("Z"), *plane))
        if axes == "YXS" and picture.kind in ("NPY", "NPZ"):  # three columns, not three colours
            return cls("ZYX", shape, (0, 1, 2))
        further = [place for place, axis in enumerate(axes) if axis not in "YXS"]
        deep = [place for place in further if axes[place] != "C"] or further
        if not deep:
            sides = " x ".join(map(str, shape))
            raise UsageError(f"--volume: expected a stack of pictures, got one of {sides}")
        return cls(axes, shape, (deep[-1], *plane))

    @property
    def _others(self) -> tuple[int, ...]:
        """Positions of the axes along which the picture is split."""
        return tuple(place for place in range(len(self.axes)) if place not in self.space)

    @property
    def names(self) -> list[str]:
        """Names of the planes: colours, or numbers from 0."""
        sides = [self.shape[place] for place in self._others]
        if sides == [len(COLOURS)] and self.axes[self._others[0]] == "S":
            return list(COLOURS)
        return [str(number) for number in range(int(np.prod(sides, dtype=int)))]

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the planes of a picture."""
        moved = np.moveaxis(array, self.space, range(-len(self.space), 0))
        return list(moved.reshape(-1, *moved.shape[-len(self.space) :]))

    def together(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Combine planes of any shape to an array with the axes of the picture."""
        sides = [self.shape[place] for place in self._others]
        whole = np.stack(parts).reshape(*sides, *parts[0].shape)
        return np.moveaxis(whole, range(-len(self.space), 0), self.space)

    def result(self, results: Sequence[qconv.Convolution]) -> qconv.Convolution:
        """Combine the results of all planes: arrays, executions, success and origin."""
        if len(results) == 1 and not self._others:
            return results[0]
        arrays: dict[str, Any] = {
            name: self.together([getattr(result, name) for result in results])
            for name in ("image", "stderr", "shots", "bias")
            if all(isinstance(getattr(result, name), np.ndarray) for result in results)
        }
        success, executions = results[0].success, results[0].total_shots
        for result in results[1:]:
            success = success.together(executions, result.success, result.total_shots)
            executions += result.total_shots
        origins = [result.origin for result in results]
        return replace(
            results[0],
            total_shots=executions,
            circuits=tuple(
                {contents(each): each for result in results for each in result.circuits}.values()
            ),
            oracle_calls=sum(result.oracle_calls for result in results),
            independent=all(result.independent for result in results),
            success=success,
            diagnostics=None,
            origin=Origin(
                " ".join(origin.quantity for origin in origins),
                reduce(frozenset.union, (origin.streams for origin in origins)),
                reduce(frozenset.union, (origin.versions for origin in origins)),
            ),
            **arrays,
        )
