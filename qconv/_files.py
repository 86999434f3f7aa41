"""Writing files: whole or not at all, and never in the place of something else."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Ending of a file that is not written in full yet.
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Place:
    """Where something is to be written, and what is there now."""

    path: Path
    """As it was given."""
    status: os.stat_result | None
    """Of what the path leads to, links followed; None if nothing is there."""

    @classmethod
    def of(cls, path: Path) -> Place:
        """Look at a path.

        Raises:
            OSError: The path leads nowhere, such as a link to itself.
        """
        try:
            return cls(path, os.stat(path))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None)

    @property
    def is_stream(self) -> bool:
        """Whether it is a pipe or a device: written to, never replaced."""
        return self.status is not None and not (
            stat.S_ISREG(self.status.st_mode) or stat.S_ISDIR(self.status.st_mode)
        )

    @property
    def holds_nothing(self) -> bool:
        """Whether nothing is lost by writing there: no file, a pipe, a terminal, ``/dev/null``."""
        if self.status is None or self.descriptor is not None:
            return True
        return stat.S_ISFIFO(self.status.st_mode) or stat.S_ISCHR(self.status.st_mode)

    @property
    def descriptor(self) -> int | None:
        """Standard output's or standard error's number, if this is ``/dev/stdout`` or the like."""
        for number in (1, 2):
            with suppress(OSError):
                if self.status and os.path.samestat(self.status, os.fstat(number)):
                    return number
        return None

    def require_writable(self) -> None:
        """Raise an ``OSError`` for a folder, and for a file that is write-protected."""
        if self.status is None:
            return
        if stat.S_ISDIR(self.status.st_mode):
            raise _error(errno.EISDIR, self.path, IsADirectoryError)
        # The superuser may write to everything; what nobody may write to is protected all the same.
        everybody = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
        if not self.status.st_mode & everybody or not os.access(self.path, os.W_OK):
            raise _error(errno.EACCES, self.path, PermissionError)


def is_regular(place: Place) -> bool:
    """Whether a place is a file, or nothing yet: no folder, pipe or device."""
    return place.status is None or stat.S_ISREG(place.status.st_mode)


def _error(number: int, path: Path, kind: type[OSError]) -> OSError:
    return kind(number, os.strerror(number), str(path))


@contextmanager
def written_together(*paths: Path) -> Iterator[list[Path]]:
    """Places to write files in full, which go to their own places if all goes well.

    A file that exists is replaced in one step and keeps its permissions; a symbolic link is
    followed; what came goes into a pipe or a device as it would by the shell's ``>``. If anything
    fails before, nothing is written.

    Args:
        paths: Where the files belong; the folders exist.

    Yields:
        As many paths with the same names, where nothing is yet.

    Raises:
        PermissionError: A file is write-protected.
        OSError: A file cannot be written.
    """
    places = [Place.of(path) for path in paths]
    for place in places:
        place.require_writable()
    with ExitStack() as stack:
        partial = []
        for place in places:
            folder = stack.enter_context(_folder_for(place))
            partial.append(Path(folder, place.path.name))
        try:
            yield partial
        except OSError as error:
            for source, place in zip(partial, places, strict=True):
                if error.filename == str(source):  # of which nobody has heard
                    raise type(error)(error.errno, error.strerror, str(place.path)) from error
            raise
        moves = sorted(zip(partial, places, strict=True), key=lambda move: not move[1].is_stream)
        for source, place in moves:  # first what may still fail: the reader of a pipe that has gone
            (_pour if _is_poured(place) else _replace)(source, place)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write in full, which then takes the place of the one at ``path`` in one step.

    It is on the disk before it does. If anything fails before, what is there stays as it is. What
    a process that was killed left beside it is removed.

    Args:
        path: Of a file, there or not; the folder exists. A symbolic link is followed.

    Raises:
        OSError: The file cannot be written, or is write-protected.
    """
    place = Place.of(path)
    place.require_writable()
    real = Path(os.path.realpath(path))
    _remove_left_over(real)
    partial = real.with_name(f".{real.name}.{os.getpid()}{_PARTIAL}")
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _replace(partial, place)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def _remove_left_over(real: Path) -> None:
    """Remove what was not written in full, by processes that are no more."""
    import psutil  # which the command line has no time for when it starts

    for left in real.parent.glob(f".{glob.escape(real.name)}.*{_PARTIAL}"):
        number = left.name.removesuffix(_PARTIAL).rpartition(".")[2]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            left.unlink(missing_ok=True)


@contextmanager
def _folder_for(place: Place) -> Iterator[str]:
    """A folder that vanishes afterwards, on the same file system where a file is replaced."""
    beside = None if _is_poured(place) else os.path.dirname(os.path.realpath(place.path))
    try:
        folder = tempfile.TemporaryDirectory(dir=beside, prefix=".qconv-")
    except OSError as error:  # which would name a folder that nobody has heard of
        raise type(error)(error.errno, error.strerror, str(place.path)) from None
    with folder as name:
        yield name


def _is_poured(place: Place) -> bool:
    """Whether the bytes go into what is there: a stream, or the file that output is sent to."""
    return place.is_stream or place.descriptor is not None


def _pour(source: Path, place: Place) -> None:
    """Write a file's bytes to a pipe or a device."""
    number = place.descriptor
    if number is not None:
        for printed in filter(None, (sys.stdout, sys.stderr)):
            printed.flush()
    with (
        open(source, "rb") as file,
        # Its own descriptor: another one of the same file would begin at its start again.
        open(place.path if number is None else os.dup(number), "wb") as stream,
    ):
        shutil.copyfileobj(file, stream)


def _replace(source: Path, place: Place) -> None:
    """Move a file to its place, with the permissions and the owner of the one that is there."""
    if place.status is not None:
        with suppress(OSError):  # only the superuser gives files away
            os.chown(source, place.status.st_uid, place.status.st_gid)
        os.chmod(source, stat.S_IMODE(place.status.st_mode))
    os.replace(source, os.path.realpath(place.path))
