"""Shots: measured on a backend or sampler, in jobs of the sizes that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit_aer.backends.aerbackend import AerBackend

from qconv._progress import progress_bar, skip
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.device.backends import Backend, ideal_simulator, require_success
from qconv.execution.device.limits import job_sizes
from qconv.execution.device.physical import Physical, sampler_target
from qconv.execution.device.retry import NO_RETRY, RETRY, Retry
from qconv.execution.device.samplers import ShotLog, sampler_job
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.split import split_histogram
from qconv.execution.seeds import ROUNDS, SURPLUS, derived

#: Part of the executions that must be kept for a backend to be of use; an even spread over the
#: outcomes of a 3x3 kernel's four qubits keeps 9/16.
LEAST_SUCCESS = 0.01

#: So many rounds, one after the other, that come back empty are taken for a failure, if they are of
#: at least so many shots; smaller rounds are tried again with more.
_EMPTY_ROUNDS, _TELLING = 2, 1000

_Job: TypeAlias = Callable[[int, int], Histogram]


@dataclass(frozen=True, eq=False)
class Jobs:
    """Where shots are measured, and what is known of the jobs of one call."""

    backend: Backend
    """None for the ideal simulator, counted."""
    log: ShotLog = field(default_factory=ShotLog)
    """What a sampler gave so far."""
    job_shots: int | None = None
    """Most shots of a job; None for as many as the backend says."""
    progress: bool = field(default=False, kw_only=True)
    """Whether to show a progress bar."""
    kept: Checkpoint | None = field(default=None, kw_only=True)
    """What was measured before, and is not measured again."""

    @property
    def retry(self) -> Retry:
        """How often a job is tried."""
        local = self.backend is None or isinstance(self.backend, AerBackend)
        return NO_RETRY if local else RETRY


def measured_counts(
    circuit: Physical, shots: int, jobs: Jobs, root: np.random.SeedSequence
) -> Histogram:
    """Run a circuit on a backend or sampler and count its outcomes.

    Args:
        circuit: Made ready for the backend; measures into the register ``meas``, at most 63 bits.
        shots: Executions, split into jobs as the backend takes them.
        jobs: Where to run.
        root: Seeds the jobs, where the backend takes a seed.

    Returns:
        The outcomes that came back: fewer than ``shots`` where the backend dropped some, more where
        it takes no smaller jobs.

    Raises:
        RuntimeError: A job failed.
        ValueError: A sampler repeats its shots, so that they would be counted twice.
    """
    backend = ideal_simulator() if jobs.backend is None else jobs.backend
    if isinstance(backend, BaseSamplerV2):
        limited: object = sampler_target(backend) or backend
        job = sampler_job(circuit.circuit, backend, jobs.log, jobs.retry)
    else:
        limited = backend
        job = _backend_job(circuit.circuit, backend, jobs.log, jobs.retry)
    total = Histogram.empty()
    with progress_bar(shots, "shot", show=jobs.progress) as bar:
        for number, size in enumerate(job_sizes(shots, limited, jobs.job_shots)):
            place = derived(root, number)
            histogram = None if jobs.kept is None else jobs.kept.histogram(place)
            if histogram is not None:
                skip(bar, size)
            else:
                seed = int(place.generate_state(1)[0] >> 1)  # Aer wants 31 bits
                histogram = job(size, seed)
                if jobs.kept is not None:
                    jobs.kept.keep_histogram(place, histogram, jobs.log.names)
                bar.update(size)
            total = total + histogram
    return circuit.told(total)


def _backend_job(circuit: QuantumCircuit, backend: BackendV2, log: ShotLog, retry: Retry) -> _Job:
    """A function of shots and seed that runs the circuit on a backend."""
    seedable = hasattr(backend.options, "seed_simulator")
    bits = circuit.num_clbits

    def job(shots: int, seed: int) -> Histogram:
        options = {"seed_simulator": seed} if seedable else {}

        def once() -> Result:
            result = backend.run(circuit, shots=shots, **options).result()
            require_success(result)
            return result

        result = retry.call(once, f"a job of {shots:,} shots")
        data = result.data(0)  # get_counts() would write each outcome out in bits
        if "counts" not in data:
            raise RuntimeError(
                f"backend: expected counts in its result, got {list(data) or 'none'}"
            )
        histogram = Histogram.of_mapping(data["counts"], bits, "backend")
        if not seedable:
            log.add_counts(histogram)
        return histogram

    return job


def kept_counts(
    circuit: Physical,
    keep: NDArray[np.bool_],
    shots: int,
    jobs: Jobs,
    root: np.random.SeedSequence,
) -> tuple[Histogram, int]:
    """Run a circuit until exactly ``shots`` outcomes that ``keep`` allows have come.

    Noise makes outcomes that the ideal circuit never gives; they are discarded and run again.
    When to stop depends only on how many were kept, so the kept ones stay independent draws.

    Returns:
        The kept outcomes, sum ``shots``, and the executions it took.

    Raises:
        RuntimeError: Next to nothing is ever kept.
    """
    total = Histogram.empty()
    executions, everything, empty, success, round_ = 0, 0, 0, 1.0, 0
    while total.total < shots:
        missing = shots - total.total
        asked = max(int(np.ceil(missing / success)), 4**empty)
        seen = measured_counts(circuit, asked, jobs, derived(root, ROUNDS, round_))
        executions += seen.total
        everything += asked
        empty = 0 if seen.total else empty + 1
        given_up = empty >= _EMPTY_ROUNDS and asked >= _TELLING
        if given_up or (not executions and everything >= 10 / LEAST_SUCCESS):
            raise RuntimeError(f"backend: expected {shots} shots, got none back")
        total = total + chosen(seen, keep, missing, derived(root, SURPLUS, round_))
        round_ += 1
        success = max(total.total / everything, LEAST_SUCCESS)
        if everything >= 10 / LEAST_SUCCESS and total.total < LEAST_SUCCESS * everything:
            raise RuntimeError(too_noisy(f"{total.total} of {everything}"))
    return total, executions


def too_noisy(kept: str) -> str:
    """What to say where next to nothing is kept."""
    return (
        f"only {kept} executions gave a position of the kernel; "
        "the backend is too noisy for this circuit"
    )


def chosen(
    histogram: Histogram, keep: NDArray[np.bool_], shots: int, seed: np.random.SeedSequence
) -> Histogram:
    """The outcomes that are kept, at most ``shots`` of them, chosen at random."""
    counts = histogram.among(np.arange(len(keep))) * keep
    surplus = int(counts.sum()) - shots
    if surplus > 0:
        counts = split_histogram(counts, [shots, surplus], np.random.default_rng(seed))[0]
    outcomes = np.flatnonzero(counts)
    return Histogram(outcomes, counts[outcomes])
