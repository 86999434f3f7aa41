"""Estimates of one number, with their standard errors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import numpy_defaults
from qconv._files import written_together
from qconv.result.circuits import packed, unpacked
from qconv.result.numbers import deviations, root_of_squares, shares
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

    value: float | complex
    """Estimate, in the unit of the observable. Complex for linear observables of complex pictures
    or with complex weights."""
    stderr: float | complex
    """Standard error of ``value``; 0 for the exact expectation. If complex, its real part is the
    error of the real part, and its imaginary part is the error of the imaginary part."""
    observable: str
    """Observable as a string."""
    estimator: str
    """``"sampling"``, ``"amplitude"`` or ``"schedule"``, see `qconv.estimate`."""
    executions: int
    """Number of executions, over all circuits; 0 for the exact expectation."""
    oracle_calls: int
    """Total number of applications of the state preparation or its inverse."""
    information: float
    """Weight of this estimate in a sum: executions if sampled, squared oracle calls otherwise."""
    circuits: tuple[QuantumCircuit, ...] = field(default=(), repr=False)
    """Circuits without amplification, with measurements; empty if nothing was measured."""
    origin: Origin = field(default_factory=Origin, repr=False)
    """Estimated quantity, random streams and package versions."""
    reliable: bool = True
    """Whether the standard error can be relied on. False after amplitude estimation with noise, if
    damping and a different value explain the outcomes equally well."""

    @property
    def streams(self) -> frozenset[str]:
        """Names of the random streams of the executions."""
        return self.origin.streams

    @property
    def versions(self) -> frozenset[str]:
        """Versions of the packages that computed the estimate, each as in ``"numpy 2.4.6"``."""
        return self.origin.versions

    def with_versions(self, versions: frozenset[str]) -> Estimate:
        """Return the estimate with other versions of packages."""
        return replace(self, origin=replace(self.origin, versions=versions))

    def interval(self, level: float = 0.95) -> tuple[float | complex, float | complex]:
        """Return the confidence interval of the value, from the normal distribution.

        Args:
            level: Coverage, between 0 and 1: probability that the interval contains the value.

        Returns:
            Lower and upper end. A complex value has two intervals: the real parts of the ends are
            the interval of the real part, and the imaginary parts are the interval of the imaginary
            part.

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
        one, more = shares(self.information, other.information)
        errors = (np.asarray(part) for part in (one * self.stderr, more * other.stderr))
        return Estimate(
            (one * self.value + more * other.value).item(),
            root_of_squares(*errors).item(),
            self.observable,
            self.estimator,
            self.executions + other.executions,
            self.oracle_calls + other.oracle_calls,
            total,
            self.circuits,
            origin,
            self.reliable and other.reliable,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimate to one ``.npz`` file, circuits included (QPY), without pickle.

        Raises:
            PermissionError: If the file is write-protected.
            OSError: If the file cannot be written.
        """
        with written_together(Path(path)) as (partial,), open(partial, "wb") as file:
            np.savez(file, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Estimate:
        """Read an estimate that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a saved estimate.
        """
        with saved(path, "Estimate") as arrays:
            return cls.from_arrays(arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `save` writes, by name."""
        text = json.dumps({"format": _FORMAT, **as_text(self)})
        return {"fields": np.array(text), "circuits": packed(self.circuits)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Estimate:
        """Return the estimate whose `arrays` are given; any exception means wrong arrays."""
        return from_text(fields_of(arrays, _FORMAT), unpacked(arrays["circuits"]))

    @property
    def error_text(self) -> str:
        """Standard error as text."""
        return f"{self.stderr:.2g}" if self.oracle_calls else "0 (exact)"

    def common_rows(self) -> list[str]:
        """Return the rows of the table that estimates from the same executions have in common."""
        rows = [
            ("estimator", self.estimator),
            ("executions", f"{self.executions:,}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
        ]
        if not self.reliable:
            rows.append(("reliable", "no"))
        return [f"{name:<18}{text}" for name, text in rows]

    @numpy_defaults
    def __str__(self) -> str:
        low, high = self.interval()
        rows = [
            ("observable", self.observable),
            ("value", f"{self.value:.6g}"),
            ("standard error", self.error_text),
            ("95 % interval", f"{low:.6g} to {high:.6g}"),
        ]
        return "\n".join([*(f"{name:<18}{text}" for name, text in rows), *self.common_rows()])


#: Fields of an estimate that can be complex; a file holds their two parts.
_COMPLEX = ("value", "stderr")


def as_text(estimate: Estimate) -> dict[str, Any]:
    """Return the fields of an estimate without its circuits, as JSON can hold them."""
    fields = {name: value for name, value in vars(estimate).items() if name != "circuits"}
    own = estimate.origin
    fields["origin"] = [own.quantity, sorted(own.streams), sorted(own.versions)]
    for name in _COMPLEX:
        if isinstance(fields[name], complex):
            fields[name] = [fields[name].real, fields[name].imag]
    return fields


def from_text(fields: dict[str, Any], circuits: tuple[QuantumCircuit, ...]) -> Estimate:
    """Return the estimate whose fields `as_text` returned."""
    quantity, streams, made_by = fields.pop("origin")
    for name in _COMPLEX:
        if isinstance(fields[name], list):
            fields[name] = complex(*fields[name])
    origin = Origin(quantity, frozenset(streams), frozenset(made_by))
    return Estimate(**fields, circuits=circuits, origin=origin)


def fields_of(arrays: Mapping[str, NDArray[Any]], form: str) -> dict[str, Any]:
    """Return the fields in the arrays of a file.

    Raises:
        ValueError: If the file has a different format.
    """
    fields: dict[str, Any] = json.loads(str(arrays["fields"]))
    if fields.pop("format") != form:
        raise ValueError("the file has the format of a different version")
    return fields


@contextmanager
def saved(path: str | os.PathLike[str], kind: str) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open a file of estimates; yield its arrays.

    Args:
        path: Path of the file.
        kind: Name of the class that the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If reading the content of the file fails.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                yield arrays
        except Exception as error:  # NumPy, json and qpy raise many kinds of errors
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"path: {path} is not a saved {kind} ({reason})") from error
