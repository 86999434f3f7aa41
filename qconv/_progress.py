"""Progress bars, by tqdm, which is an optional extra."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any


class _Silent:
    """What stands for a bar that is not shown."""

    n = initial = last_print_n = 0

    def update(self, n: int = 1) -> None:
        """Show nothing."""

    def refresh(self) -> None:
        """Show nothing."""

    def set_description_str(self, text: str) -> None:
        """Show nothing."""


def progress_bar(total: int | None, unit: str, *, show: bool) -> AbstractContextManager[Any]:
    """A bar of tqdm's that goes away when it is closed: how much of it is done, and its rate.

    It is on standard error, with the time that remains; in a notebook, a widget if there are any.

    Args:
        total: How much there is to do; None if nobody knows.
        unit: What is counted.
        show: False for one that shows nothing.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    if not show:
        return nullcontext(_Silent())
    try:
        import tqdm

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of widgets that are not installed: text serves
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
    """Show so much as done that was done before, so that it does not count in the rate."""
    if not n:
        return
    bar.n += n
    bar.initial += n
    bar.last_print_n += n
    bar.refresh()
