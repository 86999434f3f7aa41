"""Running prepared work: measured, decoded, and with its bias where the noise is known."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol, Self

import numpy as np

from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.checkpoint.resume import continued
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.run import Known, run
from qconv.result.convolution import Convolution


class Runnable(Protocol):
    """Programs, how to measure them, and how to decode what they give."""

    @property
    def programs(self) -> Iterable[Program]:
        """Programs to run, in order."""

    @property
    def sampling(self) -> Sampling:
        """How circuits are measured."""

    @property
    def shots(self) -> int | None:
        """Shots per output pixel; None for the exact expectation."""

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode outcomes into an estimate."""

    def exact(self, sampling: Sampling) -> Self:
        """Return the work for the exact expectation."""


def run_or_resume(
    work: Runnable,
    call: Callable[[], Mapping[str, str]],
    resumed: Callable[[np.random.SeedSequence, int | None], Runnable],
    *,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Convolution:
    """Run work, or resume it from a checkpoint.

    Args:
        work: What to run.
        call: Digests of what the result depends on besides shots and sampling, by name.
        resumed: Work with another seed and other shots, which a checkpoint leaves to do.
        progress: Whether to show progress bars.
        checkpoint: As in `qconv.convolve`.
    """

    def measured(
        kept: Checkpoint | None, seed: np.random.SeedSequence, shots: int | None
    ) -> Convolution:
        asked = work if kept is None else resumed(seed, shots)
        return _measured(asked, progress=progress, kept=kept)

    return continued(checkpoint, call, work.sampling, work.shots, measured)


def _measured(work: Runnable, *, progress: bool, kept: Checkpoint | None) -> Convolution:
    """The estimate, with its bias where all outcomes are of simulators whose noise is known."""
    known: Known = {}
    outcomes = _Counted(
        run(work.programs, work.sampling, known=known, progress=progress, kept=kept)
    )
    result = work.decode(outcomes)
    if not outcomes.noise_is_known:
        return result
    with warnings.catch_warnings():  # which were given already
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = result
        if result.shots is not None:
            noisy = work.exact(work.sampling)
            expected = noisy.decode(run(noisy.programs, noisy.sampling, known=known))
        ideal = work.exact(work.sampling.ideal)
        right = ideal.decode(run(ideal.programs, ideal.sampling))
        return replace(result, bias=expected.image - right.image)


class _Counted:
    """Outcomes on their way to a method, and whether all come from known noise.

    Args:
        outcomes: What is passed on.
    """

    def __init__(self, outcomes: Iterator[Outcomes]) -> None:
        self._outcomes = outcomes
        self._came, self._others = 0, 0

    def __iter__(self) -> Iterator[Outcomes]:
        return self

    def __next__(self) -> Outcomes:
        found = next(self._outcomes)
        self._came += 1
        self._others += found.probabilities is None or found.ideal
        return found

    @property
    def noise_is_known(self) -> bool:
        """Whether there were any, and all had probabilities of known noise."""
        return self._came > 0 and not self._others
