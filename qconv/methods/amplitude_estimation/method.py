"""Amplitude estimation: one circuit for each Grover power sharpens every pixel at once.

With the image mapped to ``[0, 1]``, a flag qubit reads 1 at position ``x`` with probability

    a(x) = sum_v p_v s_v(I(x + v)),    p_v = |k_v| / S,  S = sum |k|,

``s_v(u) = u`` where the kernel is positive and ``1 - u`` where it is negative, so that

    y = low sum_v k_v + (high - low) (S a - sum_{k_v < 0} |k_v|).

``m`` Grover steps, which leave the position alone, turn ``a = sin(t)**2`` into
``sin((2 m + 1) t)**2``: each shot then tells ``(2 m + 1)**2`` times as much about ``t``, for
``2 m + 1`` times the cost, so that errors fall almost as the inverse of the cost instead of its
root. The angle of each pixel is the most likely one, over all powers.

Where noise is to be expected, because the outcomes are no ideal simulator's, the contrast that it
left at each power is fitted too, to all pixels at once; see
`qconv.methods.amplitude_estimation.damping`.

The position is uniform, so a pixel's share of the shots is itself random. Large images are cut into
blocks with circuits of their own; every block sees a margin as wide as the kernel, so that its
probabilities are exactly those that the whole would have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of, require_products, whole_number
from qconv.circuits.grover import Amplifier
from qconv.circuits.registers import kernel_registers, kernel_states, qubits_of
from qconv.execution.backends import is_ideal
from qconv.execution.law import require_room
from qconv.execution.outcomes import Outcomes
from qconv.execution.program import Program, Saving
from qconv.execution.seeds import derived
from qconv.methods.amplitude_estimation.fitting import most_likely_damped
from qconv.methods.amplitude_estimation.likelihood import most_likely
from qconv.methods.cutting import Block, cut
from qconv.planning.method import Method, Prediction
from qconv.planning.plan import Plan
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]
_T = TypeVar("_T")

RANGES = ("global", "local")

#: Most qubits of one circuit: larger images are cut into blocks.
_MOST_QUBITS = 21

#: The same for angles that depend on position and kernel together, which become long lists.
_MOST_QUBITS_JOINT = 17

#: Shots that stand for infinitely many, where the limit of an estimate from all powers is wanted.
_ENOUGH = 1e12


@dataclass(frozen=True)
class AmplitudeEstimation(Method):
    """Estimate every pixel's amplitude by maximum likelihood over several Grover powers.

    Args:
        powers: Grover steps of each circuit, different whole numbers from 0 on. ``shots`` are for
            each pixel and each power.
        range: What is mapped to ``[0, 1]``: with ``"global"`` the range of the whole image and its
            margins; with ``"local"`` that of the pixels that each output sees, which is narrower
            where an image is smooth and shrinks the error as much, but needs an angle for each
            pixel and kernel position.

    With noise the damping of each power is fitted to the outcomes of all pixels: ``contrast`` of
    the result. Standard errors count what is left unknown of it and what it does not explain, which
    no shots make smaller, so that they stay above 0 with ``shots=None`` too (and adding results
    makes them smaller than they should be). A power that lost its contrast tells nothing.
    ``reliable`` is False everywhere if damping cannot be told from another picture: with one power,
    or few pixels.

    Raises:
        TypeError: A power is not a whole number, or they are no sequence.
        ValueError: There are no powers, one is negative or there twice, or ``range`` is unknown.

    Source:
        Suzuki et al., Quantum Inf. Process. 19, 75 (2020), section 2; Brassard et al., Contemp.
        Math. 305, 53 (2002), section 2 (amplitude amplification); Brown, Goktas and Tham,
        arXiv:2006.14145 (2020), and Tanaka et al., Quantum Inf. Process. 20, 293 (2021),
        arXiv:2006.16223 (with noise).

    Example:
        >>> import qconv
        >>> method = qconv.AmplitudeEstimation(powers=(0, 1, 2, 4, 8))
        >>> image = [0.0, 1, 4, 9, 4, 1, 0, 2]
        >>> where = {"mode": "same", "boundary": "wrap", "method": method}
        >>> result = qconv.convolve(image, [0.25, 0.5, 0.25], shots=1000, seed=7, **where)
        >>> result.image.round(2)
        array([0.75, 1.5 , 4.51, 6.5 , 4.5 , 1.5 , 0.75, 1.  ])
        >>> bool(result.stderr[result.reliable].max() < 0.02)
        True
    """

    powers: Sequence[int] = (0, 1, 2, 4, 8, 16)
    range: str = "global"

    least_shots: ClassVar[int] = 50

    def __post_init__(self) -> None:
        if isinstance(self.powers, str) or not hasattr(self.powers, "__iter__"):
            raise TypeError(f"powers: expected a sequence of whole numbers, got {self.powers!r}")
        powers = tuple(whole_number(power, "powers", 0) for power in self.powers)
        if not powers or len(set(powers)) < len(powers):
            raise ValueError(f"powers: expected at least one, all different, got {powers}")
        object.__setattr__(self, "powers", tuple(sorted(powers)))
        one_of(self.range, "range", RANGES)

    def executions(self, pixels: int, shots: int) -> int:
        """Shots for each pixel and each power."""
        return shots * pixels * len(self.powers)

    def build(self, plan: Plan) -> list[Program]:
        """A circuit for each block of the output and each power."""
        size = float(np.abs(plan.propagator.effective_kernel).sum())
        with np.errstate(over="ignore"):
            require_products(4 * size * float(np.abs(plan.padded).max()))
        blocks = self._blocks(plan)
        if plan.simulated:
            position = sum(blocks[0].bits)
            qubits = position + _others(plan.grid.kernel_shape)
            require_room(qubits, position + 1, qubits, plan.grid.image_shape)
        return [
            program
            for number, block in enumerate(blocks)
            for program in self._programs(plan, number, block)
        ]

    def decode(self, plan: Plan, outcomes: Iterator[Outcomes]) -> Convolution:
        """Find every pixel's most likely angle."""
        image, stderr = np.empty((2, *plan.grid.output_shape))
        contrasts: list[_Array] = []
        reliable = np.ones(plan.grid.output_shape, dtype=bool)
        kept: list[Outcomes] = []
        planned = came = 0
        blocks = self._blocks(plan)
        for number, block in enumerate(blocks):
            gathered = list(islice(outcomes, len(self._ran(plan))))
            *found, contrast = self._decode_block(plan, number, block, gathered)
            contrasts += [] if contrast is None else [contrast]
            image[block.outputs], stderr[block.outputs], reliable[block.outputs] = found
            planned += sum(part.program.executions or 0 for part in gathered)
            came += sum(part.executions for part in gathered)
            kept += [
                replace(part, law=None, histograms=(), executed=part.total_shots)
                for part in gathered
            ]
        return plan.result(
            image,
            stderr,
            kept,
            circuits=tuple(part.circuit for part in kept[: len(self._ran(plan))]),
            shots=plan.shots_that_came(planned, came),
            independent=all(block.distinct for block in blocks) and not contrasts,
            reliable=reliable,
            contrast=np.mean(contrasts, axis=0) if contrasts else None,
            quantity=f"{plan.quantity} {self.powers} {self.range}",
        )

    def num_qubits(self, plan: Plan) -> int:
        """Qubits of the circuits of the first block, the largest."""
        return int(self._amplifier(plan, 0, self._blocks(plan)[0]).circuit(0).num_qubits)

    def costliest(self, plan: Plan) -> Program:
        """The highest power, of the first block."""
        return self._programs(plan, 0, self._blocks(plan)[0])[-1]

    def predict(self, plan: Plan) -> Prediction:
        """The standard errors that Fisher's information about the angle leaves."""
        stderr = np.zeros(plan.grid.output_shape)
        if plan.shots is None:
            return Prediction(1.0, stderr)
        information = sum(plan.shots * (2 * power + 1) ** 2 for power in self.powers)
        exact = self._exactly(plan)
        for number, block in enumerate(self._blocks(plan)):
            scale = self._scale(plan, number, block)
            p = scale.probability(block, exact)
            bend = 3 * (1 - 2 * p) ** 2 / (4 * information) ** 2  # sin(t)**2 is not linear in t
            error = np.sqrt(p * (1 - p) / information + bend)
            stderr[block.outputs] = scale.errors(block, error)
        return Prediction(1.0, stderr)

    def _exactly(self, plan: Plan) -> _Array:
        """The exact convolution, from the definition, to predict errors with."""
        kernel = plan.propagator.effective_kernel
        whole = tuple(slice(0, length) for length in plan.grid.output_shape)
        total = np.zeros(plan.grid.output_shape)
        for position in zip(*np.nonzero(kernel), strict=True):
            total += kernel[position] * plan.grid.view(plan.padded, position, whole)
        return total

    def _ran(self, plan: Plan) -> Sequence[int]:
        """The powers that run: the flag alone for the exact expectation, if there is no noise.

        With noise the powers together tell the damping, so that the estimate's limit needs them.
        """
        return (0,) if plan.shots is None and is_ideal(plan.backend) else self.powers

    def _blocks(self, plan: Plan) -> list[Block]:
        """Blocks whose circuits are as large as they may be."""
        joint = self.range == "local"
        shape = plan.grid.kernel_shape
        room = (_MOST_QUBITS_JOINT if joint else _MOST_QUBITS) - _others(shape)
        return plan.once(Block, lambda: cut(plan.grid, room, margins=not joint))

    def _programs(self, plan: Plan, number: int, block: Block) -> list[Program]:
        """The programs of one block."""
        powers = self._ran(plan)
        measured = sum(block.bits) + 1

        def amplifier() -> Amplifier:
            return self._amplifier(plan, number, block)

        saving = Saving(lambda: amplifier().saving(powers))
        return [
            Program(
                lambda power=power: amplifier().circuit(power),  # type: ignore[misc]
                executions=None if plan.shots is None else plan.shots * block.pixels,
                seed=derived(plan.seed, number, power),
                measured=measured,
                oracle_calls=2 * power + 1,
                saved=None if plan.shots is None else (saving, str(power)),
            )
            for power in powers
        ]

    def _amplifier(self, plan: Plan, number: int, block: Block) -> Amplifier:
        """What makes a block's circuits."""

        def make() -> Amplifier:
            kernel = _added(plan)
            angles = self._scale(plan, number, block).angles(plan, block, kernel)
            return Amplifier(block.counts, kernel, angles, native=plan.native, family=plan.adder)

        return self._latest(plan, "amplifier", number, make)

    def _scale(self, plan: Plan, number: int, block: Block) -> _Scale:
        """How a block's pixels are mapped to probabilities."""
        return self._latest(
            plan, "scale", number, lambda: _Scale.of(plan, block, _added(plan), self.range)
        )

    @staticmethod
    def _latest(plan: Plan, kind: str, number: int, make: Callable[[], _T]) -> _T:
        """What was made for a block, of which only the latest is kept."""
        if plan.memory.get(kind, (None, None))[0] != number:
            plan.memory[kind] = number, make()
        found: _T = plan.memory[kind][1]
        return found

    def _decode_block(
        self, plan: Plan, number: int, block: Block, gathered: list[Outcomes]
    ) -> tuple[_Array, _Array, NDArray[np.bool_], _Array | None]:
        """Outputs, standard errors and reliability of one block, and the contrast of its powers."""
        scale = self._scale(plan, number, block)
        powers = self._ran(plan)
        size = 2 ** (sum(block.bits) + 1)
        table = np.array(
            [
                part.sums(
                    lambda numbers: block.read(numbers(0, size)),
                    derived(plan.seed, number, power),
                )
                for power, part in zip(powers, gathered, strict=True)
            ]
        )
        if plan.shots is None and not is_ideal(plan.backend):
            table *= _ENOUGH
        elif plan.shots is None:
            misses, hits = table[0]
            probability = hits / (hits + misses)
            nothing = np.zeros_like(probability)
            return *scale.found(block, probability, nothing, nothing == 0), None
        flat = table.reshape(len(powers), 2, -1)
        ideal = all(part.ideal for part in gathered)
        estimate = most_likely if ideal else most_likely_damped
        estimates = estimate(flat[:, 1], flat[:, 0], powers)
        p = np.sin(estimates.angles) ** 2
        found = scale.found(block, p, estimates.stderr, estimates.reliable)
        return *found, estimates.contrast


#: Outputs of a block, their standard errors, and where these are reliable.
_Found = tuple[_Array, _Array, NDArray[np.bool_]]


def _others(kernel: tuple[int, ...]) -> int:
    """How many qubits a circuit has besides the position's: the kernel's and the flag."""
    return len(qubits_of(kernel_registers(kernel))) + 1


def _added(plan: Plan) -> _Array:
    """The kernel in the order of displacements from an output pixel to the padded one it reads."""
    kernel = plan.propagator.effective_kernel
    return np.flip(kernel) if plan.grid.flipped else kernel


@dataclass(frozen=True, eq=False)
class _Scale:
    """How pixels are mapped to ``[0, 1]``, and probabilities back to outputs."""

    low: _Array
    """What becomes 0: one number, or one for each position."""
    width: _Array
    """The width of the range, 0 where there is nothing to estimate; same shape."""
    total: float
    """Sum of the kernel."""
    size: float
    """Sum of its magnitudes."""
    local: bool

    @classmethod
    def of(cls, plan: Plan, block: Block, kernel: _Array, kind: str) -> _Scale:
        """The range of all pixels, or of those that each output of a block sees."""
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if kind == "global":
            low, high = plan.padded.min(), plan.padded.max()
            return cls(np.array(low), np.array(high - low), total, size, local=False)
        views = [block.view(plan.padded, v) for v in zip(*np.nonzero(kernel), strict=True)]
        low, high = np.minimum.reduce(views), np.maximum.reduce(views)
        return cls(low, high - low, total, size, local=True)

    def angles(self, plan: Plan, block: Block, kernel: _Array) -> _Array:
        """Half the rotation of the flag; of every cell, or every kernel position and cell."""
        cells = tuple(2**bits for bits in block.bits)
        if not self.local:
            lattice = np.zeros(cells)
            starts = [part.start for part in block.outputs]
            ends = [start + length for start, length in zip(starts, cells, strict=True)]
            seen = plan.padded[tuple(map(slice, starts, ends))]
            lattice[tuple(map(slice, seen.shape))] = self._angle(seen)
            return lattice
        lattice = np.zeros((*kernel_states(kernel.shape), *cells))
        for v in zip(*np.nonzero(kernel), strict=True):
            angle = self._angle(block.view(plan.padded, v))
            where = (*v, *map(slice, block.counts))
            lattice[where] = angle if kernel[v] > 0 else math.pi / 2 - angle
        return lattice

    def _angle(self, seen: _Array) -> _Array:
        """The angle whose squared sine is a pixel's place in the range."""
        place = np.zeros_like(seen)
        np.divide(seen - self.low, self.width, out=place, where=self.width > 0)
        return np.arcsin(np.sqrt(np.clip(place, 0, 1)))

    def probability(self, block: Block, outputs: _Array) -> _Array:
        """The flag's probability at every position of a block, from all exact outputs."""
        shown = tuple(
            slice(part.start, part.start + n)
            for part, n in zip(block.outputs, block.counts, strict=True)
        )
        negative = (self.size - self.total) / 2
        width = self.width * self.size
        width = np.where(width > 0, width, 1.0)
        p = (outputs[shown] - self.low * self.total + self.width * negative) / width
        return np.clip(p, 0, 1)

    def errors(self, block: Block, error: _Array) -> _Array:
        """Standard errors of a block's outputs from those of the flag's probabilities."""
        return block.expand(self.width * self.size * error)

    def found(
        self,
        block: Block,
        probability: _Array,
        stderr: _Array,
        reliable: NDArray[np.bool_],
    ) -> _Found:
        """Outputs of a block from the flag's probabilities."""
        p, error = (part.reshape(block.counts) for part in (probability, stderr))
        negative = (self.size - self.total) / 2
        image = self.low * self.total + self.width * (self.size * p - negative)
        sure = reliable.reshape(block.counts) | (self.width == 0)
        return block.expand(image), self.errors(block, error), block.expand(sure)
