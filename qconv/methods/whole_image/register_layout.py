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
    symm, mirrored                      the image    0                   C
    any other                           with margin  h - 1               see below
    ==================================  ===========  ==================  ============

`qconv.grid` defines ``s``. Amplitudes beyond the content are zero. In the first row and the last,
``2**bits`` is the smallest power of two with which no wrapped-around particle is read. It is at
least ``C + h - 1 - a`` and ``a + O``. Particles are lost if they end at basis states that are not
read.

An axis with boundary ``symm`` can be *mirrored* if its number of pixels ``C`` is a power of two and
the kernel is symmetric along it. One more qubit, the mirror qubit, then doubles the axis to a ring
of ``2 C`` states, on which image and reflected image alternate; particles move on this ring. With
``h = 2 s + 1``, a particle at state ``z`` of the ring belongs to pixel ``y = z - s``, or to
``2 C - 1 - y`` if ``y`` is in the reflected image. The margin is therefore not prepared, and no
particle is lost. This is the method of images (Bengoechea et al. 2025, arXiv:2511.04271).

*Padding schemes* are names for these and other layouts, see `PADDINGS`. Schemes other than ``auto``
and ``both`` have registers that are only as large as the image needs. Particles that leave at one
side therefore re-enter at the other side. These schemes are rejected if a particle that re-enters
would change the result. In the second row, particles that re-enter belong to the result.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
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
        mirrored: Whether each axis has a mirror qubit, see `mirrored_axes`; none by default.

    Raises:
        ValueError: If the result with this padding would not be the requested convolution.
    """

    def __init__(
        self, grid: Grid, padding: str = "auto", mirrored: tuple[bool, ...] | None = None
    ) -> None:
        self._grid = grid
        if padding == "none" and grid.kernel_shape != grid.image_shape:
            raise ValueError(
                f"padding: 'none' requires a kernel of the image's shape, {grid.image_shape}, got "
                f"{grid.kernel_shape}; 'kernel' pads it"
            )
        self.mirrored: tuple[bool, ...] = mirrored or (False,) * len(grid.image_shape)
        """Whether each axis has a mirror qubit."""
        axes = [
            _Axis(pixels.bit_length() - 1, (0, 0), np.arange(pixels))
            if self.mirrored[axis]
            else _lay_out(grid, axis, padding)
            for axis, pixels in enumerate(grid.image_shape)
        ]
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
        self.ring: tuple[int, ...] = tuple(
            states << mirror for states, mirror in zip(self.shape, self.mirrored, strict=True)
        )
        """Number of states of each axis on which particles move: the basis states of the register,
        or twice that number with a mirror qubit."""
        self.origin: tuple[int, ...] = tuple(axis.origin for axis in axes)
        """Kernel position that leaves a particle in place; added numbers are counted from this
        position."""
        self.states_read: tuple[NDArray[np.intp], ...] = np.ix_(*(values for values, _ in reads))
        """Index of the basis states that are read."""
        self.read_shape: tuple[int, ...] = tuple(len(values) for values, _ in reads)
        """Number of basis states read along each axis. With wrap, outputs may share a state."""
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

    def on_ring(self, content: Numbers) -> Numbers:
        """Return an array of shape `shape` with its reflection, shape `ring`."""
        if not any(self.mirrored):
            return content
        each = zip(self.shape, self.mirrored, strict=True)
        return np.pad(content, [(0, size * mirror) for size, mirror in each], mode="symmetric")

    def from_ring(self, moved: Numbers) -> Numbers:
        """Return the part of a moved image on its ring that lies on the basis states."""
        if not any(self.mirrored):
            return moved
        return moved[np.ix_(*(self._on_ring(axis) for axis in range(len(self.shape))))]

    def places(self, displacements: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
        """Return the basis state at which a displaced particle counts, for every basis state.

        Args:
            displacements: Displacements on the ring, shape ``(number, axes)``; ``C`` for a particle
                whose mirror qubit is 1.

        Returns:
            One array per axis, shape ``(number, states)``.
        """
        found = []
        for axis, size in enumerate(self.ring):
            states = np.arange(self.shape[axis]) + displacements[:, axis, np.newaxis]
            pixels = np.empty(size, dtype=np.intp)  # pixel of each state of the ring
            pixels[self._on_ring(axis)] = np.arange(self.shape[axis])
            if self.mirrored[axis]:
                pixels[self._on_ring(axis, reflected=True)] = np.arange(self.shape[axis])
            found.append(pixels[states % size])
        return tuple(found)

    def _on_ring(self, axis: int, *, reflected: bool = False) -> NDArray[np.intp]:
        """Return the state of the ring for every basis state of an axis, after a move."""
        states = np.arange(self.shape[axis])
        if not self.mirrored[axis]:
            return states
        states = 2 * states.size - 1 - states if reflected else states
        return (states + self._grid.pad_widths[axis][0]) % self.ring[axis]

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


def mirrored_axes(grid: Grid, kernels: Sequence[Numbers]) -> tuple[bool, ...]:
    """Return whether each axis can be mirrored, which requires symmetric kernels.

    Args:
        grid: Geometry of the convolution, after all steps.
        kernels: Arrays over the kernel positions of one step.
    """
    found = []
    for axis, (pixels, h) in enumerate(zip(grid.image_shape, grid.kernel_shape, strict=True)):
        fits = grid.boundary == "symm" and 1 < h <= pixels + 1 and pixels & (pixels - 1) == 0
        centred = grid.pad_widths[axis] == (h // 2, h // 2) and h % 2 == 1
        same = grid.output_shape[axis] == pixels
        even = all(np.array_equal(kernel, np.flip(kernel, axis)) for kernel in kernels)
        found.append(fits and centred and same and even)
    return tuple(found)


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
            "expected 'both', mode 'valid', or boundary 'wrap' with a length that is a power of 2"
        )
    if padding in ("kernel", "wrapped") and positions > 2**bits:
        raise ValueError(
            f"padding: {padding!r} pads the kernel to the image's {2**bits} basis states along "
            f"axis {axis}, got a kernel of {positions} positions; use 'both'"
        )
    origin = start if padding == "wrapped" else 0
    return _Axis(bits, margins, (np.arange(outputs) + start - origin) % 2**bits, origin)
