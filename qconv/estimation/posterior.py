"""Posterior of one angle, given the hits of Grover powers.

After ``m`` rounds of amplitude amplification, a shot is a *hit* with probability
``sin(f t)**2``, where ``f = 2 m + 1``. The likelihood of the angle ``t`` has one peak for each
half-turn of ``f t``. The posterior is therefore kept on a grid, which holds all peaks that are
still possible. The grid is made finer whenever most of its range has become impossible. All
likelihoods are then recomputed at its points, so that no error of interpolation accumulates.

Many runs are independent estimations of one angle each. They are processed together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

#: Grid points of each run. `test_mean_against_quadrature` checks means to 2 % of the standard
#: error.
_POINTS = 192

#: Difference from the highest log-likelihood beyond which the ends of a grid are impossible.
#: Fraction of the range below which the possible angles get a new grid.
_DEPTH, _KEPT = 20.0, 0.6

#: Posterior probability of an angle beyond either end of the range of possible angles.
_IMPOSSIBLE = 3e-6

#: Minimum standard error as a fraction of the distance to any possible value. A run is then at most
#: eight standard errors from the truth, unless the truth is an impossible value.
_GUARD = 1 / 8

#: Smallest probability of an outcome, so that logarithms are finite.
_TINY = 1e-300


#: Function of the angle, applied to each entry of an array.
OfAngle = Callable[[_Array], _Array]


def probability(angles: _Array) -> _Array:
    """Return the probability ``sin(t)**2`` of each angle."""
    return np.asarray(np.sin(angles) ** 2)


class AnglePosterior:
    """Posteriors of the angles of independent runs, with a uniform prior on ``[0, pi/2]``.

    The prior is Jeffreys' prior of the probability ``sin(t)**2``.

    Args:
        runs: Number of runs.
    """

    def __init__(self, runs: int) -> None:
        self._low, self._width = np.zeros(runs), np.full(runs, np.pi / 2)
        self._log = np.zeros((runs, _POINTS))
        self._seen: list[tuple[_Array, _Array, _Array]] = []

    @property
    def angles(self) -> _Array:
        """Grid points in radians, shape ``(runs, points)``."""
        places = (np.arange(_POINTS) + 0.5) / _POINTS
        return np.asarray(self._low[:, None] + self._width[:, None] * places)

    @property
    def weights(self) -> _Array:
        """Posterior probability of each grid point, shape ``(runs, points)``."""
        shares = np.exp(self._log)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def add(self, factors: _Array, hits: _Array, shots: _Array) -> None:
        """Multiply the posteriors by the likelihood of one measurement of each run.

        Factors must grow step by step: the grid is fine enough only for factors whose product with
        the range of possible angles is at most a few radians.

        Args:
            factors: ``2 m + 1`` for the power ``m`` of each run, shape ``(runs,)``.
            hits: Number of hits of each run, same shape.
            shots: Number of shots of each run, same shape; 0 for runs that are complete.
        """
        seen = factors[:, None], hits[:, None], shots[:, None]
        self._seen.append(seen)
        self._log += _log_likelihood(self.angles, *seen)
        self._log -= self._log.max(axis=1, keepdims=True)
        self._refine()

    def possible(self) -> tuple[_Array, _Array]:
        """Return the lowest and the highest possible angle of each run."""
        below = np.cumsum(self.weights, axis=1)
        first = (below > _IMPOSSIBLE).argmax(axis=1)
        last = (below >= 1 - _IMPOSSIBLE).argmax(axis=1)
        step = self._width / _POINTS
        return self._low + step * first, self._low + step * (last + 1)

    def estimate(self, of_angle: OfAngle = probability) -> tuple[_Array, _Array]:
        """Return posterior mean and standard error of a function of the angle of each run.

        The standard error is the posterior standard deviation, but at least an eighth of the
        distance to any possible value.

        Args:
            of_angle: Monotonic function of the angle; by default the probability ``sin(t)**2``.
        """
        values, weights = of_angle(self.angles), self.weights
        mean = (weights * values).sum(axis=1)
        spread = np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1))
        ends = np.array([np.abs(of_angle(angle) - mean) for angle in self.possible()])
        return mean, np.maximum(spread, _GUARD * ends.max(axis=0))

    def _refine(self) -> None:
        """Cut the ends of each grid that are impossible, if they are a large part of it."""
        inside = self._log > -_DEPTH
        first = np.maximum(inside.argmax(axis=1) - 1, 0)
        end = np.minimum(_POINTS + 1 - inside[:, ::-1].argmax(axis=1), _POINTS)
        runs = np.flatnonzero(end - first < _KEPT * _POINTS)
        if not runs.size:
            return
        self._low[runs] += self._width[runs] * first[runs] / _POINTS
        self._width[runs] *= (end - first)[runs] / _POINTS
        angles, total = self.angles[runs], np.zeros((runs.size, _POINTS))
        for factors, hits, shots in self._seen:
            total += _log_likelihood(angles, factors[runs], hits[runs], shots[runs])
        self._log[runs] = total - total.max(axis=1, keepdims=True)


def _log_likelihood(angles: _Array, factors: _Array, hits: _Array, shots: _Array) -> _Array:
    """Return the log-likelihood of angles; the numbers of each run are columns."""
    turned = np.cos(2 * factors * angles)
    hit = hits * np.log(np.maximum((1 - turned) / 2, _TINY))
    return np.asarray(hit + (shots - hits) * np.log(np.maximum((1 + turned) / 2, _TINY)))
