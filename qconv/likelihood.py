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
_DEPTH = 12.0

_NEWTON_STEPS = 60


@dataclass(frozen=True, eq=False)
class Estimates:
    """What is known about every pixel's angle and its probability ``sin(angle)**2``."""

    angles: _Array
    """Most likely angles, in ``[0, pi/2]``."""
    stderr: _Array
    """Standard errors of ``sin(angle)**2``."""
    reliable: NDArray[np.bool_]
    """False where another peak, more than four standard errors away, is more than a thousandth as
    likely as the highest, or where the angle is within two standard errors of 0 or pi/2."""


def most_likely(hits: _Array, misses: _Array, powers: Sequence[int]) -> Estimates:
    """The most likely angle of every pixel.

    Args:
        hits: Shots that hit, shape ``(powers, pixels)``.
        misses: Shots that did not, same shape.
        powers: Grover steps before each measurement, at least 0, all different.

    Returns:
        The estimates. The standard error is that of the Fisher information
        ``4 sum_m n (2 m + 1)**2``, carried over to ``sin**2`` for normal errors of the angle
        without linearising, and enlarged by the distances of other peaks, weighted by their
        likelihood.

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
    pixel, tops, values = _peaks(hits, misses, factors, edges)
    pixels = hits.shape[1]
    best = np.full(pixels, -np.inf)
    np.maximum.at(best, pixel, values)
    first = np.full(pixels, len(values))
    np.minimum.at(
        first, pixel, np.where(values == best[pixel], np.arange(len(values)), len(values))
    )
    angles = tops[first]
    information = 4 * (factors**2 @ (hits + misses))
    spread = 1 / np.sqrt(np.maximum(information, 1e-300))
    likelihood = np.exp(values - best[pixel])
    far = np.abs(tops - angles[pixel]) > 4 * spread[pixel]
    weights = np.where(np.arange(len(pixel)) == first[pixel], 0.0, likelihood)
    distance = np.square(np.sin(tops) ** 2 - np.sin(angles[pixel]) ** 2)
    others = np.bincount(pixel, weights, pixels)
    added = np.bincount(pixel, weights * distance, pixels) / (1 + others)
    stderr = np.sqrt(_variance(angles, spread) + added)
    margin = np.minimum(angles, np.pi / 2 - angles)
    rival = np.zeros(pixels)
    np.maximum.at(rival, pixel, np.where(far, likelihood, 0.0))
    return angles, stderr, (rival < 1e-3) & (margin > 2 * spread)


def _variance(angles: _Array, spread: _Array) -> _Array:
    """Variance of ``sin(t)**2`` for normal ``t`` of given mean and standard deviation."""
    s = np.minimum(spread**2, 100.0)
    mean_square = (1 + np.exp(-8 * s) * np.cos(4 * angles)) / 8
    squared_mean = np.exp(-4 * s) * np.cos(2 * angles) ** 2 / 4
    return np.asarray(np.maximum(mean_square - squared_mean, 0.0))


def _peaks(
    hits: _Array, misses: _Array, factors: _Array, edges: _Array
) -> tuple[NDArray[np.intp], _Array, _Array]:
    """Maxima within the intervals that matter: whose they are, where, and how high."""
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
) -> tuple[NDArray[np.intp], _Array, _Array]:
    """Newton's method in brackets, one for each interval; those that fall behind are dropped."""
    x = (low + high) / 2
    f = factors[:, None]
    best = np.full(hits.shape[1], -np.inf)
    for _ in range(_NEWTON_STEPS):
        h, g = hits[:, pixel], misses[:, pixel]
        turned = f * x
        sin, cos = np.sin(turned), np.cos(turned)
        value = (h * np.log(sin**2) + g * np.log(cos**2)).sum(axis=0)
        slope = 2 * (f * (h * cos / sin - g * sin / cos)).sum(axis=0)
        curvature = -2 * (f**2 * (h / sin**2 + g / cos**2)).sum(axis=0)
        np.maximum.at(best, pixel, value)
        bound = value + np.maximum(slope * (high - x), slope * (low - x))
        keep = bound >= best[pixel] - _DEPTH
        done = bound - value < 1e-7
        if done[keep].all():
            return pixel[keep], x[keep], value[keep]
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        step = x - slope / np.where(curvature < 0, curvature, -1.0)
        inside = (step > low) & (step < high)
        moved = np.where(inside, step, (low + high) / 2)
        x = np.where(done, x, moved)
        pixel, x, low, high = (array[keep] for array in (pixel, x, low, high))
    h, g, turned = hits[:, pixel], misses[:, pixel], f * x
    value = (h * np.log(np.sin(turned) ** 2) + g * np.log(np.cos(turned) ** 2)).sum(axis=0)
    return pixel, x, value
