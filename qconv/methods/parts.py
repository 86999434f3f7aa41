"""Parts: real and imaginary part of a complex convolution, each estimated from its own executions.

A measurement gives real numbers. Some methods therefore estimate the two parts of a complex result
separately: with a reference qubit that is measured in two bases, or by two real convolutions. Half
of the shots of a pixel estimate the real part, the other half the imaginary part. The variances of
both parts are nearly equal, so equal shares minimise the error. The errors of the two parts are
independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import PARTS, derived
from qconv.grid import PART
from qconv.observables.observable import Observable
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.number import Terms, of_parts
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.diagnostics import Diagnostics, assembled, kind_of, named
from qconv.result.index import Index

#: Names of the parts of a complex number.
REAL, IMAGINARY = "real", "imaginary"

#: Function that prepares one part of a plan, given the plan with the part's shots and its name.
Make = Callable[[Problem, str], Prepared[Any]]


def halves(plan: Problem, *, whole: bool = False) -> tuple[Problem, Problem]:
    """Return the plan twice, each with half of the shots and with random streams of its own.

    Args:
        plan: Complex plan.
        whole: Whether each part gets all shots instead of half of them.

    Raises:
        ValueError: If there is a single shot per pixel.
    """
    if plan.shots == 1 and plan.total is None and not whole:
        raise ValueError(
            "shots: expected at least 2 per pixel for complex numbers, got 1; real and imaginary "
            "part are measured separately"
        )
    plans = []
    for number in (0, 1):
        seed = derived(plan.seed, PARTS, number)
        own = replace(plan, sampling=replace(plan.sampling, seed=seed))
        if plan.shots is not None and not whole:
            own = replace(own, shots=max(1, (plan.shots + 1 - number) // 2))
        plans.append(own)
    return plans[0], plans[1]


def half_of_total(plan: Problem, whole: int | None, number: int) -> Problem:
    """Return one half of a plan whose executions are shared by all pixels."""
    if whole is None:
        return plan
    return replace(plan, total=max(1, (whole + 1 - number) // 2))


def as_real(plan: Problem, part: str) -> Problem:
    """Return the real convolution that gives one part of a complex plan.

    The real part is ``k_r * I_r - k_i * I_i``, the imaginary part ``k_i * I_r + k_r * I_i``. Both
    are convolutions of an image with one more axis, along which its real and imaginary part lie.
    """
    grid, kernel = plan.grid, plan.propagator.effective_kernel
    image = plan.image
    margins = ((0, 0), *grid.pad_widths)
    if grid.boundary == "fill" and grid.fillvalue != 0:  # the margins of the two parts differ
        image, margins = plan.padded, ((0, 0),) * (image.ndim + 1)
    factors = (kernel.real, -kernel.imag) if part == REAL else (kernel.imag, kernel.real)
    pair = Propagator.from_kernel(factors[::-1] if grid.flipped else factors)
    return replace(
        plan,
        image=np.stack([image.real, image.imag]),
        propagator=pair,
        grid=replace(
            grid,
            image_shape=(2, *image.shape),
            kernel_shape=(2, *grid.kernel_shape),
            output_shape=(1, *grid.output_shape),
            pad_widths=margins,
            fillvalue=0.0,
            axes=(PART, *grid.axes),
            strides=(1, *grid.strides),
            dilations=(1, *grid.dilations),
        ),
    )


@dataclass(frozen=True, eq=False)
class PreparedParts(Prepared[Method]):
    """A method prepared for real and imaginary part of one complex plan."""

    parts: tuple[Prepared[Any], Prepared[Any]]
    """The method prepared for each part."""

    @classmethod
    def of(cls, method: Method, plan: Problem, make: Make, *, whole: bool = False) -> PreparedParts:
        """Prepare both parts.

        Args:
            method: The method.
            plan: Complex plan.
            make: Function that prepares one part.
            whole: Whether each part gets all shots instead of half of them.
        """
        real, imaginary = halves(plan, whole=whole)
        if method.whole_image:
            total = plan.whole_shots
            real, imaginary = half_of_total(real, total, 0), half_of_total(imaginary, total, 1)
        return cls(method, plan, (make(real, REAL), make(imaginary, IMAGINARY)))

    @property
    def programs(self) -> Iterable[Program]:
        """Programs of the real part, then of the imaginary part."""
        return [program for part in self.parts for program in part.programs]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Estimate both parts and join them."""
        planned = came = 0

        def counted() -> Iterator[Outcomes]:
            nonlocal planned, came
            for found in outcomes:
                planned += found.program.executions or 0
                came += found.executions
                yield found

        seen = counted()
        whole = self.plan.grid.output_shape
        real, imaginary = (
            found if found.shape == whole else found[0]  # parts may have an axis of their own
            for found in (part.decode(seen) for part in self.parts)
        )
        return self._joined(real, imaginary, self.plan.shots_that_came(planned, came))

    def _joined(self, real: Convolution, imaginary: Convolution, shots: int | None) -> Convolution:
        """Combine two real results into a complex result."""
        success = real.success.together(
            max(real.total_shots, 1), imaginary.success, max(imaginary.total_shots, 1)
        )
        diagnostics = None
        if real.diagnostics is not None and imaginary.diagnostics is not None:
            diagnostics = PartDiagnostics(real.diagnostics, imaginary.diagnostics)
        shape = self.plan.grid.output_shape
        image = joined(real.image, imaginary.image)
        stderr = joined(real.stderr, imaginary.stderr)
        return self.plan.result(
            image,
            stderr,
            [],
            shots=shots,
            total_shots=real.total_shots + imaginary.total_shots,
            circuits=real.circuits + imaginary.circuits,
            success_probability=success.probability,
            success_stderr=success.stderr,
            expected_success=success.expected,
            oracle_calls=real.oracle_calls + imaginary.oracle_calls,
            independent=real.independent and imaginary.independent,
            covariance=np.zeros(shape),
            diagnostics=diagnostics,
            streams=real.streams | imaginary.streams,
        )

    def allot(self) -> Problem:
        """Return the plan with twice the shots that the part with the larger error needs."""
        plan, allotted = self.plan, [part.allot() for part in self.parts]
        if plan.tolerance is None or plan.shots is None:
            return plan
        if not self.method.whole_image:
            return replace(plan, shots=2 * max(part.shots or 1 for part in allotted))
        total = 2 * max(part.whole_shots or 1 for part in allotted)
        return replace(plan, total=total, shots=max(1, round(total / plan.grid.pixels)))

    def more_shots(self, result: Convolution) -> Problem:
        """Return the plan with the shots that a result still needs for the plan's tolerance."""
        more = self.parts[0].more_shots(result)
        return replace(self.plan, shots=max(2, more.shots or 0), total=more.total)

    def predict(self) -> Prediction:
        """Predict success probability and standard errors of both parts."""
        real, imaginary = (part.predict() for part in self.parts)
        if real.stderr is None or imaginary.stderr is None:
            return Prediction(real.success)
        shape = self.plan.grid.output_shape
        return Prediction(real.success, joined(real.stderr, imaginary.stderr).reshape(shape))

    def terms(self, observables: Sequence[Observable]) -> list[Terms]:
        """Return one number per energy, or numbers of both parts for a linear observable."""
        if all(observable.quadratic for observable in observables):
            return self.parts[0].terms(observables)
        made = [(1.0, self.parts[0].of_weights), (1j, self.parts[1].of_weights)]
        return [
            self.parts[0].terms([observable])[0]
            if observable.quadratic
            else of_parts(observable, self.plan, made)
            for observable in observables
        ]

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the largest circuit."""
        return max(part.num_qubits for part in self.parts)

    @property
    def costliest(self) -> Program | None:
        """Costliest program of the imaginary part, which has all gates of the real part."""
        return self.parts[1].costliest

    @property
    def propagator(self) -> Any:
        """The complex propagator."""
        return self.plan.propagator

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Lengths per axis; the result may be cut at multiples of them."""
        return self.parts[0].part_sides

    def again(self, plan: Problem) -> PreparedParts:
        """Return the same parts for other shots or sampling."""
        return self.method.prepare(plan)  # type: ignore[return-value]


def joined(real: Numbers, imaginary: Numbers) -> Numbers:
    """Return complex numbers with given parts."""
    made = np.empty(real.shape, np.complex128)
    made.real, made.imag = real, imaginary
    return made


@dataclass(frozen=True, eq=False)
class PartDiagnostics(Diagnostics):
    """Diagnostics of the real and the imaginary part of a complex result."""

    real: Any
    """Diagnostics of the real part."""
    imaginary: Any
    """Diagnostics of the imaginary part."""

    def __add__(self, other: PartDiagnostics) -> PartDiagnostics | None:
        """Add the diagnostics of each part; None if one of them cannot be added."""
        pair = self.real + other.real, self.imaginary + other.imaginary
        return None if pair[0] is None or pair[1] is None else PartDiagnostics(*pair)

    def __getitem__(self, index: Index) -> PartDiagnostics:
        """Return the diagnostics of some of the pixels."""
        return PartDiagnostics(self.real[index], self.imaginary[index])

    def shares(self, other: PartDiagnostics) -> Any:
        """Return the weights of two results in their sum, which are the same for both parts."""
        return self.real.shares(other.real)

    def estimate(self) -> tuple[Any, Any] | None:
        """Return image and standard error from the counts of both parts; None without counts."""
        real, imaginary = self.real.estimate(), self.imaginary.estimate()
        if real is None or imaginary is None:
            return None
        return joined(real[0], imaginary[0]), joined(real[1], imaginary[1])

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of both parts for the printed table."""
        both = ("Re", self.real), ("Im", self.imaginary)
        return [(f"{name} ({part})", text) for part, own in both for name, text in own.rows()]

    def arrays(self) -> dict[str, Any]:
        """Return the arrays of both parts, and the names of their classes."""
        both = (REAL, self.real), (IMAGINARY, self.imaginary)
        own = {f"{part}.{name}": a for part, one in both for name, a in one.arrays().items()}
        return own | {f"{part}.kind": np.array(kind_of(type(one))) for part, one in both}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PartDiagnostics:
        """Create diagnostics from the arrays of a file."""
        parts = []
        for part in (REAL, IMAGINARY):
            own = {
                name.removeprefix(f"{part}."): array
                for name, array in arrays.items()
                if name.startswith(f"{part}.")
            }
            parts.append(named(str(own.pop("kind"))).from_arrays(own))
        return cls(*parts)

    @classmethod
    def assembled(
        cls, shape: tuple[int, ...], parts: Sequence[tuple[tuple[slice, ...], PartDiagnostics]]
    ) -> PartDiagnostics | None:
        """Return the diagnostics of an image from those of its blocks; None if impossible."""
        real = assembled(shape, [(place, part.real) for place, part in parts])
        imaginary = assembled(shape, [(place, part.imaginary) for place, part in parts])
        return None if real is None or imaginary is None else cls(real, imaginary)
