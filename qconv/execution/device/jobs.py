"""Jobs: shots measured on a backend or sampler, in jobs of the sizes that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit_aer.backends.aerbackend import AerBackend

from qconv._progress import progress_bar, skip
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.device.backends import (
    Backend,
    ideal_simulator,
    require_success,
    sampler_target,
)
from qconv.execution.device.physical import Physical
from qconv.execution.device.retry import NO_RETRY, RETRY, Retry, result_of
from qconv.execution.device.samplers import ShotLog, sampler_job
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.pixel_counts import split_histogram
from qconv.execution.seeds import ROUNDS, SURPLUS, derived

#: Maximum number of shots per job by default, small enough for a sampler that keeps every shot.
JOB_SHOTS = 1_000_000

#: Minimum fraction of executions that must be kept for a backend to be useful. If outcomes are
#: distributed evenly over the four qubits of a 3x3 kernel, 9/16 of the executions are kept.
LEAST_SUCCESS = 0.01

#: Number of consecutive empty rounds that count as a failure, and the minimum number of shots of
#: the last round. Smaller rounds are repeated with more shots.
_EMPTY_ROUNDS, _TELLING = 2, 1000

_Job: TypeAlias = Callable[[int, int], Histogram]


@dataclass(frozen=True, eq=False)
class Jobs:
    """Backend that measures shots, with the state of one call."""

    backend: Backend
    """Backend or sampler; None for the ideal simulator."""
    log: ShotLog = field(default_factory=ShotLog)
    """Log of the shots of a sampler."""
    job_shots: int | None = None
    """Maximum number of shots per job; None for the backend's limit."""
    progress: bool = field(default=False, kw_only=True)
    """Whether to show a progress bar."""
    kept: Checkpoint | None = field(default=None, kw_only=True)
    """Checkpoint with finished jobs, which do not run again; None for no checkpoint."""

    @property
    def retry(self) -> Retry:
        """Number of tries of a job, and the pauses between them."""
        local = self.backend is None or isinstance(self.backend, AerBackend)
        return NO_RETRY if local else RETRY


def job_sizes(shots: int, backend: Any, job_shots: int | None = None) -> Iterator[int]:
    """Split shots into jobs that a backend accepts, the largest first.

    Args:
        shots: Minimum total number; the total is larger if the backend does not accept a job as
            small as the remainder.
        backend: Backend that reports its limits: by the validator of its ``Options`` (a range or a
            list), by ``max_shots``, or by its ``configuration()``.
        job_shots: Maximum number of shots per job; None for the backend's limit or the default.

    Yields:
        Shots of each job.
    """
    validators = getattr(getattr(backend, "options", None), "validator", None)
    rule = validators.get("shots") if isinstance(validators, dict) else None
    allowed = sorted(int(size) for size in rule if size > 0) if isinstance(rule, list) else []
    least, most = rule if isinstance(rule, tuple) else (1, None)
    limits = [most, getattr(backend, "max_shots", None)]
    limits.append(JOB_SHOTS if job_shots is None else job_shots)
    configuration = getattr(backend, "configuration", None)
    if callable(configuration):
        limits.append(getattr(configuration(), "max_shots", None))
    most = min(int(n) for n in limits if isinstance(n, int | float | np.number) and 1 <= n < np.inf)
    missing = shots
    while missing > 0:
        size = max(min(missing, most), 1, int(least))
        if allowed:
            fitting = [size for size in allowed if size <= min(missing, most)]
            size = max(fitting, default=min(allowed))
        yield size
        missing -= size


def measured_counts(
    circuit: Physical, shots: int, jobs: Jobs, root: np.random.SeedSequence
) -> Histogram:
    """Run a circuit on a backend or sampler and count its outcomes.

    Args:
        circuit: Circuit transpiled for the backend, which measures at most 63 bits into ``meas``.
        shots: Number of executions, split into jobs that the backend accepts.
        jobs: Backend.
        root: Root of the jobs' seeds, if the backend takes a seed.

    Returns:
        Histogram of the returned outcomes. They are fewer than ``shots`` if the backend lost some,
        and more if it does not accept smaller jobs.

    Raises:
        RuntimeError: If a job failed.
        ValueError: If a sampler repeats its shots, which would be counted twice.
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
                seed = int(place.generate_state(1)[0] >> 1)  # Aer takes seeds of 31 bits
                histogram = job(size, seed)
                if jobs.kept is not None:
                    jobs.kept.keep_histogram(place, histogram, jobs.log.names)
                bar.update(size)
            total = total + histogram
    return circuit.told(total)


def _backend_job(circuit: QuantumCircuit, backend: BackendV2, log: ShotLog, retry: Retry) -> _Job:
    """Return a function of shots and seed that runs the circuit on a backend."""
    seedable = hasattr(backend.options, "seed_simulator")
    bits = circuit.num_clbits

    def job(shots: int, seed: int) -> Histogram:
        options = {"seed_simulator": seed} if seedable else {}

        def once() -> Result:
            result: Result = result_of(backend.run(circuit, shots=shots, **options))
            require_success(result)
            return result

        result = retry.call(once, f"a job of {shots:,} shots")
        data = result.data(0)  # get_counts() would format each outcome as a string of bits
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
    """Run a circuit until exactly ``shots`` of the outcomes selected by ``keep`` are counted.

    Noise causes outcomes that the ideal circuit does not have. They are discarded, and the circuit
    runs again. The stopping rule depends only on the number of kept outcomes, so that these remain
    independent draws.

    Returns:
        Histogram of the kept outcomes, which has ``shots`` counts, and the number of executions.

    Raises:
        RuntimeError: If almost no outcomes are kept.
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
            raise RuntimeError(f"backend: expected {shots} shots, got an empty result")
        total = total + chosen(seen, keep, missing, derived(root, SURPLUS, round_))
        round_ += 1
        success = max(total.total / everything, LEAST_SUCCESS)
        if everything >= 10 / LEAST_SUCCESS and total.total < LEAST_SUCCESS * everything:
            raise RuntimeError(too_noisy(f"{total.total} of {everything}"))
    return total, executions


def too_noisy(kept: str) -> str:
    """Return the message for a backend whose outcomes are almost all discarded."""
    return (
        f"only {kept} executions gave a position of the kernel; "
        "the backend is too noisy for this circuit"
    )


def chosen(
    histogram: Histogram, keep: NDArray[np.bool_], shots: int, seed: np.random.SeedSequence
) -> Histogram:
    """Return the kept outcomes of a histogram, at most ``shots`` of them, chosen at random."""
    counts = histogram.among(np.arange(len(keep))) * keep
    surplus = int(counts.sum()) - shots
    if surplus > 0:
        counts = split_histogram(counts, [shots, surplus], np.random.default_rng(seed))[0]
    outcomes = np.flatnonzero(counts)
    return Histogram(outcomes, counts[outcomes])
