"""Collapse: each pixel in superposition over the kernel's positions; a measurement picks one.

The circuit prepares ``sum_j sqrt(p_j) |j>`` on a kernel register and measures it. One shot is one
position ``J``, with the probability that the propagator gives it; ``w_J * I_J`` is one sample of
the convolution at a pixel, and the mean over the pixel's shots is the estimate.

The circuit does not depend on the image, so one circuit serves every pixel: ``shots * pixels``
executions, dealt out to the pixels. All of them follow one law, so the variance of one sample at
pixel ``x`` is

    v(x) = sum_j q_j s_j(x)**2 - (sum_j q_j s_j(x))**2,    s_j(x) = w_j I_j(x),

and the standard error of the mean over the pixel's shots is ``sqrt(v(x) / shots)``. On an ideal
simulator ``q`` are the circuit's Born probabilities. On any other backend they are the frequencies
observed among all ``N`` shots of the call, with the factor ``N / (N - 1)`` that makes ``v``
unbiased whatever noise does to the law; a single shot leaves the standard error NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import boolean
from qconv.circuits.encoding import encode_amplitudes
from qconv.drawing import JOBS, Averages, born_averages, deal_to_tiles, dealt_averages
from qconv.execution import ShotLog, born_probabilities, derived, is_ideal, kept_counts
from qconv.grid import Tile, kernel_centre
from qconv.problem import Problem
from qconv.propagator import Propagator
from qconv.result import Convolution
from qconv.windows import Windows

_Array = NDArray[np.float64]
_Counts = NDArray[np.int64]

#: Probability that an ideal circuit may put where the kernel has none, by rounding (1e-6 with a
#: simulator of single precision); more is a mistake in the circuit.
_LEAK = 1e-5


@dataclass(frozen=True)
class Collapse:
    """Sample kernel positions pixel by pixel; the default method.

    Args:
        shared: All pixels use the same ``shots`` shots of the circuit instead of shots of their
            own. Each pixel's standard error is the same, the executions fewer by the number of
            pixels, and the errors of different pixels correlated: the whole image is convolved
            with one measured kernel.
        baseline: Sample only differences from the pixel under the kernel's centre, whose own
            contribution is known without sampling (a control variate). Where the image is smooth
            this cuts the variance by orders of magnitude for kernels that sum to zero.

    Raises:
        TypeError: An option is not a bool.
    """

    shared: bool = False
    baseline: bool = False

    def __post_init__(self) -> None:
        boolean(self.shared, "shared")
        boolean(self.baseline, "baseline")

    def estimate(self, problem: Problem) -> Convolution:
        """Run the kernel circuit and average what its outcomes pick from the image."""
        propagator = self.sampled(problem.propagator)
        known = float(problem.propagator.effective_kernel.sum()) if self.baseline else None
        circuit = kernel_circuit(propagator)
        windows = Windows(problem.grid, problem.padded, propagator, known)
        if problem.shots is None:
            return _exact(problem, circuit, windows)
        if self.shared:
            return _shared(problem, circuit, windows, problem.shots)
        return _separate(problem, circuit, windows, problem.shots)

    def sampled(self, propagator: Propagator) -> Propagator:
        """The propagator that the circuit encodes.

        With a baseline, ``sum_j k_j I_j = sum_j k_j (I_j - I_c) + I_c sum_j k_j``: the centre's
        own difference is 0, so no shot needs to land there.
        """
        centre = kernel_centre(propagator.shape)
        if self.baseline and 0 < propagator.probabilities[centre] < 1:
            return propagator.excluding(centre)
        return propagator


def kernel_circuit(propagator: Propagator) -> QuantumCircuit:
    """The circuit that puts a particle in superposition over the kernel's positions.

    Registers ``kernel_plane``, ``kernel_row``, ``kernel_column``, as many as there are axes; an
    axis of one position needs none.
    """
    names = ("kernel_plane", "kernel_row", "kernel_column")[-propagator.probabilities.ndim :]
    return encode_amplitudes(np.sqrt(propagator.probabilities), names=names)


# ---------------------------------------------------------------------------------- the circuit


def _outcomes(windows: Windows, shape: tuple[int, ...]) -> _Counts:
    """The circuit's outcome that stands for each of the windows' positions."""
    padded = tuple(1 << (length - 1).bit_length() for length in shape)
    return np.asarray(np.ravel_multi_index(tuple(np.transpose(windows.positions)), padded))


def _probabilities(problem: Problem, circuit: QuantumCircuit, windows: Windows) -> _Array:
    """Born probability of each position, as the simulator computed it, sum 1."""
    outcomes = _outcomes(windows, problem.propagator.shape)
    born: _Array = born_probabilities(circuit, problem.backend)[outcomes]
    if abs(born.sum() - 1) > _LEAK:
        raise RuntimeError(f"the kernel circuit leaks: its probabilities sum to {born.sum():.12g}")
    return np.asarray(born / born.sum())


def _steady(p: _Array) -> _Array:
    """Probabilities without their last bits, which differ between processors.

    Rounded to 40 significant bits, a part in 1e12: no number of shots could tell, but the draws of
    one seed (NumPy treats ``p <= 1/2`` otherwise than ``p > 1/2``) are the same everywhere.
    """
    fraction, exponent = np.frexp(p)
    rounded = np.ldexp(np.round(np.ldexp(fraction, 40)), exponent - 40)
    return np.asarray(rounded / rounded.sum())


def _measured(
    problem: Problem,
    circuit: QuantumCircuit,
    windows: Windows,
    shots: int,
    job: int,
    log: ShotLog,
) -> tuple[_Counts, int]:
    """Counts of each position among ``shots`` kept shots, and the executions that they took."""
    outcomes = _outcomes(windows, problem.propagator.shape)
    keep = np.zeros(2**circuit.num_qubits, dtype=np.bool_)
    keep[outcomes] = True
    seed = derived(problem.seed, JOBS, job)
    counts, executions = kept_counts(
        circuit, keep, shots, problem.backend, seed, log=log, progress=problem.progress
    )
    return counts[outcomes], executions


# ---------------------------------------------------------------------------------- the estimate


def _exact(problem: Problem, circuit: QuantumCircuit, windows: Windows) -> Convolution:
    """The exact expectation of the circuit's samples."""
    p = _probabilities(problem, circuit, windows)
    average = _same_for_all(problem, windows, p)
    image, stderr = _filled(problem, windows, average, p, None)
    return _result(problem, circuit, image, stderr, 0, ShotLog())


def _shared(problem: Problem, circuit: QuantumCircuit, windows: Windows, shots: int) -> Convolution:
    """Every pixel averages over the same shots."""
    log = ShotLog()
    if problem.backend is None:
        law = _steady(_probabilities(problem, circuit, windows))
        counts = np.random.default_rng(derived(problem.seed, JOBS)).multinomial(shots, law)
        executions, correction = shots, 1.0
    else:
        counts, executions = _measured(problem, circuit, windows, shots, 0, log)
        law, correction = _law_of_measured(problem, windows, counts)
    average = _same_for_all(problem, windows, counts / shots)
    image, stderr = _filled(problem, windows, average, law, math.sqrt(correction / shots))
    return _result(problem, circuit, image, stderr, executions, log, independent=False)


def _separate(
    problem: Problem, circuit: QuantumCircuit, windows: Windows, shots: int
) -> Convolution:
    """Every pixel averages over shots of its own."""
    log = ShotLog()
    if problem.backend is None:
        law = _steady(_probabilities(problem, circuit, windows))
        average = born_averages(problem, windows, law, shots)
        executions, correction = shots * problem.grid.pixels, 1.0
    else:

        def measure(wanted: int, job: int) -> tuple[_Counts, int]:
            return _measured(problem, circuit, windows, wanted, job, log)

        hands, executions = deal_to_tiles(problem, measure, shots)
        counts = np.sum([counts for hand in hands for _, counts in hand], axis=0)
        law, correction = _law_of_measured(problem, windows, counts)
        average = dealt_averages(problem, windows, hands, shots)
    image, stderr = _filled(problem, windows, average, law, math.sqrt(correction / shots))
    return _result(problem, circuit, image, stderr, executions, log)


def _law_of_measured(problem: Problem, windows: Windows, counts: _Counts) -> tuple[_Array, float]:
    """The law of measured shots, for their variance, and the factor that makes that unbiased."""
    if is_ideal(problem.backend):
        return windows.probabilities, 1.0
    total = int(counts.sum())
    return counts / total, total / (total - 1) if total > 1 else math.nan


def _same_for_all(problem: Problem, windows: Windows, frequencies: _Array) -> Averages:
    """Averages of every pixel with one set of frequencies."""

    def averages(number: int) -> Iterator[tuple[Tile, _Array]]:
        tile = problem.grid.tiles[number]
        yield tile, windows.average(tile, frequencies)

    return averages


def _filled(
    problem: Problem, windows: Windows, averages: Averages, law: _Array, scale: float | None
) -> tuple[_Array, _Array]:
    """Image and standard error, tile by tile on all cores.

    Args:
        problem: The tiles.
        windows: The samples.
        averages: Estimates of the pixels of a tile.
        law: Probability of each position, for the spread of one sample.
        scale: From one sample's standard deviation to that of the estimate; None if exact.
    """
    image = np.empty(problem.grid.output_shape)
    stderr = np.zeros(problem.grid.output_shape)

    def work(number: int) -> None:
        for piece, average in averages(number):
            image[piece] = average
        if scale is not None:
            tile = problem.grid.tiles[number]
            stderr[tile] = scale * windows.deviation(tile, law)

    problem.for_each_tile(work)
    return image, stderr


def _result(
    problem: Problem,
    circuit: QuantumCircuit,
    image: _Array,
    stderr: _Array,
    executions: int,
    log: ShotLog,
    *,
    independent: bool = True,
) -> Convolution:
    kept = (problem.shots or 0) * (problem.grid.pixels if independent else 1)
    return Convolution(
        image=image,
        stderr=stderr,
        shots=problem.shots,
        total_shots=executions,
        circuits=(circuit.measure_all(inplace=False),),
        success_probability=kept / executions if executions else 1.0,
        oracle_calls=executions,
        independent=independent,
        quantity=problem.quantity,
        streams=problem.streams | log.names,
    )
