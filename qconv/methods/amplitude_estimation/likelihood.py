"""Likelihoods: the angles that hits at several Grover powers make most likely, pixel by pixel.

After ``m`` Grover steps a shot hits with probability ``sin(f t)**2``, ``f = 2 m + 1``. With ``h``
hits and ``g`` misses at each power, the logarithm of the likelihood of an angle ``t`` in
``[0, pi/2]`` is

    L(t) = sum_m h ln sin(f t)**2 + g ln cos(f t)**2.

It has one peak for each half-turn of the highest power, and a local search may climb a wrong one.
But every term is concave between the multiples of ``pi / (2 f)``, where it is singular. So ``L`` is
concave on each interval between neighbouring multiples of all powers, a tangent bounds it there
from above, and Newton's method in a bracket finds its only maximum. The search below bounds every
interval, drops those that cannot hold the largest value, and refines the others: it cannot miss it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from qconv._threads import for_each

_Array = NDArray[np.float64]

#: Pixels whose intervals are bounded at a time.
_BLOCK = 512

#: Peaks lower than the highest by more than this (in ln L) are not looked for.
_DEPTH = 16.0

_NEWTON_STEPS = 60

#: Part of the whole from which on something is taken for possible.
_POSSIBLE = 3e-6


@dataclass(frozen=True)
class _Reading:
    """What is read from a likelihood."""

    averaged: bool
    """Whether the estimate is the mean of what is possible, otherwise the highest peak."""
    guard: float
    """Least standard error, as a part of the distance to anything that is possible."""
    close: float
    """How near to the highest value of an interval a search ends."""
    reach: float
    """How many standard deviations around a peak are integrated."""
    nodes: int
    """At how many places of each interval."""


_HIGHEST = _Reading(averaged=False, guard=0.0, close=1e-7, reach=6.0, nodes=20)
_MEAN = _Reading(averaged=True, guard=0.0, close=1e-2, reach=5.0, nodes=12)
_GUARDED = replace(_MEAN, guard=1 / 8)


@dataclass(frozen=True, eq=False)
class Estimates:
    """What is known about every pixel's angle and its probability ``sin(angle)**2``."""

    angles: _Array
    """Most likely angles, in ``[0, pi/2]``, or those of the mean probability."""
    stderr: _Array
    """Standard errors of ``sin(angle)**2``."""
    reliable: NDArray[np.bool_]
    """False where another peak, more than four standard errors away, is more than a thousandth (a
    hundredth with noise) as likely as the highest, or where the angle is within two standard errors
    of 0 or pi/2; with noise, everywhere if its damping is not known well enough."""
    contrast: _Array | None = None
    """What noise left of the flag's contrast at each power; None where there is no noise."""


def most_likely(hits: _Array, misses: _Array, powers: Sequence[int]) -> Estimates:
    """The most likely angle of every pixel.

    Args:
        hits: Shots that hit, shape ``(powers, pixels)``.
        misses: Shots that did not, same shape.
        powers: Grover steps before each measurement, at least 0, all different.

    Returns:
        The estimates. The standard error is the root mean square distance from the estimate under
        the likelihood, every peak of it integrated over the angle. With many shots and one peak it
        is that of the Fisher information ``4 sum_m n (2 m + 1)**2``; with few it is larger, and
        right on average over angles.

    Source:
        Suzuki et al., Quantum Inf. Process. 19, 75 (2020), section 2.3 (the likelihood and its
        Fisher information).
    """
    return _estimates(hits, misses, powers, _HIGHEST)


def posterior_mean(
    hits: _Array, misses: _Array, powers: Sequence[int], *, guarded: bool = True
) -> Estimates:
    """The mean probability of every pixel, over all angles that hits and misses leave possible.

    Args:
        hits: Shots that hit, shape ``(powers, pixels)``.
        misses: Shots that did not, same shape.
        powers: Grover steps before each measurement, at least 0, all different.
        guarded: Whether standard errors are at least an eighth of the distance to any probability
            that is still more than three parts in a million likely.

    Returns:
        The estimates, all angles taken for equally likely before (Jeffreys' prior of a
        probability). The standard error is the standard deviation of what is possible.
    """
    return _estimates(hits, misses, powers, _GUARDED if guarded else _MEAN)


def _estimates(hits: _Array, misses: _Array, powers: Sequence[int], reading: _Reading) -> Estimates:
    """Estimates of all pixels, block by block."""
    factors = 2.0 * np.asarray(powers, dtype=np.float64) + 1
    edges = _edges(powers)
    pixels = hits.shape[1]
    angles, stderr = np.empty(pixels), np.empty(pixels)
    reliable = np.empty(pixels, dtype=bool)
    starts = range(0, pixels, _BLOCK)

    def work(number: int) -> None:
        part = slice(starts[number], starts[number] + _BLOCK)
        found = _estimate(hits[:, part], misses[:, part], factors, edges, reading)
        angles[part], stderr[part], reliable[part] = found

    for_each(work, len(starts), progress=False)
    return Estimates(angles, stderr, reliable)


def _edges(powers: Sequence[int]) -> _Array:
    """Where terms of the likelihood are singular, and both ends of the range of angles."""
    multiples = {Fraction(k, 2 * m + 1) for m in powers for k in range(2 * m + 2)}
    return np.array(sorted(map(float, multiples))) * (np.pi / 2)


def _estimate(
    hits: _Array,
    misses: _Array,
    factors: _Array,
    edges: _Array,
    reading: _Reading,
) -> tuple[_Array, _Array, NDArray[np.bool_]]:
    """Angles, standard errors and reliability of some pixels."""
    peaks = _peaks(hits, misses, factors, edges, reading.close)
    pixel, values = peaks.pixel, peaks.value
    pixels = hits.shape[1]
    best = np.full(pixels, -np.inf)
    np.maximum.at(best, pixel, values)
    highest = np.flatnonzero(values == best[pixel])
    _, first = np.unique(pixel[highest], return_index=True)  # of each pixel, in their order
    angles = peaks.angle[highest[first]]
    spread = 1 / np.sqrt(np.maximum(4 * (factors**2 @ (hits + misses)), 1e-300))
    far = np.abs(peaks.angle - angles[pixel]) > 4 * spread[pixel]
    rival = np.zeros(pixels)
    np.maximum.at(rival, pixel, np.where(far, np.exp(values - best[pixel]), 0.0))
    margin = np.minimum(angles, np.pi / 2 - angles)
    reliable = (rival < 1e-3) & (margin > 2 * spread)
    return *_read(peaks, best, angles, reading), reliable


def _read(peaks: _Peaks, best: _Array, angles: _Array, reading: _Reading) -> tuple[_Array, _Array]:
    """The angles of the estimates, and the root mean square distance of what is possible."""
    shares, errors = peaks.integrated(best, angles, reading)
    pixels = len(best)
    total = peaks.summed(shares, pixels)
    if reading.averaged:
        shift = peaks.summed(shares * errors, pixels) / total
        errors -= shift[peaks.pixel]
        angles = np.arcsin(np.sqrt(np.clip(np.sin(angles) ** 2 + shift, 0, 1)))
    spread = np.sqrt(peaks.summed(shares * errors**2, pixels) / total)
    if reading.guard:
        possible = shares > _POSSIBLE * total[peaks.pixel]
        furthest = np.where(possible, np.abs(errors), 0.0).max(axis=0)
        np.maximum.at(spread, peaks.pixel, reading.guard * furthest)
    return angles, spread


@dataclass(frozen=True, eq=False)
class _Peaks:
    """Maxima within the intervals that matter."""

    hits: _Array
    misses: _Array
    factors: _Array
    pixel: NDArray[np.intp]
    """Whose they are."""
    angle: _Array
    """Where."""
    value: _Array
    """How high."""
    curvature: _Array
    """Of the likelihood's logarithm, at most 0."""
    low: _Array
    """Where the interval begins."""
    high: _Array
    """Where it ends."""

    def integrated(self, best: _Array, angles: _Array, reading: _Reading) -> tuple[_Array, _Array]:
        """Shares of the likelihood's integral, and the errors of ``sin(angle)**2`` that they have.

        Every interval is integrated around its peak, as far as it reaches: one row for each node.
        Shares are in units of the highest likelihood of the pixel.
        """
        reach = reading.reach / np.sqrt(np.maximum(-self.curvature, 1e-300))
        start = np.maximum(self.low, self.angle - reach)
        half = (np.minimum(self.high, self.angle + reach) - start) / 2
        nodes = np.polynomial.legendre.leggauss(reading.nodes)
        centre = np.sin(angles[self.pixel]) ** 2
        shares, errors = np.empty((2, reading.nodes, *self.angle.shape))
        for row, (node, weight) in enumerate(zip(*nodes, strict=True)):
            x = start + half * (1 + node)
            turned = self.factors[:, None] * x
            value = _log_likelihood(self.hits, self.misses, np.sin(turned), np.cos(turned))
            shares[row] = weight * half * np.exp(value - best[self.pixel])
            errors[row] = np.sin(x) ** 2 - centre
        return shares, errors

    def summed(self, numbers: _Array, pixels: int) -> _Array:
        """Sums over the nodes of each pixel's intervals."""
        return np.bincount(self.pixel, numbers.sum(axis=0), pixels).astype(np.float64)


def _log_likelihood(hits: _Array, misses: _Array, sin: _Array, cos: _Array) -> _Array:
    """Logarithm of the likelihood of angles, given sine and cosine of ``f t`` for every power."""
    return np.asarray((hits * np.log(sin**2) + misses * np.log(cos**2)).sum(axis=0))


def _peaks(hits: _Array, misses: _Array, factors: _Array, edges: _Array, close: float) -> _Peaks:
    """The maximum within each interval that may hold a pixel's most likely angle."""
    low, high = edges[:-1], edges[1:]
    middle = (low + high) / 2
    turned = factors[:, None] * middle
    tan = np.tan(turned)
    value = hits.T @ np.log(np.sin(turned) ** 2) + misses.T @ np.log(np.cos(turned) ** 2)
    slope = hits.T @ (2 * factors[:, None] / tan) - misses.T @ (2 * factors[:, None] * tan)
    bound = value + np.abs(slope) * (high - low) / 2
    pixel, interval = np.nonzero(bound >= value.max(axis=1, keepdims=True) - _DEPTH)
    return _climbed(hits, misses, factors, pixel, low[interval], high[interval], close)


def _climbed(
    hits: _Array,
    misses: _Array,
    factors: _Array,
    pixel: NDArray[np.intp],
    low: _Array,
    high: _Array,
    close: float,
) -> _Peaks:
    """Newton's method in brackets, one for each interval; those that fall behind are dropped."""
    x = (low + high) / 2
    f = factors[:, None]
    ends = low, high
    best = np.full(hits.shape[1], -np.inf)
    for last in reversed(range(_NEWTON_STEPS)):
        h, g = hits[:, pixel], misses[:, pixel]
        turned = f * x
        sin, cos = np.sin(turned), np.cos(turned)
        value = _log_likelihood(h, g, sin, cos)
        slope = 2 * (f * (h * cos / sin - g * sin / cos)).sum(axis=0)
        curvature = -2 * (f**2 * (h / sin**2 + g / cos**2)).sum(axis=0)
        np.maximum.at(best, pixel, value)
        bound = value + np.maximum(slope * (high - x), slope * (low - x))
        keep = bound >= best[pixel] - _DEPTH
        done = bound - value < close
        if last == 0 or done[keep].all():
            break
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        step = x - slope / np.where(curvature < 0, curvature, -1.0)
        inside = (step > low) & (step < high)
        moved = np.where(inside, step, (low + high) / 2)
        x = np.where(done, x, moved)
        pixel, x, low, high = (array[keep] for array in (pixel, x, low, high))
        ends = ends[0][keep], ends[1][keep]
    found = (pixel, x, value, curvature, *ends)
    return _Peaks(h[:, keep], g[:, keep], factors, *(array[keep] for array in found))
