"""Methods: what a way to convolve declares of itself, and what it does."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.planning.allocation import require_affordable
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

if TYPE_CHECKING:
    from qconv.planning.plan import Plan


#: How often executions are corrected until they give the error that is asked for.
_ROUNDS, _CLOSE = 40, 0.99

WHOLE_IMAGE = (
    "one that holds a whole image in one circuit (such as qconv.Diffusion(), "
    "qconv.Interference() or qconv.Fourier())"
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method expects of a plan before anything runs."""

    success: float | None = None
    """Probability that an execution is of use; None if it is not known beforehand."""
    stderr: NDArray[np.float64] | None = None
    """Standard error of every output pixel's estimate, in its unit; 0 if exact, None if not
    known."""


class Method(ABC):
    """A way to convolve: a frozen options object that builds circuits and decodes their outcomes.

    A method of your own derives from this class, as the package's own do, and works with every
    verb, with `Blocks`, `match_template`, save and load, and any backend. It has two duties:

    * `build`: the programs that would run for a plan (circuit and number of executions);
    * `decode`: from the outcomes of these programs, in their order, to a `Convolution`.

    What others have to know of it are the attributes below; what suits most methods is the default.

    Example:
        >>> import qconv
        >>> method = qconv.Diffusion(steps=2)
        >>> isinstance(method, qconv.Method)
        True
        >>> method.whole_image, method.signed, method.nonnegative, method.steps
        (True, True, True, 2)
    """

    steps: int = 1
    """How often it applies the kernel."""
    signed: bool = True
    """Whether its estimates have signs; False for magnitudes."""
    corrects_readout: bool = False
    """Whether its standard errors hold for counts that are corrected for readout errors, as those
    of estimates do that are linear in the counts."""
    whole_image: ClassVar[bool] = False
    """Whether one circuit holds all pixels, so that any number of executions, `Plan.whole_shots`,
    serves them all. Only such methods can be cut into blocks."""
    least_shots: ClassVar[int] = 1
    """Fewest shots of a pixel with which its predicted errors hold, where pixels have their own."""
    nonnegative: ClassVar[bool] = False
    """Whether it needs an image without negative values."""
    unitary_filters: ClassVar[bool] = False
    """Whether a kernel whose transfer function has modulus 1 costs it no execution."""
    kernel_only: ClassVar[bool] = False
    """Whether its circuits hold the kernel alone, so that what they gave serves every image, and
    every part of one."""

    @abstractmethod
    def build(self, plan: Plan) -> Iterable[Program]:
        """The programs of a plan; none where nothing is left to measure.

        Args:
            plan: Image, kernel, geometry, shots, backend, all of it valid.

        Raises:
            ValueError: The plan does not suit the method, or would not fit in memory.
        """

    @abstractmethod
    def decode(self, plan: Plan, outcomes: Iterator[Outcomes]) -> Convolution:
        """The estimate that outcomes give.

        Args:
            plan: That `build` was called with.
            outcomes: One for each of its programs, in their order. Each is taken when it is asked
                for, and may have been measured anywhere.
        """

    def executions(self, pixels: int, shots: int) -> int:
        """How many executions some shots a pixel are, over all circuits.

        Args:
            pixels: Output pixels.
            shots: For each of them.
        """
        return shots * pixels

    def num_qubits(self, plan: Plan) -> int:
        """Qubits of its largest circuit."""
        return max((program.build().num_qubits for program in self.build(plan)), default=0)

    def costliest(self, plan: Plan) -> Program | None:
        """The program with the most gates, for counting them; None if none would run."""
        return next(iter(self.build(plan)), None)

    def encoded(self, plan: Plan) -> Propagator:
        """The propagator that its circuits encode."""
        return plan.propagator

    def predict(self, plan: Plan) -> Prediction:
        """Success probability and standard errors to be expected, without running anything."""
        return Prediction()

    def part_sides(self, plan: Plan) -> tuple[int, ...]:
        """At multiples of how many output pixels, along each axis, the result may be cut.

        Each part is then a plan of its own, whose image is what its outputs see, and whose
        ``grid.place`` says where they are: `build` and `decode` must give the part the same numbers
        as they would give it in the whole. ``plan.grid.tile_sides`` for what is drawn tile by tile
        of ``plan.grid.tiles``, from streams that go by ``plan.grid.tile_numbers``.

        Args:
            plan: Of the whole, whose image may be a stand-in: only its shape is right.

        Raises:
            TypeError: The method cannot be cut into parts.
            ValueError: Not with these options.
        """
        instead = "qconv.Blocks(method, 'overlap-save'), " if self.whole_image else ""
        raise TypeError(
            f"method: expected one whose result can be computed part by part ({instead}"
            f"qconv.Collapse()), got {self!r}"
        )

    def allot(self, plan: Plan) -> Plan:
        """The plan with its executions, as many as its tolerance needs.

        Methods whose circuits hold the whole image need no more than their prediction; others say
        how they share shots out among the pixels.

        Args:
            plan: With a number of shots, and perhaps a tolerance, which goes before it.

        Raises:
            ValueError: The method predicts no errors, or they would take too many executions.
        """
        tolerance = plan.tolerance
        if tolerance is None or plan.shots is None:
            return plan
        least, pixels = self.least_shots, plan.grid.pixels
        number, too_few, enough = least, 0, 0
        allotted = best = plan
        for _ in range(_ROUNDS):
            shots = max(1, round(number / pixels)) if self.whole_image else number
            total = number if self.whole_image else None
            allotted = replace(plan, shots=shots, total=total, memory={})
            stderr = self.predict(allotted).stderr
            if stderr is None or np.isnan(stderr).any():
                raise ValueError(f"tolerance: {self!r} predicts no errors; expected shots instead")
            short = tolerance.shortfall(stderr)
            if short <= 1:
                enough, best = number, allotted
            else:
                too_few = max(too_few, number)
            if enough and (_CLOSE < short <= 1 or enough <= max(least, too_few + 1)):
                break
            if not enough:
                require_affordable(number * short * (1 if self.whole_image else pixels))
            number = max(least, math.ceil(number * short))
            if enough and not too_few < number < enough:  # errors fall by a leap between them
                number = (too_few + enough) // 2
        return best if enough else allotted

    def in_place(self) -> Method | None:
        """The method laid out so that a displaced result is measured where it belongs.

        On a ring of powers of two, with boundary wrap. None if it cannot be: what is measured is
        then another place, though the result is right.
        """
        return None

    def check_blocks(self, scheme: str) -> None:
        """Raise unless images can be cut into blocks for this method.

        Args:
            scheme: ``"overlap-add"`` or ``"overlap-save"``.

        Raises:
            TypeError: Not for this method.
            ValueError: Not by this scheme, or not with these options.
        """
        if not self.whole_image:
            raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")
        if scheme == "overlap-add" and not self.signed:
            raise ValueError(
                f"scheme: 'overlap-add' adds results, which needs their signs, got {self!r}; "
                "expected signed=True, or 'overlap-save'"
            )


def check_method(method: object, what: str = "a method such as qconv.Collapse()") -> Method:
    """A method, if it is one.

    Args:
        method: Anything.
        what: Was expected, in words.

    Raises:
        TypeError: It is none, or a class instead of an object of it.
    """
    if not isinstance(method, Method):
        raise TypeError(f"method: expected {what}, got {method!r}")
    return method
