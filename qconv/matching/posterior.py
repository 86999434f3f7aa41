"""Certainty: which place of a sampled map is the brightest, and how sure that is.

Place ``k`` has an amplitude ``a_k`` and was seen in one of two ways: counted ``n_k`` times, with
Poisson's law and the mean ``e_k a_k**2``, or estimated as ``x_k``, normally distributed about
``a_k`` with the standard error ``s_k``. Asked for is the place of the largest ``a_k``. Two kinds of
places are supposed; what they are like is learnt from the map itself:

* The *background*, all places but one. What a template that does not fit leaves is a sum of many
  numbers: an amplitude with a normal law of mean 0, whose variance differs between parts of the
  image. The law of the variance is not supposed to have any form: it is the most likely one on a
  logarithmic grid (empirical Bayes), from all places but the leading one, and from half a place of
  any variance (as Jeffreys adds half a count to either outcome): it speaks for those too rare to
  be seen.
* One *match*, anywhere. Its amplitude is uniform (for a count that is Jeffreys' prior) from 0 to
  more than the map shows; as it may be 0, nothing says that a match can be seen.

A place is the match with a probability proportional to ``o_k``, the likelihood of what was seen
there from a match over that from background. The leading place is the brightest with the
probability that it is if it is the match, or if another place is, each weighted by that::

    sum_k o_k P(a_j < a_lead for all j | seen, match at k) / sum_k o_k

Places are independent given the variances; that neighbours often resemble each other is left out.

From a handful of counts no background can be learnt. So where there are fewer counts than places a
certainty is never above one less the number of places that would be counted as often by mere
chance, if all had the same rate.

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

#: Where accuracies differ: how many places are kept by themselves because they stand out most, and
#: as many that are brightest less so many standard deviations. Others are taken together if their
#: values, in so many steps, and logarithms of the accuracy, in such, agree.
_APART, _SURE, _STEPS, _RATIO = 50, 3.0, 100, 0.35

#: Exposures below this part of the largest are left out, standard errors are raised to it; and
#: how far rounding makes equal values differ.
_LEAST, _ROUNDING = 1e-6, 1e-12

#: Bounds that keep numbers, and the exponentials of their quotients, from over- and underflowing.
_TINY, _MOST = 1e-300, 300.0


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


def leading_place(counts: _Array, exposure: _Array | None = None) -> tuple[int, float]:
    """The place that leads, and the probability that its rate is the largest of all.

    Args:
        counts: How often each place was measured, any shape.
        exposure: Mean count at rate 1, but for a common factor, same shape, not negative, not 0
            everywhere; None: the same everywhere.

    Returns:
        Index into the flattened counts, and the probability. With equal exposures the first of the
        largest counts leads, else the place that most probably has the largest rate, of those with
        more than 1e-6 of the largest exposure. If nothing was counted it is the first place.
    """
    n = np.asarray(counts, dtype=np.float64).ravel()
    if np.ptp(n) == 0 and (exposure is None or n[0] == 0):
        return 0, 1 / n.size
    if exposure is None:
        count, places = np.unique(n, return_counts=True)
        groups = _Groups(count, np.ones(count.size), places.astype(float), n.mean(), counted=True)
        return int(n.argmax()), _certainty(groups, count.size - 1)
    e = np.asarray(exposure, dtype=np.float64).ravel()
    lit = np.flatnonzero(e > _LEAST * e.max())
    n, e = n[lit], e[lit]
    mean = float(n.sum() / e.sum())
    standing = np.where(n > e * mean, kl_div(n, e * mean), 0)
    apart, n, e, number = _gathered(n, e, standing, (np.sqrt(n) - _SURE / 2) / np.sqrt(e), 1.0)
    leading, certainty = _found(_Groups(n, e, number, mean, counted=True), len(apart))
    return int(lit[apart[leading]]), certainty


def leading_estimate(estimate: _Array, stderr: _Array) -> tuple[int, float]:
    """The place that leads, and the probability that its value is the largest of all.

    Args:
        estimate: Of the value at each place, with its sign, any shape.
        stderr: Its standard error, same shape. Where it is 0 the value is exact.

    Returns:
        Index into the flattened estimates, and the probability. If all are exact the first of the
        largest leads, and shares the certainty with those that differ from it by rounding.
    """
    x, s = (np.asarray(part, dtype=np.float64).ravel() for part in (estimate, stderr))
    if not s.any():
        ties = int(np.count_nonzero(x.max() - x <= _ROUNDING * np.abs(x).max()))
        return int(x.argmax()), 1 / ties
    if np.ptp(x) == 0 and np.ptp(s) == 0:
        return 0, 1 / x.size
    noisy = s > 0
    square = float(np.average(x[noisy] ** 2, weights=s[noisy] ** -2.0))
    s = np.maximum(s, _LEAST * s.max())
    step = float(np.ptp(x)) / _STEPS or 1.0
    standing = x / np.sqrt(square + s**2)
    apart, x, s, number = _gathered(x, s, standing, x - _SURE * s, step)
    leading, certainty = _found(_Groups(x, s, number, square, counted=False), len(apart))
    return int(apart[leading]), certainty


def _gathered(
    value: _Array, accuracy: _Array, standing: _Array, surely: _Array, step: float
) -> tuple[NDArray[np.intp], _Array, _Array, _Array]:
    """Places that may lead, each by itself, and all others, those that are nearly equal together.

    Returns:
        Indices of the first; value, accuracy and number of places of every group, them in front.
    """
    apart = np.array(list(dict.fromkeys([*_largest(standing), *_largest(surely)])))
    others = np.delete(np.arange(value.size), apart)
    largest = accuracy.max()
    level = np.rint(np.log(largest / accuracy[others]) / _RATIO).astype(np.int64)
    kinds = int(level.max(initial=0)) + 1
    steps = np.rint(value[others] / step).astype(np.int64)
    keys, number = np.unique(steps * kinds + level, return_counts=True)
    return (
        apart,
        np.concatenate([value[apart], keys // kinds * step]),
        np.concatenate([accuracy[apart], largest * np.exp(-_RATIO * (keys % kinds))]),
        np.concatenate([np.ones(apart.size), number]),
    )


def _largest(merit: _Array) -> list[int]:
    few = np.sort(np.argpartition(-merit, min(_APART, merit.size) - 1)[:_APART])
    found: list[int] = few[np.argsort(-merit[few], kind="stable")].tolist()
    return found


def _found(groups: _Groups, apart: int) -> tuple[int, float]:
    """Which of the first groups is most probably the brightest, and the probability."""
    leading = int(np.argmax(_chances(groups, groups.number, 0, np.arange(apart))))
    return leading, _certainty(groups, leading)


def _certainty(groups: _Groups, leading: int) -> float:
    """Probability that a place of the leading group is the brightest."""
    rest = groups.number.copy()
    rest[leading] -= 1
    if not rest.any():
        return 1.0
    chance = float(_chances(groups, rest, leading, np.array([leading]))[0])
    if groups.counted and groups.number @ groups.value < groups.number.sum():
        chance = min(chance, 1.0 - _by_chance(groups, leading))
    return min(max(chance, 0.0), 1.0)


def _by_chance(groups: _Groups, leading: int) -> float:
    """How many places are expected to be counted as often for their exposure by mere chance."""
    share = groups.accuracy / groups.accuracy[leading]
    needed = np.maximum(np.floor(groups.value[leading] * share + 1e-9), 1)
    return float(groups.number @ gammainc(needed, groups.square * groups.accuracy))


def _chances(groups: _Groups, rest: _Array, leading: int, which: NDArray[np.intp]) -> _Array:
    """Probability of being the brightest, for one place of some groups.

    Args:
        groups: All places.
        rest: How many of each to learn the background from.
        leading: Group that the grid, and the range of a match, are made for.
        which: Groups that are asked for.
    """
    edges, match = _grid(groups, leading)
    likelihood = np.diff(groups.below(edges), axis=1) / np.diff(edges)
    reach = max(groups.number.sum(), _REACH)
    deviation = np.sqrt(max(groups.square, _TINY) * np.geomspace(1 / reach, reach, _VARIANCES))
    kinds = np.diff(ndtr(edges / deviation[:, None]), axis=1)
    background = _shares(likelihood @ kinds.T, rest) @ kinds
    by_background, as_background, below = _posterior(likelihood, background)
    by_match, as_match, match_below = _posterior(likelihood, match)
    odds = by_match / by_background
    others = np.tile(groups.number, (which.size, 1))
    others[np.arange(which.size), which] -= 1
    darker = np.exp(others @ below)
    instead = (others * odds) @ np.exp(np.minimum(match_below - below, _MOST))
    itself = odds[which] * np.sum(as_match[which] * darker, axis=1)
    another = np.sum(as_background[which] * darker * instead, axis=1)
    return np.asarray((itself + another) / (groups.number @ odds))


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


def _posterior(likelihood: _Array, prior: _Array) -> tuple[_Array, _Array, _Array]:
    """Likelihood of a prior, probability of each cell, and the logarithm of that of less."""
    joint = likelihood * prior
    total = np.maximum(joint.sum(axis=1), _TINY)
    joint /= total[:, None]
    return total, joint, np.log(np.maximum(np.cumsum(joint, axis=1) - joint / 2, _TINY))


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
