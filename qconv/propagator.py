"""Propagators: a convolution kernel as the probability density of one diffusion step.

A kernel entry ``k_j`` is split into a probability ``p_j``, that a particle moves by the
displacement which ``j`` stands for, and a weight ``w_j``, by which its intensity changes on the
way; ``k_j = p_j * w_j``. What a circuit samples is ``p``; what the average of ``w_J * I_J`` over
many samples ``J`` converges to is the convolution with ``k``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qconv._checks import numpy_defaults, real_array, real_number

#: How far from 1 the sum of given probabilities may lie before it is an error.
_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Propagator:
    """Where one particle goes, and what becomes of its intensity.

    Args:
        probabilities: ``p_j >= 0`` over the kernel's positions, any number of axes, sum 1 (within
            1e-9; stored with the sum made exactly 1).
        weights: ``w_j``, any sign, same shape; multiplies the intensity that arrives over ``j``.

    Raises:
        TypeError: An argument is not a real array.
        ValueError: A probability is negative, their sum is not 1, an entry is not finite, or the
            shapes differ.

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
    """Chance of each position, read-only."""
    weights: NDArray[np.float64]
    """Factor on the intensity, per position, read-only."""

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
            raise ValueError(f"probabilities: expected the sum 1, got {total:.12g}")
        for name, array in (("probabilities", p / total), ("weights", w.copy())):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    @numpy_defaults
    def from_kernel(cls, kernel: ArrayLike) -> Propagator:
        """Split any real kernel so that its true convolution is recovered, signs and scale kept.

        ``S = sum |k|``, ``p = |k| / S``, ``w = S * sign(k)``: importance sampling with the smallest
        variance that a choice independent of the image can have.

        Args:
            kernel: Real array, any sign, not all zero; magnitudes up to about 1e300. A single
                number counts as one axis of one position.

        Raises:
            TypeError: ``kernel`` is complex or not numeric.
            ValueError: It is empty, not finite, all zero, or its absolute sum overflows.
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
        """Exponentiate and normalise: ``p = exp(k/T) / sum exp(k/T)``, ``w = 1``.

        Any kernel becomes a propagator that conserves intensity. Stable for every magnitude: the
        largest entry is subtracted first.

        Args:
            kernel: Real array, any sign and magnitude.
            temperature: ``T > 0``, in the unit of the kernel's entries; large values spread the
                propagator evenly, small ones concentrate it on the largest entry.

        Raises:
            TypeError: ``kernel`` is complex or not numeric.
            ValueError: It is empty or not finite, or ``temperature`` is not a positive number.
        """
        k = np.atleast_1d(real_array(kernel, "kernel"))
        t = real_number(temperature, "temperature")
        if t <= 0:
            raise ValueError(f"temperature: expected a number > 0, got {t:g}")
        with np.errstate(over="ignore", under="ignore"):  # exp(-inf) = 0 is the right answer
            p = np.exp((k - k.max()) / t)
        return cls(p / p.sum(), np.ones_like(k))

    @property
    @numpy_defaults
    def effective_kernel(self) -> NDArray[np.float64]:
        """The kernel ``p * w`` whose true convolution the samples average to."""
        return self.probabilities * self.weights

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the kernel."""
        return self.probabilities.shape

    @numpy_defaults
    def excluding(self, position: tuple[int, ...]) -> Propagator:
        """The propagator given that the particle does not land on ``position``.

        Its effective kernel is the old one with a zero at ``position``. Used where what arrives
        over that position is known without sampling.

        Raises:
            ValueError: The particle can land nowhere else.
        """
        elsewhere = self.probabilities.copy()
        elsewhere[position] = 0.0
        remaining = float(elsewhere.sum())
        if remaining == 0:
            raise ValueError(f"position: the particle never leaves {position}")
        return Propagator(elsewhere / remaining, self.weights * remaining)
