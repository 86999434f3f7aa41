"""Cutting: the output in blocks, for circuits that look pixels up at displaced positions.

A particle, or a look-up, at output pixel ``o`` is displaced by ``0 <= v < h``, so that a block of
``n`` outputs along an axis needs ``n + h - 1`` basis states: the outputs and a margin. With
boundary wrap and a power of two pixels, the whole axis needs only as many as it has pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Grid

_Array = NDArray[np.float64]

#: What a circuit costs beside its basis states, in basis states.
_PER_BLOCK = 64


@dataclass(frozen=True)
class Block:
    """A block of output pixels, and the basis states of position registers that stand for them."""

    outputs: tuple[slice, ...]
    bits: tuple[int, ...]
    counts: tuple[int, ...]
    """Positions in superposition, per axis: one for each output; with wrap, some serve several."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Output pixels per axis."""
        return tuple(part.stop - part.start for part in self.outputs)

    @property
    def pixels(self) -> int:
        """Output pixels."""
        return math.prod(self.shape)

    @property
    def distinct(self) -> bool:
        """Whether every output pixel has a position of its own."""
        return self.counts == self.shape

    def read(self, outcomes: NDArray[Any]) -> NDArray[Any]:
        """Misses and hits ``(2, *counts)`` from all outcomes, the flag their highest bit."""
        cells = outcomes.reshape(2, *(2**bits for bits in self.bits))
        return cells[(slice(None), *map(slice, self.counts))]

    def expand(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Output pixels from one number for each position."""
        places = [np.arange(n) % count for n, count in zip(self.shape, self.counts, strict=True)]
        return numbers.reshape(self.counts)[np.ix_(*places)]

    def view(self, padded: _Array, displacement: Sequence[int]) -> _Array:
        """What a displacement shows to each position, of the image with its margins."""
        shown = zip(self.outputs, displacement, self.counts, strict=True)
        return padded[tuple(slice(part.start + v, part.start + v + n) for part, v, n in shown)]


def cut(
    grid: Grid,
    room: int,
    *,
    margins: bool = True,
    trimmed: bool = False,
    per_block: int = _PER_BLOCK,
) -> list[Block]:
    """Cut the output into blocks, with as few basis states altogether as possible.

    Every block counts as some states more, for the time that a circuit takes however small it is.

    Args:
        grid: Geometry of the convolution.
        room: Most qubits for the position; one that needs more even for a single pixel gets them.
        margins: False if nothing is displaced, so that no block needs a margin.
        trimmed: True if the last blocks, where they are smaller, take as few states as they can.
        per_block: How many states a block counts more.

    Returns:
        The blocks in C order.
    """
    sizes = [_sizes(grid, axis, margins=margins) for axis in range(len(grid.output_shape))]
    choices = list(itertools.product(*sizes))
    smallest = min(sum(bits for _, bits in choice) for choice in choices)
    fitting = [c for c in choices if sum(bits for _, bits in c) <= max(room, smallest)]

    def cost(choice: Sequence[tuple[int, int]]) -> int:
        count, states = 1, 1
        for axis, (length, bits) in enumerate(choice):
            outputs, reach = grid.output_shape[axis], grid.kernel_shape[axis] - 1
            whole, rest = divmod(outputs, length)
            last = 2 ** (rest + reach - 1).bit_length() if trimmed else 2**bits
            count *= whole + (rest > 0)
            states *= whole * 2**bits + (rest > 0) * last
        return count * per_block + states

    best = min(fitting, key=cost)
    bits = tuple(bits for _, bits in best)
    if not any(bits):
        bits = (*bits[:-1], 1)
    parts = [
        [slice(start, min(start + length, outputs)) for start in range(0, outputs, length)]
        for (length, _), outputs in zip(best, grid.output_shape, strict=True)
    ]
    blocks = []
    for part in itertools.product(*parts):
        counts = [min(s.stop - s.start, 2**b) for s, b in zip(part, bits, strict=True)]
        blocks.append(Block(part, bits, tuple(counts)))
    return blocks


def _sizes(grid: Grid, axis: int, *, margins: bool) -> list[tuple[int, int]]:
    """Lengths that a block may have along an axis, and the qubits that each needs."""
    outputs, reach = grid.output_shape[axis], grid.kernel_shape[axis] - 1
    pixels = grid.image_shape[axis]
    if not margins:
        return [
            (min(2**bits, outputs), bits)
            for bits in reversed(range((outputs - 1).bit_length() + 1))
        ]
    if grid.boundary == "wrap" and pixels & (pixels - 1) == 0:
        whole = pixels.bit_length() - 1
    else:
        whole = (outputs + reach - 1).bit_length()
    parts = [(2**bits - reach, bits) for bits in reversed(range(whole)) if 2**bits > reach]
    return [(outputs, whole), *((length, bits) for length, bits in parts if length < outputs)]
