"""Angles with noise: the likelihood of every pixel's angle for a given damping.

With damping the log-likelihood is no longer concave between neighbouring singular angles (see
`qconv.methods.amplitude_estimation.likelihood`), but it is smooth. A grid finer than the shortest
wavelength of the log-likelihood finds all peaks, and Newton's method refines them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qconv.methods.amplitude_estimation.damping import Damping
from qconv.methods.amplitude_estimation.likelihood import DEPTH, TINY, Peaks

_Array = NDArray[np.float64]

#: Minimum number of grid points, and number of grid points per half-turn of ``f t`` at the highest
#: power. The curvature is extrapolated between points, so that no peak is missed:
#: `test_no_angle_of_a_grid_is_more_likely`.
_ANGLES, _EACH = 256, 24

#: Steps of the search from a grid point, every other one a bisection: 8 bisections and 8 Newton
#: steps locate a peak within 1e-6 of its height (same test).
_STEPS = 16


def terms(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> tuple[_Array, ...]:
    """Return log-likelihood, its slope and the information, for one angle per column."""
    turned = damping.factors[:, None] * angles
    p = damping.probability(np.sin(turned))
    rise = (damping.contrast * damping.factors)[:, None] * np.sin(2 * turned)
    value = (hits * np.log(p) + misses * np.log1p(-p)).sum(axis=0)
    slope = (rise * (hits / p - misses / (1 - p))).sum(axis=0)
    return value, slope, (rise**2 * (hits + misses) / (p * (1 - p))).sum(axis=0)


def peaks(damping: Damping, hits: _Array, misses: _Array) -> Peaks:
    """Find the peaks of every pixel's likelihood; counts may be scaled down."""
    number = max(_ANGLES, int(_EACH * damping.factors.max()))
    step = np.pi / 2 / number
    grid = (np.arange(number) + 0.5) * step
    p = damping.probability(np.sin(damping.factors[:, None] * grid))
    value = hits.T @ np.log(p) + misses.T @ np.log1p(-p)
    padded = np.pad(value, ((0, 0), (1, 1)), constant_values=-np.inf)
    before, after = padded[:, :-2], padded[:, 2:]
    top = (value >= before) & (value > after)
    top |= value == value.max(axis=1, keepdims=True)
    pixel, place = np.nonzero(top)
    bend = np.maximum(value - np.minimum(before, after), 0)  # possible rise between grid points
    bend[~np.isfinite(bend)] = 0
    near = (value + bend)[pixel, place] > value.max(axis=1)[pixel] - DEPTH
    pixel, place = pixel[near], place[near]
    found = _climbed(damping, hits[:, pixel], misses[:, pixel], grid[place], step)
    return Peaks(pixel, *found, *_valleys(value, pixel, place, step))


def _climbed(
    damping: Damping, hits: _Array, misses: _Array, start: _Array, step: float
) -> tuple[_Array, _Array, _Array]:
    """Refine peaks within a step of the grid by Newton's method and bisection in turn.

    Returns:
        Angle, log-likelihood and information of each peak.
    """
    low, high = np.maximum(start - step, 0), np.minimum(start + step, np.pi / 2)
    best, x = start, start
    highest, slope, information = terms(damping, hits, misses, x)
    for count in range(_STEPS):
        low, high = np.where(slope > 0, x, low), np.where(slope > 0, high, x)
        moved = x + slope / np.maximum(information, TINY)
        inside = (moved > low) & (moved < high) & (count % 2 == 0)
        x = np.where(inside, moved, (low + high) / 2)
        value, slope, information = terms(damping, hits, misses, x)
        better = value > highest
        best, highest = np.where(better, x, best), np.where(better, value, highest)
    return best, highest, terms(damping, hits, misses, best)[2]


def _valleys(
    grid: _Array, pixel: NDArray[np.intp], place: NDArray[np.intp], step: float
) -> tuple[_Array, _Array]:
    """Return the minimum on either side of each peak, or the end of the range of angles."""
    last = grid.shape[1] - 1
    valley = np.ones(grid.shape, dtype=bool)
    valley[:, 1:-1] = (grid[:, 1:-1] <= grid[:, :-2]) & (grid[:, 1:-1] <= grid[:, 2:])
    index = np.where(valley, np.arange(last + 1), 0)
    low = np.maximum.accumulate(index, axis=1)[pixel, place]
    index[~valley] = last
    high = np.minimum.accumulate(index[:, ::-1], axis=1)[:, ::-1][pixel, place]
    start = np.where(low == 0, 0.0, (low + 0.5) * step)
    return start, np.where(high == last, np.pi / 2, (high + 0.5) * step)
