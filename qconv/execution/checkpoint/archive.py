"""Archives: many arrays in one ``.npz`` file, without pickle or copies of large arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Tile

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True)
class Record:
    """One array of the file."""

    key: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: Iterable[NDArray[Any]]
    """Pieces of the array in C order; iterated once."""

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class FilledTiles:
    """Arrays filled tile by tile."""

    tiles: Sequence[Tile]
    """Tiles of the output."""
    arrays: Sequence[NDArray[Any]]
    """Arrays of the output's shape."""
    done: NDArray[np.bool_]
    """Whether each tile is finished in all arrays."""

    def fill(self, numbers: NDArray[np.int64], *values: NDArray[Any]) -> None:
        """Copy finished tiles into the arrays."""
        for array, flat in zip(self.arrays, values, strict=True):
            start = 0
            for number in numbers.tolist():
                place = array[self.tiles[number]]
                place[...] = flat[start : start + place.size].reshape(place.shape)
                start += place.size
            if start != flat.size:
                raise ValueError("its tiles have a different shape")
        self.done[numbers] = True

    def records(self, key: str) -> Iterator[Record]:
        """Yield the indices of the finished tiles, and their values in each array."""
        numbers = np.flatnonzero(self.done)
        some = [self.tiles[number] for number in numbers.tolist()]
        yield Record(key, numbers.dtype, numbers.shape, [numbers])
        for array in self.arrays:
            size = sum(array[tile].size for tile in some)
            yield Record(key, array.dtype, (size,), map(array.__getitem__, some))


def put(parts: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Write an array to an ``.npz`` file."""
    with parts.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def put_records(parts: zipfile.ZipFile, name: str, records: Sequence[Record]) -> None:
    """Write the bytes of many arrays to an ``.npz`` file as one array, without copying them."""
    size = sum(part.nbytes for part in records)
    with parts.open(f"{name}.npy", "w", force_zip64=True) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
        np.lib.format.write_array_header_2_0(file, header)
        for part in records:
            for chunk in part.chunks:
                file.write(np.ascontiguousarray(chunk).reshape(-1).view(np.uint8).data)


def split_records(records: Sequence[Any], data: NDArray[np.uint8]) -> dict[str, Arrays]:
    """Return the arrays of concatenated bytes, given their key, dtype and shape."""
    found: dict[str, Arrays] = {}
    start = 0
    for key, dtype, shape in records:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        array = data[start : start + size].view(kind).reshape(shape)
        found[key] = (*found.get(key, ()), array)
        start += size
    if start != data.size:
        raise ValueError("some bytes are missing")
    return found
