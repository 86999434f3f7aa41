"""Pictures in their own numbers, and grey levels that show signed numbers.

Requires the extra ``images`` (scikit-image, matplotlib).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.visualization.decoded import Calibration, Decoded
from qconv.visualization.decoding import decode

#: Grey level of white in pictures of 8 bits.
WHITE = 255.0

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture or a stack of pictures, in the numbers of its file."""

    numbers: Numbers
    """Numbers as in the file, without scaling; complex only from NumPy files."""
    axes: str
    """One letter per axis of ``numbers``: Y and X for rows and columns, Z for depth, S for colours,
    others for slices."""
    dtype: np.dtype[Any]
    """Type of the numbers in the file."""
    white: float | None
    """Value of white, as the file declares it; None for floating-point numbers."""
    kind: str = ""
    """Name of the file format, such as ``"TIFF"``."""
    calibration: Calibration = field(default_factory=Calibration)
    """Resolution and further metadata of a TIFF."""
    notes: tuple[str, ...] = ()
    """Differences from the file, one sentence each."""

    @property
    def scale(self) -> GreyScale:
        """Values that are shown as black and as white.

        Up to 8 bits, white is the declared white. Deeper integers often fill only some of their
        bits: white is then the largest number of 8, 10, 12, 14, 16 or 32 bits, whichever is the
        first to contain all numbers. For floating-point numbers, white is 1 if no number is larger,
        else 255 if no number is larger, else the maximum. Complex numbers are shown by their
        magnitudes.
        """
        if self.numbers.dtype.kind == "c":
            return GreyScale.of_input(self.numbers)
        low, high = float(self.numbers.min()), float(self.numbers.max())
        white = self.white
        if white is None:
            white = next((end for end in (1.0, WHITE) if high <= end), high)
        elif white > WHITE:
            depths = [2.0**bits - 1 for bits in (8, 10, 12, 14, 16, 32)]
            white = min([end for end in depths if high <= end], default=white)
            white = min(white, self.white or white)
        black = min(0.0, low)
        return GreyScale(black, white if white > black else black + 1)

    def __str__(self) -> str:
        wide = self.numbers.dtype.kind == "c"
        numbers = np.abs(self.numbers) if wide else self.numbers
        low, high = numbers.min(), numbers.max()
        bits = ""
        if self.white is not None and self.dtype.kind == "u":
            used = self.scale.white
            bits = f", {round(np.log2(used + 1))} bits" if used < np.iinfo(self.dtype).max else ""
        pixel = str(self.calibration)
        size = f"; pixels of {pixel}" if pixel else ""
        of = "of magnitude " if wide else ""
        return f"{of}{low:.7g} to {high:.7g} ({self.dtype.name}{bits}){size}"


def sample_picture() -> Picture:
    """Return the cameraman photograph of scikit-image, ``(512, 512)`` grey levels."""
    from skimage import data

    return picture_of(Decoded(np.asarray(data.camera()), WHITE, kind="PNG"))


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read a picture, a stack of pictures or an array, in the numbers of the file.

    Args:
        path: Any file that Pillow, tifffile or `numpy.load` reads; ``-`` for standard input. The
            orientation tag is applied. Palette colours and printing colours become red, green and
            blue. Transparency is blended onto white.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the file cannot be read.
        ValueError: If the file is not a picture or a stack of equal pictures.
    """
    found = decode(path)
    if found.colours.size == 0:
        raise ValueError(f"{path}: expected at least one pixel, got shape {found.colours.shape}")
    return picture_of(found)


def picture_of(found: Decoded) -> Picture:
    """Convert a decoded file to numbers without transparency."""
    stored = found.colours
    numbers: Numbers = stored.astype(np.complex128 if stored.dtype.kind == "c" else np.float64)
    notes = list(found.notes)
    if stored.dtype.kind in "iu" and stored.dtype.itemsize == 8:
        rounded = int(np.count_nonzero(numbers.astype(stored.dtype) != stored))
        if rounded:
            notes.append(f"{rounded:,} integers above 2**53 are rounded to 53 bits")
    if found.opacity is not None:
        numbers, note = _on_white(numbers, found)
        notes.append(note)
    axes = found.axes or "YXS"[: numbers.ndim]
    details = (found.kind, found.calibration, tuple(notes))
    return Picture(numbers, axes, stored.dtype, found.white, *details)


def _on_white(pixels: _Array, found: Decoded) -> tuple[_Array, str]:
    """Blend a transparent picture onto white; return a sentence about it, too."""
    white = found.white
    if white is None:
        white = 1.0 if pixels.min() >= 0 and 0 < pixels.max() <= 1 else WHITE
    opacity = np.asarray(found.opacity, dtype=np.float64)
    opacity = opacity / (1.0 if found.white is None and opacity.max() <= 1 else white)
    if opacity.min() == 1:
        return pixels, "the alpha channel is opaque and omitted"
    opacity = opacity[..., None] if pixels.ndim > opacity.ndim else opacity
    seen = pixels if found.premultiplied else pixels * opacity
    return np.asarray(seen + white * (1 - opacity)), "transparency is blended onto white"


@dataclass(frozen=True)
class GreyScale:
    """Values that are shown as black and as white."""

    black: float
    """Value shown as black, like all lower values."""
    white: float
    """Value shown as white, like all higher values."""

    @classmethod
    def of(cls, image: Numbers, kernel: Numbers, given: GreyScale | None = None) -> GreyScale:
        """Return a suitable scale for a convolution with ``kernel``.

        Complex numbers are shown by their magnitudes, of which the scale contains 99.5 %.
        A kernel with a positive sum preserves brightness: the values that represent black and white
        in the input are multiplied by the sum. Any other kernel gives differences: 0 is middle
        grey, and the scale contains 99.5 % of the magnitudes in ``image``.

        Args:
            image: Exact convolution, or its best estimate.
            kernel: Effective kernel.
            given: Scale of the input; None for 0 to 255.
        """
        if image.dtype.kind == "c":
            return cls.of_magnitudes(np.abs(image))
        if keeps_brightness(kernel):
            total = float(kernel.sum())
            black, white = (0.0, WHITE) if given is None else (given.black, given.white)
            return cls(black * total, white * total)
        return cls.around_zero(image)

    @classmethod
    def around_zero(cls, image: _Array) -> GreyScale:
        """Return the scale with 0 in the middle that contains 99.5 % of the magnitudes."""
        reach = cls.of_magnitudes(np.abs(image)).white
        return cls(-reach, reach)

    @classmethod
    def of_magnitudes(cls, sizes: _Array) -> GreyScale:
        """Return the scale from 0 to the 99.5 % quantile of magnitudes."""
        reach = float(np.nanquantile(sizes, 0.995)) or float(np.nanmax(sizes)) or 1.0
        return cls(0.0, reach)

    @classmethod
    def of_input(cls, image: Numbers) -> GreyScale:
        """Return the scale of an input picture: 0 to 255, extended to its range.

        For complex numbers, the magnitudes determine the scale.
        """
        if image.dtype.kind == "c":
            return cls.of_magnitudes(np.abs(image))
        return cls(min(0.0, float(image.min())), max(WHITE, float(image.max())))

    @classmethod
    def between(cls, image: _Array) -> GreyScale:
        """Return the scale from the 0.2 % quantile to the 99.8 % quantile of an array."""
        low, high = (float(end) for end in np.quantile(image, (0.002, 0.998)))
        return cls(low, high if high > low else low + 1.0)

    def apply(self, image: _Array) -> _Array:
        """Map values to the range from 0 (black) to 1 (white), clipped."""
        return np.clip((image - self.black) / (self.white - self.black), 0.0, 1.0)

    def __str__(self) -> str:
        ends = (
            f"{end:.{10 if float(end).is_integer() else 4}g}" for end in (self.black, self.white)
        )
        return "black {}, white {}".format(*ends)


def keeps_brightness(kernel: Numbers) -> bool:
    """Return whether the sum of a real kernel is positive, and not only by rounding errors."""
    if kernel.dtype.kind == "c":
        return False
    return float(kernel.sum()) > 1e-9 * float(np.abs(kernel).sum())


def boxed(picture: _Array, corner: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Draw a red box around a region of a picture of grey levels, which becomes ``(H, W, 3)``.

    ``corner`` is the region's first pixel, ``shape`` its number of rows and columns. The lines lie
    outside the region, except at the edges of the picture.
    """
    from skimage.draw import rectangle_perimeter

    levels = np.round(np.clip(picture, 0, WHITE)).astype(np.uint8)
    marked = levels.copy() if levels.ndim == 3 else np.dstack([levels] * 3)
    first, sides = np.array(corner), np.array(shape)
    for line in range(max(1, round(max(marked.shape) / 250))):
        low, high = first - line, first + sides - 1 + line
        rows, columns = rectangle_perimeter(low, high, shape=marked.shape[:2], clip=True)
        marked[rows, columns] = (255, 30, 30)
    return marked
