"""Damping: the contrast that noise leaves at each Grover power, fitted to all pixels at once.

Without noise, a shot after ``m`` Grover steps measures the flag qubit as 1 (a *hit*) with
probability ``s = sin(f t)**2``. With noise this probability is approximately

    p = a_m s + (1 - a_m) v_m,    a_m = exp(-d_m).

The contrast ``a_m`` and the value ``v_m`` to which the probability fades are the same for all
pixels. They are fitted together with the angles of the pixels. A pixel has the same angle at every
power, so the angles from different powers agree only if the damping is right. The fit also uses two
general properties of damping, and allows some deviation from them:

* Every Grover step damps by a similar amount ``mu``: ``d_m = (alpha + m mu) (1 + eta_m)``, with a
  small deviation ``eta_m``. ``alpha``, the damping by state preparation and readout, is expected to
  be a fraction of ``mu``.
* The value ``v_m`` to which the probability fades is about one half.

The image is not used. With a single power, damping cannot be distinguished from a darker image.

No model with two parameters per power is exact, because errors depend on the pixel. The remaining
deviation of ``p`` is called ``excess``. The standard deviation of the excess is
``kappa (1 - a_m) sqrt(a_m)``. This deviation is 0 without noise (``a_m = 1``), and where only noise
is left (``a_m = 0``). ``kappa`` is chosen such that the residuals of all pixels and powers have the
expected size. A deviation that is the same for a pixel at several powers looks like a different
angle and cannot be seen in the residuals. The variance of the excess is therefore multiplied by
2.5. The excess limits the information of each power, whatever its number of shots. Counts are
therefore scaled down to fewer effective shots. The effective shots without the excess have the same
relative variance as the counted shots with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.methods.amplitude_estimation.likelihood import TINY

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Damping:
    """Contrast and offset of every power, with their covariance."""

    factors: _Array
    """``2 m + 1`` of every power."""
    free: _Array
    """Free parameters: ``mu``, ``alpha``, ``eta_m`` of every power and ``v_m`` of every power."""
    kappa: _Array
    """Factor ``kappa`` of the excess, for every power."""
    covariance: _Array
    """Covariance of ``free``."""

    @property
    def depth(self) -> _Array:
        """Damping ``d_m`` of every power."""
        mu, alpha, eta, _ = self.parts()
        return np.asarray((alpha + (self.factors - 1) / 2 * mu) * (1 + eta))

    @property
    def contrast(self) -> _Array:
        """Contrast ``a_m`` of every power."""
        return np.exp(-self.depth)

    @property
    def excess(self) -> _Array:
        """Standard deviation over pixels of the probability of a hit, shot noise excluded."""
        return self.kappa * (1 - self.contrast) * np.sqrt(self.contrast)

    def parts(self) -> tuple[float, float, _Array, _Array]:
        """Return the free parameters ``mu``, ``alpha``, ``eta`` and ``v``."""
        number = len(self.factors)
        return self.free[0], self.free[1], self.free[2 : 2 + number], self.free[2 + number :]

    def probability(self, sine: _Array) -> _Array:
        """Return the probability of a hit for ``sin(f t)``, with powers as its first axis."""
        shape = (-1,) + (1,) * (sine.ndim - 1)
        contrast, faded = self.contrast.reshape(shape), self.parts()[3].reshape(shape)
        return np.clip(contrast * sine**2 + (1 - contrast) * faded, TINY, 1 - TINY)

    def slopes(self, sine: _Array) -> _Array:
        """Differentiate ``probability`` by ``free``, shape ``(free, powers, angles)``."""
        contrast, faded = self.contrast[:, None], self.parts()[3][:, None]
        number = len(self.factors)
        slopes = np.zeros((len(self.free), *sine.shape))
        by_depth = self._depth_slopes()[..., None]
        slopes[: 2 + number] = by_depth * (-contrast * (sine**2 - faded))
        each = np.arange(number)
        slopes[2 + number + each, each] = 1 - contrast
        return slopes

    def _depth_slopes(self) -> _Array:
        """Return the derivatives of ``depth`` with respect to ``mu``, ``alpha`` and ``eta``."""
        mu, alpha, eta, _ = self.parts()
        step = (self.factors - 1) / 2
        return np.vstack([step * (1 + eta), 1 + eta, np.diag(alpha + step * mu)])

    def depth_covariance(self) -> _Array:
        """Return the covariance of ``depth``."""
        by = self._depth_slopes()
        return np.asarray(by.T @ self.covariance[: len(by), : len(by)] @ by)

    def weights(self, hits: _Array, misses: _Array) -> _Array:
        """Return factors that scale counts down so that the excess is part of their variance."""
        trials = hits + misses
        mean = (hits.sum(axis=1) + 1) / (trials.sum(axis=1) + 2)
        ratio = (self.excess**2 / (mean * (1 - mean)))[:, None]
        return np.asarray(1 / (1 + np.maximum(trials - 1, 0) * ratio))
