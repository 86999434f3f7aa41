"""Batches: a method prepared for every channel of an image, or every image of a stack.

If circuits encode the kernel alone (`Method.kernel_only`), the axes of the batch are axes of the
image like all others, along which the kernel has the length 1. The same circuits are then used for
all elements. If circuits hold the image, every element has circuits of its own. Each element is a
plan of its own, with its own random streams, and the results are stacked.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from operator import length_hint
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import ELEMENTS, derived
from qconv.observables.observable import Observable
from qconv.planning.axes import reshaped
from qconv.planning.method import LoadingError, Method, Prediction, Prepared
from qconv.planning.number import Number
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.diagnostics import Diagnostics, assembled
from qconv.result.index import Index
from qconv.result.together import Together

#: Number of elements that stay prepared: the channels of a colour image.
_KEPT = 4


def prepared(method: Method, plan: Problem) -> Prepared[Any]:
    """Return the method prepared for a plan, or for every element of its batch."""
    if method.kernel_only or not plan.grid.batch_axes:
        return method.prepare(plan)
    return PreparedBatch(method, plan)


@dataclass(frozen=True, eq=False)
class PreparedBatch(Prepared[Method]):
    """Circuits of all elements of a batch, and the decoding of their outcomes."""

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Number of elements along each axis of the batch."""
        grid = self.plan.grid
        return tuple(grid.output_shape[axis] for axis in grid.batch_axes)

    @property
    def numbers(self) -> range:
        """Numbers of the elements, in C order."""
        return range(math.prod(self.lengths))

    @cached_property
    def element(self) -> Callable[[int], Prepared[Any]]:
        """Function that returns the method prepared for an element; it caches the latest ones."""
        return lru_cache(maxsize=_KEPT)(lambda number: self._first.with_image(self._plan(number)))

    @cached_property
    def _first(self) -> Prepared[Any]:
        """First element; the others reuse its values that depend on the kernel alone."""
        return self.method.prepare(self._plan(0))

    def _index(self, number: int) -> tuple[int | slice, ...]:
        """Return the index of an element's pixels in arrays of the batch."""
        place = iter(map(int, np.unravel_index(number, self.lengths)))
        batch = self.plan.grid.batch_axes
        ndim = len(self.plan.grid.axes)
        return tuple(next(place) if axis in batch else slice(None) for axis in range(ndim))

    def _plan(self, number: int) -> Problem:
        """Return the plan of an element."""
        plan, index, grid = self.plan, self._index(number), self.plan.grid
        place = np.unravel_index(number, self.lengths)
        in_whole = [n + grid.origin[axis] for n, axis in zip(place, grid.batch_axes, strict=True)]
        lengths = [grid.whole_shape[axis] for axis in grid.batch_axes]
        number_in_whole = int(np.ravel_multi_index(in_whole, lengths))
        shots, each = plan.shots, None if plan.each is None else plan.each[index]
        total = plan.totals[number] if plan.totals else plan.total
        if total is not None and not plan.totals:
            count = len(self.numbers)
            total = max(1, total * (number + 1) // count - total * number // count)
        sides = enumerate(plan.propagator.shape)
        of_element = tuple(n for axis, n in sides if axis not in grid.batch_axes)
        if each is not None:
            shots = max(1, round(float(each.mean())))
            each = None if (each == shots).all() else each
        image = plan.image[index]
        return replace(
            plan,
            # a Dask array's placeholder, which repeats one number, takes no memory
            image=np.ascontiguousarray(image) if any(image.strides) else image,
            propagator=reshaped(plan.propagator, of_element),
            grid=grid.element,
            sampling=replace(plan.sampling, seed=derived(plan.seed, ELEMENTS, number_in_whole)),
            shots=shots,
            each=each,
            total=total,
            totals=(),
        )

    @property
    def programs(self) -> Iterable[Program]:
        """Programs of all elements; each element is prepared when the iterator reaches it."""
        return _Programs(self)

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode every element and stack the results."""
        plan, stacked, together = self.plan, _Stacked(self.plan), Together()
        for number in self.numbers:
            work = self.element(number)
            own = islice(outcomes, len(list(work.programs)))
            result = work.decode(own)
            deque(own, maxlen=0)  # skips outcomes that the element did not read
            together.add(result)
            stacked.add(self._index(number), result, work.plan.quantity)
        return plan.result(
            stacked.image,
            stacked.stderr,
            [],
            shots=stacked.shots,
            circuits=stacked.circuits,
            covariance=stacked.covariance,
            diagnostics=stacked.diagnostics,
            quantity=f"{plan.quantity}{stacked.variant}",
            **together.fields(),
        )

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuits of the first element."""
        return self.element(0).num_qubits

    @property
    def costliest(self) -> Program | None:
        """Costliest program of the first element with a circuit; None if there is none."""
        found = (self.element(number).costliest for number in self.numbers)
        return next((program for program in found if program is not None), None)

    @property
    def propagator(self) -> Propagator:
        """Propagator that the circuits encode, with the axes of the batch."""
        own = self.element(0).propagator
        return reshaped(own, self._with_batch(own.shape))

    def predict(self) -> Prediction:
        """Predict the mean success probability and the standard errors of all elements."""
        stderr = np.zeros(self.plan.grid.output_shape, self.plan.result_type)
        success = []
        for number in self.numbers:
            found = self.element(number).predict()
            if found.stderr is None:
                return Prediction()
            stderr[self._index(number)] = found.stderr
            success.append(found.success)
        known = [each for each in success if each is not None]
        return Prediction(float(np.mean(known)) if len(known) == len(success) else None, stderr)

    def number(self, observable: Observable) -> Number:
        """Raise, because each element has a circuit of its own.

        Raises:
            TypeError: If it is called.
        """
        raise TypeError(
            f"observable: expected one picture for {self.method!r}, got a batch; make a plan for "
            "each element, or use qconv.Collapse(), whose circuit does not hold the image"
        )

    def loading_error(self) -> LoadingError | None:
        """Return the errors of all elements, stacked; None if images are loaded exactly."""
        if self.method.loads_exactly:
            return None
        total = LoadingError.none(self.plan.grid.output_shape)
        for number in self.numbers:
            found = self.element(number).loading_error()
            if found is not None:
                index = self._index(number)
                total.bias[index], total.filtered[index] = found.bias, found.filtered
        return total

    def again(self, plan: Problem) -> PreparedBatch:
        """Return the `Prepared` object for other shots or sampling."""
        return PreparedBatch(self.method, plan)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Sides of the parts of an element, and 1 along the axes of the batch."""
        return self._with_batch(self.element(0).part_sides)

    def _with_batch(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """Return lengths along the axes of an element, and 1 along the axes of the batch."""
        own, batch = iter(lengths), self.plan.grid.batch_axes
        return tuple(1 if i in batch else next(own) for i in range(len(self.plan.grid.axes)))

    def more_shots(self, result: Convolution) -> Problem:
        """Return the plan with more shots for all elements, in the same proportion."""
        plan = super().more_shots(result)
        more = (plan.shots or 0) / (self.plan.shots or 1)
        each = None if plan.each is None else np.ceil(plan.each * more).astype(np.int64)
        totals = tuple(math.ceil(total * more) for total in plan.totals)
        return replace(plan, each=each, totals=totals)

    def allot(self) -> Problem:
        """Return the plan with the executions of every element.

        A tolerance holds for each element, and each element has the fewest executions that reach
        it.
        """
        plan, each = self.plan, np.zeros(self.plan.grid.output_shape, dtype=np.int64)
        totals: list[int] = []
        changed = False
        for number in self.numbers:
            work = self.element(number)
            allotted = work.allot()
            changed |= allotted is not work.plan
            each[self._index(number)] = allotted.shots_of_pixels
            totals += [] if allotted.total is None else [allotted.total]
        if not changed:
            return plan
        return replace(
            plan,
            shots=max(1, round(float(each.mean()))),
            each=each if each.min() < each.max() else None,
            totals=tuple(totals),
        )


@dataclass(frozen=True, eq=False)
class _Programs:
    """Programs of all elements, with a hint of their number for progress bars."""

    work: PreparedBatch

    def __iter__(self) -> Iterator[Program]:
        for number in self.work.numbers:
            yield from self.work.element(number).programs

    def __length_hint__(self) -> int:
        return len(self.work.numbers) * length_hint(self.work.element(0).programs)


class _Stacked:
    """Results of the elements, stacked to arrays of the batch."""

    def __init__(self, plan: Problem) -> None:
        self._shape, self._batch = plan.grid.output_shape, plan.grid.batch_axes
        self.image, self.stderr = np.zeros((2, *self._shape), plan.result_type)
        is_complex = plan.result_type is np.complex128
        self.covariance = np.zeros(self._shape) if is_complex else None
        self._each: NDArray[np.int64] | None = None
        self._exact = False
        self._diagnostics: list[tuple[tuple[slice, ...], Diagnostics | None]] = []
        self.circuits: tuple[QuantumCircuit, ...] = ()
        self.variant = ""

    def add(self, index: tuple[int | slice, ...], result: Convolution, quantity: str) -> None:
        """Add the result of one element, whose plan estimates a quantity."""
        self.image[index], self.stderr[index] = result.image, result.stderr
        if self.covariance is not None and result.covariance is not None:
            self.covariance[index] = result.covariance
        if result.shots is None:
            self._exact = True
        else:
            self._each = np.zeros(self._shape, dtype=np.int64) if self._each is None else self._each
            self._each[index] = result.shots
        if not self.circuits:
            self.circuits = result.circuits
            self.variant = result.quantity.removeprefix(quantity)
        own = result.diagnostics
        if own is not None:
            wider: Index = tuple(
                None if axis in self._batch else slice(None) for axis in range(len(self._shape))
            )
            own = own[wider]
        place = tuple(
            slice(i, i + 1) if isinstance(i, int) else slice(0, n)
            for i, n in zip(index, self._shape, strict=True)
        )
        self._diagnostics.append((place, own))

    @property
    def shots(self) -> int | NDArray[np.int64] | None:
        """Shots of each pixel: an integer if all are equal; None for the exact expectation."""
        if self._exact or self._each is None:
            return None
        least = int(self._each.min())
        return least if least == self._each.max() else self._each

    @property
    def diagnostics(self) -> Diagnostics | None:
        """Diagnostics of all elements; None if an element that was measured has none."""
        given = [(place, own) for place, own in self._diagnostics if own is not None]
        return assembled(self._shape, given) if given else None
