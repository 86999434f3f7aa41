"""Windows: the sample of each kernel position at each output pixel, and weighted sums of samples.

The sample of position ``j`` at pixel ``x`` is ``s_j(x) = w_j (I_j(x) - b_j(x))``. Here ``I_j(x)``
is the image pixel that position ``j`` selects for ``x``. Without a baseline, ``b_j`` is 0. With a
baseline, ``b_j`` is the pixel under the kernel's centre, in the channel of ``j`` if there are
channels. Sums are taken over differences from the sample of the first position. The estimate is
therefore exact, with variance exactly 0, where all samples are equal.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, largest_magnitude
from qconv.grid import Grid, Tile
from qconv.propagator import Propagator

_Array = NDArray[np.float64]


def _sum_of_parts(numbers: Numbers) -> _Array:
    return np.asarray(numbers.real + numbers.imag)


#: Real parts, imaginary parts, and sums of both, of complex samples.
PARTS: tuple[Callable[[Numbers], _Array], ...] = (np.real, np.imag, _sum_of_parts)


@dataclass(frozen=True, eq=False)
class Positions:
    """Kernel positions of nonzero probability, in descending order of probability."""

    indices: list[tuple[int, ...]]
    """Index of each position in the kernel."""
    probabilities: _Array
    """Probability of each position, sum 1."""
    weights: Numbers
    """Weight of each position."""

    @classmethod
    def of(cls, propagator: Propagator) -> Positions:
        """Return the positions of a propagator."""
        p = propagator.probabilities
        order = np.argsort(-p, axis=None, kind="stable")
        flat = order[p.ravel()[order] > 0]
        places = np.transpose(np.unravel_index(flat, p.shape))
        return cls(
            [tuple(map(int, index)) for index in places],
            p.ravel()[flat],
            propagator.weights.ravel()[flat],
        )

    def largest_sample(self, brightest: float) -> float:
        """Return an upper bound, not 0, on samples of pixels of magnitude up to ``brightest``."""
        return 2 * float(np.abs(self.weights).max()) * brightest or 1.0


class Windows:
    """Samples of kernel positions on a padded image.

    Args:
        grid: Geometry of the convolution.
        padded: Contiguous image with its margins, shape ``grid.padded_shape``.
        positions: Positions that are sampled.
        baseline: Effective kernel ``k``, if samples are differences from the pixel under the
            centre, which then has the weight ``sum_j k_j``; None without a baseline.
    """

    def __init__(
        self, grid: Grid, padded: Numbers, positions: Positions, baseline: Numbers | None
    ) -> None:
        self._grid = grid
        self._padded = padded
        self._known = {} if baseline is None else grid.by_centre(baseline)
        self._positions = positions
        self.positions = positions.indices
        self.probabilities, self.weights = positions.probabilities, positions.weights
        self._part: Callable[[Numbers], _Array] | None = None

    def of_part(self, part: Callable[[Numbers], _Array]) -> Windows:
        """Return windows whose samples are one of `PARTS` of the complex samples."""
        windows = copy.copy(self)
        windows._part = part
        return windows

    def average(self, tile: Tile, frequencies: _Array) -> Numbers:
        """Return ``sum_j q_j s_j(x)`` plus the baseline, for every pixel of a tile.

        Args:
            tile: Tile of output pixels.
            frequencies: ``q_j``, sum 1, shape ``(positions,)``; or ``(positions, pixels)`` if
                pixels have frequencies of their own.
        """
        first = self._sample(tile, 0)
        total = np.zeros_like(first)
        like = first.shape if frequencies.ndim > 1 else (1,) * first.ndim
        each = frequencies.reshape(len(self.positions), *like)
        for j, deviation in self._deviations(tile, first):
            deviation *= each[j]
            total += deviation
        total += first
        return self._with_baseline(tile, total)

    def deviation(self, tile: Tile, frequencies: _Array) -> _Array:
        """Return the standard deviation of one sample, for every pixel of a tile.

        It is the square root of ``sum_j q_j s_j**2 - (sum_j q_j s_j)**2``, for frequencies ``q`` of
        shape ``(positions,)`` and sum 1.
        """
        first = self._sample(tile, 0)
        unit = self._unit(tile, first)
        mean = np.zeros_like(first)
        square = np.zeros_like(first)
        for j, deviation in self._deviations(tile, first):
            if unit is not None:
                deviation /= unit
            scaled = deviation * frequencies[j]
            mean += scaled
            deviation *= scaled
            square += deviation
        square -= mean * mean
        np.maximum(square, 0.0, out=square)
        np.sqrt(square, out=square)
        if unit is not None:
            square *= unit
        return square

    def spread(self, tile: Tile, covariance: _Array) -> _Array:
        """Return the standard deviation of ``sum_j q_j s_j(x)``, for every pixel of a tile.

        ``covariance`` is the covariance of the frequencies ``q``, whose sum is 1.
        """
        first = self._sample(tile, 0)
        unit = self._unit(tile, first)
        values, vectors = np.linalg.eigh(covariance[1:, 1:])
        factor = (vectors * np.sqrt(np.maximum(values, 0.0))).T
        deviations = np.empty((len(self.positions) - 1, first.size))
        for j, deviation in self._deviations(tile, first):
            deviations[j - 1] = (deviation if unit is None else deviation / unit).ravel()
        square = np.square(factor @ deviations).sum(axis=0).reshape(first.shape)
        spread = np.sqrt(square)
        return np.asarray(spread if unit is None else spread * unit)

    def _unit(self, tile: Tile, first: _Array) -> _Array | None:
        """Return a divisor of each pixel's deviations, so that squares neither over- nor underflow.

        None if no divisor is needed.
        """
        seen = self._padded[self._grid.reads(tile)]
        largest = self._positions.largest_sample(largest_magnitude(seen))
        if 1e-140 < largest < 1e150:
            return None
        unit = np.zeros_like(first)
        for _, deviation in self._deviations(tile, first):
            np.maximum(unit, np.abs(deviation), out=unit)
        unit[unit == 0] = 1.0
        return unit

    def average_of_draws(self, tile: Tile, draws: NDArray[np.intp]) -> Numbers:
        """Return the mean of the samples that were drawn, for every pixel of a tile.

        ``draws`` are indices into ``positions``, shape ``(pixels, shots)``, pixels in C order.
        """
        corner = np.broadcast_arrays(*self._grid.corner(tile))
        origin = np.ravel_multi_index(corner, self._padded.shape).reshape(-1, 1)
        seen = self._seen(origin, self.positions, draws)
        first = self._sample(tile, 0)
        if self._known:
            seen -= self._seen(origin, list(map(self._grid.centre, self.positions)), draws)
        deviations = self.weights[draws] * seen - first.reshape(-1, 1)
        return self._with_baseline(tile, first + deviations.mean(axis=1).reshape(first.shape))

    def _seen(
        self, origin: NDArray[np.intp], positions: list[tuple[int, ...]], draws: NDArray[np.intp]
    ) -> Numbers:
        """Return the padded pixel that each draw reads, shape ``(pixels, shots)``."""
        shifts = np.transpose(list(map(self._grid.shift, positions)))
        offsets = np.ravel_multi_index(tuple(shifts), self._padded.shape)
        seen: Numbers = self._padded.ravel()[origin + offsets[draws]]
        return seen

    def _view(self, position: tuple[int, ...], tile: Tile) -> Numbers:
        return self._grid.view(self._padded, position, tile)

    def _sample(self, tile: Tile, j: int) -> Numbers:
        seen, weight = self._view(self.positions[j], tile), self.weights[j].item()
        if not self._known:
            sample = seen * weight
        else:
            sample = seen - self._view(self._grid.centre(self.positions[j]), tile)
            sample = np.multiply(
                sample, weight, out=None if isinstance(weight, complex) else sample
            )
        return sample if self._part is None else self._part(sample)

    def _deviations(self, tile: Tile, first: Numbers) -> Iterator[tuple[int, Numbers]]:
        """Yield ``j`` and ``s_j - s_0`` for all positions except the first; arrays are copies."""
        for j in range(1, len(self.positions)):
            deviation = self._sample(tile, j)
            deviation -= first
            yield j, deviation

    def _with_baseline(self, tile: Tile, sampled: Numbers) -> Numbers:
        for centre, weight in self._known.items():
            sampled += weight * self._view(centre, tile)
        return sampled
