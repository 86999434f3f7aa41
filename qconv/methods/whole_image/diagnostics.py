"""Diagnostics of magnitudes: the counts whose square roots give the estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.result.diagnostics import Diagnostics
from qconv.result.index import Index
from qconv.result.numbers import root_error

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CountDiagnostics(Diagnostics):
    """Counts of each output pixel, where its estimate is the square root of that count.

    Results of `Interference` and `Fourier` with ``signed=False`` have them.
    """

    counts: NDArray[np.int64]
    """Number of executions that ended in each output pixel, shape of ``image``."""
    unit: _Array
    """Magnitude of a pixel in which one execution is expected to end, same shape and unit as
    ``image``: ``(y / unit)**2`` executions are expected for a magnitude ``y``."""

    def __add__(self, other: CountDiagnostics) -> CountDiagnostics:
        """Add the counts; the unit is that of all executions together."""
        return CountDiagnostics(self.counts + other.counts, _joint_unit(self.unit, other.unit))

    def __getitem__(self, index: Index) -> CountDiagnostics:
        """Return the diagnostics of a part."""
        return CountDiagnostics(self.counts[index], self.unit[index])

    def estimate(self) -> tuple[_Array, _Array]:
        """Return the square roots: a mean of square roots would keep their bias."""
        error = np.sqrt(root_error(self.counts.astype(np.float64)))
        return self.unit * np.sqrt(self.counts), self.unit * error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return counts and unit."""
        return {"counts": self.counts, "unit": self.unit}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CountDiagnostics:
        """Make the diagnostics from the arrays of a file."""
        return cls(arrays["counts"], arrays["unit"])

    @classmethod
    def assembled(
        cls,
        shape: tuple[int, ...],
        parts: Sequence[tuple[tuple[slice, ...], CountDiagnostics]],
    ) -> CountDiagnostics:
        """Copy blocks to their positions, which do not overlap; all other pixels are 0."""
        counts, unit = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        for position, part in parts:
            counts[position], unit[position] = part.counts, part.unit
        return cls(counts, unit)


def _joint_unit(first: _Array, second: _Array) -> _Array:
    """Return the magnitude with one expected count when the executions of both are counted."""
    both = np.hypot(first, second)
    share = np.divide(first, both, np.zeros_like(both), where=both > 0)
    return np.asarray(share * second)
