"""Likelihoods: the most likely angle of each pixel, given its hits at several Grover powers.

After ``m`` Grover steps, a shot measures the flag qubit as 1 (a *hit*) with probability
``sin(f t)**2``, where ``f = 2 m + 1``. Given ``h`` hits and ``g`` misses (0) at each power, the
log-likelihood of an angle ``t`` in ``[0, pi/2]`` is

    L(t) = sum_m h ln sin(f t)**2 + g ln cos(f t)**2.

It is computed from ``x = tan(f t)``, which NumPy computes in an eighth of the time of sine and
cosine together on many processors: ``sin(f t)**2 = x**2 / (1 + x**2)``.

``L`` has one peak for each half-turn of ``f t`` at the highest power, so a local search may find
the wrong peak. Every term is singular at the multiples of ``pi / (2 f)`` and concave between them.
``L`` is therefore concave on each interval between neighbouring multiples of all powers. On such an
interval, a tangent bounds ``L`` from above, and Newton's method in a bracket finds the only
maximum. The search bounds ``L`` on every interval, discards the intervals that cannot hold the
largest value, and refines the others. The search cannot miss the global maximum.

High powers have many intervals. The search therefore starts with the intervals of the lowest powers
and adds the other powers octave by octave. The terms of the powers that are still to come are
bounded by their largest values, at ``sin(f t)**2 = h / (h + g)``. Only the remaining intervals are
divided at the multiples of the powers that are added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qconv._threads import for_each
from qconv.methods.amplitude_estimation.prior import fitted_prior

_Array = NDArray[np.float64]

#: Number of pixels processed at once. Results do not depend on it; a block's arrays fit in cache.
BLOCK = 512

#: Peaks that are lower than the highest peak by more than this (in ``L``) are ignored. Each of them
#: contributes less than e**-16, or 1e-7, of the integral. This is below the tolerance of the tests
#: against a grid.
DEPTH = 16.0

#: Maximum number of intervals with which the search starts: enough for the powers up to 32 of a
#: schedule. With fewer or more intervals, the search only takes longer.
_INTERVALS = 512

#: Depth of the first search, which finds a high value of ``L`` within this distance of the highest.
#: The second search cannot miss a peak. It takes longer if the value from the first search is low,
#: for example because this depth is smaller.
_FIRST_DEPTH = 8.0

#: Lower bound of divisors that are zero if there are no shots, and of probabilities with noise, so
#: that their logarithms are finite. Any number far below the information of one shot gives the same
#: results.
TINY = 1e-12

#: Maximum number of steps of the search in one interval: bisection alone needs 52 to reach the
#: resolution of a float.
_NEWTON_STEPS = 60

#: A pixel is unreliable if another peak is more likely than this, relative to its highest peak.
#: `test_errors_are_what_they_are_said_to_be` checks reliable pixels for errors beyond 6 sigma. The
#: guarded standard error of a mean contains less likely peaks, and its intervals still cover 95 %.
_RIVAL, _RIVAL_OF_MEAN = 1e-3, 0.03

#: Shots per pixel below which no pixel is reliable: the prior is then hardly known.
_LEAST_SHOTS = 20

#: Distances in standard deviations. Two peaks count as different if they are further apart than the
#: first distance. An angle is unreliable if it is closer to an end of the range than the second
#: distance, because its likelihood is then not symmetric (same test).
_FAR, MARGIN = 4, 2

#: Posterior probability above which a value counts as possible, and the minimum standard error as a
#: fraction of the distance to any possible value. `test_schedule` in the benchmarks measures them:
#: no pixel is beyond eight standard errors, and 95 % intervals still cover 95 %.
_POSSIBLE, _GUARD = 3e-6, 1 / 8


class Reading(NamedTuple):
    """Accuracy with which peaks are located and integrated."""

    close: float
    """Difference from the maximum of ``L`` in an interval at which the search in it ends."""
    reach: float
    """Half-width of the integrated range around a peak, in standard deviations."""
    nodes: int
    """Number of Gauss-Legendre nodes per peak."""


#: Accuracy for the most likely angle, which requires an exact location of the peak. Accuracy for
#: the mean, for which the peak is only the centre of the range of integration. Integrals agree with
#: those over a fine grid to 1e-3 and 1e-2: `test_the_error_is_that_of_the_whole_likelihood`,
#: `test_posterior_against_a_grid`. More steps and nodes only take longer.
MODE = Reading(close=1e-7, reach=6.0, nodes=20)
_MEAN = Reading(close=1e-2, reach=5.0, nodes=12)


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of every pixel's angle and its probability ``sin(angle)**2``."""

    angles: _Array
    """Most likely angles, or the angles of the mean probabilities, in ``[0, pi/2]``."""
    stderr: _Array
    """Standard errors of ``sin(angle)**2``."""
    reliable: NDArray[np.bool_]
    """Whether standard errors are reliable. False if a peak more than four standard errors away has
    more than 3 % (with noise: 1 %) of the highest peak's likelihood. False if the angle is within
    two standard errors of 0 or pi/2. False for all pixels with fewer than 20 shots per pixel, and
    with noise if the damping is not known well enough."""
    contrast: _Array | None = None
    """Contrast of the flag at each power, reduced by noise; None if no noise was expected."""
    unguarded: _Array | None = None
    """Standard errors of posterior means before the guard; None for most likely angles."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """Local maxima of the likelihoods of several pixels: the highest of each and those near it."""

    pixel: NDArray[np.intp]
    """Pixel of each peak; every pixel has at least one."""
    angle: _Array
    """Angle of each peak."""
    value: _Array
    """Log-likelihood of each peak."""
    information: _Array
    """Negative second derivative of the log-likelihood at each peak, or its expectation."""
    low: _Array
    """Lower end of the range of angles that belongs to each peak."""
    high: _Array
    """Upper end of this range."""

    @property
    def spread(self) -> _Array:
        """Standard deviation of the angle around each peak."""
        return np.asarray(1 / np.sqrt(np.maximum(self.information, TINY)))

    def highest(self) -> tuple[NDArray[np.intp], _Array]:
        """Return the index of each pixel's highest peak, and each peak's ``L`` relative to it."""
        order = np.lexsort((-self.value, self.pixel))
        _, first = np.unique(self.pixel[order], return_index=True)
        best = order[first]
        return best, self.value - self.value[best][self.pixel]

    def reliable(self, spread: _Array, rival: float) -> NDArray[np.bool_]:
        """Return whether each pixel's highest peak stands alone and away from the range's ends.

        Args:
            spread: Standard deviation of each pixel's angle.
            rival: Relative likelihood from which another peak matters.
        """
        best, below = self.highest()
        angles = self.angle[best]
        far = np.abs(self.angle - angles[self.pixel]) > _FAR * spread[self.pixel]
        others = np.zeros(len(angles))
        np.maximum.at(others, self.pixel, np.where(far, np.exp(below), 0.0))
        margin = np.minimum(angles, np.pi / 2 - angles)
        return np.asarray((others < rival) & (margin > MARGIN * spread))

    def integrated(
        self, log_likelihood: Callable[[_Array], _Array], reach: _Array, nodes: int
    ) -> tuple[_Array, _Array, _Array]:
        """Integrate the likelihood around every peak.

        Args:
            log_likelihood: ``L`` of one angle per peak.
            reach: Half-width of the range around each peak; it ends at ``low`` and ``high``.
            nodes: Number of Gauss-Legendre nodes per peak.

        Returns:
            Contribution of each node to the integral, relative to its pixel's highest likelihood.
            ``sin(angle)**2`` of each node minus its value at the pixel's highest peak. The angle of
            each node. All have the shape ``(nodes, peaks)``.
        """
        best, _ = self.highest()
        start = np.maximum(self.low, self.angle - reach)
        half = (np.minimum(self.high, self.angle + reach) - start) / 2
        centre = np.sin(self.angle[best][self.pixel]) ** 2
        highest = self.value[best][self.pixel]
        shares, errors, angles = np.empty((3, nodes, *self.angle.shape))
        rule = np.polynomial.legendre.leggauss(nodes)
        for row, (node, weight) in enumerate(zip(*rule, strict=True)):
            x = angles[row] = start + half * (1 + node)
            shares[row] = weight * half * np.exp(log_likelihood(x) - highest)
            errors[row] = np.sin(x) ** 2 - centre
        return shares, errors, angles

    def summed(self, numbers: _Array) -> _Array:
        """Sum numbers of shape ``(nodes, peaks)`` over the nodes of each pixel's peaks."""
        return np.asarray(np.bincount(self.pixel, numbers.sum(axis=0)), dtype=np.float64)


def most_likely(
    hits: _Array, misses: _Array, powers: Sequence[int], *, every: int = 1
) -> Estimates:
    """Estimate every pixel's angle by maximum likelihood.

    Args:
        hits: Number of hits, shape ``(powers, pixels)``.
        misses: Number of misses, same shape.
        powers: Numbers of Grover steps, at least 0, all different.
        every: Step between the pixels that are estimated. The prior is learnt from all pixels.

    Returns:
        The estimates. The standard error is the root mean square distance from the estimate under
        the posterior with the prior learnt from all pixels, integrated over all peaks. With many
        shots and one peak it agrees with the Fisher information ``4 sum_m n (2 m + 1)**2``. With
        few shots it is larger, and correct on average over angles.

    Source:
        Suzuki et al., Quantum Inf. Process. 19, 75 (2020), section 2.3 (the likelihood and its
        Fisher information).
    """
    return _estimates(hits, misses, powers, MODE, every=every)


def posterior_mean(
    hits: _Array, misses: _Array, powers: Sequence[int], *, every: int = 1
) -> Estimates:
    """Estimate every pixel's probability by its posterior mean.

    Args:
        hits: Number of hits, shape ``(powers, pixels)``.
        misses: Number of misses, same shape.
        powers: Numbers of Grover steps, at least 0, all different.
        every: Step between the pixels that are estimated. The prior is learnt from all pixels.

    Returns:
        The estimates. The prior of the mean is uniform in the angle (Jeffreys' prior of a
        probability). The unguarded standard error is the root mean square distance from the mean
        under the posterior with the prior learnt from all pixels. The standard error is at least an
        eighth of the distance to any probability whose posterior probability exceeds 3e-6.
    """
    return _estimates(hits, misses, powers, _MEAN, every=every)


def _estimates(
    hits: _Array,
    misses: _Array,
    powers: Sequence[int],
    reading: Reading,
    *,
    every: int,
) -> Estimates:
    """Estimate pixels, block by block."""
    factors = 2.0 * np.asarray(powers, dtype=np.float64) + 1
    levels = _levels(tuple(powers))
    prior = fitted_prior(hits, misses, factors)
    enough = hits.sum() + misses.sum() > (_LEAST_SHOTS - 0.5) * hits.shape[1]
    hits, misses = hits[:, ::every], misses[:, ::every]
    pixels = hits.shape[1]
    angles, spread, least = np.empty((3, pixels))
    reliable = np.empty(pixels, dtype=bool)
    rival = _RIVAL_OF_MEAN if reading is _MEAN else _RIVAL
    starts = range(0, pixels, BLOCK)

    def work(number: int) -> None:
        part = slice(starts[number], starts[number] + BLOCK)
        h, g = hits[:, part], misses[:, part]
        found = _peaks(h, g, factors, levels, reading.close)
        width = 1 / np.sqrt(np.maximum(4 * (factors**2 @ (h + g)), TINY))
        reliable[part] = found.reliable(width, rival) & enough
        angles[part], spread[part], least[part] = _read(found, h, g, factors, reading, prior)

    for_each(work, len(starts), progress=False)
    if reading is _MEAN:
        return Estimates(angles, np.maximum(spread, least), reliable, unguarded=spread)
    return Estimates(angles, spread, reliable)


def _read(
    peaks: Peaks,
    hits: _Array,
    misses: _Array,
    factors: _Array,
    reading: Reading,
    prior: Callable[[_Array], _Array],
) -> tuple[_Array, _Array, _Array]:
    """Return the estimated angles, the root mean square distance from them, and the guard.

    The distance is computed from the posterior probability with the given prior density. The guard
    is the minimum standard error.
    """
    h, g = hits[:, peaks.pixel], misses[:, peaks.pixel]

    def log_likelihood(angles: _Array) -> _Array:
        return _log_likelihood(h, g, np.tan(factors[:, None] * angles))

    reach = reading.reach / np.sqrt(np.maximum(peaks.information, TINY))
    shares, errors, nodes = peaks.integrated(log_likelihood, reach, reading.nodes)
    total = peaks.summed(shares)
    angles = peaks.angle[peaks.highest()[0]]
    if reading is _MEAN:
        shift = peaks.summed(shares * errors) / total
        errors -= shift[peaks.pixel]
        angles = np.arcsin(np.sqrt(np.clip(np.sin(angles) ** 2 + shift, 0, 1)))
    shares *= prior(nodes)
    total = peaks.summed(shares)
    spread = np.sqrt(peaks.summed(shares * errors**2) / total)
    possible = shares > _POSSIBLE * total[peaks.pixel]
    furthest = np.zeros(len(spread))
    np.maximum.at(furthest, peaks.pixel, np.where(possible, np.abs(errors), 0.0).max(axis=0))
    return angles, spread, _GUARD * furthest


def _log_likelihood(hits: _Array, misses: _Array, tan: _Array) -> _Array:
    """Return ``L`` of angles, given the tangent of ``f t`` for every power."""
    square = tan**2
    return np.asarray((hits * np.log(square) - (hits + misses) * np.log(1 + square)).sum(axis=0))


def _slope(hits: _Array, misses: _Array, tan: _Array, factors: _Array) -> _Array:
    """Return the derivative of ``L`` with respect to the angle, given the tangent and ``f``."""
    return np.asarray(2 * (factors * (hits / tan - misses * tan)).sum(axis=0))


class _Level(NamedTuple):
    """Intervals between the neighbouring singular angles of the lowest powers."""

    powers: NDArray[np.intp]
    """Indices of these powers."""
    others: NDArray[np.intp]
    """Indices of the higher powers."""
    edges: _Array
    """Singular angles in increasing order."""
    parts: NDArray[np.intp]
    """Index of the first part of each interval of the previous level, and the end of the last."""


@lru_cache(maxsize=64)
def _levels(powers: tuple[int, ...]) -> tuple[_Level, ...]:
    """Return the levels of the search: few intervals first, then one octave of powers more each."""
    order = np.argsort(powers)
    singular = np.empty(0)  # in quarter turns; equal fractions are equal floats
    levels: list[_Level] = []
    start = 0
    for number, index in enumerate(order):
        factor = 2 * powers[index] + 1
        singular = np.union1d(singular, np.arange(factor + 1) / factor)
        if number + 1 < len(order):
            following = 2 * powers[order[number + 1]] + 1
            first = not levels and singular.size + following <= _INTERVALS
            if first or following < 2 * (2 * powers[order[start]] + 1):
                continue
        edges = singular * (np.pi / 2)
        parts = np.searchsorted(edges, levels[-1].edges if levels else edges)
        levels.append(_Level(order[: number + 1], order[number + 1 :], edges, parts))
        start = number + 1
    return tuple(levels)


def _peaks(
    hits: _Array, misses: _Array, factors: _Array, levels: Sequence[_Level], close: float
) -> Peaks:
    """Return the maximum of each interval that may hold a pixel's most likely angle."""
    if len(levels) == 1:
        pixel, interval, _ = _searched(hits, misses, factors, levels, depth=DEPTH)
    else:
        pixel, _, value = _searched(hits, misses, factors, levels, depth=_FIRST_DEPTH)
        highest = _largest(pixel, value, hits.shape[1])
        pixel, interval, _ = _searched(hits, misses, factors, levels, highest)
    edges = levels[-1].edges
    return _climbed(hits, misses, factors, pixel, edges[interval], edges[interval + 1], close)


def _searched(
    hits: _Array,
    misses: _Array,
    factors: _Array,
    levels: Sequence[_Level],
    highest: _Array | None = None,
    *,
    depth: float = DEPTH,
) -> tuple[NDArray[np.intp], NDArray[np.intp], _Array]:
    """Return intervals of the last level that may hold an angle that is likely enough.

    Args:
        hits: Number of hits, shape ``(powers, pixels)``.
        misses: Number of misses, same shape.
        factors: ``2 m + 1`` of every power.
        levels: Levels of the search.
        highest: A value that each pixel's ``L`` reaches. None for the highest value in the middle
            of an interval, which is computed at every level without the powers of later levels.
        depth: Depth below ``highest`` down to which an angle is likely enough.

    Returns:
        Pixel of each interval, its index, and ``L`` in its middle.
    """
    best = xlogy(hits, hits / np.maximum(hits + misses, TINY))
    best += xlogy(misses, misses / np.maximum(hits + misses, TINY))
    pixel, interval = np.arange(0), np.arange(0)
    for level in levels:
        half = np.diff(level.edges) / 2
        middle = level.edges[:-1] + half
        f = factors[level.powers, None]
        h, g = hits[level.powers], misses[level.powers]
        if level is levels[0]:
            tan = np.tan(f * middle)
            value = h.T @ np.log(tan**2) - (h + g).T @ np.log(1 + tan**2)
            slope = (h.T @ (2 * f / tan) - g.T @ (2 * f * tan)).ravel()
            pixel, interval = np.divmod(np.arange(value.size), half.size)
            value = value.ravel()
        else:
            start = level.parts[interval]
            number = level.parts[interval + 1] - start
            pixel = np.repeat(pixel, number)
            interval = np.repeat(start - np.cumsum(number) + number, number) + np.arange(pixel.size)
            tan = np.tan(f * middle[interval])
            h, g = h[:, pixel], g[:, pixel]
            value, slope = _log_likelihood(h, g, tan), _slope(h, g, tan, f)
        if highest is None:
            least = _largest(pixel, value, hits.shape[1]) - depth
        else:
            least = highest - depth - best[level.others].sum(axis=0)
        keep = value + np.abs(slope) * half[interval] >= least[pixel]
        pixel, interval, value = pixel[keep], interval[keep], value[keep]
    return pixel, interval, value


def _largest(pixel: NDArray[np.intp], value: _Array, pixels: int) -> _Array:
    """Return the largest value of each pixel."""
    largest = np.full(pixels, -np.inf)
    np.maximum.at(largest, pixel, value)
    return largest


def _climbed(
    hits: _Array,
    misses: _Array,
    factors: _Array,
    pixel: NDArray[np.intp],
    low: _Array,
    high: _Array,
    close: float,
) -> Peaks:
    """Run Newton's method in the bracket of each interval; drop intervals that fall behind."""
    x = (low + high) / 2
    left, right = low.copy(), high.copy()
    value, curvature, bound = np.empty((3, x.size))
    best = np.full(hits.shape[1], -np.inf)
    f = factors[:, None]
    todo = np.arange(x.size)
    for _ in range(_NEWTON_STEPS):
        own, at = pixel[todo], x[todo]
        h, g = hits[:, own], misses[:, own]
        tan = np.tan(f * at)
        slope = _slope(h, g, tan, f)
        value[todo] = _log_likelihood(h, g, tan)
        curvature[todo] = -2 * (f**2 * (1 + tan**2) * (h / tan**2 + g)).sum(axis=0)
        above = np.maximum(slope * (right[todo] - at), slope * (left[todo] - at))
        bound[todo] = value[todo] + above
        np.maximum.at(best, own, value[todo])
        more = (above >= close) & (bound[todo] >= best[own] - DEPTH)
        if not more.any():
            break
        todo, at, slope = todo[more], at[more], slope[more]
        left[todo] = np.where(slope > 0, at, left[todo])
        right[todo] = np.where(slope > 0, right[todo], at)
        step = at - slope / np.where(curvature[todo] < 0, curvature[todo], -1.0)
        inside = (step > left[todo]) & (step < right[todo])
        x[todo] = np.where(inside, step, (left[todo] + right[todo]) / 2)
    keep = bound >= best[pixel] - DEPTH
    return Peaks(pixel[keep], *(part[keep] for part in (x, value, -curvature, low, high)))
