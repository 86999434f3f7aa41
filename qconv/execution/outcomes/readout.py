"""Readout errors: their effect on counts, and the correction of counts for them.

A qubit in state 0 is read as 1 with probability ``a``, and a qubit in state 1 is read as 0 with
probability ``b``. These errors multiply the two probabilities of the bit by the matrix

    A = ((1 - a, b), (a, 1 - b)).

Each qubit is read independently, so the probabilities of all bits are multiplied by the tensor
product of such matrices. Multiplying the counts by the inverse matrices removes the errors. The
result is unbiased and may be negative. The result is linear in the counts, so its variance follows
from the variance of the counts. ``a`` and ``b`` are estimated from counts too. The uncertainty of
these estimates adds a term to the variance. Let ``d/da`` and ``d/db`` be the derivatives of the
result with respect to ``a`` and ``b``. The term is then

    sum over bits of  Var(a) (d/da)**2 + Var(b) (d/db)**2.

The term is common to all pixels.

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

from qconv._checks import real_number, shot_number, whole_number

_Array = NDArray[np.float64]

#: Derivatives of a bit's matrix with respect to its two errors.
_DERIVATIVES = np.array([[[-1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, -1.0]]])

#: Minimum and maximum number of executions of a calibration circuit by default.
_FEWEST, _MOST = 10_000, 1_000_000

#: Pairs of error probabilities: of reading 0 as 1, and of reading 1 as 0.
Errors = Sequence[Sequence[float]] | Mapping[int, Sequence[float]]


@dataclass(frozen=True, eq=False)
class ReadoutMitigation:
    """Correct counts for readout errors, which are calibrated on the backend or given.

    Args:
        shots: Number of executions of each of the two calibration circuits (all qubits 0, all
            qubits 1). If a circuit measures qubits that are not yet calibrated, the calibration
            circuits run before this circuit. Their executions are included in ``total_shots``. With
            None, the number is 1 % of the executions of the circuit to be corrected, but at least
            10,000 and at most a million. Calibration errors are then small compared with sampling
            errors.
        errors: Known readout errors, taken to be exact. Each is a pair: the probability of reading
            0 as 1, and the probability of reading 1 as 0. A sequence has a pair for each measured
            bit, the lowest first. A mapping has a pair for each of the backend's qubits, by its
            index. With None, the errors are calibrated.

    Raises:
        TypeError: If ``shots`` is not an integer, or ``errors`` are not pairs of numbers.
        ValueError: If ``shots`` is below 1, or an error is below 0. It is also raised if the two
            errors of a pair sum to 1 or more, because the readout then contains no information.

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
            object.__setattr__(self, "shots", shot_number(self.shots, "shots"))
        if self.errors is None:
            return
        if isinstance(self.errors, str) or not isinstance(self.errors, Sequence | Mapping):
            raise TypeError(f"errors: expected pairs of numbers, got {self.errors!r}")
        for number, pair in self.by_number.items():
            whole_number(number, "errors: qubit", 0)
            _check_pair(pair, int(number))

    @property
    def by_qubit(self) -> bool:
        """Whether errors are given per qubit of the backend, not per measured bit."""
        return isinstance(self.errors, Mapping)

    @property
    def by_number(self) -> dict[int, Sequence[float]]:
        """Given pairs of errors, by the number of the qubit or bit; empty if calibrated."""
        pairs = self.errors or ()
        return dict(pairs if isinstance(pairs, Mapping) else enumerate(pairs))

    @property
    def calibrates(self) -> bool:
        """Whether circuits run to estimate the errors."""
        return self.errors is None

    def shots_for(self, executions: int) -> int:
        """Return the number of shots per calibration circuit to correct ``executions``."""
        if self.shots is not None:
            return self.shots
        return min(max(executions // 100, _FEWEST), _MOST)

    def executions(self, executions: int) -> int:
        """Return the number of executions of both calibration circuits; 0 without calibration."""
        return 2 * self.shots_for(executions) if self.calibrates and executions else 0

    @property
    def name(self) -> str:
        """String that distinguishes estimates made with different corrections."""
        return f"readout {'' if self.calibrates else self.errors}"

    def given(self, qubits: Sequence[int] | None, bits: int) -> Readout:
        """Return the given errors of a circuit's bits.

        Args:
            qubits: Index of the qubit that is measured into each bit; None if unknown.
            bits: Number of bits.

        Raises:
            ValueError: If the errors of a bit were not given.
        """
        if self.errors is None:
            raise ValueError(
                "mitigation: expected known readout errors, because counts measured outside qconv "
                "cannot be calibrated; use ReadoutMitigation(errors=...)"
            )
        if isinstance(self.errors, Mapping):
            if qubits is None:
                raise ValueError(
                    "mitigation: expected readout errors by bit (a sequence of pairs) for counts "
                    "measured outside qconv, got errors by qubit"
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
    """Raise unless these are two probabilities with a sum below 1."""
    if isinstance(pair, str) or not isinstance(pair, Sequence | np.ndarray) or len(pair) != 2:
        raise TypeError(
            f"errors: expected a pair of numbers for bit or qubit {number}, got {pair!r}"
        )
    first, second = (real_number(part, f"errors of bit or qubit {number}") for part in pair)
    if first < 0 or second < 0 or not first + second < 1:
        raise ValueError(
            "errors: expected two probabilities with a sum below 1 for bit or qubit "
            f"{number}, got ({first:g}, {second:g})"
        )


def check_mitigation(mitigation: object) -> ReadoutMitigation | None:
    """Return the mitigation that an argument means; None for no mitigation.

    Raises:
        TypeError: If the argument is not a mitigation, a string or None.
        ValueError: If the argument is a string other than ``"readout"``.
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
    """Readout errors of a circuit's bits, with their variances."""

    errors: _Array
    """Probabilities of reading 0 as 1 and 1 as 0, shape ``(bits, 2)``, lowest bit first."""
    variances: _Array
    """Variances of ``errors`` as estimates, same shape; 0 for exact errors."""
    executions: int = 0
    """Number of executions of the circuits that calibrated the readout."""

    @cached_property
    def matrices(self) -> _Array:
        """Matrix ``A`` of every bit, shape ``(bits, 2, 2)``."""
        a, b = self.errors.T
        return np.ascontiguousarray(np.moveaxis(np.array([[1 - a, b], [a, 1 - b]]), -1, 0))

    @cached_property
    def inverses(self) -> _Array:
        """Inverse matrix ``A**-1`` of every bit, shape ``(bits, 2, 2)``."""
        a, b = self.errors.T
        rows = np.array([[1 - b, -b], [-a, 1 - a]]) / (1 - a - b)
        return np.ascontiguousarray(np.moveaxis(rows, -1, 0))

    def read(self, probabilities: _Array) -> _Array:
        """Apply the readout errors to the probabilities of all outcomes."""
        return applied(self.matrices, probabilities)

    def bits(self, start: int, stop: int | None) -> Readout:
        """Return the readout errors of some of the bits."""
        return Readout(self.errors[start:stop], self.variances[start:stop])

    def squares_of(self, weights: _Array) -> _Array:
        """Return the expected square of what a shot of each outcome adds to a corrected estimate.

        ``weights`` are the weights of the corrected counts. Readout errors turn the outcome of a
        shot into the outcome that is read. The correction gives each read outcome a new weight,
        and the shot adds this weight.
        """
        given = applied(np.swapaxes(self.inverses, 1, 2), weights)
        return applied(np.swapaxes(self.matrices, 1, 2), np.square(given))

    def squares_at(self, probabilities: _Array) -> _Array:
        """Return the expected square of what a shot adds to the corrected count of each outcome."""
        both = np.einsum("bij,bjk->bik", np.square(self.inverses), self.matrices)
        return applied(both, probabilities)

    def corrected(self, probabilities: _Array) -> _Array:
        """Correct probabilities or counts of all outcomes; the result may be negative."""
        return applied(self.inverses, probabilities)

    def gradients(self, corrected: _Array) -> Iterator[tuple[float, _Array]]:
        """Yield each uncertain error's variance, and the derivatives with respect to the error.

        Args:
            corrected: Corrected probabilities, whose derivatives are yielded.
        """
        for bit in np.flatnonzero(self.variances.any(axis=1)):
            for variance, derivative in zip(self.variances[bit], _DERIVATIVES, strict=True):
                turned = -self.inverses[bit] @ derivative
                yield float(variance), _on_bit(turned, corrected, int(bit))

    def variance(self, weights: _Array, probabilities: _Array, executions: int) -> float:
        """Return the variance of the sum of weights times corrected frequencies.

        ``probabilities`` are the frequencies of all outcomes before the correction.
        """
        return float(self.covariance(weights[np.newaxis], probabilities, executions)[0, 0])

    def covariance(self, weights: _Array, probabilities: _Array, executions: int) -> _Array:
        """Return the covariance matrix of several such sums, one for each row of weights."""
        seen = applied(np.swapaxes(self.inverses, 1, 2), weights)
        mean = seen @ probabilities
        total = ((seen * probabilities) @ seen.T - np.outer(mean, mean)) / executions
        total[np.diag_indices(len(total))] = np.maximum(np.diag(total), 0.0)
        for variance, change in self.gradients(self.corrected(probabilities)):
            moved = weights @ change
            total += variance * np.outer(moved, moved)
        return np.asarray(total)

    def sampling_variance(self, weights: _Array, probabilities: _Array, executions: int) -> float:
        """Return the part of `variance` due to sampling, and not due to the calibration."""
        seen = applied(np.swapaxes(self.inverses, 1, 2), weights)
        return max(float(probabilities @ seen**2 - (probabilities @ seen) ** 2), 0.0) / executions


@dataclass(frozen=True, eq=False)
class Unfolding:
    """Correction of frequencies of all outcomes to probabilities of selected ones, sum 1.

    Gate errors cause other outcomes, which are discarded: corrected frequencies are divided by
    their sum over the selected outcomes, the *mass*.
    """

    readout: Readout
    """Readout errors of the measured bits."""
    wanted: NDArray[np.int64]
    """Selected outcomes."""

    @cached_property
    def matrix(self) -> _Array:
        """Rows of the inverse for the selected outcomes, shape ``(wanted, 2**bits)``."""
        size = 2 ** len(self.readout.errors)
        rows = np.zeros((len(self.wanted), size))
        rows[np.arange(len(self.wanted)), self.wanted] = 1.0
        return applied(np.swapaxes(self.readout.inverses, 1, 2), rows)

    def read(self, own: _Array) -> _Array:
        """Return the probabilities of reading all outcomes, given those of the selected ones."""
        measured = np.zeros(2 ** len(self.readout.errors))
        measured[self.wanted] = own
        return self.readout.read(measured)

    def mass(self, probabilities: _Array) -> float:
        """Return the corrected probability of all selected outcomes."""
        return float((self.matrix @ probabilities).sum())

    def of(self, probabilities: _Array) -> _Array:
        """Return corrected probabilities of the selected outcomes, sum 1; they may be negative."""
        corrected = self.matrix @ probabilities
        return np.asarray(corrected / corrected.sum())

    def covariance(self, probabilities: _Array, shots: int, groups: float) -> tuple[_Array, _Array]:
        """Return the covariance of the selected outcomes' estimated probabilities.

        Args:
            probabilities: Probabilities of all outcomes before the correction.
            shots: Number of shots of the estimate.
            groups: Number of shots used to estimate the mass, divided by ``shots``; infinity if the
                mass is known.

        Returns:
            Covariances due to sampling and due to the calibration, shape ``(wanted, wanted)`` each,
            to first order in the mass.
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
    """Apply the tensor product of one matrix per bit to the last axis of arrays."""
    for bit, matrix in enumerate(matrices):
        arrays = _on_bit(matrix, arrays, bit)
    return arrays


def _on_bit(matrix: _Array, arrays: _Array, bit: int) -> _Array:
    """Apply a matrix to one bit of the last axis."""
    higher = arrays.shape[-1] >> (bit + 1)
    split = arrays.reshape(math.prod(arrays.shape[:-1]) * higher, 2, 1 << bit)
    return np.asarray(np.einsum("ij,hjl->hil", matrix, split).reshape(arrays.shape))
