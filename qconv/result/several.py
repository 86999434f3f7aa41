"""Estimates of several numbers from the same executions, with the covariance of their errors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, numpy_defaults
from qconv._files import written_together
from qconv.result.circuits import packed, unpacked
from qconv.result.numbers import shares
from qconv.result.single import Estimate, as_text, fields_of, from_text, saved

_FORMAT = "qconv estimates 1"


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of several numbers from the same executions; returned by `qconv.estimate`.

    The estimates can be indexed and iterated over. ``print(estimates)`` shows a table.

    Example:
        >>> import qconv
        >>> halves = [qconv.Total(slice(0, 2)), qconv.Total(slice(2, 4))]
        >>> where = {"method": qconv.Diffusion(), "shots": 10_000, "seed": 1}
        >>> left, right = found = qconv.estimate([1, 2, 3], [1, 1], halves, **where)
        >>> bool(found.covariance[0, 1] < 0)  # a particle ends in one half or in the other
        True
    """

    estimates: tuple[Estimate, ...]
    """One estimate per observable, in the order of the observables. The estimates
    share their executions, so ``executions`` is the same total for each of them."""
    covariance: Numbers
    """Covariance matrix of the errors, shape ``(n, n)``. For complex values, its real part is the
    covariance of the errors of the real parts, and its imaginary part is the covariance of the
    errors of the imaginary parts."""

    def __len__(self) -> int:
        return len(self.estimates)

    def __getitem__(self, place: int) -> Estimate:
        """Return the estimate of one observable."""
        return self.estimates[place]

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.estimates)

    @property
    def streams(self) -> frozenset[str]:
        """Names of the random streams of the executions."""
        return self[0].streams

    @property
    def versions(self) -> frozenset[str]:
        """Versions of the packages that computed the estimates, each as in ``"numpy 2.4.6"``."""
        return self[0].versions

    def with_versions(self, versions: frozenset[str]) -> Estimates:
        """Return the estimates with other versions of packages."""
        return replace(self, estimates=tuple(one.with_versions(versions) for one in self))

    def __add__(self, other: Estimates) -> Estimates:
        """Return the estimates from the executions of two estimates of the same numbers.

        Raises:
            TypeError: If ``other`` is not an `Estimates` object.
            ValueError: If the estimates are of different numbers, or share their executions.
        """
        if not isinstance(other, Estimates):
            return NotImplemented
        if len(self) != len(other):
            raise ValueError(f"expected {len(self)} estimates, got {len(other)}")
        both = tuple(one + more for one, more in zip(self, other, strict=True))
        one, more = shares(self[0].information, other[0].information)
        return Estimates(both, one**2 * self.covariance + more**2 * other.covariance)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimates to one ``.npz`` file, circuits included (QPY), without pickle.

        Raises:
            PermissionError: If the file is write-protected.
            OSError: If the file cannot be written.
        """
        with written_together(Path(path)) as (partial,), open(partial, "wb") as file:
            np.savez(file, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Estimates:
        """Read estimates that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file does not contain saved estimates.
        """
        with saved(path, "Estimates") as arrays:
            return cls.from_arrays(arrays)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `save` writes, by name."""
        text = json.dumps({"format": _FORMAT, "estimates": list(map(as_text, self))})
        return {
            "fields": np.array(text),
            "covariance": self.covariance,
            "circuits": packed(self[0].circuits),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Estimates:
        """Return the estimates whose `arrays` are given; any exception means wrong arrays."""
        circuits = unpacked(arrays["circuits"])
        texts = fields_of(arrays, _FORMAT)["estimates"]
        found = tuple(from_text(text, circuits) for text in texts)
        return cls(found, arrays["covariance"])

    @numpy_defaults
    def __str__(self) -> str:
        first = self[0]
        width = max(len(name) for name in ("observable", *(one.observable for one in self))) + 2
        rows = [f"{'observable':<{width}}{'value':<24}standard error"]
        rows += [f"{one.observable:<{width}}{one.value:<24.6g}{one.error_text}" for one in self]
        rows += ["", *first.common_rows()]
        return "\n".join(rows)
