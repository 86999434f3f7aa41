"""Shots of each pixel: fewest for a given error, or least error for a given number of shots.

Let one shot of a pixel have the standard deviation ``s``. After ``n`` shots, the standard error of
the pixel is ``s / sqrt(n)``. Let ``N`` be the number of shots of all pixels together. The mean
square error is least if shots are in proportion to the standard deviation, ``n = N s / sum(s)``
(Neyman 1934, "On the two different aspects of the representative method", section III). If no
pixel's error may exceed ``e``, the fewest shots are ``n = (s / e)**2``. If the root mean square
error over ``P`` pixels may not exceed ``e``, the fewest shots are those of Neyman's formula with
``N = sum(s)**2 / (P e**2)``.

Shots are integers. The numbers ``n`` above are not integers, and are rounded up or down at random.
The mean of each rounded number is ``n``, and the sum of all numbers is unchanged (systematic
sampling: Madow 1949). A pixel without variance needs no shot; every other pixel gets at least one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, real_number
from qconv.result.numbers import larger_part
from qconv.result.tolerance import Tolerance

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Shots per output pixel if neither shots nor a tolerance are given.
DEFAULT_SHOTS = 1024

#: Maximum number of executions that a tolerance may cost.
MOST_EXECUTIONS = 10**12

#: Maximum number of corrections of the executions until they give the requested error.
_ROUNDS = 20


def check_tolerance(tolerance: object) -> Tolerance | None:
    """Check a tolerance as users write it: a number, ``("rms", number)`` or None.

    Raises:
        TypeError: If it is anything else.
        ValueError: If the number is not above 0, or the string is not ``"rms"``.
    """
    if tolerance is None:
        return None
    mean = isinstance(tolerance, tuple | list)
    if isinstance(tolerance, tuple | list):
        if len(tolerance) != 2 or tolerance[0] != "rms":
            raise ValueError(f"tolerance: expected a number or ('rms', number), got {tolerance!r}")
        tolerance = tolerance[1]
    if isinstance(tolerance, bool | np.bool_):
        raise TypeError(f"tolerance: expected a number or ('rms', number), got {tolerance!r}")
    error = real_number(tolerance, "tolerance")
    if error <= 0:
        raise ValueError(f"tolerance: expected a number above 0, got {tolerance!r}")
    return Tolerance(error, mean)


def require_affordable(executions: float) -> None:
    """Raise a ``ValueError`` for more executions than a tolerance may cost."""
    if not executions <= MOST_EXECUTIONS:
        raise ValueError(
            f"tolerance: needs {executions:.3g} executions, more than the maximum of "
            f"{MOST_EXECUTIONS:,}; choose a larger tolerance"
        )


def optimal(spread: _Array, total: int, rng: np.random.Generator) -> _Counts:
    """Return the shots of every pixel that minimise the mean square error.

    Args:
        spread: Standard deviation of one shot of each pixel, any shape.
        total: Shots of all pixels together, at least one for each pixel with variance.
        rng: Generator for rounding.

    Returns:
        Integers with the sum ``total``, shape of ``spread``. If no pixel has variance, the first
        pixel gets all shots, so that something is measured.
    """
    shares = _proportions(spread.ravel(), total)
    if not shares.any():
        shares[0] = total
    return _rounded(shares, rng).reshape(spread.shape)


def for_tolerance(spread: _Array, tolerance: Tolerance, rng: np.random.Generator) -> _Counts:
    """Return the fewest shots of every pixel that reach a tolerance.

    Args:
        spread: Standard deviation of one shot of each pixel, any shape.
        tolerance: Requested error.
        rng: Generator for rounding.

    Raises:
        ValueError: If more executions were needed than a tolerance may cost.
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
        short = tolerance.needed(spread / np.sqrt(np.maximum(shots, 1)))
        if short <= 1:
            break
        total = shots.sum() * min(short, 2.0) + 1
    return shots


def joint_spread(spread: Numbers, tolerance: Tolerance | None) -> _Array:
    """Return one standard deviation per pixel, from the deviations of real and imaginary part.

    Args:
        spread: Standard deviation of one shot of each pixel; for complex results, its parts are the
            deviations of the real and the imaginary part.
        tolerance: Requested error, which holds for both parts; None to minimise the mean square.
    """
    if spread.dtype.kind != "c":
        return spread
    if tolerance is None or tolerance.mean:
        return np.asarray(np.abs(spread) / math.sqrt(2))
    return larger_part(spread)


def _proportions(spread: _Array, total: int) -> _Array:
    """Return shots in proportion to the standard deviation, at least 1 where it is above 0."""
    shares = np.zeros(spread.shape)
    few = np.zeros(spread.shape, dtype=np.bool_)
    while (rest := (spread > 0) & ~few).any():
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
    """Round every share up or down at random, keeping the means and the sum."""
    whole = np.floor(shares)
    rest = np.cumsum(shares - whole)
    if len(rest):
        rest *= round(float(rest[-1])) / (float(rest[-1]) or 1.0)
    marks = np.floor(rest + rng.random())
    return (whole + np.diff(marks, prepend=0.0)).astype(np.int64)
