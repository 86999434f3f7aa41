"""Cells: an image laid out on the basis states of one position register per axis.

A particle that starts at content pixel ``c`` and is moved by kernel position ``j`` ends in

    r = c + v_j  (mod 2**bits),    v_j = j for convolution, h - 1 - j for correlation,

so the number that is added is never negative, and output pixel ``o`` is read at ``r = o + a``. With
``C`` content pixels, ``O`` output pixels and ``h`` kernel positions along an axis,

    ==================================  ===========  ==================  ============
    boundary                            content      read at ``a``       ``2**bits``
    ==================================  ===========  ==================  ============
    fill with zeros                     the image    s                   see below
    wrap, a power of two pixels         the image    s                   C
    any other                           with margin  h - 1               see below
    ==================================  ===========  ==================  ============

with ``s`` of `qconv.grid`. What lies beyond the content is zero. In the first and last rows
``2**bits`` is the smallest power of two at which nothing that wraps around the register arrives
where an output is read: at least ``C + h - 1 - a`` and ``a + O``. Particles that end where nothing
is read are lost to the margin.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Grid

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Axis:
    """One axis: its register, what is on it, and where the outputs are read."""

    bits: int
    margins: tuple[int, int]
    outputs: NDArray[np.intp]


class Cells:
    """The registers of one convolution, what they hold at first, and where its result is read.

    Args:
        grid: Geometry of the convolution.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._axes = [_lay_out(grid, axis) for axis in range(len(grid.image_shape))]
        if not any(axis.bits for axis in self._axes):
            self._axes[-1] = _two_cells(grid, self._axes[-1])
        self.bits: tuple[int, ...] = tuple(axis.bits for axis in self._axes)
        """Qubits of each axis' register, at least one altogether; 0 where a single cell will do."""
        reads = [np.unique(axis.outputs, return_inverse=True) for axis in self._axes]
        self._read: list[NDArray[np.intp]] = [values for values, _ in reads]
        self._expand: list[NDArray[np.intp]] = [inverse for _, inverse in reads]

    @property
    def num_qubits(self) -> int:
        """Qubits of all position registers together."""
        return sum(self.bits)

    @property
    def shape(self) -> tuple[int, ...]:
        """Basis states of each axis' register."""
        return tuple(2**bits for bits in self.bits)

    @property
    def read_shape(self) -> tuple[int, ...]:
        """How many cells are read along each axis: with wrap, one may serve several outputs."""
        return tuple(map(len, self._read))

    @property
    def num_read(self) -> int:
        """How many cells are read."""
        return math.prod(self.read_shape)

    @cached_property
    def distinct(self) -> bool:
        """Whether every output pixel has a cell of its own."""
        return self.num_read == self._grid.pixels

    def content(self, image: _Array) -> _Array:
        """The image on the registers, with margins where they are needed and zeros beyond.

        Args:
            image: Shape ``grid.image_shape``.

        Returns:
            A new array of shape `shape`.
        """
        widths = tuple(axis.margins for axis in self._axes)
        padded = dataclasses.replace(self._grid, pad_widths=widths).pad(image)
        whole = np.zeros(self.shape)
        whole[tuple(map(slice, padded.shape))] = padded
        return whole

    def added(self, kernel: _Array) -> _Array:
        """A kernel's entries in the order of the numbers that are added."""
        return kernel if self._grid.flipped else np.flip(kernel)

    def read(self, cells: NDArray[np.generic]) -> NDArray[np.generic]:
        """The cells that are read, shape `read_shape`, of an array over all basis states."""
        return cells.reshape(self.shape)[np.ix_(*self._read)]

    def outputs(self, read: _Array) -> _Array:
        """The output pixels, from an array of shape `read_shape`."""
        return np.ascontiguousarray(read[np.ix_(*self._expand)])


def _lay_out(grid: Grid, axis: int) -> _Axis:
    pixels, outputs = grid.image_shape[axis], grid.output_shape[axis]
    positions, margins = grid.kernel_shape[axis], grid.pad_widths[axis]
    places = np.arange(outputs)
    start = positions - 1 - margins[0]
    if grid.boundary == "wrap" and pixels & (pixels - 1) == 0:
        return _Axis(pixels.bit_length() - 1, (0, 0), (places + start) % pixels)
    if grid.boundary == "fill" and grid.fillvalue == 0:
        margins = (0, 0)
    else:
        start = positions - 1
    content = pixels + sum(margins)
    needed = max(content + positions - 1 - start, start + outputs)
    return _Axis((needed - 1).bit_length(), margins, places + start)


def _two_cells(grid: Grid, axis: _Axis) -> _Axis:
    """An axis of one cell with one more: empty, or the same again if it repeats with wrap."""
    if grid.boundary == "wrap":
        return _Axis(1, (0, 1), axis.outputs + np.arange(len(axis.outputs)) % 2)
    return dataclasses.replace(axis, bits=1)
