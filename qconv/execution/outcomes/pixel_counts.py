"""Pixel counts: the shots of every pixel, drawn from probabilities or split from a histogram.

Shots of one circuit are independent and identically distributed. Splitting a histogram at random
among pixels gives exactly the same distribution as recording every shot's outcome, at a small
fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.readout import Unfolding
from qconv.execution.seeds import DEALS, TILES, derived, random_state
from qconv.execution.simulate.draws import Inverse, multinomial_each
from qconv.grid import Tile, split_tile, tile_pixels

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Maximum number of counts that one thread splits at once; maximum number of counts or shots that
#: it draws at once. They fit in a processor's cache.
_SPLIT, _DRAWN = 2**20, 2**16


@dataclass(frozen=True, eq=False)
class CountsOfPixels:
    """Shots of some pixels, as counts or as single outcomes, whichever takes less time."""

    counts: _Counts | _Array | None = None
    """Counts of each outcome, shape ``(pixels, outcomes)``. Corrected counts are not integers. None
    if ``picks`` are given."""
    picks: NDArray[np.intp] | None = None
    """Outcome of each shot, shape ``(pixels, shots)``; None if ``counts`` are given."""


#: Function of a tile's index that yields its pieces in C order, with the shots of their pixels.
PixelCounts = Callable[[int], Iterator[tuple[Tile, CountsOfPixels]]]

#: Limit of the population; NumPy's hypergeometric generator raises an error above this limit.
SPLIT_LIMIT = 1_000_000_000

#: Shots of each pixel: one number for all, or an array of the output's shape.
Each: TypeAlias = int | NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A tile, or a part of a tile that needs more shots than can be split at once."""

    number: int
    """Index of the tile."""
    tile: Tile
    """Slices of the part."""


def drawn_counts(
    p: _Array,
    tiles: Sequence[Tile],
    numbers: Sequence[int],
    shots: Each,
    seed: np.random.SeedSequence,
) -> PixelCounts:
    """Draw the shots of every pixel from probabilities.

    A pixel with fewer shots than outcomes gets one draw per shot, otherwise one draw per outcome.
    Both kinds of draws have the same distribution.
    """
    inverse = Inverse(p)

    def of_different_sizes(number: int) -> Iterator[tuple[Tile, CountsOfPixels]]:
        rng = random_state(derived(seed, TILES, numbers[number]))
        for piece in split_tile(tiles[number], max(1, _DRAWN // len(p))):
            each = shots_in(shots, piece)
            if each.sum() < len(each) * len(p):
                cells = np.repeat(np.arange(len(each)) * len(p), each)
                cells += inverse.outcomes(rng.random_sample(len(cells)))
                counts = np.bincount(cells, minlength=len(each) * len(p))
                yield piece, CountsOfPixels(counts=counts.reshape(len(each), len(p)))
            else:
                yield piece, CountsOfPixels(counts=multinomial_each(rng, each, p))

    if isinstance(shots, np.ndarray):
        return of_different_sizes

    def pixel_counts(number: int) -> Iterator[tuple[Tile, CountsOfPixels]]:
        rng = random_state(derived(seed, TILES, numbers[number]))
        for piece in split_tile(tiles[number], _DRAWN // min(shots, len(p))):
            pixels = tile_pixels(piece)
            if shots < len(p):
                picks = inverse.outcomes(rng.random_sample((pixels, shots)))
                yield piece, CountsOfPixels(picks=picks)
            else:
                yield piece, CountsOfPixels(counts=rng.multinomial(shots, p, size=pixels))

    return pixel_counts


def corrected_counts(pixel_counts: PixelCounts, unfolding: Unfolding, mass: float) -> PixelCounts:
    """Correct the shots of every pixel for readout errors.

    ``mass`` is the corrected probability of all selected outcomes.
    """
    each = np.ascontiguousarray(unfolding.matrix.T / mass)

    def corrected(number: int) -> Iterator[tuple[Tile, CountsOfPixels]]:
        for piece, counted in pixel_counts(number):
            if counted.counts is not None:
                yield piece, CountsOfPixels(counts=counted.counts @ each)
            elif counted.picks is not None:
                total = np.zeros((len(counted.picks), each.shape[1]))
                for shot in counted.picks.T:
                    total += each[shot]
                yield piece, CountsOfPixels(counts=total)

    return corrected


def split_counts(
    counts: tuple[_Counts, ...],
    tiles: Sequence[Tile],
    shots: Each,
    seed: np.random.SeedSequence,
) -> PixelCounts:
    """Split counted shots among the tiles now, and from each tile among its pixels on demand."""
    of_tile: list[list[tuple[Piece, _Counts]]] = [[] for _ in tiles]
    for job, (histogram, pieces) in enumerate(zip(counts, portions(tiles, shots), strict=True)):
        rng = np.random.default_rng(derived(seed, DEALS, job))
        wanted = [shots_of(shots, piece.tile) for piece in pieces]
        for piece, counted in zip(pieces, split_histogram(histogram, wanted, rng), strict=True):
            of_tile[piece.number].append((piece, counted))
    room = max(1, _SPLIT // len(counts[0]))

    def pixel_counts(number: int) -> Iterator[tuple[Tile, CountsOfPixels]]:
        rng = np.random.default_rng(derived(seed, TILES, number))
        for piece, counted in of_tile[number]:
            parts = list(split_tile(piece.tile, room))
            sizes = [shots_of(shots, part) for part in parts]
            for part, share in zip(parts, split_histogram(counted, sizes, rng), strict=True):
                split = split_histogram(share, shots_in(shots, part), rng)
                yield part, CountsOfPixels(counts=split)

    return pixel_counts


def shots_in(each: Each, tile: Tile) -> NDArray[np.int64]:
    """Return the shots of every pixel of a tile, in C order."""
    if isinstance(each, np.ndarray):
        return each[tile].ravel()
    return np.full(tile_pixels(tile), each, dtype=np.int64)


def shots_of(each: Each, tile: Tile) -> int:
    """Return the total number of shots of a tile's pixels."""
    return int(each[tile].sum()) if isinstance(each, np.ndarray) else each * tile_pixels(tile)


def portions(tiles: Sequence[Tile], each: Each) -> list[list[Piece]]:
    """Assign pieces of the tiles to the smallest possible number of histograms.

    Returns:
        Pieces of each histogram.
    """
    most = max(int(np.max(each)), 1)
    room = max(1, (SPLIT_LIMIT - 1) // most)  # minimum number of pixels per histogram
    pieces = [Piece(n, part) for n, tile in enumerate(tiles) for part in split_tile(tile, room)]
    together: list[list[Piece]] = []
    left = -1
    for piece in pieces:
        size = shots_of(each, piece.tile)
        if size > left:
            together.append([])
            left = max(room * most, size)
        together[-1].append(piece)
        left -= size
    return together


def split_histogram(
    histogram: NDArray[np.int64], sizes: Sequence[int] | NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Split a histogram of shots at random into groups of given sizes.

    The groups are halved recursively. At each level the first half gets a multivariate
    hypergeometric share. The result has the same distribution as shuffling the shots and cutting
    them into groups. The order of the halving does not affect it.

    Args:
        histogram: Counts, shape ``(outcomes,)``, sum below 1e9.
        sizes: Shots of each group, shape ``(groups,)``, same sum.
        rng: Random generator.

    Returns:
        Counts of each group, shape ``(groups, outcomes)``.
    """
    groups = len(sizes)
    levels = max(groups - 1, 0).bit_length()
    leaves = np.zeros(2**levels, dtype=np.int64)
    leaves[:groups] = sizes
    if leaves.sum() != histogram.sum():
        raise ValueError(f"sizes: expected a sum of {histogram.sum()}, got {leaves.sum()}")
    parts = histogram[np.newaxis, :]
    for level in range(levels):
        left_sizes = leaves.reshape(2 ** (level + 1), -1).sum(axis=1)[::2]
        left = _hypergeometric(parts, left_sizes, rng)
        parts = np.stack([left, parts - left], axis=1).reshape(-1, histogram.size)
    return parts[:groups]


def _hypergeometric(
    parts: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``sizes[g]`` of the shots of every part ``parts[g]``, outcome by outcome."""
    drawn = np.zeros_like(parts)
    rest, wanted = parts.sum(axis=1), sizes.copy()
    for outcome in range(parts.shape[1] - 1):
        here = parts[:, outcome]
        rest = rest - here
        drawn[:, outcome] = rng.hypergeometric(here, rest, wanted)
        wanted -= drawn[:, outcome]
    drawn[:, -1] = wanted
    return drawn
