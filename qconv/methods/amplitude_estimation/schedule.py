"""Schedules: which Grover powers run, and how many shots of each.

A shot of power ``m`` tells ``(2 m + 1)**2`` times as much about an angle as one of power 0, but
modulo ``pi / (2 m + 1)``: the lower powers have to tell which of these angles it is. Shots that
fall with the power do that for the least cost (Higgins et al. 2009, there for powers of two).

The position is in superposition, so that how often a pixel is measured at a power is random. With
few shots of each of a few powers some pixels miss one of them and are taken for another angle. Many
powers with few shots of each are safer, and cheaper for it: here four powers for each octave of
``2 m + 1``, with shots in proportion to the part of an octave that each stands for, and to

    9 + 5 log2((2 M + 1) / (2 m + 1)),

``M`` the highest power. These numbers were searched for: the least error times oracle calls with
which no pixel of many thousands was beyond eight of its standard errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import whole_number
from qconv.execution.seeds import random_state
from qconv.methods.amplitude_estimation.likelihood import most_likely, posterior_mean
from qconv.planning.allocation import DEFAULT_SHOTS

_Array = NDArray[np.float64]

#: What `AmplitudeEstimation` takes for powers.
Powers = str | Sequence[int] | Sequence[tuple[int, int]]

#: Powers for each octave; shots for each octave at the highest power, and more for each below it.
_EACH, _TOP, _MORE = 4, 9.0, 5.0

#: Highest power with a number of shots, which more shots do not exceed; with a tolerance, where the
#: least cost is asked for however deep the circuits are; and with noise, which blurs deep circuits.
HIGHEST, HIGHEST_FOR_TOLERANCE, HIGHEST_WITH_NOISE = 32, 64, 8

#: Pixels for which errors are drawn, more with fewer powers than that.
_DRAWN, _LONG = 1024, 16

#: To draw them with.
_SEED = 20261128


@dataclass(frozen=True)
class Schedule:
    """Powers, and the shots of each."""

    powers: tuple[int, ...]
    """All different, from the lowest on."""
    shots: tuple[float, ...]
    """Mean number for each pixel, of each power."""
    averaged: bool
    """Whether estimates are posterior means, as suits few shots of the highest powers; otherwise
    the most likely angles."""

    @property
    def total(self) -> float:
        """Shots for each pixel, over all powers."""
        return float(sum(self.shots))

    @property
    def information(self) -> float:
        """Fisher information of the angle."""
        factors = 2 * np.array(self.powers, dtype=np.float64) + 1
        return float(4 * np.sum(np.array(self.shots) * factors**2))

    def executions(self, pixels: int) -> list[int]:
        """Of the circuit of each power, for some pixels: whole numbers whose sum is right."""
        exact = np.array(self.shots) * pixels
        whole = np.floor(exact + 1e-9).astype(np.int64)
        missing = round(float(exact.sum())) - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
        return [int(number) for number in whole]


def checked_powers(powers: object) -> Powers:
    """Powers as a user may write them, sorted, each once.

    Raises:
        TypeError: A power or its shots are no whole number, or they are no sequence.
        ValueError: There are none, one is negative or there twice, or has no shots.
    """
    if isinstance(powers, str) and powers == "auto":
        return powers
    if isinstance(powers, str | Mapping) or not isinstance(powers, Iterable):
        raise TypeError(
            f"powers: expected 'auto', whole numbers or pairs (power, shots), got {powers!r}"
        )
    given = powers.tolist() if isinstance(powers, np.ndarray) else list(powers)
    pairs = [tuple(one) for one in given if isinstance(one, tuple | list)]
    if pairs and (len(pairs) < len(given) or any(len(pair) != 2 for pair in pairs)):
        raise TypeError(f"powers: expected every one to be a pair (power, shots), got {powers!r}")
    found = [whole_number(one, "powers", 0) for one in ([p for p, _ in pairs] or given)]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"powers: expected at least one, all different, got {tuple(found)}")
    if not pairs:
        return tuple(sorted(found))
    shots = [whole_number(number, "powers: shots", 1) for _, number in pairs]
    return tuple(sorted(zip(found, shots, strict=True)))


def scheduled(powers: Powers, shots: int | None, highest: int = HIGHEST) -> Schedule:
    """The schedule that powers and shots mean.

    Args:
        powers: As `checked_powers` gives them.
        shots: For each pixel, of each power or, with ``"auto"``, of all; of no meaning with pairs.
            None for as many as there would be without a word.
        highest: Power that ``"auto"`` does not exceed.
    """
    shots = DEFAULT_SHOTS if shots is None else shots
    if isinstance(powers, str):
        return _falling(shots, highest)
    pairs = [one if isinstance(one, tuple) else (one, shots) for one in powers]
    paired = any(isinstance(one, tuple) for one in powers)
    return Schedule(tuple(p for p, _ in pairs), tuple(float(n) for _, n in pairs), paired)


def _falling(shots: int, highest: int = HIGHEST) -> Schedule:
    """The schedule for some shots, as high as they reach.

    Args:
        shots: For each pixel, over all powers, at least 1.
        highest: Power that is not exceeded.
    """
    reached = 0
    while reached < highest and sum(_needed(_spread_out(reached + 1))) <= shots:
        reached += 1
    powers = _spread_out(reached)
    needed = _needed(powers)
    scale = shots / sum(needed)
    return Schedule(tuple(powers), tuple(scale * number for number in needed), averaged=True)


def least_shots(highest: int) -> int:
    """Shots for each pixel with which a power is reached."""
    return int(np.ceil(sum(_needed(_spread_out(highest)))))


def _spread_out(highest: int) -> list[int]:
    """Powers up to the highest, as many for each octave where there are so many."""
    powers, factor = [highest], 2.0 * highest + 1
    while powers[-1]:
        factor /= 2 ** (1 / _EACH)
        powers.append(max(0, min(powers[-1] - 1, round((factor - 1) / 2))))
    return powers[::-1]


def _needed(powers: Sequence[int]) -> list[float]:
    """Fewest shots for each pixel of every power."""
    octaves = np.log2(2 * np.array(powers, dtype=np.float64) + 1)
    parts = np.gradient(octaves) if len(powers) > 1 else np.ones(1)
    return [float(n) for n in (_TOP + _MORE * (octaves[-1] - octaves)) * parts]


def variance(schedule: Schedule, probability: _Array) -> _Array:
    """Mean square error to be expected of estimated probabilities.

    What the Fisher information leaves, times a factor by which few shots of the highest powers,
    whose number is random for every pixel, tell less: that of some of the pixels, by simulation.

    Args:
        schedule: The powers and their shots.
        probability: Of a hit of power 0, any shape.
    """
    rng = random_state(np.random.SeedSequence(_SEED))
    number = _DRAWN * max(1, _LONG // len(schedule.powers))
    places = np.linspace(0, probability.size, number, endpoint=False).astype(np.int64)
    p = probability.ravel()[places]
    turned = np.outer(2 * np.array(schedule.powers) + 1, np.arcsin(np.sqrt(p)))
    shots = rng.poisson(np.array(schedule.shots)[:, None], turned.shape)
    hits = rng.binomial(shots, np.sin(turned) ** 2)
    flat = hits.astype(np.float64), (shots - hits).astype(np.float64)
    if schedule.averaged:
        found = posterior_mean(*flat, schedule.powers, guarded=False)
    else:
        found = most_likely(*flat, schedule.powers)
    factor = np.mean(found.stderr**2) / np.mean(_least(schedule, p))
    return np.asarray(factor * _least(schedule, probability))


def _least(schedule: Schedule, p: _Array) -> _Array:
    """What the Fisher information leaves; ``sin(t)**2`` is not linear in ``t``."""
    information = schedule.information
    return 4 * p * (1 - p) / information + 3 * (1 - 2 * p) ** 2 / information**2
