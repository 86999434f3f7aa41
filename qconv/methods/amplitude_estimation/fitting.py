"""Fits of the damping to all pixels, and the estimates that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, only if it is used
from numpy.typing import NDArray
from scipy.special import chdtri

from qconv.methods.amplitude_estimation.angles import peaks, terms
from qconv.methods.amplitude_estimation.damping import Damping
from qconv.methods.amplitude_estimation.likelihood import BLOCK, MARGIN, MODE, TINY, Estimates

_Array = NDArray[np.float64]

# Constants of the fit. Most were chosen with the benchmark `test_estimation_noise`, over images,
# kernels, noise models and fake devices: 95 % intervals of reliable pixels cover at least 93 %, and
# with depolarising noise at least 80 % of the pixels are reliable. "Coverage" and "reliability"
# below are these percentages for synthetic counts as in `test_damping`: 64 pixels, powers 0 to 8,
# contrasts ``0.9 * 0.85**m`` and ``0.8 * 0.6**m``, 50 and 1000 shots, excess 0 and 0.02.

#: Maximum number of pixels in the fit, evenly spaced, to limit its duration. 16 pixels are too few:
#: reliability falls from 88 % to 42 %.
_PIXELS = 256

#: Grid of the angles that the fit integrates over: minimum number of points, and number of points
#: per unit of the largest of `Damping.factors`. Shots are scaled down where a peak would be
#: narrower than a step. 128 points change no percentage by more than one.
_ANGLES, _EACH = 512, 16

#: Maximum number of iterations of a search, and the relative decrease at which it ends. Scoring
#: refines the result: 5 iterations give the same percentages.
_ITERATIONS, _CLOSE = 30, 1e-7

#: Prior of the damping: standard deviation of ``eta``; mean of ``alpha / mu``; standard deviation
#: of ``alpha``, as a multiple of ``mu`` plus a constant; standard deviation of ``v`` about one
#: half. Factors of 4 to 10 on the standard deviations change coverage and reliability by at most
#: 1 %, except where there is no damping.
_ETA, _PART, _PART_FREE, _BESIDE, _FADED = 0.1, 0.6, 0.3, 0.05, 0.15

#: Bounds of ``mu``, ``alpha``, ``eta`` and ``v``, far beyond what the prior allows. They keep the
#: contrast and the probabilities between 0 and 1.
_BOUNDS = (0.0, 20.0), (0.0, 5.0), (-0.5, 1.0), (0.01, 0.99)

#: Minimum and maximum of ``kappa``. A smaller minimum loses up to 2 % of coverage. With a maximum
#: of 0.03, fits with an excess of 0.02 are rejected; with 0.5, reliability falls to 71 %.
_LEAST, _LARGEST = 0.02, 0.1

#: Values of ``mu`` from which the search begins; the best is used, in case of local maxima. For the
#: synthetic counts any one of them gives the same fit.
_STARTS = (0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)

#: Variance of the excess divided by its variance in the residuals. The angles remove the part of
#: the excess that is the same for a pixel at several powers. A factor of 1 loses up to 3 % of
#: coverage.
_UNSEEN = 2.5

#: Degrees of freedom that a power needs for its own ``kappa``. With fewer, its residuals scatter
#: too much. This limit matters only with few pixels.
_ENOUGH_KEPT = 10

#: Alternations of fit and excess, and scoring steps in each. 2 and 5 alternations give the same
#: percentages as 3; for the synthetic counts one scoring step is enough.
_ROUNDS, _SCORINGS = 3, 6

#: Probabilities of residuals at least as large as the measured residuals. The common ``kappa`` is
#: chosen to give the first probability, and the ``kappa`` of a single power to give the second. If
#: the probability is below the third, the model is rejected. The first is above one half, because
#: one half would lose 1 % of coverage.
_CAREFUL, _SINGLE, _NEVER = 0.84, 0.3, 1e-4

#: Deviation from the prior, in standard deviations, above which the fit is rejected; 1.0 would
#: reject a third of the good fits. Minimum contrast, in standard errors, that counts as different
#: from 0: `test_noise_alone_tells_nothing`.
_STRANGE, _SEEN = 2.5, 4

#: A pixel is unreliable if another peak is more likely than this, relative to its highest peak.
#: With 1e-3, as without noise, reliability falls by 3 %; with 0.5, errors grow by up to 15 %.
_RIVAL = 1e-2


def most_likely_damped(hits: _Array, misses: _Array, powers: Sequence[int]) -> Estimates:
    """Estimate every pixel's angle by maximum likelihood, with the damping that fits all pixels.

    Args:
        hits: Number of hits (shots that measure the flag qubit as 1), shape ``(powers, pixels)``.
        misses: Number of misses, same shape.
        powers: Numbers of Grover steps, all different.

    Returns:
        The estimates. Their standard errors include the uncertainty of the damping, which is common
        to all pixels, and the deviations that the damping does not explain.
    """
    damping, identified = fitted(hits, misses, powers)
    weights = damping.weights(hits, misses)
    parts = []
    for start in range(0, hits.shape[1], BLOCK):
        some = slice(start, start + BLOCK)
        parts.append(_estimated(damping, (hits * weights)[:, some], (misses * weights)[:, some]))
    angles, stderr, reliable = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Estimates(angles, stderr, reliable & identified, damping.contrast)


def _estimated(
    damping: Damping, hits: _Array, misses: _Array
) -> tuple[_Array, _Array, NDArray[np.bool_]]:
    """Return angles, standard errors and reliability of several pixels."""
    found = peaks(damping, hits, misses)
    best, _ = found.highest()
    angles = found.angle[best]
    common = _common(damping, hits, misses, angles)
    reliable = found.reliable(np.hypot(found.spread[best], common), _RIVAL)
    h, g = hits[:, found.pixel], misses[:, found.pixel]
    shares, errors, _ = found.integrated(
        lambda x: terms(damping, h, g, x)[0], MODE.reach * found.spread, MODE.nodes
    )
    own = np.sqrt(found.summed(shares * errors**2) / found.summed(shares))
    return angles, np.hypot(own, np.sin(2 * angles) * common), reliable


def fitted(hits: _Array, misses: _Array, powers: Sequence[int]) -> tuple[Damping, bool]:
    """Fit the damping to all pixels; return whether it is distinguishable from another image.

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
    return damping, fits and _identified(damping)


def _identified(damping: Damping) -> bool:
    """Return whether the damping agrees with its prior and two powers have contrast to compare."""
    mu, alpha, eta, faded = damping.parts()
    off = (alpha - _PART * mu) / (_PART_FREE * mu + _BESIDE)
    strange = np.abs(np.concatenate([[off], eta / _ETA, (faded - 0.5) / _FADED])).max()
    error = damping.contrast * np.sqrt(np.diag(damping.depth_covariance()))
    seen = (damping.contrast > _SEEN * error).sum()
    return bool(seen >= 2 and strange < _STRANGE)


def _penalty(damping: Damping) -> tuple[float, _Array, _Array]:
    """Return the prior's negative logarithm, its gradient and its approximate Hessian."""
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
    second[0, 0] += _BOUNDS[0][1] ** -2
    return float(cost), gradient, second


def _bounds(damping: Damping) -> _Array:
    """Return lower and upper bounds of the free parameters, shape ``(free, 2)``."""
    number = len(damping.factors)
    return np.repeat(_BOUNDS, [1, 1, number, number], axis=0)


@dataclass(frozen=True, eq=False)
class _Marginal:
    """Likelihood of a damping, integrated over the angle of each pixel."""

    damping: Damping
    """Damping whose powers are used."""
    hits: _Array
    """Number of hits, scaled down if peaks would be narrower than the grid of angles."""
    misses: _Array
    """Number of misses, scaled down by the same factor."""
    sine: _Array
    """``sin(f t)`` of every power and angle of the grid."""
    scale: float
    """Factor that scales shots down."""

    @classmethod
    def of(cls, damping: Damping, hits: _Array, misses: _Array) -> _Marginal:
        """Scale shots to a grid that suits the powers."""
        factors = damping.factors
        number = max(_ANGLES, int(_EACH * factors.max()))
        sine = np.sin(factors[:, None] * (np.arange(number) + 0.5) * (np.pi / 2 / number))
        mean = (hits + misses).mean(axis=1)
        information = 4 * (mean * (damping.contrast * factors) ** 2).sum()
        scale = min(1.0, (2 * number / np.pi) ** 2 / max(float(information), TINY))
        return cls(damping, scale * hits, scale * misses, sine, scale)

    def likely(self, damping: Damping) -> tuple[_Array, _Array, float]:
        """Return probabilities of a hit, the posterior of each angle, and the log-likelihood."""
        p = damping.probability(self.sine)
        logarithm = self.hits.T @ np.log(p) + self.misses.T @ np.log1p(-p)
        highest = logarithm.max(axis=1, keepdims=True)
        weight = np.exp(logarithm - highest)
        total = weight.sum(axis=1, keepdims=True)
        return p, weight / total, float((highest + np.log(total)).sum())

    def cost(self, free: _Array) -> tuple[float, _Array]:
        """Return the negative log-posterior of a damping, and its gradient."""
        damping = replace(self.damping, free=free)
        p, weight, total = self.likely(damping)
        pull = (self.hits @ weight) / p - (self.misses @ weight) / (1 - p)
        slopes = np.einsum("img,mg->i", damping.slopes(self.sine), pull)
        extra, gradient, _ = _penalty(damping)
        return extra - total, gradient - slopes

    def units(self, damping: Damping) -> _Array:
        """Return the standard deviation of each free parameter if all others were known."""
        p, weight, _ = self.likely(damping)
        trials = (self.hits + self.misses) @ weight
        known = np.einsum("img,mg->i", damping.slopes(self.sine) ** 2, trials / p / (1 - p))
        return np.asarray(1 / np.sqrt(known + np.diag(_penalty(damping)[2])))

    def covariance(self, damping: Damping) -> _Array:
        """Return the covariance of the free parameters, from the scatter of the pixels' scores."""
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
    """Return the most likely damping with its covariance, and whether shots were scaled down."""
    likelihood = _Marginal.of(damping, hits, misses)
    free = damping.free
    if everywhere:
        starts = [np.concatenate([[mu, _PART * mu], free[2:]]) for mu in _STARTS]
        free = min(starts, key=lambda start: likelihood.cost(start)[0])
    unit = likelihood.units(replace(damping, free=free))

    def cost(scaled: _Array) -> tuple[float, _Array]:
        value, slope = likelihood.cost(scaled * unit)
        return value, slope * unit

    found = scipy.optimize.minimize(
        cost,
        free / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=_bounds(damping) / unit[:, None],
        options={"ftol": _CLOSE, "maxiter": _ITERATIONS},
    )
    damping = replace(damping, free=found.x * unit)
    return replace(damping, covariance=likelihood.covariance(damping)), likelihood.scale < 1


def _polished(
    damping: Damping, hits: _Array, misses: _Array, *, narrow: bool
) -> tuple[Damping, _Array]:
    """Refine damping and angles together by scoring, with all shots, and return the two.

    With few shots (``narrow`` is False) this would fit contrast to shot noise, so that the
    damping stays as it is. Its covariance then includes the uncertainty of the angles.
    """
    bounds = _bounds(damping).T
    before = damping.covariance
    for _ in range(_SCORINGS if narrow else 1):
        found = peaks(damping, hits, misses)
        angles = found.angle[found.highest()[0]]
        slope, information = _scores(damping, hits, misses, angles)
        _, gradient, second = _penalty(damping)
        own = np.asarray(np.linalg.inv(information + second), dtype=np.float64)
        if narrow:
            free = np.clip(damping.free + own @ (slope - gradient), *bounds)
            damping = replace(damping, free=free)
    return replace(damping, covariance=before + own), angles


def _by_angle(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, _Array, _Array, _Array]:
    """Return probabilities, the information of each count, and slopes by angle and damping."""
    turned = damping.factors[:, None] * angles
    sine = np.sin(turned)
    p = damping.probability(sine)
    rise = (damping.contrast * damping.factors)[:, None] * np.sin(2 * turned)
    return p, (hits + misses) / (p * (1 - p)), rise, damping.slopes(sine)


def _common(damping: Damping, hits: _Array, misses: _Array, angles: _Array) -> _Array:
    """Return the part of the angles' standard errors that the damping's uncertainty causes."""
    _, weight, rise, slopes = _by_angle(damping, hits, misses, angles)
    own = np.maximum((weight * rise**2).sum(axis=0), TINY)
    turns = -(slopes * weight * rise).sum(axis=1) / own
    square = np.einsum("ix,ij,jx->x", turns, damping.covariance, turns)
    return np.asarray(np.minimum(np.sqrt(np.maximum(square, 0)), np.pi / 2))


def _scores(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, _Array]:
    """Return the likelihood's gradient, and the information with unknown angles.

    Both concern the damping.
    """
    p, weight, rise, slopes = _by_angle(damping, hits, misses, angles)
    off = (hits - (hits + misses) * p) / (p * (1 - p))
    own = np.maximum((weight * rise**2).sum(axis=0), TINY)
    inside = np.minimum(angles, np.pi / 2 - angles) > MARGIN / np.sqrt(own)
    cross = (slopes * weight * rise).sum(axis=1)[:, inside]
    information = np.einsum(
        "imx,jmx->ij", slopes[..., inside] * weight[:, inside], slopes[..., inside]
    )
    information -= (cross / own[inside]) @ cross.T
    return np.einsum("imx,mx->i", slopes, off), information


def _left_over(
    damping: Damping, hits: _Array, misses: _Array, angles: _Array
) -> tuple[_Array, bool]:
    """Return ``kappa`` of every power, and whether any value explains the residuals.

    All powers have at least a common ``kappa``, with which the residuals of all powers together
    have the expected size. A power gets a larger ``kappa`` if its own residuals clearly require it.
    """
    trials = np.maximum(hits + misses, 0.5)  # no division by zero
    p, _, rise, _ = _by_angle(damping, hits, misses, angles)
    part = trials * damping.weights(hits, misses) / (p * (1 - p)) * rise**2
    kept = 1 - part / np.maximum(part.sum(axis=0), TINY)  # degrees of freedom beside the angle
    square = (hits - (hits + misses) * p) ** 2 / trials**2
    shot = p * (1 - p) / trials
    unit = replace(damping, kappa=np.ones_like(damping.kappa)).excess[:, None] ** 2

    def excess(which: slice, chance: float) -> float:
        freedom = kept[which].sum() - 2 * len(kept[which])  # two parameters per power
        if freedom < 1:
            return _LARGEST
        goal = chdtri(freedom, chance)

        def beyond(kappa: float) -> float:
            return float((square / (shot + kappa**2 * unit))[which].sum() - goal)

        if beyond(_LEAST) <= 0:
            return _LEAST
        if beyond(_LARGEST) >= 0:
            return _LARGEST
        return float(scipy.optimize.brentq(beyond, _LEAST, _LARGEST))

    together = excess(slice(None), _CAREFUL)
    each = [excess(slice(number, number + 1), _SINGLE) for number in range(len(unit))]
    some = kept.sum(axis=1) > _ENOUGH_KEPT
    seen = np.maximum(together, np.where(some, each, 0.0))
    fits = excess(slice(None), _NEVER) < _LARGEST
    return np.asarray(np.sqrt(_UNSEEN) * seen, dtype=np.float64), fits
