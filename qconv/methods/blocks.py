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
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv.execution.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import BLOCKS, derived
from qconv.grid import Grid, plan_grid
from qconv.methods.cutting import Block, cut
from qconv.planning.method import WHOLE_IMAGE, Method, Prediction, check_method
from qconv.planning.plan import Plan
from qconv.propagator import Propagator
from qconv.result import Convolution

_Array = NDArray[np.float64]

SCHEMES = ("overlap-add", "overlap-save")

#: What a block costs beside its cells, in cells: building, starting and reading out a circuit.
_PER_BLOCK = 2**11


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
    def steps(self) -> int:  # type: ignore[override]
        """How often the method applies the kernel."""
        return self.method.steps

    @property
    def signed(self) -> bool:  # type: ignore[override]
        """Whether the method's estimates have signs."""
        return self.method.signed

    @property
    def corrects_readout(self) -> bool:  # type: ignore[override]
        """Whether the method does."""
        return self.method.corrects_readout

    @property
    def nonnegative(self) -> bool:  # type: ignore[override]
        """Whether the method needs an image without negative values."""
        return self.method.nonnegative

    def build(self, plan: Plan) -> Iterable[Program]:
        """The programs of every block, each laid out when its turn comes."""
        return _Programs(self._layout(plan))

    def decode(self, plan: Plan, outcomes: Iterator[Outcomes]) -> Convolution:
        """Convolve every block, and put the results together."""
        layout = self._layout(plan)
        return _together(layout, _results(layout, outcomes))

    def blocks(self, plan: Plan) -> list[Plan]:
        """The blocks as plans of their own, in the order in which their circuits run."""
        return self._layout(plan).plans()

    def num_qubits(self, plan: Plan) -> int:
        """Qubits of the circuits of the first block, the largest."""
        return self.method.num_qubits(self._layout(plan).part(0).plan)

    def costliest(self, plan: Plan) -> Program | None:
        """The method's own, of the first block that is not dark."""
        layout = self._layout(plan)
        found = (self.method.costliest(part.plan) for part in layout.lit())
        return next(found, None)

    def encoded(self, plan: Plan) -> Propagator:
        """What the method's circuits encode."""
        return self.method.encoded(plan)

    def predict(self, plan: Plan) -> Prediction:
        """Success of all executions, and the errors of all blocks, together where they overlap."""
        layout = self._layout(plan)
        stderr = np.zeros(plan.grid.output_shape)
        success, pixels = 0.0, 0
        for part in layout.lit():
            block, expected = part.block, self.method.predict(part.plan)
            if expected.success is None or expected.stderr is None:
                return Prediction()
            seen, target = layout.places(block)
            stderr[target] = np.hypot(stderr[target], expected.stderr[seen])
            success += block.pixels * expected.success
            pixels += block.pixels
        return Prediction(success / max(pixels, 1), stderr)

    def check_blocks(self, scheme: str) -> None:
        """Blocks are not cut again."""
        raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")

    def _layout(self, plan: Plan) -> _Layout:
        return plan.once(_Layout, lambda: _Layout.of(plan, self))


def _results(layout: _Layout, outcomes: Iterator[Outcomes]) -> Iterator[tuple[_Part, Convolution]]:
    """Each block, and what its circuits gave."""
    method = layout.blocks.method
    for part in map(layout.part, range(len(layout.parts))):
        gathered = islice(outcomes, len(part.programs))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
            result = method.decode(part.plan, gathered)
        deque(gathered, maxlen=0)  # what it did not ask for
        yield part, result
        part.plan.memory.clear()


@dataclass(frozen=True, eq=False)
class _Part:
    """A block as a plan of its own, with its programs."""

    block: Block
    plan: Plan
    programs: list[Program]

    @property
    def executions(self) -> int:
        """Executions of all programs."""
        return sum(program.executions or 0 for program in self.programs)


@dataclass(frozen=True, eq=False)
class _Programs:
    """The programs of all blocks, each laid out when its turn comes."""

    layout: _Layout

    def __iter__(self) -> Iterator[Program]:
        for part in self.layout.lit():
            yield from part.programs

    def __length_hint__(self) -> int:
        return len(self.layout.parts)


@dataclass(frozen=True, eq=False)
class _Layout:
    """What is cut into blocks, and where their results belong."""

    plan: Plan
    blocks: Blocks
    pixels: _Array
    """The image, with margins where they are needed."""
    start: tuple[int, ...]
    """With overlap-add: which pixel of the full convolution the first output is."""
    geometry: Grid
    """A grid whose outputs are what is cut, with kernel and zeros outside."""
    parts: list[Block] = field(default_factory=list)
    """The blocks."""

    @classmethod
    def of(cls, plan: Plan, blocks: Blocks) -> _Layout:
        """Cut a plan's image into blocks whose circuits have no more qubits than they may."""
        grid = plan.grid
        if blocks.scheme == "overlap-save":
            pixels, start = plan.padded, (0,) * plan.image.ndim
            geometry = replace(grid, boundary="fill", fillvalue=0.0)
        else:
            if grid.boundary == "fill" and grid.fillvalue == 0:
                pixels = plan.image
                pairs = zip(grid.kernel_shape, grid.pad_widths, strict=True)
                start = tuple(h - 1 - low for h, (low, _) in pairs)
            else:
                pixels, start = plan.padded, tuple(h - 1 for h in grid.kernel_shape)
            geometry = plan_grid(pixels.shape, grid.kernel_shape, mode="same")
        whole = cls(plan, blocks, pixels, start, geometry)
        return replace(whole, parts=whole._cut())

    def _cut(self) -> list[Block]:
        needed, most = 0, self.blocks.qubits
        for room in reversed(range(1, most + 1)):
            parts = cut(self.geometry, room, trimmed=True, per_block=_PER_BLOCK)
            needed = self.blocks.method.num_qubits(self._plan(parts[0]))
            if needed <= most:
                return parts
            if sum(parts[0].bits) > room:
                break
        raise ValueError(
            f"qubits: expected at least {needed} for a kernel that reaches "
            f"{self.geometry.kernel_shape} positions and {self.blocks.method!r}, got {most}"
        )

    def part(self, number: int) -> _Part:
        """One block's plan and programs, worked out once."""

        def make() -> _Part:
            block = self.parts[number]
            plan = self._plan(block, number, self._shares[number])
            return _Part(block, plan, list(self.blocks.method.build(plan)))

        return self.plan.once(("part", number), make)

    def lit(self) -> Iterator[_Part]:
        """The blocks that are not dark: whose circuits run."""
        parts = map(self.part, range(len(self.parts)))
        return (part for part in parts if part.programs)

    def plans(self) -> list[Plan]:
        """All blocks as plans of their own."""
        numbered = enumerate(self.parts)
        return [self._plan(part, number, self._shares[number]) for number, part in numbered]

    @cached_property
    def _shares(self) -> list[int]:
        """Executions of each block: in proportion to its pixels, but at least one."""
        total = self.plan.whole_shots or 0
        ends = np.cumsum([part.pixels for part in self.parts]).tolist()
        upto = [0, *(total * end // self.geometry.pixels for end in ends)]
        return [max(1, after - before) for before, after in pairwise(upto)]

    def _plan(self, part: Block, number: int = 0, total: int = 1) -> Plan:
        """One block as a plan of its own, with so many executions."""
        grid, saved = self.plan.grid, self.blocks.scheme == "overlap-save"
        reach = [h - 1 if saved else 0 for h in grid.kernel_shape]
        slices = zip(part.outputs, reach, strict=True)
        piece = self.pixels[tuple(slice(s.start, s.stop + r) for s, r in slices)]
        mode = "valid" if saved else "full"
        return replace(
            self.plan,
            image=np.ascontiguousarray(piece),
            grid=plan_grid(piece.shape, grid.kernel_shape, mode=mode, flipped=grid.flipped),
            method=self.blocks.method,
            seed=derived(self.plan.seed, BLOCKS, number),
            progress=False,
            total=None if self.plan.shots is None else total,
            memory={},
        )

    def places(self, part: Block) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Which part of a block's result is seen, and where among the outputs."""
        if self.blocks.scheme == "overlap-save":
            return (slice(None),) * len(part.outputs), part.outputs
        seen, target = [], []
        for block, start, h, outputs in zip(
            part.outputs,
            self.start,
            self.plan.grid.kernel_shape,
            self.plan.grid.output_shape,
            strict=True,
        ):
            first, last = block.start - start, block.stop - start + h - 1
            low, high = max(first, 0), max(min(last, outputs), max(first, 0))
            seen.append(slice(low - first, high - first))
            target.append(slice(low, high))
        return tuple(seen), tuple(target)


def _together(layout: _Layout, results: Iterator[tuple[_Part, Convolution]]) -> Convolution:
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

    def __init__(self, layout: _Layout) -> None:
        plan = layout.plan
        self._plan, self._layout = plan, layout
        self._unit_of_errors = _power_of_two(layout.pixels, plan.propagator.effective_kernel)
        self._image, self._variance = np.zeros((2, *plan.grid.output_shape))
        self._counts: NDArray[np.int64] | None = None
        self._unit: _Array | None = None
        self._kept, self._expected, self._kept_variance, self._pixels = 0.0, 0.0, 0.0, 0
        self._shots, self._calls, self._planned, self._came = 0, 0, 0, 0
        self._streams, self._variant, self._independent = plan.streams, "", True
        self.circuits: tuple[QuantumCircuit, ...] = ()

    def add(self, part: _Part, result: Convolution) -> None:
        """Add a block's result; a dark one counts for nothing."""
        self._independent &= result.independent
        if not result.circuits:
            return
        seen, target = self._layout.places(part.block)
        pixels = part.block.pixels
        self._image[target] += result.image[seen]
        self._variance[target] += np.square(result.stderr[seen] / self._unit_of_errors)
        self._add_counts(result, seen, target)
        self._pixels += pixels
        self._kept += pixels * result.success_probability
        self._expected += pixels * (result.expected_success or 0.0)
        self._kept_variance += (pixels * result.success_stderr) ** 2
        self._shots += result.total_shots
        self._planned += part.executions
        self._came += part.executions * (result.shots or 1) // (self._plan.shots or 1)
        self._calls += result.oracle_calls
        if not self.circuits:
            self.circuits = result.circuits
            self._variant = result.quantity.removeprefix(part.plan.quantity)
        self._streams |= result.streams

    def _add_counts(
        self, result: Convolution, seen: tuple[slice, ...], target: tuple[slice, ...]
    ) -> None:
        """Keep what magnitudes were made of; such blocks do not overlap."""
        if result.counts is None or result.count_unit is None:
            return
        if self._counts is None or self._unit is None:
            self._counts = np.zeros(self._image.shape, dtype=np.int64)
            self._unit = np.zeros(self._image.shape)
        self._counts[target] = result.counts[seen]
        self._unit[target] = result.count_unit[seen]

    def result(self) -> Convolution:
        """The result of all blocks."""
        pixels = self._pixels or 1
        return self._plan.result(
            self._image,
            np.sqrt(self._variance) * self._unit_of_errors,
            [],
            shots=self._plan.shots_that_came(self._planned, self._came),
            total_shots=self._shots if self.circuits else self._plan.whole_shots or 0,
            circuits=self.circuits,
            success_probability=self._kept / pixels,
            success_stderr=math.sqrt(self._kept_variance) / pixels,
            expected_success=self._expected / pixels,
            oracle_calls=self._calls,
            independent=self._independent,
            counts=self._counts,
            count_unit=self._unit,
            variant=self._variant,
            streams=self._streams,
        )


def _power_of_two(image: _Array, kernel: _Array) -> float:
    """About the largest product, so that no square of an error over- or underflows."""
    exponents = [np.frexp(np.abs(part).max())[1] for part in (image, kernel)]
    return float(np.ldexp(1.0, int(np.clip(sum(exponents), -1000, 1000))))
