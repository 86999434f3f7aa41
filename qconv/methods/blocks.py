"""Blocks: divide a large image among circuits with a fixed, small number of qubits.

A whole-image circuit needs one more qubit for twice as many pixels. Convolution is linear and
local, so the image can be cut into blocks, each convolved by its own circuit. Let the kernel have
``h`` positions along an axis. There are two ways to combine the blocks:

* *Overlap-add* cuts the image into adjacent blocks. The convolution of a block of ``n`` pixels has
  ``n + h - 1`` pixels. Results are added where neighbours overlap. Registers must hold the larger
  block, so that nothing wraps around.
* *Overlap-save* cuts the result into adjacent blocks. A block of ``n`` pixels is computed from
  ``n + h - 1`` pixels of the image. Registers hold these pixels only. Values that wrap around end
  at positions that are not used.

In both cases, a block of ``n`` pixels needs ``n + h - 1`` basis states along an axis. The size of
the blocks minimises the total cost of the circuits: the number of basis states, plus a constant for
each circuit.

Every block has its own executions, in proportion to its size, but at least one. The errors of
blocks are therefore independent, and variances add where blocks overlap. A block with success
probability 0 runs no circuit and does not contribute to the result. The result keeps the circuits
of the first block that ran; `Blocks.blocks` lists all blocks.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import Numbers, one_of, whole_number
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.layout import Layout, Part
from qconv.observables.observable import Observable
from qconv.planning.method import (
    WHOLE_IMAGE,
    LoadingError,
    Method,
    Prediction,
    Prepared,
    check_method,
)
from qconv.planning.number import Number
from qconv.planning.plan import Plan
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.diagnostics import Diagnostics, assembled
from qconv.result.numbers import root_of_squares

_Array = NDArray[np.float64]

SCHEMES = ("overlap-add", "overlap-save")


@dataclass(frozen=True)
class Blocks(Method):
    """Cut the image into blocks, each convolved by its own circuit.

    Args:
        method: Method that convolves each block: `qconv.Diffusion`, `qconv.Interference` or
            `qconv.Fourier`.
        scheme: ``"overlap-add"`` cuts the image into blocks and adds their results; this scheme
            requires a method with signed results. ``"overlap-save"`` cuts the result into blocks
            and computes them from overlapping pieces of the image.
        qubits: Maximum number of qubits of any circuit that runs, ancillas included. Circuits that
            are built only to count gates for a device may exceed this maximum, because they may use
            additional ancillas to save gates.

    Raises:
        TypeError: If ``method`` is not a whole-image method, or ``qubits`` is not an integer.
        ValueError: If ``scheme`` is unknown or cannot be combined with the method or its padding,
            or if ``qubits`` is below 1.

    Source:
        Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3.

    Example:
        >>> import qconv
        >>> method = qconv.Blocks(qconv.Fourier(), "overlap-add", qubits=5)
        >>> plan = qconv.plan(list(range(20)), [1, 2, 1], method=method)
        >>> len(method.blocks(plan)), plan.cost.qubits
        (4, 5)
    """

    method: Method
    scheme: str = "overlap-add"
    qubits: int = 16

    whole_image: ClassVar[bool] = True

    def __post_init__(self) -> None:
        method = check_method(self.method, WHOLE_IMAGE)
        one_of(self.scheme, "scheme", SCHEMES)
        method.check_blocks(self.scheme)
        object.__setattr__(self, "qubits", whole_number(self.qubits, "qubits", 1))

    @property
    def steps(self) -> int:
        """Number of times that the method applies the kernel."""
        return self.method.steps

    @property
    def signed(self) -> bool:
        """Whether estimates of the method have signs."""
        return self.method.signed

    @property
    def corrects_readout(self) -> bool:
        """Whether counts of the method can be corrected for readout errors."""
        return self.method.corrects_readout

    @property
    def loads_exactly(self) -> bool:
        """Whether circuits of the method load images exactly."""
        return self.method.loads_exactly

    @property
    def takes_complex(self) -> bool:
        """Whether the method takes complex images and kernels."""
        return self.method.takes_complex

    @property
    def nonnegative(self) -> bool:
        """Whether the method requires images without negative values."""
        return self.method.nonnegative

    def prepare(self, plan: Problem) -> PreparedBlocks:
        """Return the `Prepared` object (circuits and their decoding) for one plan."""
        return PreparedBlocks(self, plan)

    def blocks(self, plan: Plan) -> list[Plan]:
        """Return the blocks as plans of their own, in the order in which their circuits run."""
        layout = self.prepare(plan).layout
        return [cast(Plan, layout.part(number).work.plan) for number in layout.numbers]

    def check_blocks(self, scheme: str) -> None:
        """Raise a `TypeError`, because blocks cannot be cut into blocks."""
        raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")


@dataclass(frozen=True, eq=False)
class PreparedBlocks(Prepared[Blocks]):
    """Circuits for the blocks of one plan's image, and the decoding of their outcomes."""

    @cached_property
    def layout(self) -> Layout:
        """Blocks of the image, and the positions of their results."""
        return Layout.of(self.plan, self.method.method, self.method.scheme, self.method.qubits)

    @property
    def programs(self) -> Iterable[Program]:
        """Programs of all blocks; each block is prepared when the iterator reaches it."""
        return _Programs(self.layout)

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode every block and combine the results."""
        total = _Total(self.layout)
        for part in map(self.layout.part, self.layout.numbers):
            own = islice(outcomes, len(part.programs))
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
                result = part.work.decode(own)
            deque(own, maxlen=0)  # skips outcomes that the block did not read
            total.add(part, result)
        if not total.circuits:
            warnings.warn(
                "image: the success probability is 0 for every block; the result is zero, no "
                "circuit was run",
                RuntimeWarning,
                stacklevel=4,
            )
        return total.result()

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuits of the first block, which is the largest."""
        return self.layout.part(self.layout.numbers[0]).work.num_qubits

    @property
    def costliest(self) -> Program | None:
        """Costliest program of the first block with a circuit; None if no block has a circuit."""
        return next((part.work.costliest for part in self.layout.lit()), None)

    @property
    def propagator(self) -> Propagator:
        """Propagator that the circuits of the method encode."""
        return self.method.method.prepare(self.plan).propagator

    def predict(self) -> Prediction:
        """Predict the success probability of all executions, and the combined errors of blocks."""
        stderr: Numbers = np.zeros(self.plan.grid.output_shape, self.plan.result_type)
        success, pixels = 0.0, 0
        for part in self.layout.lit():
            block, expected = part.block, part.work.predict()
            if expected.success is None or expected.stderr is None:
                return Prediction()
            seen, target = self.layout.places(block)
            stderr[target] = root_of_squares(stderr[target], expected.stderr[seen])
            success += block.pixels * expected.success
            pixels += block.pixels
        return Prediction(success / max(pixels, 1), stderr)

    def loading_error(self) -> LoadingError | None:
        """Return the errors of all blocks, combined; None if images are loaded exactly."""
        if self.method.loads_exactly:
            return None
        total = LoadingError.none(self.plan.grid.output_shape)
        for part in self.layout.lit():
            found = part.work.loading_error()
            if found is not None:
                seen, target = self.layout.places(part.block)
                total.bias[target] += found.bias[seen]
                total.filtered[target] += found.filtered[seen]
        return total

    def number(self, observable: Observable) -> Number:
        """Raise, because each block has a circuit of its own.

        Raises:
            TypeError: If it is called.
        """
        raise TypeError(
            f"observable: expected one circuit for the picture, got {self.method!r}; estimate the "
            f"{type(observable).__name__} of each block, or use qconv.Collapse(), whose circuit "
            "does not hold the image"
        )

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Sides of a block, because each block has its own random stream (overlap-save only)."""
        if self.method.scheme != "overlap-save":
            raise ValueError(
                "scheme: expected 'overlap-save' to compute the result part by part, got "
                f"{self.method.scheme!r}, which adds the results of neighbouring blocks"
            )
        return self.layout.parts[0].shape


@dataclass(frozen=True, eq=False)
class _Programs:
    """Programs of all blocks, with a hint of their number for progress bars."""

    layout: Layout

    def __iter__(self) -> Iterator[Program]:
        for part in self.layout.lit():
            yield from part.programs

    def __length_hint__(self) -> int:
        return len(self.layout.numbers)


class _Total:
    """Sums of the results of blocks."""

    def __init__(self, layout: Layout) -> None:
        plan = layout.plan
        self._plan, self._layout = plan, layout
        self._image, self._stderr = np.zeros((2, *plan.grid.output_shape), plan.result_type)
        self._diagnostics: list[tuple[tuple[slice, ...], Diagnostics]] = []
        self._kept, self._expected, self._kept_variance, self._pixels = 0.0, 0.0, 0.0, 0
        self._shots, self._calls, self._planned, self._came = 0, 0, 0, 0
        self._streams, self._variant, self._independent = plan.streams, "", True
        self.circuits: tuple[QuantumCircuit, ...] = ()

    def add(self, part: Part, result: Convolution) -> None:
        """Add the result of a block; ignore it if no circuit ran."""
        self._independent &= result.independent
        if not result.circuits:
            return
        seen, target = self._layout.places(part.block)
        pixels = part.block.pixels
        self._image[target] += result.image[seen]
        self._stderr[target] = root_of_squares(self._stderr[target], result.stderr[seen])
        if result.diagnostics is not None and (own := result.diagnostics[seen]) is not None:
            self._diagnostics.append((target, own))
        self._pixels += pixels
        self._kept += pixels * result.success_probability
        self._expected += pixels * (result.expected_success or 0.0)
        self._kept_variance += (pixels * result.success_stderr) ** 2
        self._shots += result.total_shots
        self._planned += part.executions
        self._came += part.executions * int(np.max(result.shots or 1)) // (self._plan.shots or 1)
        self._calls += result.oracle_calls
        if not self.circuits:
            self.circuits = result.circuits
            self._variant = result.quantity.removeprefix(part.work.plan.quantity)
        self._streams |= result.streams

    def result(self) -> Convolution:
        """Return the result of all blocks."""
        pixels = self._pixels or 1
        diagnostics = assembled(self._image.shape, self._diagnostics)
        estimate = None if diagnostics is None else diagnostics.estimate()  # as for sums of results
        image, stderr = (self._image, self._stderr) if estimate is None else estimate
        return self._plan.result(
            image,
            stderr,
            [],
            shots=self._plan.shots_that_came(self._planned, self._came),
            total_shots=self._shots if self.circuits else self._plan.whole_shots or 0,
            circuits=self.circuits,
            success_probability=self._kept / pixels,
            success_stderr=math.sqrt(self._kept_variance) / pixels,
            expected_success=self._expected / pixels,
            oracle_calls=self._calls,
            independent=self._independent,
            diagnostics=diagnostics,
            variant=self._variant,
            covariance=np.zeros(self._image.shape) if np.iscomplexobj(self._image) else None,
            streams=self._streams,
        )
