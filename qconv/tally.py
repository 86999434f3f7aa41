"""Tallies: how often a whole-image circuit's shots ended in each cell, sorted by what they mean.

Such a circuit's position registers come first; the qubits measured after them make a *label*, and
what a shot counts for depends on the label alone: its *class*, or none if it is discarded. The
number of shots is fixed beforehand, ``shots`` for each output pixel, and discarded ones are not
made up for, so that counts divided by all executions estimate probabilities without bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._memory import require_memory
from qconv._threads import for_each
from qconv.cells import Cells
from qconv.drawing import JOBS, TILES
from qconv.execution import (
    ShotLog,
    append_measurement,
    born_probabilities,
    derived,
    measured_counts,
    state_memory,
)
from qconv.problem import Problem

_Array = NDArray[np.float64]

#: Cells of one random stream.
_BLOCK = 2**14

#: Probabilities are rounded to squares of multiples of this, see `_steady`.
_GRAIN = 2.0**-36

#: Bytes of an amplitude that is prepared: a Python object, and what a simulator copies it to.
_PREPARED = 112

#: Most executions: NumPy counts in 64 bits.
_MOST = 2**62


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


@dataclass(frozen=True)
class Tally:
    """What a circuit's shots gave, or what they are expected to give."""

    frequencies: _Array
    """Part of all executions that were of each class and in each cell read; ``(classes, ...)``."""
    executions: int
    """Shots altogether; 0 if the frequencies are the exact probabilities."""
    streams: frozenset[str]
    """Names of the random streams."""
    circuit: QuantumCircuit
    """What ran, measurement included."""

    @property
    def kept(self) -> float:
        """Part of the executions that is in the tally at all."""
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


def require_room(num_qubits: int, measured: int, prepared: int, image: tuple[int, ...]) -> None:
    """Refuse a circuit that could not be simulated in memory.

    Args:
        num_qubits: All qubits.
        measured: Those measured.
        prepared: Those whose amplitudes are prepared one by one.
        image: Shape of the image.

    Raises:
        ValueError: It needs more memory than there is.
    """
    require_memory(
        state_memory(num_qubits, measured) + _PREPARED * 2**prepared,
        f"image of shape {image}, in a circuit of {num_qubits} qubits, is",
    )


def executions(problem: Problem) -> int:
    """Shots of a whole-image circuit.

    Raises:
        ValueError: They are too many to count.
    """
    if problem.total is not None:
        return problem.total
    total = (problem.shots or 0) * problem.grid.pixels
    if total > _MOST:
        raise ValueError(
            f"shots: expected at most {_MOST // problem.grid.pixels} for {problem.grid.pixels} "
            f"output pixels, got {problem.shots}"
        )
    return total


def tally(problem: Problem, cells: Cells, circuit: QuantumCircuit, labels: Labels) -> Tally:
    """Run a circuit and sort its shots; or, for ``shots=None``, its probabilities.

    Args:
        problem: What is estimated, with how many shots, where and from which seed.
        cells: The position registers.
        circuit: Position registers first, the label's qubits next, ancillas last. Becomes the
            one that ran: its measurement is appended.
        labels: What the shots mean.

    Raises:
        ValueError: Too many shots, or too little memory.
        RuntimeError: The simulator or backend failed.
    """
    total = executions(problem)
    measured = cells.num_qubits + labels.qubits
    if problem.shots is None or problem.backend is None:
        born = born_probabilities(circuit, problem.backend, measured=measured)
        append_measurement(circuit, measured)
        rows = born.reshape(-1, 2**cells.num_qubits)
        probabilities = _sorted_out(cells, labels, lambda label: rows[label])
        if problem.shots is None:
            return Tally(probabilities, 0, frozenset(), circuit)
        counts = drawn(problem.seed, probabilities, total)
        return Tally(counts / total, total, problem.streams, circuit)
    log = ShotLog()
    append_measurement(circuit, measured)
    outcomes, seen = measured_counts(
        circuit,
        total,
        problem.backend,
        derived(problem.seed, JOBS),
        log=log,
        progress=problem.progress,
    )

    def block(label: int) -> _Array:
        start = label << cells.num_qubits
        first, last = np.searchsorted(outcomes, [start, start + 2**cells.num_qubits])
        places = outcomes[first:last] - start
        weights = seen[first:last].astype(np.float64)
        return np.asarray(np.bincount(places, weights, 2**cells.num_qubits), dtype=np.float64)

    counts = _sorted_out(cells, labels, block)
    return Tally(counts / total, total, problem.streams | log.names, circuit)


def _sorted_out(cells: Cells, labels: Labels, block: Callable[[int], _Array]) -> _Array:
    """Sums of each class in each cell read, from the numbers of each label."""
    sums = np.zeros((labels.count, *cells.read_shape))
    axes = tuple(range(len(cells.shape)))
    for label in np.flatnonzero(labels.classes >= 0):
        numbers = block(int(label))
        if labels.shifts is not None:
            rolled = np.roll(numbers.reshape(cells.shape), labels.shifts[label], axes)
            numbers = rolled.ravel()
        sums[labels.classes[label]] += cells.read(numbers)
    return sums


def _steady(p: _Array) -> _Array:
    """Probabilities without their last bits, which differ between processors.

    Their roots are rounded to multiples of 2**-36, so that what is zero but for rounding is zero.
    No number of shots that can be counted could tell: the chi-square of ``n`` shots changes by
    less than ``n * 2**-72`` for each cell.
    """
    rounded = np.square(np.round(np.sqrt(np.maximum(p, 0)) / _GRAIN) * _GRAIN)
    total = float(rounded.sum())
    return rounded / total if total > 1 else rounded


def drawn(root: np.random.SeedSequence, p: _Array, total: int) -> _Array:
    """Counts of ``total`` shots with probabilities ``p``, block by block on all cores.

    Args:
        root: Seeds the blocks.
        p: Probabilities, any shape, of sum at most 1; the rest is not counted.
        total: Number of shots.

    Returns:
        Counts, the shape of ``p``.
    """
    flat = _steady(p).ravel()
    starts = range(0, flat.size, _BLOCK)
    sums = np.add.reduceat(flat, starts)
    rest = max(0.0, 1.0 - float(sums.sum()))
    shares = np.append(sums, rest) / (sums.sum() + rest)
    each = np.random.default_rng(derived(root, JOBS)).multinomial(total, shares)
    counts = np.zeros(flat.size)

    def work(number: int) -> None:
        part = slice(starts[number], starts[number] + _BLOCK)
        if each[number]:
            rng = np.random.default_rng(derived(root, TILES, number))
            counts[part] = rng.multinomial(each[number], flat[part] / sums[number])

    for_each(work, len(starts), progress=False)
    return counts.reshape(p.shape)


# ----------------------------------------------------------------------------------- read-outs


def linear(tally: Tally, weights: _Array) -> tuple[_Array, _Array]:
    """Mean over all executions of the weight of what came out, and its standard error.

    With ``n_c`` shots of class ``c`` in a cell, of ``N`` executions, the mean is
    ``sum w_c n_c / N`` and its variance is estimated from the counts alone:

        (V + 2 K**2 / V**2 - T**2 / N) / N**2,  V = sum w**2 n,  K = sum w**3 n,  T = sum w n.

    The middle term is there because ``V`` is large when the mean is: for counts of one class the
    estimate is ``n + 2`` in place of ``n``, which makes the mean of z**2 equal to 1 up to terms of
    order ``1 / n**2``. Where nothing was counted, two shots of the largest weight are assumed, so
    that no standard error is 0 for want of shots.

    Args:
        tally: Frequencies of each class and cell.
        weights: One for each class.

    Returns:
        Means and standard errors, each of the cells' shape; the latter 0 for exact frequencies.
    """
    powers = [np.tensordot(weights**power, tally.frequencies, axes=1) for power in (1, 2, 3)]
    mean, square, cube = powers
    if not tally.executions:
        return mean, np.zeros_like(mean)
    seen = square > 0
    correction = np.full_like(mean, float(np.max(weights**2)))
    np.divide(cube, square, out=correction, where=seen)
    correction[seen] **= 2
    variance = square - mean**2 + 2 * correction / tally.executions
    return mean, np.sqrt(np.maximum(variance, 0) / tally.executions)


def magnitude(tally: Tally) -> tuple[_Array, _Array]:
    """Root of the frequency of the first class, and its standard error.

    The root of a count has the standard deviation 1/2, whatever its mean, from a mean of about 4
    on; below that it is less. It is biased by about ``-1 / (8 sqrt(mean))``.

    Args:
        tally: Frequencies of one class.

    Returns:
        Roots and standard errors, each of the cells' shape; the latter 0 for exact frequencies.
    """
    roots = np.sqrt(tally.frequencies[0])
    spread = 0.5 / math.sqrt(tally.executions) if tally.executions else 0.0
    return roots, np.full_like(roots, spread)
