"""Several results combined into one: total cost, random streams and mean success probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qconv.result.convolution import Convolution


@dataclass
class Together:
    """Sums over results of different parts of a whole."""

    total_shots: int = 0
    """Total number of executions."""
    oracle_calls: int = 0
    """Total number of applications of the state preparation or its inverse."""
    independent: bool = True
    """Whether all errors of pixels are independent."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams."""
    _weight: int = 0
    _kept: float = 0.0
    _error: float = 0.0
    _expected: float | None = 0.0

    def add(self, result: Convolution) -> None:
        """Add the result of a part; success probabilities are weighted by executions."""
        weight = result.total_shots or 1  # exact parts have the same weight
        self.total_shots += result.total_shots
        self.oracle_calls += result.oracle_calls
        self.independent &= result.independent
        self.streams |= result.streams
        self._weight += weight
        self._kept += weight * result.success_probability
        self._error = float(np.hypot(self._error, weight * result.success_stderr))
        expected = result.expected_success
        known = self._expected is not None and expected is not None
        self._expected = self._expected + weight * expected if known else None  # type: ignore[operator]

    def fields(self) -> dict[str, Any]:
        """Return the arguments of `qconv.result.convolution.made` that follow from the parts."""
        weight = self._weight or 1
        return {
            "total_shots": self.total_shots,
            "oracle_calls": self.oracle_calls,
            "independent": self.independent,
            "streams": self.streams,
            "success_probability": self._kept / weight if self._weight else 1.0,
            "success_stderr": self._error / weight,
            "expected_success": (
                self._expected / weight if self._weight and self._expected is not None else None
            ),
        }
