"""Success: fraction of the executions that an estimate uses, measured and predicted."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Success:
    """Fraction of successful executions, with its standard error and its prediction."""

    probability: float = 1.0
    """Measured success probability."""
    stderr: float = 0.0
    """Standard error of ``probability``; 0 if it is exact."""
    expected: float | None = None
    """Success probability as predicted from image and kernel; None without a prediction."""

    def together(self, executions: int, other: Success, others: int) -> Success:
        """Return the mean of two fractions, each weighted by its number of executions.

        Args:
            executions: Number of executions of this fraction.
            other: Fraction of successful executions of another result.
            others: Number of executions of the other result.
        """
        total = executions + others
        kept = self.probability * executions + other.probability * others
        error = math.hypot(self.stderr * executions, other.stderr * others)
        expected = None
        if self.expected is not None and other.expected is not None:
            share = executions / (total or 1)
            expected = share * self.expected + (1 - share) * other.expected
        return Success(kept / total if total else 1.0, error / (total or 1), expected)
