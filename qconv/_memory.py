"""Refusing what would not fit, before any of it is allocated."""

from __future__ import annotations

import os


def available_memory() -> int | None:
    """Bytes that can be allocated now without swapping; None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def require_memory(needed: int, what: str) -> None:
    """Raise a ``ValueError`` if ``needed`` bytes are more than the machine has free."""
    free = available_memory()
    if free is not None and needed > free:
        raise ValueError(
            f"{what} too large: needs about {needed / 2**30:,.1f} GiB of memory, "
            f"{free / 2**30:,.1f} GiB are available"
        )
