"""Local standardisation: classical preprocessing of image and template before encoding.

The squared amplitudes of a state sum to 1, so the details of an image compete for shots. In a
photograph, slow changes of brightness take nearly all shots, and a few strong edges take most of
the rest. Neither these changes nor these edges help to locate a template. The local mean is
therefore subtracted, and the difference is divided by the local standard deviation. Every part of
the image then gets the same share of the measurements. A fraction of the noise variance is added to
the local variance. Otherwise noise in a smooth part of the image would get the same share as the
details of other parts.

This classical computation consists of two box filters and a median. Each of them reads every pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

_Array = NDArray[np.float64]

#: Fractions that are added to the local variance: of the noise variance, and of the mean square
#: after subtracting local means. The second term keeps constant regions at 0.
_NOISE, _FLAT = 0.05, 1e-5

#: Half of all normally distributed numbers are within this many standard deviations.
_QUARTILE = 0.6744897501960817

#: Threshold of rounding errors, as a fraction of the largest deviation from the mean.
_ROUNDING = 1e-12


def window_of(template: _Array) -> list[int]:
    """Return odd sides of windows: a quarter of the template's, at least 3; 1 for a side of 1."""
    return [1 if h == 1 else max(3, 2 * (h // 8) + 1) for h in template.shape]


def without_units(array: _Array) -> _Array:
    """Subtract the mean and scale the largest magnitude to 1."""
    largest = np.abs(array).max()
    centred = array / largest - np.mean(array / largest)
    return np.asarray(centred / np.abs(centred).max())


def standardised(array: _Array, window: Sequence[int], name: str) -> _Array:
    """Subtract local means and divide by local standard deviations, with mirrored edges.

    Raises:
        ValueError: If the array is constant along all axes on which the window is longer than 1.
    """
    centred = without_units(array)
    rest = centred - uniform_filter(centred, window, mode="reflect")
    largest = np.abs(rest).max()
    if largest <= _ROUNDING:
        raise ValueError(
            f"{name}: expected values that vary along the template's axes, got constants"
        )
    rest, centred = rest / largest, centred / largest
    square = np.maximum(uniform_filter(rest**2, window, mode="reflect"), 0)
    square += _NOISE * noise_variance(centred, window) + _FLAT * np.mean(rest**2)
    return np.asarray(rest / np.sqrt(square))


def noise_variance(array: _Array, window: Sequence[int]) -> float:
    """Estimate the variance of white noise from the median magnitude of second differences.

    Differences are taken along all axes on which the window is longer than 1 and the array has at
    least 3 entries. Without such an axis, the estimate is 0.
    """
    axes = [k for k, side in enumerate(window) if side > 1 and array.shape[k] >= 3]
    if not axes:
        return 0.0
    differences = array
    for axis in axes:
        differences = np.diff(differences, 2, axis=axis)
    deviation = float(np.median(np.abs(differences))) / _QUARTILE
    return deviation**2 / 6.0 ** len(axes)  # the sum of squares of 1, -2, 1
