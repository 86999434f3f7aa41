"""Costs of running plans, counted on the circuits before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Protocol

from qiskit import QuantumCircuit
from qiskit.providers import BackendV2

from qconv._checks import numpy_defaults
from qconv.circuits.registers import LOADINGS, PREPARATIONS, append_again
from qconv.circuits.resources import Resources, resources
from qconv.execution.program import Program
from qconv.execution.simulate.probabilities import state_memory
from qconv.observables.observable import Observable
from qconv.planning.fault_tolerant import FaultTolerantCost, Priced, price
from qconv.planning.method import LoadingError, Prediction
from qconv.planning.problem import Problem
from qconv.result.numbers import root_mean_square

#: Maximum number of qubits of instructions whose gates are counted; formulas bound larger
#: instructions.
_COUNTED_QUBITS = 6

#: Number of equal steps above which not all of them are counted, and number of steps of the circuit
#: that is counted instead: `test_many_steps` compares the results.
_MANY_STEPS, _FEW_STEPS = 8, 3

_PREPARING = "preparing the image"

#: Purpose of each instruction that has a formula, and its maximum number of two-qubit gates.
_FORMULAS: dict[str, tuple[str, Callable[[int], int]]] = {
    "diagonal": ("the diagonal", lambda n: 2**n - 2),
    "flag_rotation": ("rotating the flag", lambda n: 2 ** (n - 1)),
    "ucry": ("rotating by the image", lambda n: 2 ** (n - 1)),
    **dict.fromkeys(PREPARATIONS, (_PREPARING, lambda n: 2**n - n - 1)),
}


class Costed(Priced, Protocol):
    """Circuits whose cost is counted: a `Prepared` object, or a plan of numbers."""

    @property
    def plan(self) -> Problem:
        """Plan of the picture."""

    @property
    def costliest(self) -> Program | None:
        """Program whose gates are counted; None if there are no programs."""

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the largest circuit."""

    def predict(self) -> Prediction:
        """Predict the success probability and the standard errors."""

    def loading_error(self) -> LoadingError | None:
        """Return the exact error of approximate loading; None if the image is loaded exactly."""


@dataclass(frozen=True)
class Cost:
    """Cost of running a plan.

    Gates are counted on the costliest circuit as a device would run it. The circuit is transpiled
    to ``rz, sx, x, cx``; for a ``BackendV2`` other than a noise-free simulator, it is transpiled
    for that backend.

    Formulas give upper bounds for instructions of more than six qubits. A state preparation of
    ``n`` qubits takes at most ``2**n - n - 1`` controlled NOTs (Iten et al. 2016,
    arXiv:1501.06911). A diagonal takes at most ``2**n - 2`` (Bullock and Markov 2004,
    quant-ph/0303039). A rotation of one qubit, multiplexed by the others, takes at most
    ``2**(n - 1)`` (Mottonen et al. 2004, quant-ph/0404089).

    Example:
        >>> import qconv
        >>> kernel = qconv.named_kernel("gaussian")
        >>> plan = qconv.plan(
        ...     [[1, 2], [3, 4]], kernel, method=qconv.Diffusion(), mode="same", shots=100
        ... )
        >>> plan.cost.qubits, plan.cost.executions, plan.cost.oracle_calls
        (8, 400, 400)
        >>> round(plan.cost.expected_success, 4)  # the other particles leave the image
        0.5625
    """

    qubits: int
    """Number of qubits of the largest circuit as run, ancillas included."""
    circuits: int
    """Number of circuits. The two circuits that calibrate the readout are not included."""
    executions: int
    """Total number of executions, including executions that calibrate the readout; 0 for the exact
    expectation."""
    oracle_calls: int
    """Total number of applications of the state preparation or its inverse."""
    expected_success: float | None
    """Predicted success probability of an execution; None if the method does not predict it."""
    rmse: float | None
    """Predicted root mean square error over all pixels, in the unit of the result; 0 if exact, None
    if the method predicts no errors. It includes ``loading_bias``, and excludes the systematic
    error due to noise."""
    memory: int
    """Memory, in bytes, to simulate the largest circuit and hold its outcome probabilities."""
    filtering: Resources
    """Resources of the filter on a device, without the preparation of the image and without the
    instructions that `bounds` covers."""
    preparation: Resources
    """Resources of the preparation of the image on a device; zero if it is in `bounds`."""
    bounds: Mapping[str, int]
    """Upper bounds for numbers of two-qubit gates, computed with formulas, by the purpose of the
    gates, such as ``"preparing the image"``."""
    _on_device: Costed = field(repr=False, compare=False)
    """The method prepared for counting the gates of a device."""
    loading_bias: float | None = None
    """Root mean square over all pixels of the error that approximate loading causes, in the unit of
    the result; None if the image is loaded exactly."""

    @numpy_defaults
    def fault_tolerant(
        self,
        error: float = 0.01,
        *,
        estimator: str = "auto",
        hardware: str = "qubit_gate_ns_e3",
        spare_qubits: int | None = None,
        observable: Observable | None = None,
        oracle_calls: int = 10_000,
    ) -> FaultTolerantCost:
        """Compute the price of the whole answer on an error-corrected machine.

        The answer is the image, or one number of the filtered image by amplitude estimation.

        Args:
            error: Error budget: largest total variation distance of the outcomes of any circuit
                from the ideal outcomes, between 0 and 1. One third of the budget is for the
                approximation of rotations, one for logical qubits, and one for T states.
            estimator: ``"qdk"`` for Microsoft's estimator (needs qsharp), ``"formula"`` for the
                formulas that ``print`` shows, or ``"auto"`` for QDK if it is installed.
            hardware: Physical qubits: ``"qubit_gate_ns_e3"``, ``"qubit_gate_ns_e4"``,
                ``"qubit_gate_us_e3"`` or ``"qubit_gate_us_e4"``. Superconducting circuits take
                nanoseconds and ions microseconds per gate, with error rates of 1e-3 or 1e-4.
            spare_qubits: Maximum number of additional qubits for reading several entries of a table
                at the same time. The angles of image, kernel and filter are then read from tables
                by Toffoli gates. None for one rotation per angle, without tables.
            observable: Number to estimate by ``qconv.estimate(estimator="schedule")`` instead of
                the image, such as `Energy`; None for the image.
            oracle_calls: Number of oracle calls for estimating ``observable``, as ``shots`` of
                `qconv.estimate`. Not used without ``observable``.

        Returns:
            T states, logical and physical qubits, and the time of all executions.

        Raises:
            ModuleNotFoundError: If the estimator is not installed.
            TypeError: If the method cannot measure the observable.
            ValueError: If an argument has a wrong value, no surface code reaches the error, or the
                number is not proportional to one probability.

        Example:
            >>> import qconv
            >>> plan = qconv.plan([0, 10, 20, 10], [1, -1], method=qconv.Fourier(), shots=1000)
            >>> energy = plan.cost.fault_tolerant(observable=qconv.Energy(), estimator="formula")
            >>> energy.executions < 1000 < plan.cost.executions
            True
        """
        if observable is not None and not isinstance(observable, Observable):
            raise TypeError(
                f"observable: expected an object like qconv.Energy(), got {observable!r}"
            )
        return price(
            self._on_device, error, estimator, hardware, spare_qubits, observable, oracle_calls
        )

    @property
    def two_qubit_gates(self) -> int:
        """Number of two-qubit gates of the circuit; an upper bound if there are `bounds`."""
        return self.filter_gates + self.preparation.two_qubit_gates + self.bounds.get(_PREPARING, 0)

    @property
    def two_qubit_depth(self) -> int:
        """Two-qubit depth of the circuit; an upper bound if there are `bounds`."""
        return self.filter_depth + self.preparation.two_qubit_depth + self.bounds.get(_PREPARING, 0)

    @property
    def filter_gates(self) -> int:
        """Number of two-qubit gates without the preparation of the image."""
        return self.filtering.two_qubit_gates + self._filter_bounds

    @property
    def filter_depth(self) -> int:
        """Two-qubit depth without the preparation of the image."""
        return self.filtering.two_qubit_depth + self._filter_bounds

    @property
    def _filter_bounds(self) -> int:
        return sum(gates for name, gates in self.bounds.items() if name != _PREPARING)

    @numpy_defaults
    def __str__(self) -> str:
        most = "at most " if self.bounds else ""
        filter_most = "at most " if self._filter_bounds else ""
        rows = [
            ("circuits", f"{self.circuits:,}"),
            ("executions", f"{self.executions:,}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
            ("expected success", _number(self.expected_success)),
            ("expected error (rmse)", _number(self.rmse)),
            *self._loading_rows,
            ("qubits", f"{self.qubits} (counted for a device: {self.filtering.qubits})"),
            ("two-qubit gates", f"{most}{self.two_qubit_gates:,}"),
            ("  without the image", f"{filter_most}{self.filter_gates:,}"),
            ("two-qubit depth", f"{most}{self.two_qubit_depth:,}"),
            ("  without the image", f"{filter_most}{self.filter_depth:,}"),
            ("memory to simulate", f"{self.memory / 2**20:,.1f} MiB"),
        ]
        return "\n".join(f"{name:<26}{text}" for name, text in rows)

    @property
    def _loading_rows(self) -> list[tuple[str, str]]:
        """Row of the loading bias; empty if the image is loaded exactly."""
        bias = self.loading_bias
        return [] if bias is None else [("  rms loading bias", _number(bias))]

    @property
    def on_device(self) -> str:
        """Table of the circuit's gates on a device, with the bounds given by formulas."""
        lines = [f"{name}: at most {n:,} more two-qubit gates" for name, n in self.bounds.items()]
        if self.preparation.two_qubit_gates:
            more = f"{self.preparation.two_qubit_gates:,} more two-qubit gates"
            lines.append(f"{_PREPARING}: {more}")
        return "\n".join([str(self.filtering), *lines])


def _number(value: float | None) -> str:
    return "not predicted" if value is None else f"{value:.6g}"


def cost_of(work: Costed, on_device: Costed) -> Cost:
    """Compute the cost of a plan, prepared for its own backend and for counting device gates.

    The circuits are built, but not run.
    """
    plan = work.plan
    programs = list(work.programs)
    prediction, loading = work.predict(), work.loading_error()
    rmse = None if prediction.stderr is None else root_mean_square(prediction.stderr)
    if rmse is not None and loading is not None:
        rmse = math.hypot(rmse, loading.rms)
    largest = work.costliest
    qubits = work.num_qubits
    measured = qubits if largest is None or largest.measured is None else largest.measured
    counted = on_device.costliest
    backend = plan.sampling.backend
    backend = backend if isinstance(backend, BackendV2) else None
    filtering, preparation, bounds = _counted_program(counted, None if plan.simulated else backend)
    first = (programs[0].executions or 0) if programs else 0
    mitigation = plan.sampling.mitigation
    calibration = 0 if mitigation is None else mitigation.executions(first)
    return Cost(
        qubits=qubits,
        circuits=len(programs),
        executions=sum(program.executions or 0 for program in programs) + calibration,
        oracle_calls=sum((program.executions or 0) * program.oracle_calls for program in programs),
        expected_success=prediction.success,
        rmse=rmse,
        memory=state_memory(qubits, measured) if programs else 0,
        filtering=filtering,
        preparation=preparation,
        bounds=bounds,
        loading_bias=None if loading is None else loading.rms,
        _on_device=on_device,
    )


def gates_of_data(circuit: QuantumCircuit) -> int:
    """Return an upper bound of the two-qubit gates that encode image, kernel and filter."""
    return sum(
        _FORMULAS[item.name][1](len(item.qubits)) for item in circuit if item.name in _FORMULAS
    )


def _counted_program(
    program: Program | None, backend: BackendV2 | None
) -> tuple[Resources, Resources, dict[str, int]]:
    """Return the resources of a program's circuit, as `_counted` does.

    All steps but the first and the last have the same two-qubit gates and the same two-qubit depth
    if no gate is routed. The resources of many steps therefore follow from two circuits with few
    steps. The depth and the T gates can differ by a few per cent from those of all steps, because
    the transpiler's rounding decides whether a rotation is left out.
    """
    if program is None:
        return _counted(QuantumCircuit(1), backend)
    steps = program.steps
    if steps is None or steps.number <= _MANY_STEPS or backend is not None:
        return _counted(program.build(), backend)
    few, more = (_counted(steps.build(number), None) for number in (_FEW_STEPS, _FEW_STEPS + 1))
    times = steps.number - _FEW_STEPS

    def extended(one: int, other: int) -> int:
        return one + times * (other - one)

    filtering, preparation = (
        Resources(*map(extended, astuple(one), astuple(other)))
        for one, other in zip(few[:2], more[:2], strict=True)
    )
    return filtering, preparation, {key: extended(few[2][key], n) for key, n in more[2].items()}


def _counted(
    circuit: QuantumCircuit, backend: BackendV2 | None
) -> tuple[Resources, Resources, dict[str, int]]:
    """Return the resources of filtering and preparation, and the bounds given by formulas."""
    preparing, filtering = circuit.copy_empty_like(), circuit.copy_empty_like()
    bounds: dict[str, int] = {}
    for item in circuit:
        purpose, most = _FORMULAS.get(item.name, ("", int))
        loads = purpose == _PREPARING or item.name in LOADINGS
        part = preparing if loads else filtering
        if purpose and len(item.qubits) > _COUNTED_QUBITS:
            part.barrier()  # without it, gates before and after could cancel
            bounds[purpose] = bounds.get(purpose, 0) + most(len(item.qubits))
        else:
            append_again(part, item)
    return resources(filtering, backend), resources(preparing, backend), bounds
