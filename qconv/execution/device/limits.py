"""Limits of jobs: how many shots a backend takes at once, and shots split to that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

#: Shots of one job where nothing says less. Few enough for a sampler that keeps every shot's bits.
JOB_SHOTS = 1_000_000


def job_sizes(shots: int, backend: Any, job_shots: int | None = None) -> Iterator[int]:
    """Split shots into jobs that a backend takes, the largest first.

    Args:
        shots: At least as many are asked for; more where a backend takes no smaller job for the
            rest.
        backend: What says how many shots it takes at once: by a validator of its ``Options`` (a
            range or a list), by ``max_shots``, or by its ``configuration()``.
        job_shots: Most shots of a job, where nothing says it or fewer are wanted.

    Yields:
        Shots of each job.
    """
    allowed = _choices(backend)
    least, most = _bounds(backend)
    wanted = JOB_SHOTS if job_shots is None else job_shots
    most = wanted if most is None else min(most, wanted)
    missing = shots
    while missing > 0:
        if allowed:
            fitting = [size for size in allowed if size <= min(missing, most)]
            size = max(fitting, default=min(allowed))
        else:
            size = max(min(missing, most), least)
        yield size
        missing -= size


def _validator(backend: Any) -> Any:
    """What a backend's options say about shots, if they do."""
    validators = getattr(getattr(backend, "options", None), "validator", None)
    return validators.get("shots") if isinstance(validators, dict) else None


def _choices(backend: Any) -> list[int]:
    """The only numbers of shots that a backend takes, if it lists them."""
    rule = _validator(backend)
    return sorted(int(size) for size in rule if size > 0) if isinstance(rule, list) else []


def _bounds(backend: Any) -> tuple[int, int | None]:
    """Fewest and most shots of a job; None if nothing says how many."""
    rule = _validator(backend)
    least, most = rule if isinstance(rule, tuple) else (1, None)
    limits = [most, getattr(backend, "max_shots", None)]
    configuration = getattr(backend, "configuration", None)
    if callable(configuration):
        limits.append(getattr(configuration(), "max_shots", None))
    known = [int(n) for n in limits if isinstance(n, int | float | np.number) and 1 <= n < np.inf]
    return max(1, int(least)), min(known, default=None)
