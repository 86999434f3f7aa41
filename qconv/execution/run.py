"""Running: programs run one after the other and give outcomes.

There are two ways to obtain the outcomes of a circuit:

* *Probabilities*: Born probabilities computed by Aer, or the probabilities of noisy outcomes if the
  noise of a simulator is known.
* *Measured shots* of any backend or sampler.

Methods do not depend on which of the two ways was used, see `qconv.execution.outcomes.outcomes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import length_hint
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_aer.noise import NoiseModel

from qconv._progress import progress_bar
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.device.backends import Backend, is_ideal, require_available
from qconv.execution.device.calibration import Calibrations, require_readout_errors
from qconv.execution.device.jobs import LEAST_SUCCESS, Jobs, kept_counts, measured_counts, too_noisy
from qconv.execution.device.physical import Physical, physical
from qconv.execution.device.samplers import ShotLog
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import LEAK, Outcomes
from qconv.execution.program import Program, Saving, append_measurement
from qconv.execution.seeds import ROUNDS, derived, stream_name
from qconv.execution.simulate.noise import executions_until, noise_of, noisy_probabilities
from qconv.execution.simulate.probabilities import (
    NO_EXPECTATION,
    born_probabilities,
    saved_probabilities,
)
from qconv.result.numbers import contents

#: Physical circuits and the probabilities of their noisy outcomes, by a digest of the circuit.
Known: TypeAlias = dict[bytes, tuple[Physical, NDArray[np.float64]]]

UNKNOWN_PROBABILITIES = (
    "backend: expected None or a noisy simulator whose outcome probabilities can be computed, got "
    "a backend that can only count shots"
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
    earlier: frozenset[str] = frozenset(),
) -> Iterator[Outcomes]:
    """Run programs one after the other, each when the previous outcomes have been consumed.

    Args:
        programs: Programs; each circuit is built when its program runs.
        sampling: Backend and options. Probabilities are computed if the backend is None, if a
            program requests exact ones, or for a noisy simulator if they can be computed. Any other
            backend counts shots.
        known: Noisy probabilities that have been computed, extended by new probabilities; None to
            keep no probabilities.
        progress: Whether to show a progress bar.
        counting: False to require that all probabilities can be computed.
        kept: Checkpoint with earlier outcomes, extended by new outcomes; None for no checkpoint.
        earlier: Names of the random streams of a result to which these outcomes are added.

    Yields:
        Outcomes of each program.

    Raises:
        RuntimeError: If a job failed, too few outcomes of a program are kept, or shots would have
            to be counted with ``counting=False``.
        ValueError: If exact probabilities cannot be computed, a circuit does not fit on the backend
            or in memory, or a sampler repeats its shots. It is also raised if Aer cannot simulate
            on the backend's device, or if readout errors of an ideal simulator should be corrected.
    """
    backend, mitigation = sampling.backend, sampling.mitigation
    require_available(backend)
    if kept is not None and kept.result is not None:
        earlier |= kept.result.streams
    log = ShotLog(earlier | (kept.names if kept is not None else frozenset()))
    jobs = Jobs(backend, log, sampling.job_shots, progress=progress, kept=kept)
    noise, calibrations = noise_of(backend), None
    if mitigation is not None:
        require_readout_errors(jobs)
        calibrations = Calibrations(mitigation, jobs, noise)
    with progress_bar(length_hint(programs) or None, "circuit", show=progress) as bar:
        simulator = _IdealSimulator(backend, bar)
        for program in programs:
            bar.set_description_str("building a circuit")
            if noise is not None or (backend is not None and program.executions is not None):
                outcomes = _on_backend(program, jobs, noise, calibrations, known, counting)
            else:
                later = kept is not None and kept.sums(program.seed).known
                outcomes = simulator.outcomes(program, later=later)
            streams = outcomes.streams
            if program.executions is not None:
                streams |= {stream_name(program.seed)}
            streams -= earlier
            yield replace(outcomes, streams=streams, checkpoint=kept, progress=progress)
            bar.update()


@dataclass
class _IdealSimulator:
    """Simulates programs without noise."""

    backend: Backend
    bar: Any
    """Progress bar, whose description is updated."""
    _latest: tuple[Saving, dict[str, _Array]] | None = None

    def outcomes(self, program: Program, *, later: bool) -> Outcomes:
        """Return the outcomes of a program, simulated now or, if ``later``, when needed."""
        if later:
            return Outcomes(program, probabilities=lambda: self._run(program)[0], ideal=True)
        probabilities, circuit = self._run(program)
        return Outcomes(program, probabilities=probabilities, ideal=True, ran=circuit)

    def _run(self, program: Program) -> tuple[_Array, QuantumCircuit | None]:
        """Return the probabilities of a program, and its circuit unless several programs share it.

        Raises:
            RuntimeError: If the ideal circuit has outcomes that the program would discard.
        """
        if program.saved is not None:
            saving, label = program.saved
            if self._latest is None or self._latest[0] is not saving:
                circuit = self._announced(saving.build())
                saved = saved_probabilities(circuit, self.backend, program.measured)
                self._latest = saving, saving.complete(saved)
            return self._latest[1][label], None
        circuit = self._announced(program.built())
        measured = program.measurement(circuit)
        probabilities = born_probabilities(circuit, self.backend, measured=measured)
        keep = program.keep
        if keep is not None and probabilities[~keep].sum() > LEAK:
            raise RuntimeError(
                "keep: expected a selection of all outcomes that are possible without noise, got a "
                f"selection with probability {probabilities[keep].sum():.12g}"
            )
        append_measurement(circuit, measured)
        return probabilities, circuit

    def _announced(self, circuit: QuantumCircuit) -> QuantumCircuit:
        self.bar.set_description_str(f"simulating a circuit of {circuit.num_qubits} qubits")
        return circuit


def _on_backend(
    program: Program,
    jobs: Jobs,
    noise: NoiseModel | None,
    calibrations: Calibrations | None,
    known: Known | None,
    counting: bool,
) -> Outcomes:
    """Compute or measure a program's outcomes on a backend.

    Probabilities are computed if the noise is known and this takes less time than running shots.
    With readout correction nothing is discarded, because all counts are needed for it.
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
        outcomes = _computed(program, probabilities, circuit)
    elif program.executions is None:
        raise ValueError(NO_EXPECTATION)
    elif not counting:
        raise RuntimeError(UNKNOWN_PROBABILITIES)
    else:
        outcomes = _measured(program, made, jobs, circuit)
    return outcomes if readout is None else replace(outcomes, readout=readout)


def _computed(program: Program, probabilities: _Array, circuit: QuantumCircuit) -> Outcomes:
    """Return outcomes of a noisy simulator whose probabilities were computed."""
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


def _measured(program: Program, made: Physical, jobs: Jobs, circuit: QuantumCircuit) -> Outcomes:
    """Measure a program on a backend, in histograms of the requested sizes."""
    histograms, executed = [], 0
    for number, shots in enumerate(program.portions or (program.executions or 0,)):
        seed = derived(program.seed, number)
        if program.keep is None:
            seed = seed if program.portions else program.seed
            histogram = measured_counts(made, shots, jobs, seed)
            executed += histogram.total
            if not histogram.total:
                raise RuntimeError(f"backend: expected {shots} shots, got an empty result")
        else:
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
