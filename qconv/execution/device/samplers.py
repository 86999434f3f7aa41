"""Samplers: primitives that return the bits of every shot and choose their own seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2

from qconv.execution.device.retry import Retry, result_of
from qconv.execution.outcomes.histogram import Histogram

#: Number of shots whose outcomes identify a sampler's random stream.
_STREAM_SHOTS = 256

#: Maximum probability that two independent runs coincide and are mistaken for a repetition.
_COINCIDENCE = 1e-12

REPEATED = (
    "backend: the sampler returned the same shots in two runs, because it has a fixed seed; "
    "estimates require independent shots: create the sampler with seed=None"
)

COUNTED_TWICE = (
    "backend: two jobs returned the same counts, because the backend has a fixed seed; estimates "
    "require independent shots: give every job a different seed"
)


class ShotLog:
    """Log of a sampler's shots during one call, to detect repetitions.

    Two independent runs of ``n`` shots coincide with probability ``(sum p**2)**n``. If this is
    below 1e-12, equal runs are taken for a repetition.
    """

    def __init__(self, names: Set[str] = frozenset()) -> None:
        self._latest: NDArray[np.uint8] | None = None
        self.names = set(names)
        """Names of the runs' random streams; equal names mean equal shots."""

    def before(self, sampler: BaseSamplerV2) -> None:
        """Check a sampler before it runs.

        Raises:
            ValueError: If the sampler has run before with the same fixed seed.
        """
        if _fixed_seed(sampler) in self.names:
            raise ValueError(REPEATED)

    def add(self, bits: NDArray[np.uint8], sampler: BaseSamplerV2) -> None:
        """Add the bits of a run, shape ``(shots, bytes)``.

        Raises:
            ValueError: If a previous run began with the same shots, as with a fixed seed.
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
        """Add the counts of a job on a backend that does not take a seed.

        Raises:
            ValueError: If another job had the same counts, which is unlikely for independent jobs.
        """
        if histogram.name is None:
            return
        if histogram.name in self.names:
            raise ValueError(COUNTED_TWICE)
        self.names.add(histogram.name)


def _fixed_seed(sampler: Any) -> str | None:
    """Return a name for the fixed seed of a sampler; None if its runs differ."""
    options = getattr(sampler, "options", None)
    for seed in (getattr(sampler, "seed", None), getattr(options, "seed_simulator", None)):
        if isinstance(seed, int | np.integer):
            return f"{type(sampler).__module__}.{type(sampler).__name__} {seed}"
    return None


def _is_distinctive(bits: NDArray[np.uint8]) -> bool:
    """Return whether an independent run gives the same shots with probability below 1e-12."""
    n = len(bits)
    _, counts = np.unique(bits, axis=0, return_counts=True)
    return bool(n * np.log(np.sum((counts / n) ** 2)) < np.log(_COINCIDENCE))


def sampler_job(
    circuit: QuantumCircuit, sampler: BaseSamplerV2, log: ShotLog, retry: Retry
) -> Callable[[int, int], Histogram]:
    """Return a function of shots and seed that runs the circuit; a sampler ignores the seed."""

    def job(shots: int, seed: int) -> Histogram:
        log.before(sampler)
        result = retry.call(
            lambda: result_of(sampler.run([circuit], shots=shots)), f"a job of {shots:,} shots"
        )
        bits = result[0].data.meas.array
        log.add(bits, sampler)
        return Histogram.of_bits(bits)

    return job
