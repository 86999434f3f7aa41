"""Stochastic convolution from a classical random generator: the control experiment.

Every output pixel is the mean of random positions of the kernel, drawn with the probabilities that
a quantum circuit would have. A result of a circuit must have exactly this law.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import Seed, generator, image_and_kernel, numpy_defaults, whole_number
from classical.convolution import required_part, shifted_images

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """What a stochastic convolution found.

    Example:
        >>> import classical
        >>> sample = classical.stochastic_convolve([0, 10, 20], [1, 2, 1], shots=100, seed=7)
        >>> type(sample).__name__, sample.image.shape, sample.shots
        ('Sample', (5,), 100)
    """

    image: _Array
    """Mean of the draws, per pixel, in the unit of image times kernel."""
    stderr: _Array
    """Standard error of that mean, same shape and unit; NaN where one draw is all there is."""
    shots: int
    """Draws per pixel."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The values that one shot can give: for every position, its probability and its image."""

    probabilities: _Array
    values: list[_Array]
    """Per position: the image as it sees it (a view), before the weight."""
    weights: list[float]
    baselines: list[_Array] | None = None
    """Per position: what is subtracted from its image before the weight (a view); None: nothing."""

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
        """Positions that are drawn with probability ``|entry| / total``, and pay ``+-total``.

        Those whose probability is 0 (or too small for a float64) are left out.

        Args:
            name: What the caller calls the entries.
            entries: Number of the kernel per position, at least one of them not 0.
            values: The image as each position sees it.
            total: Sum of the magnitudes of the entries.
            baselines: What is subtracted from each of these images; None: nothing.

        Returns:
            The outcomes, in the same order.

        Raises:
            ValueError: The sum is infinite.
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
        """Draw for every pixel: the mean, and its standard error from all pixels' draws."""
        mean, drawn = _draw(self, shots, rng)
        return mean, np.sqrt(_one_shot_variance(self, drawn) / shots)

    def value(self, position: int) -> _Array:
        """What a shot on a position gives, per pixel."""
        image = self.values[position]
        if self.baselines is not None:
            image = image - self.baselines[position]
        return self.weights[position] * image

    def deviation(self, position: int) -> _Array:
        """Value of a position minus that of the most probable one, per pixel."""
        return self.value(position) - self.centre()

    def centre(self) -> _Array:
        """Value of the most probable position, per pixel."""
        return self.value(int(np.argmax(self.probabilities)))


@numpy_defaults
def stochastic_convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shots: int = 1024,
    seed: Seed = None,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
) -> Sample:
    """Convolve by drawing random positions of the kernel.

    With ``S = sum |k|``, a draw is position ``J`` with probability ``|k_J| / S`` and has the value
    ``S * sign(k_J) * I_J``; its expectation is the convolution. Each output pixel is the mean of
    ``shots`` draws of its own.

    The standard error comes from the draws, as it would on a quantum computer: all pixels draw from
    one law, so the draws of all pixels together, as frequencies ``q_j``, estimate the variance of
    one draw at every pixel, ``sum q_j v_j^2 - (sum q_j v_j)^2`` (times ``n / (n - 1)`` for ``n``
    draws in all), with ``v_j`` the value that the pixel gets from position ``j``. A position that
    was never drawn is not in it: where ``n * |k_j| / S`` is below about 20, do not trust it.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with as many axes; zeros are allowed, all zeros are not.
        shots: Draws per output pixel, at least 1.
        seed: Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same result
            with every version of NumPy.
        mode: ``full``, ``same`` or ``valid``, as in `classical.convolve`.
        boundary: ``fill``, ``wrap`` or ``symm``, as in `classical.convolve`.
        fillvalue: Value outside of the image for ``fill``, in the unit of the image.

    Returns:
        Image, standard error and shots. The standard error is exactly 0 where all positions give
        the same value, and NaN everywhere if a random draw was made only once in all.

    Raises:
        TypeError: An argument is complex or has the wrong type.
        ValueError: An argument is out of range, empty or not finite; the kernel is all zeros, or
            its magnitudes add up to infinity.

    Example:
        >>> import classical
        >>> sample = classical.stochastic_convolve([0, 10, 20], [1, 2, 1], shots=10_000, seed=7)
        >>> sample.image.round(1)
        array([ 0. ,  9.8, 39.7, 50.5, 20.2])
        >>> sample.stderr.round(1)
        array([0. , 0.2, 0.3, 0.3, 0.3])
    """
    count = whole_number("shots", shots, 1)
    rng = generator(seed)
    x, k = image_and_kernel(image, kernel)
    if not k.any():
        raise ValueError(f"kernel: expected a non-zero entry, got all zeros (shape {k.shape})")
    outcomes = _outcomes(required_part(x, k.shape, mode, boundary, fillvalue), k)
    return Sample(*outcomes.sample(count, rng), count)


def _outcomes(part: _Array, kernel: _Array) -> Outcomes:
    """Positions of the kernel, each with the image that it sees."""
    total = float(np.abs(kernel).sum())
    seen = list(shifted_images(part, kernel.shape))
    entries = np.array([kernel[position] for position, _ in seen])
    return Outcomes.of("kernel", entries, [view for _, view in seen], total=total)


def _draw(outcomes: Outcomes, shots: int, rng: np.random.RandomState) -> tuple[_Array, _Array]:
    """Draw positions for every pixel.

    A multinomial draw is a chain of binomial ones: how many of the shots that are left fall on this
    position rather than on a later one. So two integers a pixel are all that is held at once.

    Returns:
        The mean value per pixel, and how often each position was drawn over all pixels.
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
    """Variance of one draw at every pixel, from all pixels' draws together.

    Taken around the value of the most probable position, so that equal values give exactly 0.
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
