"""Drawing: giving every pixel shots of its own, tile by tile.

The shots come from a circuit's Born probabilities, or from measured shots that are dealt out. Each
tile has a random stream of its own under the call's seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv.dealing import DEAL_LIMIT, deal
from qconv.execution import derived
from qconv.grid import Tile, split_tile, tile_pixels
from qconv.problem import Problem
from qconv.windows import Windows

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: From a tile's number: its pieces in C order, each with its pixels' averages.
Averages: TypeAlias = Callable[[int], Iterator[tuple[Tile, _Array]]]

#: From shots and a job's number: counts of each position, and the executions that they took.
Measure: TypeAlias = Callable[[int, int], tuple[_Counts, int]]

#: Places of the random streams under a call's root seed.
JOBS, TILES, DEALS = 0, 1, 2

#: Most counts or draws that one thread holds at once.
_BLOCK = 2**20


def born_averages(problem: Problem, windows: Windows, p: _Array, shots: int) -> Averages:
    """Average over outcomes drawn from the circuit's Born probabilities.

    Counts of each position where a pixel has at least as many shots as positions, one draw a shot
    where it has fewer: the same law, whichever is less work.
    """
    positions = len(p)
    cumulative = np.cumsum(p)
    cumulative[-1] = 1.0

    def counted(rng: np.random.Generator, piece: Tile) -> _Array:
        counts = rng.multinomial(shots, p, size=tile_pixels(piece))
        return windows.average(piece, counts.T / shots)

    def picked(rng: np.random.Generator, piece: Tile) -> _Array:
        uniform = rng.random((tile_pixels(piece), shots))
        return windows.average_of_draws(piece, np.searchsorted(cumulative, uniform, side="right"))

    def averages(number: int) -> Iterator[tuple[Tile, _Array]]:
        rng = np.random.default_rng(derived(problem.seed, TILES, number))
        average = picked if shots < positions else counted
        for piece in split_tile(problem.grid.tiles[number], _BLOCK // min(shots, positions)):
            yield piece, average(rng, piece)

    return averages


def deal_to_tiles(
    problem: Problem, measure: Measure, shots: int
) -> tuple[list[list[tuple[Tile, _Counts]]], int]:
    """Measure a circuit for all pixels and deal the shots out to the tiles.

    Jobs are as large as dealing allows (1e9 shots); a tile that needs more is dealt in pieces.

    Args:
        problem: The tiles, and the seed.
        measure: Runs the circuit for a number of shots, as a job of a given number.
        shots: Shots for each pixel.

    Returns:
        For every tile its pieces with their counts, and the executions that it took.
    """
    tiles = problem.grid.tiles
    room = max(1, (DEAL_LIMIT - 1) // shots)  # pixels of one job
    pieces = [(n, piece) for n, tile in enumerate(tiles) for piece in split_tile(tile, room)]
    hands: list[list[tuple[Tile, _Counts]]] = [[] for _ in tiles]
    executions, job = 0, 0
    while pieces:
        sizes = np.cumsum([tile_pixels(piece) for _, piece in pieces])
        count = max(1, int(np.searchsorted(sizes, room, side="right")))
        batch, pieces = pieces[:count], pieces[count:]
        wanted = [shots * tile_pixels(piece) for _, piece in batch]
        histogram, took = measure(sum(wanted), job)
        rng = np.random.default_rng(derived(problem.seed, DEALS, job))
        for (number, piece), hand in zip(batch, deal(histogram, wanted, rng), strict=True):
            hands[number].append((piece, hand))
        executions, job = executions + took, job + 1
    return hands, executions


def dealt_averages(
    problem: Problem,
    windows: Windows,
    hands: list[list[tuple[Tile, _Counts]]],
    shots: int,
) -> Averages:
    """Average over measured shots, dealt out from each tile's hand to its pixels."""
    room = max(1, _BLOCK // len(windows.positions))

    def averages(number: int) -> Iterator[tuple[Tile, _Array]]:
        rng = np.random.default_rng(derived(problem.seed, TILES, number))
        for piece, hand in hands[number]:
            parts = list(split_tile(piece, room))
            sizes = [shots * tile_pixels(part) for part in parts]
            for part, share in zip(parts, deal(hand, sizes, rng), strict=True):
                counts = deal(share, [shots] * tile_pixels(part), rng)
                yield part, windows.average(part, counts.T / shots)

    return averages
