"""Decoding picture files with Pillow, with all bits of the numbers in the file."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.decoded import Decoded, UnfitError, require_room

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

#: Formats whose other pictures belong to the first: its layers, previews or depth maps.
_ONE_PICTURE = ("MPO", "PSD")

#: Tile descriptions with which Pillow reads the lower instead of the upper half of 16-bit numbers.
_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}


def by_pillow(file: BinaryIO, start: bytes) -> Decoded:
    """Decode a file of any format except TIFF; ``start`` holds its first bytes."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(file)
    except UnidentifiedImageError:
        raise ValueError(_unknown_format(start)) from None
    with picture:
        kind = picture.format or ""
        frames = 1 if kind in _ONE_PICTURE else getattr(picture, "n_frames", 1)
        if frames > 1:
            raise UnfitError(f"expected one picture, got an animation of {frames} frames")
        notes = [*note_of_profile(picture.info.get("icc_profile")), *note_of_mode(picture)]
        bits = start[24] if kind == "PNG" else 0
        if bits == 16 and picture.mode in ("RGB", "RGBA"):
            found = _deep_png(file, picture)
        elif kind == "PPM":
            found = _portable_map(file, picture)
        else:
            found = decoded(turned(picture), bits or 16)
        return replace(found, kind=kind, notes=(*notes, *found.notes))


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


def note_of_profile(profile: bytes | None) -> list[str]:
    """Return a sentence about a colour profile, unless the profile is missing or sRGB."""
    if not profile:
        return []
    name = "without a name"
    with suppress(Exception):  # a damaged profile
        from PIL import ImageCms

        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = f"'{ImageCms.getProfileDescription(opened).strip()}'"
    if "srgb" in name.lower():
        return []
    return [f"the colour profile {name} is not applied, and is missing in the result"]


def note_of_mode(picture: Image.Image) -> list[str]:
    """Return a sentence if the colours of a picture are converted."""
    if picture.mode in ("CMYK", "LAB", "YCbCr", "HSV") and picture.format != "JPEG":
        return [f"{picture.mode} colours are converted to red, green and blue"]
    return ["CMYK colours are converted to red, green and blue"] * (picture.mode == "CMYK")


def turned(picture: Image.Image) -> Image.Image:
    """Load a picture completely, and turn it upright."""
    from PIL import ImageOps

    size = picture.height * picture.width * len(picture.getbands())
    require_room(size, f"{picture.height} x {picture.width} pixels")
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


def _deep_png(file: BinaryIO, picture: ImageFile) -> Decoded:
    """Decode a colour PNG of 16 bits, of which Pillow reads 8 bits at a time."""
    from PIL import Image

    clear = picture.info.get("transparency")
    tiles = [tuple(tile) for tile in picture.tile]
    if tiles[0][3] == "LA;16B":  # four bytes per pixel: grey level and opacity, upper byte first
        picture.tile = [(*tile[:3], "RGBA") for tile in tiles]  # type: ignore[misc]
        pairs = np.asarray(turned(picture)).astype(np.uint16)
        both = pairs[:, :, ::2] << 8 | pairs[:, :, 1::2]
        return Decoded(both[:, :, 0], 65535.0, both[:, :, 1])
    upper = np.asarray(turned(picture)).astype(np.uint16)
    file.seek(0)
    with Image.open(file) as again:
        again.tile = [(*tile[:3], _LOWER[str(tile[3])]) for tile in tiles]  # type: ignore[misc]
        levels = upper << 8 | np.asarray(turned(again))
    colours, opacity = levels[:, :, :3], levels[:, :, 3] if levels.shape[2] == 4 else None
    if clear is not None and opacity is None:
        opacity = 65535 * (colours != np.asarray(clear)).any(axis=2).astype(np.uint16)
    return Decoded(colours, 65535.0, opacity)


def _portable_map(file: BinaryIO, picture: ImageFile) -> Decoded:
    """Decode a PBM, PGM, PPM or PFM; Pillow stretches its levels to 8 or 16 bits."""
    codec, _, offset, arguments = picture.tile[0]
    most = arguments[1] if isinstance(arguments, tuple) and len(arguments) > 1 else 0
    if codec not in ("ppm", "ppm_plain") or not isinstance(most, int) or most in (0, 255):
        return decoded(turned(picture), 16)
    if picture.mode == "RGB" and most > 255:  # Pillow would keep only eight bits
        size = (picture.height, picture.width, 3)
        require_room(int(np.prod(size)), f"{picture.height} x {picture.width} pixels")
        file.seek(offset)
        data = file.read()
        if codec == "ppm":
            levels = np.frombuffer(data[: 2 * int(np.prod(size))], dtype=">u2").astype(np.uint16)
        else:
            lines = (line.split(b"#")[0] for line in data.splitlines())
            levels = np.array(b" ".join(lines).split(), dtype=np.uint16)
        if levels.size != np.prod(size):
            raise ValueError("the PPM is truncated or damaged")
        return Decoded(levels.reshape(size), float(most))
    shown = np.asarray(turned(picture))
    top = 65535 if picture.mode == "I" else 255
    levels = np.round(shown * (most / top)).astype(np.uint16 if most > 255 else np.uint8)
    return Decoded(levels, float(most))


def decoded(picture: Image.Image, bits: int, *, signed: bool = False) -> Decoded:
    """Convert a Pillow picture of any mode; ``bits`` is the number of bits of a grey level."""
    mode, clear = picture.mode, picture.info.get("transparency")
    if mode == "F":
        return Decoded(np.asarray(picture), None)
    if mode == "1" and clear is None:
        return Decoded(np.asarray(picture), 1.0)
    if mode.startswith("I"):
        grey = np.asarray(picture)
        if grey.dtype == np.int32:
            grey = grey if signed else grey.view(np.uint32)
            grey = grey.astype(np.uint16) if bits <= 16 and not signed else grey
        white = 2.0 ** (bits - signed) - 1
        return Decoded(grey, white, None if clear is None else white * (grey != clear))
    if mode == "L" and clear is None and bits in (2, 4):  # Pillow has scaled the levels to 255
        return Decoded(np.asarray(picture) // np.uint8(255 // (2**bits - 1)), 2.0**bits - 1)
    if mode == "LAB":  # lightness and two colour differences, as for printing
        from PIL import ImageCms

        spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        colours = np.asarray(ImageCms.profileToProfile(picture, *spaces, outputMode="RGB"))
    elif picture.has_transparency_data:
        both = np.asarray(picture.convert("LA" if mode in ("1", "L", "LA", "La") else "RGBA"))
        colours = both[:, :, 0] if both.shape[2] == 2 else both[:, :, :3]
        return Decoded(colours, 255.0, both[:, :, -1])
    elif mode == "P":
        colours = without_colour(np.asarray(picture.convert("RGB")))
    else:
        colours = np.asarray(picture.convert("L" if mode in ("1", "L") else "RGB"))
    return Decoded(colours, 255.0)


def without_colour(pixels: NDArray[Any]) -> NDArray[Any]:
    """Reduce colours ``(H, W, 3)`` to grey levels ``(H, W)`` if all pixels are grey."""
    grey = pixels[..., 0]
    return grey if (pixels == grey[..., None]).all() else pixels
