"""Checkpoints: what a call gathered so far, in a file that is whole at every moment.

Whatever is random in a call has a seed of its own, named by its place under the call's root (see
`qconv.execution.seeds`). What came of it is kept under that name, whatever the method:

* histograms of the jobs that a backend or sampler ran,
* sums over a law that was simulated, with their draws,
* the tiles of the output that are finished.

The same call finds what is there, and does the rest. The file is an ``.npz`` without pickle: a text
in JSON that says whose it is and what it holds, the bytes of all arrays one after the other, and
the result as `qconv.Convolution.save` writes it, once there is one. It is replaced in one step, at
intervals that grow with the time that writing takes.
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
from typing import IO, Any

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
    taken_apart,
)
from qconv.execution.outcomes.histogram import Histogram
from qconv.grid import Tile
from qconv.result.convolution import Convolution
from qconv.result.files import parts_of, read_parts

_FORMAT = 2

#: Least seconds between two writings, and the most of the time that may go into writing.
LEAST_INTERVAL, SHARE = 1.0, 0.01

#: Names of the file's parts beside those of a result.
_ABOUT, _DATA = "checkpoint", "data"


@dataclass(frozen=True)
class About:
    """Whose a checkpoint is."""

    call: Mapping[str, str]
    """Digests of everything that the bytes of the result depend on but seed and shots, by name."""
    seed: Sequence[int]
    """Entropy of the root of all randomness."""
    shots: int | None
    """Shots for each pixel when it is finished; None for the exact expectation."""
    held: int | None = None
    """Shots of the result that it holds; None where there is none yet, or where it is exact."""
    finished: bool = False
    """Whether nothing is left to do."""
    versions: frozenset[str] = field(default_factory=versions)
    """Versions of the packages that have worked on it, each as in ``"numpy 2.4.6"``."""


@dataclass(eq=False)
class Checkpoint:
    """What one call gathered so far, in memory and in a file."""

    path: Path
    """Of the file."""
    about: About
    """Whose it is."""
    result: Convolution | None = None
    """What was finished before, to which this call adds; None for nothing."""
    names: set[str] = field(default_factory=set)
    """Names of the random streams of jobs that were measured."""
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
        """Whether there is anything that would be lost."""
        tiles = any(part.done.any() for part in self._tiles.values())
        return bool(self.result is not None or self._arrays or tiles)

    # ------------------------------------------------------------------------- what is gathered

    def histogram(self, place: np.random.SeedSequence) -> Histogram | None:
        """What a job gave, by the place of its seed; None if it has not run yet."""
        found = self._arrays.get(f"job {_name(place)}")
        return None if found is None else Histogram(*found)

    def keep_histogram(
        self, place: np.random.SeedSequence, histogram: Histogram, names: set[str]
    ) -> None:
        """Keep what a job gave, and the names of all streams up to it."""
        self.names = set(names)
        self._keep(f"job {_name(place)}", (histogram.outcomes, histogram.counts))

    def sums(self, place: np.random.SeedSequence) -> Sums:
        """The sums of a program, by the place of its seed."""
        return Sums(self, f"sum {_name(place)}")

    def remaining_tiles(
        self,
        place: np.random.SeedSequence,
        tiles: Sequence[Tile],
        arrays: Sequence[NDArray[Any]],
    ) -> tuple[set[int], Callable[[int], None]]:
        """Fill arrays with the tiles that are finished.

        Args:
            place: Names the arrays.
            tiles: Of the output.
            arrays: Of the output's shape; a tile is finished when it is filled in all of them.

        Returns:
            The numbers of the finished tiles, and what to call when another one is.
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
        """Write, if it is time to; at once only one thread does."""
        if not self._due() or not self._lock.acquire(blocking=False):
            return
        try:
            if self._due():  # nobody else was faster
                self._write_or_warn()
        finally:
            self._lock.release()

    def _due(self) -> bool:
        return time.monotonic() >= self._written + max(LEAST_INTERVAL, self._took / SHARE)

    def save(self) -> bool:
        """Write now, if anything is new; returns whether all is saved."""
        with self._lock:
            if self._unsaved:
                self._write_or_warn()
            return not self._unsaved

    def begin(self) -> None:
        """Write for the first time, so that a file which cannot be written is known at once.

        Raises:
            OSError: It cannot be written.
        """
        with self._lock:
            self._write()

    def finish(self, result: Convolution) -> None:
        """Hold the result, and nothing of what it came from."""
        about = self.about
        with self._lock:
            self.about = replace(about, held=about.shots, finished=True)
            self.result, self._parts, self._unsaved = result, None, True
            self._arrays, self._tiles = {}, {}
            self._write_or_warn()

    def _write_or_warn(self) -> None:
        """Write; what cannot be written now may be later, and the work does not stop for it."""
        try:
            self._write()
        except OSError as error:
            self._written = time.monotonic()
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"checkpoint: '{self.path}' could not be written ({error.strerror or error}); "
                    "what was saved before is still there, and the work goes on",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _write(self) -> None:
        started = time.monotonic()
        records = list(self._records())
        about = {
            "format": _FORMAT,
            "versions": sorted(self.about.versions),
            "call": dict(self.about.call),
            "seed": [int(word) for word in self.about.seed],
            "shots": self.about.shots,
            "held": self.about.held,
            "finished": self.about.finished,
            "names": sorted(self.names),
            "records": [(part.key, part.dtype.str, part.shape) for part in records],
        }
        self._unsaved = False
        try:
            with replaced(self.path) as file, zipfile.ZipFile(file, "w") as parts:
                put(parts, _ABOUT, np.array(json.dumps(about)))
                for name, array in self._result_parts().items():
                    put(parts, name, array)
                put_records(parts, _DATA, records)
        except BaseException:
            self._unsaved = True
            raise
        self._written = time.monotonic()
        self._took = self._written - started

    def _result_parts(self) -> dict[str, NDArray[Any]]:
        """The arrays of the result, worked out once, as circuits take time."""
        if self._parts is None:
            self._parts = {} if self.result is None else parts_of(vars(self.result))
        return self._parts

    def _records(self) -> Iterator[Record]:
        """All arrays that are gathered; those of tiles as they are now."""
        for key, arrays in list(self._arrays.items()):
            for array in arrays:
                yield Record(key, array.dtype, array.shape, [array])
        for name, tiles in list(self._tiles.items()):
            yield from tiles.records(f"tiles {name}")

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read what is in a file.

        Raises:
            FileNotFoundError: There is none.
            ValueError: It is no checkpoint, is damaged, or is of another version.
        """
        with open(path, "rb") as file:
            try:
                return cls._read(path, file)
            except Exception as error:  # a file can be wrong in as many ways as there are readers
                reason = str(error).partition("\n")[0].strip() or type(error).__name__
                raise ValueError(
                    f"checkpoint: '{path}' is no checkpoint that can be gone on from ({reason}); "
                    "left as it is: give another name, or remove it"
                ) from error

    @classmethod
    def _read(cls, path: Path, file: IO[bytes]) -> Checkpoint:
        with np.load(file, allow_pickle=False) as parts:
            if _ABOUT not in parts:
                raise ValueError("it was not written as a checkpoint")
            about = json.loads(str(parts[_ABOUT]))
            data = parts[_DATA]
        if about.get("format") != _FORMAT:
            raise ValueError(f"it is of format {about.get('format')}, this is {_FORMAT}")
        found = frozenset(map(str, about["versions"]))
        if own := {name for name in found if name.startswith("qconv ")} - versions():
            raise ValueError(f"it was written by {', '.join(sorted(own))}")
        whose = About(
            call={str(name): str(value) for name, value in about["call"].items()},
            seed=[int(word) for word in about["seed"]],
            shots=about["shots"],
            held=about["held"],
            finished=bool(about["finished"]),
            versions=found,
        )
        result = None
        if whose.finished or whose.held is not None:
            file.seek(0)
            result = Convolution(**read_parts(file))
        arrays = taken_apart(about["records"], data)
        return cls(path, whose, result, set(about["names"]), arrays)


@dataclass(eq=False)
class Sums:
    """Sums over one program's outcomes, in the order in which they are asked for."""

    checkpoint: Checkpoint
    name: str
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def known(self) -> bool:
        """Whether any was worked out before."""
        return f"{self.name} 0" in self.checkpoint._arrays

    def once(self, work: Callable[[], NDArray[np.float64]]) -> NDArray[np.float64]:
        """The next sum: as it was worked out before, or as it is now."""
        key = f"{self.name} {next(self._numbers)}"
        found = self.checkpoint._arrays.get(key)
        if found is None:
            found = (np.asarray(work()),)
            self.checkpoint._keep(key, found)
        return found[0]


def _name(place: np.random.SeedSequence) -> str:
    """A place under the root, in words."""
    return "/".join(map(str, place.spawn_key))


def digest(*arrays: NDArray[Any]) -> str:
    """Tells arrays apart."""
    made = hashlib.blake2b(digest_size=16)
    for array in arrays:
        made.update(repr((array.shape, array.dtype.str)).encode())
        made.update(np.ascontiguousarray(array).data)
    return made.hexdigest()
