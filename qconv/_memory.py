"""Refusing what would not fit, before any of it is allocated."""

from __future__ import annotations

import psutil


def available_memory() -> int:
    """Bytes that can be allocated now without swapping."""
    return int(psutil.virtual_memory().available)


def require_memory(needed: int, what: str) -> None:
    """Raise a ``ValueError`` if ``needed`` bytes are more than the machine has free."""
    free = available_memory()
    if needed > free:
        raise ValueError(
            f"{what} too large: needs about {needed / 2**30:,.1f} GiB of memory, "
            f"{free / 2**30:,.1f} GiB are available"
        )
