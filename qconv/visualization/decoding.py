"""Decoding picture files: the numbers in them, and what these numbers mean.

Pillow reads most; tifffile reads what Pillow rounds or does not know: TIFFs of many bits.
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

#: Formats whose further pictures belong to the first: layers of it, previews and depths of phones.
_ONE_PICTURE = ("MPO", "PSD")

#: Bits of a TIFF page's kind: a preview of another page, or another page's mask.
_NOT_ITSELF = 1 | 4

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6

_lock = threading.Lock()


class _UnfitError(Exception):
    """A file that can be read but is not one picture of real numbers."""


@dataclass(frozen=True)
class Decoded:
    """A picture as its file holds it, turned as it is meant to be seen."""

    colours: NDArray[Any]
    """``(H, W)`` for grey levels, ``(H, W, 3)`` for red, green and blue."""
    white: float | None
    """The number of the brightest; None for floating-point numbers, which have none."""
    opacity: NDArray[Any] | None = None
    """``(H, W)``, in the unit of ``colours``."""
    premultiplied: bool = False
    """Whether the colours are multiplied by the opacity already."""


def decode(path: str | os.PathLike[str]) -> Decoded:
    """Read a picture file.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: The system does not let it be read.
        ValueError: It is not a picture, not a single one, damaged, or does not fit in memory.
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
        except Exception as error:  # every reader has errors of its own
            cause = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{path} is not a picture that can be read: {cause[:200]}") from error


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    """A file at its start; what comes out of a pipe, in memory."""
    place = Path(path)
    try:
        mode = os.stat(place).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"no such file: {path}") from None
    if stat.S_ISDIR(mode):
        raise ValueError(f"{path} is not a picture but a folder")
    if stat.S_ISFIFO(mode):
        return io.BytesIO(place.read_bytes())
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not a picture but a device")
    return open(place, "rb")


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the readers' remarks, and without Pillow's limit, which memory sets here."""
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
    """Anything but a TIFF."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise ValueError(_what_it_is(start)) from None
    with picture:
        frames = 1 if picture.format in _ONE_PICTURE else getattr(picture, "n_frames", 1)
        if frames > 1:
            raise _UnfitError(f"expected one picture, got an animation or a stack of {frames}")
        return _decoded(_turned(picture), 16)


def _what_it_is(start: bytes) -> str:
    """Why a file is none that any reader knows, from its first bytes."""
    if not start:
        return "it is empty"
    if start[4:8] == b"ftyp":
        return "it is HEIC or a film; expected JPEG, PNG, TIFF or another that Pillow reads"
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        text = "" if error.start < len(start) - 3 else start[: error.start].decode("utf-8")
    if text and all(letter.isprintable() or letter.isspace() for letter in text):
        return "it holds text"
    return "its format is unknown to Pillow and tifffile"


def _require_room(height: int, width: int, samples: int) -> None:
    """Refuse what does not fit, before it is unpacked: file and floating-point numbers."""
    try:
        require_memory(24 * height * width * samples, f"{height} x {width} pixels are")
    except ValueError as error:
        raise _UnfitError(str(error)) from None


def _turned(picture: Image.Image) -> Image.Image:
    """A picture read in full, and the right way up."""
    from PIL import ImageOps

    _require_room(picture.height, picture.width, len(picture.getbands()))
    try:
        picture.load()
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"the {picture.format} is cut off or damaged ({error})") from error
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # what its maker wrote about it is damaged; the picture is not
        return picture


def _decoded(picture: Image.Image, bits: int, *, signed: bool = False) -> Decoded:
    """A picture of Pillow's in any of its modes, with so many bits where these may be over 8."""
    mode, clear = picture.mode, picture.info.get("transparency")
    if mode == "F":
        return Decoded(np.asarray(picture), None)
    if mode.startswith("I"):
        grey = np.asarray(picture)
        if grey.dtype == np.int32 and not signed:
            grey = grey.view(np.uint32)
        white = 2.0 ** (bits - signed) - 1
        return Decoded(grey, white, None if clear is None else white * (grey != clear))
    if mode == "RGB" and clear is not None and max(clear) > 255:  # 16 bits, of which 8 are read
        picture.info["transparency"] = tuple(level >> 8 for level in clear)
    if mode == "LAB":  # colours of a printer's space: lightness and two differences
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
    """What a palette of greys gives, ``(H, W, 3)``, as grey levels; others as they are."""
    grey = pixels[..., 0]
    return grey if (pixels == grey[..., None]).all() else pixels


def _tiff(file: BinaryIO) -> Decoded:
    """A TIFF, by tifffile if it can, otherwise by Pillow."""
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
    """The one page that is not a preview, and its number."""
    kinds = [getattr(page, "subfiletype", 0) for page in tiff.pages]
    whole = [number for number, kind in enumerate(kinds) if not kind & _NOT_ITSELF]
    if not kinds:
        raise ValueError("the TIFF is cut off or damaged")
    if not whole:
        raise _UnfitError("expected a picture, got a preview only, as of a camera's raw data")
    page: TiffPage = tiff.pages[whole[0]].aspage()
    depth = page.imagedepth
    if len(whole) == 1 and (page.is_imagej or page.is_shaped):  # many pictures behind one page
        depth = max(depth, tiff.series[0].size // max(page.size, 1))
    if max(len(whole), depth) > 1:
        stack = f"a stack of {max(len(whole), depth)}"
        raise _UnfitError(
            f"expected one picture, got {stack} of {page.imagelength} x {page.imagewidth}"
        )
    return whole[0], page


def _by_tifffile(page: TiffPage) -> Decoded:
    """A page of grey levels, colours or a palette's; any exception if tifffile cannot."""
    kind = int(page.photometric)
    if kind not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE):
        raise ValueError(f"colours of kind {kind} are unknown to tifffile")
    pixels = page.asarray()
    if pixels.dtype.kind not in "buif":
        raise _UnfitError(f"expected real pixel values, got {pixels.dtype}")
    if "S" in page.axes:
        pixels = np.moveaxis(pixels, page.axes.index("S"), -1)
    pixels = _upright(pixels.reshape(page.imagelength, page.imagewidth, -1), page)
    bits = 1 if pixels.dtype == bool else page.bitspersample
    white = None if pixels.dtype.kind == "f" else 2.0 ** (bits - (pixels.dtype.kind == "i")) - 1
    if kind == _PALETTE:
        palette = np.asarray(page.colormap)  # eight bits count; some files hold no more
        levels = palette >> 8 if palette.max() > 255 else palette
        return Decoded(_without_colour(np.moveaxis(levels[:, pixels[:, :, 0]], 0, -1)), 255.0)
    extra = pixels.shape[2] - (3 if kind == _RGB else 1)
    colours = pixels[:, :, :3] if kind == _RGB else pixels[:, :, 0]
    meaning = [int(each) for each in page.extrasamples] or [2 if extra == 1 else 0]
    if kind != _RGB and extra and meaning[:1] == [0]:
        raise _UnfitError(f"expected grey levels or colours, got {1 + extra} numbers a pixel")
    opacity = pixels[:, :, -extra] if extra and meaning[:1] != [0] else None
    found = Decoded(colours, white, opacity, meaning[:1] == [1])
    return _negative(found) if kind == _MIN_IS_WHITE else found


def _negative(picture: Decoded) -> Decoded:
    """Grey levels whose 0 is white; floating-point ones beyond 1 have no white and stay."""
    white, grey = picture.white, picture.colours
    if white is None and grey.size and grey.min() >= 0 and grey.max() <= 1:
        white = 1.0
    return picture if white is None else replace(picture, colours=white - grey)


def _upright(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Turned and mirrored as the page says."""
    tag = page.tags.get("Orientation")
    orientation = 1 if tag is None else int(tag.value)
    turned = np.rot90(pixels, {3: 2, 4: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(orientation, 0))
    return turned[:, ::-1] if orientation in (2, 4, 5, 7) else turned


def _tiff_by_pillow(file: BinaryIO, number: int, page: TiffPage, reason: Exception) -> Decoded:
    """A page that tifffile gave up for a reason, which counts if Pillow does not know it either."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise reason from None
    with picture:
        picture.seek(number)
        coarse = page.photometric == _YCBCR and page.compression == 1
        if coarse and sum(page.databytecounts) < 3 * page.imagelength * page.imagewidth:
            raise ValueError("its colours are stored more coarsely than its brightness")
        deep = picture.mode in ("I", "F") or picture.mode.startswith("I;16")
        signed = page.dtype is not None and page.dtype.kind == "i"
        found = _decoded(_turned(picture), page.bitspersample, signed=signed)
    # Pillow turns negatives around where they have at most eight bits.
    return _negative(found) if deep and page.photometric == _MIN_IS_WHITE else found
