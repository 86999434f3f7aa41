"""Hands: the shots of every pixel, drawn from a law or dealt out of a histogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.execution.dealing import Each, Piece, deal, portions, shots_in, shots_of
from qconv.execution.readout import Unfolding
from qconv.execution.sampling import Inverse, multinomial_each
from qconv.execution.seeds import DEALS, TILES, derived, random_state
from qconv.grid import Tile, split_tile, tile_pixels

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Most counts that one thread deals out at once, and most counts or draws that it draws at once:
#: few enough for a processor's cache.
_DEALT, _DRAWN = 2**20, 2**16


@dataclass(frozen=True, eq=False)
class Hand:
    """The shots of some pixels, counted by outcome or one by one, whichever is less work."""

    counts: _Counts | _Array | None = None
    """How often each pixel got each outcome, ``(pixels, outcomes)``; corrected counts are no whole
    numbers."""
    picks: NDArray[np.intp] | None = None
    """Which outcome each shot was, ``(pixels, shots)``."""


#: From a tile's place in the list: its pieces in C order, each with the shots of its pixels.
Hands = Callable[[int], Iterator[tuple[Tile, Hand]]]


def drawn_hands(
    p: _Array,
    tiles: Sequence[Tile],
    numbers: Sequence[int],
    shots: Each,
    seed: np.random.SeedSequence,
) -> Hands:
    """Shots drawn from a law.

    Counts of each outcome where a pixel has at least as many shots as there are outcomes, one draw
    a shot where it has fewer: the same law, whichever is less work.
    """
    law = Inverse(p)

    def of_different_sizes(number: int) -> Iterator[tuple[Tile, Hand]]:
        rng = random_state(derived(seed, TILES, numbers[number]))
        for piece in split_tile(tiles[number], max(1, _DRAWN // len(p))):
            each = shots_in(shots, piece)
            if each.sum() < len(each) * len(p):
                cells = np.repeat(np.arange(len(each)) * len(p), each)
                cells += law.outcomes(rng.random_sample(len(cells)))
                counts = np.bincount(cells, minlength=len(each) * len(p))
                yield piece, Hand(counts=counts.reshape(len(each), len(p)))
            else:
                yield piece, Hand(counts=multinomial_each(rng, each, p))

    if isinstance(shots, np.ndarray):
        return of_different_sizes

    def hands(number: int) -> Iterator[tuple[Tile, Hand]]:
        rng = random_state(derived(seed, TILES, numbers[number]))
        for piece in split_tile(tiles[number], _DRAWN // min(shots, len(p))):
            pixels = tile_pixels(piece)
            if shots < len(p):
                yield piece, Hand(picks=law.outcomes(rng.random_sample((pixels, shots))))
            else:
                yield piece, Hand(counts=rng.multinomial(shots, p, size=pixels))

    return hands


def unfolded_hands(hands: Hands, unfolding: Unfolding, mass: float) -> Hands:
    """Shots corrected for readout errors, each pixel's counts by those of one shot on average."""
    each = np.ascontiguousarray(unfolding.matrix.T / mass)

    def corrected(number: int) -> Iterator[tuple[Tile, Hand]]:
        for piece, hand in hands(number):
            if hand.counts is not None:
                yield piece, Hand(counts=hand.counts @ each)
            elif hand.picks is not None:
                total = np.zeros((len(hand.picks), each.shape[1]))
                for shot in hand.picks.T:
                    total += each[shot]
                yield piece, Hand(counts=total)

    return corrected


def dealt_hands(
    counts: tuple[_Counts, ...],
    tiles: Sequence[Tile],
    shots: Each,
    seed: np.random.SeedSequence,
) -> Hands:
    """Counted shots, dealt out to the tiles now, and from each tile to its pixels on demand."""
    of_tile: list[list[tuple[Piece, _Counts]]] = [[] for _ in tiles]
    for job, (histogram, pieces) in enumerate(zip(counts, portions(tiles, shots), strict=True)):
        rng = np.random.default_rng(derived(seed, DEALS, job))
        wanted = [shots_of(shots, piece.tile) for piece in pieces]
        for piece, hand in zip(pieces, deal(histogram, wanted, rng), strict=True):
            of_tile[piece.number].append((piece, hand))
    room = max(1, _DEALT // len(counts[0]))

    def hands(number: int) -> Iterator[tuple[Tile, Hand]]:
        rng = np.random.default_rng(derived(seed, TILES, number))
        for piece, hand in of_tile[number]:
            parts = list(split_tile(piece.tile, room))
            sizes = [shots_of(shots, part) for part in parts]
            for part, share in zip(parts, deal(hand, sizes, rng), strict=True):
                yield part, Hand(counts=deal(share, shots_in(shots, part), rng))

    return hands
