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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv._progress import progress_bar
from qconv.execution import REPEATED, derived, is_ideal
from qconv.grid import Grid, plan_grid
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.tally import executions
from qconv.tiles import Tile, cut

_Array = NDArray[np.float64]

SCHEMES = ("overlap-add", "overlap-save")

#: With which padding of its own a block gives what is asked of it.
_PADDINGS = {"overlap-add": ("auto", "both"), "overlap-save": ("auto", "both", "kernel", "wrapped")}

#: Place of the blocks' random streams under a call's root seed.
_BLOCKS = 3

#: What a block costs beside its cells, in cells: building, starting and reading out a circuit.
_PER_BLOCK = 2**11


class WholeImage(Protocol):
    """A method that holds a whole image in one circuit."""

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuit."""

    def num_qubits(self, problem: Problem) -> int:
        """Qubits of the circuit that `estimate` would run."""

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """The circuit to be counted."""


@dataclass(frozen=True)
class Blocks:
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
    """

    method: WholeImage
    scheme: str = "overlap-add"
    qubits: int = 16

    def __post_init__(self) -> None:
        if isinstance(self.method, type) or not hasattr(self.method, "num_qubits"):
            raise TypeError(
                "method: expected one that holds a whole image in one circuit (qconv.Diffusion(), "
                f"qconv.Interference() or qconv.Fourier()), got {self.method!r}"
            )
        one_of(self.scheme, "scheme", SCHEMES)
        if self.scheme == "overlap-add" and not getattr(self.method, "signed", True):
            raise ValueError(
                "scheme: 'overlap-add' adds results, which needs their signs, got "
                f"{self.method!r}; expected signed=True, or 'overlap-save'"
            )
        padding = getattr(self.method, "padding", "auto")
        if padding not in _PADDINGS[self.scheme]:
            raise ValueError(
                f"method: expected a padding of {' or '.join(map(repr, _PADDINGS[self.scheme]))} "
                f"for {self.scheme!r}, got {padding!r}"
            )
        whole_number(self.qubits, "qubits", 1)

    @property
    def steps(self) -> int:
        """How often the method applies the kernel."""
        return int(getattr(self.method, "steps", 1))

    def estimate(self, problem: Problem) -> Convolution:
        """Convolve every block by a circuit, and put the results together."""
        layout = _Layout.of(problem, self.scheme)
        tiles = self._tiles(layout)
        results = self._results(layout.blocks(tiles), len(tiles), problem)
        return _together(problem, layout, tiles, results, "" if is_ideal(problem.backend) else self)

    def blocks(self, problem: Problem) -> list[Problem]:
        """The blocks as problems of their own, in the order in which their circuits run."""
        layout = _Layout.of(problem, self.scheme)
        return list(layout.blocks(self._tiles(layout)))

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """The circuit of the first block where gates count: to be counted, not run."""
        layout = _Layout.of(problem, self.scheme)
        return self.method.device_circuit(layout.block(self._tiles(layout)[0]))

    def _tiles(self, layout: _Layout) -> list[Tile]:
        """Blocks whose circuits have no more qubits than they may."""
        needed = 0
        for room in reversed(range(1, self.qubits + 1)):
            tiles = cut(layout.geometry, room, trimmed=True, per_tile=_PER_BLOCK)
            needed = self.method.num_qubits(layout.block(tiles[0]))
            if needed <= self.qubits:
                return tiles
            if sum(tiles[0].bits) > room:
                break
        raise ValueError(
            f"qubits: expected at least {needed} for a kernel that reaches "
            f"{layout.geometry.kernel_shape} positions and {self.method!r}, got {self.qubits}"
        )

    def _results(
        self, blocks: Iterator[Problem], count: int, problem: Problem
    ) -> Iterator[Convolution]:
        """What each block's circuit gave, one after the other."""
        bar = progress_bar(count, "block") if problem.progress else None
        seen: set[str] = set()
        try:
            for block in blocks:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
                    result = self.method.estimate(block)
                own = result.streams - problem.streams
                if seen & own:
                    raise ValueError(REPEATED)
                seen |= own
                if bar:
                    bar.update()
                yield result
        finally:
            if bar:
                bar.close()


@dataclass(frozen=True, eq=False)
class _Layout:
    """What is cut into blocks, and where their results belong."""

    problem: Problem
    scheme: str
    pixels: _Array
    """The image, with margins where they are needed."""
    start: tuple[int, ...]
    """With overlap-add: which pixel of the full convolution the first output is."""
    geometry: Grid
    """A grid whose outputs are what is cut, with kernel and zeros outside."""

    @classmethod
    def of(cls, problem: Problem, scheme: str) -> _Layout:
        grid = problem.grid
        if scheme == "overlap-save":
            geometry = replace(grid, boundary="fill", fillvalue=0.0)
            return cls(problem, scheme, problem.padded, (0,) * problem.image.ndim, geometry)
        if grid.boundary == "fill" and grid.fillvalue == 0:
            pixels = problem.image
            pairs = zip(grid.kernel_shape, grid.pad_widths, strict=True)
            start = tuple(h - 1 - low for h, (low, _) in pairs)
        else:
            pixels, start = problem.padded, tuple(h - 1 for h in grid.kernel_shape)
        geometry = plan_grid(pixels.shape, grid.kernel_shape, mode="same")
        return cls(problem, scheme, pixels, start, geometry)

    def blocks(self, tiles: list[Tile]) -> Iterator[Problem]:
        """All blocks, with a part each of all executions."""
        total, before = executions(self.problem), 0
        for number, tile in enumerate(tiles):
            after = before + tile.pixels
            pixels = self.geometry.pixels
            share = total * after // pixels - total * before // pixels
            yield self.block(tile, number, max(1, share))
            before = after

    def block(self, tile: Tile, number: int = 0, total: int = 1) -> Problem:
        """One block as a problem of its own, with so many executions."""
        grid, saved = self.problem.grid, self.scheme == "overlap-save"
        reach = [h - 1 if saved else 0 for h in grid.kernel_shape]
        parts = zip(tile.outputs, reach, strict=True)
        piece = self.pixels[tuple(slice(part.start, part.stop + r) for part, r in parts)]
        mode = "valid" if saved else "full"
        return replace(
            self.problem,
            image=np.ascontiguousarray(piece),
            grid=plan_grid(piece.shape, grid.kernel_shape, mode=mode, flipped=grid.flipped),
            seed=derived(self.problem.seed, _BLOCKS, number),
            progress=False,
            total=None if self.problem.shots is None else total,
        )

    def places(self, tile: Tile) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Which part of a block's result is seen, and where among the outputs."""
        if self.scheme == "overlap-save":
            return (slice(None),) * len(tile.outputs), tile.outputs
        seen, target = [], []
        for part, start, h, outputs in zip(
            tile.outputs,
            self.start,
            self.problem.grid.kernel_shape,
            self.problem.grid.output_shape,
            strict=True,
        ):
            first, last = part.start - start, part.stop - start + h - 1
            low, high = max(first, 0), max(min(last, outputs), max(first, 0))
            seen.append(slice(low - first, high - first))
            target.append(slice(low, high))
        return tuple(seen), tuple(target)


def _together(
    problem: Problem,
    layout: _Layout,
    tiles: list[Tile],
    results: Iterator[Convolution],
    noise: object,
) -> Convolution:
    """Add the blocks' results where they belong, and their variances."""
    image, variance = np.zeros((2, *problem.grid.output_shape))
    kept, expected, kept_variance, pixels, total = 0.0, 0.0, 0.0, 0, 0
    circuits: tuple[QuantumCircuit, ...] = ()
    streams, variant, independent = problem.streams, "", True
    for number, (tile, result) in enumerate(zip(tiles, results, strict=True)):
        independent &= result.independent
        if not result.circuits:
            continue
        seen, target = layout.places(tile)
        image[target] += result.image[seen]
        variance[target] += np.square(result.stderr[seen])
        pixels += tile.pixels
        kept += tile.pixels * result.success_probability
        expected += tile.pixels * (result.expected_success or 0.0)
        kept_variance += (tile.pixels * result.success_stderr) ** 2
        total += result.total_shots
        if not circuits:
            circuits = result.circuits
            variant = result.quantity.removeprefix(layout.block(tile, number).quantity)
        streams |= result.streams
    if not circuits:
        warnings.warn(
            "image: nothing is left of any block: the success probability is 0; the result is "
            "zero, no circuit was run",
            RuntimeWarning,
            stacklevel=4,
        )
        pixels = 1
    return Convolution(
        image=image,
        stderr=np.sqrt(variance),
        shots=problem.shots,
        total_shots=total if circuits else executions(problem),
        circuits=circuits,
        success_probability=kept / pixels,
        success_stderr=math.sqrt(kept_variance) / pixels,
        expected_success=expected / pixels,
        oracle_calls=total,
        independent=independent,
        quantity=f"{problem.quantity}{variant}{noise}",
        streams=streams,
    )
