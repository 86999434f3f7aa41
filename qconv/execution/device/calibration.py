"""Calibration: readout errors of a backend's qubits, estimated by running circuits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.transpiler import Target, generate_preset_pass_manager
from qiskit_aer.noise import NoiseModel

from qconv.execution.device.jobs import Jobs, measured_counts
from qconv.execution.device.physical import Physical, target_of, without_noise
from qconv.execution.outcomes.readout import Readout, ReadoutMitigation
from qconv.execution.program import Program
from qconv.execution.seeds import CALIBRATION, derived, random_state
from qconv.execution.simulate.noise import noisy_probabilities

_Array = NDArray[np.float64]

#: Number of qubits per density matrix.
_TOGETHER = 5


def require_readout_errors(jobs: Jobs) -> None:
    """Raise a ``ValueError`` if the backend is an ideal simulator, which has no readout errors."""
    if without_noise(jobs.backend):
        raise ValueError(
            "mitigation: expected a backend with readout errors, got an ideal simulator"
        )


@dataclass(frozen=True, eq=False)
class Calibrations:
    """Readout errors of one call; each qubit is calibrated when it is first measured."""

    mitigation: ReadoutMitigation
    """Options of the correction."""
    jobs: Jobs
    """Jobs that run the calibration circuits."""
    noise: NoiseModel | None
    """Noise model of a simulator, used to draw its counts; None to measure the counts."""
    _known: dict[int, tuple[_Array, _Array]] = field(default_factory=dict, repr=False)
    """Errors and their variances, by qubit."""

    def of(self, program: Program, physical: Physical) -> Readout:
        """Return the readout errors of a circuit's bits, calibrating new qubits.

        Raises:
            RuntimeError: If a job failed, or the readout contains no information.
            ValueError: If errors were given, but not the errors of a qubit.
        """
        qubits = physical.measured
        if not self.mitigation.calibrates:
            return _told(self.mitigation.given(qubits, len(qubits)), physical.flipped)
        new = [qubit for qubit in qubits if qubit not in self._known]
        wanted = program.executions
        shots = None if wanted is None else self.mitigation.shots_for(wanted)
        if new:
            ones = [self._ones(new, value, physical, program, shots) for value in (0, 1)]
            for qubit, a, b in zip(new, ones[0], 1 - ones[1], strict=True):
                self._known[qubit] = _estimate(qubit, np.array([a, b]), shots)
        errors, variances = zip(*(self._known[qubit] for qubit in qubits), strict=True)
        executions = 2 * (shots or 0) if new else 0
        readout = Readout(np.array(errors), np.array(variances), executions)
        return _told(readout, physical.flipped)

    def _ones(
        self, qubits: list[int], value: int, physical: Physical, program: Program, shots: int | None
    ) -> _Array:
        """Return how often each qubit is read as 1, with all of them prepared in ``value``."""
        seed = derived(program.seed, CALIBRATION, value)
        probabilities = self._probabilities(qubits, value, physical)
        if probabilities is not None:
            if shots is None:
                return probabilities
            return random_state(seed).binomial(shots, probabilities) / shots
        if shots is None:
            raise ValueError(
                "shots: expected an integer, got None (exact); the readout errors of this backend "
                "can only be estimated from counts"
            )
        circuit = self._prepared(qubits, value, physical)
        counted = measured_counts(circuit, shots, self.jobs, seed)
        if not counted.total:
            raise RuntimeError(f"backend: expected {shots} shots, got an empty result")
        bits = counted.outcomes[:, np.newaxis] >> np.arange(len(qubits)) & 1
        return np.asarray(counted.counts @ bits / counted.total)

    def _probabilities(self, qubits: list[int], value: int, physical: Physical) -> _Array | None:
        """Return the probability of reading each qubit as 1; None if it cannot be computed.

        The circuit does not entangle the qubits, so they are simulated a few at a time.
        """
        if self.noise is None:
            return None
        found: list[float] = []
        for start in range(0, len(qubits), _TOGETHER):
            some = qubits[start : start + _TOGETHER]
            p = noisy_probabilities(self._prepared(some, value, physical), self.noise, None)
            if p is None:
                return None
            found += [float(p.reshape(-1, 2, 1 << bit)[:, 1].sum()) for bit in range(len(some))]
        return np.array(found)

    @cached_property
    def _target(self) -> Target | None:
        """Gates of the backend, cached because Aer rebuilds them; None if they are unknown."""
        backend = target_of(self.jobs.backend)
        return None if backend is None else backend.target

    def _prepared(self, qubits: list[int], value: int, physical: Physical) -> Physical:
        """Return a circuit that prepares the same value on some qubits and measures them."""
        circuit = QuantumCircuit(physical.circuit.num_qubits)
        circuit.add_register(ClassicalRegister(len(qubits), "meas"))
        if value:
            circuit.x(qubits)
        circuit.barrier(qubits)
        circuit.measure(qubits, range(len(qubits)))
        target = self._target
        if target is None or all(target.instruction_supported("x", (q,)) for q in qubits):
            return Physical(circuit)
        layout = list(range(circuit.num_qubits))
        manager = generate_preset_pass_manager(0, target=target, initial_layout=layout)
        return Physical(manager.run(circuit))


def _estimate(qubit: int, errors: _Array, shots: int | None) -> tuple[_Array, _Array]:
    """Return errors with their variances, after adding one count of each kind to avoid 0."""
    if errors.sum() >= 1:
        raise RuntimeError(
            f"mitigation: the readout of qubit {qubit} contains no information: it reads 0 as 1 in "
            f"{100 * errors[0]:.3g} % and 1 as 0 in {100 * errors[1]:.3g} % of the executions"
        )
    if shots is None:
        return errors, np.zeros(2)
    likely = (errors * shots + 1) / (shots + 2)
    return errors, likely * (1 - likely) / shots


def _told(readout: Readout, flipped: int) -> Readout:
    """Return the errors of the original circuit's bits, some of which are measured inverted."""
    swapped = [bool(flipped >> bit & 1) for bit in range(len(readout.errors))]
    turn = np.array(swapped)[:, np.newaxis]
    return replace(
        readout,
        errors=np.where(turn, readout.errors[:, ::-1], readout.errors),
        variances=np.where(turn, readout.variances[:, ::-1], readout.variances),
    )
