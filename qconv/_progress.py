"""Progress bars, by tqdm, which is an optional extra."""

from __future__ import annotations

from typing import Any


def progress_bar(total: int, unit: str) -> Any:
    """A bar of tqdm's on standard error that goes away when it is closed.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "progress: a progress bar needs tqdm; install it with: pip install 'qconv[images]'"
        ) from None
    return tqdm(total=total, unit=unit, unit_scale=unit == "shot", leave=False)
