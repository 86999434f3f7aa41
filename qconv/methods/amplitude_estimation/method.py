"""Amplitude estimation: one circuit per Grover power, which improves the accuracy of all pixels.

The range of the image from ``low`` to ``high`` is mapped to ``[0, 1]``. A flag qubit then reads 1
at position ``x`` with probability

    a(x) = sum_v p_v s_v(I(x + v)),    p_v = |k_v| / S,  S = sum |k|,

where ``s_v(u) = u`` for positive and ``1 - u`` for negative kernel entries. The output is

    y = low sum_v k_v + (high - low) (S a - sum_{k_v < 0} |k_v|).

``m`` Grover steps leave the position unchanged and turn ``a = sin(t)**2`` into
``sin((2 m + 1) t)**2``. Each shot then carries ``(2 m + 1)**2`` times the information about ``t``,
at ``2 m + 1`` times the cost. Errors therefore fall almost as the inverse of the cost instead of
its inverse square root. A schedule determines the powers that run and the shots of each power, see
`qconv.methods.amplitude_estimation.schedule`.

If ``powers`` are integers, each power has the same number of shots, and the estimate is the most
likely angle of each pixel. With ``"auto"`` or pairs, higher powers can have fewer shots. The
estimate is then the posterior mean, which has the least mean square error. The standard error of
the posterior mean is at least an eighth of the distance to any value whose posterior probability
exceeds 3e-6.

Noise is expected if the outcomes do not come from an ideal simulator. The contrast of the flag at
each power is then fitted to all pixels together, see `qconv.methods.amplitude_estimation.damping`.

The measured position is uniformly distributed, so the number of shots of a pixel is random. Large
images are cut into blocks, and each block has its own circuits. Every block includes a margin as
wide as the kernel, so that its pixels have exactly the same probabilities as in one large circuit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of, require_products
from qconv.circuits.grover import SIMULATED, Amplifier, with_higher_powers
from qconv.circuits.registers import kernel_registers, qubits_of
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program, Saving, Steps
from qconv.execution.seeds import derived
from qconv.execution.simulate.probabilities import require_room
from qconv.methods.amplitude_estimation.chances import Chances
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.methods.amplitude_estimation.hits import Hits
from qconv.methods.amplitude_estimation.number import weighted_sum
from qconv.methods.amplitude_estimation.scale import Scale, added_kernel
from qconv.methods.amplitude_estimation.schedule import (
    HIGHEST,
    HIGHEST_FOR_TOLERANCE,
    HIGHEST_OF_ALL,
    HIGHEST_WITH_NOISE,
    Powers,
    Schedule,
    checked_powers,
    least_shots,
    scheduled,
    simulated_excess,
)
from qconv.methods.cutting import Block, cut
from qconv.methods.parts import PreparedParts, as_real
from qconv.observables.observable import Observable
from qconv.planning.allocation import require_affordable
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.number import Number
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

RANGES = ("global", "local")

#: Highest power of the shortest schedule for a tolerance. Predicted errors hold from
#: `AmplitudeEstimation.least_shots` on. Of all schedules with at least that many shots, this one
#: has the fewest: 55 per pixel.
_LEAST_HIGHEST = 2

#: Maximum number of qubits per circuit, beyond which the image is cut into blocks. The second
#: number applies with ``range="local"``, whose angles depend on position and kernel together. One
#: rotation then has up to 2**16 angles, and Qiskit keeps each as a Python number.
_MOST_QUBITS, _MOST_QUBITS_JOINT = 21, 17

#: Shots per power that represent infinitely many for the exact noisy expectation. Beyond 1e7,
#: standard errors stay the same (`test_what_is_not_explained_does_not_vanish_with_shots`).
_ENOUGH = 1e12


@dataclass(frozen=True)
class AmplitudeEstimation(Method):
    """Estimate every pixel from *hits*, shots in which the flag reads 1, at several Grover powers.

    Args:
        powers: Numbers of Grover steps, one circuit each. With ``"auto"``, ``shots`` is the total
            per pixel over all powers, and the method chooses the powers. Higher powers get fewer
            shots. The highest power grows with the number of shots, so that error times oracle
            calls stays the same: 41 with 177 shots, 1,083 with 1,024 shots. With a ``backend``,
            which runs every circuit, it is at most 32 (64 with a tolerance, 8 with noise). With
            distinct integers >= 0, ``shots`` is the number per pixel and power. With pairs
            ``(power, shots per pixel)``, the call takes no ``shots``.
        range: Range of image values that is mapped to probabilities from 0 to 1. ``"global"`` is
            the range of the whole image and its margins. ``"local"`` is the range of the pixels
            that contribute to each output. Where an image is smooth, the local range is narrower,
            and the error is smaller in the same proportion. With ``"local"``, the circuit needs a
            rotation angle for each pixel and kernel position.

    With few shots, estimates are biased towards the middle of the interval of values that are
    compatible with the outcomes. This bias is smaller than the standard error. The estimate of a
    sum of results is computed from the hits of all its parts. Standard errors use the distribution
    of angles in the image, which is learnt from all pixels together. With fewer than 20 shots per
    pixel, no pixel is marked as reliable.

    With noise, the damping of each power is fitted to the outcomes of all pixels and returned as
    ``result.diagnostics.contrast``. Standard errors include the uncertainty of the damping, and the
    deviations that the damping does not explain. More shots do not reduce these deviations, so
    standard errors stay above 0 even with ``shots=None``. A power without contrast carries no
    information. ``result.diagnostics.reliable`` is False for all pixels if damping and a different
    image explain the outcomes equally well. This happens with one power or few pixels.

    Raises:
        TypeError: If the powers are not a sequence, or a power or its shots are not an integer.
        ValueError: If there are no powers, a power is negative or repeated, the shots of a pair are
            below 1, or ``range`` is unknown. A call also raises this error if ``shots`` or a
            tolerance is given together with pairs.

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
    takes_complex = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "powers", checked_powers(self.powers))
        one_of(self.range, "range", RANGES)

    @property
    def default_shots(self) -> int:
        """Default number of shots per pixel.

        With pairs, this number is the sum of their shots; otherwise it is the default of all
        methods.
        """
        pairs = isinstance(self.powers[0], tuple)
        return self.executions(1, 1) if pairs else super().default_shots

    def executions(self, pixels: int, shots: int) -> int:
        """Return the total number of executions for a number of shots per pixel."""
        return round(scheduled(self.powers, shots).total) * pixels

    def prepare(self, plan: Problem) -> Prepared[Any]:
        """Return the `Prepared` object (circuits and their decoding) for one plan.

        Real and imaginary part of a complex plan have circuits of their own.
        """
        if not plan.is_complex:
            return PreparedEstimation(self, plan)
        pairs = isinstance(self.powers[0], tuple)  # they determine the shots of each part
        return PreparedParts.of(
            self, plan, lambda own, part: PreparedEstimation(self, as_real(own, part)), whole=pairs
        )


@dataclass(frozen=True, eq=False)
class PreparedEstimation(Prepared[AmplitudeEstimation]):
    """Circuits of one plan, for each block and Grover power, and the estimates from them."""

    shared_chances: Chances | None = field(default=None, repr=False)
    """Chances of an earlier plan; None to compute them."""

    def again(self, plan: Problem) -> PreparedEstimation:
        """Return the `Prepared` object for other shots or sampling, with the same chances."""
        return PreparedEstimation(self.method, plan, self.chances)

    def allot(self) -> Problem:
        """Return the plan with its shots: the sum over pairs, or the fewest for a tolerance."""
        plan, powers = self.plan, self.method.powers
        if isinstance(powers[0], tuple) and plan.shots is not None:
            if plan.tolerance is not None:
                raise ValueError(
                    "tolerance: expected no tolerance with pairs (power, shots), got "
                    f"powers={powers}; the pairs determine the shots"
                )
            if plan.shots != self.method.default_shots:
                raise ValueError(
                    "shots: expected no value with pairs (power, shots), got "
                    f"{plan.shots}; the pairs determine the number of shots"
                )
            return plan
        if plan.tolerance is None or plan.shots is None or powers != "auto":
            return super().allot()
        tried = range(_LEAST_HIGHEST, _highest(plan))
        needed = [least_shots(power) for power in tried]
        guess = bisect_left(needed, True, key=lambda shots: self._short(shots, 1.0) <= 1)
        if guess < len(needed):
            excess = self._excess(needed[guess])
            guess = bisect_left(needed, True, key=lambda shots: self._short(shots, excess) <= 1)
        reached = _first(len(needed), lambda index: self._short(needed[index]) <= 1, guess)
        number = least_shots(_LEAST_HIGHEST + reached)
        while self._short(number) > 1:
            excess = self._excess(number)
            number += 1
            step = number
            while self._short(number + step, excess) > 1:
                require_affordable((number + step) * plan.grid.pixels)
                step *= 2
            more = range(number, number + step)
            number += bisect_left(more, True, key=lambda n: self._short(n, excess) <= 1)
        return replace(plan, shots=number)

    def more_shots(self, result: Convolution) -> Problem:
        """Return the plan with the number of shots that the result has.

        Pixels exceed their prediction where two angles remain possible. A few more shots would run
        at low powers, which hardly distinguish these angles.
        """
        if not isinstance(result.shots, int):
            raise RuntimeError("expected a result with the same shots for all pixels")
        return replace(self.plan, shots=result.shots)

    def _short(self, shots: int, excess: float | None = None) -> float:
        """Return the factor by which a number of shots is too small for the plan's tolerance.

        Args:
            shots: Shots per pixel.
            excess: Factor between squared standard errors and their bound; None to simulate it.
        """
        if self.plan.tolerance is None:
            raise RuntimeError("expected a tolerance")
        excess = self._excess(shots) if excess is None else excess
        return self.plan.tolerance.needed(self.chances.errors(self._scheduled(shots), excess))

    def _excess(self, shots: int) -> float:
        """Return the factor between squared standard errors and their bound."""
        return simulated_excess(self._scheduled(shots), self.chances.examples, guarded=True)

    def _scheduled(self, shots: int | None) -> Schedule:
        highest = _highest(self.plan)
        most = HIGHEST_OF_ALL if self.plan.sampling.backend is None else highest
        return scheduled(self.method.powers, shots, highest, most)

    @cached_property
    def schedule(self) -> Schedule:
        """Powers and their shots."""
        return self._scheduled(self.plan.shots)

    @property
    def powers(self) -> Sequence[int]:
        """Powers that run.

        Without noise, power 0 is enough for the exact expectation. With noise, the damping follows
        from all powers together, so that the limit of the estimate needs all of them.
        """
        return (0,) if self.plan.shots is None and self.plan.ideal else self.schedule.powers

    @cached_property
    def blocks(self) -> list[Block]:
        """Blocks of the output, with circuits of up to the maximum number of qubits."""
        joint = self.method.range == "local"
        most = _MOST_QUBITS_JOINT if joint else _MOST_QUBITS
        return cut(self.plan.grid, most - self._other_qubits, margins=not joint)

    @property
    def _other_qubits(self) -> int:
        """Number of qubits besides the position qubits: the kernel qubits and the flag."""
        return len(qubits_of(kernel_registers(self.plan.grid.kernel_shape))) + 1

    @cached_property
    def programs(self) -> list[Program]:
        """Programs of each block of the output and each power."""
        plan = self.plan
        size = float(np.abs(plan.propagator.effective_kernel).sum())
        with np.errstate(over="ignore"):
            require_products(4 * size * float(np.abs(plan.padded).max()))
        if plan.simulated:
            position = sum(self.blocks[0].bits)
            qubits = position + self._other_qubits
            require_room(qubits, position + 1, qubits, plan.grid.image_shape)
        return [
            program
            for number in range(len(self.blocks))
            for program in self._programs_of_block(number)
        ]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Estimate every pixel from the outcomes of all programs."""
        plan = self.plan
        image, stderr = np.empty((2, *plan.grid.output_shape))
        contrasts: list[_Array] = []
        reliable = np.ones(plan.grid.output_shape, dtype=bool)
        kept: list[Outcomes] = []
        hits: list[Hits] = []
        planned = came = 0
        for number, block in enumerate(self.blocks):
            gathered = list(islice(outcomes, len(self.powers)))
            read = self._hits(number, gathered)
            if plan.shots is None and plan.ideal:
                found = [*_exact(read)]
            else:
                *found, contrast = read.estimates
                contrasts += [] if contrast is None else [contrast]
            image[block.outputs], stderr[block.outputs], reliable[block.outputs] = found
            hits += [] if plan.shots is None else [read]
            planned += sum(part.program.executions or 0 for part in gathered)
            came += sum(part.executions for part in gathered)
            kept += [
                replace(part, probabilities=None, histograms=(), executed=part.total_shots)
                for part in gathered
            ]
        information = None
        if plan.shots is not None:
            information = self.schedule.information * came / max(1, planned)
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
                information=information,
                hits=tuple(hits),
            ),
            quantity=f"{plan.quantity} {self.method.powers} {self.method.range}",
        )

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuits of the first block, the largest."""
        return int(self._amplifier(0).circuit(0).num_qubits)

    @property
    def costliest(self) -> Program:
        """Program of the first block and the highest power."""
        return self._programs_of_block(0)[-1]

    def predict(self) -> Prediction:
        """Predict standard errors from the Fisher information of the angle and the shots."""
        if self.plan.shots is None:
            return Prediction(1.0, np.zeros(self.plan.grid.output_shape))
        return Prediction(1.0, self.chances.errors(self.schedule))

    def number(self, observable: Observable) -> Number:
        """Return a linear observable, whose positions are in one superposition with one angle.

        Raises:
            TypeError: If the observable is quadratic.
        """
        return weighted_sum(self.plan, observable, self.method.range)

    @cached_property
    def chances(self) -> Chances:
        """Flag probabilities of all pixels."""
        if self.shared_chances is not None:
            return self.shared_chances
        return Chances.of(self.plan, self.blocks, self._scale)

    def _programs_of_block(self, number: int) -> list[Program]:
        """Return the programs of one block."""
        powers, block = self.powers, self.blocks[number]
        executions: list[int | None] = [None] * len(powers)
        if self.plan.shots is not None:
            executions = [*self.schedule.executions(block.pixels)]
        few = powers if max(powers) <= max(SIMULATED) else SIMULATED
        saving = Saving(
            lambda: self._amplifier(number).saving(few),
            lambda saved: with_higher_powers(saved, powers),
        )
        return [
            Program(
                lambda power=power: self._amplifier(number).circuit(power),  # type: ignore[misc]
                executions=number_of,
                seed=derived(self.plan.seed, number, power),
                measured=sum(block.bits) + 1,
                oracle_calls=2 * power + 1,
                saved=None if self.plan.shots is None else (saving, str(power)),
                steps=Steps(power, lambda steps: self._amplifier(number).circuit(steps)),
            )
            for power, number_of in zip(powers, executions, strict=True)
        ]

    @cached_property
    def _amplifier(self) -> Callable[[int], Amplifier]:
        """Function that builds a block's circuits, by the block's index; the latest is cached."""

        def make(number: int) -> Amplifier:
            plan, block = self.plan, self.blocks[number]
            kernel = added_kernel(plan)
            angles = self._scale(number).angles(plan, block, kernel)
            return Amplifier(block.counts, kernel, angles, native=plan.native, family=plan.adder)

        return lru_cache(maxsize=1)(make)

    def _scale(self, number: int) -> Scale:
        """Return the map of a block's pixels to probabilities."""
        kernel = added_kernel(self.plan)
        return Scale.of(self.plan, self.blocks[number], kernel, self.method.range)

    def _hits(self, number: int, gathered: list[Outcomes]) -> Hits:
        """Return the hits of a block: counts, or probabilities if exact."""
        plan, block, powers = self.plan, self.blocks[number], self.powers
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
        if plan.shots is not None:
            table = table.astype(np.int64)
        elif not plan.ideal:
            table *= _ENOUGH
        noisy = not all(part.ideal for part in gathered)
        averaged = self.schedule.averaged
        return Hits(tuple(powers), table, block, self._scale(number), averaged, noisy)


def _exact(hits: Hits) -> tuple[_Array, _Array, NDArray[np.bool_]]:
    """Return outputs, standard errors and reliability from the exact probabilities of power 0."""
    misses, hit = hits.table[0]
    probability = hit / (hit + misses)
    nothing = np.zeros_like(probability)
    return hits.scale.found(hits.block, probability, nothing, nothing == 0)


def _first(number: int, enough: Callable[[int], bool], guess: int) -> int:
    """Return the first index below ``number`` for which ``enough`` is True; ``number`` if none is.

    Args:
        number: Number of indices.
        enough: Function of an index; True for all indices after the first for which it is True.
        guess: Index from which the search starts.
    """
    low = high = guess
    step = 1
    while low > 0 and enough(low - 1):
        low, high, step = max(0, low - 1 - step), low - 1, 2 * step
    step = 1
    while high < number and low == guess and not enough(high):
        low = guess = high + 1
        high, step = min(number, low + step), 2 * step
    return bisect_left(range(number), True, low, high, key=enough)


def _highest(plan: Problem) -> int:
    """Return the maximum power of a plan with ``powers="auto"``, by the rule for few shots."""
    if not plan.ideal:
        return HIGHEST_WITH_NOISE
    if plan.sampling.backend is None or plan.tolerance is None:
        return HIGHEST
    return HIGHEST_FOR_TOLERANCE
