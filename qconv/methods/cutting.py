"""Cutting the output into blocks, for circuits that read pixels at displaced positions.

Along an axis with ``h`` kernel positions, a circuit displaces positions by ``0 <= v < h``. A block
of ``n`` outputs along this axis therefore needs ``n + h - 1`` basis states: the outputs and a
margin. With boundary ``wrap``, an axis whose number of pixels is a power of two needs no margin.
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

#: Constant cost of a circuit, in basis states.
_PER_BLOCK = 64


@dataclass(frozen=True)
class Block:
    """Block of output pixels, and the basis states of position registers that encode them."""

    outputs: tuple[slice, ...]
    """Output pixels, per axis."""
    bits: tuple[int, ...]
    """Qubits of the position register, per axis."""
    counts: tuple[int, ...]
    """Number of positions in superposition, per axis: one per output pixel, or fewer with boundary
    wrap if output pixels repeat."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of output pixels, per axis."""
        return tuple(part.stop - part.start for part in self.outputs)

    @property
    def pixels(self) -> int:
        """Total number of output pixels."""
        return math.prod(self.shape)

    @property
    def distinct(self) -> bool:
        """Whether every output pixel has its own position."""
        return self.counts == self.shape

    def read(self, outcomes: NDArray[Any]) -> NDArray[Any]:
        """Return counts of flag 0 and 1, shape ``(2, *counts)``; the flag is the highest bit."""
        cells = outcomes.reshape(2, *(2**bits for bits in self.bits))
        return cells[(slice(None), *map(slice, self.counts))]

    def expand(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return one number per output pixel from one number per position."""
        places = [np.arange(n) % count for n, count in zip(self.shape, self.counts, strict=True)]
        return numbers.reshape(self.counts)[np.ix_(*places)]

    def view(self, padded: _Array, displacement: Sequence[int]) -> _Array:
        """Return the pixel of the padded image that each position reads at a displacement."""
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
    """Cut the output into blocks at the lowest total cost; return them in C order.

    Args:
        grid: Geometry of the convolution.
        room: Maximum number of position qubits, exceeded only if a single pixel needs more.
        margins: Whether blocks need margins; False if nothing is displaced.
        trimmed: Whether smaller blocks at the end use fewer basis states.
        per_block: Cost of a block in addition to its basis states, in basis states.
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
    """Return the possible lengths of a block along an axis, and the qubits of each."""
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
