"""Running: measure programs, decode their outcomes, and add the bias of known noise."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np

from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.checkpoint.resume import continued
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.run import Known, run
from qconv.planning.method import LoadingError
from qconv.result.convolution import Convolution
from qconv.result.tolerance import Shortfall, shortfall_message

#: Maximum number of rounds that add shots for a tolerance.
FURTHER_ROUNDS = 3

#: Ratio of errors after and before a round, above which further rounds are not worth their shots.
_LESS = 0.95


class Runnable(Protocol):
    """Programs, the options of their measurement, and the decoding of their outcomes."""

    @property
    def programs(self) -> Iterable[Program]:
        """Programs to run, in order."""

    @property
    def sampling(self) -> Sampling:
        """Backend, seed and other options of measurement."""

    @property
    def shots(self) -> int | None:
        """Shots per output pixel; None for the exact expectation."""

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode outcomes into an estimate."""

    def exact(self, sampling: Sampling) -> Self:
        """Return the same programs for the exact expectation."""

    def loading_error(self) -> LoadingError | None:
        """Return the exact error of approximate loading; None if circuits load exactly."""

    def lacking(self, result: Convolution, number: int) -> Self | None:
        """Return the work that brings a result to its tolerance; None if no shots are needed."""


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
        work: Work to run without a checkpoint.
        call: Function that returns digests of everything that determines the result, except shots
            and sampling.
        resumed: Function that returns the work that remains, given the seed and the shots of a
            checkpoint.
        progress: Whether to show progress bars.
        checkpoint: As in `qconv.convolve`.
    """

    def measured(
        kept: Checkpoint | None, seed: np.random.SeedSequence, shots: int | None
    ) -> Convolution:
        asked = work if kept is None else resumed(seed, shots)
        return with_loading_bias(asked, _measured(asked, progress=progress, kept=kept))

    result = continued(checkpoint, call, work.sampling, work.shots, measured)
    warn_of_shortfall(result)
    return result


def warn_of_shortfall(result: Convolution) -> None:
    """Emit a ``RuntimeWarning`` with the numbers if a result does not reach its tolerance."""
    message = shortfall_message(result.stderr, result.tolerance)
    if message is not None:
        warnings.warn(message, RuntimeWarning, stacklevel=5)


def with_loading_bias(work: Runnable, result: Convolution) -> Convolution:
    """Return a result with the bias of approximate loading, and warn of a large one."""
    loading = work.loading_error()
    if loading is None:
        return result
    loading.warn()
    return replace(result, loading_bias=loading.bias)


def _helped(before: Shortfall | None, after: Shortfall | None) -> bool:
    """Return whether a further round reduced the errors, which noise can prevent."""
    if before is None or after is None:
        return True
    fewer = before.fraction is not None and (after.fraction or 0.0) < _LESS * before.fraction
    return fewer or after.factor < _LESS * before.factor


def _measured(work: Runnable, *, progress: bool, kept: Checkpoint | None) -> Convolution:
    """Return the estimate, with its bias if all outcomes come from simulators of known noise."""
    known: Known = {}
    noise_is_known: list[bool] = []

    def outcomes(asked: Runnable, earlier: frozenset[str] = frozenset()) -> Iterator[Outcomes]:
        how: Any = {"known": known, "progress": progress, "kept": kept, "earlier": earlier}
        for found in run(asked.programs, asked.sampling, **how):
            noise_is_known.append(found.probabilities is not None and not found.ideal)
            yield found

    result = work.decode(outcomes(work))
    for number in range(FURTHER_ROUNDS):
        more = work.lacking(result, number)
        if more is None:
            break
        before = result.shortfall
        result = result + more.decode(outcomes(more, result.streams))
        if not _helped(before, result.shortfall):
            break
    if not noise_is_known or not all(noise_is_known):
        return result
    with warnings.catch_warnings():  # the same warnings have been given above
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = result
        if result.shots is not None:
            noisy = work.exact(work.sampling)
            expected = noisy.decode(run(noisy.programs, noisy.sampling, known=known))
        ideal = work.exact(work.sampling.ideal)
        right = ideal.decode(run(ideal.programs, ideal.sampling))
        return replace(result, bias=expected.image - right.image)
