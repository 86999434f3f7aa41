"""Outcomes: probabilities or counted shots of one program, behind one interface.

A method requests sums over outcomes, or the shots of every pixel. The same method works with both
kinds of outcomes:

* From probabilities, counts are drawn tile by tile and block by block. The drawn counts have the
  same distribution as if the circuit ran. For an exact expectation, the probabilities themselves
  are returned.
* Counted shots are returned as a histogram, or split at random among pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from scipy.sparse import csr_array

from qconv._memory import require_memory
from qconv._threads import for_each
from qconv.execution.checkpoint.checkpoint import Checkpoint, Sums
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.pixel_counts import (
    Each,
    PixelCounts,
    corrected_counts,
    drawn_counts,
    split_counts,
)
from qconv.execution.outcomes.readout import Readout, Unfolding
from qconv.execution.program import Program
from qconv.execution.seeds import JOBS, derived, random_state
from qconv.execution.simulate.draws import drawn, multinomial, quantised
from qconv.grid import Tile

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Function that returns the numbers of outcomes in a range ``start, stop``.
Numbers = Callable[[int, int], _Array]

#: Maximum probability of impossible outcomes of an ideal circuit, due to rounding (1e-6 with a
#: simulator of single precision). A larger probability indicates an error in the circuit.
LEAK = 1e-5

#: Minimum corrected probability of all selected outcomes.
_LEAST_MASS = 0.01

#: Number of copies of the counts of all outcomes that their correction needs.
_COPIES = 4


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes of one program: probabilities or counted shots.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> coin = qconv.encode_amplitudes([3, 4])  # heads with probability 9/25, tails with 16/25
        >>> program = qconv.Program(coin.copy, executions=1000, seed=np.random.SeedSequence(7))
        >>> outcomes = qconv.Outcomes(program, probabilities=np.array([0.36, 0.64]))
        >>> outcomes.frequencies(program.seed)
        array([0.371, 0.629])
        >>> outcomes.executions
        1000
    """

    program: Program
    """Program that ran."""
    probabilities: _Array | Callable[[], _Array] | None = None
    """Probability of every outcome, or a function that computes it; None if shots were counted."""
    histograms: tuple[Histogram, ...] = ()
    """Counted shots, one histogram per size in `Program.portions`; empty if probabilities are
    known."""
    executed: int | None = None
    """Number of executions, including discarded executions; None for `Program.executions`."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams."""
    ideal: bool = False
    """Whether the circuit ran without noise."""
    readout: Readout | None = None
    """Readout errors to correct the counts for; None for no correction."""
    success: float = 1.0
    """Fraction of executions that is kept, if probabilities are known."""
    ran: QuantumCircuit | None = None
    """Circuit with its measurement, if it has been built; None to build it when needed."""
    checkpoint: Checkpoint | None = None
    """Checkpoint of the call, with results of an interrupted run; None for no checkpoint."""
    progress: bool = False
    """Whether the call shows progress bars."""

    @property
    def exact(self) -> bool:
        """Whether the exact expectation is requested, so that nothing is drawn."""
        return self.program.executions is None

    @property
    def executions(self) -> int:
        """Number of shots used, by which `sums` are divided to get fractions; 0 if exact."""
        if self.probabilities is None:
            return sum(histogram.total for histogram in self.histograms)
        return self.program.executions or 0

    @property
    def total_shots(self) -> int:
        """Number of executions, including discarded executions; 0 if exact."""
        return self.executions if self.executed is None else self.executed

    @property
    def calibration_shots(self) -> int:
        """Number of executions of the circuits that calibrated the readout."""
        return 0 if self.readout is None else self.readout.executions

    @property
    def oracle_calls(self) -> int:
        """Number of applications of the state preparation or its inverse."""
        return self.total_shots * self.program.oracle_calls

    @property
    def circuit(self) -> QuantumCircuit:
        """Circuit with its measurement."""
        return self.program.circuit() if self.ran is None else self.ran

    def sums(self, sort: Callable[[Numbers], _Array], seed: np.random.SeedSequence) -> _Array:
        """Return counts of groups of outcomes, or their probabilities if exact.

        If readout errors are corrected, counts may be negative and are not integers.

        Args:
            sort: Function that adds up the counts (or probabilities) of all outcomes within each
                group. It reads them slice by slice, must be linear, and may ignore outcomes.
            seed: Seed of the draws, if outcomes are drawn.

        Returns:
            Counts, in the shape that ``sort`` returns.
        """
        if self.readout is not None:
            corrected = self.readout.corrected(self.raw(seed))
            return sort(lambda start, stop: corrected[start:stop])
        if self.probabilities is None:
            total = [sort(histogram.dense) for histogram in self.histograms]
            return np.asarray(np.sum(total, axis=0)) if len(total) > 1 else total[0]

        def simulated() -> _Array:
            probabilities = self.known_probabilities
            p = sort(lambda start, stop: probabilities[start:stop])
            return p if self.exact else drawn(seed, p, self.executions)

        return simulated() if self._kept is None else self._kept.once(simulated)

    @cached_property
    def _kept(self) -> Sums | None:
        """Sums over this program's outcomes in the checkpoint; None without a checkpoint."""
        return None if self.checkpoint is None else self.checkpoint.sums(self.program.seed)

    def fill_tiles(
        self, tiles: Sequence[Tile], work: Callable[[int], None], *filled: NDArray[Any]
    ) -> None:
        """Call ``work`` with the index of every tile, on all cores, with the call's progress bar.

        Args:
            tiles: Tiles of the output, ``plan.grid.tiles``.
            work: Function that fills one tile, in the same way at every call. It is not called for
                tiles in the call's checkpoint, which are copied from there.
            filled: Arrays of the output's shape that ``work`` fills.
        """
        if self.checkpoint is None:
            for_each(work, len(tiles), progress=self.progress)
            return
        finished, done = self.checkpoint.remaining_tiles(self.program.seed, tiles, filled)

        def work_and_keep(number: int) -> None:
            work(number)
            done(number)

        for_each(work_and_keep, len(tiles), progress=self.progress, finished=finished)

    @cached_property
    def known_probabilities(self) -> _Array:
        """Probability of every outcome, shape ``(2**measured,)``."""
        given = self.probabilities
        if given is None:
            raise ValueError("probabilities: unknown, because shots were counted")
        return given() if callable(given) else given

    def raw(self, seed: np.random.SeedSequence) -> _Array:
        """Return counts of all outcomes before any correction, or their probabilities if exact.

        Args:
            seed: Seed of the draws, if outcomes are drawn.

        Raises:
            ValueError: If the counts do not fit in memory.
        """
        bits = self.program.measurement(self.circuit)
        require_memory(_COPIES * 8 * 2**bits, f"outcomes of {bits} bits are")
        if self.probabilities is None:
            return np.asarray(np.sum([part.dense(0, 2**bits) for part in self.histograms], axis=0))
        p = self.known_probabilities
        return p if self.exact else drawn(seed, p, self.executions)

    def frequencies(self, seed: np.random.SeedSequence) -> _Array:
        """Return the fraction of executions of each outcome, shape ``(2**measured,)``.

        Args:
            seed: Seed of the draws, if outcomes are drawn.
        """
        size = 2 ** self.program.measurement(self.circuit)
        sums = self.sums(lambda numbers: numbers(0, size), seed)
        return sums / (self.executions or 1)

    def average(
        self, weights: _Array | csr_array, seed: np.random.SeedSequence
    ) -> tuple[_Array, _Array]:
        """Average weights over the executions, with correction for readout errors if requested.

        Args:
            weights: Weight of each outcome in each estimate, shape ``(estimates, outcomes)``; NumPy
                array or SciPy sparse array.
            seed: Seed of the draws, if outcomes are drawn.

        Returns:
            Means and their standard errors, shape ``(estimates,)`` each. Standard errors are 0 if
            the probabilities are exact. Otherwise, variances include one pseudo-count, which is
            shared equally among all different weights of an estimate. Without it, the standard
            error would be 0 if all executions had the same weight.
        """
        rows, number = csr_array(weights), self.executions
        found = self.frequencies(seed)
        mean = rows @ found
        if not number:
            return mean, np.zeros_like(mean)
        if self.readout is None:
            moments = rows.power(2) @ found, mean
            return mean, np.sqrt(with_pseudo_count(*moments, *pseudo_moments(rows), number))
        read = self.raw(seed) / number
        each = (rows[[row]].toarray().ravel() for row in range(len(mean)))
        return mean, np.sqrt([self._corrected_variance(row, read) for row in each])

    def moments(self, weights: _Array, seed: np.random.SeedSequence) -> tuple[_Array, _Array]:
        """Return the means of `average`, and the covariance matrix of their errors.

        Args:
            weights: Weight of each outcome in each estimate, shape ``(estimates, outcomes)``.
            seed: Seed of the draws, if outcomes are drawn.
        """
        found, number = self.frequencies(seed), self.executions
        mean = np.asarray(weights @ found)
        if not number:
            return mean, np.zeros((len(mean), len(mean)))
        if self.readout is None:
            square = (weights * found) @ weights.T
            covariance = (square - np.outer(mean, mean)) / (number + 1)
            moments = np.diag(square), mean, *pseudo_moments(csr_array(weights))
            variance = with_pseudo_count(*moments, number)
        else:
            read = self.raw(seed) / number
            covariance = self.readout.covariance(weights, read, number + 1)
            variance = np.array([self._corrected_variance(row, read) for row in weights])
        np.fill_diagonal(covariance, variance)
        return mean, covariance

    def _corrected_variance(self, weights: _Array, read: _Array) -> float:
        """Return the variance of an average that is corrected for readout errors."""
        number = self.executions
        assert self.readout is not None
        _, place, times = np.unique(weights, return_inverse=True, return_counts=True)
        pseudo = 1 / (len(times) * times[place])
        expected = (number * read + pseudo) / (number + 1)
        return self.readout.variance(weights, expected, number)

    def among(self, which: Sequence[int] | _Counts) -> Selection:
        """Select some of the outcomes; all others are discarded.

        Args:
            which: All outcomes that the ideal circuit can have.

        Raises:
            RuntimeError: If other outcomes have a non-zero probability on an ideal simulator, or if
                noise left almost no probability for the selected outcomes.
        """
        wanted = np.asarray(which, dtype=np.int64)
        if self.readout is not None:
            return self._unfolded(Unfolding(self.readout, wanted))
        if self.probabilities is None:
            counts = tuple(histogram.among(wanted) for histogram in self.histograms)
            return Selection(None, counts, ideal=self.ideal)
        p = self.known_probabilities[wanted]
        if abs(p.sum() - 1) > LEAK:
            raise RuntimeError(
                f"probabilities: expected a sum of 1 over the selected outcomes, got {p.sum():.12g}"
            )
        return Selection(np.asarray(p / p.sum()), (), ideal=True)

    def _unfolded(self, unfolding: Unfolding) -> Selection:
        """Return all outcomes, with their correction to the selected outcomes."""
        bits = self.program.measurement(self.circuit)
        require_memory(_COPIES * 8 * len(unfolding.wanted) << bits, f"outcomes of {bits} bits are")
        p = None
        if self.probabilities is not None:
            p = np.asarray(self.known_probabilities / self.known_probabilities.sum())
        counts = tuple(part.dense(0, 2**bits).astype(np.int64) for part in self.histograms)
        found = Selection(p, counts, ideal=False, unfolding=unfolding)
        mass = unfolding.mass(found.frequencies)
        if mass < _LEAST_MASS:
            raise RuntimeError(
                f"after correction for readout errors, only {100 * mass:.2g} % of the executions "
                "gave a position of the kernel; the backend is too noisy for this circuit"
            )
        return found


def pseudo_moments(rows: csr_array) -> tuple[_Array, _Array]:
    """Return the mean square and the mean of each row's different values, zeros included."""
    moments = []
    for first, last in pairwise(rows.indptr):
        values = {*rows.data[first:last].tolist()} | (
            {0.0} if last - first < rows.shape[1] else set()
        )
        each = np.array([*values])
        moments.append((np.mean(each**2), np.mean(each)))
    square, mean = np.array(moments).T
    return square, mean


def with_pseudo_count(
    square: _Array, mean: _Array, square_of_one: _Array, one: _Array, number: int
) -> _Array:
    """Return the variances of averages over executions, given one pseudo-count.

    Args:
        square: Mean squares over the executions.
        mean: Means over the executions.
        square_of_one: Expected squares of the pseudo-count.
        one: Expectations of the pseudo-count.
        number: Number of executions without the pseudo-count.
    """
    squares = (number * square + square_of_one) / (number + 1)
    means = (number * mean + one) / (number + 1)
    return np.asarray(np.maximum(squares - means**2, 0) / number)


@dataclass(frozen=True, eq=False)
class Selection:
    """Selected outcomes, numbered from 0, with their probabilities or counts."""

    p: _Array | None
    """Probabilities, sum 1; None if shots were counted."""
    counts: tuple[_Counts, ...]
    """Counts, one array per histogram; empty if probabilities are known."""
    ideal: bool
    """Whether the circuit ran without noise."""
    unfolding: Unfolding | None = None
    """Correction for readout errors, to the selected outcomes; None for no correction."""

    @property
    def frequencies(self) -> _Array:
        """Probabilities of a shot, or the frequencies of all shots if shots were counted."""
        if self.p is not None:
            return quantised(self.p, by_amplitude=False)
        return np.asarray(np.sum(self.counts, axis=0) / self.kept)

    @property
    def kept(self) -> int:
        """Number of counted shots."""
        return int(sum(counts.sum() for counts in self.counts))

    def spread(self, own: _Array) -> tuple[_Array, float]:
        """Return probabilities for computing variances, and a factor that removes their bias.

        Args:
            own: Probabilities of the ideal circuit, sum 1.

        Returns:
            Probabilities of the selected outcomes; of all outcomes with correction. The known
            probabilities have the factor 1, and so has ``own`` for counted shots of an ideal
            circuit. Otherwise, the probabilities are the frequencies of all ``N`` shots and one
            pseudo-count that is distributed as ``own``. With the factor
            ``(N + 1)**2 / (N**2 + N + 1)``, variances are unbiased if ``own`` is correct, and
            almost unbiased if there are many shots.
        """
        if self.p is not None:
            return self.frequencies, 1.0
        if self.unfolding is not None:
            own = self.unfolding.read(own)
        elif self.ideal:
            return own, 1.0
        n = self.kept
        expected = (np.sum(self.counts, axis=0) + own) / (n + 1)
        return np.asarray(expected), (n + 1) ** 2 / (n * (n + 1) + 1)

    def covariance(self, own: _Array, shots: int, *, pooled: bool) -> tuple[_Array, _Array] | None:
        """Return the covariance of corrected frequencies; None without correction.

        Args:
            own: Probabilities of the ideal circuit, sum 1.
            shots: Number of shots of the frequencies.
            pooled: Whether all pixels share these shots.

        Returns:
            Covariance due to sampling, which is independent for each set of shots, and covariance
            due to the calibration, which all sets have in common.
        """
        if self.unfolding is None:
            return None
        groups = self.kept / shots
        if self.p is not None:
            groups = 1.0 if pooled else math.inf
        expected, factor = self.spread(own)
        sampling, calibration = self.unfolding.covariance(expected, shots, groups)
        return sampling * factor, calibration

    def pooled(self, shots: int | None, seed: np.random.SeedSequence) -> _Array:
        """Return frequencies of shots shared by all pixels, or probabilities for ``shots=None``."""
        if self.p is None:
            found = self.frequencies
        elif shots is None:
            found = self.p
        else:
            rng = random_state(derived(seed, JOBS))
            found = multinomial(rng, shots, self.frequencies) / shots
        return found if self.unfolding is None else self.unfolding.of(found)

    def pixel_counts(
        self,
        tiles: Sequence[Tile],
        numbers: Sequence[int],
        shots: Each,
        seed: np.random.SeedSequence,
    ) -> PixelCounts:
        """Return the shots of every pixel.

        Args:
            tiles: Tiles of the output; all of them if counted shots are split.
            numbers: Indices of the tiles, which key their random streams.
            shots: Shots per pixel: one number, or an array of the output's shape.
            seed: Root of the tiles' random streams.
        """
        if self.p is not None:
            pixel_counts = drawn_counts(self.frequencies, tiles, numbers, shots, seed)
        else:
            pixel_counts = split_counts(self.counts, tiles, shots, seed)
        if self.unfolding is None:
            return pixel_counts
        return corrected_counts(pixel_counts, self.unfolding, self.unfolding.mass(self.frequencies))
