"""How alike two images look: peak signal-to-noise ratio and structural similarity."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

_WINDOW = 7
_K1, _K2 = 0.01, 0.03


def rms(values: NDArray[np.float64]) -> float:
    """Root of the mean of the squares, safe for values whose squares overflow.

    Args:
        values: Array of any shape with at least one element.

    Returns:
        The root mean square, in the unit of the values; NaN if any is NaN.
    """
    largest = float(np.abs(values).max())
    if not largest > 0 or math.isinf(largest):
        return largest
    return largest * math.sqrt(float(np.mean((values / largest) ** 2)))


def psnr(rmse: float, data_range: float) -> float:
    """Peak signal-to-noise ratio.

    Args:
        rmse: Root mean square error.
        data_range: Distance from the darkest to the brightest value, same unit.

    Returns:
        ``20 log10(data_range / rmse)`` in decibels; infinite without error, NaN without a range.
    """
    if data_range == 0:
        return math.nan
    return math.inf if rmse == 0 else 20 * (math.log10(data_range) - math.log10(rmse))


def ssim(image: NDArray[np.float64], exact: NDArray[np.float64], data_range: float) -> float:
    """Structural similarity, averaged over all windows that lie inside of the image.

    Windows are uniform, 7 pixels along each axis, with sample covariance, K1 = 0.01, K2 = 0.03:
    the defaults of ``skimage.metrics.structural_similarity``.

    Args:
        image: Array with any number of axes.
        exact: What it should look like, same shape.
        data_range: Distance from the darkest to the brightest value, same unit.

    Returns:
        At most 1, where 1 means equal; NaN if an axis is shorter than the window, or without a
        range.

    Source:
        Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13, 600 (2004), eq. 13.
    """
    if min(image.shape, default=0) < _WINDOW or data_range == 0:
        return math.nan
    x, y = image / data_range, exact / data_range
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    sample = _WINDOW**x.ndim / (_WINDOW**x.ndim - 1)
    variances = sample * (_window_mean(x * x) + _window_mean(y * y) - mean_x**2 - mean_y**2)
    covariance = sample * (_window_mean(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + _K1**2) / (mean_x**2 + mean_y**2 + _K1**2)
    structure = (2 * covariance + _K2**2) / (variances + _K2**2)
    margin = _WINDOW // 2
    return float((luminance * structure)[(slice(margin, -margin),) * x.ndim].mean())


def _window_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = uniform_filter(values, size=_WINDOW)
    return mean
