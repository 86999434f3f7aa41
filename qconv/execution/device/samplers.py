"""Samplers: primitives that return every shot's bits, and seed themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2

from qconv.execution.device.retry import Retry
from qconv.execution.outcomes.histogram import Histogram

#: Shots whose outcomes name a sampler's random stream.
_STREAM_SHOTS = 256

#: Two honest runs coincide less often than this where a coincidence is taken for a repetition.
_COINCIDENCE = 1e-12

REPEATED = (
    "backend: the sampler returned the same shots on two runs (it has a fixed seed), which would "
    "be counted as independent; give it seed=None"
)

COUNTED_TWICE = (
    "backend: two jobs returned the same counts (it has a fixed seed), which would be counted as "
    "independent; let every job have a seed of its own"
)


class ShotLog:
    """The shots that a sampler gave during one call, to tell when they come again.

    Two honest runs of ``n`` shots coincide with probability ``(sum p**2)**n``; where that is below
    1e-12 a coincidence is none.
    """

    def __init__(self, names: set[str] | None = None) -> None:
        self._latest: NDArray[np.uint8] | None = None
        self.names: set[str] = set() if names is None else names
        """Names of the runs' random streams: two are equal only if the shots are."""

    def before(self, sampler: BaseSamplerV2) -> None:
        """Take note that a sampler is about to run.

        Raises:
            ValueError: It ran before, with the same fixed seed.
        """
        if _fixed_seed(sampler) in self.names:
            raise ValueError(REPEATED)

    def add(self, bits: NDArray[np.uint8], sampler: BaseSamplerV2) -> None:
        """Take note of a run of a sampler, ``(shots, bytes)``.

        Raises:
            ValueError: It begins as one before, as with a sampler of fixed seed.
        """
        if self._latest is not None:
            n = min(len(self._latest), len(bits))
            if _is_distinctive(bits[:n]) and np.array_equal(self._latest[:n], bits[:n]):
                raise ValueError(REPEATED)
        self._latest = bits
        seed = _fixed_seed(sampler)
        if seed is not None:
            self.names.add(seed)
        start = bits[:_STREAM_SHOTS]
        if _is_distinctive(start):
            digest = hashlib.blake2b(np.ascontiguousarray(start).data, digest_size=16)
            if digest.hexdigest() in self.names:
                raise ValueError(REPEATED)
            self.names.add(digest.hexdigest())

    def add_counts(self, histogram: Histogram) -> None:
        """Take note of a job of a backend that takes no seed.

        Raises:
            ValueError: Another job gave the same counts, which two independent ones would not.
        """
        if histogram.name is None:
            return
        if histogram.name in self.names:
            raise ValueError(COUNTED_TWICE)
        self.names.add(histogram.name)


def _fixed_seed(sampler: Any) -> str | None:
    """A name for the fixed seed of a sampler that has one: each of its runs is the same."""
    options = getattr(sampler, "options", None)
    for seed in (getattr(sampler, "seed", None), getattr(options, "seed_simulator", None)):
        if isinstance(seed, int | np.integer):
            return f"{type(sampler).__module__}.{type(sampler).__name__} {seed}"
    return None


def _is_distinctive(bits: NDArray[np.uint8]) -> bool:
    """Whether an independent run would hardly ever, once in 1e12, give the same shots."""
    n = len(bits)
    _, counts = np.unique(bits, axis=0, return_counts=True)
    return bool(n * np.log(np.sum((counts / n) ** 2)) < np.log(_COINCIDENCE))


def sampler_job(
    circuit: QuantumCircuit, sampler: BaseSamplerV2, log: ShotLog, retry: Retry
) -> Callable[[int, int], Histogram]:
    """A function of shots and seed that runs the circuit on a sampler, which seeds itself."""

    def job(shots: int, seed: int) -> Histogram:
        log.before(sampler)
        result = retry.call(
            lambda: sampler.run([circuit], shots=shots).result(), f"a job of {shots:,} shots"
        )
        bits = result[0].data.meas.array
        log.add(bits, sampler)
        return Histogram.of_bits(bits)

    return job
