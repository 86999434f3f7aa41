"""Amplitude estimation of one number, with powers chosen adaptively or fixed in advance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv.estimation.amplitude import adaptive, by_schedule, fixed_schedule
from qconv.estimation.damped import damped_estimate
from qconv.execution.checkpoint.checkpoint import Checkpoint
from qconv.execution.device.backends import rounding
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Numbers, Outcomes
from qconv.execution.program import Program, Steps
from qconv.execution.run import run
from qconv.execution.seeds import derived, random_state, stream_name
from qconv.planning.number import Number

#: Standard error of the angle times oracle calls, used to plan for a tolerance.
#: `tests/benchmarks/test_amplitude.py` measures errors for uniformly drawn probabilities; these are
#: divided by the root mean square of ``sin(2 t)``.
_CONSTANT = {"amplitude": 2.8, "schedule": 3.9}

#: Powers that are simulated.
_SIMULATED = (0, 1, 2)

#: Highest power of the fixed schedule on a noisy backend, as for pictures.
_HIGHEST_WITH_NOISE = 8

#: Difference of angles for the slope of a number.
_STEP = 1e-5


@dataclass(frozen=True)
class Found:
    """Number that amplitude estimation found."""

    value: float
    """Posterior mean."""
    stderr: float
    """Standard error."""
    executions: int
    """Number of executions."""
    oracle_calls: int
    """Number of oracle calls."""
    circuit: QuantumCircuit
    """Circuit of power 0, with its measurement."""
    streams: frozenset[str]
    """Names of the random streams."""
    reliable: bool = True
    """Whether the outcomes distinguish damping from a different value."""


def error_of_one_call(number: Number, estimator: str) -> float:
    """Return the predicted standard error of a number, times the oracle calls."""
    angles = number.expected_angle + np.array([-_STEP, _STEP])
    low, high = number.of_angle(np.clip(angles, 0, math.pi / 2))
    return _CONSTANT[estimator] * float(abs(high - low)) / (2 * _STEP)


def simulated(
    number: Number,
    sampling: Sampling,
    estimator: str,
    calls: int,
    *,
    progress: bool,
    kept: Checkpoint | None,
) -> Found:
    """Estimate a number on an ideal simulator; the hits of every power follow from one angle.

    Args:
        number: The number.
        sampling: Backend and options, with the seed of the number.
        estimator: ``"amplitude"`` or ``"schedule"``.
        calls: Maximum number of oracle calls.
        progress: Whether to show a progress bar.
        kept: Checkpoint, which saves the simulated probabilities; None for no checkpoint.
    """
    angle, circuit = _angle(number, sampling, progress=progress, kept=kept)
    rng = random_state(sampling.seed)
    executions = used = 0

    def measure(powers: NDArray[np.int64], shots: NDArray[np.int64]) -> NDArray[np.int64]:
        nonlocal executions, used
        executions += int(shots.sum())
        used += int(((2 * powers + 1) * shots).sum())
        return rng.binomial(shots, np.sin((2 * powers + 1) * angle) ** 2)

    how = adaptive if estimator == "amplitude" else by_schedule
    (mean,), (stderr,) = how(measure, 1, calls).estimate(number.of_angle)
    streams = frozenset({stream_name(sampling.seed)})
    return Found(float(mean), float(stderr), executions, used, circuit, streams)


def _angle(
    number: Number, sampling: Sampling, *, progress: bool, kept: Checkpoint | None
) -> tuple[float, QuantumCircuit]:
    """Return the angle of power 0, and its circuit.

    The success probability of every power follows from the angle. The lowest powers are simulated,
    and the probabilities of this very circuit are compared with the formula.

    Raises:
        RuntimeError: If they differ.
    """
    programs = [
        replace(number.amplified(power), executions=None, seed=derived(sampling.seed, power))
        for power in _SIMULATED
    ]

    def success(numbers: Numbers) -> NDArray[np.float64]:
        return np.asarray(numbers(0, number.successes.size)[number.successes].sum())

    chances, circuits = [], []
    for part in run(programs, sampling, progress=progress, kept=kept):
        chances.append(float(part.sums(success, part.program.seed)))
        circuits.append(part.circuit)
    angle = math.asin(math.sqrt(min(max(chances[0], 0.0), 1.0)))
    for power, chance in zip(_SIMULATED, chances, strict=True):
        expected = math.sin((2 * power + 1) * angle) ** 2
        if abs(expected - chance) > rounding(sampling.backend):
            raise RuntimeError(
                f"expected power {power} to succeed with probability {expected:.12g}, got "
                f"{chance:.12g}"
            )
    return angle, circuits[0]


def scheduled(number: Number, program: Program | None, calls: int, *, noisy: bool) -> list[Program]:
    """Return the programs of the fixed schedule; with noise, only powers that can have contrast.

    Args:
        number: The number.
        program: Program of the number, whose seed is used; None if nothing is measured.
        calls: Maximum number of oracle calls.
        noisy: Whether the backend has noise.
    """
    if program is None:
        return []
    highest = _HIGHEST_WITH_NOISE if noisy else None
    return [
        replace(
            number.amplified(power),
            executions=shots,
            seed=derived(program.seed, power),
            steps=Steps(power, lambda steps: number.amplified(steps).build()),
        )
        for power, shots in fixed_schedule(calls, highest)
    ]


def from_outcomes(number: Number, outcomes: Sequence[Outcomes]) -> Found:
    """Estimate a number from the outcomes of several powers, whose damping is fitted."""
    size = number.successes.size
    counts = [part.sums(lambda numbers: numbers(0, size), part.program.seed) for part in outcomes]
    found = damped_estimate(
        np.array([(part.program.oracle_calls - 1) // 2 for part in outcomes], np.float64),
        np.array([float(count[number.successes].sum()) for count in counts]),
        np.array([float(count.sum()) for count in counts]),
        float(number.successes.mean()),
        number.of_angle,
    )
    return Found(
        found.value,
        found.stderr,
        sum(part.total_shots for part in outcomes),
        sum(part.oracle_calls for part in outcomes),
        outcomes[0].circuit,
        frozenset().union(*(part.streams for part in outcomes)),
        found.reliable,
    )
