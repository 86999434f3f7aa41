"""Splitting: the shots of one histogram, split at random among many pixels.

Shots of one circuit are independent and identically distributed, so a histogram of them dealt out
at random has exactly the law of keeping every shot's own outcome, at a tiny part of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Tile, split_tile, tile_pixels

#: NumPy's hypergeometric generator takes populations below this.
SPLIT_LIMIT = 1_000_000_000


#: Shots of each pixel: one number for all, or an array of the output's shape.
Each: TypeAlias = int | NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A tile, or a part of one that needs more shots than can be dealt at once."""

    number: int
    """Of the tile."""
    tile: Tile
    """The part."""

    @property
    def pixels(self) -> int:
        """How many there are."""
        return tile_pixels(self.tile)


def shots_in(each: Each, tile: Tile) -> NDArray[np.int64]:
    """Shots of every pixel of a tile, in C order."""
    if isinstance(each, np.ndarray):
        return each[tile].ravel()
    return np.full(tile_pixels(tile), each, dtype=np.int64)


def shots_of(each: Each, tile: Tile) -> int:
    """Shots of all pixels of a tile together."""
    return int(each[tile].sum()) if isinstance(each, np.ndarray) else each * tile_pixels(tile)


def portions(tiles: Sequence[Tile], each: Each) -> list[list[Piece]]:
    """Which pieces of the tiles are dealt from which histogram, as few histograms as can be.

    Args:
        tiles: Of the output.
        each: Shots of each pixel.
    """
    most = max(int(np.max(each)), 1)
    room = max(1, (SPLIT_LIMIT - 1) // most)  # pixels of one histogram, at least
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
    """Deal a histogram of shots out at random to groups of given sizes.

    By recursive halving: at each level every group of groups gives a multivariate hypergeometric
    share to its first half. The law is that of shuffling the shots and cutting them into pieces,
    whatever the order of the halving.

    Args:
        histogram: Counts, ``(outcomes,)``.
        sizes: Shots of each group, ``(groups,)``, sum equal to that of the histogram, below 1e9.
        rng: Where the randomness comes from.

    Returns:
        Counts of each group, ``(groups, outcomes)``.

    Raises:
        ValueError: The sums differ.
    """
    groups = len(sizes)
    levels = max(groups - 1, 0).bit_length()
    leaves = np.zeros(2**levels, dtype=np.int64)
    leaves[:groups] = sizes
    if leaves.sum() != histogram.sum():
        raise ValueError(f"sizes: expected the sum {histogram.sum()}, got {leaves.sum()}")
    parts = histogram[np.newaxis, :]
    for level in range(levels):
        left_sizes = leaves.reshape(2 ** (level + 1), -1).sum(axis=1)[::2]
        left = _hypergeometric(parts, left_sizes, rng)
        parts = np.stack([left, parts - left], axis=1).reshape(-1, histogram.size)
    return parts[:groups]


def _hypergeometric(
    parts: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a sub-part of ``sizes[g]`` shots from every part ``parts[g]``, outcome by outcome."""
    drawn = np.zeros_like(parts)
    rest, wanted = parts.sum(axis=1), sizes.copy()
    for outcome in range(parts.shape[1] - 1):
        here = parts[:, outcome]
        rest = rest - here
        drawn[:, outcome] = rng.hypergeometric(here, rest, wanted)
        wanted -= drawn[:, outcome]
    drawn[:, -1] = wanted
    return drawn
