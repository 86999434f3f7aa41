"""Register layout: an image on the basis states of position registers, one per axis.

Kernel position ``j`` moves a particle from content pixel ``c`` to the basis state

    r = c + v_j  (mod 2**bits),    v_j = j for convolution, h - 1 - j for correlation.

The added number is therefore never negative, and output pixel ``o`` is read at ``r = o + a``. An
axis has ``C`` content pixels, ``O`` output pixels and ``h`` kernel positions:

    ==================================  ===========  ==================  ============
    boundary                            content      read at ``a``       ``2**bits``
    ==================================  ===========  ==================  ============
    fill with zeros                     the image    s                   see below
    wrap, C a power of two              the image    s                   C
    any other                           with margin  h - 1               see below
    ==================================  ===========  ==================  ============

`qconv.grid` defines ``s``. Amplitudes beyond the content are zero. In the first and last rows,
``2**bits`` is the smallest power of two with which no wrapped-around particle is read. It is at
least ``C + h - 1 - a`` and ``a + O``. Particles are lost if they end at basis states that are not
read.

*Padding schemes* are names for these and other layouts, see `PADDINGS`. Schemes other than ``auto``
and ``both`` have registers that are only as large as the image needs. Particles that leave at one
side therefore re-enter at the other side. These schemes are rejected if a particle that re-enters
would change the result. In the second row, particles that re-enter belong to the result.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.grid import Grid

_Array = NDArray[np.float64]

#: Padding schemes, which select whether image or kernel are padded with zeros.
#:
#: * ``auto``: the smallest registers that give the requested result;
#: * ``both``: image and kernel, until no wrapped-around value is read;
#: * ``kernel``: the kernel alone, with its first position on basis state 0, which displaces the
#:   result;
#: * ``wrapped``: the kernel alone, wrapped around itself, with its centre on basis state 0;
#: * ``none``: neither; the kernel is as large as the image.
PADDINGS = ("auto", "both", "kernel", "wrapped", "none")


@dataclass(frozen=True)
class _Axis:
    """Layout of one axis."""

    bits: int
    """Number of qubits of the register."""
    margins: tuple[int, int]
    """Numbers of margin pixels before and after the image."""
    outputs: NDArray[np.intp]
    """Basis state of each output pixel."""
    origin: int = 0
    """Kernel position on basis state 0."""


class RegisterLayout:
    """Registers of one convolution, their initial content, and the basis states that are read.

    Args:
        grid: Geometry of the convolution.
        padding: One of `PADDINGS`.

    Raises:
        ValueError: If the result with this padding would not be the requested convolution.
    """

    def __init__(self, grid: Grid, padding: str = "auto") -> None:
        self._grid = grid
        if padding == "none" and grid.kernel_shape != grid.image_shape:
            raise ValueError(
                f"padding: 'none' requires a kernel of the image's shape, {grid.image_shape}, got "
                f"{grid.kernel_shape}; 'kernel' pads it"
            )
        axes = [_lay_out(grid, axis, padding) for axis in range(len(grid.image_shape))]
        if not any(axis.bits for axis in axes):  # a circuit has at least one qubit
            last = dataclasses.replace(axes[-1], bits=1)
            if grid.boundary == "wrap":  # the two states repeat the pixel
                outputs = last.outputs + np.arange(len(last.outputs)) % 2
                last = _Axis(1, (0, 1), outputs)
            axes[-1] = last
        self._margins = tuple(axis.margins for axis in axes)
        reads = [np.unique(axis.outputs, return_inverse=True) for axis in axes]
        self._expand: list[NDArray[np.intp]] = [inverse for _, inverse in reads]
        self.bits: tuple[int, ...] = tuple(axis.bits for axis in axes)
        """Number of qubits per axis, at least one in total; 0 for a single basis state."""
        self.num_qubits = sum(self.bits)
        """Number of qubits of all position registers together."""
        self.shape: tuple[int, ...] = tuple(2**bits for bits in self.bits)
        """Number of basis states of each axis' register."""
        self.origin: tuple[int, ...] = tuple(axis.origin for axis in axes)
        """Kernel position that leaves a particle in place; added numbers are counted from this
        position."""
        self.states_read: tuple[NDArray[np.intp], ...] = np.ix_(*(values for values, _ in reads))
        """Index of the basis states that are read."""
        self.read_shape: tuple[int, ...] = tuple(len(values) for values, _ in reads)
        """Number of basis states read along each axis. With wrap, outputs may share one."""
        self.num_read = math.prod(self.read_shape)
        """Number of basis states that are read."""
        self.distinct = self.num_read == grid.pixels
        """Whether every output pixel has its own basis state."""

    def content(self, image: Numbers) -> Numbers:
        """Return a new array of shape `shape` with the image, its margins, and zeros beyond."""
        padded = dataclasses.replace(self._grid, pad_widths=self._margins).pad(image)
        whole = np.zeros(self.shape, padded.dtype)
        whole[tuple(map(slice, padded.shape))] = padded
        return whole

    def added(self, kernel: Numbers) -> Numbers:
        """Return a kernel's entries in the order of the added numbers."""
        return kernel if self._grid.flipped else np.flip(kernel)

    def read(self, entries: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the entries that are read, shape `read_shape`, from all basis states."""
        return entries.reshape(self.shape)[self.states_read]

    def scattered(self, outputs: _Array) -> _Array:
        """Return the sum of the output pixels that are read at each basis state, shape `shape`."""
        whole = np.zeros(self.shape)
        places = [
            axis.ravel()[inverse]
            for axis, inverse in zip(self.states_read, self._expand, strict=True)
        ]
        np.add.at(whole, np.ix_(*places), outputs)
        return whole

    def outputs(self, read: _Array) -> _Array:
        """Return the output pixels from an array of shape `read_shape`."""
        return np.ascontiguousarray(read[np.ix_(*self._expand)])


def _lay_out(grid: Grid, axis: int, padding: str) -> _Axis:
    """Lay out one axis, or raise if the padding scheme does not suit it."""
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
            f"padding: {padding!r} has only {2**bits} basis states along axis {axis}, so some of "
            f"the {outputs} outputs with boundary {grid.boundary!r} would wrap around; "
            "expected 'both', mode 'valid', or boundary 'wrap' with a power of two pixels"
        )
    if padding in ("kernel", "wrapped") and positions > 2**bits:
        raise ValueError(
            f"padding: {padding!r} pads the kernel to the image's {2**bits} basis states along "
            f"axis {axis}, got a kernel of {positions} positions; use 'both'"
        )
    origin = start if padding == "wrapped" else 0
    return _Axis(bits, margins, (np.arange(outputs) + start - origin) % 2**bits, origin)
