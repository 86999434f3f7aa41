"""Pictures: reading them, showing signed numbers as grey levels, and writing them.

Requires the extra ``images`` (scikit-image, matplotlib).
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.visualization.decoding import decode

#: File name endings of the formats of a convolved picture.
WRITABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".npy")

#: Grey level of white in pictures that `read_picture` returns.
WHITE = 255.0

_Array = NDArray[np.float64]


def sample_picture() -> _Array:
    """Return the cameraman photograph of scikit-image, ``(512, 512)`` grey levels."""
    from skimage import data

    return np.asarray(data.camera(), dtype=np.float64)


def read_picture(path: str | os.PathLike[str]) -> _Array:
    """Read a picture file as grey levels from 0 to 255, as a viewer shows them.

    Args:
        path: Any file that Pillow or tifffile reads. The orientation tag is applied. Integers of
            any depth are scaled to 255. Floating-point numbers from 0 to 1 are scaled too, with a
            warning; other floating-point numbers are not scaled. Palette colours and printing
            colours become red, green and blue. Transparency is blended onto white.

    Returns:
        Array of shape ``(H, W)`` for a greyscale picture, ``(H, W, 3)`` for a colour picture.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the file cannot be read.
        ValueError: If the file is not a single picture.
    """
    found = decode(path)
    pixels = found.colours.astype(np.float64)
    if pixels.size == 0:
        raise ValueError(f"{path}: expected at least one pixel, got shape {pixels.shape}")
    white = found.white
    if white is None:
        white = WHITE
        if pixels.min() >= 0 and 0 < pixels.max() <= 1:
            white = 1.0
            warnings.warn(
                f"{path}: floating-point numbers from 0 to 1 (black to white) are multiplied "
                "by 255",
                stacklevel=2,
            )
    if white != WHITE or found.white is not None:
        pixels = pixels * (1 / white) * WHITE  # in this order, so that results stay bit-identical
    if found.opacity is None:
        return pixels
    opacity = found.opacity.astype(np.float64)
    opacity /= 1.0 if found.white is None and opacity.max() <= 1 else white
    if pixels.ndim == 3:
        opacity = opacity[:, :, None]
    seen = pixels if found.premultiplied else pixels * opacity
    return np.asarray(seen + WHITE * (1 - opacity))  # blended onto white


@dataclass(frozen=True)
class GreyScale:
    """Values that are shown black and white."""

    black: float
    """Value shown black, like all lower values."""
    white: float
    """Value shown white, like all higher values."""

    @classmethod
    def of(cls, image: _Array, kernel: _Array) -> GreyScale:
        """Return a suitable scale for a convolution with ``kernel``.

        A kernel with a positive sum preserves brightness: 0 is black, and the white of the input
        times the sum is white. Any other kernel gives differences: 0 is middle grey, and the scale
        contains 99.5 % of the magnitudes in ``image``.

        Args:
            image: Exact convolution, or its best estimate.
            kernel: Effective kernel.
        """
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if total > 1e-9 * size:
            return cls(0.0, WHITE * total)
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

        For complex numbers, the scale is that of their magnitudes.
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
        return f"black {self.black:.4g}, white {self.white:.4g}"


def write_picture(path: Path, image: _Array, scale: GreyScale) -> None:
    """Write a convolved picture: 8-bit grey levels on ``scale``, or full precision to ``.npy``.

    Raises:
        OSError: If the file cannot be written.
    """
    from skimage.io import imsave

    if path.suffix.lower() == ".npy":
        whole = np.ascontiguousarray(image)
        header = np.lib.format.header_data_from_array_1_0(whole)
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(whole.data)  # np.save ignores a full disk
        return
    levels = np.round(scale.apply(image) * WHITE).astype(np.uint8)
    imsave(os.fspath(path), levels, check_contrast=False)


def boxed(picture: _Array, corner: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Draw a red box around a region of a picture, which becomes ``(H, W, 3)``.

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
