"""Numbers: what a method measures for an observable, without a picture in between."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program

_Array = NDArray[np.float64]


class Number(Protocol):
    """A number that executions of one program estimate."""

    @property
    def program(self) -> Program | None:
        """Program that is executed; None if the number is known without any execution."""

    @property
    def deviation(self) -> float:
        """Standard deviation of the estimate from a single execution; 0 without a program."""

    @property
    def expected_value(self) -> float:
        """Value that the noiseless circuit gives on average, known in advance."""

    def decode(self, outcomes: Outcomes | None) -> tuple[float, float]:
        """Return value and standard error, from the outcomes of the program (None without one)."""

    @property
    def scale(self) -> float:
        """Value that the success probability 1 stands for, see `amplified`."""

    def amplified(self, power: int) -> Program:
        """Return the program with rounds of amplification.

        The sum of its first outcomes of nonzero `scores` is ``sin((2 power + 1) t)**2``, where
        ``scale * sin(t)**2`` is the value.

        Raises:
            ValueError: If the number is not proportional to one probability.
        """

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Whether each outcome of the program is a success, shape ``(2**measured,)``."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A number that is the mean of a score of the outcomes: ``value = unit * E[score]``."""

    program: Program | None
    """Program that is executed, for exact probabilities; None if the value is 0 for sure."""
    scores: _Array
    """Score of every outcome, shape ``(2**measured,)``."""
    unit: float
    """Value that the score 1 stands for."""
    expected: tuple[float, float]
    """Expected score, and expected square of the score."""
    rounds: Callable[[int, NDArray[np.bool_]], Program]
    """Function that returns the program with rounds of amplification of marked outcomes."""

    @property
    def expected_value(self) -> float:
        """Value that the noiseless circuit gives on average."""
        return self.unit * self.expected[0]

    @property
    def deviation(self) -> float:
        """Standard deviation of the value from a single execution."""
        mean, square = self.expected
        return abs(self.unit) * math.sqrt(max(square - mean**2, 0.0))

    def decode(self, outcomes: Outcomes | None) -> tuple[float, float]:
        """Return value and standard error.

        If the score has only two values, the variance is that of Jeffreys' posterior mean, which
        does not vanish if one of them was never measured.
        """
        if outcomes is None:
            return 0.0, 0.0
        counts = outcomes.raw(outcomes.program.seed)
        total = counts.sum()
        mean = float(counts @ self.scores / total)
        if outcomes.exact:
            return self.unit * mean, 0.0
        high = float(np.abs(self.scores).max())
        if self.successes.all() or not set(np.unique(self.scores)) <= {0.0, high}:
            variance = float(counts @ self.scores**2 / total) - mean**2
            return self.unit * mean, abs(self.unit) * math.sqrt(max(variance, 0.0) / total)
        p = (mean / high * total + 0.5) / (total + 1)
        return self.unit * mean, abs(self.unit) * high * math.sqrt(p * (1 - p) / total)

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Whether each outcome has a nonzero score."""
        return np.asarray(self.scores != 0)

    @property
    def scale(self) -> float:
        """Value that the success probability 1 stands for."""
        return self.unit * float(self.scores.max())

    def amplified(self, power: int) -> Program:
        """Return the program with rounds of amplification.

        Raises:
            ValueError: If the scores have more than one value besides 0.
        """
        found = np.unique(self.scores[self.successes])
        if len(found) > 1:
            raise ValueError(
                "estimator: expected 'sampling' for a number that is not proportional to one "
                f"probability, got 'amplitude'; the outcomes have {len(found)} different scores"
            )
        return self.rounds(power, self.successes)
