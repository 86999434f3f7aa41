"""Posterior of one angle whose Grover powers are damped by noise.

With noise, a shot of power ``m`` is a hit with probability approximately

    q = a s + (1 - a) v,    s = sin(f t)**2,  f = 2 m + 1,  a = exp(-(alpha + m mu)).

Every round damps by ``mu``; preparation and read-out damp by ``alpha``, which is expected to be a
fraction of ``mu``; ``v`` is the probability of a hit if only noise is left. These are the terms of
the model for pictures (`qconv.methods.amplitude_estimation.damping`). No model of so few terms is
exact. The remaining deviation of ``q`` is the *excess*, with standard deviation ``kappa (1 - a)
sqrt(a)``. It reduces the shots of each power to fewer effective shots.

For every angle on a grid, Laplace's approximation integrates over ``log mu``, ``log alpha`` and
``v``. Powers are added in ascending order. After each power, the grid is cut to the range of angles
that are still possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qconv.estimation.posterior import OfAngle

_Array = NDArray[np.float64]

#: Number of grid points of the angle. Difference from the highest log-probability beyond which the
#: ends of the grid are impossible. Fraction of the range below which the possible angles get a new
#: grid.
_POINTS, _DEPTH, _KEPT = 128, 16.0, 0.6

#: Prior of ``log mu``: mean and standard deviation. It covers 0.1 % to 3 per round.
_ROUND, _ROUND_FREE = -3.0, 2.0

#: Prior of ``log alpha``: ``alpha`` is about this fraction of ``mu`` plus this constant, and the
#: last number is the standard deviation of ``log alpha``.
_PART, _BESIDE, _PART_FREE = 0.6, 0.02, 0.7

#: Standard deviation of ``v`` about the fraction of all outcomes that are hits.
_FADED = 0.15

#: Values of ``kappa``, equally likely before anything is measured.
_EXCESS = (0.0, 0.03, 0.1, 0.3)

#: Values of ``log mu`` from which the search begins; the more likely of both results is used.
_STARTS = (-5.0, -1.0)

#: Steps of scoring, and their maximum length.
_STEPS, _LONGEST = 9, 1.5

#: An estimate is reliable in two cases. Either its standard error is below this multiple of the
#: error with known damping. Or it is below this fraction of the error from the first power alone,
#: with the prior of its damping.
_UNKNOWN, _LEARNT = 3.0, 0.3

#: Minimum standard error as a fraction of the distance to any possible value. A value is possible
#: if its posterior probability exceeds the second number.
_GUARD, _IMPOSSIBLE = 1 / 8, 3e-6

_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Damped:
    """Estimate of a function of one angle, from damped powers."""

    value: float
    """Posterior mean."""
    stderr: float
    """Standard error, which includes the uncertainty of the damping."""
    contrast: _Array
    """Contrast ``a`` of each power."""
    reliable: bool
    """Whether the outcomes distinguish damping from a different value."""


def damped_estimate(
    powers: _Array, hits: _Array, shots: _Array, faded: float, of_angle: OfAngle
) -> Damped:
    """Estimate a function of the angle from the hits of several powers.

    Args:
        powers: Numbers of Grover steps, ascending.
        hits: Number of hits of each power.
        shots: Number of shots of each power, at least 1.
        faded: Fraction of all outcomes that are hits.
        of_angle: Monotonic function of the angle.
    """
    low, high = 0.0, np.pi / 2
    for number in range(1, len(powers) + 1):
        some = slice(0, number)
        while True:
            angles = low + (high - low) * (np.arange(_POINTS) + 0.5) / _POINTS
            fits = [
                _Fit.of(powers[some], hits[some], shots[some], faded, kappa, angles)
                for kappa in _EXCESS
            ]
            log = np.logaddexp.reduce([fit.evidence for fit in fits])
            inside = np.flatnonzero(log > log.max() - _DEPTH)
            first, last = max(inside[0] - 1, 0), min(inside[-1] + 2, _POINTS)
            if last - first >= _KEPT * _POINTS:
                break
            step = (high - low) / _POINTS
            low, high = low + step * first, low + step * last
        if number == 1:
            _, first_error = _moments(of_angle(angles), log)
    likely = max(fits, key=lambda fit: float(fit.evidence.max()))
    best = int(likely.evidence.argmax())
    values = of_angle(angles)
    mean, stderr = _moments(values, log)
    known = likely.known(best)
    _, alone = _moments(values, known)
    reliable = len(powers) > 1 and stderr <= max(_UNKNOWN * alone, _LEARNT * first_error)
    return Damped(mean, stderr, likely.contrast[best], reliable)


def _moments(values: _Array, log: _Array) -> tuple[float, float]:
    """Return the mean of values, and their standard error."""
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    mean = float(weights @ values)
    below = np.cumsum(weights)
    ends = values[(below > _IMPOSSIBLE).argmax()], values[(below >= 1 - _IMPOSSIBLE).argmax()]
    reach = max(abs(end - mean) for end in ends)
    return mean, max(float(np.sqrt(weights @ (values - mean) ** 2)), _GUARD * float(reach))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Most likely damping for each angle of a grid, and one ``kappa``."""

    powers: _Array
    hits: _Array
    shots: _Array
    kappa: float
    angles: _Array
    free: _Array
    """``log mu``, ``log alpha`` and ``v``, shape ``(angles, 3)``."""
    evidence: _Array
    """Logarithm of the probability of each angle, up to a constant."""

    @classmethod
    def of(
        cls,
        powers: _Array,
        hits: _Array,
        shots: _Array,
        faded: float,
        kappa: float,
        angles: _Array,
    ) -> _Fit:
        """Search for the most likely damping, and integrate over it."""
        found: _Fit | None = None
        for start in _STARTS:
            free = np.tile([start, start, faded], (angles.size, 1))
            fit = cls(powers, hits, shots, kappa, angles, free, np.zeros(angles.size))._searched(
                faded
            )
            if found is None:
                found = fit
                continue
            better = fit.evidence > found.evidence
            found = cls(
                powers,
                hits,
                shots,
                kappa,
                angles,
                np.where(better[:, None], fit.free, found.free),
                np.where(better, fit.evidence, found.evidence),
            )
        assert found is not None
        return found

    @property
    def contrast(self) -> _Array:
        """Contrast of each power at each angle, shape ``(angles, powers)``."""
        mu, alpha = np.exp(self.free[:, :1]), np.exp(self.free[:, 1:2])
        return np.exp(-(alpha + self.powers * mu))

    def known(self, best: int) -> _Array:
        """Return the log-likelihood of all angles with the damping of one of them."""
        same = np.tile(self.free[best], (self.angles.size, 1))
        fit = _Fit(self.powers, self.hits, self.shots, self.kappa, self.angles, same, self.evidence)
        return fit._likelihood()[0]

    def _model(self) -> tuple[_Array, _Array, _Array]:
        """Return the probability of a hit, its derivatives, and shot weights.

        The derivatives are with respect to the free terms.
        """
        contrast = self.contrast
        sine = np.sin((2 * self.powers + 1) * self.angles[:, None]) ** 2
        faded = np.clip(self.free[:, 2:], 0.01, 0.99)
        q = np.clip(contrast * sine + (1 - contrast) * faded, _TINY, 1 - _TINY)
        slope = -contrast * (sine - faded)
        mu, alpha = np.exp(self.free[:, :1]), np.exp(self.free[:, 1:2])
        slopes = np.stack([slope * self.powers * mu, slope * alpha, 1 - contrast], axis=-1)
        excess = self.kappa**2 * (1 - contrast) ** 2 * contrast
        middle = (self.hits + 1) / (self.shots + 2)
        weights = 1 / (1 + np.maximum(self.shots - 1, 0) * excess / (middle * (1 - middle)))
        return q, slopes, weights

    def _likelihood(self) -> tuple[_Array, _Array, _Array]:
        """Return the log-likelihood of each angle, its gradient and its Fisher information."""
        q, slopes, weights = self._model()
        misses = self.shots - self.hits
        of_hits, of_misses = (xlogy(counts, counts / self.shots) for counts in (self.hits, misses))
        log = self.hits * np.log(q) - of_hits + misses * np.log1p(-q) - of_misses
        log = weights * log + np.log(weights) / 2
        residual = weights * (self.hits - self.shots * q) / (q * (1 - q))
        gradient = np.einsum("tm,tmi->ti", residual, slopes)
        fisher = np.einsum("tm,tmi,tmj->tij", weights * self.shots / (q * (1 - q)), slopes, slopes)
        return log.sum(axis=1), gradient, fisher

    def _prior(self, faded: float) -> tuple[_Array, _Array, _Array]:
        """Return the logarithm of the prior, its gradient and its information."""
        mu = np.exp(self.free[:, 0])
        expected = _PART * mu + _BESIDE
        follows = _PART * mu / expected  # derivative of the logarithm of ``expected``
        scores = np.stack(
            [
                (self.free[:, 0] - _ROUND) / _ROUND_FREE,
                (self.free[:, 1] - np.log(expected)) / _PART_FREE,
                (self.free[:, 2] - faded) / _FADED,
            ],
            axis=-1,
        )
        by = np.zeros((len(mu), 3, 3))
        by[:, 0, 0], by[:, 1, 1], by[:, 2, 2] = 1 / _ROUND_FREE, 1 / _PART_FREE, 1 / _FADED
        by[:, 1, 0] = -follows / _PART_FREE
        gradient = -np.einsum("ti,tij->tj", scores, by)
        return -(scores**2).sum(axis=1) / 2, gradient, np.einsum("tki,tkj->tij", by, by)

    def _searched(self, faded: float) -> _Fit:
        """Return the fit at the most likely damping of each angle."""
        fit = self
        for _ in range(_STEPS):
            (_, slope, fisher), (_, more, own) = fit._likelihood(), fit._prior(faded)
            step = np.linalg.solve(fisher + own, (slope + more)[..., None])[..., 0]
            longest = np.abs(step).max(axis=1, keepdims=True)
            step *= np.minimum(1, _LONGEST / np.maximum(longest, _TINY))
            free = fit.free + step
            free[:, :2] = np.clip(free[:, :2], -9, 3)
            free[:, 2] = np.clip(free[:, 2], 0.01, 0.99)
            fit = _Fit(fit.powers, fit.hits, fit.shots, fit.kappa, fit.angles, free, fit.evidence)
        (log, _, fisher), (prior, _, own) = fit._likelihood(), fit._prior(faded)
        _, volume = np.linalg.slogdet(fisher + own)
        evidence = log + prior - volume / 2
        return _Fit(fit.powers, fit.hits, fit.shots, fit.kappa, fit.angles, fit.free, evidence)
