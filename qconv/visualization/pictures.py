"""Pictures: reading them, showing signed numbers as grey levels, and writing them.

Needs the extra ``images`` (scikit-image, matplotlib).
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.decoding import decode

#: Endings of the files that a convolved picture can be written to.
WRITABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".npy")

#: Brightest grey level of a picture as `read_picture` returns it.
WHITE = 255.0

_Array = NDArray[np.float64]


def sample_picture() -> _Array:
    """The photograph of a cameraman that scikit-image carries, ``(512, 512)`` grey levels."""
    from skimage import data

    return np.asarray(data.camera(), dtype=np.float64)


def read_picture(path: str | os.PathLike[str]) -> _Array:
    """Read a picture file as the grey levels from 0 to 255 that a viewer shows.

    Args:
        path: Any file that Pillow or tifffile reads. It is turned as it says. Whole numbers of any
            depth are scaled to 255, and so are floating-point ones from 0 to 1, with a warning;
            other floating-point numbers are taken as they are. Palettes and the colours of printers
            become red, green and blue. Transparency is blended onto white.

    Returns:
        ``(H, W)`` for a greyscale picture, ``(H, W, 3)`` for one in colour.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be read.
        ValueError: It is not a picture, or not a single one.
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
                f"{path}: floating-point numbers from 0 to 1 are taken for black to white, "
                "and multiplied by 255",
                stacklevel=2,
            )
    if white != WHITE or found.white is not None:
        pixels = pixels * (1 / white) * WHITE  # in this order, on which the bytes of results depend
    if found.opacity is None:
        return pixels
    opacity = found.opacity.astype(np.float64)
    opacity /= 1.0 if found.white is None and opacity.max() <= 1 else white
    if pixels.ndim == 3:
        opacity = opacity[:, :, None]
    seen = pixels if found.premultiplied else pixels * opacity
    return np.asarray(seen + WHITE * (1 - opacity))  # transparency blended onto white


@dataclass(frozen=True)
class GreyScale:
    """Which numbers are shown black and white."""

    black: float
    """The number shown black, and everything below."""
    white: float
    """The number shown white, and everything above."""

    @classmethod
    def of(cls, image: _Array, kernel: _Array) -> GreyScale:
        """The scale on which a convolution of ``image`` with ``kernel`` is best seen.

        A kernel that keeps brightness (its sum is positive) gives a photograph again: 0 is black,
        and the image's white times the sum is white. One whose sum is zero gives differences: 0 is
        the middle grey, and both ends are where 99.5 % of magnitudes, estimated from the kernel's
        exact answer, lie within.

        Args:
            image: Exact convolution, or the best estimate of it.
            kernel: The effective kernel.
        """
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if total > 1e-9 * size:
            return cls(0.0, WHITE * total)
        reach = float(np.quantile(np.abs(image), 0.995)) or float(np.abs(image).max()) or 1.0
        return cls(-reach, reach)

    @classmethod
    def of_input(cls, image: _Array) -> GreyScale:
        """The scale of a picture that goes in: from 0 to 255, or further."""
        return cls(min(0.0, float(image.min())), max(WHITE, float(image.max())))

    @classmethod
    def between(cls, image: _Array) -> GreyScale:
        """The scale of numbers without a unit: from about the least to about the largest."""
        low, high = (float(end) for end in np.quantile(image, (0.002, 0.998)))
        return cls(low, high if high > low else low + 1.0)

    def apply(self, image: _Array) -> _Array:
        """Numbers from 0 (black) to 1 (white), clipped."""
        return np.clip((image - self.black) / (self.white - self.black), 0.0, 1.0)

    def __str__(self) -> str:
        return f"black {self.black:.4g}, white {self.white:.4g}"


def write_picture(path: Path, image: _Array, scale: GreyScale) -> None:
    """Write a convolved picture: 8-bit grey levels on ``scale``, or every digit in a ``.npy``.

    Raises:
        OSError: The file cannot be written.
    """
    from skimage.io import imsave

    if path.suffix.lower() == ".npy":
        whole = np.ascontiguousarray(image)
        header = np.lib.format.header_data_from_array_1_0(whole)
        with open(path, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(whole.data)  # np.save does not report that the disk is full
        return
    levels = np.round(scale.apply(image) * WHITE).astype(np.uint8)
    imsave(os.fspath(path), levels, check_contrast=False)


def boxed(picture: _Array, corner: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A picture with a red box around a part of it.

    Args:
        picture: ``(H, W)`` or ``(H, W, 3)``, grey levels from 0 to 255, clipped.
        corner: Row and column of the part's first pixel.
        shape: Its rows and columns.

    Returns:
        ``(H, W, 3)``. The lines lie outside the part, unless it touches the picture's edge.
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
