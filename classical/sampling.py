"""Stochastic convolution with a classical random generator: the control experiment.

Every output pixel is a mean over random kernel positions. These positions are drawn with the
probabilities that a quantum circuit would have. The result of a circuit must have exactly the same
distribution.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import Seed, generator, image_and_kernel, numpy_defaults, shot_number
from classical.convolution import NO_VALUE, required_part, shifted_images, value_outside

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Result of a stochastic convolution.

    Example:
        >>> import classical
        >>> sample = classical.stochastic_convolve([0, 10, 20], [1, 2, 1], shots=100, seed=7)
        >>> type(sample).__name__, sample.image.shape, sample.shots
        ('Sample', (5,), 100)
    """

    image: _Array
    """Mean of the draws per pixel, in the unit of image times kernel."""
    stderr: _Array
    """Standard error of the mean, same shape and unit; NaN where it rests on a single draw."""
    shots: int
    """Number of draws per pixel."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Possible outcomes of one shot: each kernel position's probability, image and weight."""

    probabilities: _Array
    """Probability of each position."""
    values: list[_Array]
    """Shifted image (a view) of each position, before multiplication by the weight."""
    weights: list[float]
    """Weight of each position, which multiplies the image."""
    baselines: list[_Array] | None = None
    """Array (a view) subtracted from each position's image before the weight; None for 0."""

    @classmethod
    def of(
        cls,
        name: str,
        entries: _Array,
        values: list[_Array],
        *,
        total: float,
        baselines: list[_Array] | None = None,
    ) -> Self:
        """Create outcomes with probability ``|entry| / total`` and weight ``+-total``.

        Positions with probability 0 (or too small for a float64) are excluded.

        Args:
            name: Name of the entries in error messages.
            entries: Kernel entry of each position, at least one of them not 0.
            values: Shifted image of each position.
            total: Sum of the magnitudes of the entries.
            baselines: Arrays subtracted from these images; None for 0.

        Returns:
            The outcomes in the same order.

        Raises:
            ValueError: If the sum is infinite.
        """
        if not np.isfinite(total):
            raise ValueError(f"{name}: expected a finite sum of magnitudes, got {total}")
        p = np.abs(entries) / total
        kept = np.flatnonzero(p)
        return cls(
            p[kept],
            [values[j] for j in kept],
            [total if entries[j] > 0 else -total for j in kept],
            None if baselines is None else [baselines[j] for j in kept],
        )

    def sample(self, shots: int, rng: np.random.RandomState) -> tuple[_Array, _Array]:
        """Draw for every pixel and return the means and their pooled standard errors."""
        mean, drawn = _draw(self, shots, rng)
        return mean, np.sqrt(_one_shot_variance(self, drawn) / shots)

    def value(self, position: int) -> _Array:
        """Return the value that a shot at a position gives to each pixel."""
        image = self.values[position]
        if self.baselines is not None:
            image = image - self.baselines[position]
        return self.weights[position] * image

    def deviation(self, position: int) -> _Array:
        """Return the value of a position minus the value of the most probable one, per pixel."""
        return self.value(position) - self.centre()

    def centre(self) -> _Array:
        """Return the value of the most probable position, per pixel."""
        return self.value(int(np.argmax(self.probabilities)))


@numpy_defaults
def stochastic_convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shots: float = 1024,
    seed: Seed = None,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = NO_VALUE,
    cval: float | None = None,
) -> Sample:
    """Convolve by drawing random positions of the kernel.

    With ``S = sum |k|``, a draw selects position ``J`` with probability ``|k_J| / S`` and has the
    value ``S * sign(k_J) * I_J``. The expectation of this value is the convolution. Each output
    pixel is the mean of ``shots`` draws of its own.

    The standard error is estimated from the draws, as on a quantum computer. All pixels draw from
    the same distribution, so the draws of all pixels are pooled. Let ``q_j`` be the relative
    frequency of position ``j`` and ``v_j`` the value that a pixel gets from it. The estimated
    variance of one draw is ``sum q_j v_j^2 - (sum q_j v_j)^2``, times ``n / (n - 1)`` for ``n``
    draws in total. A position that was never drawn does not contribute. Do not rely on the standard
    error if ``n * |k_j| / S`` is below about 20 for some position.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with the same number of axes, not all zeros.
        shots: Number of draws per output pixel, at least 1.
        seed: Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same result
            with every version of NumPy.
        mode: ``full``, ``same`` or ``valid``, as in `classical.convolve`.
        boundary: Values outside the image, as in `classical.convolve`.
        fillvalue: Value outside the image for ``fill``, in the unit of the image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.

    Returns:
        Image, standard error and shots. The standard error is exactly 0 where all positions give
        the same value. It is NaN everywhere if only one random draw was made in total.

    Raises:
        TypeError: If an argument is complex or has the wrong type.
        ValueError: If an argument is out of range, empty or not finite, if the kernel is all zeros,
            or if its magnitudes have an infinite sum.

    Example:
        >>> import classical
        >>> sample = classical.stochastic_convolve([0, 10, 20], [1, 2, 1], shots=10_000, seed=7)
        >>> sample.image.round(1)
        array([ 0. ,  9.8, 39.7, 50.5, 20.2])
        >>> sample.stderr.round(1)
        array([0. , 0.2, 0.3, 0.3, 0.3])
    """
    count = shot_number("shots", shots)
    rng = generator(seed)
    x, k = image_and_kernel(image, kernel)
    if not k.any():
        raise ValueError(f"kernel: expected a non-zero entry, got all zeros (shape {k.shape})")
    outside = value_outside(fillvalue, cval)
    outcomes = _outcomes(required_part(x, k.shape, mode, boundary, outside), k)
    return Sample(*outcomes.sample(count, rng), count)


def _outcomes(part: _Array, kernel: _Array) -> Outcomes:
    """Return the outcomes of a kernel: each position with its shifted image."""
    total = float(np.abs(kernel).sum())
    seen = list(shifted_images(part, kernel.shape))
    entries = np.array([kernel[position] for position, _ in seen])
    return Outcomes.of("kernel", entries, [view for _, view in seen], total=total)


def _draw(outcomes: Outcomes, shots: int, rng: np.random.RandomState) -> tuple[_Array, _Array]:
    """Draw positions for every pixel.

    A multinomial draw is a sequence of binomial draws. Each determines how many of the remaining
    shots select the current position and not a later one. Only two integers per pixel are therefore
    kept in memory.

    Returns:
        Mean value per pixel, and number of draws of each position over all pixels.
    """
    p = outcomes.probabilities
    conditional = np.minimum(p / np.cumsum(p[::-1])[::-1], 1.0)
    left = np.full(outcomes.values[0].shape, shots)
    total = np.zeros(left.shape)
    drawn = np.zeros(p.size)
    for position, chance in enumerate(conditional):
        counts = rng.binomial(left, chance)
        left -= counts
        total += counts * outcomes.deviation(position)
        drawn[position] = counts.sum(dtype=np.float64)
    return outcomes.centre() + total / shots, drawn


def _one_shot_variance(outcomes: Outcomes, drawn: _Array) -> _Array:
    """Estimate the variance of one draw at every pixel from the draws of all pixels.

    Values are taken relative to the most probable position, so equal values give exactly 0.
    """
    total = drawn.sum()
    mean = np.zeros(outcomes.values[0].shape)
    square = np.zeros(mean.shape)
    if total == 1 and drawn.size > 1:
        return np.full(mean.shape, np.nan)
    for position, frequency in enumerate(drawn / total):
        deviation = outcomes.deviation(position)
        mean += frequency * deviation
        square += frequency * deviation**2
    correction = total / (total - 1) if total > 1 else 1.0
    return correction * np.maximum(square - mean**2, 0.0)
