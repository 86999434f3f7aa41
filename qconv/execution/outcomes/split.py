"""Splitting: the shots of one histogram are split at random among many pixels.

Shots of one circuit are independent and identically distributed. A histogram split at random has
exactly the distribution of recording every shot's outcome, at a small fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv.grid import Tile, split_tile, tile_pixels

#: Population above which NumPy's hypergeometric generator raises an error.
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


def shots_in(each: Each, tile: Tile) -> NDArray[np.int64]:
    """Return the shots of every pixel of a tile, in C order."""
    if isinstance(each, np.ndarray):
        return each[tile].ravel()
    return np.full(tile_pixels(tile), each, dtype=np.int64)


def shots_of(each: Each, tile: Tile) -> int:
    """Return the total number of shots of a tile's pixels."""
    return int(each[tile].sum()) if isinstance(each, np.ndarray) else each * tile_pixels(tile)


def portions(tiles: Sequence[Tile], each: Each) -> list[list[Piece]]:
    """Assign pieces of the tiles to histograms, to as few histograms as possible.

    Returns:
        Pieces of each histogram.
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
    """Split a histogram of shots at random into groups of given sizes.

    The groups are halved recursively. At each level the first half gets a multivariate
    hypergeometric share. The distribution is that of shuffling the shots and cutting them into
    pieces, independently of the order of the halving.

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
