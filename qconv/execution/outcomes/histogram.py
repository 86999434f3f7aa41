"""Histograms: observed outcomes and their counts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

#: Maximum probability that two independent runs give the same distinctive histogram.
_COINCIDENCE = 1e-12

#: Maximum number of bits of an outcome, which is a signed 64-bit integer.
_MOST_BITS = 63


@dataclass(frozen=True, eq=False)
class Histogram:
    """Outcomes of one circuit and their counts."""

    outcomes: NDArray[np.int64]
    """Observed outcomes, little-endian (qubit 0 in the lowest bit), sorted, all different."""
    counts: NDArray[np.int64]
    """Counts of the outcomes, same shape."""

    @classmethod
    def empty(cls) -> Histogram:
        """Return a histogram without shots."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, outcomes: NDArray[np.int64], counts: NDArray[np.int64]) -> Histogram:
        """Return the histogram of outcomes in any order; counts of equal outcomes are added."""
        seen, place = np.unique(outcomes, return_inverse=True)
        total = np.zeros(len(seen), dtype=np.int64)
        np.add.at(total, place, counts)
        return cls(seen, total)

    @classmethod
    def of_bits(cls, bits: NDArray[np.uint8]) -> Histogram:
        """Count shots in the format of ``BitArray``, ``(shots, bytes)``, highest byte first."""
        places = 256 ** np.arange(bits.shape[1], dtype=np.int64)[::-1]
        return cls(*np.unique(bits.astype(np.int64) @ places, return_counts=True))

    @classmethod
    def of_mapping(cls, counts: Mapping[Any, Any], bits: int, name: str = "counts") -> Histogram:
        """Read counts in any notation of Qiskit; messages begin with ``name``.

        Outcomes are strings of bits with or without spaces ("01 1"), hexadecimal ("0x3") or binary
        ("0b011") strings, or integers.

        Raises:
            TypeError: If a count is not an integer.
            ValueError: If an outcome does not have ``bits`` bits or cannot be read, or a count is
                negative.
        """
        if not isinstance(counts, Mapping):
            raise TypeError(
                f"{name}: expected a mapping from outcomes to counts, got {type(counts).__name__}"
            )
        outcomes = np.fromiter((_outcome(key, bits, name) for key in counts), np.int64, len(counts))
        numbers = np.fromiter((_count(n, name) for n in counts.values()), np.int64, len(counts))
        return cls.of(outcomes, numbers)

    @property
    def total(self) -> int:
        """Number of shots."""
        return int(self.counts.sum())

    def dense(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the counts of all outcomes from ``start`` to ``stop - 1``."""
        first, last = np.searchsorted(self.outcomes, [start, stop])
        places = self.outcomes[first:last] - start
        weights = self.counts[first:last].astype(np.float64)
        return np.asarray(np.bincount(places, weights, stop - start), dtype=np.float64)

    def among(self, outcomes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the counts of some outcomes."""
        if not len(self.outcomes):
            return np.zeros(len(outcomes), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.outcomes, outcomes), len(self.outcomes) - 1)
        return np.where(self.outcomes[place] == outcomes, self.counts[place], 0)

    def __add__(self, other: Histogram) -> Histogram:
        """Return the histogram of two runs together."""
        return Histogram.of(
            np.concatenate([self.outcomes, other.outcomes]),
            np.concatenate([self.counts, other.counts]),
        )

    @property
    def name(self) -> str | None:
        """Digest that identifies this run; None if an independent run might have the same counts.

        The probability that a run has exactly these counts is largest if the outcome probabilities
        equal their frequencies.
        """
        n, counts = self.total, self.counts[self.counts > 0]
        if n == 0:
            return None
        chance = gammaln(n + 1) + np.sum(counts * np.log(counts / n) - gammaln(counts + 1))
        if chance > np.log(_COINCIDENCE):
            return None
        digest = hashlib.blake2b(self.outcomes.tobytes(), digest_size=16)
        digest.update(self.counts.tobytes())
        return digest.hexdigest()


def _outcome(key: Any, bits: int, name: str) -> int:
    """Return an outcome as an integer."""
    outcome = -1
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        outcome = int(key)
    elif isinstance(key, str):
        text = "".join(key.split()).lower()
        if re.fullmatch("0x[0-9a-f]+", text):
            outcome = int(text, 16)
        elif re.fullmatch(f"(0b)?[01]{{{bits}}}", text):
            outcome = int(text.removeprefix("0b"), 2)
    if bits > _MOST_BITS or not 0 <= outcome < 2**bits:
        raise ValueError(
            f"{name}: expected outcomes of {bits} bits, such as '0101' or '0x5', got {key!r}"
        )
    return outcome


def _count(number: Any, name: str) -> int:
    """Return a count as an integer."""
    if isinstance(number, bool | np.bool_) or not (
        isinstance(number, int | np.integer)
        or (isinstance(number, float | np.floating) and float(number).is_integer())
    ):
        raise TypeError(f"{name}: expected integer numbers of shots, got {number!r}")
    if number < 0:
        raise ValueError(f"{name}: expected numbers of shots >= 0, got {number!r}")
    return int(number)
