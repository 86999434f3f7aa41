"""Encoded images: what the methods that hold a whole image in one circuit have in common."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Qubit

from qconv._checks import require_products
from qconv.circuits.amplification.preparation import GatePreparation, Preparation, RotationTree
from qconv.circuits.amplification.rounds import Rounds
from qconv.circuits.registers import LARGE, AmplitudePreparation, prepare
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import JOBS, derived
from qconv.execution.simulate.probabilities import require_room
from qconv.methods.whole_image.outcome_counts import Labels, OutcomeCounts
from qconv.methods.whole_image.register_layout import RegisterLayout
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Kernels whose largest magnitude is within this and its inverse are taken as they are.
_SMALLEST = 1e-290


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """A plan's image on its cells, in units of its brightest pixel."""

    plan: Problem
    layout: RegisterLayout
    content: _Array
    """One number for every basis state of the position registers, largest magnitude 1 (or 0)."""
    unit: float
    """Largest magnitude of the image with its margins."""

    @classmethod
    def of(
        cls,
        plan: Problem,
        others: int = 0,
        measured: int = 0,
        prepared: int = 0,
        padding: str = "auto",
    ) -> EncodedImage:
        """Lay out a plan's image.

        Args:
            plan: The plan.
            others: How many qubits its circuit will have at least besides the position's.
            measured: How many of these will be measured, at least.
            prepared: How many of these will be prepared together with the image.
            padding: One of `qconv.methods.whole_image.register_layout.PADDINGS`.

        Raises:
            ValueError: It would not fit in memory, or ``padding`` does not suit the plan.
        """
        layout = RegisterLayout(plan.grid, padding)
        if plan.simulated:
            n = layout.num_qubits
            require_room(n + others, n + measured, n + prepared, plan.grid.image_shape)
        content = layout.content(plan.image)
        unit = max(float(content.max()), -float(content.min()))
        if unit > 0:
            content /= unit
        return cls(plan, layout, content, unit)

    def family(self, adder: str) -> str:
        """The family of adders, if ``adder`` leaves the choice."""
        return self.plan.adder if adder == "auto" else adder

    def program(
        self,
        shell: Callable[[], QuantumCircuit],
        amplitudes: Callable[[], _Array],
        measured: int,
        then: Callable[[QuantumCircuit], None] = lambda circuit: None,
        rounds: Rounds | None = None,
    ) -> Program:
        """The one program: amplitudes are prepared, and what follows acts on them.

        Args:
            shell: Makes what follows the preparation, its first qubits those to be prepared.
            amplitudes: Of as many of its first qubits as they need.
            measured: How many of its first qubits are measured.
            then: Appends what comes after that, and is large: it is not copied.
            rounds: Of amplitude amplification, after the preparation; None for none.
        """
        rounds = rounds or Rounds(0, lambda circuit: None)

        def build() -> QuantumCircuit:
            circuit = self._prepared(shell(), amplitudes(), measured, rounds)
            then(circuit)
            return circuit

        shots, calls = self.plan.whole_shots, 2 * rounds.number + 1
        return Program(build, shots, derived(self.plan.seed, JOBS), measured, calls)

    def _prepared(
        self, shell: QuantumCircuit, amplitudes: _Array, measured: int, rounds: Rounds
    ) -> QuantumCircuit:
        """A circuit with the preparation in front, and rounds if there are any.

        Raises:
            ValueError: It would not fit in memory.
        """
        qubits = shell.qubits[: amplitudes.size.bit_length() - 1]
        if self.plan.simulated:
            shape = self.plan.grid.image_shape
            require_room(shell.num_qubits, measured, len(qubits), shape)
        circuit = shell.copy_empty_like()
        if self.plan.counted:
            circuit.append(AmplitudePreparation(amplitudes.ravel()), qubits, copy=False)
        else:
            prepare(circuit, amplitudes.ravel(), qubits, native=self.plan.native)
        if rounds.number and self.plan.native and amplitudes.size >= LARGE:
            rounds.append_boxes(circuit, amplitudes, qubits)
        elif rounds.number:
            rounds.append(circuit, self._undoable(amplitudes, qubits), qubits)
        circuit.compose(shell, inplace=True, copy=False)
        return circuit

    def _undoable(self, amplitudes: _Array, qubits: Sequence[Qubit]) -> Preparation:
        """The preparation that suits where the circuit runs."""
        if self.plan.native:
            return RotationTree(amplitudes, qubits)
        return GatePreparation(amplitudes, qubits, boxed=self.plan.counted)

    def counts(
        self, outcomes: Outcomes, labels: Labels, *, everywhere: bool = False
    ) -> OutcomeCounts:
        """How often the program's shots ended in each cell; see `OutcomeCounts.of`."""
        seed = self.plan.seed
        return OutcomeCounts.of(outcomes, self.layout, labels, seed, everywhere=everywhere)

    @cached_property
    def kernel(self) -> tuple[_Array, float]:
        """The kernel in the order of what is added, and by what it was divided.

        Numbers next to the end of the range of floating point are brought to its middle.
        """
        kernel = self.layout.added(self.plan.propagator.effective_kernel)
        largest = float(np.abs(kernel).max())
        if largest == 0 or _SMALLEST < largest < 1 / _SMALLEST:
            return kernel, 1.0
        exponent = int(np.frexp(largest)[1])
        return np.ldexp(kernel, -exponent), float(np.ldexp(1.0, exponent))

    def transfer(self, kernel: _Array) -> _Spectrum:
        """Transfer function on the cells' lattice of a kernel in the order of what is added."""
        lattice = np.zeros(self.layout.shape)
        axes = zip(kernel.shape, self.layout.shape, self.layout.origin, strict=True)
        places = np.ix_(*((np.arange(h) - origin) % size for h, size, origin in axes))
        np.add.at(lattice, places, kernel)
        return np.fft.fftn(lattice)

    @property
    def _spectrum(self) -> _Spectrum:
        return np.fft.fftn(self.content)

    def through(self, transfer: _Spectrum) -> _Array:
        """The exact content of the cells that are read, after a filter."""
        filtered = np.fft.ifftn(self._spectrum * transfer).real
        return np.asarray(self.layout.read(filtered.ravel()))

    def passing(self, transfer: _Spectrum) -> float:
        """The part of the content's square that a filter passes, in cells that are read or not."""
        total = float(np.sum(np.square(np.abs(self._spectrum))))
        passed = float(np.sum(np.square(np.abs(self._spectrum * transfer))))
        return passed / total if total else 0.0

    def in_units(self, numbers: _Array, factor: float) -> _Array:
        """Numbers times ``factor`` and the brightest pixel.

        Raises:
            ValueError: They leave the range of floating point.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            product = np.asarray(numbers * factor * self.unit)
        require_products(float(np.abs(product).max()))
        return product

    def predicted(self, success: float, variance: _Array | float, factor: float) -> Prediction:
        """A prediction from the variance of one execution in each cell that is read."""
        shots = self.plan.whole_shots
        each = np.broadcast_to(np.sqrt(np.maximum(variance, 0)), self.layout.read_shape)
        spread = self.in_units(each, factor) / math.sqrt(shots) if shots else np.zeros_like(each)
        return Prediction(min(max(success, 0.0), 1.0), self.layout.outputs(spread))

    def result(
        self,
        counted: OutcomeCounts,
        estimate: tuple[_Array, _Array],
        factor: float,
        *,
        expected: float,
        gain: float = 1.0,
        offset: float = 0.0,
        variant: str = "",
        **more: Any,
    ) -> Convolution:
        """The result.

        Args:
            counted: What it was estimated from.
            estimate: Numbers and standard errors of the cells that are read.
            factor: Their unit, relative to the brightest pixel.
            expected: Success probability, predicted.
            gain: The success probability is ``gain`` times the part of the executions that was kept
                plus ``offset``.
            offset: See ``gain``.
            variant: Tells quantities apart that are estimated from the same plan.
            more: Other fields of the result.
        """
        plan = self.plan
        image, stderr = (self.layout.outputs(self.in_units(part, factor)) for part in estimate)
        return plan.result(
            image,
            stderr,
            [counted.outcomes],
            success_probability=gain * counted.kept + offset,
            success_stderr=gain * counted.kept_stderr,
            expected_success=min(max(expected, 0.0), 1.0),
            independent=self.layout.distinct and not counted.outcomes.calibration_shots,
            variant=variant,
            **more,
        )

    def nothing(self, why: str) -> Convolution:
        """The result where no execution would be of use: zero, and nothing is run.

        Warns with a ``RuntimeWarning`` that says why.
        """
        warnings.warn(
            f"{why}: the success probability is 0; the result is zero, no circuit was run",
            RuntimeWarning,
            stacklevel=5,
        )
        shape = self.plan.grid.output_shape
        return self.plan.result(
            np.zeros(shape),
            np.zeros(shape),
            [],
            total_shots=self.plan.whole_shots or 0,
            success_probability=0.0,
            expected_success=0.0,
            independent=self.layout.distinct,
            quantity=self.plan.quantity,
            streams=self.plan.streams,
        )


_M = TypeVar("_M", bound=Method)


@dataclass(frozen=True, eq=False)
class PreparedImage(Prepared[_M]):
    """The work of a method that holds one plan's whole image in one circuit."""

    shared: EncodedImage | None = field(default=None, repr=False)
    """The image as an earlier plan encoded it; None to encode it."""

    @cached_property
    def encoded(self) -> EncodedImage:
        """The image on its cells."""
        return self._encode() if self.shared is None else replace(self.shared, plan=self.plan)

    @abstractmethod
    def _encode(self) -> EncodedImage:
        """Encode the plan's image."""

    def again(self, plan: Problem) -> Self:
        """Prepare other shots with the same encoded image."""
        return replace(self, plan=plan, shared=self.encoded)
