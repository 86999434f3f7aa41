"""Outcomes: what a program gave, whether its law is known or its shots were counted.

A method asks for sums over outcomes, or for the shots of every pixel, and never which it is:

* where the law is known, counts are drawn from it, tile by tile and block by block, which has the
  same law as running the circuit; or, if the exact expectation is wanted, the law itself is given;
* where shots were counted, their histogram is given, or dealt out at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
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
    PixelCounts,
    corrected_counts,
    drawn_counts,
    split_counts,
)
from qconv.execution.outcomes.readout import Readout, Unfolding
from qconv.execution.outcomes.split import Each
from qconv.execution.program import Program
from qconv.execution.seeds import JOBS, derived, random_state
from qconv.execution.simulate.draws import drawn, multinomial, quantised
from qconv.grid import Tile

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Numbers of the outcomes from a first to before a last one.
Numbers = Callable[[int, int], _Array]

#: Probability that an ideal circuit may put where it has none, by rounding (1e-6 with a simulator
#: of single precision); more is a mistake in the circuit.
LEAK = 1e-5

#: Least corrected probability of all outcomes that are wanted.
_LEAST_MASS = 0.01

#: Copies of the counts of all outcomes that correcting them needs.
_COPIES = 4


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What one program gave.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> coin = qconv.encode_amplitudes([3, 4])  # heads with probability 9/25, tails with 16/25
        >>> program = qconv.Program(lambda: coin, executions=1000, seed=np.random.SeedSequence(7))
        >>> outcomes = qconv.Outcomes(program, probabilities=np.array([0.36, 0.64]))
        >>> outcomes.frequencies(program.seed)
        array([0.371, 0.629])
        >>> outcomes.executions
        1000
    """

    program: Program
    """What ran."""
    probabilities: _Array | Callable[[], _Array] | None = None
    """Probability of every outcome, or what works them out if they are asked for; None where shots
    were counted."""
    histograms: tuple[Histogram, ...] = ()
    """Counted shots, one histogram for each portion; empty where the law is known."""
    executed: int | None = None
    """Executions that it took, discarded ones included; None for as many as the program says."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams."""
    ideal: bool = False
    """Whether the circuit's own law is that of what was counted: no noise."""
    readout: Readout | None = None
    """Readout errors, for which counts are to be corrected; None for as they are."""
    success: float = 1.0
    """Where the law is known: the part of the executions that is kept."""
    ran: QuantumCircuit | None = None
    """The circuit that ran, with its measurement, if it is at counted."""
    checkpoint: Checkpoint | None = None
    """Checkpoint of the call, with what was worked out before it was stopped; None for none."""
    progress: bool = False
    """Whether the call shows progress bars."""

    @property
    def exact(self) -> bool:
        """Whether the exact expectation is wanted, so that nothing is drawn."""
        return self.program.executions is None

    @property
    def executions(self) -> int:
        """Shots that count, by whose number sums are divided; 0 if exact."""
        if self.probabilities is None:
            return sum(histogram.total for histogram in self.histograms)
        return self.program.executions or 0

    @property
    def total_shots(self) -> int:
        """Executions of the circuit, discarded ones included; 0 if exact."""
        return self.executions if self.executed is None else self.executed

    @property
    def calibration_shots(self) -> int:
        """Executions of other circuits, that its readout was calibrated with."""
        return 0 if self.readout is None else self.readout.executions

    @property
    def oracle_calls(self) -> int:
        """Applications of the state preparation."""
        return self.total_shots * self.program.oracle_calls

    @property
    def circuit(self) -> QuantumCircuit:
        """The circuit with its measurement."""
        return self.program.circuit() if self.ran is None else self.ran

    def sums(self, sort: Callable[[Numbers], _Array], seed: np.random.SeedSequence) -> _Array:
        """Counts of groups of outcomes, or their probabilities if exact.

        Corrected for readout errors, if that was wanted: they may then be negative, and are no
        whole numbers.

        Args:
            sort: From the numbers of all outcomes, a slice at a time, to the sums of the groups.
                Must be linear, and may leave outcomes out.
            seed: Of the draws, where there are any.

        Returns:
            What ``sort`` makes of the counts: its own shape.
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
        """The checkpoint's sums over this program's outcomes."""
        return None if self.checkpoint is None else self.checkpoint.sums(self.program.seed)

    def fill_tiles(
        self, tiles: Sequence[Tile], work: Callable[[int], None], *filled: NDArray[Any]
    ) -> None:
        """Call ``work`` with the number of every tile, on all cores, with the call's progress bar.

        Args:
            tiles: Tiles of the output, ``plan.grid.tiles``.
            work: Fills one tile, in the same way whenever it is called. It is not called for tiles
                that the call's checkpoint holds: they are filled in.
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
        """Probability of every outcome."""
        probabilities = self.probabilities() if callable(self.probabilities) else self.probabilities
        if probabilities is None:
            raise ValueError("probabilities: expected an array, got counted shots")
        return probabilities

    def raw(self, seed: np.random.SeedSequence) -> _Array:
        """Counts of all outcomes as they were read, or their probabilities if exact.

        Args:
            seed: Of the draws, where there are any.

        Raises:
            ValueError: They would not fit in memory.
        """
        bits = self.program.measurement(self.circuit)
        require_memory(_COPIES * 8 * 2**bits, f"outcomes of {bits} bits are")
        if self.probabilities is None:
            return np.asarray(np.sum([part.dense(0, 2**bits) for part in self.histograms], axis=0))
        return (
            self.known_probabilities
            if self.exact
            else drawn(seed, self.known_probabilities, self.executions)
        )

    def frequencies(self, seed: np.random.SeedSequence) -> _Array:
        """Part of the executions that gave each outcome, ``2**measured``; exact or measured."""
        size = 2 ** self.program.measurement(self.circuit)
        sums = self.sums(lambda numbers: numbers(0, size), seed)
        return sums / (self.executions or 1)

    def average(
        self, weights: _Array | csr_array, seed: np.random.SeedSequence
    ) -> tuple[_Array, _Array]:
        """Average weights over the executions; corrected for readout errors, if requested.

        Args:
            weights: What each outcome counts for each estimate, shape ``(estimates, outcomes)``;
                NumPy array or SciPy sparse array.
            seed: Seed of the draws, if outcomes are drawn.

        Returns:
            Means and their standard errors, shape ``(estimates,)`` each. Standard errors are 0 if
            the probabilities are exact.
        """
        rows, number = csr_array(weights), self.executions
        found = self.frequencies(seed)
        mean = rows @ found
        if not number:
            return mean, np.zeros_like(mean)
        if self.readout is None:
            variance = rows.power(2) @ found - mean**2
            return mean, np.sqrt(np.maximum(variance, 0) / number)
        read = self.raw(seed) / number
        each = (rows[[row]].toarray().ravel() for row in range(len(mean)))
        variance = np.array([self.readout.variance(row, read, number) for row in each])
        return mean, np.sqrt(variance)

    def among(self, which: Sequence[int] | _Counts) -> Selection:
        """Some of the outcomes, all others being discarded.

        Args:
            which: Outcomes that the ideal circuit can give, all of them.

        Raises:
            RuntimeError: The law puts probability elsewhere, or noise left next to nothing.
        """
        outcomes = np.asarray(which, dtype=np.int64)
        if self.readout is not None:
            return self._unfolded(Unfolding(self.readout, outcomes))
        if self.probabilities is None:
            counts = tuple(histogram.among(outcomes) for histogram in self.histograms)
            return Selection(None, counts, ideal=self.ideal)
        p = self.known_probabilities[outcomes]
        if abs(p.sum() - 1) > LEAK:
            raise RuntimeError(f"the circuit leaks: its probabilities sum to {p.sum():.12g}")
        return Selection(np.asarray(p / p.sum()), (), ideal=True)

    def _unfolded(self, unfolding: Unfolding) -> Selection:
        """All outcomes, and how they are corrected to those that are wanted."""
        bits = self.program.measurement(self.circuit)
        require_memory(_COPIES * 8 * len(unfolding.wanted) << bits, f"outcomes of {bits} bits are")
        probabilities = None
        if self.probabilities is not None:
            probabilities = np.asarray(self.known_probabilities / self.known_probabilities.sum())
        counts = tuple(part.dense(0, 2**bits).astype(np.int64) for part in self.histograms)
        found = Selection(probabilities, counts, ideal=False, unfolding=unfolding)
        mass = unfolding.mass(found.frequencies)
        if mass < _LEAST_MASS:
            raise RuntimeError(
                f"only {100 * mass:.2g} % of the executions gave a position of the kernel, "
                "corrected for readout errors; the backend is too noisy for this circuit"
            )
        return found


@dataclass(frozen=True, eq=False)
class Selection:
    """Outcomes that are numbered anew, with their law or their counts."""

    p: _Array | None
    """Probabilities, sum 1; None where shots were counted."""
    counts: tuple[_Counts, ...]
    """Counts, one array for each portion."""
    ideal: bool
    """Whether the circuit's own law is that of the counts."""
    unfolding: Unfolding | None = None
    """How these are corrected for readout errors, to the outcomes that are wanted."""

    @property
    def frequencies(self) -> _Array:
        """The law of a shot as far as it is known: itself, or the frequencies of all shots."""
        if self.p is not None:
            return self._quantised
        return np.asarray(np.sum(self.counts, axis=0) / self.kept)

    @property
    def kept(self) -> int:
        """Shots that were counted."""
        return int(sum(counts.sum() for counts in self.counts))

    @property
    def _quantised(self) -> _Array:
        """The law without its last bits, sum 1."""
        return quantised(np.empty(0) if self.p is None else self.p, by_amplitude=False)

    def spread(self, own: _Array) -> tuple[_Array, float]:
        """The law to compute variances with, and a factor that makes them unbiased.

        Args:
            own: The circuit's own law, sum 1.

        Returns:
            What is known best: the law; or the frequencies of all shots, for whose variance
            ``N / (N - 1)`` makes up (NaN for a single shot).
        """
        if self.p is not None:
            return self._quantised, 1.0
        if self.ideal:
            return own, 1.0
        n = self.kept
        return self.frequencies, n / (n - 1) if n > 1 else math.nan

    def covariance(self, shots: int, *, pooled: bool) -> tuple[_Array, _Array] | None:
        """Covariance of corrected frequencies of some shots; None where nothing is corrected.

        That of sampling, which each set of shots has by itself, and that of the calibration, which
        all have in common.

        Args:
            shots: How many.
            pooled: Whether they are all that there are, shared by all pixels.
        """
        if self.unfolding is None:
            return None
        if self.p is not None:
            groups = 1.0 if pooled else math.inf
            return self.unfolding.covariance(self.frequencies, shots, groups)
        n = self.kept
        sampling, calibration = self.unfolding.covariance(self.frequencies, shots, n / shots)
        return sampling * (n / (n - 1) if n > 1 else math.nan), calibration

    def pooled(self, shots: int | None, seed: np.random.SeedSequence) -> _Array:
        """Frequencies of one set of shots that all share; the law for ``shots=None``."""
        if self.p is None:
            found = self.frequencies
        elif shots is None:
            found = self.p
        else:
            rng = random_state(derived(seed, JOBS))
            found = multinomial(rng, shots, self._quantised) / shots
        return found if self.unfolding is None else self.unfolding.of(found)

    def pixel_counts(
        self,
        tiles: Sequence[Tile],
        numbers: Sequence[int],
        shots: Each,
        seed: np.random.SeedSequence,
    ) -> PixelCounts:
        """Shots of every pixel's own.

        Args:
            tiles: Of the output; all of them, where shots were counted and are dealt out.
            numbers: Of the tiles, by which their streams go.
            shots: For each pixel: one number, or an array of the output's shape.
            seed: Of the draws or deals; every tile has a stream of its own.
        """
        if self.p is not None:
            pixel_counts = drawn_counts(self._quantised, tiles, numbers, shots, seed)
        else:
            pixel_counts = split_counts(self.counts, tiles, shots, seed)
        if self.unfolding is None:
            return pixel_counts
        return corrected_counts(pixel_counts, self.unfolding, self.unfolding.mass(self.frequencies))
