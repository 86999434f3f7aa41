"""Running: programs, a backend and seeds in; outcomes out, one program after the other.

Two ways to know what a circuit's measurement would give:

* *The law*: Born's probabilities that Aer computed for the circuit, or those of its noisy outcomes
  where a simulator's noise is known.
* *Measured shots* of any backend or sampler.

Which of the two it was is the business of `qconv.execution.outcomes.outcomes`, not of a method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import length_hint
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from qconv._progress import progress_bar
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.device.backends import Backend, is_ideal
from qconv.execution.device.calibration import Calibrations, require_readout_errors
from qconv.execution.device.jobs import LEAST_SUCCESS, Jobs, kept_counts, measured_counts, too_noisy
from qconv.execution.device.physical import Physical, physical
from qconv.execution.device.samplers import ShotLog
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import LEAK, Outcomes
from qconv.execution.program import Program, Saving, append_measurement
from qconv.execution.seeds import ROUNDS, derived, stream_name
from qconv.execution.simulate.noise import executions_until, noise_of, noisy_probabilities
from qconv.execution.simulate.probabilities import born_probabilities, saved_probabilities
from qconv.result.numbers import contents

#: Physical circuits and the laws of their noisy outcomes, by the contents of what was asked for.
Known: TypeAlias = dict[bytes, tuple[Physical, NDArray[np.float64]]]

UNKNOWN_PROBABILITIES = (
    "backend: expected None or a simulator of noise, whose law can be computed; this one would "
    "have to count shots"
)

_Array = NDArray[np.float64]


def run(
    programs: Iterable[Program],
    sampling: Sampling,
    *,
    known: Known | None = None,
    progress: bool = False,
    counting: bool = True,
    kept: Checkpoint | None = None,
) -> Iterator[Outcomes]:
    """Run programs one after the other, each when the outcomes of the one before were taken.

    Args:
        programs: What to run; each circuit is built when its turn comes.
        sampling: How. Probabilities are computed if the backend is None, if a program asks for
            exact ones, or if it is a noisy simulator whose probabilities can be computed; any other
            backend counts shots.
        known: Noisy laws that were computed before, to which new ones are added.
        progress: Show a progress bar.
        counting: False if every law must be known.
        kept: What was gathered before, which is not run again, and where to keep what is; None for
            nowhere.

    Yields:
        Outcomes of each program.

    Raises:
        RuntimeError: A law is not known, and shots are not to be counted.
        ValueError: The exact law is asked for where it cannot be known; a circuit does not fit on
            the backend or in memory; a sampler repeats its shots; readout errors are to be
            corrected where there are none.
        RuntimeError: A job failed, or next to nothing of a program is ever kept.
    """
    backend, mitigation = sampling.backend, sampling.mitigation
    log = ShotLog(None if kept is None else set(kept.names))
    jobs = Jobs(backend, log, sampling.job_shots, progress=progress, kept=kept)
    noise, calibrations = noise_of(backend), None
    if mitigation is not None:
        require_readout_errors(jobs)
        calibrations = Calibrations(mitigation, jobs, noise)
    with progress_bar(length_hint(programs) or None, "circuit", show=progress) as bar:
        simulated = _Simulated(backend, bar)
        for program in programs:
            bar.set_description_str("building a circuit")
            if noise is not None or (backend is not None and program.executions is not None):
                outcomes = _on_backend(program, jobs, noise, calibrations, known, counting)
            else:
                later = kept is not None and kept.sums(program.seed).known
                probabilities, circuit = simulated.of(program, later=later)
                outcomes = Outcomes(program, probabilities=probabilities, ideal=True, ran=circuit)
            streams = _streams(program) | outcomes.streams
            yield replace(outcomes, streams=streams, checkpoint=kept, progress=progress)
            bar.update()


def _streams(program: Program) -> frozenset[str]:
    """Name of the random stream that a program's outcomes are drawn from or split by."""
    return frozenset() if program.executions is None else frozenset({stream_name(program.seed)})


@dataclass
class _Simulated:
    """Laws that an ideal simulator computes."""

    backend: Backend
    bar: Any
    """Where to say what is being done."""
    _latest: tuple[Saving, dict[str, _Array]] | None = None

    def of(
        self, program: Program, *, later: bool
    ) -> tuple[_Array | Callable[[], _Array], QuantumCircuit | None]:
        """The law of a program, and the circuit that was made for it if one was.

        Args:
            program: To simulate.
            later: True to simulate it only when its law is asked for, if ever.
        """
        if later:
            return (lambda: self._simulated(program)[0]), None
        return self._simulated(program)

    def _simulated(self, program: Program) -> tuple[_Array, QuantumCircuit | None]:
        if program.saved is not None:
            saving, label = program.saved
            if self._latest is None or self._latest[0] is not saving:
                circuit = saving.build()
                self._say(circuit)
                saved = saved_probabilities(circuit, self.backend, program.measured)
                self._latest = saving, saved
            return self._latest[1][label], None
        circuit = program.built()
        measured = program.measurement(circuit)
        self._say(circuit)
        probabilities = born_probabilities(circuit, self.backend, measured=measured)
        _require_kept(program, probabilities)
        append_measurement(circuit, measured)
        return probabilities, circuit

    def _say(self, circuit: QuantumCircuit) -> None:
        self.bar.set_description_str(f"simulating a circuit of {circuit.num_qubits} qubits")


def _require_kept(program: Program, probabilities: _Array) -> None:
    """Refuse a law that puts probability where its program says that nothing comes."""
    if program.keep is not None and probabilities[~program.keep].sum() > LEAK:
        raise RuntimeError(
            "keep: expected all that the ideal circuit can give, got "
            f"{probabilities[program.keep].sum():.12g} of its probability"
        )


def _on_backend(
    program: Program,
    jobs: Jobs,
    noise: NoiseModel | None,
    calibrations: Calibrations | None,
    known: Known | None,
    counting: bool,
) -> Outcomes:
    """Outcomes of a backend: by the law of its noise, where that is known and pays, or measured.

    Where readout errors are corrected nothing is discarded, as counts are what is corrected.
    """
    circuit, readout = program.circuit(), None
    key = b"" if known is None or noise is None else contents(circuit)
    made, probabilities = (known or {}).get(key) or (physical(circuit, jobs.backend), None)
    if calibrations is not None:
        readout = calibrations.of(program, made)
        program = replace(program, keep=None)
    if probabilities is None and noise is not None:
        probabilities = noisy_probabilities(made, noise, program.executions)
    if probabilities is not None:
        if known is not None:
            known[key] = made, probabilities
        outcomes = _by_probabilities(program, probabilities, circuit)
    elif program.executions is None:
        raise ValueError(
            "shots: expected a whole number with this backend; None (the exact expectation) needs "
            "a simulator whose law can be computed"
        )
    elif not counting:
        raise RuntimeError(UNKNOWN_PROBABILITIES)
    else:
        outcomes = _measured(program, made, jobs, circuit)
    return outcomes if readout is None else replace(outcomes, readout=readout)


def _by_probabilities(program: Program, probabilities: _Array, circuit: QuantumCircuit) -> Outcomes:
    """Outcomes by the law of a simulator of noise."""
    success, executed = 1.0, program.executions
    if program.keep is not None:
        probabilities = probabilities * program.keep
        success = float(probabilities.sum())
        if success < LEAST_SUCCESS:
            raise RuntimeError(too_noisy(f"{100 * success:.2g} % of the"))
        probabilities /= success
        if executed is not None:
            executed = executions_until(executed, success, derived(program.seed, ROUNDS))
    return Outcomes(
        program, probabilities=probabilities, executed=executed, success=success, ran=circuit
    )


def _measured(
    program: Program,
    made: Physical,
    jobs: Jobs,
    circuit: QuantumCircuit,
) -> Outcomes:
    """Measure a program on a backend, in histograms of the sizes that it wants."""
    histograms, executed = [], 0
    for number, shots in enumerate(program.portions or (program.executions or 0,)):
        if program.keep is None:
            seed = derived(program.seed, number) if program.portions else program.seed
            histogram = measured_counts(made, shots, jobs, seed)
            executed += histogram.total
            if not histogram.total:
                raise RuntimeError(f"backend: expected {shots} shots, got none back")
        else:
            seed = derived(program.seed, number)
            histogram, took = kept_counts(made, program.keep, shots, jobs, seed)
            executed += took
        histograms.append(histogram)
    return Outcomes(
        program,
        histograms=tuple(histograms),
        executed=executed,
        streams=frozenset(jobs.log.names),
        ideal=is_ideal(jobs.backend),
        ran=circuit,
    )
