"""Observables: single numbers of a filtered picture, with formulas that `qconv.estimate` measures.

A *linear* observable is the inner product of the filtered picture ``y`` with weights,
``sum_x w(x)* y(x)``. A *quadratic* observable is ``sum_x w(x) |y(x)|**2``. Methods read the weights
and whether the observable is quadratic, and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qconv._checks import Numbers, number_array, real_number
from qconv.observables.region import Region, inside, named

_Array = NDArray[np.float64]


class Observable(ABC):
    """Single number that describes a filtered picture.

    Example:
        >>> import qconv
        >>> isinstance(qconv.Energy(), qconv.Observable)
        True
    """

    quadratic: ClassVar[bool] = False
    """Whether the weights multiply the squared magnitudes instead of the values."""

    band: tuple[float, float] | None = None
    """Radii of frequency between which the picture is filtered before the observable is evaluated,
    in cycles per image. The lower radius is excluded; None for all frequencies."""

    def __str__(self) -> str:
        return type(self).__name__

    @abstractmethod
    def weights(self, shape: tuple[int, ...]) -> Numbers:
        """Return the weight of every output pixel, real if the observable is quadratic.

        Args:
            shape: Shape of the filtered picture.

        Raises:
            ValueError: If the observable does not suit the shape.
        """


@dataclass(frozen=True, eq=False)
class _OfRegion(Observable):
    """Observable of a region of the picture, with equal weights."""

    region: Region = None

    def __str__(self) -> str:
        return f"{type(self).__name__}{named(self.region)}"

    def weights(self, shape: tuple[int, ...]) -> _Array:
        """Return 1 for pixels inside the region and 0 for pixels outside."""
        return inside(self.region, shape)


@dataclass(frozen=True, eq=False)
class Total(_OfRegion):
    """Sum of the filtered picture over a region, ``sum_x y(x)``.

    Args:
        region: Slices of the filtered picture, or a mask of its shape; None for the whole picture.

    Example:
        >>> import qconv
        >>> qconv.estimate([1, 2, 3], [1, 1], qconv.Total(slice(1, 3)), shots=None).value
        8.0
    """


@dataclass(frozen=True, eq=False)
class Mean(_OfRegion):
    """Mean of the filtered picture over a region.

    Args:
        region: Slices of the filtered picture, or a mask of its shape; None for the whole picture.

    Example:
        >>> import qconv
        >>> qconv.estimate([1, 2, 3], [1, 1], qconv.Mean(slice(1, 3)), shots=None).value
        4.0
    """

    def weights(self, shape: tuple[int, ...]) -> _Array:
        """Return ``1 / n`` for the ``n`` pixels inside the region and 0 for pixels outside."""
        chosen = super().weights(shape)
        return np.asarray(chosen / chosen.sum())


@dataclass(frozen=True, eq=False)
class Overlap(Observable):
    """Inner product of the filtered picture with weights, ``sum_x w(x)* y(x)``.

    Complex weights are conjugated.

    Args:
        array: Real or complex weights, with the shape of the filtered picture.

    Example:
        >>> import qconv
        >>> qconv.estimate([1, 2, 3], [1], qconv.Overlap([1, 0, -1]), shots=None).value
        -2.0
    """

    array: ArrayLike

    def weights(self, shape: tuple[int, ...]) -> Numbers:
        """Return the weights, after a check of their shape."""
        given = number_array(self.array, "weights")
        if given.shape != shape:
            raise ValueError(
                f"weights: expected the shape of the result, {shape}, got {given.shape}"
            )
        return given


@dataclass(frozen=True, eq=False)
class Energy(_OfRegion):
    """Sum of the squared magnitudes of the filtered picture, ``sum_x |y(x)|**2``, in a region.

    Args:
        region: Slices of the filtered picture, or a mask of its shape; None for the whole picture.

    Example:
        >>> import qconv
        >>> where = {"method": qconv.Fourier(), "shots": None}
        >>> round(qconv.estimate([1, 2, 3], [1, -1], qconv.Energy(), **where).value, 6)
        12.0
    """

    quadratic: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class Band(Observable):
    """Energy between two frequency radii, ``sum_f |Y(f)|**2 / N`` where ``low < |f| <= high``.

    ``Y`` is the discrete Fourier transform of the filtered picture with ``N`` pixels. The
    energies of adjacent bands, from radius 0 to the highest frequency, add up to the energy of the
    picture after subtraction of its mean. Boundary ``wrap``, sides that are powers of two and
    `Fourier` are required.

    Args:
        low: Radius excluded from the band, at least 0, in cycles per image.
        high: Radius included in the band, above ``low``, in cycles per image.

    Example:
        >>> import qconv
        >>> where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier(), "shots": None}
        >>> round(qconv.estimate([1, 0, 0, 0], [1], qconv.Band(0, 1), **where).value, 6)
        0.5
    """

    low: float
    high: float
    quadratic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        low, high = real_number(self.low, "low"), real_number(self.high, "high")
        if not 0 <= low < high:
            raise ValueError(f"high: expected a number above low >= 0, got {low!r} and {high!r}")

    @property
    def band(self) -> tuple[float, float]:  # type: ignore[override]
        """Radii ``low`` and ``high``."""
        return self.low, self.high

    def __str__(self) -> str:
        return f"Band({self.low:g}, {self.high:g})"

    def weights(self, shape: tuple[int, ...]) -> _Array:
        """Return 1 for every pixel: the band is selected before weights are applied."""
        return np.ones(shape)
