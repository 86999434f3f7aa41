"""Pictures: reading them, showing signed numbers as grey levels, and writing them.

Needs the extra ``images`` (scikit-image, matplotlib).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    """Read a picture file as grey levels from 0 to 255.

    Args:
        path: Any file that scikit-image reads. Integer pictures of any depth are scaled to 255;
            floating-point ones are taken as they are. Transparency is blended onto white.

    Returns:
        ``(H, W)`` for a greyscale picture, ``(H, W, 3)`` for one in colour.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a picture, or not a single one.
    """
    import skimage.io as io
    import skimage.util as util

    if not Path(path).is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        raw = _unusual_modes(path)
        if raw is None:
            raw = np.asarray(io.imread(os.fspath(path)))
    except Exception as error:  # every reader has errors of its own
        raise ValueError(f"{path} is not a picture that scikit-image can read") from error
    if raw.ndim == 4 and len(raw) == 1:  # the one frame of an animation's format
        raw = raw[0]
    if raw.dtype.kind not in "buif":
        raise ValueError(f"{path}: expected real pixel values, got {raw.dtype}")
    scale = 1.0 if raw.dtype.kind == "f" else WHITE
    pixels = (util.img_as_float64(raw) if scale != 1.0 else raw.astype(np.float64)) * scale
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = _on_white(pixels, WHITE if scale != 1.0 else 1.0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] == 3):
        raise ValueError(
            f"{path}: expected one greyscale (H, W) or colour (H, W, 3) picture, got {raw.shape}"
        )
    if pixels.size == 0:
        raise ValueError(f"{path}: expected at least one pixel, got shape {raw.shape}")
    return pixels


def _unusual_modes(path: str | os.PathLike[str]) -> NDArray[np.uint8] | None:
    """Pictures whose channels are not grey, red, green, blue and opacity, converted to these.

    Four channels of a printer's picture would pass for transparency, and a palette hides its own.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
                return np.asarray(picture.convert("RGB"))
            if picture.mode in ("P", "PA") and "transparency" in picture.info:
                return np.asarray(picture.convert("RGBA"))
    except UnidentifiedImageError:
        pass
    return None


def _on_white(pixels: _Array, white: float) -> _Array:
    """Blend the last channel, opacity, away."""
    opacity = pixels[:, :, -1:] / white
    blended = pixels[:, :, :-1] * opacity + white * (1 - opacity)
    return blended[:, :, 0] if blended.shape[2] == 1 else blended


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
    import skimage.io as io

    if path.suffix.lower() == ".npy":
        np.save(path, image)
        return
    levels = np.round(scale.apply(image) * WHITE).astype(np.uint8)
    io.imsave(os.fspath(path), levels, check_contrast=False)


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
