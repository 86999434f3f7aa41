"""Writing pictures and arrays: as numbers of any type, or as grey levels for display."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.visualization.decoded import Calibration
from qconv.visualization.pictures import WHITE, GreyScale, Picture

_Array = NDArray[np.float64]

#: File name endings of TIFF files and of portable maps.
_TIFF, _MAPS = (".tif", ".tiff"), (".pgm", ".ppm", ".pnm")

#: Types of numbers that each kind of file holds.
_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
_NUMBERS = ("bool", *_INTEGERS, "int64", "uint64", "float16", "float32", "float64")
TYPES = {
    ".png": ("bool", "uint8", "uint16"),
    **dict.fromkeys((".jpg", ".jpeg", ".bmp"), ("uint8",)),
    **dict.fromkeys(_MAPS, ("uint8", "uint16")),
    **dict.fromkeys((*_TIFF, ".npy"), _NUMBERS),
}

#: Types of ImageJ. Colours are its channels, except in 8 bits.
_OF_IMAGEJ = ("uint8", "uint16", "float32")

#: Types that OME does not have.
_NOT_OF_OME = ("float16", "int64", "uint64")

#: Names of the formats that Pillow writes.
_PILLOW = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}

#: White of portable maps and PNG files of 16 bits.
_DEEP = 65535.0


@dataclass(frozen=True)
class Form:
    """How numbers are written to a file."""

    ending: str
    """File name ending, in lower case."""
    dtype: np.dtype[Any]
    """Type of the numbers in the file."""
    top: float | None = None
    """Number in the file that is shown as white; None if the numbers are written unchanged."""
    base: GreyScale | None = None
    """Values of the input that are shown as black and as white; None without ``top``."""

    @classmethod
    def of(
        cls, ending: str, picture: Picture, wanted: str | None, *, is_complex: bool = False
    ) -> Form:
        """Choose the form for results in the unit of a picture.

        Args:
            ending: File name ending, one of `TYPES`.
            picture: Input of the convolution.
            is_complex: Whether the results are complex. NumPy files then hold complex numbers
                unless ``wanted`` is given. All other files hold magnitudes.
            wanted: Type of the numbers to write; ``"input"`` for the type of the input. None for
                floating-point numbers in TIFF and NumPy files, and for grey levels in other files.

        Raises:
            ValueError: If the kind of file does not hold this type.
        """
        if wanted is not None:
            name = picture.dtype.name if wanted == "input" else wanted
            if name not in TYPES[ending]:
                held = ", ".join(TYPES[ending])
                raise ValueError(f"expected one of {held} for {ending} files, got {name}")
            return cls(ending, np.dtype(name))
        if ending in _TIFF:
            kind = picture.dtype if picture.dtype.kind != "c" else np.dtype(np.float64)
            return cls(ending, np.result_type(kind, np.float32))
        if ending == ".npy":
            return cls(ending, np.dtype(np.complex128 if is_complex else np.float64))
        white = picture.white if picture.dtype.kind in "ub" else None
        deep = "uint16" in TYPES[ending] and (white is None or white > WHITE)
        top = _DEEP if deep else WHITE
        if ending in _MAPS and white is not None and white <= _DEEP:
            top = white
        base = picture.scale
        if white is not None and WHITE < white <= top:
            base = GreyScale(0.0, top)  # numbers that fit are written as they are
        return cls(ending, np.dtype(np.uint16 if top > WHITE else np.uint8), top, base)

    def require_axes(self, axes: str) -> None:
        """Raise a ``ValueError`` if the kind of file holds only single pictures."""
        if self.ending not in (*_TIFF, ".npy") and axes not in ("YX", "YXS"):
            raise ValueError(f"expected a .tif, .npy or .npz file for a stack, got {self.ending}")


def write_numbers(
    path: Path,
    values: Numbers,
    form: Form,
    *,
    axes: str,
    scale: Callable[[GreyScale], GreyScale] = lambda base: base,
    calibration: Calibration | None = None,
) -> str:
    """Write numbers to a file, and describe what was written.

    Args:
        path: File to write.
        values: Numbers to write.
        form: How to write them.
        axes: One letter per axis of ``values``, as in `Picture`.
        scale: Function that converts the scale of the input to the scale of the result.
        calibration: Metadata for a TIFF; None for no metadata.

    Returns:
        Type of the numbers, their scale, and how many were clipped.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the file cannot hold the numbers.
    """
    form.require_axes(axes)
    if form.top is None or form.base is None:
        array, what = _converted(values, form.dtype)
        top = None
    else:
        shown, top = scale(form.base), form.top
        levels = (values - shown.black) / (shown.white - shown.black) * top
        array, clipped = _rounded(levels, 0.0, top, form.dtype)
        what = f"{round(np.log2(top + 1))} bits, {shown}{_of(clipped, values.size, 'clipped')}"
    if form.ending in (".jpg", ".jpeg"):
        what += "; lossy"
    if form.ending == ".npy":
        write_array(path, array)
    elif form.ending in _TIFF:
        what += _write_tiff(path, array, axes, calibration or Calibration())
    elif form.ending in _MAPS:
        _write_map(path, array, int(top or np.iinfo(array.dtype).max))
    elif array.dtype == np.uint16:
        _write_deep_png(path, array)
    else:
        from PIL import Image

        kind = _PILLOW[form.ending]
        # For measured pictures, run lengths are as short as zlib's default, and much faster.
        how = {"compress_type": zlib.Z_RLE} if kind == "PNG" else {}
        Image.fromarray(array).save(path, format=kind, **how)
    return what


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as ``np.save`` does, which ignores a full disk."""
    whole = np.ascontiguousarray(array)
    header = np.lib.format.header_data_from_array_1_0(whole)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(whole.data)


def _converted(values: Numbers, dtype: np.dtype[Any]) -> tuple[NDArray[Any], str]:
    """Convert numbers to a type, rounded and clipped; describe the conversion."""
    if dtype.kind == "c":
        return values, str(dtype)
    if dtype.kind == "f":
        most = float(np.finfo(dtype).max)
        over = int(np.count_nonzero(np.abs(values) > most))
        return np.clip(values, -most, most).astype(dtype), f"{dtype}{_of(over, values.size)}"
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    rounded = "" if np.array_equal(values, np.rint(values)) else ", rounded"
    top = float(high)
    if int(top) > high:  # 64-bit integers: use the largest float below 2**63 or 2**64
        top = float(np.nextafter(top, 0))
    array, clipped = _rounded(values, float(low), top, dtype)
    return array, f"{dtype}{rounded}{_of(clipped, values.size)}"


def _rounded(
    values: _Array, low: float, high: float, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], int]:
    """Round and clip numbers to integers; return the number of clipped values, too."""
    if np.isnan(values).any():
        raise ValueError(f"{dtype} cannot hold NaN; expected a floating-point type, as in .npy")
    levels = np.rint(values)
    clipped = int(np.count_nonzero(levels < low) + np.count_nonzero(levels > high))
    return np.clip(levels, low, high).astype(dtype), clipped


def _of(count: int, total: int, what: str = "clipped") -> str:
    """Describe how many values were changed; nothing for none."""
    return f"; {count:,} of {total:,} values {what}" if count else ""


def _write_tiff(path: Path, array: NDArray[Any], axes: str, calibration: Calibration) -> str:
    """Write a TIFF with resolution and axes; describe what its convention does not hold."""
    from tifffile import imwrite

    kind, told = calibration.kind, ""
    how: dict[str, Any] = {"metadata": {"axes": axes, **calibration.metadata}}
    if calibration.resolution is not None:
        how |= {"resolution": calibration.resolution, "resolutionunit": calibration.unit}
    if array.dtype == bool and axes.endswith("S"):
        array, told = (
            array.astype(np.uint8),
            "; as uint8, because colours of 1 bit are not readable",
        )
    if kind == "imagej" and array.dtype.name not in _OF_IMAGEJ:
        kind, told = "", f"; plain TIFF, because ImageJ has no {array.dtype}"
        how["metadata"] = {"axes": axes}
    if kind == "imagej" and axes.endswith("S") and array.dtype != np.uint8:
        array, axes = _as_channels(array, axes)
        how["metadata"] |= {"axes": axes, "mode": "composite"}
        told = "; colours are channels, because ImageJ has colours of 8 bits only"
    if kind == "ome" and array.dtype.name in _NOT_OF_OME:
        kind, told = "", f"; plain TIFF, because OME has no {array.dtype}"
        how["metadata"] = {"axes": axes}
    colours = axes.endswith("S")
    how["photometric"] = "rgb" if colours else "minisblack"
    imwrite(path, np.ascontiguousarray(array), imagej=kind == "imagej", ome=kind == "ome", **how)
    return told


def _as_channels(array: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Move the last axis, of colours, to the place of ImageJ's axis of channels."""
    leading = axes[: axes.index("Y")]
    place = len(leading)
    return np.moveaxis(array, -1, place), f"{leading}C{axes[place:-1]}"


def _write_map(path: Path, array: NDArray[Any], most: int) -> None:
    """Write a PGM or PPM, whose largest level is ``most``."""
    kind = b"P6" if array.ndim == 3 else b"P5"
    data = array.astype(">u2" if most > WHITE else np.uint8)
    with open(path, "wb") as file:
        file.write(b"%s\n%d %d\n%d\n" % (kind, array.shape[1], array.shape[0], most))
        file.write(np.ascontiguousarray(data).data)


def _write_deep_png(path: Path, array: NDArray[np.uint16]) -> None:
    """Write a PNG of 16 bits, grey or in colour, which Pillow writes only in grey."""
    rows = array.astype(">u2").reshape(len(array), -1).view(np.uint8)
    filtered = np.full((len(rows), rows.shape[1] + 1), 2, dtype=np.uint8)
    filtered[:, 1:] = rows
    filtered[1:, 1:] -= rows[:-1]  # filter 2: difference from the row above
    size = array.shape[1], array.shape[0], 16, 2 if array.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", *size, 0, 0, 0)
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    packed = packer.compress(filtered.data) + packer.flush()
    parts = {b"IHDR": header, b"IDAT": packed, b"IEND": b""}
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in parts.items():
            file.write(struct.pack(">I", len(data)) + name + data)
            file.write(struct.pack(">I", zlib.crc32(name + data)))
