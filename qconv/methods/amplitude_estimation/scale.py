"""Scales: maps from pixels to angles of the flag qubit, and from flag probabilities to outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.circuits.registers import kernel_states
from qconv.methods.cutting import Block
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]

#: Outputs of a block, their standard errors, and whether these are reliable.
_Found = tuple[_Array, _Array, NDArray[np.bool_]]


def added_kernel(plan: Problem) -> _Array:
    """Return the kernel by the displacement from an output pixel to the padded pixel it reads."""
    kernel = plan.propagator.effective_kernel
    return np.flip(kernel) if plan.grid.flipped else kernel


@dataclass(frozen=True, eq=False)
class Scale:
    """Map from pixels to ``[0, 1]``, and from probabilities to outputs."""

    low: _Array
    """Pixel value mapped to 0: a scalar, or an array with one value per position."""
    width: _Array
    """Width of the range, same shape; 0 where all pixels are equal."""
    total: float
    """Sum of the kernel's entries."""
    size: float
    """Sum of the magnitudes of the kernel's entries."""
    local: bool
    """Whether every position has its own range."""

    @classmethod
    def of(cls, plan: Problem, block: Block, kernel: _Array, kind: str) -> Scale:
        """Return the scale of a block, with one range (``"global"``) or one per output."""
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if kind == "global":
            low, high = plan.padded.min(), plan.padded.max()
            return cls(np.array(low), np.array(high - low), total, size, local=False)
        views = [block.view(plan.padded, v) for v in zip(*np.nonzero(kernel), strict=True)]
        low, high = np.minimum.reduce(views), np.maximum.reduce(views)
        return cls(low, high - low, total, size, local=True)

    def angles(self, plan: Problem, block: Block, kernel: _Array) -> _Array:
        """Return half of the rotation angle of the flag qubit at every basis state of the position.

        A local range has such an array for each kernel position, along the first axes.
        """
        states = tuple(2**bits for bits in block.bits)
        if not self.local:
            lattice = np.zeros(states)
            starts = [part.start for part in block.outputs]
            ends = [start + length for start, length in zip(starts, states, strict=True)]
            seen = plan.padded[tuple(map(slice, starts, ends))]
            lattice[tuple(map(slice, seen.shape))] = self._angle(seen)
            return lattice
        lattice = np.zeros((*kernel_states(kernel.shape), *states))
        for v in zip(*np.nonzero(kernel), strict=True):
            angle = self._angle(block.view(plan.padded, v))
            where = (*v, *map(slice, block.counts))
            lattice[where] = angle if kernel[v] > 0 else math.pi / 2 - angle
        return lattice

    def _angle(self, seen: _Array) -> _Array:
        """Return angles whose squared sine is the position of each pixel within the range."""
        unit = np.zeros_like(seen)
        np.divide(seen - self.low, self.width, out=unit, where=self.width > 0)
        return np.arcsin(np.sqrt(np.clip(unit, 0, 1)))

    def probability(self, block: Block, outputs: _Array) -> _Array:
        """Return the flag probability at every position of a block, given all exact outputs."""
        negative = (self.size - self.total) / 2
        width = self.width * self.size
        width = np.where(width > 0, width, 1.0)
        shown = block.view(outputs, [0] * outputs.ndim)
        return np.clip((shown - self.low * self.total + self.width * negative) / width, 0, 1)

    def errors(self, block: Block, error: _Array) -> _Array:
        """Return standard errors of a block's outputs, given errors of the flag's probabilities."""
        return block.expand(self.width * self.size * error)

    def found(
        self,
        block: Block,
        probability: _Array,
        stderr: _Array,
        reliable: NDArray[np.bool_],
    ) -> _Found:
        """Return outputs of a block, given estimates of the flag's probabilities."""
        p, error = (part.reshape(block.counts) for part in (probability, stderr))
        negative = (self.size - self.total) / 2
        image = self.low * self.total + self.width * (self.size * p - negative)
        sure = reliable.reshape(block.counts) | (self.width == 0)
        return block.expand(image), self.errors(block, error), block.expand(sure)
