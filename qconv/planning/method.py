"""Base classes of methods, and of methods prepared for one plan."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import further
from qconv.observables.observable import Observable, Overlap
from qconv.planning.allocation import DEFAULT_SHOTS, require_affordable
from qconv.planning.number import Number, Terms, of_parts
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.numbers import root_mean_square

#: Maximum number of steps of the search for a tolerance, and the smallest accepted shortfall.
_ROUNDS, _CLOSE = 40, 0.99

#: Loading error, relative to the contrast of the filtered image, above which users are warned.
_HIDING = 0.5

#: Error at which a further round aims, relative to the tolerance.
AIM = 0.99

WHOLE_IMAGE = (
    "a method that holds a whole image in one circuit (such as qconv.Diffusion(), "
    "qconv.Interference() or qconv.Fourier())"
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Success probability and standard errors that a method predicts before anything runs.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 2, 1], method=qconv.Collapse(), shots=100)
        >>> plan.prepared.predict().stderr.round(2)
        array([0.  , 1.73, 2.83, 3.32, 3.46])
    """

    success: float | None = None
    """Success probability of an execution; None if it cannot be predicted."""
    stderr: Numbers | None = None
    """Standard error of every output pixel, in the unit of the result; 0 if exact, None if it
    cannot be predicted. Complex for complex results: the parts are the errors of the real and the
    imaginary part."""


@dataclass(frozen=True, eq=False)
class LoadingError:
    """Exact error of results whose circuits load the image approximately.

    Example:
        >>> import qconv
        >>> few = qconv.ApproximatePreparation(two_qubit_gates=1)
        >>> method = qconv.Diffusion(preparation=few)
        >>> plan = qconv.plan([[1, 2], [3, 9]], [[1, 1]], method=method, shots=100)
        >>> print(plan.prepared.loading_error().bias.shape)
        (2, 3)
    """

    bias: NDArray[np.float64]
    """Expectation with the loaded image minus the expectation with the exact image, for every
    output pixel, in the unit of the result."""
    filtered: NDArray[np.float64]
    """Expectation with the exact image, same shape and unit."""

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> LoadingError:
        """Return the error of a result that is zero whatever is loaded."""
        return cls(np.zeros(shape), np.zeros(shape))

    @property
    def rms(self) -> float:
        """Root mean square of the bias."""
        return root_mean_square(self.bias)

    @property
    def contrast(self) -> float:
        """Root mean square deviation of the filtered image from its mean."""
        return root_mean_square(self.filtered - self.filtered.mean())

    def warn(self) -> None:
        """Emit a ``RuntimeWarning`` with the numbers if the bias hides the filtered image."""
        if self.rms > _HIDING * self.contrast:
            warnings.warn(
                f"preparation: the loading error after the filter (rms {self.rms:.4g}) exceeds "
                f"{100 * _HIDING:.0f} % of the contrast of the filtered image (rms "
                f"{self.contrast:.4g}); use more two_qubit_gates, or preparation='exact'",
                RuntimeWarning,
                stacklevel=8,
            )


class Method(ABC):
    """Base class of methods of convolution: small frozen objects that hold options.

    A method of your own derives from this class, as the package's own methods do. Such a method
    works with `convolve` and all similar functions, with `Blocks`, with saved results and with any
    backend. It must implement `prepare`, which returns a `Prepared`: the circuits for one plan, and
    the decoding of their outcomes.

    The attributes below describe the method to the rest of the package. Their defaults suit most
    methods.

    Example:
        >>> import qconv
        >>> method = qconv.Diffusion(steps=2)
        >>> isinstance(method, qconv.Method)
        True
        >>> method.whole_image, method.signed, method.nonnegative, method.steps
        (True, True, True, 2)
    """

    whole_image: ClassVar[bool] = False
    """Whether one circuit holds all pixels, so that all executions (`Plan.whole_shots`) are used
    for every pixel. Only the images of such methods can be cut into blocks."""
    least_shots: ClassVar[int] = 1
    """Minimum number of shots per pixel for which predicted errors hold, if every pixel has its own
    shots."""
    unitary_filters: ClassVar[bool] = False
    """Whether all executions succeed for a kernel whose transfer function has modulus 1."""
    kernel_only: ClassVar[bool] = False
    """Whether circuits encode the kernel alone, so that their outcomes can be used for every image,
    and for every part of an image. A plan's image then includes the axes of channels and stacks,
    along which the kernel has the length 1. If False, each channel is a plan of its own."""

    @property
    def takes_complex(self) -> bool:
        """Whether images and kernels may be complex; by default False.

        The image and the standard error of a result are then complex, see `Convolution`.
        """
        return False

    @property
    def steps(self) -> int:
        """Number of times that the kernel is applied; by default 1."""
        return 1

    @property
    def signed(self) -> bool:
        """Whether estimates have signs; by default True, False for magnitudes."""
        return True

    @property
    def nonnegative(self) -> bool:
        """Whether images must not have negative values; by default False."""
        return False

    @property
    def loads_exactly(self) -> bool:
        """Whether circuits load the image exactly; by default True.

        If False, the `Prepared` object must implement `Prepared.loading_error`.
        """
        return True

    @property
    def default_shots(self) -> int:
        """Shots per pixel of a call without ``shots`` and ``tolerance``; by default 1024."""
        return DEFAULT_SHOTS

    @property
    def corrects_readout(self) -> bool:
        """Whether standard errors hold for counts that are corrected for readout errors.

        By default False. The standard errors hold if estimates are linear in the counts.
        """
        return False

    @abstractmethod
    def prepare(self, plan: Problem) -> Prepared[Any]:
        """Return the `Prepared` object of this method for one plan; nothing is computed yet.

        Args:
            plan: Valid image, kernel, geometry, shots and sampling.
        """

    def executions(self, pixels: int, shots: int) -> int:
        """Return the total number of executions, over all circuits.

        Args:
            pixels: Number of output pixels.
            shots: Shots per pixel.
        """
        return shots * pixels

    def in_place(self) -> Method | None:
        """Return this method with options for which every pixel is measured at its own index.

        Such options concern boundary ``wrap`` on images whose sides are powers of two. None if the
        method has no such options: the circuit then measures the pixels at other positions, and
        the result is still correct.
        """
        return None

    def check_blocks(self, scheme: str) -> None:
        """Raise an error if images cannot be cut into blocks for this method.

        Args:
            scheme: ``"overlap-add"`` or ``"overlap-save"``.

        Raises:
            TypeError: If this is not a whole-image method.
            ValueError: If the scheme or the method's options do not allow blocks.
        """
        if not self.whole_image:
            raise TypeError(f"method: expected {WHOLE_IMAGE}, got {self!r}")
        if scheme == "overlap-add" and not self.signed:
            raise ValueError(
                "scheme: expected 'overlap-save', or a method with signed=True, got "
                f"'overlap-add' and {self!r}; 'overlap-add' adds signed results"
            )


_M = TypeVar("_M", bound=Method)


@dataclass(frozen=True, eq=False)
class Prepared(ABC, Generic[_M]):
    """Method prepared for one plan: the circuits, and the decoding of their outcomes.

    A subclass must implement `programs` and `decode`. Use cached properties
    (``functools.cached_property``) for values that are computed once: every plan has its own
    `Prepared` object.

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
    """The plan that the method is prepared for."""

    @property
    @abstractmethod
    def programs(self) -> Iterable[Program]:
        """Programs to run, in order; empty if there is nothing to measure.

        Raises:
            ValueError: If the plan does not suit the method, or would not fit in memory.
        """

    @abstractmethod
    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode outcomes into an estimate.

        Args:
            outcomes: Outcomes of each of `programs`, in the same order, measured anywhere. Iterate
                over them in order, because a program may run only when its outcomes are requested.
        """

    @property
    def sampling(self) -> Sampling:
        """Backend, seed and other options of measurement."""
        return self.plan.sampling

    @property
    def shots(self) -> int | None:
        """Shots per output pixel; None for the exact expectation."""
        return self.plan.shots

    def exact(self, sampling: Sampling) -> Prepared[_M]:
        """Return the `Prepared` object for the exact expectation on the backend of ``sampling``."""
        return self.again(replace(self.plan, shots=None, sampling=sampling))

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the largest circuit."""
        return max((program.build().num_qubits for program in self.programs), default=0)

    @property
    def costliest(self) -> Program | None:
        """Program whose gates are counted; None if there are no programs.

        The default is the first program. A method with different circuits should return the program
        with the most gates.
        """
        return next(iter(self.programs), None)

    @property
    def propagator(self) -> Propagator:
        """The propagator that the circuits encode."""
        return self.plan.propagator

    def predict(self) -> Prediction:
        """Predict the success probability and standard errors; nothing runs."""
        return Prediction()

    def loading_error(self) -> LoadingError | None:
        """Return the exact error of approximate loading; None if the image is loaded exactly."""
        return None

    def number(self, observable: Observable) -> Number:
        """Return the number that the circuits measure for an observable, without a picture.

        The default rejects every observable. Nothing runs.

        Raises:
            TypeError: If the method cannot measure the observable.
            ValueError: If the observable does not suit the plan.
        """
        raise TypeError(
            f"observable: {self.method!r} does not measure {type(observable).__name__}; use "
            "another method"
        )

    def of_weights(self, weights: NDArray[np.float64]) -> Number:
        """Return the number of the linear observable with given real weights, see `number`.

        Args:
            weights: Weight of every output pixel of a picture, without axes of length 1 in front.
        """
        return self.number(Overlap(weights.reshape(self.plan.grid.output_shape)))

    def terms(self, observables: Sequence[Observable]) -> list[Terms]:
        """Return the numbers whose sum, with factors, is each observable, see `number`.

        By default one number per observable, with the factor 1. Complex weights have one number for
        their real part and one for their imaginary part.
        """
        shape, found = self.plan.grid.output_shape, list[Terms]()
        for observable in observables:
            if np.iscomplexobj(observable.weights(shape)):
                found.append(of_parts(observable, self.plan, [(1.0, self.of_weights)]))
            else:
                found.append(((1.0, self.number(observable)),))
        return found

    def again(self, plan: Problem) -> Prepared[_M]:
        """Return the `Prepared` object for the same convolution with other shots or sampling.

        Subclasses may pass on values that depend neither on the shots nor on the sampling.

        Args:
            plan: Plan with the same image, kernel and geometry.
        """
        return self.method.prepare(plan)

    def with_image(self, plan: Problem) -> Prepared[_M]:
        """Return the `Prepared` object for another image of the same shape, such as a channel.

        Subclasses may pass on values that depend on the kernel and the geometry alone.

        Args:
            plan: Plan with the same kernel and geometry.
        """
        return self.method.prepare(plan)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Lengths in output pixels, per axis; the result may be cut at multiples of these lengths.

        Each part becomes a plan of its own. Its image contains the pixels that its outputs read,
        and its ``grid.origin`` is the position of its first output pixel in the whole result. The
        `Prepared` object of a part must give the same numbers as the `Prepared` object of the whole
        result. Some methods sample each tile of ``plan.grid.tiles`` from its own random stream,
        with the tile's number in ``plan.grid.tile_numbers`` as the key. Return
        ``plan.grid.tile_sides`` for such a method. This property may use only the shape of the
        plan's image, and not its values.

        Raises:
            TypeError: If the method cannot be computed part by part.
            ValueError: If the method's options do not allow parts.
        """
        instead = "qconv.Blocks(method, 'overlap-save'), " if self.method.whole_image else ""
        raise TypeError(
            f"method: expected a method that computes the result part by part ({instead}"
            f"qconv.Collapse()), got {self.method!r}"
        )

    def allot(self) -> Problem:
        """Return the plan with the executions that its tolerance needs.

        The default searches for the fewest executions by means of `predict`. Methods that give
        pixels different shots override this search.

        Raises:
            ValueError: If the method predicts no errors, if the tolerance needs too many
                executions, or if the loading error exceeds it.
        """
        plan, method, work = self.plan, self.method, self
        tolerance = plan.tolerance
        if tolerance is None or plan.shots is None:
            return plan
        loading = self.loading_error()
        if loading is not None and loading.rms > tolerance.error:
            raise ValueError(
                f"tolerance: expected at least the loading error after the filter, rms "
                f"{loading.rms:.4g}, got {tolerance.error:g}; use more two_qubit_gates, or "
                "preparation='exact'"
            )
        least, pixels = method.least_shots, plan.grid.pixels
        number, too_few, enough = least, 0, 0
        best = plan
        for _ in range(_ROUNDS):
            shots = max(1, round(number / pixels)) if method.whole_image else number
            total = number if method.whole_image else None
            work = work.again(replace(plan, shots=shots, total=total))
            stderr = work.predict().stderr
            if stderr is None or np.isnan(stderr).any():
                raise ValueError(f"tolerance: {method!r} predicts no errors; give shots instead")
            short = tolerance.needed(stderr)
            if short <= 1:
                enough, best = number, work.plan
            else:
                too_few = max(too_few, number)
            if enough and (_CLOSE < short <= 1 or enough <= max(least, too_few + 1)):
                break
            if not enough:
                require_affordable(number * short * (1 if method.whole_image else pixels))
            number = max(least, math.ceil(number * short))
            if enough and not too_few < number < enough:  # the error jumps in between: bisect
                number = (too_few + enough) // 2
        return best if enough else work.plan

    def lacking(self, result: Convolution, number: int) -> Prepared[_M] | None:
        """Return the `Prepared` object for a round that brings a result to the plan's tolerance.

        By default all pixels get the same number of further shots. This number is in proportion to
        the excess of the variance, and at most the number of shots of all rounds before. Methods
        that give pixels different shots override `more_shots`.

        Args:
            result: Result of the plan and of all further rounds so far.
            number: Number of further rounds so far, which keys their random streams.

        Returns:
            `Prepared` object of the further round; None if the result reaches the tolerance, or if
            its errors are not known.
        """
        plan, stderr = self.plan, result.stderr
        if plan.tolerance is None or plan.shots is None or not stderr.size:
            return None
        if plan.tolerance.reached(stderr) or not np.isfinite(stderr).all():
            return None
        sampling = replace(plan.sampling, seed=further(plan.seed, number))
        more = self.more_shots(result)
        growth = (plan.whole_shots or 1) / (more.whole_shots or 1)
        return self.again(replace(more, sampling=sampling, growth=growth))

    def more_shots(self, result: Convolution) -> Problem:
        """Return the plan with the shots that a result still needs for the plan's tolerance.

        Args:
            result: Result of the plan and of all further rounds so far.

        Raises:
            RuntimeError: If the plan has no tolerance, or plan or result have no shots.
        """
        plan, tolerance = self.plan, self.plan.tolerance
        if tolerance is None or plan.shots is None or result.shots is None:
            raise RuntimeError("expected a tolerance, and a result with shots")
        so_far = float(np.mean(result.shots))
        more = so_far * min(tolerance.needed(stderr=result.stderr) / AIM**2 - 1, 1.0)
        total = None if plan.total is None else math.ceil(plan.total * more / plan.shots)
        return replace(plan, shots=max(1, math.ceil(more)), total=total)


def check_method(method: object, what: str = "a method such as qconv.Collapse()") -> Method:
    """Return a method unchanged; raise a `TypeError` for anything but ``what``, such as a class."""
    if not isinstance(method, Method):
        raise TypeError(f"method: expected {what}, got {method!r}")
    return method
