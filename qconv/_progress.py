"""Progress bars of tqdm, which is an optional dependency."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any


class _Silent:
    """Stand-in for a progress bar that is not shown."""

    n = initial = last_print_n = 0

    def update(self, *_: object) -> None:
        """Show nothing."""

    refresh = set_description_str = update


def progress_bar(total: int | None, unit: str, *, show: bool) -> AbstractContextManager[Any]:
    """Return a progress bar on standard error, or a widget in notebooks, cleared when it closes.

    Args:
        total: Number of units of work; None if it is unknown.
        unit: Name of the unit.
        show: Whether to show the bar.

    Raises:
        ModuleNotFoundError: If tqdm is not installed.
    """
    if not show:
        return nullcontext(_Silent())
    try:
        import tqdm

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing widgets: a text bar suffices
            from tqdm.auto import tqdm
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "progress: a progress bar needs tqdm; install it with: pip install 'qconv[images]'"
        ) from None
    how: dict[str, Any] = {"bar_format": "{desc}"} if unit == "circuit" and total == 1 else {}
    bar: AbstractContextManager[Any] = tqdm(
        total=total, unit=unit, unit_scale=unit == "shot", leave=False, dynamic_ncols=True, **how
    )
    return bar


def skip(bar: Any, n: int) -> None:
    """Show ``n`` units of earlier work as done, without counting them in the rate."""
    if not n:
        return
    bar.n += n
    bar.initial += n
    bar.last_print_n += n
    bar.refresh()
