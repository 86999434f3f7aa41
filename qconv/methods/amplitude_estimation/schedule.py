"""Schedules: which Grover powers run, and the number of shots of each.

A shot of power ``m`` has ``(2 m + 1)**2`` times the Fisher information of a shot of power 0, but
only about the angle modulo ``pi / (2 m + 1)``. The lower powers must resolve this ambiguity. The
cost is least if the numbers of shots decrease with the power (Higgins et al. 2009, who use powers
of two).

All pixels are in superposition in one circuit, so the number of shots that a pixel gets at a power
is random. With few shots at few powers, some pixels get no shot at one of the powers and are
assigned a wrong angle. Many powers with few shots each are safer and therefore cheaper. The
schedule of ``powers="auto"`` has four powers per octave of ``2 m + 1``. The number of shots of a
power is proportional to its mean distance from the neighbouring powers, in octaves, and to

    9 + 5 log2((2 M + 1) / (2 m + 1)),

where ``M`` is the highest power. These constants were found by search: they minimise error times
oracle calls. The condition of the search was that none of many thousands of pixels is off by more
than eight standard errors.

More shots at the same powers would reduce the error only by the inverse square root. Beyond the
shots that powers up to 32 need, the highest power therefore grows with the number of shots. If all
shots followed the numbers above, the circuits would be extremely long, because these numbers grow
only with the square of ``log(M)``. But a shot of power 0 costs a single oracle call. ``M`` is
therefore the lowest power at which all other shots, at power 0, add only 1.3 % to the oracle calls.
Error times oracle calls then stays the same, whatever the number of shots. These schedules have
three powers per octave, with shots in proportion to

    6 + 4.3 log2((2 M + 1) / (2 m + 1)).

The search compared posterior variances of uniformly distributed angles, for ``M`` from 44 to 2,000.
Error times oracle calls is 4.3. It is 4.6 with two powers per octave and the numbers 8 and 4.5, and
1 % smaller with four powers per octave, whose posteriors take 1.5 times as long. With two powers
per octave, more pixels are assigned an angle of a wrong peak.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qconv._checks import shot_number, whole_number
from qconv._threads import for_each
from qconv.execution.seeds import random_state
from qconv.methods.amplitude_estimation.likelihood import most_likely, posterior_mean
from qconv.planning.allocation import DEFAULT_SHOTS

_Array = NDArray[np.float64]

#: Powers accepted by `AmplitudeEstimation`.
Powers = str | Sequence[int] | Sequence[tuple[int, int]]


class Rule(NamedTuple):
    """Rule from which the needed shots of each power follow."""

    each: int
    """Powers per octave of ``2 m + 1``."""
    top: float
    """Shots per octave at the highest power."""
    more: float
    """Additional shots per octave for each octave below the highest power."""


#: Rules for few shots and for many shots. Found by search (see above) and measured by
#: `test_schedule` and `test_many_shots` in the benchmarks: with fewer shots of a power, some errors
#: are far beyond their standard errors; with more, the error is larger for the same oracle calls.
FEW, MANY = Rule(4, 9.0, 5.0), Rule(3, 6.0, 4.3)

#: Maximum number of additional shots of power 0, divided by ``2 M + 1`` of the highest power. The
#: needed shots cost about 23 oracle calls per ``2 M + 1``.
_BESIDE = 0.3

#: Highest powers. First: by the rule for few shots, and with a backend that runs every circuit.
#: Second: with such a backend and a tolerance, to minimise the cost. Third: with noise, because the
#: contrast falls exponentially with the power.
HIGHEST, HIGHEST_FOR_TOLERANCE, HIGHEST_WITH_NOISE = 32, 64, 8

#: Highest power of the rule for many shots, which bounds the depth of circuits.
HIGHEST_OF_ALL = 16_384

#: Number of pixels of a block whose outcomes are simulated: ``_SIMULATED`` times ``_LONG //
#: powers``, but at least times 2. Short schedules need more pixels, because rare angles matter
#: more. `test_prediction` limits the error of predictions to 8 %. With 1024 pixels and high powers,
#: the error would be up to 12 %.
_SIMULATED, _LONG = 1024, 16

#: Seed of this simulation; any number will do, but predictions change with it.
_SEED = 20261128


@dataclass(frozen=True)
class Schedule:
    """Grover powers and their numbers of shots."""

    powers: tuple[int, ...]
    """Different powers in increasing order."""
    shots: tuple[float, ...]
    """Mean number of shots per pixel of each power."""
    averaged: bool
    """True for posterior means, which suit few shots of the highest powers; False for the most
    likely angles."""

    @property
    def total(self) -> float:
        """Number of shots per pixel, over all powers."""
        return float(sum(self.shots))

    @property
    def information(self) -> float:
        """Fisher information of each pixel's angle."""
        factors = 2 * np.array(self.powers, dtype=np.float64) + 1
        return float(4 * np.sum(np.array(self.shots) * factors**2))

    def executions(self, pixels: int) -> list[int]:
        """Return executions of each power's circuit, rounded such that their sum is exact."""
        exact = np.array(self.shots) * pixels
        whole = np.floor(exact + 1e-9).astype(np.int64)  # 1e-9: for rounding errors
        missing = round(float(exact.sum())) - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
        return [int(number) for number in whole]


def checked_powers(powers: object) -> Powers:
    """Return powers in increasing order.

    Raises:
        TypeError: If the powers are not a sequence, or a power or its shots are not an integer.
        ValueError: If there are no powers, or one is negative, repeated or without shots.
    """
    if isinstance(powers, str) and powers == "auto":
        return powers
    if isinstance(powers, str | Mapping) or not isinstance(powers, Iterable):
        raise TypeError(
            f"powers: expected 'auto', integers or pairs (power, shots), got {powers!r}"
        )
    given = powers.tolist() if isinstance(powers, np.ndarray) else list(powers)
    pairs = [tuple(one) for one in given if isinstance(one, tuple | list)]
    if pairs and (len(pairs) < len(given) or any(len(pair) != 2 for pair in pairs)):
        raise TypeError(f"powers: expected every item to be a pair (power, shots), got {powers!r}")
    found = [whole_number(one, "powers", 0) for one in ([p for p, _ in pairs] or given)]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"powers: expected one or more distinct powers, got {tuple(found)}")
    if not pairs:
        return tuple(sorted(found))
    shots = [shot_number(number, "powers: shots") for _, number in pairs]
    return tuple(sorted(zip(found, shots, strict=True)))


def scheduled(
    powers: Powers, shots: int | None, highest: int = HIGHEST, most: int = HIGHEST_OF_ALL
) -> Schedule:
    """Return the schedule for powers and shots.

    Args:
        powers: Powers as returned by `checked_powers`.
        shots: Shots per pixel and power, or over all powers with ``"auto"``; ignored with pairs.
            None for the default number.
        highest: Maximum power with ``"auto"`` by the rule for few shots.
        most: Maximum power with ``"auto"`` by the rule for many shots, which is not used if
            ``most`` equals ``highest``.
    """
    shots = DEFAULT_SHOTS if shots is None else shots
    if isinstance(powers, str):
        if most > highest and shots >= least_shots(highest):
            return _grown(shots, most)
        tried = range(1, highest + 1)
        reached = bisect_left(tried, True, key=lambda m: least_shots(m) > shots)
        if reached == 1 and highest > HIGHEST_WITH_NOISE:
            reached = 0  # powers 0 and 1 can be worse than power 0 alone
        powers = _spaced(reached, FEW)
        needed = _needed(powers, FEW)
        scale = shots / sum(needed)
        return Schedule(tuple(powers), tuple(scale * number for number in needed), averaged=True)
    pairs = [one if isinstance(one, tuple) else (one, shots) for one in powers]
    paired = any(isinstance(one, tuple) for one in powers)
    return Schedule(tuple(p for p, _ in pairs), tuple(float(n) for _, n in pairs), paired)


def _grown(shots: int, most: int) -> Schedule:
    """Return the schedule whose highest power is the lowest that leaves few shots at power 0."""

    def enough(power: int) -> bool:
        return shots - sum(_needed(_spaced(power, MANY), MANY)) <= _BESIDE * (2 * power + 1)

    highest = 1 + bisect_left(range(1, most), True, key=enough)
    powers = _spaced(highest, MANY)
    needed = np.array(_needed(powers, MANY))
    steps = float(2 * np.array(powers) @ needed)  # oracle calls in addition to one per shot
    numbers = max(1.0, shots / steps) * needed  # more than needed if the highest power is ``most``
    numbers[0] += shots - numbers.sum()
    return Schedule(tuple(powers), tuple(map(float, numbers)), averaged=True)


def least_shots(highest: int) -> int:
    """Return the shots per pixel that the rule for few shots needs to reach a power."""
    return int(np.ceil(sum(_needed(_spaced(highest, FEW), FEW))))


def _spaced(highest: int, rule: Rule) -> list[int]:
    """Return powers from 0 to the highest, evenly spaced in octaves where integers allow it."""
    powers, factor = [highest], 2.0 * highest + 1
    while powers[-1]:
        factor /= 2 ** (1 / rule.each)
        powers.append(max(0, min(powers[-1] - 1, round((factor - 1) / 2))))
    return powers[::-1]


def _needed(powers: Sequence[int], rule: Rule) -> list[float]:
    """Return the minimum number of shots per pixel of every power."""
    octaves = np.log2(2 * np.array(powers, dtype=np.float64) + 1)
    parts = np.gradient(octaves) if len(powers) > 1 else np.ones(1)
    return [float(n) for n in (rule.top + rule.more * (octaves[-1] - octaves)) * parts]


def variance(schedule: Schedule, probability: _Array, excess: float) -> _Array:
    """Predict the mean square error of estimates, given the flag probabilities at power 0.

    The Fisher information gives a lower bound, which is multiplied by ``excess``.
    """
    return np.asarray(excess * _least(schedule, probability))


def simulated_excess(
    schedule: Schedule, examples: Sequence[_Array], *, guarded: bool = False
) -> float:
    """Simulate the factor between mean square errors and the bound of the Fisher information.

    Few shots of the highest powers, whose number is random for every pixel, are less informative
    than the bound states. Results are cached.

    Args:
        schedule: Powers and their shots.
        examples: Flag probabilities at power 0 of all pixels of one or more blocks. Each block has
            its own distribution of angles.
        guarded: Whether to return the factor of squared standard errors, as `posterior_mean` guards
            them, instead of mean square errors.
    """
    number = _SIMULATED * max(2, _LONG // len(schedule.powers))
    samples = []
    for probability in examples:
        places = np.linspace(0, probability.size, number, endpoint=False).astype(np.int64)
        samples.append(probability.ravel()[places].tobytes())
    return _simulated(schedule, tuple(samples))[guarded]


@lru_cache(maxsize=64)
def _simulated(schedule: Schedule, samples: tuple[bytes, ...]) -> tuple[float, float]:
    """Return both factors of `simulated_excess`, the one with guarded errors last.

    Pixels of several blocks are simulated, each block given as the bytes of its probabilities.
    """
    rng = random_state(np.random.SeedSequence(_SEED))
    chances = [np.frombuffer(sample) for sample in samples]
    outcomes = []
    for p in chances:
        turned = np.outer(2 * np.array(schedule.powers) + 1, np.arcsin(np.sqrt(p)))
        shots = rng.poisson(np.array(schedule.shots)[:, None], turned.shape)
        hits = rng.binomial(shots, np.sin(turned) ** 2)
        outcomes.append((hits.astype(np.float64), (shots - hits).astype(np.float64)))
    every = len(chances) if len(schedule.powers) >= _LONG else 1
    errors = [np.empty((2, 0))] * len(chances)

    def work(number: int) -> None:
        flat, powers = outcomes[number], schedule.powers
        found = (posterior_mean if schedule.averaged else most_likely)(*flat, powers, every=every)
        plain = found.stderr if found.unguarded is None else found.unguarded
        errors[number] = np.stack([plain, found.stderr])

    for_each(work, len(chances), progress=False)
    least = np.mean(_least(schedule, np.concatenate(chances)))
    plain, guarded = np.mean(np.concatenate(errors, axis=1) ** 2, axis=1) / least
    return float(plain), float(guarded)


def _least(schedule: Schedule, p: _Array) -> _Array:
    """Return the bound of the Fisher information, to second order in ``t``."""
    information = schedule.information
    return 4 * p * (1 - p) / information + 3 * (1 - 2 * p) ** 2 / information**2
