"""Amplified success: number of rounds, weight of the reference, and scale of the result.

A filter succeeds in the fraction ``p = |T I|**2 / |I|**2`` of its executions, where ``T`` is the
transfer function divided by the subnormalisation. The other executions carry no information. Rounds
of amplitude amplification raise this fraction; each adds two oracle calls (Brassard, Hoyer, Mosca
and Tapp 2002, quant-ph/0005055).

A reference qubit selects the image or a reference wave, which passes the filter unchanged. The wave
is amplified too. With weight ``q`` on the reference and ``1 - q`` on the image, the success
probability before the first round is ``s = q + (1 - q) p = sin(t)**2``. After ``m`` rounds it is

    sin((2 m + 1) t)**2 = S**2 s,    S = sin((2 m + 1) t) / sin(t).

The successful state is unchanged except for the factor ``S``. Let ``u = 1 / sqrt(M)`` for ``M``
basis states, and let ``a`` be the amplitude of the filtered image at a basis state. A last Hadamard
gate acts on the reference qubit. The basis state is then measured together with reference qubit 0
(``+``) or 1 (``-``) with the probabilities

    P(+-) = (S sqrt(q) u +- S sqrt(1 - q) a)**2 / 2.

Let ``r`` be the mean of ``a**2 / u**2`` over the basis states that are read. If all basis states
are read, ``r = p``. Margins are not read; if the margins are darker, ``r`` is larger than ``p``.
The product of oracle calls and mean squared error of the linear read-out,

    (2 m + 1) (q + (1 - q) r) / (4 S**2 q (1 - q)),

is smallest near ``q = 2 p`` with rounds, if ``r = p`` is small. Without rounds, it is smallest at
``q = 1 / (1 + 1 / sqrt(r))``. For the root read-out, this product is
``(2 m + 1) / (4 S**2 (1 - q))``. The binomial error of the scale ``S`` adds terms of order
``r u**2``.

The scale ``S`` is measured and not predicted, because a prediction would require the result. The
fraction of successful executions is ``sin((2 m + 1) t)**2``, from which ``t`` and ``S`` follow.
Several angles have the same squared sine; the angle closest to the predicted angle is taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of, whole_number

_Array = NDArray[np.float64]

#: Maximum number of rounds that can be requested. The circuit's length is proportional to it.
LIMIT = 1000

READ_OUTS = ("linear", "root")

#: Maximum number of rounds that ``"auto"`` selects.
MOST_ROUNDS = 32

#: Minimum success probability of preferred choices, and their maximum cost in units of the lowest
#: cost. The cheapest preferred choice is taken; if there is none, the cheapest choice of all.
_SUCCESS, _DEARER = 0.9, 1.03

#: Candidate weights up to ``_PLAIN``: their number, and the smallest weight divided by ``p``.
#: Candidate weights above ``_PLAIN``: their number, and the largest weight.
_TRIED, _LEAST, _PLAIN = 1024, 1 / 16, 0.5
_ABOVE, _LARGEST = 64, 0.9

#: Minimum weight for the root read-out, divided by ``p``. Signs are uncertain if the reference
#: alone would give fewer counts per basis state than the second number. The third number then
#: replaces the first.
_ROOT_LEAST, _ROOT_COUNT, _ROOT_MOST = 0.25, 16.0, 2.0

#: Lower limit of the fraction that passes, which limits the number of rounds.
_SMALLEST = 1e-12


def checked_amplify(amplify: object) -> int | str:
    """Return ``amplify``, a number of rounds or ``"auto"``; raise for anything else."""
    if not isinstance(amplify, str):
        return whole_number(amplify, "amplify", 0, LIMIT)
    if amplify != "auto":
        raise ValueError(f"amplify: expected a number of rounds or 'auto', got {amplify!r}")
    return amplify


def check_read_out(read_out: object, *, signed: bool) -> None:
    """Raise unless ``read_out`` is known and has the reference that it needs."""
    if one_of(read_out, "read_out", READ_OUTS) == "root" and not signed:
        raise ValueError(
            "read_out: 'root' requires signed=True; unsigned results are always square roots"
        )


@dataclass(frozen=True)
class Amplification:
    """Number of rounds and weight of the reference."""

    rounds: int
    """Number of rounds, ``m``."""
    weight: float
    """Weight of the reference, ``q``; 0 without a reference."""
    passing: float
    """Predicted fraction of the image that passes the filter, ``p``; NaN if it is not needed."""

    @property
    def oracle_calls(self) -> int:
        """Number of oracle calls per execution."""
        return 2 * self.rounds + 1

    @property
    def start(self) -> float:
        """Predicted success probability before the first round, ``s``."""
        return min(self.weight + (1 - self.weight) * self.passing, 1.0)

    @property
    def turned(self) -> float:
        """Predicted angle after the last round, ``(2 m + 1) t``."""
        return self.oracle_calls * math.asin(math.sqrt(self.start))

    @property
    def success(self) -> float:
        """Predicted success probability after the last round."""
        return math.sin(self.turned) ** 2

    def scale(self, kept: float, lost: float, stderr: float) -> Scale:
        """Compute the scale from the fraction of successful executions.

        Args:
            kept: Fraction of successful executions.
            lost: Fraction of failed executions. Near 0, ``1 - kept`` would be a rounding error.
            stderr: Standard error of ``kept``; 0 if exact.
        """
        kept, lost, near = max(kept, 0.0), max(lost, 0.0), self.turned
        quarter = math.atan2(math.sqrt(kept), math.sqrt(lost))
        turns = (near - quarter) / math.pi, (near + quarter) / math.pi
        same = (math.pi * round(turns[0]) + quarter, math.pi * round(turns[1]) - quarter)
        angle = min(same, key=lambda angle: abs(angle - near)) / self.oracle_calls
        ends = (math.asin(math.sqrt(min(max(kept + d, 0.0), 1.0))) for d in (-stderr, stderr))
        return Scale(math.sin(angle), math.cos(angle), np.ptp(list(ends)) / 2 / self.oracle_calls)


@dataclass(frozen=True)
class Scale:
    """Measured angle ``t``, which relates amplitudes to fractions of the kept executions."""

    sine: float
    """Sine of ``t``."""
    cosine: float
    """Cosine of ``t``."""
    stderr: float
    """Standard error of ``t``; 0 if exact."""

    @property
    def relative(self) -> float:
        """Relative standard error of ``sin(t)``."""
        return abs(self.cosine) * self.stderr / abs(self.sine) if self.sine else 0.0


def choose(
    passing: float,
    amplify: int | str,
    *,
    seen: float,
    cells: int,
    signed: bool,
    read_out: str,
    shots: float,
) -> Amplification:
    """Choose the best weight of the reference, and the best number of rounds if not given.

    The predicted product of oracle calls and mean squared error is at most the product without
    amplification, if the number of rounds is not given.

    Args:
        passing: Approximate ``p``; half or twice its value gives nearly the same result.
        amplify: Number of rounds, or ``"auto"``.
        seen: Approximate ``r``.
        cells: Number of basis states.
        signed: Whether there is a reference.
        read_out: One of `READ_OUTS`.
        shots: Number of executions per basis state.
    """
    p = min(max(passing, 0.0), 1.0)
    assumed = max(p, _SMALLEST)
    least = _LEAST * min(assumed, _PLAIN)
    rounds = np.arange(MOST_ROUNDS + 1) if isinstance(amplify, str) else np.array([amplify])
    calls = 2 * rounds[:, np.newaxis] + 1
    q = np.zeros(1)
    if signed:
        above = np.linspace(_PLAIN, _LARGEST, _ABOVE + 1)[1:]
        q = np.concatenate([np.geomspace(least, _PLAIN, _TRIED), above])
    start = q + (1 - q) * assumed
    success = np.square(np.sin(calls * np.arcsin(np.sqrt(start))))
    with np.errstate(divide="ignore", invalid="ignore"):
        linear = signed and read_out == "linear"
        cost = calls * start / success / (1 - q) / 4
        if linear:
            cost *= 1 + (1 - q) * seen / q
        square = seen / cells * (1.0 if linear else 0.25)
        cost += square * ((1 - start) / start / calls - calls / success)
        if signed and not linear:
            alone = shots * success / start * q / 2  # expected count per basis state
            enough = (alone >= _ROOT_COUNT) | (q >= min(_ROOT_MOST * assumed, _PLAIN))
            cost[~(enough & (q >= _ROOT_LEAST * min(assumed, _PLAIN)))] = np.inf
    cost[np.isnan(cost)] = np.inf
    most = _DEARER * cost.min()
    if rounds[0] == 0:
        most = min(most, cost[0, q == _PLAIN if signed else 0].min())
    likely = np.where((success >= _SUCCESS) & (cost <= most), cost, np.inf)
    best = likely if np.isfinite(likely).any() else cost
    row, column = np.unravel_index(int(np.argmin(best)), best.shape)
    return Amplification(int(rounds[row]), float(q[column]), p)
