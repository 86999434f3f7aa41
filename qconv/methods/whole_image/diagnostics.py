"""Diagnostics of whole-image methods: the counts that estimates were computed from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import numpy_defaults
from qconv.methods.whole_image.reading import Reading, Tally
from qconv.result.diagnostics import Diagnostics
from qconv.result.index import Index, at_pixels, pixels_at
from qconv.result.numbers import root_of_squares

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CountDiagnostics(Diagnostics):
    """Counts per output pixel, from which the estimate of a sum of results is computed.

    Results of `Diffusion`, `Interference` and `Fourier` have these diagnostics, unless they are
    exact or corrected for readout errors.
    """

    by_class: NDArray[np.int64]
    """Numbers of executions that ended in each output pixel of the whole image, shape
    ``(classes, *shape)``. The class is the value of the reference qubit, or the weight of a
    particle; magnitudes have one class."""
    readings: tuple[Reading, ...]
    """Readings, which turn counts into estimates: one per block of the image, or one for an image
    in one circuit."""
    block: NDArray[np.intp]
    """Index in ``readings`` of each output pixel's block, shape of the whole image; -1 for pixels
    that are 0 because no circuit ran."""
    pixels: NDArray[np.intp] | None = None
    """Index of each pixel of a part in the flattened whole image, shape of the part; None for
    the whole image."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of executions that ended in each output pixel, shape of ``image``."""
        return np.asarray(at_pixels(self.by_class.sum(axis=0), self.pixels))

    @property
    def unit(self) -> _Array | None:
        """Magnitude that corresponds to one expected execution, shape and unit of ``image``.

        For a magnitude ``y``, the expected number of executions is ``(y / unit)**2``. None for
        signed results.
        """
        if any(reading.kind != "magnitude" for reading in self.readings):
            return None
        units = np.array([reading.magnitude_unit for reading in self.readings] + [0.0])
        return np.asarray(at_pixels(units[self.block], self.pixels))

    def __add__(self, other: CountDiagnostics) -> CountDiagnostics | None:
        """Add the counts; None if the readings, classes, blocks or pixels differ."""
        if not self._matches(other):
            return None
        pairs = zip(self.readings, other.readings, strict=True)
        readings = [total for a, b in pairs if (total := a + b) is not None]
        if len(readings) < len(self.readings):
            return None
        by_class = self.by_class + other.by_class
        return CountDiagnostics(by_class, tuple(readings), self.block, self.pixels)

    def _matches(self, other: CountDiagnostics) -> bool:
        """Whether two diagnostics have the same classes, blocks and pixels."""
        pairs = (self.pixels, other.pixels), (self.block, other.block)
        return (
            self.by_class.shape == other.by_class.shape
            and len(self.readings) == len(other.readings)
            and all(np.array_equal(a, b) for a, b in pairs)  # type: ignore[arg-type]
        )

    def __getitem__(self, index: Index) -> CountDiagnostics:
        """Return the diagnostics of some of the pixels, with the counts of all."""
        pixels = pixels_at(index, self.pixels, self.block.shape)
        return CountDiagnostics(self.by_class, self.readings, self.block, pixels)

    @numpy_defaults
    def estimate(self) -> tuple[_Array, _Array]:
        """Return estimates and standard errors from all counts."""
        image, stderr = np.zeros((2, *self.block.shape))
        for number, reading in enumerate(self.readings):
            own = self.block == number
            sums = self.by_class[:, own].astype(np.float64)
            found = reading.estimate(Tally(sums, reading.executions))
            image[own], stderr[own] = (part * reading.factor * reading.brightest for part in found)
        return at_pixels(image, self.pixels), at_pixels(stderr, self.pixels)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the counts, the blocks, and the readings as JSON."""
        readings = np.array(json.dumps([reading.to_dict() for reading in self.readings]))
        arrays = {"by_class": self.by_class, "block": self.block, "readings": readings}
        return arrays | ({} if self.pixels is None else {"pixels": self.pixels})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CountDiagnostics:
        """Create diagnostics from the arrays of a file."""
        readings = map(Reading.from_dict, json.loads(str(arrays["readings"])))
        return cls(arrays["by_class"], tuple(readings), arrays["block"], arrays.get("pixels"))

    @classmethod
    def assembled(
        cls,
        shape: tuple[int, ...],
        parts: Sequence[tuple[tuple[slice, ...], CountDiagnostics]],
    ) -> CountDiagnostics | OverlappingCounts | None:
        """Copy blocks to their positions, or keep overlapping blocks apart.

        None if the blocks differ in their classes.
        """
        classes = {len(part.by_class) for _, part in parts}
        if len(classes) > 1:
            return None
        by_class = np.zeros((classes.pop(), *shape), dtype=np.int64)
        block = np.full(shape, -1)
        readings: list[Reading] = []
        for position, part in parts:
            if (block[position] >= 0).any():
                return OverlappingCounts(shape, tuple(parts))
            for whole, own in zip(by_class, part.by_class, strict=True):
                whole[position] = at_pixels(own, part.pixels)
            block[position] = at_pixels(part.block, part.pixels) + len(readings)
            readings += part.readings
        return cls(by_class, tuple(readings), block)


@dataclass(frozen=True, eq=False)
class OverlappingCounts(Diagnostics):
    """Counts of blocks whose results are added where they overlap (``"overlap-add"``).

    The estimate of a pixel is the sum of the estimates of the blocks that contain it.
    """

    shape: tuple[int, ...]
    """Shape of the whole image."""
    parts: tuple[tuple[tuple[slice, ...], CountDiagnostics], ...]
    """Position of each block in the whole image, and the counts of the block."""
    pixels: NDArray[np.intp] | None = None
    """Index of each pixel of a part in the flattened whole image, shape of the part; None for
    the whole image."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of executions of all blocks that ended in each output pixel."""
        total = np.zeros(self.shape, dtype=np.int64)
        for position, part in self.parts:
            total[position] += part.counts
        return np.asarray(at_pixels(total, self.pixels))

    def __add__(self, other: OverlappingCounts) -> OverlappingCounts | None:
        """Add the counts of each block; None if the blocks, their readings or pixels differ."""
        if (
            len(self.parts) != len(other.parts)
            or not np.array_equal(self.pixels, other.pixels)  # type: ignore[arg-type]
            or any(a != b for (a, _), (b, _) in zip(self.parts, other.parts, strict=True))
        ):
            return None
        pairs = zip(self.parts, other.parts, strict=True)
        sums = [(position, a + b) for (position, a), (_, b) in pairs]
        parts = [(position, total) for position, total in sums if total is not None]
        if len(parts) < len(sums):
            return None
        return OverlappingCounts(self.shape, tuple(parts), self.pixels)

    def __getitem__(self, index: Index) -> OverlappingCounts:
        """Return the diagnostics of some of the pixels, with the counts of all."""
        pixels = pixels_at(index, self.pixels, self.shape)
        return OverlappingCounts(self.shape, self.parts, pixels)

    @numpy_defaults
    def estimate(self) -> tuple[_Array, _Array]:
        """Return sums of the blocks' estimates, and their standard errors, from all counts."""
        image, stderr = np.zeros((2, *self.shape))
        for position, part in self.parts:
            own, error = part.estimate()
            image[position] += own
            stderr[position] = root_of_squares(stderr[position], error)
        return at_pixels(image, self.pixels), at_pixels(stderr, self.pixels)

    @classmethod
    def assembled(
        cls,
        shape: tuple[int, ...],
        parts: Sequence[tuple[tuple[slice, ...], OverlappingCounts]],
    ) -> OverlappingCounts:
        """Copy the blocks of several images, such as channels, to their positions."""
        blocks = []
        for position, image in parts:
            for own, counts in image.parts:
                number = np.full(image.shape, -1)
                number[own] = np.arange(number[own].size).reshape(number[own].shape)
                number = at_pixels(number, image.pixels)
                inside = [slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(number >= 0)]
                pixels = number[tuple(inside)]
                if counts.pixels is not None:
                    pixels = counts.pixels.ravel()[pixels]
                place = tuple(
                    slice(first.start + part.start, first.start + part.stop)
                    for first, part in zip(position, inside, strict=True)
                )
                blocks.append((place, replace(counts, pixels=pixels)))
        return cls(shape, tuple(blocks))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the shape, and the positions and arrays of the blocks."""
        found: dict[str, NDArray[Any]] = {"shape": np.array(self.shape)}
        if self.pixels is not None:
            found["pixels"] = self.pixels
        for number, (position, part) in enumerate(self.parts):
            found[f"{number}.position"] = np.array([(s.start, s.stop) for s in position])
            found |= {f"{number}.{name}": array for name, array in part.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> OverlappingCounts:
        """Create diagnostics from the arrays of a file."""
        parts = []
        for number in range(sum(name.endswith(".position") for name in arrays)):
            first = f"{number}."
            own = {k.removeprefix(first): v for k, v in arrays.items() if k.startswith(first)}
            position = tuple(slice(int(start), int(stop)) for start, stop in own.pop("position"))
            parts.append((position, CountDiagnostics.from_arrays(own)))
        return cls(tuple(map(int, arrays["shape"])), tuple(parts), arrays.get("pixels"))
