"""The budget of errors: what noise gets wrong on average, apart from what sampling adds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from qconv.execution.outcomes import Outcomes
from qconv.result.convolution import Convolution


class Noisy:
    """Outcomes on their way to a method, and whether all were of laws with known noise.

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
        self._others += found.law is None or found.ideal
        return found

    @property
    def known(self) -> bool:
        """Whether there were any, and all of them were."""
        return self._came > 0 and not self._others


def with_bias(
    result: Convolution,
    outcomes: Noisy,
    noisy: Callable[[], Convolution],
    ideal: Callable[[], Convolution],
) -> Convolution:
    """A result with what noise gets wrong on average, where that is known.

    Args:
        result: As it was measured.
        outcomes: That it came from, all taken.
        noisy: The exact expectation with the noise.
        ideal: The exact expectation without.
    """
    if not outcomes.known:
        return result
    with warnings.catch_warnings():  # which were given already
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = result if result.shots is None else noisy()
        return replace(result, bias=expected.image - ideal().image)
