"""The verb `estimate`: one number of a filtered picture, sampled or amplitude-estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit

from qconv._checks import convolution, one_of, real_number
from qconv.estimation.amplitude import adaptive, by_schedule
from qconv.execution.checkpoint.checkpoint import digest
from qconv.execution.device.backends import rounding
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.run import run
from qconv.execution.seeds import JOBS, derived, random_state, stream_name
from qconv.grid import NO_FILLVALUE, value_outside
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.options import check_options
from qconv.observables.observable import Observable
from qconv.planning.allocation import require_affordable
from qconv.planning.build import laid_out
from qconv.planning.method import Method
from qconv.planning.number import Number
from qconv.planning.options import Requested, SamplingOptions
from qconv.planning.plan import Plan
from qconv.propagator import Propagator
from qconv.result.origin import Origin
from qconv.result.single import Estimate

ESTIMATORS = ("sampling", "amplitude", "schedule")

#: Oracle calls without ``shots`` and ``tolerance``.
_DEFAULT_SHOTS = 10_000

#: Standard error of the angle times oracle calls, by which a tolerance is planned: the errors that
#: `tests/benchmarks/test_amplitude.py` measures for uniformly drawn probabilities, over the root
#: mean square of ``sin(2 t)``.
_CONSTANT = {"amplitude": 2.8, "schedule": 3.9}

#: Powers that are simulated.
_SIMULATED = (0, 1, 2)

_REFUSED = {
    "checkpoint": "expected none for one number, which takes little time",
    "mitigation": "expected none for one number; qconv.convolve corrects readout errors",
}


@convolution
def estimate(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    observable: Observable,
    mode: str = "full",
    boundary: str = "fill",
    *,
    method: Method = DEFAULT_METHOD,
    estimator: str = "sampling",
    fillvalue: float | complex = NO_FILLVALUE,
    cval: float | complex | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Estimate:
    """Estimate one number of a filtered picture, without reading out the picture.

    Args:
        image: Signal, image or volume, as for `qconv.convolve`.
        kernel: Kernel or `Propagator`, as for `qconv.convolve`.
        observable: Number to estimate: `Energy`, `Band`, `Total`, `Mean` or `Overlap`. Its region
            or its weights refer to the result of `qconv.convolve` with the same ``mode``.
        mode: ``full``, ``same`` or ``valid``, as for `qconv.convolve`.
        boundary: Values outside the image, as for `qconv.convolve`.
        method: Method with its options; by default `Collapse` with a baseline. `Fourier` and
            `Interference` measure energies without a reference qubit, and linear observables with
            it. `Diffusion` and `Collapse` measure linear observables.
        estimator: ``"sampling"`` for the mean over executions of one circuit. ``"amplitude"`` for
            amplitude estimation, whose Grover powers are chosen one after the other from the
            posterior. ``"schedule"`` for amplitude estimation with powers that are fixed in
            advance. Amplitude estimation needs an ideal simulator, and a number that is
            proportional to one probability: an energy, or a sum of particles of equal weight.
        fillvalue: Value outside the image with ``fill``, in the unit of the image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        sampling: Options of measurement, see `SamplingOptions`, except ``checkpoint`` and
            ``mitigation``. Here ``shots`` is the total number of oracle calls, by default 10,000.
            Without amplification, every execution is one oracle call. ``tolerance`` is the standard
            error of the number, or ``("relative", fraction)`` of its magnitude. It takes the place
            of ``shots``.

    Returns:
        The estimate with its standard error.

    Raises:
        TypeError: If an argument is of the wrong type, or the method cannot measure the observable.
        ValueError: If an argument has a wrong value or shape, or the estimator does not suit the
            observable or the backend.
        RuntimeError: If a backend failed repeatedly.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.add.outer(np.arange(16), np.arange(16)) % 7
        >>> edges = qconv.named_kernel("edge")
        >>> where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier(), "seed": 7}
        >>> sampled = qconv.estimate(image, edges, qconv.Energy(), **where)
        >>> found = qconv.estimate(image, edges, qconv.Energy(), estimator="amplitude", **where)
        >>> found.oracle_calls, found.stderr < sampled.stderr / 10
        (10000, True)
    """
    one_of(estimator, "estimator", ESTIMATORS)
    if not isinstance(observable, Observable):
        raise TypeError(f"observable: expected one such as qconv.Energy(), got {observable!r}")
    fraction, sampling = _relative(sampling)
    requested = check_options(sampling, method, default_shots=_DEFAULT_SHOTS, refused=_REFUSED)
    plan = laid_out(
        image,
        kernel,
        replace(requested, shots=None, tolerance=None),
        method=method,
        mode=mode,
        boundary=boundary,
        fillvalue=value_outside(fillvalue, cval),
        flipped=True,
    )
    if not plan.method.loads_exactly:
        raise ValueError(
            f"preparation: expected 'exact' for observables, got {plan.method!r}; the error of "
            "approximate loading is known for pictures only"
        )
    asked = _Asked(plan, observable, estimator, plan.prepared.number(observable), requested)
    return asked.measured(fraction)


def _relative(sampling: SamplingOptions) -> tuple[float | None, SamplingOptions]:
    """Split a relative tolerance from the options: its fraction, or None if there is none.

    Raises:
        ValueError: If the fraction is not above 0.
    """
    given = sampling.get("tolerance")
    if not isinstance(given, tuple | list):
        return None, sampling
    if len(given) != 2 or given[0] != "relative":
        raise ValueError(f"tolerance: expected a number or ('relative', number), got {given!r}")
    fraction = real_number(given[1], "tolerance")
    if fraction <= 0:
        raise ValueError(f"tolerance: expected a number above 0, got {given!r}")
    return fraction, {**sampling, "tolerance": fraction}


@dataclass(frozen=True, eq=False)
class _Asked:
    """One number, and how it is measured."""

    plan: Plan
    observable: Observable
    estimator: str
    number: Number
    requested: Requested

    def measured(self, fraction: float | None) -> Estimate:
        """Measure the number; ``fraction`` is its relative tolerance, or None."""
        program = self.number.program
        if self.estimator != "sampling" and not self.plan.ideal:
            raise ValueError(
                f"backend: expected an ideal simulator for estimator={self.estimator!r}, got "
                f"{self.plan.sampling.backend!r}; estimator='sampling' accepts any backend"
            )
        calls = self.requested.shots
        if program is None or (calls is None and self.requested.tolerance is None):
            return self._sampled(program, None)
        if self.requested.tolerance is not None:
            error = self.requested.tolerance.error
            calls = self._calls_for(error * abs(self.number.expected_value) if fraction else error)
        if self.estimator == "sampling":
            return self._sampled(program, calls)
        return self._amplitude(program, calls or 1)

    def _calls_for(self, error: float) -> int:
        """Return the oracle calls that a standard error needs.

        Raises:
            ValueError: If they are too many.
        """
        if self.number.deviation == 0:
            return 1
        needed = math.inf
        if error > 0 and self.estimator == "sampling":
            needed = (self.number.deviation / error) ** 2
        elif error > 0:
            p = self.number.expected_value / self.number.scale
            slope = 2 * math.sqrt(max(p * (1 - p), 0.0)) * abs(self.number.scale)
            needed = _CONSTANT[self.estimator] * slope / error
        require_affordable(needed)
        return max(1, math.ceil(needed))

    def _sampled(self, program: Program | None, executions: int | None) -> Estimate:
        """Return the mean over executions; the exact expectation for None."""
        if program is None:
            return self._estimate(self.number.decode(None), 0, 0, ())
        own = replace(program, executions=executions, seed=derived(self.plan.seed, JOBS))
        (found,) = run([own], self.plan.sampling, progress=self.requested.progress)
        circuits = (found.circuit,)
        return self._estimate(
            self.number.decode(found), found.total_shots, found.oracle_calls, circuits
        )

    def _amplitude(self, program: Program, calls: int) -> Estimate:
        """Return the estimate from Grover powers."""
        angle, circuit = self._angle()
        rng = random_state(derived(self.plan.seed, JOBS))
        executions = 0
        used = 0

        def measure(powers: NDArray[np.int64], shots: NDArray[np.int64]) -> NDArray[np.int64]:
            nonlocal executions, used
            executions += int(shots.sum())
            used += int(((2 * powers + 1) * shots).sum())
            return rng.binomial(shots, np.sin((2 * powers + 1) * angle) ** 2)

        how = adaptive if self.estimator == "amplitude" else by_schedule
        (mean,), (stderr,) = how(measure, 1, calls).estimate()
        scale = self.number.scale
        found = scale * float(mean), abs(scale) * float(stderr)
        return self._estimate(found, executions, used, (circuit,))

    def _angle(self) -> tuple[float, QuantumCircuit]:
        """Return the angle of power 0, and its circuit.

        The success probability of every power follows from the angle. The lowest powers are
        simulated, and the probabilities of this very circuit are compared with the formula.

        Raises:
            RuntimeError: If they differ.
        """
        powers = [self.number.amplified(power) for power in _SIMULATED]
        found: list[Outcomes] = list(run(powers, self.plan.sampling))
        success = self.number.successes
        chances = [float(outcomes.known_probabilities[success].sum()) for outcomes in found]
        angle = math.asin(math.sqrt(min(max(chances[0], 0.0), 1.0)))
        for power, chance in zip(_SIMULATED, chances, strict=True):
            expected = math.sin((2 * power + 1) * angle) ** 2
            if abs(expected - chance) > rounding(self.plan.sampling.backend):
                raise RuntimeError(
                    f"expected power {power} to succeed with probability {expected:.12g}, got "
                    f"{chance:.12g}"
                )
        return angle, found[0].circuit

    def _estimate(
        self,
        found: tuple[float, float],
        executions: int,
        calls: int,
        circuits: tuple[QuantumCircuit, ...],
    ) -> Estimate:
        """Return an estimate, with the fields that follow from the plan."""
        information = float(executions if self.estimator == "sampling" else calls**2)
        name = str(self.observable)
        streams = frozenset({stream_name(self.plan.seed)} if calls else ())
        weights = self.observable.weights(self.plan.grid.output_shape)
        kind = f" {type(self.observable).__name__} {digest(weights)}"
        origin = Origin(f"{self.plan.quantity}{kind}", streams)
        return Estimate(
            *found, name, self.estimator, executions, calls, information, circuits, origin
        )
