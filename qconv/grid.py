"""Grids: the image pixels that each output pixel reads, with SciPy's modes and boundaries.

One formula holds for all modes, for each axis with ``N`` pixels and ``h`` kernel positions:

    convolve:   y[n] = sum_j k[j] x~[n + s - j]
    correlate:  y[n] = sum_j k[j] x~[n + j - (h - 1 - s)]

where ``x~`` is the image, extended beyond its edges as the boundary requires, and

    full:    s = 0                                         N + h - 1 output pixels
    same:    s = (h - 1) // 2                              N
    valid:   s = h - 1                                     N - h + 1

There is one exception, in mode ``same`` with an even kernel: a correlation along two axes has
``s = h // 2``, as in ``scipy.signal.correlate2d``, but not in ``scipy.signal.correlate``.

In mode ``valid``, image and kernel are exchanged if the kernel is larger than the image along every
axis, as in ``scipy.signal.convolve2d``. Then ``s = N - 1``, the output has ``h - N + 1`` pixels,
and all values outside are zero.

Layers of a network have ``t`` pixels between neighbouring outputs (*stride*), and ``d`` pixels
between neighbouring kernel positions (*dilation*): ``y[n] = sum_j k[j] x~[t n + d j]``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, number, one_of

MODES = ("full", "same", "valid")

#: Boundaries, each with the mode of ``numpy.pad`` that makes its margins.
PAD_MODES = {
    "fill": "constant",
    "wrap": "wrap",
    "symm": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
}

#: Names of the boundaries in ``scipy.ndimage``, ``symmetric`` and ``edge`` of ``numpy.pad``, and
#: further names in ``scipy.signal.convolve2d``: ``pad``, ``circular`` and ``symmetric``.
#: ``reflect`` has its meaning in ``scipy.ndimage``. In ``numpy.pad``, this boundary is called
#: ``symmetric``, and the name ``reflect`` means ``mirror``.
OTHER_NAMES = {
    "constant": "fill",
    "grid-constant": "fill",
    "pad": "fill",
    "grid-wrap": "wrap",
    "circular": "wrap",
    "reflect": "symm",
    "grid-mirror": "symm",
    "symmetric": "symm",
    "edge": "nearest",
}

#: All names by which a boundary can be requested.
BOUNDARIES = (*PAD_MODES, *OTHER_NAMES)

#: Names of boundaries in PyTorch, MATLAB and Astropy, with the name to write.
_FOREIGN = {
    "zeros": "fill",
    "zero": "fill",
    "periodic": "wrap",
    "replicate": "nearest",
    "extend": "nearest",
}

#: Default of ``fillvalue``, an object of its own: a caller's 0.0 is recognised as a value.
NO_FILLVALUE = float("0")

#: Names of the axes; an image with fewer axes has the last names of the list.
AXES = ("plane", "row", "column")

#: Name of the axis along which real and imaginary part of complex numbers lie.
PART = "part"

#: Name of the axis of channels. Positions along this axis are different quantities at the same
#: place.
CHANNEL = "channel"

#: Name of an axis of images that are convolved separately.
IMAGE = "image"

#: Maximum number of pixels of a tile. Each tile has its own random stream, so a change of this
#: number changes every seeded result.
TILE_PIXELS = 4096

Tile = tuple[slice, ...]


@dataclass(frozen=True)
class Place:
    """Position of a part in the output of the whole."""

    origin: tuple[int, ...]
    """Index of the part's first output pixel, per axis."""
    whole: tuple[int, ...]
    """Number of output pixels of the whole, per axis."""


@dataclass(frozen=True)
class Grid:
    """Geometry of one convolution: which pixel each kernel position of an output pixel reads.

    Grids are made by `plan_grid` and `strided_grid`. With ``padded = grid.pad(image)``, kernel
    position ``j`` of output pixel ``o`` reads ``padded[o * grid.strides + grid.shift(j)]``.
    """

    image_shape: tuple[int, ...]
    """Number of image pixels, per axis."""
    kernel_shape: tuple[int, ...]
    """Number of kernel positions, per axis."""
    output_shape: tuple[int, ...]
    """Number of output pixels, per axis."""
    pad_widths: tuple[tuple[int, int], ...]
    """Number of margin pixels before and after the image, per axis."""
    boundary: str
    """Content of the margins: ``fill``, ``wrap``, ``symm``, ``mirror`` or ``nearest``."""
    fillvalue: float | complex
    """Value of the margins with ``fill``, in the unit of the image."""
    flipped: bool
    """Whether the kernel is flipped: True for convolution, False for correlation."""
    axes: tuple[str, ...]
    """Names of the axes, after which kernel registers are named."""
    strides: tuple[int, ...]
    """Number of padded pixels from one output pixel to the next, per axis."""
    dilations: tuple[int, ...]
    """Number of padded pixels from one kernel position to the next, per axis."""
    place: Place | None = field(default=None, repr=False)
    """Position in a larger grid, see `part`; None for a whole grid."""

    @property
    def pixels(self) -> int:
        """Number of output pixels."""
        return math.prod(self.output_shape)

    @property
    def batch_axes(self) -> tuple[int, ...]:
        """Indices of the axes of images and channels."""
        return tuple(i for i, name in enumerate(self.axes) if name not in AXES)

    @property
    def channel_axis(self) -> int | None:
        """Index of the axis of channels; None without channels."""
        return self.axes.index(CHANNEL) if CHANNEL in self.axes else None

    def with_batch(self, shape: tuple[int, ...], axes: Sequence[str]) -> Grid:
        """Return the grid of a batch whose elements have this grid.

        Args:
            shape: Shape of the batch, with the axes of an element.
            axes: Names of the axes, in which the axes of this grid keep their order.
        """
        own = iter(range(len(self.axes)))
        every = [(next(own) if name in AXES else None) for name in axes]

        def along(inside: tuple[Any, ...], outside: Callable[[int], Any]) -> tuple[Any, ...]:
            pairs = zip(every, shape, strict=True)
            return tuple(outside(n) if i is None else inside[i] for i, n in pairs)

        return replace(
            self,
            image_shape=along(self.image_shape, lambda n: n),
            kernel_shape=along(self.kernel_shape, lambda n: 1),
            output_shape=along(self.output_shape, lambda n: n),
            pad_widths=along(self.pad_widths, lambda n: (0, 0)),
            axes=tuple(axes),
            strides=along(self.strides, lambda n: 1),
            dilations=along(self.dilations, lambda n: 1),
        )

    @property
    def element(self) -> Grid:
        """Grid of each element of a batch, which has no axes of images and channels."""
        batch = set(self.batch_axes)

        def of_element(every: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(item for i, item in enumerate(every) if i not in batch)

        place = self.place
        return replace(
            self,
            image_shape=of_element(self.image_shape),
            kernel_shape=of_element(self.kernel_shape),
            output_shape=of_element(self.output_shape),
            pad_widths=of_element(self.pad_widths),
            axes=of_element(self.axes),
            strides=of_element(self.strides),
            dilations=of_element(self.dilations),
            place=place and Place(of_element(place.origin), of_element(place.whole)),
        )

    @property
    def padded_shape(self) -> tuple[int, ...]:
        """Shape of the image with its margins."""
        return tuple(
            n + low + high for n, (low, high) in zip(self.image_shape, self.pad_widths, strict=True)
        )

    def centre(self, position: tuple[int, ...]) -> tuple[int, ...]:
        """Return the kernel's central position in the channel of ``position``."""
        each = zip(self.axes, self.kernel_shape, position, strict=True)
        return tuple(j if axis == CHANNEL else (h - 1) // 2 for axis, h, j in each)

    def by_centre(self, kernel: Numbers) -> dict[tuple[int, ...], float | complex]:
        """Return the sum of the kernel's entries in each channel, by the channel's centre."""
        places = tuple(i for i, axis in enumerate(self.axes) if axis != CHANNEL)
        sums = kernel.sum(axis=places, keepdims=True)
        return {self.centre(index): total.item() for index, total in np.ndenumerate(sums)}

    def pad(self, image: Numbers) -> Numbers:
        """Return the image with its margins, shape ``padded_shape``."""
        if not any(itertools.chain.from_iterable(self.pad_widths)):
            return image
        if self.boundary == "fill":
            return np.pad(image, self.pad_widths, constant_values=self.fillvalue)
        return np.pad(image, self.pad_widths, mode=PAD_MODES[self.boundary])  # type: ignore[call-overload,no-any-return]

    def shift(self, position: tuple[int, ...]) -> tuple[int, ...]:
        """Return the displacement from an output pixel to the padded pixel that it reads."""
        if self.flipped:
            position = tuple(h - 1 - j for h, j in zip(self.kernel_shape, position, strict=True))
        return tuple(d * j for d, j in zip(self.dilations, position, strict=True))

    def corner(self, tile: Tile) -> tuple[NDArray[np.intp], ...]:
        """Return the padded pixels that the outputs of ``tile`` read at displacement 0.

        They are indices along each axis, as ``numpy.ix_`` returns them.
        """
        return np.ix_(
            *(
                np.arange(part.start, part.stop) * stride
                for part, stride in zip(tile, self.strides, strict=True)
            )
        )

    def view(self, padded: Numbers, position: tuple[int, ...], tile: Tile) -> Numbers:
        """Return the padded pixels that ``tile`` reads through ``position``; not a copy."""
        return padded[
            tuple(
                slice(part.start * stride + shift, (part.stop - 1) * stride + shift + 1, stride)
                for part, stride, shift in zip(
                    tile, self.strides, self.shift(position), strict=True
                )
            )
        ]

    def reads(self, outputs: Tile) -> Tile:
        """Return the padded pixels that a block of outputs reads through all kernel positions."""
        each = zip(outputs, self.strides, self.dilations, self.kernel_shape, strict=True)
        return tuple(
            slice(part.start * t, (part.stop - 1) * t + d * (h - 1) + 1) for part, t, d, h in each
        )

    def part(self, outputs: Tile) -> Grid:
        """Return the grid of a block of outputs; its image is ``reads(outputs)``, without margins.

        The block must consist of whole tiles of this grid. They are also the tiles of the returned
        grid.
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
        """Number of output pixels of the whole, per axis, even if this grid is a part."""
        return self.output_shape if self.place is None else self.place.whole

    @property
    def origin(self) -> tuple[int, ...]:
        """Index of the first output pixel in the whole, per axis."""
        return (0,) * len(self.output_shape) if self.place is None else self.place.origin

    @property
    def tile_sides(self) -> tuple[int, ...]:
        """Number of pixels of a tile, per axis; the last axes are filled first."""
        sides: list[int] = []
        room = TILE_PIXELS
        for length in reversed(self.whole_shape):
            sides.insert(0, min(length, room))
            room //= sides[0]
        return tuple(sides)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """Blocks of at most ``TILE_PIXELS`` pixels that cover the output, in a fixed order.

        Tiles depend on the shape of the output alone. Random numbers of a tile are therefore the
        same, however the work is distributed.
        """
        return tuple(itertools.product(*map(_blocks, self.output_shape, self.tile_sides)))

    @property
    def tile_numbers(self) -> Sequence[int]:
        """Number of each tile among the tiles of the whole, the key of its random stream."""
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
    """Return the number of pixels of a tile."""
    return math.prod(part.stop - part.start for part in tile)


def split_tile(tile: Tile, pixels: int) -> Iterator[Tile]:
    """Cut a tile into pieces of at most ``pixels`` pixels, consecutive in C order."""
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


def checked_mode(mode: str) -> str:
    """Return a mode unchanged; raise a ``ValueError`` for anything else, such as a boundary."""
    hint = ""
    if isinstance(mode, str) and (mode in BOUNDARIES or mode in _FOREIGN):
        hint = f"; for values outside the image, write boundary={_FOREIGN.get(mode, mode)!r}"
    return one_of(mode, "mode", MODES, hint)


def checked_boundary(boundary: str) -> str:
    """Return the name of a boundary in `PAD_MODES`; raise a ``ValueError`` for an unknown name."""
    hint, name = "", boundary if isinstance(boundary, str) else ""
    if name in MODES:
        hint = f"; for the shape of the result, write mode={name!r}"
    elif name in _FOREIGN:
        hint = f"; write boundary={_FOREIGN[name]!r}"
    elif name in ("auto", "direct", "fft"):  # the fourth argument of scipy.signal.convolve
        hint = "; for an algorithm, write method=qconv.Collapse() or method=qconv.Fourier()"
    one_of(boundary, "boundary", BOUNDARIES, hint)
    return OTHER_NAMES.get(boundary, boundary)


def value_outside(fillvalue: float | complex, cval: float | complex | None) -> float | complex:
    """Return the value outside the image, which two arguments can give.

    Raises:
        TypeError: If the value is not a number.
        ValueError: If the value is NaN or infinite, or both names are used.
    """
    if cval is None:
        return number(fillvalue, "fillvalue")
    if fillvalue is not NO_FILLVALUE:
        raise ValueError(
            f"cval: expected no value together with fillvalue, got {cval!r}; cval is another name "
            "of fillvalue"
        )
    return number(cval, "cval")


def plan_grid(
    image_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    *,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = 0.0,
    flipped: bool = True,
) -> Grid:
    """Lay out a convolution or correlation as SciPy does.

    Rules are those of ``convolve2d`` for any number of axes, of ``correlate2d`` for two, and of
    ``correlate`` for one and three.

    Raises:
        ValueError: If mode or boundary is unknown, or if neither array contains the other in mode
            ``valid``.
    """
    mode, boundary = checked_mode(mode), checked_boundary(boundary)
    pairs = list(zip(image_shape, kernel_shape, strict=True))
    exchanged = mode == "valid" and any(h > n for n, h in pairs)
    if exchanged:
        if any(n > h for n, h in pairs):
            raise ValueError(
                "mode: 'valid' requires one array to be at least as large as the other along "
                f"every axis, got image {image_shape} and kernel {kernel_shape}"
            )
        boundary, fillvalue = "fill", 0.0
    if mode == "full":
        starts = [0 for _ in pairs]
        lengths = [n + h - 1 for n, h in pairs]
    elif mode == "same":
        later = not flipped and len(pairs) == 2
        starts = [(h - 1 + later) // 2 for _, h in pairs]
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
    """Lay out one output channel of a network's layer: a correlation of an image with margins.

    Args:
        image_shape: Number of images, channels, rows if any, and columns.
        kernel_shape: Number of kernel positions along the same axes; 1 along the axis of images.
        strides: Pixels between neighbouring outputs, along rows if any, and columns.
        dilations: Pixels between neighbouring kernel positions, along the same axes.

    Raises:
        ValueError: If the kernel reaches further than the image.
    """
    t, d = (1, 1, *strides), (1, 1, *dilations)
    reaches = tuple(e * (h - 1) + 1 for h, e in zip(kernel_shape, d, strict=True))
    if any(r > n for n, r in zip(image_shape, reaches, strict=True)):
        raise ValueError(
            f"weight: expected a kernel no larger than the padded input, {image_shape[2:]}, got a "
            f"kernel that covers {reaches[2:]} pixels"
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
        axes=(IMAGE, CHANNEL, *AXES[-len(strides) :]),
        strides=t,
        dilations=d,
    )
