"""Retry: a failed job is resubmitted a few times, with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_T = TypeVar("_T")


class JobCancelledError(RuntimeError):
    """A job was cancelled, so it must not be submitted again."""


#: Exceptions that would occur again, because they are due to errors in the call.
_FINAL = (TypeError, ValueError, AttributeError, LookupError, NotImplementedError, MemoryError)


@dataclass(frozen=True)
class Retry:
    """Number of tries of a job, and the pauses between them."""

    tries: int = 4
    """Maximum number of tries."""
    first: float = 1.0
    """Pause after the first failure, in seconds."""
    factor: float = 4.0
    """Ratio of each pause to the previous one."""
    sleep: Callable[[float], None] = time.sleep
    """Function that waits for a number of seconds."""

    def call(self, job: Callable[[], _T], what: str) -> _T:
        """Run a job until it succeeds, and return its result.

        Args:
            job: Function that runs the job.
            what: Description of the job, for the message.

        Raises:
            RuntimeError: If all tries failed; the message contains the last reason.
        """
        for failures in range(1, self.tries + 1):
            try:
                return job()
            except (*_FINAL, JobCancelledError):
                raise
            except Exception as error:  # vendors' clients raise many different exceptions
                if failures == self.tries:
                    times = f"{failures} times; last error" if failures > 1 else "once"
                    why = str(error) or type(error).__name__
                    raise RuntimeError(f"backend: {what} failed {times}: {why}") from error
            self.sleep(self.first * self.factor ** (failures - 1))
        raise ValueError(f"tries: expected at least 1, got {self.tries}")


def result_of(job: Any) -> Any:
    """Return the result of a submitted job.

    Raises:
        JobCancelledError: If the job was cancelled.
        Exception: If the job failed for any other reason.
    """
    try:
        return job.result()
    except Exception as error:
        status = getattr(job, "status", None)
        status = status() if callable(status) else status
        if "CANCEL" in str(getattr(status, "name", status)).upper():
            raise JobCancelledError("backend: the job was cancelled") from error
        raise


#: Retries of backends: 21 seconds in all.
RETRY = Retry()

#: Retries of a local simulator, which would fail in the same way again.
NO_RETRY = Retry(tries=1)
