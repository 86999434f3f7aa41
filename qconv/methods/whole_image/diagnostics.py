"""Diagnostics of magnitudes: counts whose square roots are the estimates."""

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
    """Counts per output pixel, for estimates that are square roots of counts.

    Results of `Interference` and `Fourier` with ``signed=False`` have these diagnostics.
    """

    counts: NDArray[np.int64]
    """Number of executions that ended in each output pixel, shape of ``image``."""
    unit: _Array
    """Magnitude that corresponds to one expected execution, same shape and unit as ``image``.
    For a magnitude ``y``, the expected number of executions is ``(y / unit)**2``."""

    def __add__(self, other: CountDiagnostics) -> CountDiagnostics:
        """Add the counts and combine the units."""
        both = np.hypot(self.unit, other.unit)
        share = np.divide(self.unit, both, np.zeros_like(both), where=both > 0)
        return CountDiagnostics(self.counts + other.counts, np.asarray(share * other.unit))

    def __getitem__(self, index: Index) -> CountDiagnostics:
        """Return the diagnostics of some of the pixels."""
        return CountDiagnostics(self.counts[index], self.unit[index])

    def estimate(self) -> tuple[_Array, _Array]:
        """Return estimates and standard errors from the square roots of the counts.

        A mean of square roots would retain their bias.
        """
        error = np.sqrt(root_error(self.counts.astype(np.float64)))
        return self.unit * np.sqrt(self.counts), self.unit * error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays ``counts`` and ``unit``."""
        return {"counts": self.counts, "unit": self.unit}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CountDiagnostics:
        """Create diagnostics from the arrays of a file."""
        return cls(arrays["counts"], arrays["unit"])

    @classmethod
    def assembled(
        cls,
        shape: tuple[int, ...],
        parts: Sequence[tuple[tuple[slice, ...], CountDiagnostics]],
    ) -> CountDiagnostics:
        """Copy blocks to their positions, which must not overlap; all other pixels are 0."""
        counts, unit = np.zeros(shape, dtype=np.int64), np.zeros(shape)
        for position, part in parts:
            counts[position], unit[position] = part.counts, part.unit
        return cls(counts, unit)
