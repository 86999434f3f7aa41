"""Histograms: which outcomes were seen and how often, whoever counted them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

#: Two independent runs give the same distinctive histogram less often than this.
_COINCIDENCE = 1e-12

#: Most bits of an outcome: it is a whole number of 64 bits with a sign.
_MOST_BITS = 63


@dataclass(frozen=True, eq=False)
class Histogram:
    """Outcomes of one circuit and their counts."""

    outcomes: NDArray[np.int64]
    """What was seen, little-endian (qubit 0 in the lowest bit), in order, all different."""
    counts: NDArray[np.int64]
    """How often, same shape."""

    @classmethod
    def empty(cls) -> Histogram:
        """Nothing seen yet."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, outcomes: NDArray[np.int64], counts: NDArray[np.int64]) -> Histogram:
        """Counts of outcomes in any order; those of the same outcome are added."""
        seen, place = np.unique(outcomes, return_inverse=True)
        total = np.zeros(len(seen), dtype=np.int64)
        np.add.at(total, place, counts)
        return cls(seen, total)

    @classmethod
    def of_bits(cls, bits: NDArray[np.uint8]) -> Histogram:
        """Counts of shots as a ``BitArray`` keeps them, ``(shots, bytes)``, highest byte first."""
        places = 256 ** np.arange(bits.shape[1], dtype=np.int64)[::-1]
        return cls(*np.unique(bits.astype(np.int64) @ places, return_counts=True))

    @classmethod
    def of_mapping(cls, counts: Mapping[Any, Any], bits: int, name: str = "counts") -> Histogram:
        """Counts in any notation that Qiskit reads.

        Args:
            counts: Whole numbers by outcomes: texts of bits with or without spaces ("01 1"),
                hexadecimal ("0x3") or binary ("0b011") texts, or whole numbers.
            bits: How many bits were measured.
            name: Of the argument, for messages.

        Raises:
            TypeError: A count is no whole number.
            ValueError: An outcome cannot be read or has another number of bits, or a count is
                negative.
        """
        if not isinstance(counts, Mapping):
            raise TypeError(f"{name}: expected counts by outcomes, got {type(counts).__name__}")
        outcomes = np.fromiter((_outcome(key, bits, name) for key in counts), np.int64, len(counts))
        numbers = np.fromiter((_count(n, name) for n in counts.values()), np.int64, len(counts))
        return cls.of(outcomes, numbers)

    @property
    def total(self) -> int:
        """Number of shots."""
        return int(self.counts.sum())

    def dense(self, start: int, stop: int) -> NDArray[np.float64]:
        """How often each outcome from ``start`` to ``stop - 1`` was seen."""
        first, last = np.searchsorted(self.outcomes, [start, stop])
        places = self.outcomes[first:last] - start
        weights = self.counts[first:last].astype(np.float64)
        return np.asarray(np.bincount(places, weights, stop - start), dtype=np.float64)

    def among(self, outcomes: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often each of some outcomes was seen."""
        if not len(self.outcomes):
            return np.zeros(len(outcomes), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.outcomes, outcomes), len(self.outcomes) - 1)
        return np.where(self.outcomes[place] == outcomes, self.counts[place], 0)

    def __add__(self, other: Histogram) -> Histogram:
        """The histogram of both."""
        return Histogram.of(
            np.concatenate([self.outcomes, other.outcomes]),
            np.concatenate([self.counts, other.counts]),
        )

    @property
    def name(self) -> str | None:
        """A name that an independent run would hardly ever share; None if it might well.

        The chance that a run has exactly these counts is largest if its law is their frequencies,
        and is then that of a multinomial's own mean.
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


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of several runs."""
    total = Histogram.empty()
    for histogram in histograms:
        total = total + histogram
    return total


def _outcome(key: Any, bits: int, name: str) -> int:
    """An outcome as a whole number."""
    try:
        outcome = _read(key, bits)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected outcomes of {bits} bits, such as '0101' or '0x5', got {key!r}"
        ) from None
    if bits > _MOST_BITS or not 0 <= outcome < 2**bits:
        raise ValueError(f"{name}: expected outcomes of {bits} bits, got {key!r}")
    return outcome


def _read(key: Any, bits: int) -> int:
    if isinstance(key, bool | np.bool_):
        raise TypeError
    if isinstance(key, int | np.integer):
        return int(key)
    if not isinstance(key, str):
        raise TypeError
    text = "".join(key.split()).lower()
    if text.startswith("0x"):
        return int(text[2:], 16)
    digits = text.removeprefix("0b")
    if set(digits) - {"0", "1"} or len(digits) != bits:
        raise ValueError
    return int(digits, 2)


def _count(number: Any, name: str) -> int:
    """How often, as a whole number."""
    if isinstance(number, bool | np.bool_) or not (
        isinstance(number, int | np.integer)
        or (isinstance(number, float | np.floating) and float(number).is_integer())
    ):
        raise TypeError(f"{name}: expected whole numbers of shots, got {number!r}")
    if number < 0:
        raise ValueError(f"{name}: expected numbers of shots >= 0, got {number!r}")
    return int(number)
