"""Fitting the damping to all pixels, and what they say with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import chdtri, logsumexp

from qconv.methods.amplitude_estimation.angles import moments, peaks
from qconv.methods.amplitude_estimation.damping import Damping
from qconv.methods.amplitude_estimation.likelihood import Estimates

_Array = NDArray[np.float64]

#: Most pixels that the damping is fitted to, evenly chosen, and angles that are tried for each.
_PIXELS, _ANGLES = 1024, 2048

#: How far damping is free: of each power, from what steps of equal damping give, as a part of it;
#: of what is not a step, in steps and beside that; and of what contrast fades to.
_ETA, _PART, _PART_FREE, _BESIDE, _FADED = 0.1, 0.6, 0.3, 0.05, 0.15

#: Least and largest excess that is assumed, for a power whose contrast is lost.
_LEAST, _LARGEST = 0.01, 0.5

#: Damping of a step from which the search begins: the best of these.
_STARTS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)

#: Rounds of fitting and of measuring what is left over.
_ROUNDS = 3

#: Rounds of scoring.
_SCORINGS = 6

#: Chance of residuals at least as large as these with the excess that is assumed: more than half.
_CAREFUL = 0.84

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
    damping = Damping(factors, start, _LEAST, np.zeros((len(start), len(start))))
    for count in range(_ROUNDS):
        weights = damping.weights(hits, misses)
        h, g = hits * weights, misses * weights
        damping = _searched(damping, h, g, everywhere=not count)
        damping, angles = _polished(damping, h, g)
        damping = replace(damping, kappa=_left_over(damping, hits, misses, angles))
    return damping, _told(damping)


def _told(damping: Damping) -> bool:
    """Whether at least two powers have contrast, so that they can be compared."""
    error = damping.contrast * np.sqrt(np.diag(damping.depth_covariance()))
    return bool((damping.contrast > 4 * error).sum() >= 2 and damping.kappa < _LARGEST)


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


def _searched(damping: Damping, hits: _Array, misses: _Array, *, everywhere: bool) -> Damping:
    """The most likely damping, the likelihood being integrated over all angles of each pixel.

    Counts are scaled down where peaks are narrower than the grid of angles.
    """
    factors = damping.factors
    number = max(_ANGLES, int(16 * factors.max()))
    sine = np.sin(factors[:, None] * (np.arange(number) + 0.5) * (np.pi / 2 / number))
    mean = (hits + misses).mean(axis=1)
    information = 4 * (mean * (damping.contrast * factors) ** 2).sum()
    scale = min(1.0, (2 * number / np.pi) ** 2 / max(information, _TINY))
    hits, misses = scale * hits, scale * misses

    def cost(free: _Array) -> tuple[float, _Array]:
        tried = replace(damping, free=free)
        p = tried.probability(sine)
        logarithm = hits.T @ np.log(p) + misses.T @ np.log1p(-p)
        total = logsumexp(logarithm, axis=1)
        likely = np.exp(logarithm - total[:, None])
        pull = (hits @ likely) / p - (misses @ likely) / (1 - p)
        slopes = np.einsum("img,mg->i", tried.slopes(sine), pull)
        extra, gradient, _ = _penalty(tried)
        return extra - total.sum(), gradient - slopes

    free = damping.free
    if everywhere:
        starts = [np.concatenate([[mu, _PART * mu], free[2:]]) for mu in _STARTS]
        free = min(starts, key=lambda start: cost(start)[0])
    found = minimize(cost, free, jac=True, method="L-BFGS-B", bounds=_bounds(len(factors)))
    return replace(damping, free=found.x)


def _polished(damping: Damping, hits: _Array, misses: _Array) -> tuple[Damping, _Array]:
    """Scoring, together with the angles, from a damping that is about right; with all counts.

    Returns:
        The damping with its covariance, and the angles.
    """
    bounds = _bounds(len(damping.factors)).T
    for _ in range(_SCORINGS):
        found = peaks(damping, hits, misses)
        angles = found.angle[found.highest(hits.shape[1])[0]]
        slope, information = _scores(damping, hits, misses, angles)
        _, gradient, second = _penalty(damping)
        covariance = np.asarray(np.linalg.inv(information + second), dtype=np.float64)
        damping = replace(damping, covariance=covariance)
        moved = np.clip(damping.free + covariance @ (slope - gradient), *bounds)
        damping = replace(damping, free=moved)
    found = peaks(damping, hits, misses)
    return damping, found.angle[found.highest(hits.shape[1])[0]]


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


def _left_over(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> float:
    """The excess that makes the residuals as large as they should be, or a little larger."""
    trials = hits + misses
    p = damping.probability(np.sin(damping.factors[:, None] * angles))
    seen = trials > 0
    square = (hits - trials * p)[seen] ** 2 / trials[seen] ** 2
    shot = (p * (1 - p))[seen] / trials[seen]
    lost = np.broadcast_to(((1 - damping.contrast) ** 2)[:, None], trials.shape)[seen]
    freedom = seen.sum() - hits.shape[1] - 2 * len(hits)
    if freedom < 1:
        return _LARGEST
    goal = chdtri(freedom, _CAREFUL)

    def beyond(kappa: float) -> float:
        return float((square / (shot + kappa**2 * lost)).sum() - goal)

    if beyond(_LEAST) <= 0:
        return _LEAST
    if beyond(_LARGEST) >= 0:
        return _LARGEST
    return float(brentq(beyond, _LEAST, _LARGEST))
