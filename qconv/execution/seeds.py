"""Seeds: one root seed per call, and a separate stream for each part that draws random numbers.

Random numbers depend on their purpose, not on threads or chunks. Every tile of the output, every
job and every block has its own seed sequence. This seed sequence is derived from the root seed and
a sequence of numbers, the *place* of the tile, job or block. All places are listed here, so that no
two places in one call coincide.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from qconv._checks import require_seed

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None

#: Places under a call's root: jobs on a backend (or shots of each range of outcomes); draws in a
#: tile; splitting a job's shots among tiles; blocks of an image; output channels of a layer;
#: allocation of shots; elements of a batch; parts of complex numbers. Amplitude estimation uses the
#: same numbers under its own places (block, Grover power).
JOBS, TILES, DEALS, BLOCKS, CHANNELS, ALLOCATION, ELEMENTS, PARTS = range(8)

#: Places under a job with discarded outcomes: its rounds, and the choice among surplus outcomes.
ROUNDS, SURPLUS = range(2)

#: Place of readout calibration among a program's jobs, beyond their indices.
CALIBRATION = 2**31

#: Place under a call's root for shots that are added to a finished checkpoint, followed by the
#: number of shots in the checkpoint. The place is beyond the indices of blocks.
MORE = 2**31

#: Place under a call's root for a round that adds shots for a tolerance, followed by the number of
#: the round.
FURTHER = 2**31 + 1

#: Place under a program's seed for further numbers that are measured with the same seed, followed
#: by the index of the number.
NUMBERS = 2**31 + 2


def root_seed(seed: Seed) -> np.random.SeedSequence:
    """Return the root seed sequence of a call; `derived` makes all other sequences from it.

    The same ``int`` or ``SeedSequence`` always gives the same root. A ``Generator`` advances with
    each call. ``None`` uses fresh entropy.

    Raises:
        TypeError: If ``seed`` has a different type.
        ValueError: If ``seed`` is negative.
    """
    require_seed(seed)
    words = np.random.default_rng(seed).integers(0, 2**32, size=4, dtype=np.uint32)
    return np.random.SeedSequence([int(word) for word in words])


def derived(root: np.random.SeedSequence, *place: int) -> np.random.SeedSequence:
    """Return the seed sequence of one place (a tile, a job) under ``root``."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *place))


def further(root: np.random.SeedSequence, number: int) -> np.random.SeedSequence:
    """Return the root of a round that adds shots to a call, with its own place and its own name."""
    place = derived(root, FURTHER, number)
    words = place.generate_state(4).tolist()
    return np.random.SeedSequence(words, spawn_key=place.spawn_key)


def random_state(seed: np.random.SeedSequence) -> np.random.RandomState:
    """Return the generator that draws counts, whose numbers NumPy guarantees never to change.

    NumPy may change the numbers of a ``Generator`` in any release, as it did for binomial and
    multinomial counts in 2.5. A ``RandomState`` is frozen.

    Source:
        NumPy Enhancement Proposal 19, Random number generator policy.
    """
    return np.random.RandomState(np.random.PCG64(seed))


def stream_name(root: np.random.SeedSequence) -> str:
    """Return a name that two results share only if their random numbers are the same."""
    return np.random.SeedSequence(root.entropy).generate_state(4, np.uint32).tobytes().hex()
