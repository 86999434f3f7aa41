"""Propagators: convolution kernels as probability distributions of one diffusion step.

A kernel entry is split into two factors, ``k_j = p_j * w_j``. A particle moves by the displacement
of position ``j`` with the probability ``p_j``, and its intensity is multiplied by the weight
``w_j``. A circuit samples ``p``. The average of ``w_J * I_J`` over many samples ``J`` converges to
the convolution with ``k``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qconv._checks import numpy_defaults, real_array, real_number

#: Maximum deviation of the sum of given probabilities from 1.
_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Propagator:
    """Kernel in the form of a probability and a weight for each position.

    Args:
        probabilities: Probabilities ``p_j >= 0`` of the kernel's positions, any number of axes. The
            sum must be 1 within 1e-9, and is normalised to 1.
        weights: Weights ``w_j``, any sign, same shape. The weight multiplies the intensity of the
            pixel that position ``j`` reads.

    Raises:
        TypeError: If an argument is not a real array.
        ValueError: If a probability is negative, the sum of probabilities is not 1, an entry is NaN
            or infinite, or the shapes differ.

    Example:
        >>> import qconv
        >>> propagator = qconv.Propagator.from_kernel([1, -2, 1])
        >>> propagator.probabilities, propagator.weights
        (array([0.25, 0.5 , 0.25]), array([ 4., -4.,  4.]))
        >>> propagator.effective_kernel
        array([ 1., -2.,  1.])
        >>> qconv.Propagator.softmax([1, -2, 1]).probabilities.round(3)
        array([0.488, 0.024, 0.488])
    """

    probabilities: NDArray[np.float64]
    """Probability of each position, shape of the kernel; read-only."""
    weights: NDArray[np.float64]
    """Factor of the intensity at each position, shape of the kernel; read-only."""

    @numpy_defaults
    def __post_init__(self) -> None:
        p = real_array(self.probabilities, "probabilities")
        w = real_array(self.weights, "weights")
        if p.shape != w.shape:
            raise ValueError(
                f"weights: expected the shape of probabilities, {p.shape}, got {w.shape}"
            )
        if p.ndim == 0:
            raise ValueError("probabilities: expected at least one axis, got a single number")
        if p.min() < 0:
            raise ValueError(f"probabilities: expected entries >= 0, got {p.min():g}")
        total = float(p.sum())
        if abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"probabilities: expected a sum of 1, got {total:.12g}")
        for name, array in (("probabilities", p / total), ("weights", w.copy())):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    @numpy_defaults
    def from_kernel(cls, kernel: ArrayLike) -> Propagator:
        """Make the propagator of a real kernel, with its signs and scale.

        The propagator is ``p = |k| / S`` and ``w = S * sign(k)`` with ``S = sum |k|``. This is
        importance sampling with the smallest variance of all choices that do not depend on the
        image.

        Args:
            kernel: Real array, any sign, not all zero, magnitudes up to about 1e300. A single
                number counts as one axis with one position.

        Raises:
            TypeError: If ``kernel`` is complex or not numeric.
            ValueError: If ``kernel`` is empty or all zero, contains NaN or infinity, or has a sum
                of magnitudes that overflows.
        """
        k = np.atleast_1d(real_array(kernel, "kernel"))
        largest = np.abs(k).max()
        if largest == 0:
            raise ValueError("kernel: expected at least one entry other than 0, got all zeros")
        relative = np.abs(k) / largest
        total = float(largest) * float(relative.sum())
        if not np.isfinite(total):
            raise ValueError("kernel: expected a finite sum of magnitudes, got one above 1.8e308")
        return cls(relative / relative.sum(), total * np.sign(k))

    @classmethod
    @numpy_defaults
    def softmax(cls, kernel: ArrayLike, temperature: float = 1.0) -> Propagator:
        """Make the softmax propagator of a kernel: ``p = exp(k/T) / sum exp(k/T)``, ``w = 1``.

        The propagator conserves intensity, whatever the kernel. The largest entry is subtracted
        first, so that no magnitude overflows.

        Args:
            kernel: Real array, any sign and magnitude.
            temperature: ``T > 0``, in the unit of the kernel's entries. With a large value, the
                probabilities are nearly equal; with a small value, they concentrate on the largest
                entry.

        Raises:
            TypeError: If ``kernel`` is complex or not numeric.
            ValueError: If ``kernel`` is empty or contains NaN or infinity, or if ``temperature`` is
                not a positive number.
        """
        k = np.atleast_1d(real_array(kernel, "kernel"))
        t = real_number(temperature, "temperature")
        if t <= 0:
            raise ValueError(f"temperature: expected a number > 0, got {t:g}")
        with np.errstate(over="ignore", under="ignore"):  # exp(-inf) = 0 is correct
            p = np.exp((k - k.max()) / t)
        return cls(p / p.sum(), np.ones_like(k))

    @property
    @numpy_defaults
    def effective_kernel(self) -> NDArray[np.float64]:
        """Kernel ``p * w``; samples average to the convolution with this kernel."""
        return self.probabilities * self.weights

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the kernel."""
        return self.probabilities.shape

    @numpy_defaults
    def excluding(self, position: tuple[int, ...]) -> Propagator:
        """Return the propagator under the condition that ``position`` is not selected.

        The effective kernel is unchanged, except for a zero at ``position``. This suits positions
        whose contribution is known without sampling.

        Raises:
            ValueError: If all other positions have probability 0.
        """
        elsewhere = self.probabilities.copy()
        elsewhere[position] = 0.0
        remaining = float(elsewhere.sum())
        if remaining == 0:
            raise ValueError(
                f"position: expected a position with probability below 1, got {position}"
            )
        return Propagator(elsewhere / remaining, self.weights * remaining)
