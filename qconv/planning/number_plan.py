"""Plans of numbers: observables of a filtered picture that are ready to measure or decode."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import Numbers, boolean, numpy_defaults
from qconv.execution.checkpoint.checkpoint import Checkpoint, digest
from qconv.execution.checkpoint.resume import continued
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.run import run
from qconv.execution.seeds import NUMBERS, derived, further
from qconv.observables.observable import Observable
from qconv.planning.allocation import require_affordable
from qconv.planning.cost import Cost, cost_of
from qconv.planning.counts import for_counts, from_elsewhere, gathered, read
from qconv.planning.export import exported
from qconv.planning.method import AIM, LoadingError, Prediction
from qconv.planning.number import Number
from qconv.planning.plan import Plan
from qconv.planning.powers import Found, error_of_one_call, from_outcomes, scheduled, simulated
from qconv.planning.running import FURTHER_ROUNDS
from qconv.result.numbers import larger_part
from qconv.result.origin import Origin
from qconv.result.several import Estimates
from qconv.result.single import Estimate

_Array = NDArray[np.float64]

#: Ratios of a variance to the requested variance. Up to the first, no further executions are
#: needed. Above the second, a warning is given after the last round.
_REACHED, _EXCEEDED = 1.05, 1.2


@dataclass(frozen=True, eq=False)
class NumberPlan:
    """Numbers of a filtered picture that are ready to measure; made by `qconv.plan`.

    ``print(plan)`` shows the cost. Call `run` to measure. Alternatively, run the `circuits`
    anywhere, each with its number of `executions`, and pass the counts to `decode`.

    Example:
        >>> import qconv
        >>> where = {"method": qconv.Diffusion(), "shots": 1000}
        >>> plan = qconv.plan([1, 2, 3], [1], observable=qconv.Mean(slice(1, 3)), **where)
        >>> plan.decode([{"00": 160, "01": 340, "10": 500}]).value  # counts from any machine
        2.52
    """

    plan: Plan
    """Plan of the filtered picture."""
    observables: tuple[Observable, ...]
    """Numbers to estimate, from the same executions."""
    estimator: str
    """``"sampling"``, ``"amplitude"`` or ``"schedule"``, see `qconv.estimate`."""
    calls: int | None
    """Total number of oracle calls; None for the exact expectation."""
    alone: bool
    """Whether the result is the estimate of one observable, and not a sequence of estimates."""
    wanted: _Array | None = None
    """Requested standard error of each observable; None if oracle calls were requested."""

    # -------------------------------------------------------------------------------- the numbers

    @cached_property
    def _terms(self) -> tuple[list[Number], Numbers]:
        """Numbers that are measured, and their factor in each observable.

        Raises:
            ValueError: If several observables need different circuits.
        """
        terms = self.plan.prepared.terms(self.observables)
        numbers = [number for each in terms for _, number in each]
        factors = np.zeros((len(terms), len(numbers)), np.complex128)
        first = 0
        for row, each in zip(factors, terms, strict=True):
            row[first : first + len(each)] = [factor for factor, _ in each]
            first += len(each)
        circuits = [{id(n.program) for _, n in each if n.program is not None} for each in terms]
        for own, observable in zip(circuits, self.observables, strict=True):
            if own != circuits[0]:
                raise ValueError(
                    f"observable: expected observables of one circuit, got {self.observables[0]} "
                    f"and {observable}, whose circuits differ; estimate them in separate calls"
                )
        return numbers, factors if factors.imag.any() else factors.real

    @property
    def _numbers(self) -> list[Number]:
        return self._terms[0]

    @cached_property
    def _groups(self) -> list[list[int]]:
        """Indices of the numbers that share their executions, for each program."""
        groups: dict[int, list[int]] = {}
        for place, number in enumerate(self._numbers):
            if number.program is not None:
                groups.setdefault(id(number.program), []).append(place)
        return list(groups.values())

    @property
    def _measured(self) -> list[tuple[Number, Program]]:
        """One number for each program, and the program. No two programs have the same seed."""
        found: list[tuple[Number, Program]] = []
        seeds = Counter[tuple[int, ...]]()
        for group in self._groups:
            number = self._numbers[group[0]]
            program = number.program
            assert program is not None
            place = tuple(program.seed.spawn_key)
            if seeds[place]:
                own = derived(program.seed, NUMBERS, seeds[place])
                program = replace(program, seed=own)
            seeds[place] += 1
            found.append((number, program))
        return found

    @property
    def _share(self) -> int | None:
        """Oracle calls for each program; None for the exact expectation."""
        return self.calls and max(1, self.calls // max(1, len(self._groups)))

    @property
    def _power(self) -> float:
        """Exponent with which the error falls with the number of oracle calls."""
        return 0.5 if self.estimator == "sampling" else 1.0

    @property
    def _error_of_one_call(self) -> _Array:
        """Predicted error of each observable, times the oracle calls to the power `_power`.

        The errors of numbers from the same executions are added, which is an upper bound.
        """
        numbers, factors = self._terms
        if self.estimator == "sampling":
            each = np.array([number.deviation for number in numbers])
        else:
            each = np.array([error_of_one_call(number, self.estimator) for number in numbers])
        total = np.zeros((2, len(self.observables)))
        for group in self._groups:
            for part, own in zip(total, (factors.real, factors.imag), strict=True):
                part += np.square(np.abs(own[:, group]) @ each[group])
        return np.asarray(np.sqrt(total.max(axis=0)) * len(self._groups) ** self._power)

    def with_error(self, error: float, *, relative: bool) -> NumberPlan:
        """Return the plan with the fewest oracle calls that are predicted to reach an error.

        Args:
            error: Standard error of every observable.
            relative: Whether the error is a fraction of the magnitude of each observable.

        Raises:
            ValueError: If too many oracle calls are needed.
        """
        numbers, factors = self._terms
        wanted = np.full(len(self.observables), error)
        if relative:
            wanted *= np.abs(factors @ [number.expected_value for number in numbers])
        found = self._error_of_one_call
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            needed = np.where(found > 0, (found / wanted) ** (1 / self._power), 1.0).max()
        require_affordable(float(needed))
        return replace(self, calls=max(1, math.ceil(needed)), wanted=wanted)

    # -------------------------------------------------------------------------- circuits and costs

    @property
    def _amplifies(self) -> bool:
        """Whether amplified circuits run."""
        return self.estimator != "sampling" and self.calls is not None

    @cached_property
    def programs(self) -> list[Program]:
        """Programs to run, in order; empty if all values are known to be 0.

        Raises:
            ValueError: If the circuits are not known in advance, or the number does not follow from
                one probability.
        """
        if not self._amplifies:
            return [replace(program, executions=self._share) for _, program in self._measured]
        if self.estimator == "amplitude":
            raise ValueError(
                "estimator: expected 'sampling' or 'schedule' for circuits known in advance or a "
                "noisy backend, got 'amplitude'; its powers depend on earlier outcomes"
            )
        return [program for programs in self._scheduled for program in programs]

    @cached_property
    def _scheduled(self) -> list[list[Program]]:
        """Programs of the fixed schedule, for each number."""
        calls, noisy = self._share or 1, not self.plan.ideal
        return [
            scheduled(number, program, calls, noisy=noisy) for number, program in self._measured
        ]

    @cached_property
    @numpy_defaults
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Circuits to run, before transpiling, with measurements and named registers."""
        return tuple(program.circuit() for program in self.programs)

    @cached_property
    def executions(self) -> tuple[int, ...]:
        """Number of executions of each of `circuits`; 0 for the exact expectation."""
        return tuple(program.executions or 0 for program in self.programs)

    @cached_property
    @numpy_defaults
    def cost(self) -> Cost:
        """Cost of running the plan: qubits, gates, executions, and the expected error.

        For several observables, ``rmse`` is the root mean square of their errors.
        """
        return cost_of(self, self.on_device())

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the largest circuit, which is the same for any number of rounds."""
        groups = self._scheduled if self._amplifies else [[program] for program in self.programs]
        return max((_short(programs[-1]).num_qubits for programs in groups), default=0)

    @property
    def costliest(self) -> Program | None:
        """Program with the most gates; None if there are no programs."""
        return max(self.programs, key=lambda program: program.oracle_calls, default=None)

    def predict(self) -> Prediction:
        """Predict the standard error of each observable; nothing runs."""
        if self.calls is None:
            return Prediction(None, np.zeros(len(self.observables)))
        return Prediction(None, self._error_of_one_call / self.calls**self._power)

    def number(self, observable: Observable) -> Number:
        """Reject an observable, because the plan has its own.

        Raises:
            ValueError: If an observable is given.
        """
        raise ValueError(f"observable: expected none for a plan of numbers, got {observable}")

    def loading_error(self) -> LoadingError | None:
        """Return None, because images are loaded exactly."""
        return None

    def on_device(self) -> NumberPlan:
        """Return the same plan with circuits as a device would run them, see `Plan.on_device`."""
        return replace(self, plan=self.plan.on_device())

    @numpy_defaults
    def export(
        self,
        format: str,
        path: str | os.PathLike[str] | None = None,
        *,
        basis: Sequence[str] | None = None,
    ) -> Any:
        """Export the circuits to text, to a file or to another package, as `Plan.export` does.

        Args:
            format: Name of the format, as for `Plan.export`.
            path: File to write; None for no file.
            basis: Names of the basis gates, as for `Plan.export`; None for its default.
        """
        return exported(self.on_device().circuits, format, path, basis)

    def __str__(self) -> str:
        errors = self.predict().stderr
        rows = [
            ("method", repr(self.plan.method)),
            ("image", " x ".join(map(str, self.plan.grid.image_shape))),
            ("kernel", " x ".join(map(str, self.plan.propagator.shape))),
            ("estimator", self.estimator),
        ]
        assert errors is not None
        for observable, error in zip(self.observables, errors, strict=True):
            rows += [("observable", str(observable)), ("  expected error", f"{error:.6g}")]
        return "\n".join([*(f"{name:<26}{text}" for name, text in rows), str(self.cost)])

    # -------------------------------------------------------------------------------- measurement

    @numpy_defaults
    def run(
        self, progress: bool = False, checkpoint: str | os.PathLike[str] | None = None
    ) -> Estimate | Estimates:
        """Measure the numbers.

        Args:
            progress: Whether to show a progress bar (needs tqdm).
            checkpoint: File in which intermediate results are saved, see `SamplingOptions`; None
                for no file.

        Returns:
            The estimate with its standard error; for several observables, `Estimates`.

        Raises:
            TypeError: If ``checkpoint`` is not a path.
            ValueError: If the computation would not fit in memory or on the backend, or if the
                checkpoint is damaged or belongs to a different call.
            RuntimeError: If a backend failed repeatedly.
        """
        show, sampling = boolean(progress, "progress"), self.plan.sampling

        def work(
            kept: Checkpoint | None, seed: np.random.SeedSequence, calls: int | None
        ) -> Estimate | Estimates:
            if kept is None:
                return self._run(show, None)
            resumed = replace(self.plan, sampling=replace(sampling, seed=seed))
            return replace(self, plan=resumed, calls=calls)._run(show, kept)

        return continued(checkpoint, self._call, sampling, self.calls, work)

    def _call(self) -> dict[str, str]:
        """Return digests of everything that determines the result except calls and sampling."""
        observables = [self._named(observable) for observable in self.observables]
        return {
            **self.plan.call(),
            "observable": observables[0] if self.alone else repr(observables),
            "estimator": self.estimator,
            "tolerance": repr(self.wanted),
        }

    def _run(self, progress: bool, kept: Checkpoint | None) -> Estimate | Estimates:
        """Measure the numbers, or resume from a checkpoint."""
        how: Any = {"progress": progress, "kept": kept}
        if not self._amplifies or not self.plan.ideal:
            found = self._decoded(run(self.programs, self.plan.sampling, **how))
            return found if self._amplifies else self._with_more(found, how)
        parts = []
        for number, program in self._measured:
            own = replace(self.plan.sampling, seed=program.seed)
            parts.append(simulated(number, own, self.estimator, self._share or 1, **how))
        return self._amplitudes(parts)

    def _with_more(self, found: Estimate | Estimates, how: Any) -> Estimate | Estimates:
        """Return a sampled estimate with the executions that noise or its correction adds."""
        so_far = self.calls or 1
        for number in range(FURTHER_ROUNDS):
            excess = self._excess(found)
            if excess <= _REACHED:
                break
            more = math.ceil(so_far * min(excess / AIM**2 - 1, 1.0))
            so_far += more
            sampling = replace(self.plan.sampling, seed=further(self.plan.seed, number))
            again = replace(self, plan=replace(self.plan, sampling=sampling), calls=more)
            outcomes = run(again.programs, sampling, earlier=found.streams, **how)
            found = found + again._decoded(outcomes)  # type: ignore[operator]
        if self._excess(found) > _EXCEEDED:
            warnings.warn(
                f"tolerance: standard errors exceed it by a factor of up to "
                f"{math.sqrt(self._excess(found)):.3g} after {FURTHER_ROUNDS} further rounds",
                RuntimeWarning,
                stacklevel=4,
            )
        return found

    def _excess(self, found: Estimate | Estimates) -> float:
        """Return the largest ratio of a variance to the requested one; 0 if none was requested."""
        if self.wanted is None:
            return 0.0
        all_of_them = [found] if isinstance(found, Estimate) else found
        errors = np.array([larger_part(np.asarray(one.stderr)) for one in all_of_them])
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.nan_to_num(np.square(errors / self.wanted)).max())

    @numpy_defaults
    def decode(self, counts: Any, *, first_bit: str = "right") -> Estimate | Estimates:
        """Decode counts into an estimate, wherever and whenever the circuits ran.

        Args:
            counts: Counts of each of `circuits`, or of the circuits that `export` gave, in the
                formats of `Plan.decode`.
            first_bit: Position of the first bit in bit strings, as for `Plan.decode`.

        Returns:
            The estimate with its standard error; for several observables, `Estimates`.

        Raises:
            TypeError: If ``counts`` is not one of these types, or a count is not an integer.
            ValueError: If the plan is for the exact expectation, or the number of items, bits or
                executions is wrong.
        """
        if self.calls is None:
            raise ValueError("shots: expected an integer to decode counts, got None (exact)")
        items = read(counts, first_bit)
        candidates = [lambda: self, self.on_device]
        if first_bit == "left" or from_elsewhere(counts):
            candidates.reverse()
        work, programs = for_counts(candidates, items)
        sampling = self.plan.sampling
        return work._decoded(iter(gathered(programs, items, sampling.seed, sampling.mitigation)))

    def _decoded(self, outcomes: Iterator[Outcomes]) -> Estimate | Estimates:
        """Return the estimates from the outcomes of all programs."""
        if self._amplifies:
            pairs = zip(self._measured, self._scheduled, strict=True)
            return self._amplitudes(
                [
                    from_outcomes(number, list(islice(outcomes, len(programs))))
                    for (number, _), programs in pairs
                ]
            )
        values, covariance = self._start()
        found = list(outcomes)
        for group, own in zip(self._groups, found, strict=True):
            numbers = [self._numbers[place] for place in group]
            values[group], covariance[np.ix_(group, group)] = numbers[0].jointly(numbers, own)
        return self._estimates(
            values,
            covariance,
            executions=sum(part.total_shots + part.calibration_shots for part in found),
            oracle_calls=sum(part.oracle_calls for part in found),
            circuits=tuple(part.circuit for part in found),
            streams=frozenset(chain.from_iterable(part.streams for part in found)),
        )

    def _amplitudes(self, found: Sequence[Found]) -> Estimate | Estimates:
        """Return the estimates from what amplitude estimation found for each program."""
        values, covariance = self._start()
        for (place,), one in zip(self._groups, found, strict=True):
            values[place], covariance[place, place] = one.value, one.stderr**2
        return self._estimates(
            values,
            covariance,
            executions=sum(one.executions for one in found),
            oracle_calls=sum(one.oracle_calls for one in found),
            circuits=tuple(one.circuit for one in found),
            streams=frozenset(chain.from_iterable(one.streams for one in found)),
            reliable=all(one.reliable for one in found),
        )

    def _start(self) -> tuple[_Array, _Array]:
        """Return values and covariances of numbers that are known without executions."""
        values = np.array([number.expected_value for number in self._numbers])
        return values, np.zeros((len(values), len(values)))

    def _estimates(self, values: _Array, covariance: _Array, **cost: Any) -> Estimate | Estimates:
        """Return one estimate per observable, given the numbers and their covariance."""
        _, factors = self._terms
        real, imaginary = (f @ covariance @ f.T for f in (factors.real, factors.imag))
        both: Numbers = real + 1j * imaginary if np.iscomplexobj(factors) else real
        streams = cost.pop("streams")
        information = cost["oracle_calls"] ** 2 if self._amplifies else cost["executions"]
        errors = np.sqrt(np.diag(real))
        if np.iscomplexobj(factors):
            errors = errors + 1j * np.sqrt(np.diag(imaginary))
        found = tuple(
            Estimate(
                value.item(),
                error.item(),
                str(observable),
                self.estimator,
                information=float(information),
                origin=Origin(self._quantity(observable), streams),
                **cost,
            )
            for value, error, observable in zip(
                factors @ values, errors, self.observables, strict=True
            )
        )
        return found[0] if self.alone else Estimates(found, both)

    def _quantity(self, observable: Observable) -> str:
        """Return a digest of the number that an observable estimates."""
        plan = self.plan
        noise = "" if plan.ideal else repr(plan.method)  # its error depends on the method
        return f"{plan.quantity} {self._named(observable)}{noise}"

    def _named(self, observable: Observable) -> str:
        """Return an observable as a string with a digest of its weights."""
        return f"{observable} {digest(observable.weights(self.plan.grid.output_shape))}"


def _short(program: Program) -> QuantumCircuit:
    """Return the circuit of a program, with one step if it has several."""
    steps = program.steps
    return program.build() if steps is None else steps.build(min(1, steps.number))
