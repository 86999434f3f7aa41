"""Evidence: what a sampled map says about where the match is.

Place ``k`` has an amplitude ``a_k`` and was seen in one of two ways: counted ``n_k`` times, with
Poisson's law and the mean ``e_k a_k**2``, or estimated as ``x_k``, normally distributed about
``a_k`` with the standard error ``s_k``. Two kinds of places are supposed; what they are like is
learnt from the map itself:

* The *background*, all places but one. What a template that does not fit leaves is a sum of many
  numbers: an amplitude with a normal law of mean 0, whose variance differs between parts of the
  image. The law of the variance is not supposed to have any form: it is the most likely one on a
  logarithmic grid (empirical Bayes), from all places but the leading one, and from half a place of
  any variance (as Jeffreys adds half a count to either outcome): it speaks for those too rare to
  be seen.
* One *match*, anywhere. Its amplitude is uniform (for a count that is Jeffreys' prior) from 0 to
  more than the map shows; as it may be 0, nothing says that a match can be seen.

The *odds* of a place are the likelihood of what was seen there from a match over that from
background. By the map alone a place is the match with a probability proportional to them. Places
are independent given the variances; that neighbours often resemble each other is left out.

From a handful of counts no background can be learnt. So where there are fewer counts than places
odds are never above what leaves a place as improbable as it is that any of them is counted as often
by mere chance, if all had the same rate.

Source:
    Robbins, Proc. Third Berkeley Symp. 1, 157 (1956) (empirical Bayes); Laird, J. Am. Stat. Assoc.
    73, 805 (1978) (the most likely mixing law).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, kl_div, ndtr

_Array = NDArray[np.float64]

#: Cells of the grid of amplitudes: logarithmic ones, and equal ones this many standard deviations
#: to both sides of the leading amplitude.
_COARSE, _FINE, _AROUND = 400, 240, 6.0

#: Variances of the background, and by which factor they reach to both sides of the mean square:
#: the number of places (everything in one of them, or next to nothing), but at least this.
_VARIANCES, _REACH = 80, 1000.0

#: Places that are added to those seen, spread evenly over all variances.
_UNSEEN = 0.5

#: Where accuracies differ: how many places are kept by themselves because they stand out most.
#: Others are taken together if their values, in so many steps, and logarithms of the accuracy, in
#: such, agree.
_APART, _STEPS, _RATIO = 100, 100, 0.35

#: Exposures below this part of the largest are left out, standard errors are raised to it.
_LEAST = 1e-6

#: Bounds that keep numbers from under- and overflowing.
_TINY, _MOST = 1e-300, 1e100


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a map says about every place, flattened."""

    odds: _Array
    """Likelihood of what was seen, from a match over that from background; 0 where nothing was."""
    standing: _Array
    """How far a place stands out: those that lead have the largest."""


@dataclass(frozen=True, eq=False)
class _Groups:
    """Places that were seen alike, together."""

    value: _Array  # counts, or estimates
    accuracy: _Array  # exposures, or standard errors
    number: _Array  # of places in each group
    square: float  # mean, of the amplitudes of all places
    counted: bool

    def below(self, amplitude: _Array) -> _Array:
        """Probability of less than some amplitudes, by the likelihood alone, for each group."""
        value, accuracy = self.value[:, None], self.accuracy[:, None]
        if self.counted:
            return np.asarray(gammainc(value + 0.5, accuracy * amplitude**2))
        return np.asarray(ndtr((amplitude - value) / accuracy))


def from_counts(counts: _Array, exposure: _Array | None = None) -> Evidence:
    """What counts say about every place.

    Args:
        counts: How often each place was measured, any shape.
        exposure: Mean count at rate 1, but for a common factor, same shape, not negative, not 0
            everywhere; None: the same everywhere. Places with less than 1e-6 of the largest have
            odds of 0.
    """
    n = np.asarray(counts, dtype=np.float64).ravel()
    if exposure is None:
        count, member, places = np.unique(n, return_inverse=True, return_counts=True)
        groups = _Groups(count, np.ones(count.size), places.astype(float), n.mean(), counted=True)
        return Evidence(_odds(groups, count.size - 1)[member], n)
    e = np.asarray(exposure, dtype=np.float64).ravel()
    lit = e > _LEAST * e.max()
    odds, standing = np.zeros(n.size), np.full(n.size, -np.inf)
    n, e = n[lit], e[lit]
    mean = float(n.sum() / e.sum())
    standing[lit] = np.where(n > e * mean, 1, -1) * kl_div(n, e * mean)
    value, accuracy, number, member = _gathered(n, e, standing[lit], 1.0)
    odds[lit] = _odds(_Groups(value, accuracy, number, mean, counted=True), 0)[member]
    return Evidence(odds, standing)


def from_estimates(estimate: _Array, stderr: _Array) -> Evidence:
    """What estimates say about every place.

    Args:
        estimate: Of the value at each place, with its sign, any shape.
        stderr: Its standard error, same shape. Where it is 0 the value is exact.
    """
    x, s = (np.asarray(part, dtype=np.float64).ravel() for part in (estimate, stderr))
    largest = float(np.abs(x).max())
    if largest == 0:
        return Evidence(np.ones(x.size), x)
    x, s = x / largest, s / largest
    noisy = s > 0
    weights = s[noisy] ** -2.0 if noisy.any() else None
    square = float(np.average(x[noisy] ** 2 if noisy.any() else x**2, weights=weights))
    standing = x / np.sqrt(square + s**2)
    s = np.maximum(s, _LEAST * (s.max() or 1.0))
    step = float(np.ptp(x)) / _STEPS or 1.0
    value, accuracy, number, member = _gathered(x, s, standing, step)
    groups = _Groups(value, accuracy, number, square, counted=False)
    return Evidence(_odds(groups, 0)[member], standing)


def _gathered(
    value: _Array, accuracy: _Array, standing: _Array, step: float
) -> tuple[_Array, _Array, _Array, NDArray[np.intp]]:
    """Places that stand out, each by itself, and all others, those that are nearly equal together.

    Returns:
        Value, accuracy and number of places of every group, first the place that stands out most;
        and the group of every place.
    """
    few = np.sort(np.argpartition(-standing, min(_APART, standing.size) - 1)[:_APART])
    apart = few[np.argsort(-standing[few], kind="stable")]
    rest = np.ones(value.size, dtype=bool)
    rest[apart] = False
    largest = accuracy.max()
    level = np.rint(np.log(largest / accuracy[rest]) / _RATIO).astype(np.int64)
    kinds = int(level.max(initial=0)) + 1
    steps = np.rint(value[rest] / step).astype(np.int64)
    keys, inverse, number = np.unique(
        steps * kinds + level, return_inverse=True, return_counts=True
    )
    member = np.zeros(value.size, dtype=np.intp)
    member[apart] = np.arange(apart.size)
    member[rest] = apart.size + inverse
    return (
        np.concatenate([value[apart], keys // kinds * step]),
        np.concatenate([accuracy[apart], largest * np.exp(-_RATIO * (keys % kinds))]),
        np.concatenate([np.ones(apart.size), number]),
        member,
    )


def _odds(groups: _Groups, leading: int) -> _Array:
    """Likelihood from a match over that from background, for one place of each group.

    One place of the ``leading`` group is left out where the background is learnt; the grid, and
    the range of a match, are made for it.
    """
    rest = groups.number.copy()
    rest[leading] -= 1
    alike = np.ptp(groups.value) == 0 and np.ptp(groups.accuracy) == 0
    if alike or not (rest.any() and groups.square):
        return np.ones(rest.size)
    edges, match = _grid(groups, leading)
    likelihood = np.diff(groups.below(edges), axis=1) / np.diff(edges)
    reach = max(groups.number.sum(), _REACH)
    deviation = np.sqrt(max(groups.square, _TINY) * np.geomspace(1 / reach, reach, _VARIANCES))
    kinds = np.diff(ndtr(edges / deviation[:, None]), axis=1)
    background = _shares(likelihood @ kinds.T, rest) @ kinds
    by_match = likelihood @ (match / match.sum())
    odds = np.minimum(by_match / np.maximum(likelihood @ background, _TINY), _MOST)
    if groups.counted and groups.number @ groups.value < groups.number.sum():
        odds = np.minimum(odds, _most_by_chance(groups))
    return np.asarray(odds)


def _most_by_chance(groups: _Groups) -> _Array:
    """Odds that leave as much doubt as there are places counted as often by mere chance."""
    seen = groups.value > 0
    share = groups.accuracy / groups.accuracy[seen, None]
    needed = np.maximum(np.floor(groups.value[seen, None] * share + 1e-9), 1)
    expected = gammainc(needed, groups.square * groups.accuracy) @ groups.number
    most = np.ones(seen.size)
    all_places = groups.number.sum()
    most[seen] = np.maximum(all_places / np.maximum(expected, all_places / _MOST) - all_places, 1)
    return most


def _grid(groups: _Groups, leading: int) -> tuple[_Array, _Array]:
    """Edges of cells of amplitudes, and how much of each cell a match may take."""
    looks, widths = groups.value, groups.accuracy
    if groups.counted:
        looks, widths = np.sqrt(looks / widths), 0.5 / np.sqrt(widths)
    centre, width = looks[leading], widths[leading]
    reach = np.abs(looks) + _AROUND * widths
    highest = max(2 * reach[leading], reach.max())
    coarse = np.geomspace(max(0.01 * groups.square**0.5, _LEAST * highest), highest, _COARSE)
    fine = np.linspace(centre - _AROUND * width, centre + _AROUND * width, _FINE)
    edges = np.unique(np.concatenate([-coarse, [0.0], coarse, fine]))
    if groups.counted:
        edges = edges[edges >= 0]
    edges = edges[np.append(True, np.diff(edges) > 1e-9 * width)]
    return edges, np.diff(np.clip(edges, min(0.0, fine[0]), 2 * reach[leading]))


def _shares(given: _Array, number: _Array) -> _Array:
    """The most likely shares of a mixture's parts, ``given`` being their likelihoods.

    The places unseen are a logarithmic barrier, lowered step by step while Newton's method follows
    the minimum of ``total sum(shares) - number @ log(given @ shares) - barrier sum(log(shares))``
    (Boyd and Vandenberghe, Convex Optimization, 2004, section 11.3).
    """
    given = np.maximum(given / np.maximum(given.max(axis=1, keepdims=True), _TINY), _TINY)
    parts, total = given.shape[1], number.sum()
    shares = np.full(parts, 1 / parts)
    for barrier in np.geomspace(total, _UNSEEN, 2 + int(np.log10(total)))[1:] / parts:
        for _ in range(60):  # a few are enough
            fitted = given @ shares
            slope = shares * (total - given.T @ (number / fitted)) - barrier
            root = given * shares * (np.sqrt(number) / fitted)[:, None]
            step = -np.linalg.solve(root.T @ root + barrier * np.eye(parts), slope)
            shares = shares * (1 + step * min(1.0, 0.9 / max(-step.min(), 0.9)))
            if -slope @ step < 1e-4 * barrier:
                break
    return np.asarray(shares / shares.sum())
