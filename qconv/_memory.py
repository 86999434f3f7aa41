"""Checks that arrays fit in memory, before these arrays are allocated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import psutil

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

#: Maximum number of lookups of the available memory per second, while there is plenty.
_PER_SECOND = 4

#: For control groups of version 2 and 1: mount point, name of the controller in
#: ``/proc/self/cgroup``, file with the limit, and file with the usage. The last item is the name of
#: the line in ``memory.stat`` for memory that the kernel frees first (files that were read once).
_GROUPS = (
    ("sys/fs/cgroup", "", "memory.max", "memory.current", "inactive_file"),
    (
        "sys/fs/cgroup/memory",
        "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


def available_memory(root: Path = Path("/")) -> int:
    """Return the number of bytes that can be allocated now without swapping.

    Limits are the free memory of the machine, the control groups of this process and their parents,
    and the limit on address space. Containers and schedulers set control groups. ``root`` is the
    directory that contains ``proc`` and ``sys``.
    """
    free = [int(psutil.virtual_memory().available), *_in_groups(root)]
    if resource is not None:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free.append(limit - int(psutil.Process().memory_info().vms))
    return max(0, min(free))


def _in_groups(root: Path) -> Iterator[int]:
    """Yield the number of bytes that each control group of this process still allows."""
    for mount, controller, limit, use, reclaimable in _GROUPS:
        for folder in _folders(root, root / mount, controller):
            most, used = _number(folder / limit), _number(folder / use)
            if most is not None and used is not None:
                yield most - max(0, used - _line(folder / "memory.stat", reclaimable))


def _folders(root: Path, mount: Path, controller: str) -> list[Path]:
    """Return the group of this process and its parents; in a container, the mount point."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") and ".." not in PurePosixPath(path).parts:
            own = mount / path.lstrip("/")
            return [own, *(folder for folder in own.parents if folder.is_relative_to(mount))]
    return [mount]


def _number(path: Path) -> int | None:
    """Return the number in a file; None if the file is missing or contains ``max``."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _line(path: Path, name: str) -> int:
    """Return the number after a name in a file of names and numbers; 0 if it is missing."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
        return next((int(line[1]) for line in lines if line[:1] == [name]), 0)
    except (OSError, ValueError, IndexError):
        return 0


@lru_cache(maxsize=1)
def _lately(measure: Callable[[], int], moment: int) -> int:
    """Return a cached measurement, because measuring takes longer than a small convolution."""
    return measure()


def require_memory(needed: int, what: str) -> None:
    """Raise a ``ValueError`` if ``needed`` bytes cannot be allocated."""
    if needed <= _lately(available_memory, int(time.monotonic() * _PER_SECOND)) // 2:
        return
    free = available_memory()
    if needed > free:
        raise ValueError(
            f"{what} too large: needs about {needed / 2**30:,.1f} GiB of memory, "
            f"{free / 2**30:,.1f} GiB are available"
        )


def require_copies(array: object, name: str) -> None:
    """Raise a ``ValueError`` if floating-point copies of an array would not fit in memory."""
    if isinstance(array, np.ndarray):
        require_memory(3 * 8 * array.size, f"{name} of shape {array.shape} is")
