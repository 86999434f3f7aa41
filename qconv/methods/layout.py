"""Layout of an image in blocks: a plan for each block, and the position of its result."""

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

#: Cost of building, starting and reading out a circuit, in basis states.
_PER_BLOCK = 2**11

#: Number of blocks that stay prepared: the block that runs and the block that is decoded.
_KEPT = 2


@dataclass(frozen=True, eq=False)
class Part:
    """Block with the method prepared for it."""

    block: Block
    work: Prepared[Any]
    """Method prepared for the block: its circuit, and the decoding of the outcomes."""

    @property
    def programs(self) -> list[Program]:
        """Programs of the block; empty if its success probability is 0."""
        return list(self.work.programs)

    @property
    def executions(self) -> int:
        """Total number of executions of the block."""
        return sum(program.executions or 0 for program in self.programs)


@dataclass(frozen=True, eq=False)
class Layout:
    """Blocks of an image, and the positions of their results."""

    plan: Problem
    """Plan of the image."""
    method: Method
    """Method that convolves each block."""
    scheme: str
    """``overlap-add`` or ``overlap-save``."""
    qubits: int
    """Maximum number of qubits of a circuit."""
    margins: bool
    """Whether the image is cut with its margins."""
    start: tuple[int, ...]
    """Position of the first output pixel in the full convolution, for overlap-add."""
    geometry: Grid
    """Grid whose output is cut: the image for overlap-add, the result for overlap-save."""
    parts: list[Block] = field(default_factory=list)
    """Blocks of the whole image, even if the plan is for a part of it."""

    @classmethod
    def of(cls, plan: Problem, method: Method, scheme: str, qubits: int) -> Layout:
        """Cut a plan's image into blocks whose circuits have at most ``qubits`` qubits."""
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
        """Numbers of the blocks of the plan, which may be a part of the whole."""
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
        """Find the cheapest blocks for which the method needs few enough qubits."""
        needed, most = 0, self.qubits
        for room in reversed(range(1, most + 1)):
            parts = cut(self.geometry, room, trimmed=True, per_block=_PER_BLOCK)
            needed = self.method.prepare(self._shown(parts[0], np.ones)).num_qubits
            if needed <= most:
                return parts
            if sum(parts[0].bits) > room:
                break
        raise ValueError(
            f"qubits: expected at least {needed} for a kernel of "
            f"{self.geometry.kernel_shape} positions with {self.method!r}, got {most}"
        )

    @cached_property
    def part(self) -> Callable[[int], Part]:
        """Function that returns a prepared block, by number; it caches the latest blocks."""

        def make(number: int) -> Part:
            return Part(self.parts[number], self.method.prepare(self._plan(number)))

        return lru_cache(maxsize=_KEPT)(make)

    def lit(self) -> Iterator[Part]:
        """Return the blocks that have programs."""
        parts = map(self.part, self.numbers)
        return (part for part in parts if part.programs)

    @cached_property
    def _shares(self) -> list[int]:
        """Executions of each block, in proportion to its pixels, but at least 1."""
        total = self.plan.whole_shots or 0
        if self.plan.grid.place is not None:
            total = (self.plan.shots or 0) * self.geometry.pixels
        ends = np.cumsum([part.pixels for part in self.parts]).tolist()
        upto = [0, *(total * end // self.geometry.pixels for end in ends)]
        return [max(1, after - before) for before, after in pairwise(upto)]

    def _plan(self, number: int) -> Problem:
        """Make a plan of a block."""
        part = self.parts[number]
        pixels = self.plan.padded if self.margins else self.plan.image
        reads = zip(part.outputs, self._reach, self.plan.grid.origin, strict=True)
        piece = pixels[tuple(slice(s.start - o, s.stop + r - o) for s, r, o in reads)]
        plan = self._shown(part, lambda shape: np.ascontiguousarray(piece))
        return replace(
            plan,
            sampling=replace(self.plan.sampling, seed=derived(self.plan.seed, BLOCKS, number)),
            total=None if self.plan.shots is None else self._shares[number],
        )

    def _shown(self, part: Block, image: Callable[[tuple[int, ...]], _Array]) -> Problem:
        """Make a plan of a block whose pixels are a function of their shape."""
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
        """Number of neighbouring pixels that a block also loads, per axis."""
        saved = self.scheme == "overlap-save"
        return [h - 1 if saved else 0 for h in self.plan.grid.kernel_shape]

    def places(self, part: Block) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Return the used part of a block's result, and its position in the output."""
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
