"""Rate at which the error falls with the number of shots."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import numpy_defaults, real_array

_FEWEST_POINTS = 3


@dataclass(frozen=True)
class Convergence:
    """Fitted power law ``error = prefactor * shots ** rate``; print it for a one-line summary.

    Example:
        >>> import classical
        >>> fit = classical.convergence([100, 400, 1600], [2.0, 1.0, 0.5])
        >>> round(fit.rate, 6), round(fit.prefactor, 6), fit.points
        (-0.5, 20.0, 3)
    """

    rate: float
    """Slope of log error against log shots; -1/2 for sampling."""
    rate_stderr: float
    """Standard error of the rate, estimated from the scatter around the fitted line."""
    prefactor: float
    """Error of the fitted line at one shot, in the unit of the errors."""
    points: int
    """Number of fitted points."""

    def __str__(self) -> str:
        """Format the fitted power law in one line."""
        law = f"error = {self.prefactor:.4g} * shots^({self.rate:.4f} +- {self.rate_stderr:.2g})"
        return f"{law} from {self.points} points (sampling: -0.5)"


@numpy_defaults
def convergence(shots: ArrayLike, errors: ArrayLike) -> Convergence:
    """Fit the rate at which errors fall with shots by least squares on logarithms.

    Args:
        shots: Numbers of shots, shape ``(n,)``, positive, n >= 3, not all equal.
        errors: Error (such as an RMSE) for each number of shots, shape ``(n,)``, positive, any
            unit.

    Returns:
        Rate, standard error of the rate (``n - 2`` degrees of freedom), and prefactor.

    Raises:
        TypeError: If an array is complex or does not hold numbers.
        ValueError: If there are too few points, shapes differ, a value is not positive or not
            finite, or all numbers of shots are equal.

    Example:
        >>> import classical
        >>> print(classical.convergence([100, 400, 1600], [2.1, 0.96, 0.51]))
        error = 21.49 * shots^(-0.5105 +- 0.031) from 3 points (sampling: -0.5)
    """
    x, y = _logarithms("shots", shots), _logarithms("errors", errors)
    if x.shape != y.shape:
        raise ValueError(f"errors: expected the shape of shots, {x.shape}, got {y.shape}")
    if np.ptp(x) == 0:
        raise ValueError("shots: expected at least 2 different numbers, got equal ones")
    from scipy.stats import linregress  # slow to import, so only when needed

    line = linregress(x, y)
    # line.stderr is not used: its 1 - r**2 cancels if the points lie almost on the line.
    residual = y - (line.intercept + line.slope * x)
    variance = np.sum(residual**2) / (x.size - 2) / np.sum((x - x.mean()) ** 2)
    return Convergence(
        float(line.slope), float(np.sqrt(variance)), math.exp(line.intercept), points=x.size
    )


def _logarithms(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = real_array(name, values)
    if array.ndim != 1 or array.size < _FEWEST_POINTS:
        least = f"at least {_FEWEST_POINTS} values along one axis"
        raise ValueError(f"{name}: expected {least}, got shape {array.shape}")
    if (array <= 0).any():
        raise ValueError(f"{name}: expected positive values, got {float(array.min())!r}")
    return np.log(array)
