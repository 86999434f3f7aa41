"""Certainty: which place of a sampled map is the brightest, and how sure that is.

A place ``k`` was counted ``n_k`` times, with the law of Poisson and the mean ``e_k r_k``: its rate
``r_k``, the square of an amplitude, times an exposure ``e_k`` that is known. Asked for is the place
of the largest rate. Two kinds of places are supposed, and everything else is learnt from the counts:

* The *background*, all places but one. The amplitude left by a template that does not fit is a sum
  of many numbers, so normally distributed, with a variance that differs between parts of the
  image: the rates are ``c`` times a chi-square of one degree of freedom, and the law of ``c`` is the
  most likely one on a grid, found by expectation maximisation from all places but the leading one,
  and from one more that may be of any scale.
* One *match*, anywhere. Its rate is uniform from the largest that the mean of all would give by
  chance to twice the largest seen.

Every place is the match with a probability proportional to ``m(n_k) / b(n_k)``, the likelihood of
its count as a match over that as background. The leading place has the largest rate with the
probability that this is so if it is the match, or if another place is, each weighted by that:

    sum_k P(match at k | n) P(r_k' < r_lead for all k' | n, match at k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

_Array = NDArray[np.float64]

#: Cells of the logarithmic grid of rates, and how many of the root's steps around the leading one.
_COARSE, _FINE = 400, 240

#: Half the width of the fine grid, in standard deviations (1/2) of the root of a count.
_AROUND = 12.0

#: Scales of the background relative to the mean rate, and steps to find their law.
_SCALES = np.geomspace(1e-2, 1e3, 60)
_STEPS = 300

#: Bins of exposures; those below a part of 1e-6 of the largest are never counted.
_BINS = 100
_DARK = 1e-6

#: The least probable match that is looked at.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class _Groups:
    """Places with the same count and nearly the same exposure."""

    count: _Array
    exposure: _Array
    places: _Array
    """How many there are."""

    def without(self, leading: int) -> _Array:
        """How many places there are, one of a group left out."""
        rest = self.places.copy()
        rest[leading] -= 1
        return rest


def leading_place(counts: _Array, exposure: _Array | None = None) -> tuple[int, float]:
    """The place that leads, and the probability that its rate is the largest of all.

    Args:
        counts: How often each place was measured, any shape.
        exposure: Mean count at rate 1, same shape, not negative; None: the same everywhere.

    Returns:
        Index into the flattened counts, and the probability. With equal exposures the first of the
        largest counts leads; else the place that is most likely the match.
    """
    flat = counts.ravel()
    if flat.size == 1:
        return 0, 1.0
    if exposure is None:
        count, places = np.unique(flat, return_counts=True)
        groups = _Groups(count, np.ones(len(count)), places.astype(np.float64))
        return int(flat.argmax()), _certainty(groups, len(count) - 1)
    groups, member = _grouped(flat, exposure.ravel())
    grid = _edges(groups, None)
    likelihood = _likelihood(groups, grid)
    background = _background(groups, groups.places, grid, likelihood)
    leading = int(np.argmax(_odds(groups, groups.places, grid, likelihood, background)))
    return int(np.flatnonzero(member == leading)[0]), _certainty(groups, leading)


def _grouped(counts: _Array, exposure: _Array) -> tuple[_Groups, NDArray[np.intp]]:
    """Groups, and the number of each place's group; -1 where nothing is ever counted."""
    largest = float(exposure.max())
    seen = exposure > _DARK * largest
    bins = np.zeros(len(exposure), dtype=np.int64)
    bins[seen] = np.round(np.log(exposure[seen] / largest) * (_BINS / np.log(_DARK)))
    keys = counts.astype(np.int64) * (_BINS + 1) + bins
    kinds, inverse, places = np.unique(keys[seen], return_inverse=True, return_counts=True)
    member = np.full(len(exposure), -1)
    member[seen] = inverse
    mean = np.bincount(inverse, exposure[seen]) / places
    count = (kinds // (_BINS + 1)).astype(np.float64)
    return _Groups(count, mean, places.astype(np.float64)), member


def _certainty(groups: _Groups, leading: int) -> float:
    """Probability that a place of the leading group has the largest rate."""
    rest = groups.without(leading)
    grid = _edges(groups, leading)
    likelihood = _likelihood(groups, grid)
    background = _background(groups, rest, grid, likelihood)
    odds = _odds(groups, rest, grid, likelihood, background)
    as_background = _posterior(likelihood, background)
    as_match = _posterior(likelihood, _match(groups, rest, grid))
    below = np.log(np.maximum(_below(as_background), 1e-300))
    others = rest @ below
    weights = rest * odds
    total = float(weights.sum() + odds[leading])
    right = float(odds[leading] * (as_match[leading] @ np.exp(others)))
    for k in np.flatnonzero(weights > _NEGLIGIBLE * total):
        largest = np.exp(others - below[k]) * _below(as_match[k])
        right += float(weights[k] * (as_background[leading] @ largest))
    return min(max(right / total, 0.0), 1.0)


def _mean_rate(groups: _Groups, places: _Array) -> float:
    """Mean rate of all places, half a count added so that it is never 0."""
    return float((places @ groups.count + 0.5) / (places @ groups.exposure))


def _edges(groups: _Groups, leading: int | None) -> _Array:
    """Edges of the cells of a grid of rates: logarithmic, and finer around the leading rate."""
    mean = _mean_rate(groups, groups.places)
    if leading is None:
        largest = float(np.max((groups.count + 1) / groups.exposure))
        fine = np.empty(0)
    else:
        exposure = groups.exposure[leading]
        largest = float((groups.count[leading] + 1) / exposure)
        root = np.sqrt(groups.count[leading])
        roots = np.linspace(max(root - _AROUND / 2, 0.0), root + _AROUND / 2, _FINE)
        fine = roots**2 / exposure
    highest = 2 * max(largest, mean * np.log(groups.places.sum() + 1))
    coarse = np.geomspace(1e-3 * mean, highest, _COARSE)
    edges = np.unique(np.concatenate([[0.0], coarse, fine]))
    return edges[np.append(True, np.diff(edges) > 1e-9 * edges[1:])]


def _likelihood(groups: _Groups, grid: _Array) -> _Array:
    """Mean of Poisson's law over each cell of the grid, for each group; ``(groups, cells)``."""
    integral = gammainc(groups.count[:, None] + 1, groups.exposure[:, None] * grid)
    return np.diff(integral, axis=1) / (groups.exposure[:, None] * np.diff(grid))


def _background(groups: _Groups, places: _Array, grid: _Array, likelihood: _Array) -> _Array:
    """Probability of each cell for a background rate: the most likely scale mixture."""
    scales = _SCALES * _mean_rate(groups, places)
    kinds = np.diff(gammainc(0.5, 0.5 * grid / scales[:, None]), axis=1)
    given = likelihood @ kinds.T
    given /= np.maximum(given.max(axis=1, keepdims=True), 1e-300)
    shares = np.full(len(scales), 1 / len(scales))
    for _ in range(_STEPS):
        joint = given * shares
        shares = places @ (joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300))
        shares += 1 / len(scales)
        shares /= shares.sum()
    return np.asarray(shares @ kinds)


def _match(groups: _Groups, places: _Array, grid: _Array) -> _Array:
    """Probability of each cell for the rate of a match: uniform above what chance reaches."""
    bounded = np.maximum(grid, _mean_rate(groups, places) * np.log(places.sum() + 1))
    return np.asarray(np.diff(bounded) / (bounded[-1] - bounded[0]))


def _odds(
    groups: _Groups, places: _Array, grid: _Array, likelihood: _Array, background: _Array
) -> _Array:
    """Likelihood of each group's count as the match over that as background."""
    match = likelihood @ _match(groups, places, grid)
    return np.asarray(match / np.maximum(likelihood @ background, 1e-300))


def _posterior(likelihood: _Array, prior: _Array) -> _Array:
    joint = likelihood * prior
    return np.asarray(joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300))


def _below(probabilities: _Array) -> _Array:
    """Probability of less than each cell, ties shared."""
    return np.asarray(np.cumsum(probabilities, axis=-1) - probabilities / 2)


def leading_estimate(estimate: _Array, stderr: _Array) -> tuple[int, float]:
    """Placeholder until the second observation model is written."""
    return int(np.argmax(estimate)), -1.0
