"""The look: a few places that the circuit proposes are compared with the template, classically.

Measurements say where a template may be. Whether it is there, a classical computer can see from the
pixels of those places alone: by the *similarity*, the normalised correlation of the template with
the part of the image at a place (Pearson's coefficient: -1 to 1, 0 where one of them is constant).
The leading places are looked at, as many as have twice the pixels of the whole image, but at least
200; then, from the twenty most similar, their neighbours, as long as one is more similar still.

How sure that is
----------------

The answer is the most similar of the places that were looked at. Call *match* the most similar
place of the whole image. It is the answer, or a place that nobody looked at: the others that were
looked at are known to be less similar. Two things tell which:

* What was measured: by it a place is the match with a probability proportional to its odds; see
  `qconv.matching.posterior`. For the answer those of its neighbours count as well, a step away.
* How similar the answer is, ``s``. With ``z = artanh(s)``: if it is the match, any ``z`` from 0 to
  2 was as probable, a density of 1/2. If the match is elsewhere the answer is the best of a
  background, whose density ``f`` at ``z`` is extrapolated from the places that were looked at and
  lie apart from the answer, by more than a quarter of the template's sides. The tail of a
  correlation coefficient is exponential in ``z``; its rate is that of the ten most similar, not
  known better than so few can tell::

      f(z) = 10 / n * 10 / S * (1 + (z - z_11) / S)**-11 ,  S = sum of z_k - z_11, k = 1 ... 10

So the answer is the match with the probability ``a r / (a r + u)``, where ``a`` are its odds, ``u``
the sum of those of all places that nobody looked at, and ``r = 1 / (2 f)``. It is 1 if there are
none, or if the answer is a perfect copy. Other places, apart by more than a step, that were seen to
be as similar share the probability.

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

#: Places that are looked at: at least, and in pixels of the whole image; from how many to go on to
#: their neighbours; and pixels that are gathered at a time.
_LEAST_PLACES, _IMAGES, _STARTS, _AT_A_TIME = 200, 2, 20, 2**22

#: A window varies if its norm, less its mean, is above this part of the largest it could have;
#: similarities that differ by less than the second are equal.
_ROUNDING, EQUAL = 1e-12, 1e-9

#: Values that the tail of the background is learnt from, the part of the template's sides that they
#: must be away from the answer, and how large an artanh a match may have.
_TAIL, _APART, _LARGEST = 10, 0.25, 2.0


@dataclass(frozen=True, eq=False)
class Look:
    """Places that were looked at, the most similar first."""

    places: _Places
    """Shape ``(n, axes)``."""
    similarities: _Array
    """Shape ``(n,)``."""


class Comparison:
    """A template, to be compared with the parts of an image."""

    def __init__(self, image: _Array, template: _Array) -> None:
        scaled = image / np.abs(image).max()
        self._windows = np.lib.stride_tricks.sliding_window_view(scaled, template.shape)
        self.shape: tuple[int, ...] = self._windows.shape[: image.ndim]
        centred = without_units(template)
        self._template = (centred / np.linalg.norm(centred)).ravel()
        self._least = _ROUNDING * math.sqrt(template.size)

    def similarities(self, places: _Places) -> _Array:
        """The normalised correlation at some places, shape ``(n, axes)``."""
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
    """Look at the places that lead, and uphill from the most similar of them."""
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
    """Places that stand out most; of those that do so alike, some from everywhere."""
    if number >= standing.size:
        return np.arange(standing.size)
    least = np.partition(standing, standing.size - number)[standing.size - number]
    above = np.flatnonzero(standing > least)
    alike = np.flatnonzero(standing == least)
    missing = number - above.size
    return np.concatenate([above, alike[np.arange(missing) * alike.size // missing]])


def _uphill(compare: Comparison, start: _Places, similar: float) -> Look:
    """From a place to its most similar neighbour, as long as one is more similar."""
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


# ---------------------------------------------------------------------------- how sure that is


def certainty(
    look: Look,
    evidence: Evidence,
    shape: tuple[int, ...],
    sides: tuple[int, ...],
    *,
    searched: bool = False,
) -> float:
    """Probability that no place of the image is more similar than the answer, but for neighbours.

    Args:
        look: Places that were looked at.
        evidence: What was measured, for every place.
        shape: Places along each axis.
        sides: Sides of the template.
        searched: Whether it is known otherwise that no place is more similar.
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
    """Density of the answer's similarity if it is the match, over that if it is background.

    It is 1 if the ``background``, the largest similarity first, is too small or all the same.
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
