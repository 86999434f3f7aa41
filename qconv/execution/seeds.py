"""Seeds: one root for a whole call, and a stream of its own for everything that is random.

Random numbers are tied to what they are for, never to threads or chunks: every tile of the output,
every job, every block has a seed sequence of its own, named by its place under the root. All places
are listed here, so that no two of one call are the same.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None

#: Places under a call's root: what runs on a backend (and how many shots each part of a law gets);
#: draws and deals within a tile; dealing a job's shots out to the tiles; the blocks of an image;
#: the output channels of a layer; how shots are shared out. Amplitude estimation has (number of the
#: tile, Grover power) under the root, and there these.
JOBS, TILES, DEALS, BLOCKS, CHANNELS, ALLOCATION = range(6)

#: Places under a job whose outcomes are kept or discarded: rounds that run, and choices from what
#: came in surplus.
ROUNDS, SURPLUS = range(2)

#: Place under a program's jobs, beyond their numbers, of what calibrates its readout.
CALIBRATION = 2**31

#: Place under a call's root, beyond the numbers of blocks, of what shots that are added to a
#: finished checkpoint have for a root, by how many it held.
MORE = 2**31


def root_seed(seed: Seed) -> np.random.SeedSequence:
    """One seed sequence for a whole call; every other one is derived from it by `derived`.

    An ``int`` or ``SeedSequence`` gives the same one each time, a ``Generator`` moves on, ``None``
    is fresh entropy.

    Raises:
        TypeError: ``seed`` is none of these.
        ValueError: ``seed`` is negative.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(
        seed, int | np.integer | np.random.SeedSequence | np.random.Generator | None
    ):
        raise TypeError(
            "seed: expected an integer, a numpy SeedSequence, a numpy Generator or None, "
            f"got {seed!r}"
        )
    if isinstance(seed, int | np.integer) and seed < 0:
        raise ValueError(f"seed: expected an integer >= 0, got {seed}")
    words = np.random.default_rng(seed).integers(0, 2**32, size=4, dtype=np.uint32)
    return np.random.SeedSequence([int(word) for word in words])


def derived(root: np.random.SeedSequence, *place: int) -> np.random.SeedSequence:
    """The seed sequence that belongs to one place (a tile, a job) under ``root``."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *place))


def random_state(seed: np.random.SeedSequence) -> np.random.RandomState:
    """Return the generator that draws counts: NumPy guarantees that its numbers never change.

    NumPy may change what a ``Generator`` draws in any release, and did for binomial and multinomial
    counts in 2.5. A ``RandomState`` is frozen.

    Source:
        NumPy Enhancement Proposal 19, Random number generator policy.
    """
    return np.random.RandomState(np.random.PCG64(seed))


def stream_name(root: np.random.SeedSequence) -> str:
    """A name that two results share only if their random numbers are the same."""
    return np.random.SeedSequence(root.entropy).generate_state(4, np.uint32).tobytes().hex()
