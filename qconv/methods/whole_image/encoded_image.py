"""Encoded images: the common base of the methods with a whole image in one circuit."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from scipy import fft

from qconv._checks import Numbers, largest_magnitude, require_products
from qconv.circuits.amplification.rounds import Rounds, after_preparation
from qconv.circuits.regions import Marks
from qconv.execution.program import Program, Steps
from qconv.execution.seeds import JOBS, derived
from qconv.execution.simulate.probabilities import require_room
from qconv.methods.whole_image.diagnostics import CountDiagnostics
from qconv.methods.whole_image.outcome_counts import OutcomeCounts
from qconv.methods.whole_image.reading import Reading
from qconv.methods.whole_image.register_layout import RegisterLayout, mirrored_axes
from qconv.methods.whole_image.state import State
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Kernels with a largest magnitude between this and its inverse are used unchanged.
_SMALLEST = 1e-290


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """A plan's image on the basis states of its registers, in units of its brightest pixel."""

    plan: Problem
    """The plan."""
    layout: RegisterLayout
    """Layout of the position registers."""
    content: Numbers
    """Value at every basis state, with largest magnitude 1; 0 for an all-zero image."""
    unit: float
    """Largest magnitude of the image, including its margins."""

    @classmethod
    def of(
        cls,
        plan: Problem,
        others: int = 0,
        measured: int = 0,
        prepared: int = 0,
        padding: str = "auto",
        mirror: bool = False,
    ) -> EncodedImage:
        """Encode a plan's image.

        Args:
            plan: The plan.
            others: Minimum number of qubits of the circuit in addition to the position qubits.
            measured: Minimum number of these additional qubits that are measured.
            prepared: Number of these additional qubits that are prepared together with the image.
            padding: One of `qconv.methods.whole_image.register_layout.PADDINGS`.
            mirror: Whether axes that can be mirrored are mirrored. Counts that are corrected for
                readout errors need positions that do not depend on other qubits.

        Raises:
            ValueError: If the simulation would not fit in memory, or ``padding`` does not suit the
                plan.
        """
        mirrored = None
        if mirror and plan.sampling.mitigation is None:
            propagator = plan.propagator
            mirrored = mirrored_axes(plan.grid, [propagator.probabilities, propagator.weights])
            others, measured = others + sum(mirrored), measured + sum(mirrored)
        layout = RegisterLayout(plan.grid, padding, mirrored)
        if plan.simulated:
            n = layout.num_qubits
            require_room(n + others, n + measured, n + prepared, plan.grid.image_shape)
        content = layout.content(plan.image)
        unit = largest_magnitude(content)
        if unit > 0:
            content /= unit
        return cls(plan, layout, content, unit)

    def family(self, adder: str) -> str:
        """Return the adder family, which the plan selects if ``adder`` is ``"auto"``."""
        return self.plan.adder if adder == "auto" else adder

    def program(
        self,
        shell: Callable[[], QuantumCircuit],
        state: Callable[[], State],
        measured: int,
        then: Callable[[QuantumCircuit], None] = lambda circuit: None,
        rounds: Rounds | None = None,
    ) -> Program:
        """Return the program that prepares a state and applies a circuit to it.

        Args:
            shell: Function that returns the circuit that follows the preparation.
            state: Function that returns the state of the first qubits of the circuit.
            measured: Number of measured qubits, counted from the first qubit.
            then: Function that appends large gates at the end, which avoids a copy of them.
            rounds: Rounds of amplitude amplification after the preparation; None for no rounds.

        Building the circuit raises a ``ValueError`` if its simulation would not fit in memory.
        """
        amplified = rounds or Rounds(0, lambda circuit: None)
        plan = self.plan

        def build(number: int = amplified.number) -> QuantumCircuit:
            made, prepared = shell(), state()
            content = prepared.amplitudes
            qubits = made.qubits[: content.size.bit_length() - 1]
            if plan.simulated:
                require_room(made.num_qubits, measured, len(qubits), plan.grid.image_shape)
            circuit = after_preparation(
                made,
                content,
                lambda: prepared.gates(boxed=plan.counted),
                replace(amplified, number=number),
                native=plan.native,
            )
            then(circuit)
            return circuit

        calls = 2 * amplified.number + 1
        return Program(
            build,
            plan.whole_shots,
            derived(plan.seed, JOBS),
            measured,
            calls,
            steps=Steps(amplified.number, build),
        )

    def amplified(
        self,
        shell: Callable[[], QuantumCircuit],
        state: Callable[[], State],
        marked: NDArray[np.bool_],
        power: int,
        then: Callable[[QuantumCircuit], None] = lambda circuit: None,
    ) -> Program:
        """Return the program with rounds that amplify marked outcomes.

        Args:
            shell: Function that returns the circuit that follows the preparation, and leaves its
                ancillas in ``|0>``.
            state: Function that returns the state of the first qubits of the circuit.
            marked: Whether each outcome is marked, shape ``(2**measured,)``.
            power: Number of rounds.
            then: Function that appends large gates at the end.
        """
        plan, position = self.plan, self.layout.bits[::-1]
        measured = marked.size.bit_length() - 1
        bits = *position, *[1] * (measured - sum(position))
        marks = Marks(marked, bits, native=plan.native, counted=plan.counted)

        def with_room() -> QuantumCircuit:
            return marks.make_room(shell())

        def reflect(circuit: QuantumCircuit) -> None:
            whole = with_room()
            then(whole)
            circuit.compose(whole, inplace=True)
            marks.append(circuit)
            circuit.compose(whole.inverse(), inplace=True)

        rounds = Rounds(power, reflect)
        return self.program(with_room if power else shell, state, measured, then, rounds)

    @cached_property
    def kernel(self) -> tuple[Numbers, float]:
        """Scaled kernel in the order of the added numbers, and the number by which it was divided.

        Kernels near the ends of the floating-point range are scaled to its middle.
        """
        kernel = self.layout.added(self.plan.propagator.effective_kernel)
        largest = float(np.abs(kernel).max())
        if largest == 0 or _SMALLEST < largest < 1 / _SMALLEST:
            return kernel, 1.0
        exponent = int(np.frexp(largest)[1])
        parts = kernel.view(np.float64)  # a complex kernel as pairs of numbers
        scaled = np.ldexp(parts, -exponent).view(kernel.dtype)
        return scaled, float(np.ldexp(1.0, exponent))

    def transfer(self, kernel: Numbers) -> _Spectrum:
        """Return the transfer function of a kernel in the order of added numbers."""
        lattice = np.zeros(self.layout.ring, kernel.dtype)
        axes = zip(kernel.shape, self.layout.ring, self.layout.origin, strict=True)
        places = np.ix_(*((np.arange(h) - origin) % size for h, size, origin in axes))
        np.add.at(lattice, places, kernel)
        return np.asarray(fft.fftn(lattice))

    def spectrum(self, content: Numbers | None = None) -> _Spectrum:
        """Compute the Fourier transform of other content; None for the content of the image."""
        ring = self.layout.on_ring(self.content if content is None else content)
        return np.asarray(fft.fftn(ring))  # for real input, twice as fast as NumPy

    def through(self, transfer: _Spectrum) -> Numbers:
        """Return the exact content after a filter, at the basis states that are read."""
        return np.asarray(self.layout.read(self.everywhere(transfer)))

    def everywhere(self, transfer: _Spectrum, spectrum: _Spectrum | None = None) -> Numbers:
        """Return the exact content after a filter at all basis states, flattened.

        Args:
            transfer: Transfer function of the filter.
            spectrum: Fourier transform of the content; None to compute it.
        """
        spectrum = self.spectrum() if spectrum is None else spectrum
        filtered: Numbers = self.layout.from_ring(fft.ifftn(spectrum * transfer))
        return np.asarray((filtered if self.plan.is_complex else filtered.real).ravel())

    def passing(self, transfer: _Spectrum, spectrum: _Spectrum) -> float:
        """Return the fraction of the content's squared norm that passes a filter."""
        total = float(np.sum(np.square(np.abs(spectrum))))
        passed = float(np.sum(np.square(np.abs(spectrum * transfer))))
        return passed / total if total else 0.0

    def in_units(self, numbers: _Array, factor: float) -> _Array:
        """Return numbers times ``factor`` times the magnitude of the brightest pixel.

        Raises:
            ValueError: If a product exceeds the floating-point range.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            product = np.asarray(numbers * factor * self.unit)
        require_products(float(np.abs(product).max()))
        return product

    def predicted(self, success: float, variance: _Array | float, factor: float) -> Prediction:
        """Return the prediction, given the variance of one execution at each basis state read."""
        shots = self.plan.whole_shots
        each = np.broadcast_to(np.sqrt(np.maximum(variance, 0)), self.layout.read_shape)
        stderr = self.in_units(each, factor) / math.sqrt(shots) if shots else np.zeros_like(each)
        return Prediction(min(max(success, 0.0), 1.0), self.layout.outputs(stderr))

    def result(
        self,
        counted: OutcomeCounts,
        reading: Reading,
        *,
        expected: float,
        gain: float = 1.0,
        offset: float = 0.0,
        variant: str = "",
    ) -> Convolution:
        """Return the result.

        Args:
            counted: Counts of the estimate.
            reading: Reading, which computes estimates from the counts.
            expected: Expected success probability.
            gain: Factor of the fraction of kept executions in the success probability.
            offset: Difference of the success probability from ``gain`` times this fraction.
            variant: String that distinguishes different estimates from the same plan.
        """
        plan, tally = self.plan, counted.tally
        estimate = reading.estimate(tally)
        image, stderr = (self.in_units(part, reading.factor) for part in estimate)
        diagnostics = None
        if counted.executions and not tally.corrected:
            block = np.zeros(plan.grid.output_shape, dtype=np.intp)
            diagnostics = CountDiagnostics(tally.sums.astype(np.int64), (reading,), block)
        return plan.result(
            image,
            stderr,
            [counted.outcomes],
            success_probability=gain * counted.kept + offset,
            success_stderr=gain * counted.kept_stderr,
            expected_success=min(max(expected, 0.0), 1.0),
            independent=self.layout.distinct and not counted.outcomes.calibration_shots,
            variant=variant,
            diagnostics=diagnostics,
        )

    def nothing(self, why: str) -> Convolution:
        """Return zeros without running anything, and emit a ``RuntimeWarning`` with the reason."""
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
    """A method that encodes the whole image in one circuit, prepared for one plan."""

    shared: EncodedImage | None = field(default=None, repr=False)
    """Image that an earlier plan encoded; None to encode the image."""

    @cached_property
    def encoded(self) -> EncodedImage:
        """The encoded image."""
        return self._encode() if self.shared is None else replace(self.shared, plan=self.plan)

    @abstractmethod
    def _encode(self) -> EncodedImage:
        """Encode the plan's image."""

    def again(self, plan: Problem) -> Self:
        """Return the `Prepared` object for another plan, with the same encoded image."""
        return replace(self, plan=plan, shared=self.encoded)
