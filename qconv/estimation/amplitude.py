"""Estimation of one probability from Grover powers, adaptive or by a fixed schedule.

A shot of power ``m`` costs ``f = 2 m + 1`` oracle calls. The *adaptive* estimation chooses the
power of every single shot from the posterior. With the hit probability ``q(t) = sin(f t)**2``, one
shot is expected to reduce the variance of ``p = sin(t)**2`` by

    cov(p, q)**2 / (E[q] (1 - E[q])).

The power with the largest reduction per oracle call is chosen. The expectation is taken over the
posterior raised to a power below 1. Peaks of low probability thus still influence the choice, and
are excluded before higher powers are used.

The *fixed* schedule depends only on the number of oracle calls. Its powers are spaced evenly on a
logarithmic scale, and higher powers get fewer shots (Higgins et al. 2009). It suits devices, where
every step of an adaptive estimation would be a job of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qconv.estimation.posterior import AnglePosterior

_Array = NDArray[np.float64]

#: Function that measures: takes the powers and the shots of all runs, returns their hits.
Measure = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]

#: Number of shots of power 0 at the start. The fixed schedule adds them to the shots of its rule.
_FIRST = 10

#: Exponent of the posterior in the choice of the power. A larger exponent gives smaller errors. But
#: it leaves more runs with a second possible value and thus with a larger standard error.
_EXPONENT = 0.45

#: Candidates for the next factor ``2 m + 1``; there are ``_COMPARED`` of them. The highest factor
#: times the range of possible angles is ``_HIGHEST`` radians to either side. Each further factor is
#: ``_STEP`` times the previous one.
_HIGHEST, _STEP, _COMPARED = 4.0, 2**-0.25, 14

#: Only every other point of the posterior's grid is used to choose a power.
_EVERY = 2

#: Fixed schedule: powers per octave, shots per octave at the highest power, and additional shots
#: for every octave below it.
_EACH, _TOP, _MORE = 4, 4.5, 3.0


def adaptive(measure: Measure, runs: int, calls: int) -> AnglePosterior:
    """Estimate one angle per run, with powers that are chosen from the posterior.

    Args:
        measure: Function that measures given powers with given numbers of shots.
        runs: Number of independent runs.
        calls: Maximum number of oracle calls of each run.
    """
    posterior, left = AnglePosterior(runs), np.full(runs, calls)
    factors, shots = np.ones(runs, np.int64), np.full(runs, min(_FIRST, calls))
    while shots.any():
        hits = measure(factors // 2, shots)
        posterior.add(*(part.astype(np.float64) for part in (factors, hits, shots)))
        left -= factors * shots
        factors = _chosen(posterior, left)
        shots = (left > 0).astype(np.int64)
    return posterior


def _chosen(posterior: AnglePosterior, left: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``2 m + 1`` for the power ``m`` of the next shot of each run, at most ``left``."""
    low, high = posterior.possible()
    highest = np.clip(2 * _HIGHEST / (high - low), 1, np.maximum(left, 1))
    scaled = highest[:, None] * _STEP ** np.arange(_COMPARED)
    factors = 2 * ((np.maximum(scaled, 1) - 1) // 2) + 1
    angles = posterior.angles[:, ::_EVERY]
    weights = posterior.weights[:, ::_EVERY] ** _EXPONENT
    weights /= weights.sum(axis=1, keepdims=True)
    deviation = np.sin(angles) ** 2
    deviation -= (weights * deviation).sum(axis=1, keepdims=True)
    gain = np.empty(factors.shape)
    for number, factor in enumerate(factors.T):
        hit = (1 - np.cos(2 * factor[:, None] * angles)) / 2
        mean = (weights * hit).sum(axis=1)
        reduction = (weights * deviation * hit).sum(axis=1) ** 2
        gain[:, number] = reduction / (np.maximum(mean * (1 - mean), 1e-300) * factor)
    best = gain.argmax(axis=1)
    return np.asarray(factors[np.arange(len(best)), best], dtype=np.int64)


def fixed_schedule(calls: int, highest: int | None = None) -> list[tuple[int, int]]:
    """Return powers and shots that need at most ``calls`` oracle calls, at least 1.

    The highest power is the largest one whose schedule is affordable. The remaining calls increase
    the shots of all powers in proportion.

    Args:
        calls: Maximum number of oracle calls.
        highest: Maximum power, such as on a noisy device; None for no maximum.
    """

    def cost(factor: int, scale: float) -> int:
        return sum((2 * m + 1) * n for m, n in _schedule(factor, scale))

    factor, most = 1, math.inf if highest is None else 2 * highest + 1
    while factor < most and cost(factor + 2, 1.0) <= calls:
        factor += 2
    if factor == 1:
        return [(0, calls)]
    low, high = 1.0, 2.0
    while cost(factor, high) <= calls:
        low, high = high, 2 * high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(factor, middle) <= calls else (low, middle)
    return _schedule(factor, low)


def _schedule(factor: int, scale: float) -> list[tuple[int, int]]:
    """Return the schedule whose highest power is ``factor // 2``."""
    octaves = math.log2(factor)
    number = max(1, round(_EACH * octaves))
    shots = {0: _FIRST}
    for place in range(number + 1):
        above = octaves * (number - place) / number
        power = round((2 ** (octaves - above) - 1) / 2)
        wanted = scale * (_TOP + _MORE * above) / _EACH
        shots[power] = shots.get(power, 0) + math.ceil(wanted)
    return sorted(shots.items())


def by_schedule(measure: Measure, runs: int, calls: int) -> AnglePosterior:
    """Estimate one angle per run by the fixed schedule; arguments are those of `adaptive`."""
    posterior = AnglePosterior(runs)
    for power, shots in fixed_schedule(calls):
        powers, numbers = np.full(runs, power), np.full(runs, shots)
        hits = measure(powers, numbers).astype(np.float64)
        posterior.add(2.0 * powers + 1, hits, numbers.astype(np.float64))
    return posterior
