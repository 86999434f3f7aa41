"""Estimates of one number, with their standard errors."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qiskit import QuantumCircuit

from qconv._checks import numpy_defaults
from qconv._files import written_together
from qconv.result.circuits import packed, unpacked
from qconv.result.numbers import deviations
from qconv.result.origin import Origin

_FORMAT = "qconv estimate 1"


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimate of one number of a filtered picture; returned by `qconv.estimate`.

    ``print(estimate)`` shows a table.

    Example:
        >>> import qconv
        >>> where = {"method": qconv.Diffusion(), "shots": 10_000}
        >>> one = qconv.estimate([1, 2, 3], [1, 1], qconv.Total(), seed=1, **where)
        >>> both = one + qconv.estimate([1, 2, 3], [1, 1], qconv.Total(), seed=2, **where)
        >>> both.oracle_calls
        20000
    """

    value: float
    """Estimate, in the unit of the observable."""
    stderr: float
    """Standard error of ``value``; 0 for the exact expectation."""
    observable: str
    """The observable, as text."""
    estimator: str
    """``"sampling"``, ``"amplitude"`` or ``"schedule"``, see `qconv.estimate`."""
    executions: int
    """Number of executions, over all circuits; 0 for the exact expectation."""
    oracle_calls: int
    """Number of applications of the state preparation, over all executions."""
    information: float
    """Weight of this estimate in a sum: executions if sampled, squared oracle calls otherwise."""
    circuits: tuple[QuantumCircuit, ...] = field(default=(), repr=False)
    """Circuit without amplification, with its measurement; empty if nothing was measured."""
    origin: Origin = field(default_factory=Origin, repr=False)
    """Estimated quantity, random streams and package versions."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the value, from the normal distribution.

        Args:
            level: Coverage, between 0 and 1: probability that the interval contains the value.

        Returns:
            Lower and upper end.

        Raises:
            TypeError: If ``level`` is not a number.
            ValueError: If ``level`` is not between 0 and 1.
        """
        reach = deviations(level) * self.stderr
        return self.value - reach, self.value + reach

    def __add__(self, other: Estimate) -> Estimate:
        """Return the estimate from the executions of two estimates of the same number.

        Raises:
            TypeError: If ``other`` is not an estimate.
            ValueError: If the estimates are of different numbers, by different estimators, or share
                their executions.
        """
        if not isinstance(other, Estimate):
            return NotImplemented
        if self.estimator != other.estimator:
            raise ValueError(
                f"estimator: expected {self.estimator!r} for both estimates, got "
                f"{other.estimator!r}"
            )
        origin = self.origin + other.origin
        total = self.information + other.information
        share = self.information / total if total else 0.5
        return Estimate(
            share * self.value + (1 - share) * other.value,
            float(np.hypot(share * self.stderr, (1 - share) * other.stderr)),
            self.observable,
            self.estimator,
            self.executions + other.executions,
            self.oracle_calls + other.oracle_calls,
            total,
            self.circuits,
            origin,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimate to one ``.npz`` file, circuits included (QPY), without pickle.

        Raises:
            PermissionError: If the file is write-protected.
            OSError: If the file cannot be written.
        """
        fields = {name: value for name, value in vars(self).items() if name != "circuits"}
        own = self.origin
        origin = {
            "quantity": own.quantity,
            "streams": sorted(own.streams),
            "versions": sorted(own.versions),
        }
        text = json.dumps({"format": _FORMAT, **fields, "origin": origin})
        with written_together(Path(path)) as (partial,), open(partial, "wb") as file:
            np.savez(file, fields=np.array(text), circuits=packed(self.circuits))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Estimate:
        """Read an estimate that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a saved estimate.
        """
        with open(path, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as arrays:
                    fields, circuits = json.loads(str(arrays["fields"])), arrays["circuits"]
                if fields.pop("format") != _FORMAT:
                    raise ValueError("the file has the format of a different version")
                own = fields.pop("origin")
                origin = Origin(
                    own["quantity"], frozenset(own["streams"]), frozenset(own["versions"])
                )
                return cls(**fields, circuits=unpacked(circuits), origin=origin)
            except Exception as error:  # NumPy, json and qpy raise many kinds of errors
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ValueError(f"path: {path} is not a saved Estimate ({reason})") from error

    @numpy_defaults
    def __str__(self) -> str:
        low, high = self.interval()
        rows = [
            ("observable", self.observable),
            ("value", f"{self.value:.6g}"),
            ("standard error", f"{self.stderr:.2g}" if self.oracle_calls else "0 (exact)"),
            ("95 % interval", f"{low:.6g} to {high:.6g}"),
            ("estimator", self.estimator),
            ("executions", f"{self.executions:,}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
        ]
        return "\n".join(f"{name:<18}{text}" for name, text in rows)
