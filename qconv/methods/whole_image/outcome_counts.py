"""Outcome counts: how often a whole-image circuit's shots ended in each cell, by what they mean.

Such a circuit's position registers come first; the qubits measured after them make a *label*, and
what a shot counts for depends on the label alone: its *class*, or none if it is discarded
(post-selection). The number of shots is fixed beforehand and discarded ones are not made up for, so
that counts divided by all executions estimate probabilities without bias.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from qconv.execution.outcomes import Numbers, Outcomes
from qconv.methods.whole_image.register_layout import RegisterLayout
from qconv.result import root_error

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

    @classmethod
    def of(
        cls,
        outcomes: Outcomes,
        layout: RegisterLayout,
        labels: Labels,
        seed: np.random.SeedSequence,
    ) -> OutcomeCounts:
        """Sort what a program gave.

        Args:
            outcomes: Of a circuit with position registers first, the label's qubits next.
            layout: The position registers.
            labels: What the shots mean.
            seed: Of the draws, where the law is known.
        """
        cells = 2**layout.num_qubits

        def sort(numbers: Numbers) -> _Array:
            sums = np.zeros((labels.count, *layout.read_shape))
            axes = tuple(range(len(layout.shape)))
            for label in map(int, np.flatnonzero(labels.classes >= 0)):
                block = numbers(label * cells, (label + 1) * cells)
                if labels.shifts is not None:
                    block = np.roll(block.reshape(layout.shape), labels.shifts[label], axes).ravel()
                sums[labels.classes[label]] += layout.read(block)
            return sums

        return cls(outcomes.sums(sort, seed), outcomes)

    @property
    def executions(self) -> int:
        """Shots altogether; 0 if the sums are exact probabilities."""
        return self.outcomes.executions

    @property
    def frequencies(self) -> _Array:
        """Part of all executions that were of each class and in each cell read."""
        return self.sums / self.executions if self.executions else self.sums

    @property
    def kept(self) -> float:
        """Part of the executions that counts at all."""
        kept = float(self.frequencies.sum())
        return round(kept * self.executions) / self.executions if self.executions else kept

    @property
    def kept_stderr(self) -> float:
        """Its standard error; where all or nothing was kept, as if one shot had been different."""
        if not self.executions:
            return 0.0
        least = 1 / self.executions
        variance = max(self.kept * (1 - self.kept), least * (1 - least))
        return math.sqrt(variance / self.executions)


# ----------------------------------------------------------------------------------- read-outs


def linear(counts: OutcomeCounts, weights: _Array) -> tuple[_Array, _Array]:
    """Mean over all executions of the weight of what came out, and its standard error.

    With ``n_c`` shots of class ``c`` in a cell, of ``N`` executions, the mean is
    ``sum w_c n_c / N`` and its variance is estimated from the counts alone:

        (V + 2 K**2 / V**2 - T**2 / N) / N**2,  V = sum w**2 n,  K = sum w**3 n,  T = sum w n.

    The middle term is there because ``V`` is large when the mean is: for counts of one class the
    estimate is ``n + 2`` in place of ``n``, which makes the mean of z**2 equal to 1 up to terms of
    order ``1 / n**2``. Where nothing was counted, two shots of the largest weight are assumed, so
    that no standard error is 0 for want of shots.

    Args:
        counts: Frequencies of each class and cell.
        weights: One for each class.

    Returns:
        Means and standard errors, each of the cells' shape; the latter 0 for exact frequencies.
    """
    powers = [np.tensordot(weights**power, counts.frequencies, axes=1) for power in (1, 2, 3)]
    mean, square, cube = powers
    if not counts.executions:
        return mean, np.zeros_like(mean)
    seen = square > 0
    correction = np.full_like(mean, float(np.max(weights**2)))
    np.divide(cube, square, out=correction, where=seen)
    correction[seen] **= 2
    variance = square - mean**2 + 2 * correction / counts.executions
    return mean, np.sqrt(np.maximum(variance, 0) / counts.executions)


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
