"""Decoding picture files: pixel values, and their range.

Pillow reads most formats. tifffile reads TIFF files with many bits, which Pillow rounds or rejects.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qconv._memory import require_memory

if TYPE_CHECKING:
    from PIL import Image
    from tifffile import TiffFile, TiffPage

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

#: Formats whose other pictures belong to the first: its layers, previews or depth maps.
_ONE_PICTURE = ("MPO", "PSD")

#: Bits of the type of a TIFF page: preview of another page, or mask of another page.
_NOT_ITSELF = 1 | 4

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6

_lock = threading.Lock()


class _UnfitError(Exception):
    """A readable file that is not a single picture of real numbers."""


@dataclass(frozen=True)
class Decoded:
    """A picture as stored in its file, in its upright orientation."""

    colours: NDArray[Any]
    """Pixel values, shape ``(H, W)`` for grey levels, ``(H, W, 3)`` for red, green and blue."""
    white: float | None
    """Value of white; None for floating-point numbers, which have no fixed white."""
    opacity: NDArray[Any] | None = None
    """Opacity, shape ``(H, W)``, in the unit of ``colours``; None for an opaque picture."""
    premultiplied: bool = False
    """Whether the colours are already multiplied by the opacity."""


def decode(path: str | os.PathLike[str]) -> Decoded:
    """Read a picture file.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the system refuses to read it.
        ValueError: If the file is not a single picture, is damaged, or does not fit in memory.
    """
    with _opened(path) as file:
        start = file.read(512)
        file.seek(0)
        try:
            with _quietly():
                return _tiff(file) if start[:4] in _TIFF else _by_pillow(file, start)
        except _UnfitError as error:
            raise ValueError(f"{path}: {error}") from None
        except MemoryError:
            raise
        except Exception as error:  # readers raise errors of many types
            cause = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{path} is not a readable picture: {cause[:200]}") from error


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file; read a pipe into memory."""
    place = Path(path)
    try:
        mode = os.stat(place).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"no such file: {path}") from None
    if stat.S_ISDIR(mode):
        raise ValueError(f"{path} is not a picture but a directory")
    if stat.S_ISFIFO(mode):
        return io.BytesIO(place.read_bytes())
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a picture but a device")
    return open(place, "rb")


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence the readers' warnings, and lift Pillow's size limit: `require_memory` sets it."""
    from PIL import Image

    remarks = logging.getLogger("tifffile")
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        most, disabled = Image.MAX_IMAGE_PIXELS, remarks.disabled
        Image.MAX_IMAGE_PIXELS, remarks.disabled = None, True
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, remarks.disabled = most, disabled


def _by_pillow(file: BinaryIO, start: bytes) -> Decoded:
    """Decode a file of any format except TIFF."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise ValueError(_unknown_format(start)) from None
    with picture:
        frames = 1 if picture.format in _ONE_PICTURE else getattr(picture, "n_frames", 1)
        if frames > 1:
            raise _UnfitError(f"expected one picture, got an animation or a stack of {frames}")
        return _decoded(_turned(picture), 16)


def _unknown_format(start: bytes) -> str:
    """Describe a file of an unknown format by its first bytes."""
    if not start:
        return "file is empty"
    if start[4:8] == b"ftyp":
        return "file is HEIC or a video; expected JPEG, PNG, TIFF or another format of Pillow"
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        text = "" if error.start < len(start) - 3 else start[: error.start].decode("utf-8")
    if text and all(letter.isprintable() or letter.isspace() for letter in text):
        return "file is text"
    return "file format is unknown to Pillow and tifffile"


def _require_room(height: int, width: int, samples: int) -> None:
    """Raise if the unpacked picture and its floating-point copies do not fit in memory."""
    try:
        require_memory(24 * height * width * samples, f"{height} x {width} pixels are")
    except ValueError as error:
        raise _UnfitError(str(error)) from None


def _turned(picture: Image.Image) -> Image.Image:
    """Load a picture completely, and turn it upright."""
    from PIL import ImageOps

    _require_room(picture.height, picture.width, len(picture.getbands()))
    try:
        picture.load()
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"the {picture.format} is truncated or damaged ({error})") from error
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # the metadata are damaged, the picture is not
        return picture


def _decoded(picture: Image.Image, bits: int, *, signed: bool = False) -> Decoded:
    """Convert a Pillow picture of any mode; ``bits`` applies to modes of more than 8 bits."""
    mode, clear = picture.mode, picture.info.get("transparency")
    if mode == "F":
        return Decoded(np.asarray(picture), None)
    if mode.startswith("I"):
        grey = np.asarray(picture)
        if grey.dtype == np.int32 and not signed:
            grey = grey.view(np.uint32)
        white = 2.0 ** (bits - signed) - 1
        return Decoded(grey, white, None if clear is None else white * (grey != clear))
    if mode == "RGB" and clear is not None and max(clear) > 255:  # 16 bits, of which Pillow reads 8
        picture.info["transparency"] = tuple(level >> 8 for level in clear)
    if mode == "LAB":  # lightness and two colour differences, as for printing
        from PIL import ImageCms

        spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        colours = np.asarray(ImageCms.profileToProfile(picture, *spaces, outputMode="RGB"))
    elif picture.has_transparency_data:
        both = np.asarray(picture.convert("LA" if mode in ("1", "L", "LA", "La") else "RGBA"))
        colours = both[:, :, 0] if both.shape[2] == 2 else both[:, :, :3]
        return Decoded(colours, 255.0, both[:, :, -1])
    elif mode == "P":
        colours = _without_colour(np.asarray(picture.convert("RGB")))
    else:
        colours = np.asarray(picture.convert("L" if mode in ("1", "L") else "RGB"))
    return Decoded(colours, 255.0)


def _without_colour(pixels: NDArray[Any]) -> NDArray[Any]:
    """Reduce colours ``(H, W, 3)`` to grey levels ``(H, W)`` if all pixels are grey."""
    grey = pixels[..., 0]
    return grey if (pixels == grey[..., None]).all() else pixels


def _tiff(file: BinaryIO) -> Decoded:
    """Decode a TIFF with tifffile if possible, otherwise with Pillow."""
    from tifffile import TiffFile

    with TiffFile(file) as tiff:
        number, page = _only_page(tiff)
        _require_room(page.imagelength, page.imagewidth, page.samplesperpixel)
        try:
            return _by_tifffile(page)
        except (_UnfitError, MemoryError):
            raise
        except Exception as error:
            reason = error
        file.seek(0)
        return _tiff_by_pillow(file, number, page, reason)


def _only_page(tiff: TiffFile) -> tuple[int, TiffPage]:
    """Return the number of the only page that is not a preview, and this page."""
    kinds = [getattr(page, "subfiletype", 0) for page in tiff.pages]
    whole = [number for number, kind in enumerate(kinds) if not kind & _NOT_ITSELF]
    if not kinds:
        raise ValueError("the TIFF is truncated or damaged")
    if not whole:
        raise _UnfitError("expected a picture, got only a preview, as in raw camera data")
    page: TiffPage = tiff.pages[whole[0]].aspage()
    depth = page.imagedepth
    if len(whole) == 1 and (
        page.is_imagej or page.is_shaped
    ):  # one page can stand for many pictures
        depth = max(depth, tiff.series[0].size // max(page.size, 1))
    if max(len(whole), depth) > 1:
        stack = f"a stack of {max(len(whole), depth)}"
        raise _UnfitError(
            f"expected one picture, got {stack} of {page.imagelength} x {page.imagewidth}"
        )
    return whole[0], page


def _by_tifffile(page: TiffPage) -> Decoded:
    """Decode a page of grey levels, colours or palette colours; raise if tifffile cannot."""
    kind = int(page.photometric)
    if kind not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE):
        raise ValueError(f"colours of type {kind} are unknown to tifffile")
    pixels = page.asarray()
    _require_data(page, pixels)
    if pixels.dtype.kind not in "buif":
        raise _UnfitError(f"expected real pixel values, got {pixels.dtype}")
    if "S" in page.axes:
        pixels = np.moveaxis(pixels, page.axes.index("S"), -1)
    pixels = _upright(pixels.reshape(page.imagelength, page.imagewidth, -1), page)
    bits = 1 if pixels.dtype == bool else page.bitspersample
    white = None if pixels.dtype.kind == "f" else 2.0 ** (bits - (pixels.dtype.kind == "i")) - 1
    if kind == _PALETTE:
        palette = np.asarray(page.colormap)  # of 16 bits, or of 8 in some files
        levels = palette >> 8 if palette.max() > 255 else palette
        return Decoded(_without_colour(np.moveaxis(levels[:, pixels[:, :, 0]], 0, -1)), 255.0)
    extra = pixels.shape[2] - (3 if kind == _RGB else 1)
    colours = pixels[:, :, :3] if kind == _RGB else pixels[:, :, 0]
    meaning = [int(each) for each in page.extrasamples] or [2 if extra == 1 else 0]
    if kind != _RGB and extra and meaning[:1] == [0]:
        raise _UnfitError(f"expected grey levels or colours, got {1 + extra} values per pixel")
    opacity = pixels[:, :, -extra] if extra and meaning[:1] != [0] else None
    found = Decoded(colours, white, opacity, meaning[:1] == [1])
    return _negative(found) if kind == _MIN_IS_WHITE else found


def _negative(picture: Decoded) -> Decoded:
    """Invert grey levels whose 0 is white, except floats beyond 1, which have no white."""
    white, grey = picture.white, picture.colours
    if white is None and grey.size and grey.min() >= 0 and grey.max() <= 1:
        white = 1.0
    return picture if white is None else replace(picture, colours=white - grey)


def _upright(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Rotate and mirror pixels according to the orientation tag of the page."""
    tag = page.tags.get("Orientation")
    orientation = 1 if tag is None else int(tag.value)
    turned = np.rot90(pixels, {3: 2, 4: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(orientation, 0))
    return turned[:, ::-1] if orientation in (2, 4, 5, 7) else turned


def _require_data(page: TiffPage, pixels: NDArray[Any]) -> None:
    """Raise if pixels have the value that a GeoTIFF declares as missing data."""
    if "GDAL_NODATA" not in page.tags:
        return
    try:
        missing = float(page.tags["GDAL_NODATA"].value)
    except (TypeError, ValueError):
        return
    count = int(np.count_nonzero(np.isnan(pixels) if np.isnan(missing) else pixels == missing))
    if count:
        raise _UnfitError(
            f"{count:,} pixels have the no-data value {missing:g}; replace them before the "
            "convolution"
        )


def _tiff_by_pillow(file: BinaryIO, number: int, page: TiffPage, reason: Exception) -> Decoded:
    """Decode a page with Pillow; raise ``reason``, the error of tifffile, if Pillow cannot."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise reason from None
    with picture:
        picture.seek(number)
        coarse = page.photometric == _YCBCR and page.compression == 1
        if coarse and sum(page.databytecounts) < 3 * page.imagelength * page.imagewidth:
            raise ValueError("its colours have a lower resolution than its brightness")
        deep = picture.mode in ("I", "F") or picture.mode.startswith("I;16")
        signed = page.dtype is not None and page.dtype.kind == "i"
        found = _decoded(_turned(picture), page.bitspersample, signed=signed)
    # Pillow inverts negatives of at most eight bits itself.
    return _negative(found) if deep and page.photometric == _MIN_IS_WHITE else found
