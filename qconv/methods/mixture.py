"""Empirical Bayes: variances of counts from the counts of all pixels together.

A single count is a poor estimate of its own variance. A count of 0 would get no variance, and a
count that is large by chance would get a large variance. But the pixels of an image have much in
common. A pixel's count ``n`` has a Poisson distribution with mean ``r``, and ``r`` has some mixing
distribution over the pixels. Expectation maximisation finds the most likely mixing distribution
given all counts. The grid of ``r`` is uniform in ``sqrt(r)``, like Jeffreys' prior. A few imaginary
pixels, distributed as Jeffreys' prior, are added. Estimates from rare counts or small images then
do not seem more certain than they are. The variance of an estimate from ``n`` is then the expected
variance given ``n``.

Source:
    Robbins, Proc. Third Berkeley Symp. 1, 157 (1956) (empirical Bayes); Laird, J. Am. Stat. Assoc.
    73, 805 (1978) (the most likely mixing distribution).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, only if it is used
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

_Array = NDArray[np.float64]

#: Counts above this number are taken as their own variances: the relative error is below 5 %.
_LARGEST = 400

_EVERY = np.arange(_LARGEST + 1.0)

#: Probabilities below this value are rounding errors.
_TINY = 1e-300

#: Count at which the deviation of a factor from 1 is half of its deviation at a count of 0.
#: Smallest and largest deviation at a count of 0.
_FADE, _CHANGES = 20.0, (-0.5, 2.0)

#: Spacing of the grid in ``sqrt(r)``, half the standard deviation of the square root of a count.
_STEP = 0.25

#: Number of imaginary pixels with the distribution of the prior.
ADDED = 4.0

#: Steps of expectation maximisation. Further steps change every variance by less than 1 %.
_STEPS = 60


def mixing(
    likelihood: _Array,
    number: _Array,
    prior: _Array,
    *,
    added: float,
    steps: int,
    start: _Array | None = None,
) -> _Array:
    """Return the most likely weights of a mixture's components, by expectation maximisation.

    Args:
        likelihood: Likelihood of each component for each kind of pixel, shape
            ``(kinds, components)``.
        number: Number of pixels of each kind, shape ``(kinds,)``.
        prior: Weights of the added pixels, shape ``(components,)``, with sum 1.
        added: Number of pixels with the weights ``prior`` that are added to those counted.
        steps: Number of steps of expectation maximisation.
        start: Weights to start from, same shape; None for ``prior``.
    """
    weights = prior if start is None else start
    for _ in range(steps):
        each = number / np.einsum("kc,c->k", likelihood, weights)
        shares = weights * np.einsum("kc,k->c", likelihood, each)
        weights = (shares + added * prior) / (number.sum() + added)
    return weights


def root_variance(mean: _Array) -> _Array:
    """Return the mean square error of ``sqrt(n)``, an estimate of ``sqrt(mean)``.

    The count ``n`` has a Poisson distribution.

    Args:
        mean: Means of counts, any shape.
    """
    table, step = _root_table()
    place = np.minimum(np.sqrt(mean), np.sqrt(_FAR)) / step
    index = place.astype(np.intp)
    near = table[index] + (place - index) * np.diff(table)[index]
    return np.asarray(np.where(mean < _FAR, near, 0.25 + 7 / (64 * np.maximum(mean, 1.0))))


#: Mean above which the mean square error of a square root is computed from its series.
_FAR = 60.0


@cache
def _root_table() -> tuple[_Array, float]:
    """Mean square errors of square roots of counts, and the step between the roots of the means."""
    roots, step = np.linspace(0, 8, 321, retstep=True)
    counts = np.arange(200.0)
    chances = _poisson(counts, np.square(roots)).T
    table = (chances * np.square(np.sqrt(counts) - roots[:, np.newaxis])).sum(axis=1)
    return table, float(step)


def _poisson(counts: _Array, means: _Array) -> _Array:
    """Return the probabilities of counts, shape ``(counts, means)``."""
    n = counts[:, np.newaxis]
    return np.asarray(np.exp(xlogy(n, means) - means - gammaln(n + 1)))


@dataclass(frozen=True, eq=False)
class CountMixture:
    """The distribution of the mean counts of an image's pixels."""

    means: _Array
    """Mean counts of the mixture's components, shape ``(components,)``."""
    weights: _Array
    """Weights of the components, same shape, with sum 1."""

    @classmethod
    def of(cls, counts: _Array) -> CountMixture:
        """Find the most likely distribution for some counts.

        Args:
            counts: Counts of all pixels, integers of any shape and type.
        """
        small = counts[counts <= _LARGEST]
        number = np.bincount(small.astype(np.intp).ravel(), minlength=1).astype(np.float64)
        kinds = np.flatnonzero(number)
        top = float(np.sqrt(kinds.max(initial=0))) + 3
        means = np.square(np.arange(_STEP / 2, top, _STEP))
        prior = np.full(means.size, 1 / means.size)
        if not kinds.size:
            return cls(means, prior)
        likelihood = _poisson(kinds.astype(np.float64), means)
        number = number[kinds]
        return cls(means, mixing(likelihood, number, prior, added=ADDED, steps=_STEPS))

    def variance(self, counts: _Array) -> tuple[_Array, _Array]:
        """Return the expected variance of each count, and the mean square of standardised errors.

        Args:
            counts: Counts of any shape, which need not be the counts that `of` was given.

        Returns:
            The expected variances, and factors that make the mean of ``(n - r)**2`` over the
            variance 1 for counts of this mixture, both with the shape of ``counts``. The factors
            are 1 for large counts; they are needed because error and variance depend on the count.
        """
        table = self._expected(self.means)
        scale = self._standardised(np.subtract.outer(_EVERY, self.means), table)
        small = counts <= _LARGEST
        index = np.minimum(counts, _LARGEST).astype(np.intp)
        return np.where(small, table[index], counts), np.where(small, scale[index], 1.0)

    def root_variance(self, counts: _Array) -> _Array:
        """Return the expected mean square error of the square root of each count.

        It is scaled so that the mean square of standardised errors is 1 for counts of this mixture.

        Args:
            counts: Counts, any shape.
        """
        table = self._expected(root_variance(self.means))
        errors = np.subtract.outer(np.sqrt(_EVERY), np.sqrt(self.means))
        table *= self._standardised(errors, table)
        near = table[np.minimum(counts, _LARGEST).astype(np.intp)]
        return np.where(counts <= _LARGEST, near, root_variance(counts))

    def expected(self, values: _Array, counts: _Array) -> _Array:
        """Return the expectation of some values of the components, given each count.

        Args:
            values: Value of each component, which is negligible above the largest count that is
                not taken as its own variance.
            counts: Counts, any shape.
        """
        near = self._expected(values)[np.minimum(counts, _LARGEST).astype(np.intp)]
        return np.where(counts <= _LARGEST, near, 0.0)

    @cached_property
    def _shares(self) -> _Array:
        """Probability of each count and component together, shape ``(counts, components)``."""
        return np.asarray(np.maximum(_poisson(_EVERY, self.means) * self.weights, _TINY))

    def _expected(self, values: _Array) -> _Array:
        """Return the expectation of the components' values given each count up to the largest."""
        return np.asarray(self._shares @ values / self._shares.sum(axis=1))

    def _standardised(self, errors: _Array, variance: _Array) -> _Array:
        """Return factors of the variances that make the mean square of standardised errors 1.

        A factor deviates from 1 in inverse proportion to the count, as the correlation between an
        error and its stated variance does.

        Args:
            errors: Errors by count and component.
            variance: Variance by count.
        """
        squares = (self._shares * np.square(errors)).sum(axis=1) / variance
        fade = 1 / (1 + _EVERY / _FADE)
        total = self._shares.sum()

        def excess(change: float) -> float:
            return float((squares / (1 + change * fade)).sum() / total) - 1

        low, high = _CHANGES
        if excess(low) <= 0 or excess(high) >= 0:
            return np.asarray(1 + (low if excess(low) <= 0 else high) * fade)
        return np.asarray(1 + scipy.optimize.brentq(excess, low, high) * fade)
