"""Amplitude estimation: one circuit for each Grover power sharpens every pixel at once.

With the image mapped to ``[0, 1]``, a flag qubit reads 1 at position ``x`` with probability

    a(x) = sum_v p_v s_v(I(x + v)),    p_v = |k_v| / S,  S = sum |k|,

``s_v(u) = u`` where the kernel is positive and ``1 - u`` where it is negative, so that

    y = low sum_v k_v + (high - low) (S a - sum_{k_v < 0} |k_v|).

``m`` Grover steps, which leave the position alone, turn ``a = sin(t)**2`` into
``sin((2 m + 1) t)**2``: each shot then tells ``(2 m + 1)**2`` times as much about ``t``, for
``2 m + 1`` times the cost, so that errors fall almost as the inverse of the cost instead of its
root. Which powers run, and how many shots of each, is a schedule, see
`qconv.methods.amplitude_estimation.schedule`.

With as many shots of each power the angle of each pixel is the most likely one. Where they fall
with the power, and are few, it is the mean over all that are possible, which has the least mean
square error; and the standard error is at least an eighth of the distance to any value that is
still more than three parts in a million likely, so that none is far beyond it.

Where noise is to be expected, because the outcomes are no ideal simulator's, the contrast that it
left at each power is fitted too, to all pixels at once; see
`qconv.methods.amplitude_estimation.damping`.

The position is uniform, so a pixel's share of the shots is itself random. Large images are cut into
blocks with circuits of their own; every block sees a margin as wide as the kernel, so that its
probabilities are exactly those that the whole would have.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of, require_products
from qconv.circuits.grover import Amplifier
from qconv.circuits.registers import kernel_registers, qubits_of
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program, Saving
from qconv.execution.seeds import derived
from qconv.execution.simulate.probabilities import require_room
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.methods.amplitude_estimation.fitting import most_likely_damped
from qconv.methods.amplitude_estimation.likelihood import most_likely, posterior_mean
from qconv.methods.amplitude_estimation.scale import Scale, added_kernel
from qconv.methods.amplitude_estimation.schedule import (
    HIGHEST,
    HIGHEST_FOR_TOLERANCE,
    HIGHEST_WITH_NOISE,
    Powers,
    Schedule,
    checked_powers,
    least_shots,
    scheduled,
    variance,
)
from qconv.methods.cutting import Block, cut
from qconv.planning.allocation import require_affordable
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

RANGES = ("global", "local")

#: Highest power of the shortest schedule that is chosen for a tolerance.
_LEAST_HIGHEST = 2

#: Most qubits of one circuit: larger images are cut into blocks.
_MOST_QUBITS = 21

#: The same for angles that depend on position and kernel together, which become long lists.
_MOST_QUBITS_JOINT = 17

#: Shots that stand for infinitely many, where the limit of an estimate from all powers is wanted.
_ENOUGH = 1e12


@dataclass(frozen=True)
class AmplitudeEstimation(Method):
    """Estimate every pixel's amplitude from hits at several Grover powers.

    Args:
        powers: Grover steps of each circuit. With ``"auto"`` a schedule is chosen for ``shots``,
            which are those of each pixel over all powers: they fall with the power, as high as they
            reach, up to 32 (64 with a tolerance, 8 with noise). Or different whole numbers from 0
            on: ``shots`` are then for each pixel and each power. Or a schedule of your own, pairs
            of a power and its shots for each pixel: there are then no ``shots`` beside them.
        range: What is mapped to ``[0, 1]``: with ``"global"`` the range of the whole image and its
            margins; with ``"local"`` that of the pixels that each output sees, which is narrower
            where an image is smooth and shrinks the error as much, but needs an angle for each
            pixel and kernel position.

    Few shots draw estimates towards the middle of what they leave possible, by less than their
    standard errors. Results that are added keep what they have of this in common, while their
    standard errors shrink: ask for all shots at once instead of adding many results of few.

    With noise the damping of each power is fitted to the outcomes of all pixels:
    ``result.diagnostics.contrast``. Standard errors count what is left unknown of it and what it
    does not explain, which no shots make smaller, so that they stay above 0 with ``shots=None`` too
    (and adding results makes them smaller than they should be). A power that lost its contrast
    tells nothing. ``result.diagnostics.reliable`` is False everywhere if damping cannot be told
    from another picture: with one power, or few pixels.

    Raises:
        TypeError: A power or its shots are not a whole number, or they are no sequence.
        ValueError: There are no powers, one is negative or there twice, or ``range`` is unknown;
            when it is used: there are shots, or a tolerance, beside pairs that say how many.

    Source:
        Suzuki et al., Quantum Inf. Process. 19, 75 (2020), section 2; Brassard et al., Contemp.
        Math. 305, 53 (2002), section 2 (amplitude amplification); Higgins et al., New J. Phys. 11,
        073023 (2009) (shots that fall with the power); Brown, Goktas and Tham,
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
        >>> bool(result.stderr[result.diagnostics.reliable].max() < 0.02)
        True
    """

    powers: Powers = "auto"
    range: str = "global"

    least_shots: ClassVar[int] = 50

    def __post_init__(self) -> None:
        object.__setattr__(self, "powers", checked_powers(self.powers))
        one_of(self.range, "range", RANGES)

    @property
    def default_shots(self) -> int:
        """Shots per pixel if none are given: those of pairs, if these say how many."""
        pairs = isinstance(self.powers[0], tuple)
        return self.executions(1, 1) if pairs else super().default_shots

    def executions(self, pixels: int, shots: int) -> int:
        """Shots for each pixel, and for each power where these are all that is said."""
        return round(scheduled(self.powers, shots).total) * pixels

    def prepare(self, plan: Problem) -> PreparedEstimation:
        """Return the work for one plan."""
        return PreparedEstimation(self, plan)


@dataclass(frozen=True, eq=False)
class PreparedEstimation(Prepared[AmplitudeEstimation]):
    """A circuit for each block and Grover power of one plan, and the likeliest angles."""

    def allot(self) -> Problem:
        """Return the plan with its shots: those of pairs, or the fewest for a tolerance."""
        plan, powers = self.plan, self.method.powers
        if isinstance(powers[0], tuple) and plan.shots is not None:
            if plan.tolerance is not None:
                raise ValueError(f"tolerance: expected powers without shots, got {powers}")
            if plan.shots != self.method.default_shots:
                raise ValueError(
                    f"shots: expected none beside powers that say how many, got {plan.shots}"
                )
            return plan
        if plan.tolerance is None or plan.shots is None or powers != "auto":
            return super().allot()
        tried = range(_LEAST_HIGHEST, _highest(plan))
        reached = bisect_left(tried, True, key=lambda power: self._short(least_shots(power)) <= 1)
        number = least_shots(_LEAST_HIGHEST + reached)
        while (short := self._short(number)) > 1:
            require_affordable(number * short * plan.grid.pixels)
            number = max(number + 1, math.ceil(number * short))
        return replace(plan, shots=number)

    def _short(self, shots: int) -> float:
        """The factor by which some shots are too few for the plan's tolerance."""
        stderr = self.again(replace(self.plan, shots=shots)).predict().stderr
        if stderr is None or self.plan.tolerance is None:
            raise RuntimeError("expected a prediction and a tolerance")
        return self.plan.tolerance.shortfall(stderr)

    @cached_property
    def schedule(self) -> Schedule:
        """The powers and their shots."""
        return scheduled(self.method.powers, self.plan.shots, _highest(self.plan))

    @property
    def powers(self) -> Sequence[int]:
        """The powers that run: the flag alone for the exact expectation, if there is no noise.

        With noise all powers together determine the damping, so that the estimate's limit needs
        them.
        """
        return (0,) if self.plan.shots is None and self.plan.ideal else self.schedule.powers

    @cached_property
    def blocks(self) -> list[Block]:
        """Blocks of the output whose circuits are as large as they may be."""
        joint = self.method.range == "local"
        others = _others(self.plan.grid.kernel_shape)
        room = (_MOST_QUBITS_JOINT if joint else _MOST_QUBITS) - others
        return cut(self.plan.grid, room, margins=not joint)

    @cached_property
    def programs(self) -> list[Program]:
        """A circuit for each block of the output and each power."""
        plan = self.plan
        size = float(np.abs(plan.propagator.effective_kernel).sum())
        with np.errstate(over="ignore"):
            require_products(4 * size * float(np.abs(plan.padded).max()))
        if plan.simulated:
            position = sum(self.blocks[0].bits)
            qubits = position + _others(plan.grid.kernel_shape)
            require_room(qubits, position + 1, qubits, plan.grid.image_shape)
        return [
            program
            for number in range(len(self.blocks))
            for program in self._programs_of_block(number)
        ]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Find every pixel's most likely angle."""
        plan = self.plan
        image, stderr = np.empty((2, *plan.grid.output_shape))
        contrasts: list[_Array] = []
        reliable = np.ones(plan.grid.output_shape, dtype=bool)
        kept: list[Outcomes] = []
        planned = came = 0
        for number, block in enumerate(self.blocks):
            gathered = list(islice(outcomes, len(self.powers)))
            *found, contrast = self._decode_block(number, gathered)
            contrasts += [] if contrast is None else [contrast]
            image[block.outputs], stderr[block.outputs], reliable[block.outputs] = found
            planned += sum(part.program.executions or 0 for part in gathered)
            came += sum(part.executions for part in gathered)
            kept += [
                replace(part, probabilities=None, histograms=(), executed=part.total_shots)
                for part in gathered
            ]
        return plan.result(
            image,
            stderr,
            kept,
            circuits=tuple(part.circuit for part in kept[: len(self.powers)]),
            shots=plan.shots_that_came(planned, came),
            independent=all(block.distinct for block in self.blocks) and not contrasts,
            diagnostics=AngleDiagnostics(
                reliable,
                contrast=np.mean(contrasts, axis=0) if contrasts else None,
                information=self._information(planned, came),
            ),
            quantity=f"{plan.quantity} {self.method.powers} {self.method.range}",
        )

    def _information(self, planned: int, came: int) -> float | None:
        """Information about the angle of each pixel, of the executions that came; None if exact."""
        if self.plan.shots is None:
            return None
        return self.schedule.information * came / max(1, planned)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuits of the first block, the largest."""
        return int(self._amplifier(0).circuit(0).num_qubits)

    @property
    def costliest(self) -> Program:
        """The highest power, of the first block."""
        return self._programs_of_block(0)[-1]

    def predict(self) -> Prediction:
        """Predict standard errors from Fisher's information about the angle, less for few shots."""
        stderr = np.zeros(self.plan.grid.output_shape)
        if self.plan.shots is None:
            return Prediction(1.0, stderr)
        exact = self._exact_convolution()
        for number, block in enumerate(self.blocks):
            scale = self._scale(number)
            error = np.sqrt(variance(self.schedule, scale.probability(block, exact)))
            stderr[block.outputs] = scale.errors(block, error)
        return Prediction(1.0, stderr)

    def _exact_convolution(self) -> _Array:
        """The convolution from its definition, to predict errors with."""
        plan = self.plan
        kernel = plan.propagator.effective_kernel
        whole = tuple(slice(0, length) for length in plan.grid.output_shape)
        total = np.zeros(plan.grid.output_shape)
        for position in zip(*np.nonzero(kernel), strict=True):
            total += kernel[position] * plan.grid.view(plan.padded, position, whole)
        return total

    def _programs_of_block(self, number: int) -> list[Program]:
        """The programs of one block."""
        powers, block = self.powers, self.blocks[number]
        executions: list[int | None] = [None] * len(powers)
        if self.plan.shots is not None:
            executions = [*self.schedule.executions(block.pixels)]
        saving = Saving(lambda: self._amplifier(number).saving(powers))
        return [
            Program(
                lambda power=power: self._amplifier(number).circuit(power),  # type: ignore[misc]
                executions=number_of,
                seed=derived(self.plan.seed, number, power),
                measured=sum(block.bits) + 1,
                oracle_calls=2 * power + 1,
                saved=None if self.plan.shots is None else (saving, str(power)),
            )
            for power, number_of in zip(powers, executions, strict=True)
        ]

    @cached_property
    def _amplifier(self) -> Callable[[int], Amplifier]:
        """What makes a block's circuits, by the block's number; the latest is kept."""

        def make(number: int) -> Amplifier:
            plan, block = self.plan, self.blocks[number]
            kernel = added_kernel(plan)
            angles = self._scale(number).angles(plan, block, kernel)
            return Amplifier(block.counts, kernel, angles, native=plan.native, family=plan.adder)

        return lru_cache(maxsize=1)(make)

    @cached_property
    def _scale(self) -> Callable[[int], Scale]:
        """How a block's pixels are mapped to probabilities, by its number; the latest is kept."""

        def make(number: int) -> Scale:
            kernel = added_kernel(self.plan)
            return Scale.of(self.plan, self.blocks[number], kernel, self.method.range)

        return lru_cache(maxsize=1)(make)

    def _decode_block(
        self, number: int, gathered: list[Outcomes]
    ) -> tuple[_Array, _Array, NDArray[np.bool_], _Array | None]:
        """Outputs, standard errors and reliability of one block, and the contrast of its powers."""
        plan, block, powers = self.plan, self.blocks[number], self.powers
        scale = self._scale(number)
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
        if plan.shots is None and not plan.ideal:
            table *= _ENOUGH
        elif plan.shots is None:
            misses, hits = table[0]
            probability = hits / (hits + misses)
            nothing = np.zeros_like(probability)
            return *scale.found(block, probability, nothing, nothing == 0), None
        flat = table.reshape(len(powers), 2, -1)
        ideal = all(part.ideal for part in gathered)
        estimate = posterior_mean if self.schedule.averaged else most_likely
        estimate = estimate if ideal else most_likely_damped
        estimates = estimate(flat[:, 1], flat[:, 0], powers)
        p = np.sin(estimates.angles) ** 2
        found = scale.found(block, p, estimates.stderr, estimates.reliable)
        return *found, estimates.contrast


def _highest(plan: Problem) -> int:
    """The highest power that is chosen for a plan."""
    if not plan.ideal:
        return HIGHEST_WITH_NOISE
    return HIGHEST if plan.tolerance is None else HIGHEST_FOR_TOLERANCE


def _others(kernel: tuple[int, ...]) -> int:
    """How many qubits a circuit has besides the position's: the kernel's and the flag."""
    return len(qubits_of(kernel_registers(kernel))) + 1
