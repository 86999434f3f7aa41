"""Layout: an image cut into blocks, each a plan of its own, and where their results belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.execution.program import Program
from qconv.execution.seeds import BLOCKS, derived
from qconv.grid import Grid, plan_grid
from qconv.methods.cutting import Block, cut
from qconv.planning.method import Method, Prepared
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]

#: What a block costs beside its cells, in cells: building, starting and reading out a circuit.
_PER_BLOCK = 2**11

#: Blocks whose work is kept: one that runs, and one that is decoded.
_KEPT = 2


@dataclass(frozen=True, eq=False)
class Part:
    """A block as a plan of its own, with its programs."""

    block: Block
    work: Prepared[Any]
    """The method's work for it."""

    @property
    def programs(self) -> list[Program]:
        """Its programs; none for a dark block."""
        return list(self.work.programs)

    @property
    def executions(self) -> int:
        """Executions of all programs."""
        return sum(program.executions or 0 for program in self.programs)


@dataclass(frozen=True, eq=False)
class Layout:
    """What is cut into blocks, and where their results belong."""

    plan: Problem
    method: Method
    """That convolves each block."""
    scheme: str
    """``overlap-add`` or ``overlap-save``."""
    qubits: int
    """Most of a circuit."""
    margins: bool
    """Whether the image is cut with its margins."""
    start: tuple[int, ...]
    """With overlap-add: which pixel of the full convolution the first output is."""
    geometry: Grid
    """A grid whose outputs are what is cut, with kernel and zeros outside."""
    parts: list[Block] = field(default_factory=list)
    """The blocks, of the whole if the plan is of a part."""

    @classmethod
    def of(cls, plan: Problem, method: Method, scheme: str, qubits: int) -> Layout:
        """Cut a plan's image into blocks whose circuits have no more qubits than they may."""
        grid = plan.grid
        margins, start = True, (0,) * len(grid.output_shape)
        if scheme == "overlap-save":
            whole_shape = grid.whole_shape
            geometry = replace(
                grid, boundary="fill", fillvalue=0.0, output_shape=whole_shape, place=None
            )
        else:
            margins = grid.boundary != "fill" or grid.fillvalue != 0
            shape = grid.padded_shape if margins else grid.image_shape
            pairs = zip(grid.kernel_shape, grid.pad_widths, strict=True)
            start = tuple(h - 1 - (0 if margins else low) for h, (low, _) in pairs)
            geometry = plan_grid(shape, grid.kernel_shape, mode="same")
        whole = cls(plan, method, scheme, qubits, margins, start, geometry)
        return replace(whole, parts=whole._cut())

    @cached_property
    def numbers(self) -> list[int]:
        """The blocks that are this plan's own: all of them, but for a plan of a part."""
        if self.plan.grid.place is None:
            return list(range(len(self.parts)))
        own = zip(self.plan.grid.origin, self.plan.grid.output_shape, strict=True)
        region = [range(first, first + length) for first, length in own]
        return [
            number
            for number, block in enumerate(self.parts)
            if all(s.start in r for s, r in zip(block.outputs, region, strict=True))
        ]

    def _cut(self) -> list[Block]:
        needed, most = 0, self.qubits
        for room in reversed(range(1, most + 1)):
            parts = cut(self.geometry, room, trimmed=True, per_block=_PER_BLOCK)
            needed = self.method.prepare(self._shown(parts[0], np.ones)).num_qubits
            if needed <= most:
                return parts
            if sum(parts[0].bits) > room:
                break
        raise ValueError(
            f"qubits: expected at least {needed} for a kernel that reaches "
            f"{self.geometry.kernel_shape} positions and {self.method!r}, got {most}"
        )

    @cached_property
    def part(self) -> Callable[[int], Part]:
        """A block with its work, by its number; those that run and are decoded now are kept."""

        def make(number: int) -> Part:
            block = self.parts[number]
            plan = self._plan(block, number, self._shares[number])
            return Part(block, self.method.prepare(plan))

        return lru_cache(maxsize=_KEPT)(make)

    def lit(self) -> Iterator[Part]:
        """The blocks that are not dark: whose circuits run."""
        parts = map(self.part, self.numbers)
        return (part for part in parts if part.programs)

    def plans(self) -> list[Problem]:
        """All blocks as plans of their own."""
        return [
            self._plan(self.parts[number], number, self._shares[number]) for number in self.numbers
        ]

    @cached_property
    def _shares(self) -> list[int]:
        """Executions of each block: in proportion to its pixels, but at least one."""
        total = self.plan.whole_shots or 0
        if self.plan.grid.place is not None:
            total = (self.plan.shots or 0) * self.geometry.pixels
        ends = np.cumsum([part.pixels for part in self.parts]).tolist()
        upto = [0, *(total * end // self.geometry.pixels for end in ends)]
        return [max(1, after - before) for before, after in pairwise(upto)]

    def _plan(self, part: Block, number: int, total: int) -> Problem:
        """One block as a plan of its own, with so many executions."""
        pixels = self.plan.padded if self.margins else self.plan.image
        reads = zip(part.outputs, self._reach, self.plan.grid.origin, strict=True)
        piece = pixels[tuple(slice(s.start - o, s.stop + r - o) for s, r, o in reads)]
        plan = self._shown(part, lambda shape: np.ascontiguousarray(piece))
        return replace(
            plan,
            sampling=replace(self.plan.sampling, seed=derived(self.plan.seed, BLOCKS, number)),
            total=None if self.plan.shots is None else total,
        )

    def _shown(self, part: Block, image: Callable[[tuple[int, ...]], _Array]) -> Problem:
        """A plan that convolves an image of the shape that a block sees."""
        grid = self.plan.grid
        shape = tuple(n + r for n, r in zip(part.shape, self._reach, strict=True))
        mode = "valid" if self.scheme == "overlap-save" else "full"
        return replace(
            self.plan,
            image=image(shape),
            grid=plan_grid(shape, grid.kernel_shape, mode=mode, flipped=grid.flipped),
            method=self.method,
        )

    @property
    def _reach(self) -> list[int]:
        """How many pixels more than outputs a block sees, along each axis."""
        saved = self.scheme == "overlap-save"
        return [h - 1 if saved else 0 for h in self.plan.grid.kernel_shape]

    def places(self, part: Block) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Which part of a block's result is seen, and where among the outputs."""
        if self.scheme == "overlap-save":
            shifted = zip(part.outputs, self.plan.grid.origin, strict=True)
            target = tuple(slice(s.start - o, s.stop - o) for s, o in shifted)
            return (slice(None),) * len(part.outputs), target
        seen, targets = [], []
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
            targets.append(slice(low, high))
        return tuple(seen), tuple(targets)
