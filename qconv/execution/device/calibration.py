"""Calibration: the readout errors of a backend's qubits, found by running circuits on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer.noise import NoiseModel

from qconv.execution.device.jobs import Jobs, measured_counts
from qconv.execution.device.physical import Physical, target_of, without_noise
from qconv.execution.outcomes.readout import Readout, ReadoutMitigation
from qconv.execution.program import Program
from qconv.execution.seeds import CALIBRATION, derived, random_state
from qconv.execution.simulate.noise import noisy_probabilities

_Array = NDArray[np.float64]

#: Qubits whose density matrix is computed together.
_TOGETHER = 5


def require_readout_errors(jobs: Jobs) -> None:
    """Refuse to correct what an ideal simulator reads without errors.

    Raises:
        ValueError: The backend is one.
    """
    if without_noise(jobs.backend):
        raise ValueError(
            "mitigation: expected a backend with readout errors, got an ideal simulator, which has "
            "none to correct"
        )


@dataclass(frozen=True, eq=False)
class Calibrations:
    """The readout errors of one call, each qubit calibrated when it is first measured."""

    mitigation: ReadoutMitigation
    """What is wanted."""
    jobs: Jobs
    """Where circuits run."""
    noise: NoiseModel | None
    """That a simulator imitates, so that what it would count can be drawn."""
    _known: dict[int, tuple[_Array, _Array]] = field(default_factory=dict, repr=False)
    """Of every qubit: its errors, and their variances."""

    def of(self, program: Program, physical: Physical) -> Readout:
        """The readout errors of a circuit's bits.

        Args:
            program: What is about to run: how often, and with which seed.
            physical: Its circuit.

        Raises:
            RuntimeError: A job failed, or the readout tells nothing.
            ValueError: Errors were given, but not of all qubits.
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
        """How often each qubit is read as 1 if all of them are prepared as 0, or as 1."""
        seed = derived(program.seed, CALIBRATION, value)
        probabilities = self._probabilities(qubits, value, physical)
        if probabilities is not None:
            if shots is None:
                return probabilities
            return random_state(seed).binomial(shots, probabilities) / shots
        if shots is None:
            raise ValueError(
                "shots: expected an integer with this backend, whose readout errors can only "
                "be counted"
            )
        circuit = self._prepared(qubits, value, physical)
        counted = measured_counts(circuit, shots, self.jobs, seed)
        if not counted.total:
            raise RuntimeError(f"backend: expected {shots} shots, got none back")
        bits = counted.outcomes[:, np.newaxis] >> np.arange(len(qubits)) & 1
        return np.asarray(counted.counts @ bits / counted.total)

    def _probabilities(self, qubits: list[int], value: int, physical: Physical) -> _Array | None:
        """The probabilities to read each qubit as 1; None where they can only be counted.

        Qubits do not act on each other here, so a few at a time are as good as all together.
        """
        found: list[float] = []
        for start in range(0, len(qubits) if self.noise is not None else 0, _TOGETHER):
            some = qubits[start : start + _TOGETHER]
            probabilities = noisy_probabilities(
                self._prepared(some, value, physical), self.noise, None
            )
            if probabilities is None:
                return None
            found += [
                float(probabilities.reshape(-1, 2, 1 << bit)[:, 1].sum())
                for bit in range(len(some))
            ]
        return np.array(found) if found else None

    @cached_property
    def _flips(self) -> bool:
        """Whether an X gate is one of the backend's own, which Aer takes long to tell."""
        backend = target_of(self.jobs.backend)
        return backend is None or "x" in backend.operation_names

    def _prepared(self, qubits: list[int], value: int, physical: Physical) -> Physical:
        """A circuit that prepares the same bit on each of some qubits and measures them."""
        circuit = QuantumCircuit(physical.circuit.num_qubits)
        circuit.add_register(ClassicalRegister(len(qubits), "meas"))
        if value:
            circuit.x(qubits)
        circuit.barrier(qubits)
        circuit.measure(qubits, range(len(qubits)))
        if self._flips:
            return Physical(circuit)
        backend = target_of(self.jobs.backend)
        layout = list(range(circuit.num_qubits))
        manager = generate_preset_pass_manager(0, backend=backend, initial_layout=layout)
        return Physical(manager.run(circuit))


def _estimate(qubit: int, errors: _Array, shots: int | None) -> tuple[_Array, _Array]:
    """Errors with their variances, which are those of one count more of either kind: not 0."""
    if errors.sum() >= 1:
        raise RuntimeError(
            f"mitigation: the readout of qubit {qubit} tells nothing: it reads 0 as 1 in "
            f"{100 * errors[0]:.3g} % and 1 as 0 in {100 * errors[1]:.3g} % of the executions"
        )
    if shots is None:
        return errors, np.zeros(2)
    likely = (errors * shots + 1) / (shots + 2)
    return errors, likely * (1 - likely) / shots


def _told(readout: Readout, flipped: int) -> Readout:
    """The errors as the circuit sees them that was asked for: some bits are read the other way."""
    swapped = [bool(flipped >> bit & 1) for bit in range(len(readout.errors))]
    turn = np.array(swapped)[:, np.newaxis]
    return replace(
        readout,
        errors=np.where(turn, readout.errors[:, ::-1], readout.errors),
        variances=np.where(turn, readout.variances[:, ::-1], readout.variances),
    )
