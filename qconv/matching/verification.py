"""The classical check: a few positions that the circuit proposes are compared with the template.

Measurements indicate where a template may be. A classical computer can check any position from its
pixels alone. It computes the *similarity*, the normalised correlation of the template with the part
of the image at this position. This is Pearson's coefficient, from -1 to 1, and 0 if the template or
the part is constant. The positions that rank highest are compared. Their number is twice the ratio
of the image's pixels to the template's pixels, but at least 200. If an image has fewer positions,
all positions are compared. From the twenty most similar positions, the search continues to their
most similar neighbours, as long as the similarity increases.

Certainty
---------

The answer is the most similar of the compared positions. The *match* is the most similar position
of the whole image. All other compared positions are less similar than the answer. The match is
therefore either the answer or a position that was not compared. Two observations distinguish these
cases:

* The measurement. According to the measurement alone, the probability that a position is the match
  is proportional to the odds of the position, see `qconv.matching.posterior`. The odds of the
  answer include the odds of its neighbours, one step away.
* The similarity of the answer, ``s``. Let ``z = artanh(s)``. If the answer is the match, ``z`` is
  taken to be uniformly distributed from 0 to 2, with density 1/2. If the match is elsewhere, the
  answer is the most similar position of the background. The density ``f`` of the background at
  ``z`` is extrapolated from distant compared positions. These positions are more than a quarter of
  the template's sides away from the answer. The tail of a correlation coefficient is exponential in
  ``z``. Its rate is estimated from the ten most similar of these positions. ``f`` includes the
  uncertainty of this estimate::

      f(z) = 10 / n * 10 / S * (1 + (z - z_11) / S)**-11 ,  S = sum of z_k - z_11, k = 1 ... 10

The answer is therefore the match with probability ``a r / (a r + u)``. Here ``a`` are the odds of
the answer, ``u`` is the sum of the odds of all positions that were not compared, and
``r = 1 / (2 f)``. The probability is 1 if all positions were compared, or if the answer is a
perfect copy. If other compared positions have the same similarity and are more than one step away,
the probability is divided among all of them.

Source:
    Hill, Annals of Statistics 3, 1163 (1975) (the rate of a tail from its largest values).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.matching.posterior import Evidence
from qconv.matching.standardise import without_units

_Array = NDArray[np.float64]
_Places = NDArray[np.int64]

#: Minimum number of compared positions. Number of pixels that all compared positions cover
#: together, as a multiple of the image. Number of positions from which the search continues to
#: neighbours. Pixels gathered at a time.
_LEAST_PLACES, _IMAGES, _STARTS, _AT_A_TIME = 200, 2, 20, 2**22

#: A window is constant if its norm, after subtracting the mean, is at most this fraction of the
#: largest possible norm. Similarities are equal if they differ by less than the second number.
_ROUNDING, EQUAL = 1e-12, 1e-9

#: Number of similarities that determine the tail of the background. Their minimum distance from the
#: answer, as a fraction of the template's sides. Largest artanh of a match's similarity.
_TAIL, _APART, _LARGEST = 10, 0.25, 2.0


@dataclass(frozen=True, eq=False)
class Look:
    """Compared positions, the most similar first."""

    places: _Places
    """Positions, shape ``(n, axes)``."""
    similarities: _Array
    """Similarities of the positions, shape ``(n,)``."""


class Comparison:
    """A template and an image, to be compared at positions."""

    def __init__(self, image: _Array, template: _Array) -> None:
        scaled = image / np.abs(image).max()
        self._windows = np.lib.stride_tricks.sliding_window_view(scaled, template.shape)
        self.shape: tuple[int, ...] = self._windows.shape[: image.ndim]
        centred = without_units(template)
        self._template = (centred / np.linalg.norm(centred)).ravel()
        self._least = _ROUNDING * math.sqrt(template.size)

    def similarities(self, places: _Places) -> _Array:
        """Compute the normalised correlation at positions of shape ``(n, axes)``."""
        step = max(1, _AT_A_TIME // self._template.size)
        similar = np.zeros(len(places))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            parts = self._windows[tuple(some.T)].reshape(len(some), -1)
            parts = parts - parts.mean(axis=1, keepdims=True)
            norms = np.linalg.norm(parts, axis=1)
            varied = norms > self._least
            found = parts @ self._template / np.where(varied, norms, 1)
            similar[start : start + step] = np.where(varied, np.clip(found, -1, 1), 0)
        return similar


def looked_at(image: _Array, template: _Array, evidence: Evidence) -> Look:
    """Compare the highest-ranked positions, and search uphill from the most similar of them."""
    compare = Comparison(image, template)
    number = max(_LEAST_PLACES, _IMAGES * image.size // template.size)
    flat = _leading(evidence.standing, number)
    places = np.stack(np.unravel_index(flat, compare.shape), axis=1).astype(np.int64)
    similar = compare.similarities(places)
    starts = np.argsort(-similar, kind="stable")[:_STARTS]
    more = [_uphill(compare, places[k], float(similar[k])) for k in starts]
    places, first = np.unique(
        np.concatenate([places, *(look.places for look in more)]), axis=0, return_index=True
    )
    similar = np.concatenate([similar, *(look.similarities for look in more)])[first]
    order = np.argsort(-similar, kind="stable")
    return Look(places[order], similar[order])


def _leading(standing: _Array, number: int) -> NDArray[np.intp]:
    """Return the most prominent positions; ties are taken evenly from the whole image."""
    if number >= standing.size:
        return np.arange(standing.size)
    least = np.partition(standing, standing.size - number)[standing.size - number]
    above = np.flatnonzero(standing > least)
    alike = np.flatnonzero(standing == least)
    missing = number - above.size
    return np.concatenate([above, alike[np.arange(missing) * alike.size // missing]])


def _uphill(compare: Comparison, start: _Places, similar: float) -> Look:
    """Move to the most similar neighbour as long as the similarity increases."""
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=start.size)))
    places, similarities = [start[None]], [np.array([similar])]
    while True:
        around = start + steps
        around = around[((around >= 0) & (around < compare.shape)).all(axis=1)]
        found = compare.similarities(around)
        places.append(around)
        similarities.append(found)
        best = int(found.argmax())
        if found[best] <= similar + _ROUNDING:
            return Look(np.concatenate(places), np.concatenate(similarities))
        start, similar = around[best], float(found[best])


def certainty(
    look: Look,
    evidence: Evidence,
    shape: tuple[int, ...],
    sides: tuple[int, ...],
    *,
    searched: bool = False,
) -> float:
    """Return the probability that no position except neighbours is more similar than the answer.

    Args:
        look: Compared positions.
        evidence: Evidence of the measurement about every position.
        shape: Number of positions along each axis.
        sides: Sides of the template.
        searched: Whether an exact map already shows that no position is more similar.
    """
    best = float(look.similarities[0])
    away = np.abs(look.places - look.places[0])
    rivals = (look.similarities >= best - EQUAL) & (away > 1).any(axis=1)
    share = 1 / (1 + np.count_nonzero(rivals))
    unseen = np.ones(shape, dtype=bool)
    unseen[tuple(look.places.T)] = False
    if searched or best >= 1 - EQUAL or not unseen.any():
        return float(share)
    odds = evidence.odds.reshape(shape)
    near = tuple(slice(max(0, index - 1), index + 2) for index in look.places[0])
    unseen[near] = False
    ratio = _ratio(
        look.similarities[(away > np.maximum(1, _APART * np.array(sides))).any(axis=1)], best
    )
    own, others = float(odds[near].sum()) * ratio, float(odds[unseen].sum())
    return float(share * own / (own + others)) if own > 0 else 0.0


def _ratio(background: _Array, best: float) -> float:
    """Return the ratio of two densities of ``best``: of the match, and of the background.

    The ratio is 1 if there are too few similarities in ``background``, largest first, or if all are
    equal.
    """
    few = min(_TAIL, background.size // 2)
    if few < 2:
        return 1.0
    z = np.arctanh(np.clip(background[: few + 1], -1 + _ROUNDING, 1 - _ROUNDING))
    total = float(np.sum(z[:few] - z[few]))
    if total <= _ROUNDING:
        return 1.0
    above = max(float(np.arctanh(min(best, 1 - _ROUNDING))) - float(z[few]), 0.0) / total
    density = few / background.size * few / total * (1 + above) ** (-few - 1)
    return 1 / (_LARGEST * density)
