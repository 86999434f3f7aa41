"""Hits: the counts of one block at every Grover power, and the estimates that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.methods.amplitude_estimation.fitting import most_likely_damped
from qconv.methods.amplitude_estimation.likelihood import most_likely, posterior_mean
from qconv.methods.amplitude_estimation.scale import Scale
from qconv.methods.cutting import Block

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hits:
    """Hits and misses of one block at every power, and the options of their decoding."""

    powers: tuple[int, ...]
    """Numbers of Grover steps, ascending."""
    table: NDArray[Any]
    """Number of misses and of hits, shape ``(powers, 2, *block.counts)``."""
    block: Block
    """The block of output pixels."""
    scale: Scale
    """Map from probabilities to outputs."""
    averaged: bool
    """Whether estimates are posterior means; otherwise they are the most likely angles."""
    noisy: bool
    """Whether the damping of each power is fitted to all pixels of the block."""

    @cached_property
    def estimates(self) -> tuple[_Array, _Array, NDArray[np.bool_], _Array | None]:
        """Outputs, standard errors and reliability of the block, and the contrast of each power."""
        misses, hits = np.moveaxis(self.table.reshape(len(self.powers), 2, -1), 1, 0).astype(float)
        estimate = posterior_mean if self.averaged else most_likely
        found = (most_likely_damped if self.noisy else estimate)(hits, misses, self.powers)
        p = np.sin(found.angles) ** 2
        return *self.scale.found(self.block, p, found.stderr, found.reliable), found.contrast

    def __add__(self, other: Hits) -> Hits:
        """Add the counts of each power; the sum has all powers that either has."""
        powers = tuple(sorted({*self.powers, *other.powers}))
        table = np.zeros((len(powers), *self.table.shape[1:]), dtype=self.table.dtype)
        for part in (self, other):
            table[np.searchsorted(powers, part.powers)] += part.table
        return replace(self, powers=powers, table=table)

    def alike(self, other: Hits) -> bool:
        """Whether the counts of both can be added: same block, and same options of decoding."""
        return (self.block, self.averaged, self.noisy) == (
            other.block,
            other.averaged,
            other.noisy,
        ) and all(
            np.array_equal(getattr(self.scale, field.name), getattr(other.scale, field.name))
            for field in fields(Scale)
        )

    def placed(self, places: Sequence[tuple[int, int | None]]) -> Hits:
        """Return the hits of the same block as a block of a larger image.

        Args:
            places: For each axis of the larger image, the index of the first pixel of this image,
                and the axis of this image; None for an axis that this image does not have.
        """

        def along(every: Sequence[Any], other: Any) -> tuple[Any, ...]:
            return tuple(other if axis is None else every[axis] for _, axis in places)

        block = self.block
        outputs = tuple(
            slice(part.start + start, part.stop + start)
            for part, (start, _) in zip(along(block.outputs, slice(0, 1)), places, strict=True)
        )
        counts = along(block.counts, 1)
        wider = Block(outputs, along(block.bits, 0), counts)
        low, width = (
            part.reshape(counts) if part.ndim else part
            for part in (self.scale.low, self.scale.width)
        )
        table = self.table.reshape(*self.table.shape[:2], *counts)
        return replace(
            self, table=table, block=wider, scale=replace(self.scale, low=low, width=width)
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a file contains."""
        outputs = [(part.start, part.stop) for part in self.block.outputs]
        return {
            "powers": np.array(self.powers),
            "table": self.table,
            "outputs": np.array(outputs),
            "bits": np.array(self.block.bits),
            "flags": np.array([self.averaged, self.noisy]),
            **{f"scale.{field.name}": getattr(self.scale, field.name) for field in fields(Scale)},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Hits:
        """Create hits from what `arrays` returned."""
        table = arrays["table"]
        outputs = tuple(slice(int(start), int(stop)) for start, stop in arrays["outputs"])
        block = Block(outputs, tuple(map(int, arrays["bits"])), table.shape[2:])
        low, width = arrays["scale.low"], arrays["scale.width"]
        total, size = float(arrays["scale.total"]), float(arrays["scale.size"])
        scale = Scale(low, width, total, size, bool(arrays["scale.local"]))
        averaged, noisy = map(bool, arrays["flags"])
        return cls(tuple(map(int, arrays["powers"])), table, block, scale, averaged, noisy)
