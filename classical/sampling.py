"""Stochastic convolution from a classical random generator: the control experiment.

Every output pixel is the mean of random positions of the kernel, drawn with the probabilities that
a quantum circuit would have. A result of a circuit must have exactly this law.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import Seed, generator, image_and_kernel, numpy_defaults, whole_number
from classical.convolution import required_part, shifted_images


@dataclass(frozen=True, eq=False)
class Sample:
    """What a stochastic convolution found."""

    image: NDArray[np.float64]
    """Mean of the draws, per pixel, in the unit of image times kernel."""
    stderr: NDArray[np.float64]
    """Standard error of that mean, same shape and unit; NaN where one draw is all there is."""
    shots: int
    """Draws per pixel."""


@dataclass(frozen=True, eq=False)
class _Outcomes:
    """The values that one shot can give: for every position, its probability and its image."""

    probabilities: NDArray[np.float64]
    values: list[NDArray[np.float64]]
    """Per position: the shifted image (a view), before the weight."""
    weights: list[float]

    def deviation(self, position: int) -> NDArray[np.float64]:
        """Value of a position minus that of the most probable one, per pixel."""
        return self.weights[position] * self.values[position] - self.centre()

    def centre(self) -> NDArray[np.float64]:
        """Value of the most probable position, per pixel."""
        most = int(np.argmax(self.probabilities))
        return self.weights[most] * self.values[most]


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
    `shots` draws of its own.

    The standard error comes from the draws, as it would on a quantum computer: all pixels draw from
    one law, so the draws of all pixels together, as frequencies ``q_j``, estimate the variance of
    one draw at every pixel, ``sum q_j v_j^2 - (sum q_j v_j)^2`` (times ``n / (n - 1)`` for ``n``
    draws in all), with ``v_j`` the value that the pixel gets from position ``j``. A position that
    was never drawn is not in it: where ``n * |k_j| / S`` is below about 20, do not trust it.

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with as many axes; zeros are allowed, all zeros are not.
        shots: Draws per output pixel, at least 1.
        seed: Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same result.
        mode: ``full``, ``same`` or ``valid``, as in `classical.convolve`.
        boundary: ``fill``, ``wrap`` or ``symm``, as in `classical.convolve`.
        fillvalue: Value outside of the image for ``fill``, in the unit of the image.

    Returns:
        Image, standard error and shots. The standard error is exactly 0 where all positions give
        the same value, and NaN everywhere if a random draw was made only once in all.

    Raises:
        TypeError: An argument is complex or has the wrong type.
        ValueError: An argument is out of range, empty or not finite; the kernel is all zeros.
    """
    count = whole_number("shots", shots, 1)
    rng = generator(seed)
    x, k = image_and_kernel(image, kernel)
    if not k.any():
        raise ValueError(f"kernel: expected a non-zero entry, got all zeros (shape {k.shape})")
    outcomes = _outcomes(required_part(x, k.shape, mode, boundary, fillvalue), k)
    mean, drawn = _draw(outcomes, count, rng)
    return Sample(mean, np.sqrt(_one_shot_variance(outcomes, drawn) / count), count)


def _outcomes(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> _Outcomes:
    """Positions of the kernel that can be drawn: those whose entry is not zero."""
    total = float(np.abs(kernel).sum())
    seen = [(kernel[j], view) for j, view in shifted_images(part, kernel.shape) if kernel[j]]
    entries = np.array([entry for entry, _ in seen])
    views = [view for _, view in seen]
    return _Outcomes(
        np.abs(entries) / total, views, [total if entry > 0 else -total for entry in entries]
    )


def _draw(
    outcomes: _Outcomes, shots: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def _one_shot_variance(outcomes: _Outcomes, drawn: NDArray[np.float64]) -> NDArray[np.float64]:
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
