"""Readout errors: what they do to counts, and how counts are corrected for them.

A qubit that is 0 is read as 1 with a probability ``a``, one that is 1 as 0 with a probability
``b``. Over the law of one bit this is the matrix

    A = ((1 - a, b), (a, 1 - b)),

and, as each qubit is read by itself, the tensor product of such matrices over the law of all bits.
Applying the inverses to what was counted takes the errors away: the result is exact on average, and
may be negative. It is linear in the counts, so its variance follows from theirs; and how far ``a``
and ``b``, which were counted too, may be off adds

    sum over bits of  Var(a) (d/da)**2 + Var(b) (d/db)**2,

the same for all pixels at once.

Source: Bravyi, Sheldon, Kandala, McKay and Gambetta 2021, arXiv:2006.14044, section II (tensored
noise); Nation, Kang, Sundaresan and Gambetta 2021, arXiv:2108.12518 (calibration).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv._checks import real_number, whole_number

_Array = NDArray[np.float64]

#: Derivatives of a bit's matrix by its two errors.
_DERIVATIVES = np.array([[[-1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]])

#: Fewest and most executions of a calibration circuit, if nothing else is said.
_FEWEST, _MOST = 10_000, 1_000_000

#: Pairs of errors: of reading 0 as 1, and 1 as 0.
Errors = Sequence[Sequence[float]] | Mapping[int, Sequence[float]]


@dataclass(frozen=True, eq=False)
class ReadoutMitigation:
    """Correct counts for readout errors, which are calibrated on the backend or given.

    Args:
        shots: Executions of each of the two calibration circuits (all qubits 0, all qubits 1) that
            run before the first circuit which measures a qubit. They count in ``total_shots``. None
            for one in a hundred of that circuit's executions, at least 10,000 and at most a
            million: then the calibration's errors are small beside those of sampling.
        errors: Readout errors that are known, so that nothing is calibrated: pairs of the
            probabilities to read 0 as 1, and 1 as 0. A sequence has one pair for each measured bit,
            the lowest first; a mapping one for each of the backend's qubits, by its number. They
            are taken to be exact.

    Raises:
        TypeError: ``shots`` is no whole number, ``errors`` are no pairs of numbers.
        ValueError: ``shots`` is below 1; an error is below 0, or the two of a pair are 1 or more
            together, so that the readout tells nothing.

    Source:
        Bravyi et al. 2021, arXiv:2006.14044, section II.

    Example:
        >>> import qconv
        >>> known = qconv.ReadoutMitigation(errors=[(0.01, 0.03), (0.02, 0.05)])
        >>> where = {"method": qconv.Collapse(), "shots": 2000, "mode": "same", "seed": 7}
        >>> plan = qconv.plan([0, 10, 20], [1, 2, 1], mitigation=known, **where)
        >>> counts = [{"00": 1522, "01": 2982, "10": 1427, "11": 69}]  # of any device
        >>> plan.decode(counts).image.round(1)
        array([10.3, 38.1, 52. ])
    """

    shots: int | None = None
    errors: Errors | None = None

    def __post_init__(self) -> None:
        if self.shots is not None:
            whole_number(self.shots, "shots", 1)
        if self.errors is None:
            return
        if isinstance(self.errors, str) or not isinstance(self.errors, Sequence | Mapping):
            raise TypeError(f"errors: expected pairs of numbers, got {self.errors!r}")
        named = self.errors if isinstance(self.errors, Mapping) else dict(enumerate(self.errors))
        for number, pair in named.items():
            whole_number(number, "errors: qubit", 0)
            _check_pair(pair, int(number))

    @property
    def calibrates(self) -> bool:
        """Whether circuits run to find the errors."""
        return self.errors is None

    def shots_for(self, executions: int) -> int:
        """Executions of each calibration circuit before one that runs so often."""
        if self.shots is not None:
            return self.shots
        return min(max(executions // 100, _FEWEST), _MOST)

    def executions(self, executions: int) -> int:
        """Executions that calibrating takes before a circuit that runs so often."""
        return 2 * self.shots_for(executions) if self.calibrates and executions else 0

    @property
    def name(self) -> str:
        """A text that tells what is estimated with one correction from what is with another."""
        return f"readout {'' if self.calibrates else self.errors}"

    def given(self, qubits: Sequence[int] | None, bits: int) -> Readout:
        """What was given, for the bits of a circuit.

        Args:
            qubits: The backend's qubit that is measured into each bit; None if not known.
            bits: How many there are.

        Raises:
            ValueError: Something is missing.
        """
        if self.errors is None:
            raise ValueError(
                "mitigation: expected readout errors to correct counts that were gathered "
                "elsewhere, ReadoutMitigation(errors=...), got none"
            )
        if isinstance(self.errors, Mapping):
            if qubits is None:
                raise ValueError(
                    "mitigation: expected errors by bit, a sequence of pairs, for counts that were "
                    "gathered elsewhere, got errors by qubit"
                )
            missing = [qubit for qubit in qubits if qubit not in self.errors]
            if missing:
                raise ValueError(f"mitigation: expected errors of qubit {missing[0]}, got none")
            pairs = [self.errors[qubit] for qubit in qubits]
        elif len(self.errors) < bits:
            raise ValueError(
                f"mitigation: expected errors of {bits} measured bits, got {len(self.errors)}"
            )
        else:
            pairs = list(self.errors[:bits])
        errors = np.array(pairs, dtype=np.float64).reshape(bits, 2)
        return Readout(errors, np.zeros_like(errors))


def _check_pair(pair: object, number: int) -> None:
    """Raise unless these are two probabilities which leave something to be read."""
    if isinstance(pair, str) or not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2:
        raise TypeError(f"errors: expected a pair of numbers for {number}, got {pair!r}")
    first, second = (real_number(part, f"errors of {number}") for part in pair)
    if first < 0 or second < 0 or not first + second < 1:
        raise ValueError(
            f"errors: expected two probabilities of sum below 1 for {number}, got "
            f"({first:g}, {second:g})"
        )


def check_mitigation(mitigation: object) -> ReadoutMitigation | None:
    """A mitigation from what a user may write.

    Raises:
        TypeError: It is something else.
        ValueError: It is a text other than ``"readout"``.
    """
    if mitigation is None or isinstance(mitigation, ReadoutMitigation):
        return mitigation
    if isinstance(mitigation, str):
        if mitigation != "readout":
            raise ValueError(f"mitigation: expected 'readout' or None, got {mitigation!r}")
        return ReadoutMitigation()
    raise TypeError(
        "mitigation: expected 'readout', a qconv.ReadoutMitigation or None, got "
        f"{type(mitigation).__name__}"
    )


@dataclass(frozen=True, eq=False)
class Readout:
    """The readout errors of a circuit's bits, and how well they are known."""

    errors: _Array
    """Of every bit, the lowest first: to read 0 as 1, and 1 as 0; ``(bits, 2)``."""
    variances: _Array
    """Of these as estimates; 0 where they are exact."""
    executions: int = 0
    """Executions of the circuits that calibrated them."""

    @cached_property
    def inverses(self) -> _Array:
        """For every bit the matrix from what is read to what it was, ``(bits, 2, 2)``."""
        a, b = self.errors.T
        rows = np.array([[1 - b, -b], [-a, 1 - a]]) / (1 - a - b)
        return np.ascontiguousarray(np.moveaxis(rows, -1, 0))

    def corrected(self, probabilities: _Array) -> _Array:
        """A law, or counts, of all outcomes without the readout errors; may be negative."""
        return applied(self.inverses, probabilities)

    def gradients(self, corrected: _Array) -> Iterator[tuple[float, _Array]]:
        """How the corrected law changes with each error: the error's variance, and derivatives.

        Args:
            corrected: What `corrected` gave.
        """
        for bit in np.flatnonzero(self.variances.any(axis=1)):
            for variance, derivative in zip(self.variances[bit], _DERIVATIVES, strict=True):
                turned = -self.inverses[bit] @ derivative
                yield float(variance), _on_bit(turned, corrected, int(bit))

    def variance(self, weights: _Array, probabilities: _Array, executions: int) -> float:
        """Variance of the sum over all outcomes of weight times corrected frequency.

        Args:
            weights: One for each outcome.
            probabilities: Frequencies as they were read.
            executions: How many there were.
        """
        spread = self.sampling_variance(weights, probabilities, executions)
        corrected = self.corrected(probabilities)
        known = (v * float(weights @ change) ** 2 for v, change in self.gradients(corrected))
        return spread + sum(known)

    def sampling_variance(self, weights: _Array, probabilities: _Array, executions: int) -> float:
        """Return the part of `variance` that comes from counting, not from the calibration."""
        seen = applied(np.swapaxes(self.inverses, 1, 2), weights)
        return max(float(probabilities @ seen**2 - (probabilities @ seen) ** 2), 0.0) / executions


@dataclass(frozen=True, eq=False)
class Unfolding:
    """From frequencies of what was read to those of the outcomes that are wanted, sum 1.

    What gates put elsewhere is discarded: corrected frequencies are divided by their own sum over
    the wanted outcomes, the *mass*.
    """

    readout: Readout
    """The errors."""
    wanted: NDArray[np.int64]
    """The outcomes."""

    @cached_property
    def matrix(self) -> _Array:
        """The wanted rows of the inverse, ``(wanted, 2**bits)``."""
        size = 2 ** len(self.readout.errors)
        rows = np.zeros((len(self.wanted), size))
        rows[np.arange(len(self.wanted)), self.wanted] = 1.0
        return applied(np.swapaxes(self.readout.inverses, 1, 2), rows)

    def mass(self, probabilities: _Array) -> float:
        """Corrected probability of all wanted outcomes."""
        return float((self.matrix @ probabilities).sum())

    def of(self, probabilities: _Array) -> _Array:
        """Corrected probabilities of the wanted outcomes, sum 1; may be negative."""
        corrected = self.matrix @ probabilities
        return np.asarray(corrected / corrected.sum())

    def covariance(self, probabilities: _Array, shots: int, groups: float) -> tuple[_Array, _Array]:
        """Covariance of what some shots say of the wanted outcomes' probabilities.

        Args:
            probabilities: Probabilities of what is read.
            shots: How many.
            groups: How many times as many the mass was estimated from, 1 if from the same;
                infinity if it is known.

        Returns:
            Of sampling and of the calibration, each ``(wanted, wanted)``, to first order in the
            mass.
        """
        mass, p = self.mass(probabilities), self.of(probabilities)
        mean = self.matrix @ probabilities
        each = (self.matrix * probabilities) @ self.matrix.T - np.outer(mean, mean)
        of_mass = each.sum(axis=1)
        joint = np.outer(p, of_mass) + np.outer(of_mass, p) - np.outer(p, p) * of_mass.sum()
        sampling = (each - joint / groups) / (shots * mass**2)
        calibration = np.zeros_like(sampling)
        for variance, change in self.readout.gradients(self.readout.corrected(probabilities)):
            wanted = change[self.wanted]
            turned = (wanted - p * wanted.sum()) / mass
            calibration += variance * np.outer(turned, turned)
        return np.asarray(sampling), calibration


def applied(matrices: _Array, arrays: _Array) -> _Array:
    """The tensor product of a matrix for each bit, applied to the last axis of arrays."""
    for bit, matrix in enumerate(matrices):
        arrays = _on_bit(matrix, arrays, bit)
    return arrays


def _on_bit(matrix: _Array, arrays: _Array, bit: int) -> _Array:
    """A matrix applied to one bit of the last axis."""
    higher = arrays.shape[-1] >> (bit + 1)
    split = arrays.reshape(math.prod(arrays.shape[:-1]) * higher, 2, 1 << bit)
    return np.asarray(np.einsum("ij,hjl->hil", matrix, split).reshape(arrays.shape))
