"""Windows: what each kernel position shows each output pixel, and weighted sums over it.

The sample that position ``j`` gives pixel ``x`` is ``s_j(x) = w_j (I_j(x) - b_j(x))``, where
``I_j`` is the image seen from ``x`` through position ``j`` and ``b_j`` is 0, or with a baseline the
pixel under the kernel's centre, in the channel of ``j`` where there are channels. Sums run over
deviations from the first position's sample, so that where a window is flat the estimate is exact
and its variance exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Grid, Tile
from qconv.propagator import Propagator

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Positions:
    """The kernel positions that can be sampled, the likeliest first."""

    indices: list[tuple[int, ...]]
    """Of each."""
    probabilities: _Array
    """Of each, sum 1."""
    weights: _Array
    """Of each."""

    @classmethod
    def of(cls, propagator: Propagator) -> Positions:
        """Those of a propagator."""
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
        """A bound on the magnitude of a sample of pixels up to some magnitude, other than 0."""
        return 2 * float(np.abs(self.weights).max()) * brightest or 1.0


class Windows:
    """The samples of a propagator on a padded image.

    Args:
        grid: Geometry of the convolution.
        padded: The image with its margins, contiguous, shape ``grid.padded_shape``.
        positions: That are sampled.
        baseline: Effective kernel, if every sample is a difference from the pixel under the
            centre, whose weight is then ``sum_j k_j``; None if not.
    """

    def __init__(
        self, grid: Grid, padded: _Array, positions: Positions, baseline: _Array | None
    ) -> None:
        self._grid = grid
        self._padded = padded
        self._known = {} if baseline is None else grid.by_centre(baseline)
        self._positions = positions
        self.positions = positions.indices
        self.probabilities, self.weights = positions.probabilities, positions.weights

    def average(self, tile: Tile, frequencies: _Array) -> _Array:
        """``sum_j q_j s_j(x)``, plus what the baseline knows, for every pixel of a tile.

        Args:
            tile: Where.
            frequencies: ``q_j``, sum 1: ``(positions,)``, or ``(positions, pixels)`` where every
                pixel has its own.

        Returns:
            Array of the tile's shape.
        """
        first = self._first(tile)
        total = np.zeros_like(first)
        each = frequencies.reshape(len(self.positions), *_shape_or_ones(frequencies, first))
        for j, deviation in self._deviations(tile, first):
            deviation *= each[j]
            total += deviation
        total += first
        return self._with_baseline(tile, total)

    def deviation(self, tile: Tile, frequencies: _Array) -> _Array:
        """Standard deviation of one sample, for every pixel of a tile.

        The root of ``sum_j q_j s_j**2 - (sum_j q_j s_j)**2``, for frequencies ``(positions,)`` of
        sum 1.
        """
        first = self._first(tile)
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
        """Standard deviation of ``sum_j q_j s_j(x)``, for every pixel of a tile.

        Args:
            tile: Where.
            covariance: Of the frequencies ``q``, ``(positions, positions)``; their sum is 1.

        Returns:
            Array of the tile's shape.
        """
        first = self._first(tile)
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
        """What to divide each pixel's deviations by, where squares could over- or underflow."""
        seen = self._padded[self._grid.reads(tile)]
        largest = self._positions.largest_sample(max(float(seen.max()), -float(seen.min())))
        if 1e-140 < largest < 1e150:
            return None
        unit = np.zeros_like(first)
        for _, deviation in self._deviations(tile, first):
            np.maximum(unit, np.abs(deviation), out=unit)
        unit[unit == 0] = 1.0
        return unit

    def average_of_draws(self, tile: Tile, draws: NDArray[np.intp]) -> _Array:
        """Mean of the samples that ``draws`` picked, for every pixel of a tile.

        Args:
            tile: Where.
            draws: Index into ``positions`` of every shot, ``(pixels, shots)``, pixels in C order.

        Returns:
            Array of the tile's shape.
        """
        corner = np.broadcast_arrays(*self._grid.corner(tile))
        origin = np.ravel_multi_index(corner, self._padded.shape).reshape(-1, 1)
        seen = self._seen(origin, self.positions, draws)
        first = self._first(tile)
        if self._known:
            seen -= self._seen(origin, list(map(self._grid.centre, self.positions)), draws)
        deviations = self.weights[draws] * seen - first.reshape(-1, 1)
        return self._with_baseline(tile, first + deviations.mean(axis=1).reshape(first.shape))

    def _seen(
        self, origin: NDArray[np.intp], positions: list[tuple[int, ...]], draws: NDArray[np.intp]
    ) -> _Array:
        """What the position of every draw sees, ``(pixels, shots)``."""
        shifts = np.transpose(list(map(self._grid.shift, positions)))
        offsets = np.ravel_multi_index(tuple(shifts), self._padded.shape)
        seen: _Array = self._padded.ravel()[origin + offsets[draws]]
        return seen

    def _view(self, position: tuple[int, ...], tile: Tile) -> _Array:
        return self._grid.view(self._padded, position, tile)

    def _sample(self, tile: Tile, j: int) -> _Array:
        seen = self._view(self.positions[j], tile)
        weight = float(self.weights[j])
        if not self._known:
            return seen * weight
        sample = seen - self._view(self._grid.centre(self.positions[j]), tile)
        sample *= weight
        return sample

    def _first(self, tile: Tile) -> _Array:
        return self._sample(tile, 0)

    def _deviations(self, tile: Tile, first: _Array) -> Iterator[tuple[int, _Array]]:
        """``s_j - s_0`` for every position but the first, as arrays that may be overwritten."""
        for j in range(1, len(self.positions)):
            deviation = self._sample(tile, j)
            deviation -= first
            yield j, deviation

    def _with_baseline(self, tile: Tile, sampled: _Array) -> _Array:
        for centre, weight in self._known.items():
            sampled += weight * self._view(centre, tile)
        return sampled


def _shape_or_ones(frequencies: _Array, like: _Array) -> tuple[int, ...]:
    return like.shape if frequencies.ndim > 1 else (1,) * like.ndim
