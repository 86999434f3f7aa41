"""Linear observables by `Collapse`: every shot samples one pixel and one kernel position.

Let ``w`` be the weights of the pixels. A pixel ``x`` is drawn with probability ``|w(x)| / W``,
``W = sum |w|``, by a classical computer; the circuit gives the kernel position ``j``. The sample is
``W sign(w(x)) s_j(x)``, see `qconv.methods.collapse.windows`. The baseline is known without shots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import TILES, derived, random_state
from qconv.grid import Grid, Tile
from qconv.methods.collapse.windows import Windows

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampledPixels:
    """Weighted sum of the pixels of a convolution, by samples of pixels and positions."""

    program: Program
    """Program of the kernel's circuit, for exact probabilities."""
    weights: _Array
    """Weight of every output pixel."""
    windows: Windows
    """Samples of every position at every pixel."""
    outcomes: NDArray[np.int64]
    """Outcome of the circuit for each position."""
    grid: Grid
    """Geometry of the convolution."""

    @property
    def _whole(self) -> Tile:
        return tuple(slice(0, length) for length in self.grid.output_shape)

    @cached_property
    def _known(self) -> float:
        """Weighted sum of the baseline."""
        return float((self.weights * self.windows.baseline(self._whole)).sum())

    @cached_property
    def _moments(self) -> tuple[_Array, _Array]:
        """Mean and mean square of the samples of each position, over the drawn pixels."""
        size = float(np.abs(self.weights).sum())
        means, squares = [], []
        for j in range(len(self.outcomes)):
            sample = self.windows.sample(self._whole, j)
            means.append(float((self.weights * sample).sum()))
            squares.append(size * float((np.abs(self.weights) * sample**2).sum()))
        return np.array(means), np.array(squares)

    @property
    def expected_value(self) -> float:
        """Exact value."""
        return float(self.windows.probabilities @ self._moments[0]) + self._known

    @property
    def deviation(self) -> float:
        """Standard deviation of one sample."""
        means, squares = (self.windows.probabilities @ part for part in self._moments)
        return math.sqrt(max(float(squares - means**2), 0.0))

    def jointly(
        self, numbers: Sequence[SampledPixels], outcomes: Outcomes
    ) -> tuple[_Array, _Array]:
        """Draw one pixel for each shot and each number, and average the samples.

        The pixels of different numbers are drawn independently, so that only the positions
        correlate their errors. If readout errors are corrected, a shot counts for every position,
        with the weights of the correction.
        """
        counts, mix, of_positions, expected = self._read(outcomes)
        total = float(counts.sum())
        means = np.array([number._moments[0] for number in numbers])
        known = np.array([number._known for number in numbers])
        if outcomes.exact:
            return means @ (mix @ counts) / total + known, np.zeros((len(numbers),) * 2)
        covariance = means @ of_positions @ means.T
        values = []
        for place, number in enumerate(numbers):
            rng = random_state(derived(outcomes.program.seed, TILES, *([place] if place else [])))
            covariance[place, place] += number._spread(mix) @ expected / total
            drawn = (number._drawn(mix[:, r], int(n), rng) for r, n in enumerate(counts) if n)
            values.append(sum(drawn) / total)
        np.fill_diagonal(covariance, np.maximum(np.diag(covariance), 0.0))
        return np.array(values) + known, covariance

    def _read(self, outcomes: Outcomes) -> tuple[_Array, _Array, _Array, _Array]:
        """Return counts, and how they count for the positions.

        Returns:
            Counts of the outcomes that are used; weight of each of them for each position, shape
            ``(positions, outcomes)``; covariance of the positions' estimated frequencies; and
            expected probabilities of the outcomes that are used.
        """
        counts, own = outcomes.raw(outcomes.program.seed), self.windows.probabilities
        chosen = outcomes.among(self.outcomes)
        p, factor = chosen.spread(own)
        unfolding = chosen.unfolding
        if unfolding is None:
            counts = counts[self.outcomes]
            covariance = (np.diag(p) - np.outer(p, p)) * factor / counts.sum()
            return counts, np.eye(len(counts)), covariance, p
        mix = unfolding.matrix / unfolding.mass(counts / counts.sum())
        sampling, calibration = unfolding.covariance(p, 1, 1.0)
        return counts, mix, sampling * factor / counts.sum() + calibration, p

    def _mixed(self, weights: _Array) -> _Array:
        """Return the sum of the samples of all positions at every pixel, with given weights."""
        parts = (
            weights[j] * self.windows.sample(self._whole, int(j)) for j in weights.nonzero()[0]
        )
        return np.asarray(sum(parts, np.zeros(self.weights.shape)))

    def _spread(self, mix: _Array) -> _Array:
        """Return the variance over drawn pixels of a shot of each outcome."""
        size, found = float(np.abs(self.weights).sum()), []
        for weights in mix.T:
            sample = self._mixed(weights)
            square = size * float((np.abs(self.weights) * sample**2).sum())
            found.append(max(square - float((self.weights * sample).sum()) ** 2, 0.0))
        return np.array(found)

    def _drawn(self, weights: _Array, count: int, rng: np.random.RandomState) -> float:
        """Return the sum over ``count`` drawn pixels of samples with given weights."""
        values = self._mixed(weights).ravel() * np.sign(self.weights.ravel())
        size = np.abs(self.weights).ravel()
        upto = np.cumsum(size)
        if count < size.size:
            picks = np.searchsorted(upto, rng.random_sample(count) * upto[-1], side="right")
            return float(upto[-1] * values[picks].sum())
        return float(upto[-1] * (rng.multinomial(count, size / upto[-1]) @ values))

    @property
    def expected_angle(self) -> float:
        """Angle of amplitude estimation, which this number does not have."""
        raise ValueError(_NO_AMPLITUDE)

    def of_angle(self, angles: _Array) -> _Array:
        """Raise, because pixels are drawn outside the circuit."""
        raise ValueError(_NO_AMPLITUDE)

    @property
    def successes(self) -> NDArray[np.bool_]:
        """Successful outcomes, which this number does not have."""
        raise ValueError(_NO_AMPLITUDE)

    def amplified(self, power: int) -> Program:
        """Raise, because pixels are drawn outside the circuit."""
        raise ValueError(_NO_AMPLITUDE)


_NO_AMPLITUDE = (
    "estimator: expected 'sampling' for Collapse, whose circuit does not hold the image; use "
    "qconv.Diffusion() for amplitude estimation"
)
