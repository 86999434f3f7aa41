"""Pixel counts: the shots of every pixel, drawn from probabilities or split from a histogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.readout import Unfolding
from qconv.execution.outcomes.split import (
    Each,
    Piece,
    portions,
    shots_in,
    shots_of,
    split_histogram,
)
from qconv.execution.seeds import DEALS, TILES, derived, random_state
from qconv.execution.simulate.draws import Inverse, multinomial_each
from qconv.grid import Tile, split_tile, tile_pixels

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Maximum numbers of counts that one thread splits at once, and of counts or shots that it draws at
#: once: few enough for a processor's cache.
_SPLIT, _DRAWN = 2**20, 2**16


@dataclass(frozen=True, eq=False)
class CountsOfPixels:
    """The shots of some pixels, counted by outcome or one by one, whichever is less work."""

    counts: _Counts | _Array | None = None
    """How often each pixel got each outcome, ``(pixels, outcomes)``; corrected counts are no whole
    numbers."""
    picks: NDArray[np.intp] | None = None
    """Which outcome each shot was, ``(pixels, shots)``."""


#: From a tile's place in the list: its pieces in C order, each with the shots of its pixels.
PixelCounts = Callable[[int], Iterator[tuple[Tile, CountsOfPixels]]]


def drawn_counts(
    p: _Array,
    tiles: Sequence[Tile],
    numbers: Sequence[int],
    shots: Each,
    seed: np.random.SeedSequence,
) -> PixelCounts:
    """Draw the shots of every pixel from probabilities.

    Counts of each outcome where a pixel has at least as many shots as there are outcomes, one draw
    per shot where it has fewer: the same distribution, whichever is less work.
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
                yield (
                    piece,
                    CountsOfPixels(picks=inverse.outcomes(rng.random_sample((pixels, shots)))),
                )
            else:
                yield piece, CountsOfPixels(counts=rng.multinomial(shots, p, size=pixels))

    return pixel_counts


def corrected_counts(pixel_counts: PixelCounts, unfolding: Unfolding, mass: float) -> PixelCounts:
    """Shots corrected for readout errors, each pixel's counts by those of one shot on average."""
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
    """Counted shots, dealt out to the tiles now, and from each tile to its pixels on demand."""
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
                yield (
                    part,
                    CountsOfPixels(counts=split_histogram(share, shots_in(shots, part), rng)),
                )

    return pixel_counts
