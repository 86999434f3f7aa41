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
from dataclasses import dataclass
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

#: How many standard deviations around a peak are integrated, and at which places between -1 and 1.
_REACH = 6.0
_NODES = np.polynomial.legendre.leggauss(20)


@dataclass(frozen=True, eq=False)
class Estimates:
    """What is known about every pixel's angle and its probability ``sin(angle)**2``."""

    angles: _Array
    """Most likely angles, in ``[0, pi/2]``."""
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
    factors = 2.0 * np.asarray(powers, dtype=np.float64) + 1
    edges = _edges(powers)
    pixels = hits.shape[1]
    angles, stderr = np.empty(pixels), np.empty(pixels)
    reliable = np.empty(pixels, dtype=bool)
    starts = range(0, pixels, _BLOCK)

    def work(number: int) -> None:
        part = slice(starts[number], starts[number] + _BLOCK)
        found = _estimate(hits[:, part], misses[:, part], factors, edges)
        angles[part], stderr[part], reliable[part] = found

    for_each(work, len(starts), progress=False)
    return Estimates(angles, stderr, reliable)


def _edges(powers: Sequence[int]) -> _Array:
    """Where terms of the likelihood are singular, and both ends of the range of angles."""
    multiples = {Fraction(k, 2 * m + 1) for m in powers for k in range(2 * m + 2)}
    return np.array(sorted(map(float, multiples))) * (np.pi / 2)


def _estimate(
    hits: _Array, misses: _Array, factors: _Array, edges: _Array
) -> tuple[_Array, _Array, NDArray[np.bool_]]:
    """Angles, standard errors and reliability of some pixels."""
    peaks = _peaks(hits, misses, factors, edges)
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
    mass, square = peaks.moments(best, angles)
    return angles, np.sqrt(square / mass), reliable


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

    def moments(self, best: _Array, angles: _Array) -> tuple[_Array, _Array]:
        """Each pixel's integral of the likelihood, also times the squared error of ``sin**2``.

        Both are in units of the highest likelihood. Every interval is integrated within six
        standard deviations of its peak, as far as it reaches.
        """
        reach = _REACH / np.sqrt(np.maximum(-self.curvature, 1e-300))
        start = np.maximum(self.low, self.angle - reach)
        half = (np.minimum(self.high, self.angle + reach) - start) / 2
        mass, square = np.zeros_like(self.angle), np.zeros_like(self.angle)
        centre = np.sin(angles[self.pixel]) ** 2
        for node, weight in zip(*_NODES, strict=True):
            x = start + half * (1 + node)
            turned = self.factors[:, None] * x
            value = _log_likelihood(self.hits, self.misses, np.sin(turned), np.cos(turned))
            density = weight * half * np.exp(value - best[self.pixel])
            mass += density
            square += density * (np.sin(x) ** 2 - centre) ** 2
        pixels = len(best)
        total = np.bincount(self.pixel, mass, pixels).astype(np.float64)
        return total, np.bincount(self.pixel, square, pixels).astype(np.float64)


def _log_likelihood(hits: _Array, misses: _Array, sin: _Array, cos: _Array) -> _Array:
    """Logarithm of the likelihood of angles, given sine and cosine of ``f t`` for every power."""
    return np.asarray((hits * np.log(sin**2) + misses * np.log(cos**2)).sum(axis=0))


def _peaks(hits: _Array, misses: _Array, factors: _Array, edges: _Array) -> _Peaks:
    """The maximum within each interval that may hold a pixel's most likely angle."""
    low, high = edges[:-1], edges[1:]
    middle = (low + high) / 2
    turned = factors[:, None] * middle
    tan = np.tan(turned)
    value = hits.T @ np.log(np.sin(turned) ** 2) + misses.T @ np.log(np.cos(turned) ** 2)
    slope = hits.T @ (2 * factors[:, None] / tan) - misses.T @ (2 * factors[:, None] * tan)
    bound = value + np.abs(slope) * (high - low) / 2
    pixel, interval = np.nonzero(bound >= value.max(axis=1, keepdims=True) - _DEPTH)
    return _climbed(hits, misses, factors, pixel, low[interval], high[interval])


def _climbed(
    hits: _Array,
    misses: _Array,
    factors: _Array,
    pixel: NDArray[np.intp],
    low: _Array,
    high: _Array,
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
        done = bound - value < 1e-7
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
