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
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from qconv._checks import Numbers, largest_magnitude
from qconv.grid import Grid, Tile
from qconv.propagator import Propagator

_Array = NDArray[np.float64]

#: Number of positions above which variances are computed by Fourier transforms.
_MANY = 1000

#: Rounding error of these variances, relative to the square of the largest sample.
_ROUNDING = 2.0**-50


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
        real = self._part is None and np.isrealobj(self._padded) and np.isrealobj(self.weights)
        simple = real and len(self._known) < 2 and set(self._grid.strides) == {1}
        if len(self.positions) > _MANY and simple:
            return self._deviation_by_fft(tile, frequencies)
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

    def _deviation_by_fft(self, tile: Tile, frequencies: _Array) -> _Array:
        """Return the same as `deviation`, except for rounding errors, for one channel.

        The errors are relative to the largest sample of the tile. The result is never smaller,
        except where all pixels of a window are equal; it is then 0.
        """
        region = self._padded[self._grid.reads(tile)]
        middle = 0.5 * (float(region.min()) + float(region.max()))
        seen = region - middle
        brightest, heaviest = float(np.abs(seen).max()), float(np.abs(self.weights).max())
        if brightest == 0 and self._known:
            return np.zeros(tuple(part.stop - part.start for part in tile))
        offset: float | _Array = middle
        if self._known:
            offset = middle - self._view(self._grid.centre(self.positions[0]), tile)
        unit = max(brightest, float(np.abs(offset).max())) or 1.0
        seen, offset, weights = seen / unit, offset / unit, self.weights / heaviest
        once, twice = frequencies * weights, frequencies * weights**2
        sums = self._sums(tile, (seen, once), (seen, twice), (seen * seen, twice))
        mean = sums[0] + offset * once.sum()
        square = sums[2] + 2 * offset * sums[1] + offset * offset * twice.sum()
        variance = np.maximum(square - mean * mean, _ROUNDING)
        if self._known or len(set(self.weights)) == 1:
            variance[self._constant(region, tile)] = 0.0
        return np.asarray(np.sqrt(variance) * (unit * heaviest))

    def _sums(self, tile: Tile, *pairs: tuple[_Array, _Array]) -> list[_Array]:
        """Return ``sum_j a_j R(x + shift_j)`` for pairs of a region ``R`` and factors ``a``."""
        sides = pairs[0][0].shape
        size = tuple(fft.next_fast_len(side, real=True) for side in sides)
        inside = tuple(slice(0, part.stop - part.start) for part in tile)
        sums = []
        for region, factors in pairs:
            kernel = np.zeros(size)
            kernel[tuple(self._shifts.T)] = factors
            product = fft.rfftn(region, size) * fft.rfftn(kernel).conj()
            sums.append(fft.irfftn(product, size)[inside])
        return sums

    def _constant(self, region: _Array, tile: Tile) -> NDArray[np.bool_]:
        """Return whether all padded pixels between the first and last position are equal."""
        sides = [
            side - (part.stop - part.start) + 1
            for side, part in zip(region.shape, tile, strict=True)
        ]
        inside = tuple(
            slice(side // 2, side // 2 + part.stop - part.start)
            for side, part in zip(sides, tile, strict=True)
        )
        low = ndimage.minimum_filter(region, sides)[inside]
        return np.asarray(low == ndimage.maximum_filter(region, sides)[inside])

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
        offsets, centres = self._offsets
        seen: Numbers = self._padded.ravel()[origin + offsets[draws]]
        first = self._sample(tile, 0)
        if self._known:
            seen -= self._padded.ravel()[origin + centres[draws]]
        deviations = self.weights[draws] * seen - first.reshape(-1, 1)
        return self._with_baseline(tile, first + deviations.mean(axis=1).reshape(first.shape))

    @cached_property
    def _shifts(self) -> NDArray[np.intp]:
        """Displacement of each position, shape ``(positions, axes)``."""
        return np.array(list(map(self._grid.shift, self.positions)), dtype=np.intp)

    @cached_property
    def _offsets(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Displacements of each position and of its centre in the flattened padded image."""
        centres = [self._grid.shift(self._grid.centre(place)) for place in self.positions]
        shape = self._padded.shape
        return (
            np.ravel_multi_index(tuple(self._shifts.T), shape),
            np.ravel_multi_index(tuple(np.transpose(centres)), shape),
        )

    def sample(self, tile: Tile, j: int) -> Numbers:
        """Return the sample of one position at every pixel of a tile."""
        return self._sample(tile, j)

    def baseline(self, tile: Tile) -> Numbers:
        """Return the part of the convolution that is known without sampling; 0 if there is none."""
        shape = tuple(part.stop - part.start for part in tile)
        kind = np.result_type(self._padded, self.weights)
        known = self._with_baseline(tile, np.zeros(shape, kind))
        return known if self._part is None else self._part(known)

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
