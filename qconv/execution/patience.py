"""Patience: a backend whose job fails is asked again, a few times, with pauses that grow."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")

#: What a job raises that would be the same the next time: mistakes in the call.
_FINAL = (TypeError, ValueError, AttributeError, LookupError, NotImplementedError, MemoryError)


@dataclass(frozen=True)
class Patience:
    """How often a job is tried, and how long to wait in between."""

    tries: int = 4
    """How often at most."""
    first: float = 1.0
    """Seconds to wait after the first failure."""
    factor: float = 4.0
    """By which each wait is longer than the one before."""
    sleep: Callable[[float], None] = time.sleep
    """How to wait so many seconds."""

    def asked(self, job: Callable[[], _T], what: str) -> _T:
        """What a job gives.

        Args:
            job: Runs it.
            what: It is, in words.

        Raises:
            RuntimeError: It failed as often as it was tried, with the last reason.
        """
        for failures in range(1, self.tries + 1):
            try:
                return job()
            except _FINAL:
                raise
            except Exception as error:  # whatever a vendor's client raises
                if failures == self.tries:
                    times = f"{failures} times, at last" if failures > 1 else "once"
                    why = str(error) or type(error).__name__
                    raise RuntimeError(f"backend: {what} failed {times}: {why}") from error
            self.sleep(self.first * self.factor ** (failures - 1))
        raise ValueError(f"tries: expected at least 1, got {self.tries}")


#: With which backends are asked: 21 seconds in all.
PATIENCE = Patience()

#: With which a simulator is asked that runs here, and would fail in the same way again.
NO_PATIENCE = Patience(tries=1)
