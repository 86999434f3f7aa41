"""Numbers that methods measure for observables, without computing a picture first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.observables.observable import Observable
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]

#: Numbers with the factors of their sum, which may be complex.
Terms = tuple[tuple[complex, "Number"], ...]

#: Factor of numbers, and the function that makes a number from its real weights.
_Making = tuple[complex, Callable[[_Array], "Number"]]


def of_parts(observable: Observable, plan: Problem, parts: Sequence[_Making]) -> Terms:
    """Return the numbers of a linear observable of complex weights, or of a complex picture.

    The observable is ``sum_x w(x)* y(x)``.

    Args:
        observable: Linear observable.
        plan: Plan of the picture.
        parts: For each part of the picture, its factor and the function that makes its numbers.
    """
    weights = observable.weights(plan.grid.output_shape)
    halves = ((1.0, weights.real), (-1j, weights.imag))
    return tuple(
        (part * factor, make(half))
        for part, make in parts
        for factor, half in halves
        if half.any() or factor == 1
    )


def require_linear(observable: Observable, method: str, how: str = "") -> None:
    """Raise a ``TypeError`` if an observable is quadratic.

    Args:
        observable: The observable.
        method: Name of the method that measures only linear observables.
        how: End of the advice in the message.
    """
    if observable.quadratic:
        raise TypeError(
            f"observable: expected a linear observable for {method}, got "
            f"{type(observable).__name__}; for energies, use qconv.Fourier() or "
            f"qconv.Interference(){how}"
        )


class Number(Protocol):
    """A number that executions of one program estimate.

    Numbers whose `program` is the same object can be estimated from the same executions.
    """

    @property
    def program(self) -> Program | None:
        """Program that is executed; None if the number is known without any execution."""

    @property
    def deviation(self) -> float:
        """Standard deviation of the estimate from a single execution; 0 without a program."""

    @property
    def expected_value(self) -> float:
        """Value that the noiseless circuit gives on average, known in advance."""

    def jointly(self, numbers: Sequence[Any], outcomes: Outcomes) -> tuple[_Array, _Array]:
        """Return the values of numbers of the same program, and their covariance matrix.

        Args:
            numbers: Numbers of the same class and program, this one included.
            outcomes: Outcomes of the program.
        """

    @property
    def expected_angle(self) -> float:
        """Angle ``t`` that the noiseless circuit has, see `amplified`."""

    def of_angle(self, angles: _Array) -> _Array:
        """Return the value for each angle ``t``, see `amplified`."""

    def amplified(self, power: int) -> Program:
        """Return the program with rounds of amplification.

        The sum of its first outcomes that are `successes` is ``sin((2 power + 1) t)**2``.

        Raises:
            ValueError: If the number does not follow from one probability.
        """

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Whether each outcome of the program is a success, shape ``(2**measured,)``."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A number that is the mean of a score of the outcomes: ``value = unit * E[score]``."""

    program: Program | None
    """Program that is executed, for exact probabilities; None if the value is known to be 0."""
    scores: _Array
    """Score of every outcome, shape ``(2**measured,)``."""
    unit: float
    """Value that the score 1 stands for."""
    expected: tuple[float, float]
    """Expected score, and expected square of the score."""
    rounds: Callable[[int, NDArray[np.bool_]], Program]
    """Function that returns the program with rounds of amplification of marked outcomes."""
    offset: float = 0.0
    """Value that the score 0 stands for."""

    @classmethod
    def zero(cls, rounds: Callable[[int, NDArray[np.bool_]], Program]) -> Scored:
        """Return a number that is known to be 0, so that nothing is measured."""
        return cls(None, np.zeros(1), 0.0, (0.0, 0.0), rounds)

    @property
    def expected_value(self) -> float:
        """Value that the noiseless circuit gives on average."""
        return self.offset + self.unit * self.expected[0]

    @property
    def deviation(self) -> float:
        """Standard deviation of the value from a single execution."""
        mean, square = self.expected
        return abs(self.unit) * math.sqrt(max(square - mean**2, 0.0))

    def jointly(self, numbers: Sequence[Scored], outcomes: Outcomes) -> tuple[_Array, _Array]:
        """Return the values of numbers of the same program, and their covariance matrix.

        Variances include one pseudo-count, see `Outcomes.average`. If a score has two
        values, the variance is the variance of Jeffreys' posterior mean.
        """
        scores = np.array([number.scores for number in numbers])
        units = np.array([number.unit for number in numbers])
        offsets = np.array([number.offset for number in numbers])
        means, covariance = outcomes.moments(scores, outcomes.program.seed)
        return offsets + units * means, covariance * np.outer(units, units)

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Whether each outcome has a nonzero score."""
        return np.asarray(self.scores != 0)

    @cached_property
    def success_score(self) -> float:
        """Score of all successes; 0 if they have different scores."""
        found = np.unique(self.scores[self.scores != 0])
        return float(found[0]) if len(found) == 1 else 0.0

    @property
    def scale(self) -> float:
        """Difference of the values that the success probabilities 1 and 0 stand for."""
        return self.unit * self.success_score

    @property
    def expected_angle(self) -> float:
        """Angle whose squared sine is the expected success probability."""
        p = self.expected[0] / self.success_score if self.success_score else 0.0
        return math.asin(math.sqrt(min(max(p, 0.0), 1.0)))

    def of_angle(self, angles: _Array) -> _Array:
        """Return the value for each angle, whose squared sine is the success probability."""
        return np.asarray(self.offset + self.scale * np.sin(angles) ** 2)

    def amplified(self, power: int) -> Program:
        """Return the program with rounds of amplification.

        Raises:
            ValueError: If the scores have more than one value besides 0.
        """
        if not self.success_score:
            number = len(np.unique(self.scores[self.successes]))
            raise ValueError(
                "estimator: expected 'sampling' for a number that is not proportional to one "
                f"probability, got 'amplitude'; the outcomes have {number} different scores"
            )
        return self.rounds(power, self.successes)
