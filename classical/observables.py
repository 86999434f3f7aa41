"""Single numbers of a filtered picture: energy, total, mean and overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import number_array
from classical.frequency import band_pass


def energy(picture: ArrayLike, region: Any = None) -> float:
    """Return the sum of the squared magnitudes of a picture in a region.

    Args:
        picture: Real or complex array.
        region: Index of the region, such as slices or a mask; None for the whole picture.

    Example:
        >>> import classical
        >>> classical.energy([1, -2, 3], slice(1, 3))
        13.0
    """
    chosen = _chosen(picture, region)
    return float(np.vdot(chosen, chosen).real)


def band_energy(picture: ArrayLike, low: float, high: float) -> float:
    """Return the energy of a picture at frequencies ``f`` with ``low < |f| <= high``.

    Args:
        picture: Real or complex array.
        low: Radius excluded from the band, in cycles per image.
        high: Radius included in the band, in cycles per image.

    Example:
        >>> import classical
        >>> classical.band_energy([1, 0, 0, 0], 0, 1)
        0.5
    """
    pixels = number_array("picture", picture)
    spectrum = np.fft.fftn(pixels) * band_pass(pixels.shape, low, high)
    return energy(spectrum) / pixels.size


def total(picture: ArrayLike, region: Any = None) -> float | complex:
    """Return the sum of a picture over a region.

    Args:
        picture: Real or complex array.
        region: Index of the region, such as slices or a mask; None for the whole picture.

    Example:
        >>> import classical
        >>> classical.total([1, -2, 3], slice(1, 3))
        1.0
    """
    found: float | complex = np.sum(_chosen(picture, region)).item()
    return found


def mean(picture: ArrayLike, region: Any = None) -> float | complex:
    """Return the mean of a picture over a region.

    Args:
        picture: Real or complex array.
        region: Index of the region, such as slices or a mask; None for the whole picture.

    Example:
        >>> import classical
        >>> classical.mean([1, -2, 3], slice(1, 3))
        0.5
    """
    found: float | complex = np.mean(_chosen(picture, region)).item()
    return found


def overlap(picture: ArrayLike, weights: ArrayLike) -> float | complex:
    """Return the inner product of a picture with weights of the same shape, which are conjugated.

    Args:
        picture: Real or complex array.
        weights: Real or complex array of the same shape.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> import classical
        >>> classical.overlap([1, -2, 3], [1, 1, 2])
        5.0
    """
    pixels, factors = number_array("picture", picture), number_array("weights", weights)
    if pixels.shape != factors.shape:
        raise ValueError(f"weights: expected the shape {pixels.shape}, got {factors.shape}")
    found: float | complex = np.vdot(factors, pixels).item()
    return found


def _chosen(picture: ArrayLike, region: Any) -> NDArray[Any]:
    """Return the pixels of a region; all pixels if the region is None."""
    pixels = number_array("picture", picture)
    return pixels if region is None else np.asarray(pixels[region])
