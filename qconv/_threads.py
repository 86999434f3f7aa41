"""Distribution of independent pieces of work over the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar

from qconv._progress import progress_bar, skip

#: Maximum number of pieces of work that a thread takes at a time.
_LONGEST = 16

#: Whether the caller is one of many that already share the cores.
_ONE_THREAD = ContextVar("_ONE_THREAD", default=False)


@contextmanager
def one_thread() -> Iterator[None]:
    """Use only the caller's thread, because others already use the remaining cores."""
    token = _ONE_THREAD.set(True)
    try:
        yield
    finally:
        _ONE_THREAD.reset(token)


def worker_count() -> int:
    """Return the number of threads: ``QCONV_NUM_THREADS``, or the cores available to the process.

    Raises:
        ValueError: If the variable is not an integer of at least 1.
    """
    if _ONE_THREAD.get():
        return 1
    asked = os.environ.get("QCONV_NUM_THREADS")
    if asked:
        if not asked.isdecimal() or int(asked) < 1:
            raise ValueError(f"QCONV_NUM_THREADS: expected an integer >= 1, got {asked!r}")
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def for_each(
    work: Callable[[int], None],
    count: int,
    *,
    progress: bool,
    finished: Collection[int] = (),
) -> None:
    """Call ``work(0) ... work(count - 1)`` on all cores.

    Calls must not write to the same memory. Threads help because NumPy's generators release the
    interpreter lock while they draw. The first error cancels the calls that have not begun.

    Args:
        work: Function to call with each number.
        count: Number of calls.
        progress: Whether to show a progress bar.
        finished: Numbers to skip.
    """
    todo = [number for number in range(count) if number not in finished]
    workers = min(worker_count(), len(todo))
    with progress_bar(count, "tile", show=progress) as done:
        skip(done, count - len(todo))
        if workers <= 1:
            for number in todo:
                work(number)
                done.update()
            return
        with ThreadPoolExecutor(workers) as pool:
            try:
                futures = [pool.submit(_call_all, work, part) for part in _parts(todo, workers)]
                for future in as_completed(futures):
                    done.update(future.result())
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _parts(todo: list[int], workers: int) -> Iterator[list[int]]:
    """Split work into several parts per worker, so that a slow core causes little delay.

    Parts are short, so that interrupts take effect soon and progress is visible.
    """
    length = min(max(1, len(todo) // (8 * workers)), _LONGEST)
    for start in range(0, len(todo), length):
        yield todo[start : start + length]


def _call_all(work: Callable[[int], None], indices: list[int]) -> int:
    for index in indices:
        work(index)
    return len(indices)
