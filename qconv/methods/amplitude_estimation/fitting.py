"""Fitting the damping to all pixels, and what they say with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import chdtri

from qconv.methods.amplitude_estimation.angles import moments, peaks
from qconv.methods.amplitude_estimation.damping import Damping
from qconv.methods.amplitude_estimation.likelihood import Estimates

_Array = NDArray[np.float64]

#: Most pixels that the damping is fitted to, evenly chosen, and angles that are tried for each.
_PIXELS, _ANGLES = 256, 512

#: Most iterations of a search.
_ITERATIONS = 30

#: How far damping is free: of each power, from what steps of equal damping give, as a part of it;
#: of what is not a step, in steps and beside that; and of what contrast fades to.
_ETA, _PART, _PART_FREE, _BESIDE, _FADED = 0.1, 0.6, 0.3, 0.05, 0.15

#: Least and largest excess that is assumed, for a power whose contrast is lost.
_LEAST, _LARGEST = 0.02, 0.1

#: Damping of a step from which the search begins: the best of these.
_STARTS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)

#: Variance of the excess in the direction that angles take up, over that which is seen: what a
#: pixel has in common at several powers looks like another angle.
_UNSEEN = 2.5

#: Residuals of a power that must be left for an excess of its own.
_ENOUGH_KEPT = 10

#: Rounds of fitting and of measuring what is left over.
_ROUNDS = 3

#: Rounds of scoring.
_SCORINGS = 6

#: Chance of residuals at least as large as these with the excess that is assumed: of all powers,
#: of a single one, and where the model is given up.
_CAREFUL, _SINGLE, _NEVER = 0.84, 0.3, 1e-4

#: Deviations from what is known of damping that are taken for a wrong fit, in standard deviations.
_STRANGE = 2.5

#: Another peak that is less likely than this part of the highest does not matter.
_RIVAL = 1e-2

_TINY = 1e-12

#: Pixels whose angles are found at a time.
_BLOCK = 512


def most_likely_damped(hits: _Array, misses: _Array, powers: Sequence[int]) -> Estimates:
    """The most likely angle of every pixel, with the damping that fits all of them.

    Args:
        hits: Shots that hit, shape ``(powers, pixels)``.
        misses: Shots that did not, same shape.
        powers: Grover steps before each measurement, all different.

    Returns:
        The estimates. Their standard errors count what is not known of the damping, which is common
        to all pixels, and what it does not explain.
    """
    damping, identified = fitted(hits, misses, powers)
    weights = damping.weights(hits, misses)
    parts = []
    for start in range(0, hits.shape[1], _BLOCK):
        some = slice(start, start + _BLOCK)
        parts.append(_estimated(damping, (hits * weights)[:, some], (misses * weights)[:, some]))
    angles, stderr, reliable = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Estimates(angles, stderr, reliable & identified, damping.contrast)


def _estimated(
    damping: Damping, hits: _Array, misses: _Array
) -> tuple[_Array, _Array, NDArray[np.bool_]]:
    """Angles, standard errors and reliability of some pixels."""
    pixels = hits.shape[1]
    found = peaks(damping, hits, misses)
    best, lower = found.highest(pixels)
    angles, spread = found.angle[best], found.spread[best]
    common = _common(damping, hits, misses, angles)
    spread = np.hypot(spread, common)
    far = np.abs(found.angle - angles[found.pixel]) > 4 * spread[found.pixel]
    rival = np.zeros(pixels)
    np.maximum.at(rival, found.pixel, np.where(far, np.exp(lower), 0.0))
    margin = np.minimum(angles, np.pi / 2 - angles)
    reliable = (rival < _RIVAL) & (margin > 2 * spread)
    stderr = np.hypot(moments(damping, hits, misses, found), np.sin(2 * angles) * common)
    return angles, stderr, reliable


def fitted(hits: _Array, misses: _Array, powers: Sequence[int]) -> tuple[Damping, bool]:
    """The damping that fits all pixels best, and whether they tell it.

    Args:
        hits: Shots that hit, shape ``(powers, pixels)``.
        misses: Shots that did not, same shape.
        powers: Grover steps before each measurement, all different.

    Source:
        Tanaka et al., Quantum Inf. Process. 20, 293 (2021), arXiv:2006.16223 (a damping of each
        Grover step as a parameter of the likelihood); Paule and Mandel, J. Res. Natl. Bur. Stand.
        87, 377 (1982) (the excess variance).
    """
    factors = 2.0 * np.asarray(powers, dtype=np.float64) + 1
    pixels, number = hits.shape[1], len(factors)
    chosen = np.unique(np.linspace(0, pixels - 1, min(pixels, _PIXELS)).astype(np.intp))
    hits, misses = hits[:, chosen], misses[:, chosen]
    start = np.concatenate([np.zeros(2 + number), np.full(number, 0.5)])
    damping = Damping(factors, start, np.full(number, _LEAST), np.zeros((len(start), len(start))))
    for count in range(_ROUNDS):
        weights = damping.weights(hits, misses)
        h, g = hits * weights, misses * weights
        damping, narrow = _searched(damping, h, g, everywhere=not count)
        damping, angles = _polished(damping, h, g, narrow=narrow)
        kappa, fits = _left_over(damping, hits, misses, angles)
        damping = replace(damping, kappa=kappa)
    return damping, fits and _told(damping)


def _told(damping: Damping) -> bool:
    """Whether the damping is of the kind that is known, and two powers have contrast to compare."""
    mu, alpha, eta, faded = damping.parts()
    off = (alpha - _PART * mu) / (_PART_FREE * mu + _BESIDE)
    strange = np.abs(np.concatenate([[off], eta / _ETA, (faded - 0.5) / _FADED])).max()
    error = damping.contrast * np.sqrt(np.diag(damping.depth_covariance()))
    seen = (damping.contrast > 4 * error).sum()
    return bool(seen >= 2 and strange < _STRANGE)


def _penalty(damping: Damping) -> tuple[float, _Array, _Array]:
    """What deviations from what is known cost, its gradient and (about) its second derivatives."""
    mu, alpha, eta, faded = damping.parts()
    width = _PART_FREE * mu + _BESIDE
    off = (alpha - _PART * mu) / width
    by = np.array([-_PART / width - off * _PART_FREE / width, 1 / width])
    cost = off**2 / 2 + np.log(width) + ((eta / _ETA) ** 2).sum() / 2
    cost += (((faded - 0.5) / _FADED) ** 2).sum() / 2
    first = off * by + np.array([_PART_FREE / width, 0.0])
    gradient = np.concatenate([first, eta / _ETA**2, (faded - 0.5) / _FADED**2])
    second = np.diag(np.repeat([0.0, _ETA**-2, _FADED**-2], [2, len(eta), len(eta)]))
    second[:2, :2] = np.outer(by, by)
    second[0, 0] += _bounds(0)[0, 1] ** -2
    return float(cost), gradient, second


def _bounds(number: int) -> _Array:
    """Of what is free."""
    return np.array([(0.0, 20.0), (0.0, 5.0)] + [(-0.5, 1.0)] * number + [(0.01, 0.99)] * number)


@dataclass(frozen=True, eq=False)
class _Marginal:
    """The likelihood of a damping, integrated over all angles of each pixel."""

    damping: Damping
    """Whose powers are meant."""
    hits: _Array
    """Shots that hit, scaled down where peaks would be narrower than the grid of angles."""
    misses: _Array
    """Shots that did not, likewise."""
    sine: _Array
    """``sin(f t)`` of every power and angle of the grid."""
    scale: float
    """By which shots are scaled down."""

    @classmethod
    def of(cls, damping: Damping, hits: _Array, misses: _Array) -> _Marginal:
        """For these shots, with a grid that suits the powers."""
        factors = damping.factors
        number = max(_ANGLES, int(16 * factors.max()))
        sine = np.sin(factors[:, None] * (np.arange(number) + 0.5) * (np.pi / 2 / number))
        mean = (hits + misses).mean(axis=1)
        information = 4 * (mean * (damping.contrast * factors) ** 2).sum()
        scale = min(1.0, (2 * number / np.pi) ** 2 / max(float(information), _TINY))
        return cls(damping, scale * hits, scale * misses, sine, scale)

    def likely(self, damping: Damping) -> tuple[_Array, _Array, float]:
        """Probability of a hit at every angle, how likely each angle is, and the likelihood."""
        p = damping.probability(self.sine)
        logarithm = self.hits.T @ np.log(p) + self.misses.T @ np.log1p(-p)
        highest = logarithm.max(axis=1, keepdims=True)
        weight = np.exp(logarithm - highest)
        total = weight.sum(axis=1, keepdims=True)
        return p, weight / total, float((highest + np.log(total)).sum())

    def cost(self, free: _Array) -> tuple[float, _Array]:
        """How unlikely a damping is, with its slope by what is free."""
        damping = replace(self.damping, free=free)
        p, weight, total = self.likely(damping)
        pull = (self.hits @ weight) / p - (self.misses @ weight) / (1 - p)
        slopes = np.einsum("img,mg->i", damping.slopes(self.sine), pull)
        extra, gradient, _ = _penalty(damping)
        return extra - total, gradient - slopes

    def units(self, damping: Damping) -> _Array:
        """Standard deviations of what is free if everything else were known."""
        p, weight, _ = self.likely(damping)
        trials = (self.hits + self.misses) @ weight
        known = np.einsum("img,mg->i", damping.slopes(self.sine) ** 2, trials / p / (1 - p))
        return np.asarray(1 / np.sqrt(known + np.diag(_penalty(damping)[2])))

    def covariance(self, damping: Damping) -> _Array:
        """Of what is free, from the scatter of the pixels' slopes."""
        p, weight, _ = self.likely(damping)
        slopes = damping.slopes(self.sine)
        expected = [
            np.einsum("img,xg->imx", part, weight, optimize=True)
            for part in (slopes / p, slopes / (1 - p))
        ]
        scores = np.einsum("mx,imx->ix", self.hits, expected[0])
        scores -= np.einsum("mx,imx->ix", self.misses, expected[1])
        information = scores @ scores.T / self.scale + _penalty(damping)[2]
        return np.asarray(np.linalg.inv(information), dtype=np.float64)


def _searched(
    damping: Damping, hits: _Array, misses: _Array, *, everywhere: bool
) -> tuple[Damping, bool]:
    """The most likely damping, with its covariance; and whether not all shots were used."""
    likelihood = _Marginal.of(damping, hits, misses)
    free = damping.free
    if everywhere:
        starts = [np.concatenate([[mu, _PART * mu], free[2:]]) for mu in _STARTS]
        free = min(starts, key=lambda start: likelihood.cost(start)[0])
    unit = likelihood.units(replace(damping, free=free))

    def cost(scaled: _Array) -> tuple[float, _Array]:
        value, slope = likelihood.cost(scaled * unit)
        return value, slope * unit

    found = minimize(
        cost,
        free / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=_bounds(len(damping.factors)) / unit[:, None],
        options={"ftol": 1e-7, "maxiter": _ITERATIONS},
    )
    damping = replace(damping, free=found.x * unit)
    return replace(damping, covariance=likelihood.covariance(damping)), likelihood.scale < 1


def _polished(
    damping: Damping, hits: _Array, misses: _Array, *, narrow: bool
) -> tuple[Damping, _Array]:
    """Scoring, together with the angles, from a damping that is about right, with all shots.

    With few shots that would take noise for contrast: then it stays.

    Returns:
        The damping, whose covariance now has what is not known of the angles, and the angles.
    """
    bounds = _bounds(len(damping.factors)).T
    before = damping.covariance
    for _ in range(_SCORINGS if narrow else 1):
        found = peaks(damping, hits, misses)
        angles = found.angle[found.highest(hits.shape[1])[0]]
        slope, information = _scores(damping, hits, misses, angles)
        _, gradient, second = _penalty(damping)
        own = np.asarray(np.linalg.inv(information + second), dtype=np.float64)
        if narrow:
            free = np.clip(damping.free + own @ (slope - gradient), *bounds)
            damping = replace(damping, free=free)
    return replace(damping, covariance=before + own), angles


def _by_angle(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, _Array, _Array]:
    """Probabilities, the information of each count, and slopes by the angles."""
    turned = damping.factors[:, None] * angles
    p = damping.probability(np.sin(turned))
    rise = (damping.contrast * damping.factors)[:, None] * np.sin(2 * turned)
    return p, (hits + misses) / (p * (1 - p)), rise


def _turns(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> _Array:
    """By how much the angles move with what is free of the damping, shape ``(free, pixels)``."""
    _, weight, rise = _by_angle(damping, hits, misses, angles)
    slopes = damping.slopes(np.sin(damping.factors[:, None] * angles))
    own = (weight * rise**2).sum(axis=0)
    return np.asarray(-(slopes * weight * rise).sum(axis=1) / np.maximum(own, _TINY))


def _common(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> _Array:
    """The part of the angles' standard errors that the damping's is the cause of."""
    turns = _turns(damping, hits, misses, angles)
    square = np.einsum("ix,ij,jx->x", turns, damping.covariance, turns)
    return np.asarray(np.minimum(np.sqrt(np.maximum(square, 0)), np.pi / 2))


def _scores(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, _Array]:
    """Slope of the likelihood by what is free, and the information, angles being unknown too."""
    p, weight, rise = _by_angle(damping, hits, misses, angles)
    slopes = damping.slopes(np.sin(damping.factors[:, None] * angles))
    off = (hits - (hits + misses) * p) / (p * (1 - p))
    own = (weight * rise**2).sum(axis=0)
    margin = np.minimum(angles, np.pi / 2 - angles)
    inside = margin > 2 / np.sqrt(np.maximum(own, _TINY))
    cross = (slopes * weight * rise).sum(axis=1)[:, inside]
    information = np.einsum(
        "imx,jmx->ij", slopes[..., inside] * weight[:, inside], slopes[..., inside]
    )
    information -= (cross / np.maximum(own[inside], _TINY)) @ cross.T
    return np.einsum("imx,mx->i", slopes, off), information


def _left_over(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, bool]:
    """The excess that makes residuals as large as they should be, and whether any does.

    That of all powers together, or a bit more; and more for single powers that surely have more.
    """
    trials = np.maximum(hits + misses, 0.5)
    p = damping.probability(np.sin(damping.factors[:, None] * angles))
    rise = _by_angle(damping, hits, misses, angles)[2]
    weight = trials * damping.weights(hits, misses) / (p * (1 - p))
    part = weight * rise**2
    kept = 1 - part / np.maximum(part.sum(axis=0), _TINY)  # not taken up by the angle
    square = (hits - (hits + misses) * p) ** 2 / trials**2
    shot = p * (1 - p) / trials
    unit = replace(damping, kappa=np.ones_like(damping.kappa)).excess[:, None] ** 2

    def excess(which: slice, chance: float) -> float:
        freedom = kept[which].sum() - 2 * len(kept[which])
        if freedom < 1:
            return _LARGEST
        goal = chdtri(freedom, chance)

        def beyond(kappa: float) -> float:
            return float((square / (shot + kappa**2 * unit))[which].sum() - goal)

        if beyond(_LEAST) <= 0:
            return _LEAST
        return _LARGEST if beyond(_LARGEST) >= 0 else float(brentq(beyond, _LEAST, _LARGEST))

    together = excess(slice(None), _CAREFUL)
    each = [excess(slice(number, number + 1), _SINGLE) for number in range(len(unit))]
    some = kept.sum(axis=1) > _ENOUGH_KEPT
    seen = np.maximum(together, np.where(some, each, 0.0))
    fits = excess(slice(None), _NEVER) < _LARGEST
    return np.asarray(np.sqrt(_UNSEEN) * seen, dtype=np.float64), fits
