"""Register layout: an image on the basis states, the cells, of one position register per axis.

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

*Padding schemes* are names for these and other layouts, see `PADDINGS`. A scheme other than
``auto`` and ``both`` has registers for the image alone, so that everything that leaves at one side
comes back in at the other; it is refused where that would be seen.
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

#: Padding schemes: what is extended by zeros, image or kernel.
#:
#: * ``auto``: the smallest registers with the answer that was asked for;
#: * ``both``: image and kernel, until nothing that wraps around is read;
#: * ``kernel``: the kernel alone, its first position on cell 0, so that the result is displaced;
#: * ``wrapped``: the kernel alone, wrapped around itself: its centre on cell 0;
#: * ``none``: neither; the kernel is as large as the image.
PADDINGS = ("auto", "both", "kernel", "wrapped", "none")


@dataclass(frozen=True)
class _Axis:
    """One axis: its register, what is on it, and where the outputs are read."""

    bits: int
    margins: tuple[int, int]
    outputs: NDArray[np.intp]
    origin: int = 0


class RegisterLayout:
    """The registers of one convolution, what they hold at first, and where its result is read.

    Args:
        grid: Geometry of the convolution.
        padding: One of `PADDINGS`.

    Raises:
        ValueError: With this padding the result would not be the convolution asked for.
    """

    def __init__(self, grid: Grid, padding: str = "auto") -> None:
        self._grid = grid
        if padding == "none" and grid.kernel_shape != grid.image_shape:
            raise ValueError(
                f"padding: 'none' needs a kernel of the image's shape, {grid.image_shape}, got "
                f"{grid.kernel_shape}; 'kernel' extends it"
            )
        self._axes = [_lay_out(grid, axis, padding) for axis in range(len(grid.image_shape))]
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

    @property
    def origin(self) -> tuple[int, ...]:
        """The kernel position that stays in place: what is added is counted from it."""
        return tuple(axis.origin for axis in self._axes)

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
        return cells.reshape(self.shape)[self.cells_read]

    @property
    def cells_read(self) -> tuple[NDArray[np.intp], ...]:
        """Index of the cells that are read."""
        return np.ix_(*self._read)

    def outputs(self, read: _Array) -> _Array:
        """The output pixels, from an array of shape `read_shape`."""
        return np.ascontiguousarray(read[np.ix_(*self._expand)])


def _lay_out(grid: Grid, axis: int, padding: str) -> _Axis:
    pixels, outputs = grid.image_shape[axis], grid.output_shape[axis]
    positions, margins = grid.kernel_shape[axis], grid.pad_widths[axis]
    start = positions - 1 - margins[0]
    if grid.boundary == "wrap" and pixels & (pixels - 1) == 0 and padding != "both":
        margins, needed = (0, 0), pixels.bit_length() - 1
    else:
        if grid.boundary == "fill" and grid.fillvalue == 0:
            margins = (0, 0)
        else:
            start = positions - 1
        content = pixels + sum(margins)
        needed = (max(content + positions - 1 - start, start + outputs) - 1).bit_length()
    bits = needed if padding in ("auto", "both") else (pixels - 1).bit_length()
    if needed > bits:
        raise ValueError(
            f"padding: {padding!r} wraps around after {2**bits} cells along axis {axis}, which "
            f"{outputs} outputs with boundary {grid.boundary!r} would show; expected 'both', or "
            "mode 'valid', or boundary 'wrap' and a power of two pixels"
        )
    if padding in ("kernel", "wrapped") and positions > 2**bits:
        raise ValueError(
            f"padding: {padding!r} extends the kernel to the image's {2**bits} cells, got "
            f"{positions} positions along axis {axis}; expected 'both'"
        )
    origin = start if padding == "wrapped" else 0
    return _Axis(bits, margins, (np.arange(outputs) + start - origin) % 2**bits, origin)


def _two_cells(grid: Grid, axis: _Axis) -> _Axis:
    """An axis of one cell with one more: empty, or the same again if it repeats with wrap."""
    if grid.boundary == "wrap":
        return _Axis(1, (0, 1), axis.outputs + np.arange(len(axis.outputs)) % 2)
    return dataclasses.replace(axis, bits=1)
