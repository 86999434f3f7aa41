"""Sampling: counts drawn from known probabilities, with the distribution of measured counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qconv._threads import for_each
from qconv.execution.seeds import JOBS, TILES, derived, random_state

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Number of outcomes per random stream.
_BLOCK = 2**14

#: Spacing of rounded amplitudes, and number of significant bits of rounded probabilities.
_GRAIN, _BITS = 2.0**-36, 40

#: Buckets of equal width per outcome, a power of two. One in 16 buckets has two outcomes.
_BUCKETS = 16


def quantised(p: _Array, *, by_amplitude: bool) -> _Array:
    """Round probabilities, whose last bits differ between processors.

    The draws of one seed are then the same on every machine, as NumPy treats ``p <= 1/2`` and
    ``p > 1/2`` differently. No practical number of shots could detect the rounding.

    Args:
        p: Probabilities, sum at most 1 except for rounding.
        by_amplitude: True for large states, where many outcomes are impossible except for rounding
            errors. Square roots are then rounded to multiples of 2**-36, so that these outcomes get
            0. The chi-square of ``n`` shots changes by less than ``n * 2**-72`` per outcome. False
            to round to 40 significant bits, 1e-12 relative, if small probabilities matter.

    Returns:
        Rounded probabilities of the same shape, sum at most 1.
    """
    if by_amplitude:
        rounded = np.square(np.round(np.sqrt(np.maximum(p, 0)) / _GRAIN) * _GRAIN)
        return rounded / max(1.0, float(rounded.sum()))
    fraction, exponent = np.frexp(p)
    rounded = np.ldexp(np.round(np.ldexp(fraction, _BITS)), exponent - _BITS)
    return np.asarray(rounded / rounded.sum())


class Inverse:
    """Inverse distribution function with a guide table, so that most draws need no search.

    Args:
        p: Probabilities, sum 1.

    Source:
        Devroye, Non-Uniform Random Variate Generation (1986), section III.2.4.
    """

    def __init__(self, p: _Array) -> None:
        self._upto: _Array = np.cumsum(p)
        self._upto[-1] = 1.0
        self._buckets = _BUCKETS << (len(p) - 1).bit_length()
        edges = np.arange(self._buckets + 1) / self._buckets
        self._first = np.searchsorted(self._upto, edges[:-1], side="right")
        self._mixed = self._first != np.searchsorted(self._upto, edges[1:], side="left")

    def outcomes(self, uniform: _Array) -> NDArray[np.intp]:
        """Return the outcome at each cumulative probability between 0 and 1."""
        bucket = (uniform * self._buckets).astype(np.intp)
        found: NDArray[np.intp] = self._first[bucket]
        mixed = self._mixed[bucket]
        found[mixed] = np.searchsorted(self._upto, uniform[mixed], side="right")
        return found


def multinomial(rng: np.random.RandomState, shots: int, p: _Array) -> _Counts:
    """Draw multinomial counts, without using random numbers for outcomes of probability 0."""
    possible = p > 0
    if possible.all():
        return np.asarray(rng.multinomial(shots, p), dtype=np.int64)
    counts = np.zeros(len(p), dtype=np.int64)
    counts[possible] = rng.multinomial(shots, p[possible])
    return counts


def multinomial_each(rng: np.random.RandomState, shots: _Counts, p: _Array) -> _Counts:
    """Draw multinomial counts for pixels with different numbers of shots.

    Each count is binomial among the shots that previous outcomes left (Devroye, Non-Uniform Random
    Variate Generation (1986), section XI.1.3).

    Returns:
        Counts, shape ``(pixels, outcomes)``; the sum of each row is the pixel's shots.
    """
    counts = np.zeros((len(p), len(shots)), dtype=np.int64)
    left = shots.copy()
    remaining = np.cumsum(p[::-1])[::-1]
    for outcome in np.flatnonzero(p):
        counts[outcome] = rng.binomial(left, p[outcome] / remaining[outcome])
        left -= counts[outcome]
    return counts.T


def drawn(root: np.random.SeedSequence, p: _Array, total: int) -> _Array:
    """Draw counts of ``total`` shots, block by block on all cores.

    Probabilities ``p`` have any shape and a sum of at most 1; the remainder is not counted.
    """
    flat = quantised(p, by_amplitude=True).ravel()
    starts = range(0, flat.size, _BLOCK)
    sums = np.add.reduceat(flat, starts)
    rest = max(0.0, 1.0 - float(sums.sum()))
    shares = np.append(sums, rest) / (sums.sum() + rest)
    each = multinomial(random_state(derived(root, JOBS)), total, shares)
    counts = np.zeros(flat.size)

    def work(number: int) -> None:
        part = slice(starts[number], starts[number] + _BLOCK)
        if each[number]:
            rng = random_state(derived(root, TILES, number))
            counts[part] = multinomial(rng, int(each[number]), flat[part] / sums[number])

    for_each(work, len(starts), progress=False)
    return counts.reshape(p.shape)
