"""Evidence: what a sampled map implies about the position of the match.

Position ``k`` has an amplitude ``a_k``, which is observed in one of two ways. Either the position
has a count ``n_k``, with a Poisson distribution of mean ``e_k a_k**2``. Or the amplitude has an
estimate ``x_k``, normally distributed about ``a_k`` with standard error ``s_k``. The model
distinguishes two kinds of positions and learns their properties from the map itself:

* The *background*: all positions but one. Where the template does not fit, the amplitude is a sum
  of many numbers. This sum is normally distributed with mean 0, and its variance differs between
  parts of the image. The distribution of the variance has no assumed form. It is the
  maximum-likelihood distribution on a logarithmic grid (empirical Bayes), given all positions but
  the leading one. Half a position is added and distributed evenly over all variances. It represents
  variances too rare to be observed. (Similarly, Jeffreys' prior adds half a count to each of two
  outcomes.)
* One *match*, at any position. Its amplitude is uniformly distributed from 0 to more than the
  largest value of the map. For counts, this is Jeffreys' prior. The range includes 0 because a
  match need not be visible.

The *odds* of a position are the likelihood of its observation if it is the match, divided by the
likelihood if it is background. From the map alone, the probability that a position is the match is
proportional to its odds. Positions are treated as independent, given the variances: the similarity
of neighbours is neglected.

A few counts do not determine a background. With fewer counts than positions, the odds are therefore
limited. The limit assumes the same rate at all positions. With this limit, the probability of error
at a position equals the expected number of positions that reach the count of that position by
chance.

Source:
    Robbins, Proc. Third Berkeley Symp. 1, 157 (1956) (empirical Bayes); Laird, J. Am. Stat. Assoc.
    73, 805 (1978) (the maximum-likelihood mixing distribution).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, kl_div, ndtr

_Array = NDArray[np.float64]

#: Grid of amplitudes: number of logarithmic edges, number of equidistant edges around the leading
#: amplitude, and range of the equidistant edges to either side, in standard deviations.
_COARSE, _FINE, _AROUND = 400, 240, 6.0

#: Number of background variances. Ratio of the largest variance to the mean square, and of the mean
#: square to the smallest variance. If there are more positions than this ratio, the number of
#: positions is the ratio.
_VARIANCES, _REACH = 80, 1000.0

#: Number of unobserved positions, spread evenly over all variances.
_UNSEEN = 0.5

#: Grouping of positions whose accuracies differ. The first number is that of the most prominent
#: positions, which stay separate. All others are grouped by value and by the logarithm of the
#: accuracy. The second number counts the steps of the value; the third is the width of a step of
#: the logarithm.
_APART, _STEPS, _RATIO = 100, 100, 0.35

#: Minimum exposure or standard error, as a fraction of the largest. Positions with a lower exposure
#: are excluded. Lower standard errors are raised to the minimum.
_LEAST = 1e-6

#: Bounds that prevent underflow and overflow.
_TINY, _MOST = 1e-300, 1e100


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of a map about every position, flattened."""

    odds: _Array
    """Odds of each position, shape ``(n,)``; 0 where nothing was observed."""
    standing: _Array
    """Prominence of each position, shape ``(n,)``: the leading positions have the largest."""


@dataclass(frozen=True, eq=False)
class _Groups:
    """Groups of positions with the same observation."""

    value: _Array  # counts, or estimates
    accuracy: _Array  # exposures, or standard errors
    number: _Array  # positions in each group
    square: float  # mean square amplitude of all positions
    counted: bool  # whether values are counts

    def below(self, amplitude: _Array) -> _Array:
        """Return the probability that a position's amplitude is below each given amplitude."""
        value, accuracy = self.value[:, None], self.accuracy[:, None]
        if self.counted:
            return np.asarray(gammainc(value + 0.5, accuracy * amplitude**2))
        return np.asarray(ndtr((amplitude - value) / accuracy))


def from_counts(counts: _Array, exposure: _Array | None = None) -> Evidence:
    """Compute the evidence of counted shots.

    Args:
        counts: Number of shots at each position, any shape.
        exposure: Expected count at rate 1, up to a common factor, same shape, nonnegative and not
            all 0; None for equal exposures. Positions with less than 1e-6 of the largest exposure
            have odds 0.
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
    """Compute the evidence of estimated values.

    Args:
        estimate: Signed estimate at each position, any shape.
        stderr: Standard error of ``estimate``, same shape; 0 where it is exact.
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
    """Group positions with nearly equal observations; the most prominent ones stay separate.

    Returns:
        Value, accuracy and number of positions of each group, the most prominent position first;
        and the group of each position.
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
    """Compute the odds of one position of each group.

    One position of the ``leading`` group is excluded from the background. Its value determines the
    grid and the range of amplitudes of a match.
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
    """Compute the limit of the odds of each group, see the module docstring."""
    seen = groups.value > 0
    share = groups.accuracy / groups.accuracy[seen, None]
    needed = np.maximum(np.floor(groups.value[seen, None] * share + 1e-9), 1)
    expected = gammainc(needed, groups.square * groups.accuracy) @ groups.number
    most = np.ones(seen.size)
    all_places = groups.number.sum()
    most[seen] = np.maximum(all_places / np.maximum(expected, all_places / _MOST) - all_places, 1)
    return most


def _grid(groups: _Groups, leading: int) -> tuple[_Array, _Array]:
    """Return the edges of the amplitude grid, and each interval's length in a match's range."""
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
    """Return the maximum-likelihood shares of the components of a mixture.

    ``given`` are the likelihoods of the components. The unobserved positions act as a logarithmic
    barrier, which is lowered step by step. Newton's method follows the minimum of
    ``total sum(shares) - number @ log(given @ shares) - barrier sum(log(shares))``
    (Boyd and Vandenberghe, Convex Optimization, 2004, section 11.3).
    """
    given = np.maximum(given / np.maximum(given.max(axis=1, keepdims=True), _TINY), _TINY)
    parts, total = given.shape[1], number.sum()
    shares = np.full(parts, 1 / parts)
    for barrier in np.geomspace(total, _UNSEEN, 2 + int(np.log10(total)))[1:] / parts:
        for _ in range(60):  # a few suffice
            fitted = given @ shares
            slope = shares * (total - given.T @ (number / fitted)) - barrier
            root = given * shares * (np.sqrt(number) / fitted)[:, None]
            step = -np.linalg.solve(root.T @ root + barrier * np.eye(parts), slope)
            shares = shares * (1 + step * min(1.0, 0.9 / max(-step.min(), 0.9)))
            if -slope @ step < 1e-4 * barrier:
                break
    return np.asarray(shares / shares.sum())
