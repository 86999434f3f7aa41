"""Scales: how pixels are mapped to the flag's angles, and its probabilities back to outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.circuits.registers import kernel_states
from qconv.methods.cutting import Block
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]

#: Outputs of a block, their standard errors, and where these are reliable.
_Found = tuple[_Array, _Array, NDArray[np.bool_]]


def added_kernel(plan: Problem) -> _Array:
    """The kernel in the order of displacements from an output pixel to the padded one it reads."""
    kernel = plan.propagator.effective_kernel
    return np.flip(kernel) if plan.grid.flipped else kernel


@dataclass(frozen=True, eq=False)
class Scale:
    """How pixels are mapped to ``[0, 1]``, and probabilities back to outputs."""

    low: _Array
    """What becomes 0: one number, or one for each position."""
    width: _Array
    """The width of the range, 0 where there is nothing to estimate; same shape."""
    total: float
    """Sum of the kernel."""
    size: float
    """Sum of its magnitudes."""
    local: bool

    @classmethod
    def of(cls, plan: Problem, block: Block, kernel: _Array, kind: str) -> Scale:
        """The range of all pixels, or of those that each output of a block sees."""
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if kind == "global":
            low, high = plan.padded.min(), plan.padded.max()
            return cls(np.array(low), np.array(high - low), total, size, local=False)
        views = [block.view(plan.padded, v) for v in zip(*np.nonzero(kernel), strict=True)]
        low, high = np.minimum.reduce(views), np.maximum.reduce(views)
        return cls(low, high - low, total, size, local=True)

    def angles(self, plan: Problem, block: Block, kernel: _Array) -> _Array:
        """Half the rotation of the flag; of every cell, or every kernel position and cell."""
        cells = tuple(2**bits for bits in block.bits)
        if not self.local:
            lattice = np.zeros(cells)
            starts = [part.start for part in block.outputs]
            ends = [start + length for start, length in zip(starts, cells, strict=True)]
            seen = plan.padded[tuple(map(slice, starts, ends))]
            lattice[tuple(map(slice, seen.shape))] = self._angle(seen)
            return lattice
        lattice = np.zeros((*kernel_states(kernel.shape), *cells))
        for v in zip(*np.nonzero(kernel), strict=True):
            angle = self._angle(block.view(plan.padded, v))
            where = (*v, *map(slice, block.counts))
            lattice[where] = angle if kernel[v] > 0 else math.pi / 2 - angle
        return lattice

    def _angle(self, seen: _Array) -> _Array:
        """The angle whose squared sine is a pixel's place in the range."""
        place = np.zeros_like(seen)
        np.divide(seen - self.low, self.width, out=place, where=self.width > 0)
        return np.arcsin(np.sqrt(np.clip(place, 0, 1)))

    def probability(self, block: Block, outputs: _Array) -> _Array:
        """The flag's probability at every position of a block, from all exact outputs."""
        shown = tuple(
            slice(part.start, part.start + n)
            for part, n in zip(block.outputs, block.counts, strict=True)
        )
        negative = (self.size - self.total) / 2
        width = self.width * self.size
        width = np.where(width > 0, width, 1.0)
        p = (outputs[shown] - self.low * self.total + self.width * negative) / width
        return np.clip(p, 0, 1)

    def errors(self, block: Block, error: _Array) -> _Array:
        """Standard errors of a block's outputs from those of the flag's probabilities."""
        return block.expand(self.width * self.size * error)

    def found(
        self,
        block: Block,
        probability: _Array,
        stderr: _Array,
        reliable: NDArray[np.bool_],
    ) -> _Found:
        """Outputs of a block from the flag's probabilities."""
        p, error = (part.reshape(block.counts) for part in (probability, stderr))
        negative = (self.size - self.total) / 2
        image = self.low * self.total + self.width * (self.size * p - negative)
        sure = reliable.reshape(block.counts) | (self.width == 0)
        return block.expand(image), self.errors(block, error), block.expand(sure)
