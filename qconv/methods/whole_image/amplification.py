"""Amplified success: how many rounds, how much reference, and the scale of what was measured.

Of a filter's executions only the part ``p = |T I|**2 / |I|**2`` succeeds, with ``T`` the transfer
function divided by its bound; the rest tells nothing. Rounds of amplitude amplification raise that
part, at two more oracle calls a round (Brassard, Hoyer, Mosca and Tapp 2002, quant-ph/0005055).

The reference, a wave that passes the filter as it is, takes part in them. With a weight ``q`` on it
and ``1 - q`` on the image, ``s = q + (1 - q) p = sin(t)**2`` succeeds before the first round, and

    sin((2 m + 1) t)**2 = S**2 s,    S = sin((2 m + 1) t) / sin(t),

after ``m``. What succeeds is the same state, ``S`` times as large: with ``u = 1 / sqrt(M)`` for
``M`` cells and ``a`` the filtered image's amplitude, the reference's last Hadamard gate leaves

    P(+-) = (S sqrt(q) u +- S sqrt(1 - q) a)**2 / 2

in a cell. A weight below 1/2 leaves more of the executions to the image; near ``2 p`` the product
of calls and mean square error is smallest for the linear read-out,

    (2 m + 1) s / (4 S**2 q (1 - q)),

and the root read-out has ``(2 m + 1) / (4 S**2 (1 - q))``.

The scale ``S`` is not taken from the prediction, which would need the answer: the part of the
executions that succeeded is ``sin((2 m + 1) t)**2``, which gives ``t``, and so ``S``. The sine is
the same on both sides of each quarter turn; which it was, the prediction tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import one_of, whole_number

_Array = NDArray[np.float64]

READ_OUTS = ("linear", "root")

#: Most rounds that ``"auto"`` chooses.
MOST_ROUNDS = 32

#: A success of at least so much may cost so many times the cheapest choice.
_SUCCESS, _DEARER = 0.9, 1.03

#: Weights that are tried: between the smallest, relative to ``p``, and the largest.
_TRIED, _LEAST, _LARGEST = 1024, 1 / 16, 0.5

#: Least weight for the root read-out, relative to ``p``; and where the reference alone would leave
#: fewer executions in a cell than this, so that signs are hard to tell, the weight that is enough.
_ROOT_LEAST, _ROOT_COUNT, _ROOT_MOST = 0.25, 16.0, 2.0

#: Part that passes, below which it is as if it were this: it is not worth more rounds.
_SMALLEST = 1e-12


def check_amplify(amplify: object) -> None:
    """Raise unless it is a whole number of rounds, or ``"auto"``."""
    if isinstance(amplify, str):
        if amplify != "auto":
            raise ValueError(
                f"amplify: expected a whole number of rounds or 'auto', got {amplify!r}"
            )
        return
    whole_number(amplify, "amplify", 0)


def check_read_out(read_out: object, *, signed: bool) -> None:
    """Raise unless it is a read-out, and there is a reference to read out."""
    if one_of(read_out, "read_out", READ_OUTS) == "root" and not signed:
        raise ValueError(
            "read_out: 'root' goes with signed=True; magnitudes are roots of counts as they are"
        )


@dataclass(frozen=True)
class Amplification:
    """Rounds, and the weight of the reference."""

    rounds: int
    """How many."""
    weight: float
    """``q``: of the reference; 0 without one."""
    passing: float
    """``p``: the part of the image that passes the filter, as predicted."""

    @property
    def oracle_calls(self) -> int:
        """Of one execution."""
        return 2 * self.rounds + 1

    @property
    def start(self) -> float:
        """``s``: what succeeds before the first round, as predicted."""
        return min(self.weight + (1 - self.weight) * self.passing, 1.0)

    @property
    def turned(self) -> float:
        """``(2 m + 1) t``, as predicted."""
        return self.oracle_calls * math.asin(math.sqrt(self.start))

    @property
    def success(self) -> float:
        """What succeeds after the last round, as predicted."""
        return math.sin(self.turned) ** 2

    def scale(self, kept: float, lost: float, spread: float) -> Scale:
        """The scale, from the part of the executions that succeeded.

        Args:
            kept: That part.
            lost: The other part: where nothing is left of it, ``1 - kept`` would be rounding.
            spread: Standard error of ``kept``; 0 if exact.
        """
        kept, lost = max(kept, 0.0), max(lost, 0.0)
        quarter = math.atan2(math.sqrt(kept), math.sqrt(lost))
        angle = _unfolded(quarter, self.turned) / self.oracle_calls
        ends = (math.asin(math.sqrt(min(max(kept + d, 0.0), 1.0))) for d in (-spread, spread))
        return Scale(math.sin(angle), math.cos(angle), np.ptp(list(ends)) / 2 / self.oracle_calls)


def _unfolded(quarter: float, near: float) -> float:
    """The angle with the same square of the sine that is nearest to another one."""
    turns = (near - quarter) / math.pi, (near + quarter) / math.pi
    angles = (math.pi * round(turns[0]) + quarter, math.pi * round(turns[1]) - quarter)
    return min(angles, key=lambda angle: abs(angle - near))


@dataclass(frozen=True)
class Scale:
    """``t``, by which amplitudes are told from the part of the kept executions in a cell."""

    sine: float
    """``sin(t)``."""
    cosine: float
    """``cos(t)``."""
    spread: float
    """Standard error of ``t``; 0 if exact."""

    @property
    def relative(self) -> float:
        """Relative standard error of ``sin(t)``."""
        return abs(self.cosine) * self.spread / abs(self.sine) if self.sine else 0.0


def choose(
    passing: float, amplify: int | str, *, signed: bool, read_out: str, shots: float
) -> Amplification:
    """The rounds that are asked for, or the best, with the best weight of the reference.

    Args:
        passing: ``p``, roughly: half of it or twice as much gives nearly the same.
        amplify: Rounds, or ``"auto"``.
        signed: Whether there is a reference.
        read_out: One of `READ_OUTS`.
        shots: Executions for each cell.
    """
    p = min(max(passing, 0.0), 1.0)
    assumed = max(p, _SMALLEST)
    rounds = np.arange(MOST_ROUNDS + 1) if isinstance(amplify, str) else np.array([amplify])
    calls = 2 * rounds[:, np.newaxis] + 1
    q = np.zeros(1)
    if signed:
        q = np.geomspace(_LEAST * min(assumed, _LARGEST), _LARGEST, _TRIED)
    start = q + (1 - q) * assumed
    success = np.square(np.sin(calls * np.arcsin(np.sqrt(start))))
    with np.errstate(divide="ignore"):
        cost = calls * start / success / (1 - q)
        if signed and read_out == "linear":
            cost *= start / q
        elif signed:
            alone = shots * success / start * q / 2  # in a cell
            enough = (alone >= _ROOT_COUNT) | (q >= min(_ROOT_MOST * assumed, q[-1]))
            cost[~(enough & (q >= _ROOT_LEAST * min(assumed, _LARGEST)))] = np.inf
    likely = np.where(success >= _SUCCESS, cost, np.inf)
    best = likely if likely.min() <= _DEARER * cost.min() else cost
    row, column = np.unravel_index(int(np.argmin(best)), best.shape)
    return Amplification(int(rounds[row]), float(q[column]), p)
