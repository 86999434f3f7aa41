"""Grids: which image pixels each output pixel sees, with SciPy's modes and boundaries.

The one formula behind every mode, for each axis with ``N`` pixels and ``h`` kernel positions:

    convolve:   y[n] = sum_j k[j] x~[n + s - j]
    correlate:  y[n] = sum_j k[j] x~[n + j - (h - 1 - s)]

where ``x~`` extends the image beyond its edges by the boundary's rule, and

    full:    s = 0                                         N + h - 1 output pixels
    same:    s = (h - 1) // 2  (correlate: h // 2)         N
    valid:   s = h - 1                                     N - h + 1

With mode valid and a kernel larger than the image along every axis the two change places, as in
``scipy.signal.convolve2d``: ``s = N - 1``, ``h - N + 1`` pixels, and nothing but zeros outside.

Layers of a network step over the image, with ``t`` pixels from an output to the next (*stride*) and
``d`` from a kernel position to the next (*dilation*): ``y[n] = sum_j k[j] x~[t n + d j]``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of

MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm")

#: Names of one, two or three axes.
AXES = ("plane", "row", "column")

#: An axis along which positions see other quantities, not other places.
CHANNEL = "channel"

#: Pixels of one tile. Random numbers belong to tiles, so changing it changes every seeded result.
TILE_PIXELS = 4096

PAD_MODES = {"fill": "constant", "wrap": "wrap", "symm": "symmetric"}

Tile = tuple[slice, ...]


@dataclass(frozen=True)
class Place:
    """Where the outputs of a part lie among those of the whole."""

    origin: tuple[int, ...]
    """The first of them, along each axis."""
    whole: tuple[int, ...]
    """Output pixels of the whole, per axis."""


@dataclass(frozen=True)
class Grid:
    """The geometry of one convolution: output pixels, kernel positions, and what lies where.

    Made by `plan_grid` and `strided_grid`. After ``padded = grid.pad(image)``, kernel position
    ``j`` of output pixel ``o`` reads ``padded[o * grid.strides + grid.shift(j)]``.
    """

    image_shape: tuple[int, ...]
    """Pixels of the image, per axis."""
    kernel_shape: tuple[int, ...]
    """Positions of the kernel, per axis."""
    output_shape: tuple[int, ...]
    """Pixels of the result, per axis."""
    pad_widths: tuple[tuple[int, int], ...]
    """Pixels added before and after the image, per axis."""
    boundary: str
    """The rule that fills them: ``fill``, ``wrap`` or ``symm``."""
    fillvalue: float
    """What ``fill`` puts there, in the unit of the image."""
    flipped: bool
    """True for convolution, which reads the kernel backwards; False for correlation."""
    axes: tuple[str, ...]
    """What each axis is called; kernel registers are named after them."""
    strides: tuple[int, ...]
    """Padded pixels from one output pixel to the next, per axis."""
    dilations: tuple[int, ...]
    """Padded pixels from one kernel position to the next, per axis."""
    place: Place | None = field(default=None, repr=False)
    """Of a part of a larger grid, see `part`; None for a whole one."""

    @property
    def pixels(self) -> int:
        """Number of output pixels."""
        return math.prod(self.output_shape)

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """Shape of the image with its margins."""
        return tuple(
            n + low + high for n, (low, high) in zip(self.image_shape, self.pad_widths, strict=True)
        )

    def centre(self, position: tuple[int, ...]) -> tuple[int, ...]:
        """The position in the same channel that mode same lays over the pixel itself."""
        each = zip(self.axes, self.kernel_shape, position, strict=True)
        return tuple(j if axis == CHANNEL else (h - 1) // 2 for axis, h, j in each)

    def by_centre(self, kernel: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
        """The centre of every channel, with the sum of a kernel's entries there."""
        places = tuple(i for i, axis in enumerate(self.axes) if axis != CHANNEL)
        sums = kernel.sum(axis=places, keepdims=True)
        return {self.centre(index): float(total) for index, total in np.ndenumerate(sums)}

    def pad(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """The image with its margins, shape ``padded_shape``."""
        if not any(itertools.chain.from_iterable(self.pad_widths)):
            return image
        if self.boundary == "fill":
            return np.pad(image, self.pad_widths, constant_values=self.fillvalue)
        return np.pad(image, self.pad_widths, mode=PAD_MODES[self.boundary])  # type: ignore[call-overload,no-any-return]

    def shift(self, position: tuple[int, ...]) -> tuple[int, ...]:
        """Displacement from an output pixel to the padded pixel that ``position`` reads."""
        if self.flipped:
            position = tuple(h - 1 - j for h, j in zip(self.kernel_shape, position, strict=True))
        return tuple(d * j for d, j in zip(self.dilations, position, strict=True))

    def corner(self, tile: Tile) -> tuple[NDArray[np.intp], ...]:
        """Where the first kernel position (the last, if flipped) reads for the pixels of ``tile``.

        Returns:
            Indices into the padded image along each axis, as ``numpy.ix_`` gives them.
        """
        return np.ix_(
            *(
                np.arange(part.start, part.stop) * stride
                for part, stride in zip(tile, self.strides, strict=True)
            )
        )

    def view(
        self, padded: NDArray[np.float64], position: tuple[int, ...], tile: Tile
    ) -> NDArray[np.float64]:
        """What kernel ``position`` contributes to each output pixel of ``tile``; not a copy."""
        return padded[
            tuple(
                slice(part.start * stride + shift, (part.stop - 1) * stride + shift + 1, stride)
                for part, stride, shift in zip(
                    tile, self.strides, self.shift(position), strict=True
                )
            )
        ]

    def reads(self, outputs: Tile) -> Tile:
        """The padded pixels that a block of outputs sees, all kernel positions together."""
        each = zip(outputs, self.strides, self.dilations, self.kernel_shape, strict=True)
        return tuple(
            slice(part.start * t, (part.stop - 1) * t + d * (h - 1) + 1) for part, t, d, h in each
        )

    def part(self, outputs: Tile) -> Grid:
        """The grid of a block of outputs, whose image is what ``reads`` gives, without margins.

        Its tiles are those of the whole that lie in it, so the block must be made of such.
        """
        return replace(
            self,
            image_shape=tuple(part.stop - part.start for part in self.reads(outputs)),
            output_shape=tuple(part.stop - part.start for part in outputs),
            pad_widths=((0, 0),) * len(outputs),
            place=Place(tuple(part.start for part in outputs), self.output_shape),
        )

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Output pixels per axis, of the whole if this is a part."""
        return self.output_shape if self.place is None else self.place.whole

    @property
    def origin(self) -> tuple[int, ...]:
        """Which output of the whole the first one is."""
        return (0,) * len(self.output_shape) if self.place is None else self.place.origin

    @property
    def tile_sides(self) -> tuple[int, ...]:
        """Pixels of a tile along each axis: as many of the last axes as ``TILE_PIXELS`` hold."""
        sides: list[int] = []
        room = TILE_PIXELS
        for length in reversed(self.whole_shape):
            sides.insert(0, min(length, room))
            room //= sides[0]
        return tuple(sides)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """The output cut into blocks of at most ``TILE_PIXELS`` pixels, in a fixed order.

        Depends on the output's shape alone, so that whatever is drawn for a tile is the same
        however the work is shared out.
        """
        return tuple(itertools.product(*map(_blocks, self.output_shape, self.tile_sides)))

    @property
    def tile_numbers(self) -> Sequence[int]:
        """The number of each of ``tiles`` among those of the whole: random streams go by it."""
        if self.place is None:
            return range(len(self.tiles))
        firsts, counts = [], []
        for start, n, whole, side in zip(
            self.origin, self.output_shape, self.whole_shape, self.tile_sides, strict=True
        ):
            firsts.append(start // side + np.arange(-(-n // side)))
            counts.append(-(-whole // side))
        numbers: list[int] = np.ravel_multi_index(np.ix_(*firsts), counts).ravel().tolist()
        return numbers


def tile_pixels(tile: Tile) -> int:
    """Number of pixels in a tile."""
    return math.prod(part.stop - part.start for part in tile)


def split_tile(tile: Tile, pixels: int) -> Iterator[Tile]:
    """Cut a tile into pieces of at most ``pixels`` pixels that follow each other in C order."""
    if tile_pixels(tile) <= pixels:
        yield tile
        return
    axis = next(i for i, part in enumerate(tile) if part.stop - part.start > 1)
    inner = tile_pixels(tile[axis + 1 :])
    part = tile[axis]
    for block in _blocks(part.stop - part.start, max(1, pixels // inner)):
        piece = slice(part.start + block.start, part.start + block.stop)
        yield from split_tile((*tile[:axis], piece, *tile[axis + 1 :]), max(1, pixels))


def _blocks(length: int, side: int) -> Iterator[slice]:
    for start in range(0, length, side):
        yield slice(start, min(start + side, length))


def plan_grid(
    image_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    *,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    flipped: bool = True,
) -> Grid:
    """Lay out a convolution or correlation exactly as SciPy's ``convolve2d``, ``correlate2d`` do.

    The same rules hold for one and three axes; one axis is the single row of a 2-D call.

    Args:
        image_shape: Pixels per axis.
        kernel_shape: Kernel positions per axis, as many axes as the image.
        mode: ``full``, ``same`` or ``valid``.
        boundary: ``fill``, ``wrap`` or ``symm``.
        fillvalue: Value outside the image for ``fill``.
        flipped: True for convolution, False for correlation.

    Raises:
        ValueError: Unknown mode or boundary, or mode valid where neither array contains the other.
    """
    one_of(mode, "mode", MODES)
    one_of(boundary, "boundary", BOUNDARIES)
    pairs = list(zip(image_shape, kernel_shape, strict=True))
    exchanged = mode == "valid" and any(h > n for n, h in pairs)
    if exchanged:
        if any(n > h for n, h in pairs):
            raise ValueError(
                "mode: 'valid' needs one of image and kernel at least as large as the other along "
                f"every axis, got image {image_shape} and kernel {kernel_shape}"
            )
        boundary, fillvalue = "fill", 0.0
    if mode == "full":
        starts = [0 for _ in pairs]
        lengths = [n + h - 1 for n, h in pairs]
    elif mode == "same":
        starts = [(h - 1) // 2 if flipped else h // 2 for _, h in pairs]
        lengths = [n for n, _ in pairs]
    else:
        starts = [min(n, h) - 1 for n, h in pairs]
        lengths = [abs(n - h) + 1 for n, h in pairs]
    widths = tuple(
        (h - 1 - s, s + length - n)
        for (n, h), s, length in zip(pairs, starts, lengths, strict=True)
    )
    return Grid(
        image_shape=image_shape,
        kernel_shape=kernel_shape,
        output_shape=tuple(lengths),
        pad_widths=widths,
        boundary=boundary,
        fillvalue=fillvalue,
        flipped=flipped,
        axes=AXES[-len(pairs) :],
        strides=(1,) * len(pairs),
        dilations=(1,) * len(pairs),
    )


def strided_grid(
    image_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Grid:
    """Lay out one output channel of a network's layer: a correlation of what is already padded.

    Args:
        image_shape: Pixels per axis: images, channels, then rows and columns, or columns alone.
        kernel_shape: Kernel positions per axis: 1, channels, then as many as the image has.
        strides: Pixels from an output to the next, for each axis of places.
        dilations: Pixels from a kernel position to the next, for each axis of places.

    Raises:
        ValueError: The kernel reaches further than the image.
    """
    t, d = (1, 1, *strides), (1, 1, *dilations)
    reaches = tuple(e * (h - 1) + 1 for h, e in zip(kernel_shape, d, strict=True))
    if any(r > n for n, r in zip(image_shape, reaches, strict=True)):
        raise ValueError(
            f"weight: expected a kernel that reaches no further than the padded input, "
            f"{image_shape[2:]}, got one that reaches {reaches[2:]} pixels"
        )
    return Grid(
        image_shape=image_shape,
        kernel_shape=kernel_shape,
        output_shape=tuple(
            (n - r) // s + 1 for n, r, s in zip(image_shape, reaches, t, strict=True)
        ),
        pad_widths=((0, 0),) * len(t),
        boundary="fill",
        fillvalue=0.0,
        flipped=False,
        axes=("image", CHANNEL, *AXES[-len(strides) :]),
        strides=t,
        dilations=d,
    )
