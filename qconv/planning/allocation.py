"""Allocation: how many shots each pixel gets, so that the fewest give the smallest error.

A pixel whose shots have the standard deviation ``s`` has the standard error ``s / sqrt(n)`` after
``n`` of them. With ``N`` shots in all, the mean square error is least for

    n = N s / sum(s),

in proportion to the standard deviation (Neyman 1934, "On the two different aspects of the
representative method", section III). With a largest error ``e``, ``n = (s / e)**2`` are the fewest;
with a root mean square error ``e`` over ``P`` pixels, ``N = sum(s)**2 / (P e**2)`` of Neyman's.

Shots are whole numbers. Proportions are rounded up or down at random, each so often that its mean
is kept and their sum does not change (systematic sampling: Madow 1949); where a shot gives always
the same no shot is needed, everywhere else there is at least one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv._checks import real_number

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Shots of each pixel if neither they nor a tolerance are given.
DEFAULT_SHOTS = 1024

#: Most executions that a tolerance may cost.
MOST_EXECUTIONS = 10**12

#: How often a number of executions is corrected until it gives the error that was asked for.
_ROUNDS = 20


@dataclass(frozen=True)
class Tolerance:
    """An error that is asked for."""

    error: float
    """In the unit of the result."""
    mean: bool
    """Whether it is the root mean square over all pixels; otherwise no pixel may exceed it."""

    def shortfall(self, stderr: _Array) -> float:
        """By which factor the executions must grow that leave these standard errors."""
        largest = float(stderr.max())
        if largest == 0:
            return 0.0
        found = largest
        if self.mean:
            found *= float(np.sqrt(np.mean(np.square(stderr / largest))))
        with np.errstate(over="ignore"):
            return float(np.square(np.float64(found) / self.error))


def check_tolerance(tolerance: object) -> Tolerance | None:
    """A tolerance from what a user may write: a number, ``("rms", number)`` or None.

    Raises:
        TypeError: It is something else.
        ValueError: The number is not above 0, or the word another.
    """
    if tolerance is None:
        return None
    mean = isinstance(tolerance, tuple | list)
    if isinstance(tolerance, tuple | list):
        if len(tolerance) != 2 or tolerance[0] != "rms":
            raise ValueError(f"tolerance: expected a number or ('rms', number), got {tolerance!r}")
        tolerance = tolerance[1]
    error = real_number(tolerance, "tolerance")
    if not 0 < error < math.inf:
        raise ValueError(f"tolerance: expected a number above 0, got {tolerance!r}")
    return Tolerance(error, mean)


def require_affordable(executions: float) -> None:
    """Refuse what would take more executions than anybody runs.

    Raises:
        ValueError: It would.
    """
    if not executions <= MOST_EXECUTIONS:
        raise ValueError(
            f"tolerance: expected one that costs at most {MOST_EXECUTIONS:,} executions, got one "
            f"that costs {executions:.3g}"
        )


def optimal(spread: _Array, total: int, rng: np.random.Generator) -> _Counts:
    """Shots of every pixel for the smallest mean square error.

    Args:
        spread: Standard deviation of one shot of each pixel, any shape.
        total: Shots of all pixels, at least one for each that has any spread.
        rng: To round by.

    Returns:
        Whole numbers, shape of ``spread``, of sum ``total``; all at the first pixel if none has
        any spread, so that something is measured.
    """
    shares = _proportions(spread.ravel(), total)
    if not shares.any():
        shares[0] = total
    return _rounded(shares, rng).reshape(spread.shape)


def for_tolerance(spread: _Array, tolerance: Tolerance, rng: np.random.Generator) -> _Counts:
    """The fewest shots of every pixel that leave an error.

    Args:
        spread: Standard deviation of one shot of each pixel, any shape.
        tolerance: The error.
        rng: To round by.

    Raises:
        ValueError: They would be too many.
    """
    varying = int((spread > 0).sum())
    if not varying:
        return optimal(spread, 1, rng)
    if not tolerance.mean:
        with np.errstate(over="ignore"):
            needed = np.ceil(np.square(spread / tolerance.error) * (1 - 1e-12))
        require_affordable(float(needed.sum()))
        return np.where(spread > 0, np.maximum(needed, 1), 0).astype(np.int64)
    scale = float(spread.max())
    with np.errstate(over="ignore"):
        total = float(np.square(np.sum(spread / scale) * (scale / tolerance.error))) / spread.size
    for _ in range(_ROUNDS):
        require_affordable(total)
        shots = optimal(spread, max(math.ceil(total), varying), rng)
        short = tolerance.shortfall(spread / np.sqrt(np.maximum(shots, 1)))
        if short <= 1:
            break
        total = shots.sum() * min(short, 2.0) + 1
    return shots


def _proportions(spread: _Array, total: int) -> _Array:
    """Shots in proportion to the spread, but at least one where there is any."""
    shares = np.zeros(spread.shape)
    few = np.zeros(spread.shape, dtype=np.bool_)
    varying = spread > 0
    while True:
        rest = varying & ~few
        if not rest.any():
            break
        scale = float(spread[rest].max())
        parts = spread[rest] / scale
        shares[rest] = (total - int(few.sum())) * parts / parts.sum()
        below = rest & (shares < 1)
        if not below.any():
            break
        few |= below
        shares[few] = 1.0
    return shares


def _rounded(shares: _Array, rng: np.random.Generator) -> _Counts:
    """Whole numbers with these means, each the one below or above, whose sum does not change."""
    whole = np.floor(shares)
    rest = np.cumsum(shares - whole)
    if len(rest):
        rest *= round(float(rest[-1])) / (float(rest[-1]) or 1.0)
    marks = np.floor(rest + rng.random())
    return (whole + np.diff(marks, prepend=0.0)).astype(np.int64)
