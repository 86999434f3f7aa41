"""Checkpoints: intermediate results of a call, in a file that is complete at every moment.

Each part of a call that draws random numbers has its own seed. This seed is derived from the seed
of the call and a sequence of numbers, the *place* of the part (see `qconv.execution.seeds`). Each
result is saved under the place of its part. All methods save results of the same three kinds:

* histograms of jobs on a backend or sampler,
* drawn sums over simulated probabilities,
* finished tiles of the output.

When the same call is repeated, it reads these results and computes the rest. The file is an
``.npz`` without pickle. The file contains the bytes of all arrays, and a JSON string that describes
the call and the arrays. The final result is added in the format in which its class saves it. The
file is replaced atomically, at intervals that increase with the time that writing takes.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv._files import replaced
from qconv._versions import versions
from qconv.execution.checkpoint.archive import (
    Arrays,
    FilledTiles,
    Record,
    put,
    put_records,
    split_records,
)
from qconv.execution.outcomes.histogram import Histogram
from qconv.grid import Tile
from qconv.result.convolution import Convolution
from qconv.result.several import Estimates
from qconv.result.single import Estimate

_FORMAT = 3

#: Minimum number of seconds between two writes, and maximum fraction of time spent on writing.
LEAST_INTERVAL, SHARE = 1.0, 0.01

#: Names of the parts of the file, in addition to the parts of a result.
_ABOUT, _DATA = "checkpoint", "data"


#: Result of a call.
Result: TypeAlias = Convolution | Estimate | Estimates

#: Classes of results, by the name in the file.
_CLASSES: dict[str, type[Result]] = {
    kind.__name__: kind for kind in (Convolution, Estimate, Estimates)
}


@dataclass(frozen=True)
class About:
    """Call that a checkpoint belongs to, and its progress."""

    call: Mapping[str, str]
    """Digests of everything that determines the result, except seed and shots, by name."""
    seed: Sequence[int]
    """Entropy of the root of all random streams."""
    shots: int | None
    """Shots per pixel of the finished call; None for the exact expectation."""
    held: int | None = None
    """Shots per pixel of the result in the file; None if there is no result or it is exact."""
    finished: bool = False
    """Whether the call is finished."""
    versions: frozenset[str] = field(default_factory=versions)
    """Versions of the packages used so far, such as ``"numpy 2.4.6"``."""


@dataclass(eq=False)
class Checkpoint:
    """Intermediate results of one call, in memory and in a file."""

    path: Path
    """Path of the file."""
    about: About
    """Call that the checkpoint belongs to, and its progress."""
    result: Result | None = None
    """Finished result that this call adds shots to; None if there is no such result."""
    names: set[str] = field(default_factory=set)
    """Names of the random streams of measured jobs."""
    _arrays: dict[str, Arrays] = field(default_factory=dict)
    _tiles: dict[str, FilledTiles] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _written: float = field(default_factory=time.monotonic)
    _took: float = 0.0
    _unsaved: bool = False
    _warned: bool = False
    _parts: dict[str, NDArray[Any]] | None = None

    @property
    def gathered(self) -> bool:
        """Whether there are any results to keep."""
        tiles = any(part.done.any() for part in self._tiles.values())
        return bool(self.result is not None or self._arrays or tiles)

    # --------------------------------------------------------------------- intermediate results

    def histogram(self, place: np.random.SeedSequence) -> Histogram | None:
        """Return the histogram of a job, by the place of its seed; None if it has not run."""
        found = self._arrays.get(f"job {_name(place)}")
        return None if found is None else Histogram(*found)

    def keep_histogram(
        self, place: np.random.SeedSequence, histogram: Histogram, names: set[str]
    ) -> None:
        """Save the histogram of a job, and the names of all streams so far."""
        self.names = set(names)
        self._keep(f"job {_name(place)}", (histogram.outcomes, histogram.counts))

    def sums(self, place: np.random.SeedSequence) -> Sums:
        """Return the sums of a program, by the place of its seed."""
        return Sums(self, f"sum {_name(place)}")

    def remaining_tiles(
        self,
        place: np.random.SeedSequence,
        tiles: Sequence[Tile],
        arrays: Sequence[NDArray[Any]],
    ) -> tuple[set[int], Callable[[int], None]]:
        """Fill arrays with finished tiles.

        Args:
            place: Place of the seed that names the arrays.
            tiles: Tiles of the output.
            arrays: Arrays of the output's shape; a tile is finished if filled in all of them.

        Returns:
            Indices of the finished tiles, and a function to call with the index of each further
            finished tile.
        """
        name = _name(place)
        kept = FilledTiles(tiles, arrays, np.zeros(len(tiles), dtype=np.bool_))
        found = self._arrays.pop(f"tiles {name}", None)
        if found is not None:
            kept.fill(*found)
        self._tiles[name] = kept
        finished = set(np.flatnonzero(kept.done).tolist())

        def done(number: int) -> None:
            kept.done[number] = True
            self._unsaved = True
            self.tick()

        return finished, done

    def _keep(self, key: str, arrays: Arrays) -> None:
        with self._lock:
            self._arrays[key] = arrays
            self._unsaved = True
        self.tick()

    # -------------------------------------------------------------------------------- the file

    def tick(self) -> None:
        """Write if a write is due and no other thread is writing."""
        if not self._due() or not self._lock.acquire(blocking=False):
            return
        try:
            if self._due():  # no other thread has written meanwhile
                self._write_or_warn()
        finally:
            self._lock.release()

    def _due(self) -> bool:
        return time.monotonic() >= self._written + max(LEAST_INTERVAL, self._took / SHARE)

    def save(self) -> bool:
        """Write now if anything has changed; return whether everything is saved."""
        with self._lock:
            if self._unsaved:
                self._write_or_warn()
            return not self._unsaved

    def begin(self) -> None:
        """Write for the first time, so that an unwritable file raises before anything runs.

        Raises:
            OSError: If the file cannot be written.
        """
        with self._lock:
            self._write()

    def finish(self, result: Result) -> None:
        """Replace all intermediate results by the final one."""
        about = self.about
        with self._lock:
            self.about = replace(about, held=about.shots, finished=True)
            self.result, self._parts, self._unsaved = result, None, True
            self._arrays, self._tiles = {}, {}
            self._write_or_warn()

    def _write_or_warn(self) -> None:
        """Write; if this fails, warn once and continue, as a later write may succeed."""
        try:
            self._write()
        except OSError as error:
            self._written = time.monotonic()
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"checkpoint: '{self.path}' could not be written ({error.strerror or error}); "
                    "the previous save is intact, and the call continues",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _write(self) -> None:
        started = time.monotonic()
        gathered, tiles = list(self._arrays.items()), list(self._tiles.items())
        records = [Record(key, a.dtype, a.shape, [a]) for key, arrays in gathered for a in arrays]
        for name, filled in tiles:
            records += filled.records(f"tiles {name}")
        if self._parts is None:  # cached, because circuits take time to serialise
            self._parts = {} if self.result is None else self.result.arrays()
        about = {
            **vars(self.about),
            "format": _FORMAT,
            "versions": sorted(self.about.versions),
            "names": sorted(self.names),
            "result": None if self.result is None else type(self.result).__name__,
            "records": [(part.key, part.dtype.str, part.shape) for part in records],
        }
        self._unsaved = False
        try:
            with replaced(self.path) as file, zipfile.ZipFile(file, "w") as parts:
                put(parts, _ABOUT, np.array(json.dumps(about)))
                for name, array in self._parts.items():
                    put(parts, name, array)
                put_records(parts, _DATA, records)
        except BaseException:
            self._unsaved = True
            raise
        self._written = time.monotonic()
        self._took = self._written - started

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a file.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If the file is not a checkpoint, is damaged, or has a different version.
        """
        with open(path, "rb") as file:
            try:
                return cls._read(path, file)
            except Exception as error:  # damaged files raise many different exceptions
                reason = str(error).partition("\n")[0].strip() or type(error).__name__
                raise ValueError(
                    f"checkpoint: '{path}' is not a checkpoint that can be resumed ({reason}); "
                    "the file was left unchanged: use another name, or remove the file"
                ) from error

    @classmethod
    def _read(cls, path: Path, file: IO[bytes]) -> Checkpoint:
        with np.load(file, allow_pickle=False) as parts:
            if _ABOUT not in parts:
                raise ValueError("it was not written as a checkpoint")
            about = json.loads(str(parts[_ABOUT]))
            if about.get("format") != _FORMAT:
                raise ValueError(f"expected format {_FORMAT}, got {about.get('format')}")
            found = frozenset(map(str, about["versions"]))
            if own := {name for name in found if name.startswith("qconv ")} - versions():
                raise ValueError(f"it was written by {', '.join(sorted(own))}")
            arrays = split_records(about["records"], parts[_DATA])
            kind = about["result"]
            result = None if kind is None else _CLASSES[kind].from_arrays(parts)
        whose = About(
            call={str(name): str(value) for name, value in about["call"].items()},
            seed=[int(word) for word in about["seed"]],
            shots=about["shots"],
            held=about["held"],
            finished=bool(about["finished"]),
            versions=found,
        )
        return cls(path, whose, result, set(about["names"]), arrays)


@dataclass(eq=False)
class Sums:
    """Sums over one program's outcomes, in the order of the calls of `once`."""

    checkpoint: Checkpoint
    """Checkpoint that contains the sums."""
    name: str
    """Name of the sums within the checkpoint."""
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def known(self) -> bool:
        """Whether any sum is in the checkpoint."""
        return f"{self.name} 0" in self.checkpoint._arrays

    def once(self, work: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the next sum, from the checkpoint or computed by ``work``."""
        key = f"{self.name} {next(self._numbers)}"
        found = self.checkpoint._arrays.get(key)
        if found is None:
            found = (np.asarray(work()),)
            self.checkpoint._keep(key, found)
        return found[0]


def _name(place: np.random.SeedSequence) -> str:
    """Return the place of a seed as a string."""
    return "/".join(map(str, place.spawn_key))


def digest(*arrays: NDArray[Any]) -> str:
    """Return a digest of arrays, their shapes and their types."""
    made = hashlib.blake2b(digest_size=16)
    for array in arrays:
        made.update(repr((array.shape, array.dtype.str)).encode())
        made.update(np.ascontiguousarray(array).data)
    return made.hexdigest()
