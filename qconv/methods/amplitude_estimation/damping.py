"""Damping: what noise left of the flag's contrast at each Grover power, from all pixels at once.

With noise, a shot after ``m`` Grover steps hits not with probability ``s = sin(f t)**2``, but about

    p = a_m s + (1 - a_m) v_m,    a_m = exp(-d_m),

with a contrast ``a_m`` and a value ``v_m`` that it fades to, both the same for all pixels. They are
fitted together with the angles of the pixels: the same angle shows at every power, so that all of
them agree for the right damping alone. Besides, what is known of damping in general is used, with
the freedom that it leaves:

* every Grover step damps by about as much, ``d_m = (alpha + m mu) (1 + eta_m)``, and what comes
  before and after them, ``alpha``, by about as much as part of a step, and the readout;
* what is left fades to about one half, ``v_m``.

The image is not used. With a single power nothing tells damping from a darker picture.

No model of two numbers a power is exact: errors depend on the pixel. What is left over is measured:
``excess``, a standard deviation of ``p`` of ``kappa (1 - a_m) sqrt(a_m)``, none where there is no
noise and none where nothing but noise is left, with ``kappa`` so large that the residuals of all
pixels and powers are as large as they should be. What a pixel has in common at several powers looks
like another angle and is not seen: for that the variance is taken 2.5 times as large. It limits
what each power can tell, however many shots it has: counts are scaled down to as many as would have
that variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Damping:
    """Contrast and offset of every power, and how well they are known."""

    factors: _Array
    """``2 m + 1`` of every power."""
    free: _Array
    """``mu``, ``alpha``, ``eta_m`` of every power and ``v_m`` of every power."""
    kappa: _Array
    """Of the excess, for every power."""
    covariance: _Array
    """Of ``free``."""

    @property
    def depth(self) -> _Array:
        """``d_m`` of every power."""
        mu, alpha, eta, _ = self.parts()
        return np.asarray((alpha + (self.factors - 1) / 2 * mu) * (1 + eta))

    @property
    def contrast(self) -> _Array:
        """``a_m`` of every power."""
        return np.exp(-self.depth)

    @property
    def excess(self) -> _Array:
        """Standard deviation of the probability of a hit, over pixels, beside shot noise."""
        return self.kappa * (1 - self.contrast) * np.sqrt(self.contrast)

    def parts(self) -> tuple[float, float, _Array, _Array]:
        """What is free, by its names."""
        number = len(self.factors)
        return self.free[0], self.free[1], self.free[2 : 2 + number], self.free[2 + number :]

    def probability(self, sine: _Array) -> _Array:
        """Of a hit, from ``sin(f t)``: its first axis is that of the powers."""
        shape = (-1,) + (1,) * (sine.ndim - 1)
        contrast, faded = self.contrast.reshape(shape), self.parts()[3].reshape(shape)
        return np.clip(contrast * sine**2 + (1 - contrast) * faded, _TINY, 1 - _TINY)

    def slopes(self, sine: _Array) -> _Array:
        """Derivatives of the probability by what is free, shape ``(free, *sine.shape)``."""
        mu, alpha, eta, faded = self.parts()
        number, contrast = len(self.factors), self.contrast
        by_depth = -contrast[:, None] * (sine**2 - faded[:, None])
        step = (self.factors - 1) / 2
        slopes = np.zeros((len(self.free), *sine.shape))
        slopes[0] = by_depth * (step * (1 + eta))[:, None]
        slopes[1] = by_depth * (1 + eta)[:, None]
        each = np.arange(number)
        slopes[2 + each, each] = by_depth * (alpha + step * mu)[:, None]
        slopes[2 + number + each, each] = (1 - contrast)[:, None]
        return slopes

    def depth_covariance(self) -> _Array:
        """Of the depths of all powers."""
        mu, alpha, eta, _ = self.parts()
        step, number = (self.factors - 1) / 2, len(self.factors)
        by = np.zeros((number, len(self.free)))
        by[:, 0], by[:, 1] = step * (1 + eta), 1 + eta
        each = np.arange(number)
        by[each, 2 + each] = alpha + step * mu
        return np.asarray(by @ self.covariance @ by.T)

    def weights(self, hits: _Array, misses: _Array) -> _Array:
        """By which counts are scaled down, so that the excess is part of their variance."""
        trials = hits + misses
        mean = (hits.sum(axis=1) + 1) / (trials.sum(axis=1) + 2)
        ratio = (self.excess**2 / (mean * (1 - mean)))[:, None]
        return np.asarray(1 / (1 + np.maximum(trials - 1, 0) * ratio))
