"""Tolerances: requested standard errors, and how far a result exceeds them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, parts_of_numbers
from qconv.result.numbers import larger_part, root_mean_square

#: Relative excess that is a rounding error.
_ROUNDING = 1e-9

#: Maximum fraction of pixels above a tolerance, and maximum ratio of their standard errors to it.
_FEW, _SLIGHT = 0.005, 1.2

#: Maximum ratio of a root mean square to its tolerance.
_SLIGHT_MEAN = 1.02

#: A tolerance as users write it: an error, or ``("rms", error)``.
Written: TypeAlias = float | tuple[str, float]


@dataclass(frozen=True)
class Tolerance:
    """A requested error."""

    error: float
    """Requested error, in the unit of the result."""
    mean: bool
    """Whether ``error`` limits the root mean square over all pixels, instead of every pixel."""

    @property
    def written(self) -> Written:
        """The tolerance as users write it."""
        return ("rms", self.error) if self.mean else self.error

    def needed(self, stderr: Numbers) -> float:
        """Return the ratio of the needed executions to the executions with these errors.

        For complex errors, the limit holds for real and imaginary parts.
        """
        stderr = parts_of_numbers(stderr)
        found = root_mean_square(stderr) if self.mean else float(stderr.max())
        with np.errstate(over="ignore"):
            return float(np.square(np.float64(found) / self.error))

    def exceeded(self, stderr: Numbers) -> NDArray[np.bool_]:
        """Return whether each pixel's standard error exceeds the requested error."""
        return np.asarray(larger_part(stderr) > self.error * (1 + _ROUNDING))

    def reached(self, stderr: Numbers) -> bool:
        """Whether errors are as requested, apart from a slight excess of a few pixels.

        The standard errors of a run fluctuate about their prediction. At most 0.5 % of the pixels
        may exceed the tolerance, by a factor of at most 1.2; a root mean square by at most 2 %.
        """
        factor = math.sqrt(self.needed(stderr))
        if self.mean:
            return factor <= _SLIGHT_MEAN
        return factor <= _SLIGHT and float(self.exceeded(stderr).mean()) <= _FEW


@dataclass(frozen=True)
class Shortfall:
    """Number of pixels whose standard error exceeds the tolerance, and by which factor.

    Example:
        >>> import qconv
        >>> result = qconv.convolve([0, 10, 20], [1, 2, 1], tolerance=0.5, seed=7)
        >>> print(result.shortfall)
        None
        >>> print(qconv.result.tolerance.Shortfall.of(result.stderr, 0.4))
        exceeded in 60 % of the pixels, by a factor of up to 1.25
    """

    pixels: int | None
    """Number of pixels whose standard error exceeds the tolerance; None for ``("rms", error)``."""
    fraction: float | None
    """The same number as a fraction of all pixels; None for ``("rms", error)``."""
    factor: float
    """Largest standard error, divided by the tolerance. For ``("rms", error)``, the root mean
    square of the standard errors, divided by the tolerance."""

    @classmethod
    def of(cls, stderr: Numbers, written: Written | None) -> Shortfall | None:
        """Return the shortfall of a result; None without a tolerance, or if it is reached."""
        if written is None or not stderr.size:
            return None
        tolerance = tolerance_of(written)
        factor = math.sqrt(tolerance.needed(stderr))
        if not factor > 1 + _ROUNDING:
            return None
        if tolerance.mean:
            return cls(None, None, factor)
        over = tolerance.exceeded(stderr)
        return cls(int(over.sum()), float(over.mean()), factor)

    def __str__(self) -> str:
        factor = f"{self.factor:.3g}" if self.factor > 1.01 else f"{self.factor:.10f}".rstrip("0")
        if self.fraction is None:
            return f"exceeded by a factor of {factor}"
        percent = f"{100 * self.fraction:.2g}"
        return f"exceeded in {percent} % of the pixels, by a factor of up to {factor}"


def tolerance_of(written: Written) -> Tolerance:
    """Convert a tolerance from the form that users write."""
    if isinstance(written, tuple):
        return Tolerance(written[1], True)
    return Tolerance(written, False)


def in_a_row(stderr: Numbers, written: Written) -> str:
    """Describe a tolerance and the errors that were reached, for the printed table."""
    tolerance, short = tolerance_of(written), Shortfall.of(stderr, written)
    kind = " (rms)" if tolerance.mean else ""
    found = tolerance.error * math.sqrt(tolerance.needed(stderr)) if stderr.size else 0.0
    which = "rms" if tolerance.mean else "largest"
    reached = f"reached ({which} standard error {found:.4g})" if short is None else str(short)
    return f"{tolerance.error:.6g}{kind}, {reached}"


def shortfall_message(stderr: Numbers, written: Written | None) -> str | None:
    """Return a warning for a tolerance that was not reached; None if it was reached."""
    if written is None or not stderr.size or tolerance_of(written).reached(stderr):
        return None
    short = Shortfall.of(stderr, written)
    if short is None:  # NaN, because a single execution gives no standard error
        return None
    return (
        f"tolerance: {tolerance_of(written).error:g} is {short}; result.shortfall has these "
        "numbers; add shots, or choose a larger tolerance"
    )
