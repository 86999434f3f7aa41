"""Outcome counts: how often a whole-image circuit's shots ended in each cell, by what they mean.

Such a circuit's position registers come first; the qubits measured after them make a *label*, and
what a shot counts for depends on the label alone: its *class*, or none if it is discarded
(post-selection). The number of shots is fixed beforehand and discarded ones are not made up for, so
that counts divided by all executions estimate probabilities without bias.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from qconv.execution.outcomes.outcomes import Numbers, Outcomes
from qconv.execution.outcomes.readout import applied
from qconv.methods.whole_image.register_layout import RegisterLayout
from qconv.result.numbers import root_error

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """What the qubits after the position registers mean."""

    qubits: int
    """How many there are."""
    classes: NDArray[np.intp]
    """Class of every label, ``2**qubits``; -1 to discard."""
    shifts: NDArray[np.intp] | None = None
    """By how much every label moves the position afterwards, ``(2**qubits, axes)``; None: none."""

    @property
    def count(self) -> int:
        """Number of classes."""
        return int(self.classes.max()) + 1


@dataclass(frozen=True, eq=False)
class OutcomeCounts:
    """What a circuit's shots gave, or what they are expected to give."""

    sums: _Array
    """How many shots were of each class and in each cell read, ``(classes, ...)``; if exact, their
    probabilities."""
    outcomes: Outcomes
    """What was counted."""
    layout: RegisterLayout
    """The position registers."""
    labels: Labels
    """What the shots mean."""
    seed: np.random.SeedSequence
    """Of the draws."""
    everywhere: tuple[float, float] | None = None
    """How many shots were of any class in any cell, read or not, and how many of none; if exact,
    their probabilities. None if that was not asked for."""

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        layout: RegisterLayout,
        labels: Labels,
        seed: np.random.SeedSequence,
        *,
        everywhere: bool = False,
    ) -> OutcomeCounts:
        """Sort what a program gave.

        Args:
            outcomes: Of a circuit with position registers first, the label's qubits next.
            layout: The position registers.
            labels: What the shots mean.
            seed: Of the draws, where the law is known.
            everywhere: Whether to count what is in cells that are not read, and of no class.
        """
        cells = 2**layout.num_qubits
        shape = (labels.count, *layout.read_shape)

        def sort(numbers: Numbers) -> _Array:
            sums = np.zeros(shape)
            axes = tuple(range(len(layout.shape)))
            for label in map(int, np.flatnonzero(labels.classes >= 0)):
                block = numbers(label * cells, (label + 1) * cells)
                if labels.shifts is not None:
                    block = np.roll(block.reshape(layout.shape), labels.shifts[label], axes).ravel()
                sums[labels.classes[label]] += layout.read(block)
            return sums

        def sort_all(numbers: Numbers) -> _Array:
            read = sort(numbers).ravel()
            totals = np.zeros(2)
            for label, found in enumerate(labels.classes):
                block = numbers(label * cells, (label + 1) * cells)
                totals[int(found < 0)] += block.sum()
            if layout.num_read == cells:  # so that nothing is added up twice and then taken off
                return np.concatenate([read, [0.0, totals[1]]])
            return np.concatenate([read, [totals[0] - read.sum(), totals[1]]])

        if not everywhere:
            return cls(outcomes.sums(sort, seed), outcomes, layout, labels, seed)
        found = outcomes.sums(sort_all, seed)
        total = (float(found[:-1].sum()), float(found[-1]))
        return cls(found[:-2].reshape(shape), outcomes, layout, labels, seed, total)

    @property
    def executions(self) -> int:
        """Shots altogether; 0 if the sums are exact probabilities."""
        return self.outcomes.executions

    @property
    def frequencies(self) -> _Array:
        """Part of all executions that were of each class and in each cell read."""
        return self.sums / self.executions if self.executions else self.sums

    @cached_property
    def corrected(self) -> CorrectedCounts | None:
        """What correcting for readout errors does; None if nothing is corrected."""
        return None if self.outcomes.readout is None else CorrectedCounts(self)

    def powers(self, weights: _Array) -> list[_Array]:
        """First, second and third moment of what a shot adds to each cell read."""
        if self.corrected is not None:
            return self.corrected.powers(weights)
        return [np.tensordot(weights**power, self.frequencies, axes=1) for power in (1, 2, 3)]

    @property
    def kept(self) -> float:
        """Part of the executions that counts at all."""
        kept = float(self.frequencies.sum())
        if self.corrected is not None:
            return kept
        return round(kept * self.executions) / self.executions if self.executions else kept

    @property
    def kept_stderr(self) -> float:
        """Its standard error; where all or nothing was kept, as if one shot had been different."""
        if self.executions and self.corrected is not None:
            return math.sqrt(self.corrected.variance_of_kept)
        return self._stderr_of(self.kept)

    @property
    def succeeded(self) -> tuple[float, float, float]:
        """Fractions of the executions of any class and of none in any cell; their standard error.

        The standard error is that of counting; what an uncertain calibration adds also changes the
        cells' sums, see `CorrectedCounts.changes`.
        """
        if self.everywhere is None:
            raise ValueError("everywhere: expected it to have been asked for")
        kept, lost = (number / (self.executions or 1) for number in self.everywhere)
        if self.executions and self.corrected is not None:
            return kept, lost, math.sqrt(self.corrected.sampling_variance_of_succeeded)
        return kept, lost, self._stderr_of(kept)

    def _stderr_of(self, kept: float) -> float:
        """Standard error of a fraction of the executions, uncorrected."""
        if not self.executions:
            return 0.0
        least = 1 / self.executions
        variance = max(kept * (1 - kept), least * (1 - least))
        return math.sqrt(variance / self.executions)


class CorrectedCounts:
    """Counts corrected for readout errors, with what their variance needs.

    A shot that is read as label ``l`` and position ``x`` adds ``u(l) B(y, x)`` to the estimate at
    position ``y``: ``B`` is the inverse of the position's readout, and ``u`` what the inverse of
    the label's makes of the weights. Powers of a tensor product are products of powers, so every
    moment takes as long as the correction.

    Args:
        counts: Of a circuit whose labels leave positions where they are.
    """

    def __init__(self, counts: OutcomeCounts) -> None:
        readout = counts.outcomes.readout
        if readout is None or counts.labels.shifts is not None:
            raise ValueError("mitigation: expected readout errors, and labels that move nothing")
        self._counts, self._readout = counts, readout
        self._probabilities = counts.outcomes.raw(counts.seed) / (counts.executions or 1)
        self._positions = counts.layout.num_qubits

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Cells in which any shot that is kept was read."""
        kept = self._counts.labels.classes >= 0
        came = self._counts.layout.read(kept @ self._probabilities.reshape(len(kept), -1) > 0)
        return came.astype(np.bool_)

    def powers(self, weights: _Array) -> list[_Array]:
        """First, second and third moment of what a shot adds to each cell read."""
        inverses = self._readout.inverses
        back = np.swapaxes(inverses[self._positions :], 1, 2)
        each = applied(back, self._of_labels(weights))
        by_label = self._probabilities.reshape(len(each), -1)
        moments = [
            applied(inverses[: self._positions] ** power, each**power @ by_label)
            for power in (1, 2, 3)
        ]
        return [np.asarray(self._counts.layout.read(moment)) for moment in moments]

    def variance_of_calibration(self, weights: _Array) -> _Array:
        """What readout errors that are known from counts add to the variance of each cell read."""
        total = np.zeros(self._counts.layout.read_shape)
        for variance, moved, _ in self.changes(weights):
            total += variance * np.square(moved)
        return total

    def changes(self, weights: _Array) -> Iterator[tuple[float, _Array, float]]:
        """Yield how the estimate changes with each readout error that is known from counts.

        Args:
            weights: One for each class.

        Yields:
            The readout error's variance; the derivatives of the mean weight in each cell read, and
            of the fraction of the executions of any class in any cell.
        """
        every = self._of_labels(weights)
        kept = self._counts.labels.classes >= 0
        for variance, change in self._readout.gradients(
            self._readout.corrected(self._probabilities)
        ):
            by_label = change.reshape(len(every), -1)
            moved = np.asarray(self._counts.layout.read(every @ by_label), dtype=np.float64)
            yield variance, moved, float(by_label[kept].sum())

    @property
    def variance_of_kept(self) -> float:
        """Variance of the fraction that is kept, in cells that are read."""
        cells = np.zeros(self._counts.layout.shape)
        cells[self._counts.layout.cells_read] = 1.0
        return self._readout.variance(
            self._kept(cells), self._probabilities, self._counts.executions
        )

    @property
    def sampling_variance_of_succeeded(self) -> float:
        """Variance, by counting alone, of the fraction of any class in any cell."""
        everywhere = self._kept(np.ones(self._counts.layout.shape))
        return self._readout.sampling_variance(
            everywhere, self._probabilities, self._counts.executions
        )

    def _kept(self, cells: _Array) -> _Array:
        """The weight of each outcome in a fraction that is kept, by the weight of its cell."""
        classes = self._counts.labels.classes
        return np.asarray(np.multiply.outer((classes >= 0).astype(float), cells).ravel())

    def _of_labels(self, weights: _Array) -> _Array:
        """The weight of each label, 0 for those that are discarded."""
        classes = self._counts.labels.classes
        return np.where(classes >= 0, weights[np.maximum(classes, 0)], 0.0)


# ----------------------------------------------------------------------------------- read-outs


def linear(
    counts: OutcomeCounts, weights: _Array, *, calibration: bool = True
) -> tuple[_Array, _Array]:
    """Mean over all executions of the weight of what came out, and its standard error.

    With ``n_c`` shots of class ``c`` in a cell, of ``N`` executions, the mean is
    ``sum w_c n_c / N`` and its variance is estimated from the counts alone:

        (V + 2 K**2 / V**2 - T**2 / N) / N**2,  V = sum w**2 n,  K = sum w**3 n,  T = sum w n.

    The middle term is there because ``V`` is large when the mean is: for counts of one class the
    estimate is ``n + 2`` in place of ``n``, which makes the mean of z**2 equal to 1 up to terms of
    order ``1 / n**2``. Where nothing was counted, two shots of the largest weight are assumed, so
    that no standard error is 0 for want of shots. Counts that are corrected for readout errors have
    the moments of what each shot adds in place of ``w**k n``, and the errors of the correction
    besides.

    Args:
        counts: Frequencies of each class and cell.
        weights: One for each class.
        calibration: Whether standard errors include what an uncertain calibration adds.

    Returns:
        Means and standard errors, each of the cells' shape; the latter 0 for exact frequencies.
    """
    mean, square, cube = counts.powers(weights)
    if not counts.executions:
        return mean, np.zeros_like(mean)
    seen = square > 0
    if counts.corrected is not None:  # which makes a little of what was read next to it
        seen &= counts.corrected.seen
    correction = np.full_like(mean, float(np.max(weights**2)))
    np.divide(cube, square, out=correction, where=seen)
    correction[seen] **= 2
    variance = square - mean**2 + 2 * correction / counts.executions
    variance = np.maximum(variance, 0) / counts.executions
    if counts.corrected is not None and calibration:
        variance = variance + counts.corrected.variance_of_calibration(weights)
    return mean, np.sqrt(variance)


def expected_root_error(mean: _Array) -> _Array:
    """What `root_error` is on average for counts of Poisson's law.

    Args:
        mean: Expected counts, any shape.
    """
    roots = np.linspace(0, 8, 161)
    counts = np.arange(200.0)
    means = np.square(roots)[:, np.newaxis]
    chances = np.exp(xlogy(counts, means) - means - gammaln(counts + 1))
    table = chances @ root_error(counts)
    far = 0.25 + 7 / (64 * np.maximum(mean, 1.0))
    near = np.interp(np.sqrt(mean), roots, table)
    return np.asarray(np.where(mean < 60, near, far))


def magnitude(counts: OutcomeCounts) -> tuple[_Array, _Array]:
    """Root of the frequency of the first class, and its standard error.

    The root of a count has the standard deviation 1/2, whatever its mean, from a mean of about 10
    on; below, `root_error` says what its root mean square error is. It is biased by about
    ``-1 / (8 sqrt(mean))``.

    Args:
        counts: Frequencies of one class.

    Returns:
        Roots and standard errors, each of the cells' shape; the latter 0 for exact frequencies.
    """
    roots = np.sqrt(counts.frequencies[0])
    if not counts.executions:
        return roots, np.zeros_like(roots)
    return roots, np.sqrt(root_error(counts.sums[0]) / counts.executions)
