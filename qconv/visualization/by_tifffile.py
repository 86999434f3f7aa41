"""Decoding TIFF files: pictures, stacks, resolution and axes.

tifffile reads TIFF files with many bits, which Pillow rounds or rejects. Pillow reads the
compressions for which tifffile needs further packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.by_pillow import (
    decoded,
    note_of_mode,
    note_of_profile,
    turned,
    without_colour,
)
from qconv.visualization.decoded import Calibration, Decoded, UnfitError, require_room

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

#: Bits of the type of a TIFF page: preview of another page, or mask of another page.
_NOT_ITSELF = 1 | 4

_DAMAGED = "the TIFF is truncated or damaged"

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6

#: Metadata of ImageJ that describe the numbers of its file, not the numbers of a result.
_OF_THE_FILE = {"ImageJ", "images", "slices", "channels", "frames", "hyperstack", "loop"}
_OF_THE_FILE |= {"min", "max", "Ranges", "LUTs", "ROI", "Overlays", "mode", "axes"}


def by_tifffile(file: BinaryIO) -> Decoded:
    """Decode a TIFF that holds one picture or one stack of pictures."""
    from tifffile import TiffFile

    with TiffFile(file) as tiff:
        pages, stack = _pages(tiff)
        first: TiffPage = tiff.pages[pages[0]].aspage()
        count = len(pages) if stack is None else int(np.prod(stack.shape[:-2]))
        size = count * first.imagelength * first.imagewidth * first.samplesperpixel
        if first.bitspersample == 1 < first.samplesperpixel:  # tifffile unpacks them wrongly
            raise UnfitError("expected colours of more than one bit, got 1 bit per colour")
        several = f"{count} x " if stack is not None else ""
        sides = f"{several}{first.imagelength} x {first.imagewidth}"
        if size == 0:
            raise UnfitError(f"expected at least one pixel, got {sides}")
        require_room(size, f"{sides} pixels")
        try:
            if stack is None:
                found = _numbers(first, first.asarray(), "")
            else:
                found = _numbers(stack.keyframe, stack.asarray(), stack.axes)
        except (UnfitError, MemoryError):
            raise
        except Exception as error:
            found = _by_pillow(file, pages, tiff, error)
            if stack is not None:
                axes = stack.axes
                found = replace(found, colours=found.colours.reshape(stack.shape), axes=axes)
        profile = first.tags.get("InterColorProfile")
        notes = note_of_profile(None if profile is None else bytes(profile.value))
        calibration = _calibration(tiff, first)
        notes += found.notes
        return replace(found, kind="TIFF", calibration=calibration, notes=tuple(notes))


def _pages(tiff: TiffFile) -> tuple[list[int], TiffPageSeries | None]:
    """Return the numbers of all pages except previews, and the stack if there is one."""
    kinds = [getattr(page, "subfiletype", 0) for page in tiff.pages]
    whole = [number for number, kind in enumerate(kinds) if not kind & _NOT_ITSELF]
    if not kinds:
        raise ValueError(_DAMAGED)
    if not whole:
        raise UnfitError("expected a picture, got only a preview, as in raw camera data")
    page: TiffPage = tiff.pages[whole[0]].aspage()
    depth = page.imagedepth
    if len(whole) == 1 and (
        page.is_imagej or page.is_shaped
    ):  # one page can stand for many pictures
        depth = max(depth, tiff.series[0].size // max(page.size, 1))
    if max(len(whole), depth) == 1:
        return whole, None
    stacks = [
        series
        for series in tiff.series
        if not int(getattr(series.keyframe, "subfiletype", 0)) & _NOT_ITSELF
    ]
    if len(stacks) > 1:
        shapes = ", ".join(" x ".join(map(str, series.shape)) for series in stacks[:4])
        more = ", ..." if len(stacks) > 4 else ""
        raise UnfitError(
            f"expected one picture or one stack, got {len(stacks)} of them ({shapes}{more})"
        )
    return whole, stacks[0]


def _numbers(page: TiffPage, pixels: NDArray[Any], axes: str) -> Decoded:
    """Decode the numbers of a page or a stack; raise if tifffile cannot.

    Args:
        page: Page, or first page of the stack.
        pixels: Numbers as tifffile reads them.
        axes: Axes of a stack; empty for one page.
    """
    kind = int(page.photometric)
    if kind not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE):
        raise ValueError(f"colours of type {kind} are unknown to tifffile")
    _require_data(page, pixels)
    if pixels.dtype.kind not in "buif":
        raise UnfitError(f"expected real pixel values, got {pixels.dtype}")
    place = (axes or page.axes).find("S")
    pixels = np.moveaxis(pixels, place, -1) if place >= 0 else pixels[..., None]
    if not axes:
        pixels = pixels.reshape(page.imagelength, page.imagewidth, -1)
    pixels = _upright(pixels, page)
    bits = 1 if pixels.dtype == bool else page.bitspersample
    white = None if pixels.dtype.kind == "f" else 2.0 ** (bits - (pixels.dtype.kind == "i")) - 1
    if kind == _PALETTE:
        palette = np.asarray(page.colormap)  # entries have 16 bits, or 8 in some files
        levels = (palette >> 8 if palette.max() > 255 else palette).astype(np.uint8)
        colours = without_colour(np.moveaxis(levels[:, pixels[..., 0]], 0, -1))
        named = axes + "S" * (colours.ndim > len(axes)) if axes else ""
        return Decoded(colours, 255.0, axes=named)
    extra = pixels.shape[-1] - (3 if kind == _RGB else 1)
    colours = pixels[..., :3] if kind == _RGB else pixels[..., 0]
    meaning = [int(each) for each in page.extrasamples] or [2 if extra == 1 else 0]
    if kind != _RGB and extra and meaning[:1] == [0]:
        raise UnfitError(f"expected grey levels or colours, got {1 + extra} values per pixel")
    opacity = pixels[..., -extra] if extra and meaning[:1] != [0] else None
    named = axes.replace("S", "") + "S" * (kind == _RGB) if axes else ""
    left = extra - (opacity is not None)
    each = "value per pixel is" if left == 1 else "values per pixel are"
    notes = (f"{left} further {each} omitted",) if left else ()
    found = Decoded(colours, white, opacity, meaning[:1] == [1], axes=named, notes=notes)
    return _negative(found) if kind == _MIN_IS_WHITE else found


def _negative(picture: Decoded) -> Decoded:
    """Invert grey levels whose 0 is white, except floats beyond 1, which have no white."""
    white, grey = picture.white, picture.colours
    if white is None and grey.size and grey.min() >= 0 and grey.max() <= 1:
        white = 1.0
    if white is None:
        return picture
    note = "0 is white in the file; the numbers are inverted"
    if grey.dtype.kind == "u":
        inverted = grey.dtype.type(min(int(white), np.iinfo(grey.dtype).max)) - grey
    else:
        inverted = ~grey if grey.dtype == bool else white - grey
    return replace(picture, colours=inverted, notes=(*picture.notes, note))


def _upright(pixels: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Rotate and mirror pixels ``(..., H, W, samples)`` by the orientation tag of the page."""
    tag = page.tags.get("Orientation")
    orientation = 1 if tag is None else int(tag.value)
    quarters = {3: 2, 4: 2, 5: -1, 6: -1, 7: 1, 8: 1}.get(orientation, 0)
    rotated = np.rot90(pixels, quarters, axes=(-3, -2))
    return rotated[..., ::-1, :] if orientation in (2, 4, 5, 7) else rotated


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
        raise UnfitError(
            f"{count:,} pixels have the no-data value {missing:g}; replace them before the "
            "convolution"
        )


def _by_pillow(file: BinaryIO, pages: Sequence[int], tiff: TiffFile, reason: Exception) -> Decoded:
    """Decode pages with Pillow; raise ``reason``, the error of tifffile, if Pillow cannot."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise reason from None
    found = []
    with picture:
        # YCbCr is a coding of red, green and blue.
        notes = note_of_mode(picture) if picture.mode != "YCbCr" else []
        for number in pages:
            page = tiff.pages[number].aspage()
            _require_complete(page, tiff.filehandle.size)
            picture.seek(number)
            coarse = page.photometric == _YCBCR and page.compression == 1
            if coarse and sum(page.databytecounts) < 3 * page.imagelength * page.imagewidth:
                raise ValueError("its colours have a lower resolution than its brightness")
            deep = picture.mode in ("I", "F") or picture.mode.startswith("I;16")
            signed = page.dtype is not None and page.dtype.kind == "i"
            try:
                loaded = picture.copy()
            except OSError as error:
                raise ValueError(f"{_DAMAGED} ({error})") from error
            one = decoded(turned(loaded), page.bitspersample, signed=signed)
            # Pillow inverts negatives of at most eight bits itself.
            negative = deep and page.photometric == _MIN_IS_WHITE
            found.append(_negative(one) if negative else one)
    first = replace(found[0], notes=(*notes, *found[0].notes))
    if len(found) == 1:
        return first
    return replace(first, colours=np.stack([one.colours for one in found]))


def _require_complete(page: TiffPage, size: int) -> None:
    """Raise if a page has data beyond the end of its file of ``size`` bytes."""
    parts = zip(page.dataoffsets, page.databytecounts, strict=False)
    if any(start + length > size for start, length in parts):
        raise ValueError(_DAMAGED)


def _calibration(tiff: TiffFile, page: TiffPage) -> Calibration:
    """Return the resolution and the metadata of ImageJ or OME."""
    resolution = None
    if "XResolution" in page.tags and "YResolution" in page.tags:
        tags = (page.tags["XResolution"].value, page.tags["YResolution"].value)
        pairs = [(float(a), float(b)) for a, b in tags]
        if all(a > 0 and b > 0 for a, b in pairs):
            resolution = (pairs[0][0] / pairs[0][1], pairs[1][0] / pairs[1][1])
    unit = page.tags.get("ResolutionUnit")
    number = 1 if unit is None else int(unit.value)
    if tiff.is_ome:
        return Calibration("ome", resolution, number, _ome(tiff.ome_metadata or ""))
    if tiff.is_imagej:
        own = tiff.imagej_metadata or {}
        kept = {name: value for name, value in own.items() if name not in _OF_THE_FILE}
        return Calibration("imagej", resolution, number, kept)
    return Calibration("", resolution, number)


def _ome(text: str) -> dict[str, Any]:
    """Return physical sizes, time increment and names of the channels of OME metadata."""
    from tifffile import xml2dict

    try:
        image = xml2dict(text)["OME"]["Image"]
        image = image[0] if isinstance(image, list) else image
        pixels = image["Pixels"]
        channels = pixels.get("Channel", [])
    except Exception:  # damaged metadata
        return {}
    kept = {
        name: value
        for name, value in pixels.items()
        if name.startswith(("PhysicalSize", "TimeIncrement"))
    }
    channels = channels if isinstance(channels, list) else [channels]
    names = [channel.get("Name") for channel in channels]
    if names and all(names):
        kept["Channel"] = {"Name": names}
    return kept | ({"Name": image["Name"]} if "Name" in image else {})
