"""Local standardisation: what is done to image and template before anything is encoded.

Amplitudes are a budget. A photograph spends nearly all of it on slow changes of brightness, and
nearly all of the rest on a few strong edges; both say little about where something is. So the local
mean is taken away, and the rest divided by the local standard deviation: every part of the image
gets the same share of the measurements. The standard deviation is softened by some of the noise, so
that a smooth part of a noisy image does not spend as much on noise as the others do on detail.

This is classical work: three box filters, and a median, each of which reads every pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

_Array = NDArray[np.float64]

#: What is added to the local variance: this part of that of the noise, and this one of the mean
#: square of everything less its local means, which keeps constant regions at 0.
_NOISE, _FLAT = 0.05, 1e-5

#: Of normally distributed numbers half are within this many standard deviations.
_QUARTILE = 0.6744897501960817

#: What is left, if it is below this part of the array's deviations, is rounding.
_ROUNDING = 1e-12


def window_of(template: _Array) -> list[int]:
    """Sides of the windows: odd, a quarter of the template's, at least 3; 1 where that is 1."""
    return [1 if h == 1 else max(3, 2 * (h // 8) + 1) for h in template.shape]


def without_units(array: _Array) -> _Array:
    """An array less its mean, of largest magnitude 1."""
    largest = np.abs(array).max()
    centred = array / largest - np.mean(array / largest)
    return np.asarray(centred / np.abs(centred).max())


def standardised(array: _Array, window: Sequence[int], name: str) -> _Array:
    """An array less its local means, over its local standard deviations, edges mirrored.

    Raises:
        ValueError: The array is constant along all axes of the window that are longer than 1.
    """
    centred = without_units(array)
    rest = centred - uniform_filter(centred, window, mode="reflect")
    largest = np.abs(rest).max()
    if largest <= _ROUNDING:
        raise ValueError(f"{name}: expected different values along the template's axes")
    rest, centred = rest / largest, centred / largest
    square = np.maximum(uniform_filter(rest**2, window, mode="reflect"), 0)
    square += _NOISE * noise_variance(centred, window) + _FLAT * np.mean(rest**2)
    return np.asarray(rest / np.sqrt(square))


def noise_variance(array: _Array, window: Sequence[int]) -> float:
    """Variance of white noise, from the median magnitude of second differences.

    They are taken along all axes on which the window is longer than 1 and the array long enough;
    without any there is no estimate, and the answer 0.
    """
    axes = [k for k, side in enumerate(window) if side > 1 and array.shape[k] >= 3]
    if not axes:
        return 0.0
    differences = array
    for axis in axes:
        differences = np.diff(differences, 2, axis=axis)
    deviation = float(np.median(np.abs(differences))) / _QUARTILE
    return deviation**2 / 6.0 ** len(axes)  # the sum of squares of 1, -2, 1
