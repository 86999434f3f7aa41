"""Writing files completely or not at all; pipes and devices are never replaced."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import platform
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

#: Suffix of a file that is not complete yet.
_PARTIAL = ".partial"

#: Number of seconds without a change after which an incomplete file counts as abandoned.
_ABANDONED = 3600.0


@dataclass(frozen=True)
class Place:
    """Path to write to, and what exists there."""

    path: Path
    """Path as it was given."""
    status: os.stat_result | None
    """Status of the file, device or pipe, with links followed; None if nothing exists."""

    @classmethod
    def of(cls, path: Path) -> Place:
        """Get the status of a path; raise an ``OSError`` if symbolic links form a loop."""
        try:
            return cls(path, os.stat(path))
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, None)

    @property
    def is_stream(self) -> bool:
        """Whether the path is a pipe or a device, which is never replaced."""
        return self.status is not None and not (
            stat.S_ISREG(self.status.st_mode) or stat.S_ISDIR(self.status.st_mode)
        )

    @property
    def holds_nothing(self) -> bool:
        """Whether writing loses nothing: no file, a pipe, a terminal or ``/dev/null``."""
        if self.status is None or self.descriptor is not None:
            return True
        return stat.S_ISFIFO(self.status.st_mode) or stat.S_ISCHR(self.status.st_mode)

    @property
    def descriptor(self) -> int | None:
        """Descriptor of stdout or stderr if the path leads there; otherwise None."""
        for number in (1, 2):
            with suppress(OSError):
                if self.status and os.path.samestat(self.status, os.fstat(number)):
                    return number
        return None

    def require_writable(self) -> None:
        """Raise an ``OSError`` for a directory and for a write-protected file."""
        if self.status is None:
            return
        if stat.S_ISDIR(self.status.st_mode):
            raise _error(errno.EISDIR, self.path, IsADirectoryError)
        # A file that nobody may write to is protected even from the superuser.
        everybody = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
        if not self.status.st_mode & everybody or not os.access(self.path, os.W_OK):
            raise _error(errno.EACCES, self.path, PermissionError)


def is_regular(place: Place) -> bool:
    """Return whether a place is a file or does not exist yet."""
    return place.status is None or stat.S_ISREG(place.status.st_mode)


def _error(number: int, path: Path, kind: type[OSError]) -> OSError:
    return kind(number, os.strerror(number), str(path))


@contextmanager
def written_together(*paths: Path) -> Iterator[list[Path]]:
    """Yield temporary paths with the same names, and move the files to ``paths`` on success.

    An existing file is replaced in one step and keeps its permissions. Symbolic links are followed.
    Pipes and devices are written to, as by the shell's ``>``. If the block raises an error, nothing
    is written.

    Raises:
        PermissionError: If a file is write-protected.
        OSError: If a file cannot be written.
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
                if error.filename == str(source):  # name the path that the caller knows
                    raise type(error)(error.errno, error.strerror, str(place.path)) from error
            raise
        moves = sorted(zip(partial, places, strict=True), key=lambda move: not move[1].is_stream)
        for source, place in moves:  # streams first, because a closed pipe can still fail
            (_pour if _is_poured(place) else _replace)(source, place)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file, which replaces the file at ``path`` in one step on success.

    The new file is flushed to disk before the replacement. If the block raises an error, the old
    file is left unchanged. Incomplete files of killed processes are removed. A symbolic link is
    followed.

    Raises:
        OSError: If the file cannot be written or is write-protected.
    """
    place = Place.of(path)
    place.require_writable()
    real = Path(os.path.realpath(path))
    _remove_left_over(real)
    unique = f"{_processes()}.{os.getpid()}.{secrets.token_hex(4)}"
    partial = real.with_name(f".{real.name}.{unique}{_PARTIAL}")
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
    """Remove incomplete files whose process no longer exists.

    Processes of other machines and containers cannot be seen. Their files are removed if they have
    not changed for a long time.
    """
    import psutil  # imported here because it is slow to import

    for left in real.parent.glob(f".{glob.escape(real.name)}.*{_PARTIAL}"):
        where, _, rest = left.name[len(real.name) + 2 :].partition(".")
        number = rest.partition(".")[0]
        with suppress(OSError):
            old = time.time() - left.stat().st_mtime > _ABANDONED
            here = where == _processes() and number.isdecimal()
            if old or (here and not psutil.pid_exists(int(number))):
                left.unlink()


@cache
def _processes() -> str:
    """Return a name for the processes visible from here, on a machine or in a container."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.blake2b(f"{platform.node()} {space}".encode(), digest_size=4).hexdigest()


@contextmanager
def _folder_for(place: Place) -> Iterator[str]:
    """Yield a temporary directory, on the same file system if a file is to be replaced."""
    beside = None if _is_poured(place) else os.path.dirname(os.path.realpath(place.path))
    try:
        folder = tempfile.TemporaryDirectory(dir=beside, prefix=".qconv-")
    except OSError as error:  # name the path that the caller knows
        raise type(error)(error.errno, error.strerror, str(place.path)) from None
    with folder as name:
        yield name


def _is_poured(place: Place) -> bool:
    """Return whether bytes are written to a stream, or to the file of standard output or error."""
    return place.is_stream or place.descriptor is not None


def _pour(source: Path, place: Place) -> None:
    """Write the bytes of a file to a pipe or a device."""
    number = place.descriptor
    if number is not None:
        for printed in filter(None, (sys.stdout, sys.stderr)):
            printed.flush()
    with (
        open(source, "rb") as file,
        # A duplicate of the descriptor continues at its position in the file.
        open(place.path if number is None else os.dup(number), "wb") as stream,
    ):
        shutil.copyfileobj(file, stream)


def _replace(source: Path, place: Place) -> None:
    """Move a file to its place, with the permissions and the owner of the existing file."""
    if place.status is not None:
        with suppress(OSError):  # only the superuser may change the owner
            os.chown(source, place.status.st_uid, place.status.st_gid)
        os.chmod(source, stat.S_IMODE(place.status.st_mode))
    os.replace(source, os.path.realpath(place.path))
