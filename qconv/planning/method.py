"""Methods: what a way to convolve declares of itself, and what it does."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.planning.allocation import DEFAULT_SHOTS, require_affordable
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

#: Maximum number of steps of the search for a tolerance, and how close it comes.
_ROUNDS, _CLOSE = 40, 0.99

WHOLE_IMAGE = (
    "one that holds a whole image in one circuit (such as qconv.Diffusion(), "
    "qconv.Interference() or qconv.Fourier())"
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Success probability and standard errors that a method expects before anything runs.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 2, 1], method=qconv.Collapse(), shots=100)
        >>> plan.prepared.predict().stderr.round(2)
        array([0.  , 1.73, 2.83, 3.32, 3.46])
    """

    success: float | None = None
    """Probability that an execution is of use; None if it is not known beforehand."""
    stderr: NDArray[np.float64] | None = None
    """Standard error of every output pixel's estimate, in its unit; 0 if exact, None if not
    known."""


class Method(ABC):
    """A way to convolve: a small frozen object that holds options.

    A method of your own derives from this class, as the package's own do, and works with every
    verb, with `Blocks`, `match_template`, save and load, and any backend. Its one duty is
    `prepare`, which gives the work for one plan: a `Prepared`.

    The attributes below tell the rest of the package what it must know of a method; the defaults
    suit most.

    Example:
        >>> import qconv
        >>> method = qconv.Diffusion(steps=2)
        >>> isinstance(method, qconv.Method)
        True
        >>> method.whole_image, method.signed, method.nonnegative, method.steps
        (True, True, True, 2)
    """

    whole_image: ClassVar[bool] = False
    """Whether one circuit holds all pixels, so that any number of executions, `Plan.whole_shots`,
    serves them all. Only such methods can be cut into blocks."""
    least_shots: ClassVar[int] = 1
    """Fewest shots per pixel with which predicted errors hold, where pixels have their own."""
    unitary_filters: ClassVar[bool] = False
    """Whether a kernel whose transfer function has modulus 1 costs no execution."""
    kernel_only: ClassVar[bool] = False
    """Whether circuits hold the kernel alone, so that their outcomes serve every image, and every
    part of one."""

    @property
    def steps(self) -> int:
        """Number of times that the kernel is applied."""
        return 1

    @property
    def signed(self) -> bool:
        """Whether estimates have signs; False for magnitudes."""
        return True

    @property
    def nonnegative(self) -> bool:
        """Whether images must not have negative values."""
        return False

    @property
    def default_shots(self) -> int:
        """Shots per pixel if neither they nor a tolerance are given."""
        return DEFAULT_SHOTS

    @property
    def corrects_readout(self) -> bool:
        """Whether standard errors hold for counts that are corrected for readout errors.

        They do where estimates are linear in the counts.
        """
        return False

    @abstractmethod
    def prepare(self, plan: Problem) -> Prepared[Any]:
        """Return the work of this method for one plan; nothing is computed yet.

        Args:
            plan: Image, kernel, geometry, shots, sampling, all of it valid.
        """

    def executions(self, pixels: int, shots: int) -> int:
        """Return the total number of executions, over all circuits.

        Args:
            pixels: Number of output pixels.
            shots: Shots per pixel.
        """
        return shots * pixels

    def in_place(self) -> Method | None:
        """Return the method laid out so that a displaced result is measured where it belongs.

        On a ring of powers of two, with boundary wrap. None if it cannot be: the measured position
        is then another one, though the result is right.
        """
        return None

    def check_blocks(self, scheme: str) -> None:
        """Raise unless images can be cut into blocks for this method.

        Args:
            scheme: ``"overlap-add"`` or ``"overlap-save"``.

        Raises:
            TypeError: If the method has no blocks.
            ValueError: If the scheme or these options do not allow them.
        """
        if not self.whole_image:
            raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")
        if scheme == "overlap-add" and not self.signed:
            raise ValueError(
                f"scheme: 'overlap-add' adds results, which needs their signs, got {self!r}; "
                "expected signed=True, or 'overlap-save'"
            )


_M = TypeVar("_M", bound=Method)


@dataclass(frozen=True, eq=False)
class Prepared(ABC, Generic[_M]):
    """The work of a method for one plan: its circuits, and how their outcomes are decoded.

    A subclass has two duties, `programs` and `decode`. What it works out once it keeps in cached
    properties (``functools.cached_property``); another plan has prepared work of its own.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 2, 1], method=qconv.Collapse(), shots=100)
        >>> work = plan.method.prepare(plan)
        >>> [program.executions for program in work.programs], work.num_qubits
        ([500], 2)
    """

    method: _M
    """The method, with its options."""
    plan: Problem
    """The plan."""

    @property
    @abstractmethod
    def programs(self) -> Iterable[Program]:
        """Programs to run, in order; none where nothing is left to measure.

        Raises:
            ValueError: If the plan does not suit the method, or would not fit in memory.
        """

    @abstractmethod
    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode outcomes into an estimate.

        Args:
            outcomes: One for each of `programs`, in their order, measured anywhere. A program may
                run only when its outcomes are asked for.
        """

    @property
    def sampling(self) -> Sampling:
        """How circuits are measured."""
        return self.plan.sampling

    @property
    def shots(self) -> int | None:
        """Shots per output pixel; None for the exact expectation."""
        return self.plan.shots

    def exact(self, sampling: Sampling) -> Prepared[_M]:
        """Return the work for the exact expectation, with this backend."""
        return self.again(replace(self.plan, shots=None, sampling=sampling))

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the largest circuit."""
        return max((program.build().num_qubits for program in self.programs), default=0)

    @property
    def costliest(self) -> Program | None:
        """The program with the most gates, whose gates are counted; None if none would run."""
        return next(iter(self.programs), None)

    @property
    def propagator(self) -> Propagator:
        """The propagator that the circuits encode."""
        return self.plan.propagator

    def predict(self) -> Prediction:
        """Predict the success probability and standard errors; nothing runs."""
        return Prediction()

    def again(self, plan: Problem) -> Prepared[_M]:
        """Prepare the same convolution with other shots or sampling.

        Subclasses hand over what depends on neither.

        Args:
            plan: The plan, with the same image, kernel and geometry.
        """
        return self.method.prepare(plan)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Numbers of output pixels, along each axis, at whose multiples the result may be cut.

        Each part is then a plan of its own: its image is what its outputs see, and its
        ``grid.place`` says where they are. Prepared work for the part must give the same numbers as
        for the whole. ``plan.grid.tile_sides`` suits what is drawn tile by tile of
        ``plan.grid.tiles``, each from the random stream of its number in
        ``plan.grid.tile_numbers``. Of the plan's image only the shape may be used.

        Raises:
            TypeError: If the method cannot be cut into parts.
            ValueError: If these options do not allow it.
        """
        instead = "qconv.Blocks(method, 'overlap-save'), " if self.method.whole_image else ""
        raise TypeError(
            f"method: expected one whose result can be computed part by part ({instead}"
            f"qconv.Collapse()), got {self.method!r}"
        )

    def allot(self) -> Problem:
        """Return the plan with the executions that its tolerance needs.

        Methods whose circuits hold the whole image need nothing but `predict`; others say how
        shots are allotted to pixels.

        Raises:
            ValueError: If no errors are predicted, or they would take too many executions.
        """
        return allotted(self)


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


def allotted(work: Prepared[Any]) -> Problem:
    """Return a plan with the fewest executions that reach its tolerance, by predicted errors.

    Raises:
        ValueError: If no errors are predicted, or they would take too many executions.
    """
    plan, method = work.plan, work.method
    tolerance = plan.tolerance
    if tolerance is None or plan.shots is None:
        return plan
    least, pixels = method.least_shots, plan.grid.pixels
    number, too_few, enough = least, 0, 0
    best = plan
    for _ in range(_ROUNDS):
        shots = max(1, round(number / pixels)) if method.whole_image else number
        total = number if method.whole_image else None
        work = work.again(replace(plan, shots=shots, total=total))
        stderr = work.predict().stderr
        if stderr is None or np.isnan(stderr).any():
            raise ValueError(f"tolerance: {method!r} predicts no errors; expected shots instead")
        short = tolerance.shortfall(stderr)
        if short <= 1:
            enough, best = number, work.plan
        else:
            too_few = max(too_few, number)
        if enough and (_CLOSE < short <= 1 or enough <= max(least, too_few + 1)):
            break
        if not enough:
            require_affordable(number * short * (1 if method.whole_image else pixels))
        number = max(least, math.ceil(number * short))
        if enough and not too_few < number < enough:  # errors fall by a leap between them
            number = (too_few + enough) // 2
    return best if enough else work.plan
