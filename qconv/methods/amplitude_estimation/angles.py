"""Angles with noise: what hits and misses say about every pixel, once the damping is known.

With damping the logarithm of the likelihood is no longer concave between neighbouring singular
angles (see `qconv.methods.amplitude_estimation.likelihood`), but it is smooth: a grid that is finer
than any of its waves finds the peaks, Newton's method their places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.methods.amplitude_estimation.damping import Damping

_Array = NDArray[np.float64]

#: Angles of the grid: at least, and for each half-turn of the highest power.
_ANGLES, _EACH = 256, 24

#: Peaks lower than the highest by more than this (in ln L) are not integrated.
_DEPTH = 16.0

_STEPS = 16

#: How many standard deviations around a peak are integrated, and at which places between -1 and 1.
_REACH = 6.0
_NODES = np.polynomial.legendre.leggauss(20)


@dataclass(frozen=True, eq=False)
class Peaks:
    """Peaks of the likelihoods of some pixels, the highest of each and all that come near."""

    pixel: NDArray[np.intp]
    """Whose they are."""
    angle: _Array
    """Where."""
    value: _Array
    """Logarithm of the likelihood."""
    spread: _Array
    """Standard deviation of the angle around the peak, from its curvature."""
    low: _Array
    """Where the valley before it is."""
    high: _Array
    """Where the valley after it is."""

    def highest(self, pixels: int) -> tuple[NDArray[np.intp], _Array]:
        """The number of each pixel's highest peak, and by how much each peak is lower than it."""
        order = np.lexsort((-self.value, self.pixel))
        _, first = np.unique(self.pixel[order], return_index=True)
        best = order[first]
        return best, self.value - self.value[best][self.pixel]


def _terms(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> tuple[_Array, ...]:
    """Logarithm of the likelihood, its slope and its information, one angle for each column."""
    turned = damping.factors[:, None] * angles
    p = damping.probability(np.sin(turned))
    rise = (damping.contrast * damping.factors)[:, None] * np.sin(2 * turned)
    value = (hits * np.log(p) + misses * np.log1p(-p)).sum(axis=0)
    slope = (rise * (hits / p - misses / (1 - p))).sum(axis=0)
    information = (rise**2 * (hits + misses) / (p * (1 - p))).sum(axis=0)
    return value, slope, information


def peaks(damping: Damping, hits: _Array, misses: _Array) -> Peaks:
    """The peaks of every pixel's likelihood.

    Args:
        damping: What is known of it.
        hits: Shots that hit, shape ``(powers, pixels)``; may be scaled down.
        misses: Shots that did not, same shape.
    """
    number = max(_ANGLES, int(_EACH * damping.factors.max()))
    step = np.pi / 2 / number
    grid = (np.arange(number) + 0.5) * step
    p = damping.probability(np.sin(damping.factors[:, None] * grid))
    value = hits.T @ np.log(p) + misses.T @ np.log1p(-p)
    before = np.pad(value, ((0, 0), (1, 0)), constant_values=-np.inf)[:, :-1]
    after = np.pad(value, ((0, 0), (0, 1)), constant_values=-np.inf)[:, 1:]
    top = (value >= before) & (value > after)
    top |= value == value.max(axis=1, keepdims=True)
    pixel, place = np.nonzero(top)
    bend = np.maximum(value - np.minimum(before, after), 0)  # how much it may rise in between
    bend[~np.isfinite(bend)] = 0
    near = (value + bend)[pixel, place] > value.max(axis=1)[pixel] - _DEPTH
    pixel, place = pixel[near], place[near]
    return _climbed(damping, hits, misses, pixel, grid[place], step, value)


def _climbed(
    damping: Damping,
    hits: _Array,
    misses: _Array,
    pixel: NDArray[np.intp],
    start: _Array,
    step: float,
    grid: _Array,
) -> Peaks:
    """From angles of the grid, within a step of each: Newton's method and bisection by turns."""
    h, g = hits[:, pixel], misses[:, pixel]
    low, high = np.maximum(start - step, 0), np.minimum(start + step, np.pi / 2)
    best, x = start, start
    highest, slope, information = _terms(damping, h, g, x)
    for count in range(_STEPS):
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        moved = x + slope / np.maximum(information, 1e-300)
        inside = (moved > low) & (moved < high) & (count % 2 == 0)
        x = np.where(inside, moved, (low + high) / 2)
        value, slope, information = _terms(damping, h, g, x)
        better = value > highest
        best, highest = np.where(better, x, best), np.where(better, value, highest)
    _, _, information = _terms(damping, h, g, best)
    valleys = _valleys(grid, pixel, np.rint(start / step - 0.5).astype(np.intp), step)
    return Peaks(pixel, best, highest, 1 / np.sqrt(np.maximum(information, 1e-12)), *valleys)


def _valleys(
    grid: _Array, pixel: NDArray[np.intp], place: NDArray[np.intp], step: float
) -> tuple[_Array, _Array]:
    """The lowest angle between each peak and its neighbours, or the end of the range."""
    number = grid.shape[1]
    where = np.arange(number)
    low_ = np.zeros_like(grid, dtype=np.intp)
    valley = np.zeros(grid.shape, dtype=bool)
    valley[:, 1:-1] = (grid[:, 1:-1] <= grid[:, :-2]) & (grid[:, 1:-1] <= grid[:, 2:])
    valley[:, 0] = valley[:, -1] = True
    np.maximum.accumulate(np.where(valley, where, 0), axis=1, out=low_)
    reverse = np.where(valley, where, number - 1)[:, ::-1]
    high_ = np.minimum.accumulate(reverse, axis=1)[:, ::-1]
    low, high = low_[pixel, place], high_[pixel, place]
    start = np.where(low == 0, 0.0, (low + 0.5) * step)
    stop = np.where(high == number - 1, np.pi / 2, (high + 0.5) * step)
    return start, stop


def moments(damping: Damping, hits: _Array, misses: _Array, found: Peaks) -> _Array:
    """Root mean square distance of ``sin(angle)**2`` from that of the highest peak.

    Under the likelihood, every peak of it integrated over the angle.
    """
    pixels = hits.shape[1]
    best, _ = found.highest(pixels)
    h, g = hits[:, found.pixel], misses[:, found.pixel]
    reach = _REACH * found.spread
    start = np.maximum(found.low, found.angle - reach)
    half = (np.minimum(found.high, found.angle + reach) - start) / 2
    centre = np.sin(found.angle[best])[found.pixel] ** 2
    mass, square = np.zeros_like(half), np.zeros_like(half)
    for node, weight in zip(*_NODES, strict=True):
        x = start + half * (1 + node)
        value, _, _ = _terms(damping, h, g, x)
        density = weight * half * np.exp(value - found.value[best][found.pixel])
        mass += density
        square += density * (np.sin(x) ** 2 - centre) ** 2
    total = np.bincount(found.pixel, mass, pixels)
    return np.asarray(np.sqrt(np.bincount(found.pixel, square, pixels) / total))
