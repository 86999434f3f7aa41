"""Running: programs, a backend and seeds in; outcomes out, one program after the other.

Two ways to know what a circuit's measurement would give:

* *The law*, Born's probabilities that Aer computed for the circuit. Ideal simulators only.
* *Measured shots* of any backend or sampler.

Which of the two it was is the business of `qconv.execution.outcomes`, not of a method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit_aer.noise import NoiseModel

from qconv._memory import require_memory
from qconv._progress import progress_bar
from qconv.execution.backends import (
    Backend,
    ideal_simulator,
    is_ideal,
    known_to_aer,
    ready,
    require_success,
)
from qconv.execution.dealing import deal
from qconv.execution.histogram import Histogram
from qconv.execution.limits import job_sizes
from qconv.execution.noise import executions_until, noise_of, noisy_law
from qconv.execution.outcomes import LEAK, Outcomes
from qconv.execution.program import Program, Saving, append_measurement
from qconv.execution.samplers import ShotLog, sampler_job, sampler_target
from qconv.execution.seeds import ROUNDS, SURPLUS, derived

#: Part of the executions that must be kept for a backend to be of use; an even spread over the
#: outcomes of a 3x3 kernel's four qubits keeps 9/16.
_LEAST_SUCCESS = 0.01

#: So many rounds, one after the other, that come back empty are taken for a failure.
_EMPTY_ROUNDS = 2

UNKNOWN_LAW = (
    "backend: expected None or a simulator of noise, whose law can be computed; this one would "
    "have to count shots"
)

#: Bytes of an amplitude that is prepared: a Python object, and what a simulator copies it to.
_PREPARED = 112


def run(
    programs: Iterable[Program],
    backend: Backend,
    *,
    streams: frozenset[str] = frozenset(),
    job_shots: int | None = None,
    progress: bool = False,
    counting: bool = True,
) -> Iterator[Outcomes]:
    """Run programs one after the other, each when the outcomes of the one before were taken.

    Args:
        programs: What to run; each circuit is built when its turn comes.
        backend: Where. The law of an ideal simulator is computed if ``backend`` is None, or if a
            program asks for the exact law; anything else is measured.
        streams: Names of the random streams that drawing from a law will use.
        job_shots: Most shots of a job; None for as many as the backend says.
        progress: Show a progress bar.
        counting: False if every law must be known.

    Yields:
        Outcomes of each program.

    Raises:
        RuntimeError: A law is not known, and shots are not to be counted.
        ValueError: The exact law is asked for where it cannot be known; a circuit does not fit on
            the backend or in memory; a sampler repeats its shots.
        RuntimeError: A job failed, or next to nothing of a program is ever kept.
    """
    jobs = Jobs(backend, ShotLog(), job_shots, progress=progress)
    latest: tuple[Saving, dict[str, NDArray[np.float64]]] | None = None
    count, noise = length_hint(programs), noise_of(backend)
    with progress_bar(count or None, "circuit", show=progress) as bar:
        for program in programs:
            bar.set_description_str("building a circuit")
            noisy = _with_noise(program, backend, noise, streams)
            if noisy is not None:
                yield noisy
            elif backend is not None and program.executions is not None:
                if not counting:
                    raise RuntimeError(UNKNOWN_LAW)
                yield _measured(program, jobs, streams)
            elif program.saved is not None:
                saving, label = program.saved
                if latest is None or latest[0] is not saving:
                    circuit = saving.build()
                    bar.set_description_str(f"simulating a circuit of {circuit.num_qubits} qubits")
                    latest = saving, saved_probabilities(circuit, backend, program.measured)
                yield Outcomes(program, law=latest[1][label], streams=streams, ideal=True)
            else:
                circuit = program.built()
                measured = program.measurement(circuit)
                bar.set_description_str(f"simulating a circuit of {circuit.num_qubits} qubits")
                law = born_probabilities(circuit, backend, measured=measured)
                _require_kept(program, law)
                append_measurement(circuit, measured)
                yield Outcomes(program, law=law, streams=streams, ideal=True, ran=circuit)
            bar.update()


# ----------------------------------------------------------------------------------- the law


def _with_noise(
    program: Program, backend: Backend, noise: NoiseModel | None, streams: frozenset[str]
) -> Outcomes | None:
    """Outcomes by the law of a simulator of noise; None where it is not known or does not pay."""
    if noise is None or not isinstance(backend, BackendV2):
        return None
    circuit = program.circuit()
    law = noisy_law(circuit, backend, noise, program.executions)
    if law is None:
        return None
    success, executed = 1.0, program.executions
    if program.keep is not None:
        law = law * program.keep
        success = float(law.sum())
        if success < _LEAST_SUCCESS:
            raise RuntimeError(_too_noisy(f"{100 * success:.2g} % of the"))
        law /= success
        if executed is not None:
            executed = executions_until(executed, success, derived(program.seed, ROUNDS))
    return Outcomes(
        program, law=law, executed=executed, streams=streams, success=success, ran=circuit
    )


def _too_noisy(kept: str) -> str:
    """What to say where next to nothing is kept."""
    return (
        f"only {kept} executions gave a position of the kernel; "
        "the backend is too noisy for this circuit"
    )


def _require_kept(program: Program, law: NDArray[np.float64]) -> None:
    """Refuse a law that puts probability where its program says that nothing comes."""
    if program.keep is not None and law[~program.keep].sum() > LEAK:
        raise RuntimeError(
            "keep: expected all that the ideal circuit can give, got "
            f"{law[program.keep].sum():.12g} of its probability"
        )


def born_probabilities(
    circuit: QuantumCircuit, backend: Backend = None, *, measured: int | None = None
) -> NDArray[np.float64]:
    """Probability of every outcome of measuring a circuit's first qubits, as Aer computes it.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: How many qubits are measured; None for all.

    Returns:
        ``2**measured`` probabilities, little-endian: outcome ``i`` has qubit 0 in its lowest bit.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
    """
    measured = circuit.num_qubits if measured is None else measured
    circuit.save_probabilities(circuit.qubits[:measured])
    try:
        return saved_probabilities(circuit, backend, measured)["probabilities"]
    finally:
        del circuit.data[-1]


def saved_probabilities(
    circuit: QuantumCircuit, backend: Backend, measured: int | None
) -> dict[str, NDArray[np.float64]]:
    """What the ``save_probabilities`` instructions of a circuit saved, by their labels.

    Args:
        circuit: A circuit without measurements.
        backend: None, or an ideal ``AerSimulator`` with options of its own.
        measured: Of how many qubits the probabilities are saved; None for all.

    Returns:
        ``2**measured`` probabilities each.

    Raises:
        ValueError: The backend is noisy or no simulator, or the state would not fit in memory.
        RuntimeError: The simulator failed.
    """
    if not is_ideal(backend):
        raise ValueError(
            "shots: expected a whole number with this backend; None (the exact expectation) needs "
            "a simulator whose law can be computed"
        )
    needed = state_memory(circuit.num_qubits, measured or circuit.num_qubits)
    require_memory(needed, f"circuit of {circuit.num_qubits} qubits is")
    if backend is None:  # which takes circuits as they are
        result = ideal_simulator().run(known_to_aer(circuit), shots=1).result()
    else:
        result = backend.run(ready(circuit, backend), shots=1).result()
    require_success(result)
    saved: dict[str, NDArray[np.float64]] = result.data(0)
    return saved


def state_memory(num_qubits: int, measured: int) -> int:
    """Bytes that it takes to simulate a state vector and know the probabilities of outcomes."""
    return int(16 * 2**num_qubits + 3 * 8 * 2**measured)


def require_room(num_qubits: int, measured: int, prepared: int, image: tuple[int, ...]) -> None:
    """Refuse a circuit that could not be simulated in memory.

    Args:
        num_qubits: All qubits.
        measured: Those measured.
        prepared: Those whose amplitudes are prepared one by one.
        image: Shape of the image.

    Raises:
        ValueError: It needs more memory than there is.
    """
    require_memory(
        state_memory(num_qubits, measured) + _PREPARED * 2**prepared,
        f"image of shape {image}, in a circuit of {num_qubits} qubits, is",
    )


# ----------------------------------------------------------------------------- measured shots

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


def _measured(program: Program, jobs: Jobs, streams: frozenset[str]) -> Outcomes:
    """Measure a program on a backend, in histograms of the sizes that it wants."""
    circuit = program.circuit()
    histograms, executed = [], 0
    for number, shots in enumerate(program.portions or (program.executions or 0,)):
        if program.keep is None:
            histogram = measured_counts(circuit, shots, jobs, program.seed)
            executed += histogram.total
            if not histogram.total:
                raise RuntimeError(f"backend: expected {shots} shots, got none back")
        else:
            seed = derived(program.seed, number)
            histogram, took = kept_counts(circuit, program.keep, shots, jobs, seed)
            executed += took
        histograms.append(histogram)
    return Outcomes(
        program,
        histograms=tuple(histograms),
        executed=executed,
        streams=streams | jobs.log.names,
        ideal=is_ideal(jobs.backend),
        ran=circuit,
    )


def measured_counts(
    circuit: QuantumCircuit, shots: int, jobs: Jobs, root: np.random.SeedSequence
) -> Histogram:
    """Run a circuit on a backend or sampler and count its outcomes.

    Args:
        circuit: A circuit that ends with measuring into the register ``meas``, at most 63 bits.
        shots: Executions, split into jobs as the backend takes them.
        jobs: Where to run; transpiled for with a preset pass manager.
        root: Seeds the jobs, where the backend takes a seed.

    Returns:
        The outcomes that came back: fewer than ``shots`` where the backend dropped some, more where
        it takes no smaller jobs.

    Raises:
        RuntimeError: A job failed.
        ValueError: The circuit does not fit on the backend, or a sampler repeats its shots, so
            that they would be counted twice.
    """
    backend = ideal_simulator() if jobs.backend is None else jobs.backend
    if isinstance(backend, BaseSamplerV2):
        limited: object = sampler_target(backend) or backend
        job = sampler_job(circuit, backend, jobs.log)
    else:
        limited, job = backend, _backend_job(circuit, backend, jobs.log)
    total = Histogram.empty()
    with progress_bar(shots, "shot", show=jobs.progress) as bar:
        for number, size in enumerate(job_sizes(shots, limited, jobs.job_shots)):
            seed = int(derived(root, number).generate_state(1)[0] >> 1)  # Aer wants 31 bits
            total = total + job(size, seed)
            bar.update(size)
    return total


def _backend_job(measured: QuantumCircuit, backend: BackendV2, log: ShotLog) -> _Job:
    """A function of shots and seed that runs the circuit on a backend."""
    circuit = ready(measured, backend)
    seedable = hasattr(backend.options, "seed_simulator")
    bits = measured.num_clbits

    def job(shots: int, seed: int) -> Histogram:
        options = {"seed_simulator": seed} if seedable else {}
        result = backend.run(circuit, shots=shots, **options).result()
        require_success(result)
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
    circuit: QuantumCircuit,
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
        asked = int(np.ceil(missing / success))
        seen = measured_counts(circuit, asked, jobs, derived(root, ROUNDS, round_))
        executions += seen.total
        everything += asked
        empty = 0 if seen.total else empty + 1
        if empty >= _EMPTY_ROUNDS or (not executions and everything >= 10 / _LEAST_SUCCESS):
            raise RuntimeError(f"backend: expected {shots} shots, got none back")
        total = total + chosen(seen, keep, missing, derived(root, SURPLUS, round_))
        round_ += 1
        success = max(total.total / everything, _LEAST_SUCCESS)
        if everything >= 10 / _LEAST_SUCCESS and total.total < _LEAST_SUCCESS * everything:
            raise RuntimeError(_too_noisy(f"{total.total} of {everything}"))
    return total, executions


def chosen(
    histogram: Histogram, keep: NDArray[np.bool_], shots: int, seed: np.random.SeedSequence
) -> Histogram:
    """The outcomes that are kept, at most ``shots`` of them, chosen at random."""
    counts = histogram.among(np.arange(len(keep))) * keep
    surplus = int(counts.sum()) - shots
    if surplus > 0:
        counts = deal(counts, [shots, surplus], np.random.default_rng(seed))[0]
    outcomes = np.flatnonzero(counts)
    return Histogram(outcomes, counts[outcomes])
