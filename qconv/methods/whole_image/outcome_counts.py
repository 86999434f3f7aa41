"""Outcome counts: numbers of shots of a whole-image circuit at each position, and their meaning.

In the measured bits of such a circuit, the position registers come first. The other qubits form a
*label*. The label alone determines whether a shot is discarded (post-selection). The label of a
shot that is kept determines its *class*. The number of shots is fixed in advance, and discarded
shots are not replaced. Counts divided by the number of all executions are therefore unbiased
estimates of probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv.execution.outcomes.outcomes import Numbers, Outcomes
from qconv.execution.outcomes.readout import applied
from qconv.methods.mixture import CountMixture
from qconv.methods.whole_image.reading import Tally, fraction_stderr
from qconv.methods.whole_image.register_layout import RegisterLayout

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """Meaning of the qubits after the position registers."""

    qubits: int
    """Number of label qubits."""
    classes: NDArray[np.intp]
    """Class of every label, shape ``(2**qubits,)``; -1 for discarded labels."""
    places: tuple[NDArray[np.intp], ...] | None = None
    """Basis state at which a shot counts, for every label and measured basis state: one array per
    axis, shape ``(2**qubits, states)``. None if shots count where they are measured."""

    @classmethod
    def of(
        cls,
        layout: RegisterLayout,
        classes: NDArray[np.intp],
        *,
        before: int = 0,
        shifts: NDArray[np.intp] | None = None,
        mirrors: bool = True,
    ) -> Labels:
        """Return the labels of a circuit, in which the mirror qubits are added.

        Args:
            layout: Layout of the position registers.
            classes: Class of every label without mirror qubits.
            before: Number of label qubits before the mirror qubits.
            shifts: Displacement by every such label, shape ``(len(classes), axes)``; None for no
                displacement.
            mirrors: Whether the circuit has the mirror qubits of the layout.
        """
        axes = [axis for axis, mirror in enumerate(layout.mirrored) if mirror]
        number = len(axes) * mirrors
        if not axes and shifts is None:
            return cls(len(classes).bit_length() - 1, classes)
        label = np.arange(len(classes) << number)
        mirror = label >> before & (1 << number) - 1
        own = label >> before + number << before | label & (1 << before) - 1
        moved = np.zeros((label.size, len(layout.shape)), dtype=np.intp)
        if shifts is not None:
            moved += shifts[own]
        for bit, axis in enumerate(reversed(axes[:number])):  # the last axis has the lowest bit
            moved[:, axis] += (mirror >> bit & 1) * layout.shape[axis]
        return cls(label.size.bit_length() - 1, classes[own], layout.places(moved))

    def moved(self, label: int, counts: _Array, shape: tuple[int, ...]) -> _Array:
        """Return the counts of a label, flattened, at the basis states at which they count."""
        if self.places is None:
            return counts
        found = np.zeros(shape)
        np.add.at(found, np.ix_(*(each[label] for each in self.places)), counts.reshape(shape))
        return found.ravel()

    def scores(self, weights: _Array, pixels: _Array) -> _Array:
        """Return the product of the weights of label and place for all outcomes, flattened.

        Args:
            weights: Weight of every label.
            pixels: Weight of every basis state, an array of the shape of the layout.
        """
        if self.places is None:
            return np.multiply.outer(weights, pixels).ravel()
        each = zip(weights, *self.places, strict=True)
        return np.concatenate([w * pixels[np.ix_(*places)].ravel() for w, *places in each])

    @property
    def count(self) -> int:
        """Number of classes."""
        return int(self.classes.max()) + 1


@dataclass(frozen=True, eq=False)
class OutcomeCounts:
    """Counts of a circuit's outcomes, or their exact probabilities."""

    sums: _Array
    """Numbers of shots by class and basis state, shape ``(classes, *layout.read_shape)``;
    probabilities if exact."""
    outcomes: Outcomes
    """Counted outcomes."""
    layout: RegisterLayout
    """Layout of the position registers."""
    labels: Labels
    """Meaning of the other measured qubits."""
    seed: np.random.SeedSequence
    """Seed of the draws."""
    everywhere: tuple[float, float] | None = None
    """Numbers of kept and of discarded shots at all basis states, including those that are not
    read; probabilities if exact. None if they were not requested."""

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
        """Sort outcomes by class and basis state.

        Args:
            outcomes: Outcomes of a circuit with position registers first and label qubits next.
            layout: Layout of the position registers.
            labels: Meaning of the label qubits.
            seed: Seed of the draws, which are needed if the outcome probabilities are known.
            everywhere: Whether to count basis states that are not read, and discarded shots.
        """
        cells = 2**layout.num_qubits
        shape = (labels.count, *layout.read_shape)

        def sort(numbers: Numbers) -> _Array:
            sums = np.zeros(shape)
            for label in map(int, np.flatnonzero(labels.classes >= 0)):
                block = numbers(label * cells, (label + 1) * cells)
                block = labels.moved(label, block, layout.shape)
                sums[labels.classes[label]] += layout.read(block)
            return sums

        def sort_all(numbers: Numbers) -> _Array:
            read = sort(numbers).ravel()
            totals = np.zeros(2)
            for label, found in enumerate(labels.classes):
                block = numbers(label * cells, (label + 1) * cells)
                totals[int(found < 0)] += block.sum()
            if layout.num_read == cells:  # avoids a difference of equal sums
                return np.concatenate([read, [0.0, totals[1]]])
            return np.concatenate([read, [totals[0] - read.sum(), totals[1]]])

        if not everywhere:
            return cls(outcomes.sums(sort, seed), outcomes, layout, labels, seed)
        found = outcomes.sums(sort_all, seed)
        total = (float(found[:-1].sum()), float(found[-1]))
        return cls(found[:-2].reshape(shape), outcomes, layout, labels, seed, total)

    @property
    def executions(self) -> int:
        """Total number of shots; 0 if the sums are exact probabilities."""
        return self.outcomes.executions

    @property
    def frequencies(self) -> _Array:
        """Fraction of all executions by class and basis state."""
        return self.sums / self.executions if self.executions else self.sums

    @cached_property
    def corrected(self) -> CorrectedCounts | None:
        """Counts corrected for readout errors; None without correction."""
        return None if self.outcomes.readout is None else CorrectedCounts(self)

    @cached_property
    def tally(self) -> Tally:
        """Counts by class and output pixel, corrected for readout errors if requested."""
        sums = np.array([self.layout.outputs(part) for part in self.sums])
        if self.corrected is None:
            return Tally(sums, self.executions)
        return CorrectedTally(sums, self.executions, self.corrected)

    @property
    def kept(self) -> float:
        """Fraction of executions that are kept and end at a basis state that is read."""
        kept = float(self.frequencies.sum())
        if self.corrected is not None or not self.executions:
            return kept
        return round(kept * self.executions) / self.executions

    @property
    def kept_stderr(self) -> float:
        """Standard error of `kept`, at least the error for one kept or one discarded shot."""
        if self.executions and self.corrected is not None:
            return math.sqrt(self.corrected.variance_of_kept)
        return fraction_stderr(self.kept, self.executions)


class CorrectedCounts:
    """Counts corrected for readout errors, with the quantities that their variance needs.

    A shot that is read as label ``l`` and position ``x`` adds ``u(l) B(y, x)`` to the estimate at
    position ``y``. ``B`` is the inverse of the position's readout matrix. The inverse of the
    label's readout matrix transforms the weights into ``u``. Powers of a tensor product are tensor
    products of powers, so every moment takes as long as the correction.

    Args:
        counts: Counts of a circuit whose labels do not move positions.
    """

    def __init__(self, counts: OutcomeCounts) -> None:
        readout = counts.outcomes.readout
        if readout is None or counts.labels.places is not None:
            raise ValueError(
                "mitigation: counts cannot be corrected if the labels of shots shift positions"
            )
        self._counts, self._readout = counts, readout
        self._read = counts.outcomes.raw(counts.seed) / (counts.executions or 1)
        self._positions = counts.layout.num_qubits

    def moments(self, weights: _Array) -> tuple[_Array, _Array, _Array]:
        """Return moments of the weight that a shot adds to each basis state, see `Tally`."""
        inverses = self._readout.inverses
        back = np.swapaxes(inverses[self._positions :], 1, 2)
        each = applied(back, self._of_labels(weights))
        by_label = self._read.reshape(len(each), -1)
        expected = by_label
        if number := self._counts.executions:
            counts = np.rint(by_label * number)
            smooth = [CountMixture.of(part).variance(part)[0] for part in counts]
            expected = np.array(smooth) / number

        def moment(power: int, read: _Array) -> _Array:
            moments = applied(inverses[: self._positions] ** power, each**power @ read)
            return np.asarray(self._counts.layout.read(moments), dtype=np.float64)

        return moment(1, by_label), moment(2, by_label), moment(2, expected)

    def changes(self, weights: _Array) -> Iterator[tuple[float, _Array, float]]:
        """Yield the effect of each readout error that was estimated from counts.

        Args:
            weights: Weight of each class.

        Yields:
            Three items per readout error: its variance, the derivatives of the mean weights with
            respect to it, and the derivative of the fraction of kept executions. The fraction
            includes executions that end at basis states that are not read.
        """
        every = self._of_labels(weights)
        kept = self._counts.labels.classes >= 0
        for variance, change in self._readout.gradients(self._readout.corrected(self._read)):
            by_label = change.reshape(len(every), -1)
            moved = np.asarray(self._counts.layout.read(every @ by_label), dtype=np.float64)
            yield variance, moved, float(by_label[kept].sum())

    def outputs(self, read: _Array) -> _Array:
        """Return the output pixels from an array of the basis states that are read."""
        return self._counts.layout.outputs(read)

    @property
    def variance_of_kept(self) -> float:
        """Variance of the fraction of executions that are kept and read."""
        cells = np.zeros(self._counts.layout.shape)
        cells[self._counts.layout.states_read] = 1.0
        return self._readout.variance(self._kept(cells), self._read, self._counts.executions)

    @property
    def sampling_variance_of_succeeded(self) -> float:
        """Variance of the fraction of all kept executions, due to counting alone."""
        everywhere = self._kept(np.ones(self._counts.layout.shape))
        return self._readout.sampling_variance(everywhere, self._read, self._counts.executions)

    def _kept(self, cells: _Array) -> _Array:
        """Return the weight of each outcome in a kept fraction, given weights of basis states."""
        classes = self._counts.labels.classes
        return np.asarray(np.multiply.outer((classes >= 0).astype(float), cells).ravel())

    def _of_labels(self, weights: _Array) -> _Array:
        """Return the weight of each label; 0 for discarded labels."""
        classes = self._counts.labels.classes
        return np.where(classes >= 0, weights[np.maximum(classes, 0)], 0.0)


@dataclass(frozen=True, eq=False)
class CorrectedTally(Tally):
    """Counts by class and output pixel, corrected for readout errors."""

    counts: CorrectedCounts
    """The correction."""

    @property
    def corrected(self) -> bool:
        """True, because the counts are corrected for readout errors."""
        return True

    def moments(self, weights: _Array) -> tuple[_Array, _Array, _Array]:
        """Return moments of the weight that a shot adds to each pixel."""
        mean, square, expected = map(self.counts.outputs, self.counts.moments(weights))
        return mean, square, expected

    def kept_stderr(self, kept: float) -> float:
        """Return the standard error of the fraction of kept executions, due to counting alone.

        The error of an uncertain calibration is correlated with the counts of the pixels.
        """
        return math.sqrt(self.counts.sampling_variance_of_succeeded) if self.executions else 0.0

    def changes(self, weights: _Array) -> Iterator[tuple[float, _Array, float]]:
        """Yield the effect of each readout error that was estimated from counts."""
        for variance, moved, more in self.counts.changes(weights):
            yield variance, self.counts.outputs(moved), more
