"""Similarity of two images: peak signal-to-noise ratio and structural similarity."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

_WINDOW = 7
_K1, _K2 = 0.01, 0.03


def rms(values: NDArray[np.float64]) -> float:
    """Return the root mean square; the squares of large values do not overflow.

    Args:
        values: Array of any shape with at least one element.

    Returns:
        The root mean square, in the unit of the values; NaN if any value is NaN.
    """
    largest = float(np.abs(values).max())
    if not largest > 0 or math.isinf(largest):
        return largest
    return largest * math.sqrt(float(np.mean((values / largest) ** 2)))


def psnr(rmse: float, data_range: float) -> float:
    """Return the peak signal-to-noise ratio.

    Args:
        rmse: Root mean square error.
        data_range: Difference between the largest and the smallest value, same unit.

    Returns:
        ``20 log10(data_range / rmse)`` in decibels; infinite if the error is 0, NaN if the data
        range is 0.
    """
    if data_range == 0:
        return math.nan
    return math.inf if rmse == 0 else 20 * (math.log10(data_range) - math.log10(rmse))


def ssim(
    image: NDArray[np.float64],
    exact: NDArray[np.float64],
    data_range: float,
    channel_axis: int | None = None,
) -> float:
    """Return the structural similarity, averaged over all windows inside the image.

    Windows are uniform with 7 pixels along each axis. The constants are K1 = 0.01 and K2 = 0.03,
    and the covariance is the sample covariance. These are the defaults of
    ``skimage.metrics.structural_similarity``.

    Args:
        image: Array with any number of axes.
        exact: Reference image, same shape.
        data_range: Difference between the largest and the smallest value, same unit.
        channel_axis: Axis of channels, whose similarities are averaged; None for no channels.

    Returns:
        At most 1, where 1 means equal; NaN if an axis is shorter than the window or the data range
        is 0.

    Source:
        Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Process. 13, 600 (2004), eq. 13.
    """
    if channel_axis is not None:
        one, two = (np.moveaxis(array, channel_axis, 0) for array in (image, exact))
        return float(np.mean([ssim(a, b, data_range) for a, b in zip(one, two, strict=True)]))
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
