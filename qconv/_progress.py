"""Progress bars, by tqdm, which is an optional extra."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


class _Silent:
    """What stands for a bar that is not shown."""

    def update(self, n: int = 1) -> None:
        """Show nothing."""

    def set_description_str(self, text: str) -> None:
        """Show nothing."""


def progress_bar(total: int | None, unit: str, *, show: bool) -> AbstractContextManager[Any]:
    """A bar of tqdm's on standard error that goes away when it is closed.

    Args:
        total: How much there is to do; None if nobody knows, 1 for a plain word of what is done.
        unit: What is counted.
        show: False for one that shows nothing.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    if not show:
        return nullcontext(_Silent())
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "progress: a progress bar needs tqdm; install it with: pip install 'qconv[images]'"
        ) from None
    how: dict[str, Any] = {"bar_format": "{desc}"} if total == 1 else {}
    bar: AbstractContextManager[Any] = tqdm(
        total=total, unit=unit, unit_scale=unit == "shot", leave=False, **how
    )
    return bar
