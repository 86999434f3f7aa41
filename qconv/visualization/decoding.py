"""Reading files of numbers: pictures by Pillow and tifffile, arrays by NumPy."""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.by_pillow import by_pillow
from qconv.visualization.by_tifffile import by_tifffile
from qconv.visualization.decoded import Decoded, UnfitError

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

#: First bytes of NumPy's files: an array; an archive with arrays, and an empty archive.
_NPY, _NPZ = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06")

#: Name of standard input.
STDIN = "-"

_lock = threading.Lock()


def decode(path: str | os.PathLike[str]) -> Decoded:
    """Read a picture, a stack of pictures or an array; ``-`` is standard input.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If the system refuses to read it.
        ValueError: If the file is not a picture or a stack of equal pictures, is damaged, or does
            not fit in memory.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    with _opened(path) as file:
        start = file.read(512)
        file.seek(0)
        try:
            if start.startswith((_NPY, *_NPZ)):
                return _by_numpy(file, start)
            with _quietly():
                return by_tifffile(file) if start[:4] in _TIFF else by_pillow(file, start)
        except UnfitError as error:
            raise ValueError(f"{name}: {error}") from None
        except MemoryError:
            raise
        except Exception as error:  # readers raise errors of many types
            cause = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{name} is not a readable picture: {cause[:200]}") from error


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file; read a pipe into memory."""
    if str(path) == STDIN:
        return io.BytesIO(sys.stdin.buffer.read())
    if not str(path):
        raise ValueError("expected a file name, got ''")
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
    """Silence the readers' warnings, and lift Pillow's size limit: `require_room` sets it."""
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


def _by_numpy(file: BinaryIO, start: bytes) -> Decoded:
    """Decode an array, or the only array or the image of an archive."""
    if start.startswith(_NPZ):
        try:
            with np.load(file, allow_pickle=False) as archive:
                found = _only_array(archive)
        except zipfile.BadZipFile:
            raise ValueError("the archive is truncated or damaged") from None
        return replace(found, kind="NPZ")
    return replace(_of_array(_loaded(lambda: np.load(file, allow_pickle=False))), kind="NPY")


def _loaded(load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Load an array; raise an error that says what was expected if it holds Python objects."""
    try:
        return load()
    except ValueError as error:
        if "Object arrays" in str(error):
            raise UnfitError("expected numbers, got an array of Python objects") from None
        raise


def _only_array(archive: Any) -> Decoded:
    """Decode the only array of an archive, or the image of a saved result."""
    names = list(archive.files)
    if {"image", "stderr", "fields"} <= set(names):
        return _of_array(archive["image"])
    if len(names) != 1:
        listed = ", ".join(names[:8]) or "none"
        raise UnfitError(f"expected an archive with one array, got {listed}")
    return _of_array(_loaded(lambda: archive[names[0]]))


def _of_array(array: NDArray[Any]) -> Decoded:
    """Decode an array: its last two axes are rows and columns, unless the last holds 3 colours."""
    if array.dtype.kind not in "buifc":
        raise UnfitError(f"expected numbers, got an array of {array.dtype}")
    if array.ndim < 2:
        raise UnfitError(f"expected an array with at least 2 axes, got shape {array.shape}")
    colours = array.ndim > 2 and array.shape[-1] == 3
    white = None
    if array.dtype.kind in "bui":
        white = 1.0 if array.dtype == bool else float(np.iinfo(array.dtype).max)
    axes = "Q" * (array.ndim - 2 - colours) + "YX" + "S" * colours
    return Decoded(array, white, axes=axes)
