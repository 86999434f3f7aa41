"""Blocks: a large image by circuits of a fixed, small number of qubits. Divide and conquer.

A whole-image circuit needs a qubit more for every doubling of the image. Convolution is linear and
local, so an image can be cut into blocks instead, each of which is convolved by a circuit of its
own. With ``h`` kernel positions along an axis there are two ways to make the blocks meet:

* *Overlap-add* cuts the image into blocks that touch. The convolution of a block of ``n`` pixels
  is larger, ``n + h - 1``; where neighbours overlap, their results are added. Registers must hold
  the larger block, so that nothing wraps around.
* *Overlap-save* cuts the result into blocks that touch. Each is read from a piece of the image that
  is larger, ``n + h - 1`` pixels. Registers hold that piece and no more: what wraps around ends
  where nothing is read.

Either way a block of ``n`` pixels takes ``n + h - 1`` cells along an axis. The block is chosen by
the cost of all circuits together: their number of cells, and something for each circuit.

Every block has shots of its own, in proportion to its size but at least one, so that its errors are
its own: where blocks overlap, variances add. A dark block, of which nothing is left, runs no
circuit, and counts for nothing. Of the circuits the result keeps the first that ran;
`Blocks.blocks` lists all blocks.
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

from qconv._checks import one_of, whole_number
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.layout import Layout, Part
from qconv.planning.method import WHOLE_IMAGE, Method, Prediction, Prepared, check_method
from qconv.planning.plan import Plan
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.diagnostics import Diagnostics, assembled

_Array = NDArray[np.float64]

SCHEMES = ("overlap-add", "overlap-save")


@dataclass(frozen=True)
class Blocks(Method):
    """Cut the image into blocks, each in a circuit of its own, by overlap-add or overlap-save.

    Args:
        method: `qconv.Diffusion`, `qconv.Interference` or `qconv.Fourier`, which convolves each
            block.
        scheme: ``"overlap-add"`` (blocks of the image, whose results are added; needs a method
            that is signed) or ``"overlap-save"`` (blocks of the result, read from pieces of the
            image that overlap).
        qubits: Most qubits of a circuit that runs, registers and ancillas together. What is counted
            for a device may have more ancillas, where that saves gates.

    Raises:
        TypeError: ``method`` is none of these, or ``qubits`` no whole number.
        ValueError: ``scheme`` is unknown or does not go with the method or its padding, or
            ``qubits`` is below 1.

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
        whole_number(self.qubits, "qubits", 1)

    @property
    def steps(self) -> int:
        """Number of times that the method applies the kernel."""
        return self.method.steps

    @property
    def signed(self) -> bool:
        """Whether the method's estimates have signs."""
        return self.method.signed

    @property
    def corrects_readout(self) -> bool:
        """Whether the method's counts can be corrected for readout errors."""
        return self.method.corrects_readout

    @property
    def nonnegative(self) -> bool:
        """Whether the method needs an image without negative values."""
        return self.method.nonnegative

    def prepare(self, plan: Problem) -> PreparedBlocks:
        """Return the work for one plan."""
        return PreparedBlocks(self, plan)

    def blocks(self, plan: Plan) -> list[Plan]:
        """Return the blocks as plans of their own, in the order in which their circuits run."""
        return [cast(Plan, part) for part in self.prepare(plan).layout.plans()]

    def check_blocks(self, scheme: str) -> None:
        """Refuse: blocks are not cut again."""
        raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")


@dataclass(frozen=True, eq=False)
class PreparedBlocks(Prepared[Blocks]):
    """The work for every block of one plan's image, and where the results belong."""

    @cached_property
    def layout(self) -> Layout:
        """The image cut into blocks."""
        return Layout.of(self.plan, self.method.method, self.method.scheme, self.method.qubits)

    @property
    def programs(self) -> Iterable[Program]:
        """The programs of every block, each prepared when its turn comes."""
        return _Programs(self.layout)

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Convolve every block and combine the results."""
        return _together(self.layout, _results(self.layout, outcomes))

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuits of the first block, the largest."""
        return self.layout.part(self.layout.numbers[0]).work.num_qubits

    @property
    def costliest(self) -> Program | None:
        """The method's costliest program, of the first block that is not dark."""
        return next((part.work.costliest for part in self.layout.lit()), None)

    @property
    def propagator(self) -> Propagator:
        """The propagator that the method's circuits encode."""
        return self.method.method.prepare(self.plan).propagator

    def predict(self) -> Prediction:
        """Predict the success of all executions, and errors, combined where blocks overlap."""
        stderr = np.zeros(self.plan.grid.output_shape)
        success, pixels = 0.0, 0
        for part in self.layout.lit():
            block, expected = part.block, part.work.predict()
            if expected.success is None or expected.stderr is None:
                return Prediction()
            seen, target = self.layout.places(block)
            stderr[target] = np.hypot(stderr[target], expected.stderr[seen])
            success += block.pixels * expected.success
            pixels += block.pixels
        return Prediction(success / max(pixels, 1), stderr)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Sides of a block, as each has a random stream of its own, with overlap-save."""
        if self.method.scheme != "overlap-save":
            raise ValueError(
                "scheme: expected 'overlap-save' to compute the result part by part, because "
                f"results of neighbouring blocks are added with {self.method.scheme!r}"
            )
        return self.layout.parts[0].shape


def _results(layout: Layout, outcomes: Iterator[Outcomes]) -> Iterator[tuple[Part, Convolution]]:
    """Each block, and what its circuits gave."""
    for part in map(layout.part, layout.numbers):
        gathered = islice(outcomes, len(part.programs))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
            result = part.work.decode(gathered)
        deque(gathered, maxlen=0)  # what it did not ask for
        yield part, result


@dataclass(frozen=True, eq=False)
class _Programs:
    """The programs of all blocks, each laid out when its turn comes."""

    layout: Layout

    def __iter__(self) -> Iterator[Program]:
        for part in self.layout.lit():
            yield from part.programs

    def __length_hint__(self) -> int:
        return len(self.layout.numbers)


def _together(layout: Layout, results: Iterator[tuple[Part, Convolution]]) -> Convolution:
    """Add the blocks' results where they belong, and their variances."""
    total = _Total(layout)
    for part, result in results:
        total.add(part, result)
    if not total.circuits:
        why = "nothing is left of any block: the success probability is 0; the result is zero"
        warnings.warn(f"image: {why}, no circuit was run", RuntimeWarning, stacklevel=5)
    return total.result()


class _Total:
    """Sums over blocks."""

    def __init__(self, layout: Layout) -> None:
        plan = layout.plan
        self._plan, self._layout = plan, layout
        self._image, self._stderr = np.zeros((2, *plan.grid.output_shape))
        self._diagnostics: list[tuple[tuple[slice, ...], Diagnostics]] = []
        self._kept, self._expected, self._kept_variance, self._pixels = 0.0, 0.0, 0.0, 0
        self._shots, self._calls, self._planned, self._came = 0, 0, 0, 0
        self._streams, self._variant, self._independent = plan.streams, "", True
        self.circuits: tuple[QuantumCircuit, ...] = ()

    def add(self, part: Part, result: Convolution) -> None:
        """Add a block's result; a dark one counts for nothing."""
        self._independent &= result.independent
        if not result.circuits:
            return
        seen, target = self._layout.places(part.block)
        pixels = part.block.pixels
        self._image[target] += result.image[seen]
        self._stderr[target] = _root_of_squares(self._stderr[target], result.stderr[seen])
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
        """The result of all blocks."""
        pixels = self._pixels or 1
        diagnostics = assembled(self._image.shape, self._diagnostics)
        estimate = None if diagnostics is None else diagnostics.estimate()  # as sums have it
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
            streams=self._streams,
        )


def _root_of_squares(one: _Array, other: _Array) -> _Array:
    """Two errors together, neither of whose squares may over- or underflow."""
    exponents = np.frexp(np.maximum(one, other))[1]
    unit = np.ldexp(1.0, np.clip(exponents, -1000, 1000))
    return np.asarray(np.sqrt(np.square(one / unit) + np.square(other / unit)) * unit)
