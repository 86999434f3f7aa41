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
unbiased whatever noise does to the law; a single shot leaves the standard error NaN. Frequencies
that are corrected for readout errors are linear in the counts; their covariance takes the place of
``q``'s, see `qconv.ReadoutMitigation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import boolean, one_of, require_products
from qconv._threads import for_each
from qconv.circuits.encoding import encode_amplitudes
from qconv.execution.outcomes.outcomes import Outcomes, Selection
from qconv.execution.outcomes.pixel_counts import Each, portions, shots_in, shots_of
from qconv.execution.program import Program
from qconv.execution.seeds import ALLOCATION, JOBS, derived
from qconv.grid import Tile
from qconv.methods.collapse.windows import Positions, Windows
from qconv.planning.allocation import for_tolerance, optimal, require_affordable
from qconv.planning.method import Method, Prediction, Prepared
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

ALLOCATIONS = ("even", "optimal")

#: Part of the variance that errors may have in common and still be called independent.
_COMMON = 0.002

#: From a tile's number: its pieces in C order, each with its pixels' averages.
Averages = Callable[[int], Iterator[tuple[Tile, _Array]]]


@dataclass(frozen=True)
class Collapse(Method):
    """Sample kernel positions pixel by pixel; with a baseline, the default method.

    Args:
        shared: All pixels use the same ``shots`` shots of the circuit instead of shots of their
            own. Each pixel's standard error is the same, the executions fewer by the number of
            pixels, and the errors of different pixels correlated: the whole image is convolved
            with one measured kernel.
        baseline: Sample only differences from the pixel under the kernel's centre, whose own
            contribution is known without sampling (a control variate). Where the image is smooth
            this cuts the variance by orders of magnitude for kernels that sum to zero.
        allocation: ``"even"`` gives every pixel as many shots; ``"optimal"`` shares the same total
            out in proportion to the standard deviation of each pixel's shots, which is known
            beforehand: the smallest mean square error for the cost, and no shot where a pixel has
            no variance. ``result.shots`` is then an array.

    Raises:
        TypeError: An option is not a bool.
        ValueError: ``allocation`` is unknown, or does not go with ``shared``.

    Source:
        Neyman 1934, "On the two different aspects of the representative method", section III.

    Example:
        >>> import qconv
        >>> image, edge = [[10, 11, 10], [11, 10, 12], [10, 11, 10]], qconv.named_kernel("edge")
        >>> where = {"mode": "valid", "shots": 1000, "seed": 7}
        >>> for method in (qconv.Collapse(), qconv.Collapse(baseline=True)):
        ...     result = qconv.convolve(image, edge, method=method, **where)
        ...     print(result.image.round(1), result.stderr.round(1))
        [[-15.1]] [[5.2]]
        [[-4.4]] [[0.2]]
    """

    shared: bool = False
    baseline: bool = False
    allocation: str = "even"

    kernel_only: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boolean(self.shared, "shared")
        boolean(self.baseline, "baseline")
        one_of(self.allocation, "allocation", ALLOCATIONS)
        if self.shared and self.allocation != "even":
            raise ValueError(
                f"allocation: expected 'even' with shared=True, got {self.allocation!r}: shots "
                "that all pixels share cannot be shared out"
            )

    def executions(self, pixels: int, shots: int) -> int:
        """Shots that are shared count once."""
        return shots if self.shared else shots * pixels

    corrects_readout = True  # averages are linear in the counts

    def prepare(self, plan: Problem) -> PreparedCollapse:
        """Return the work for one plan."""
        return PreparedCollapse(self, plan)


#: The method of verbs that are given none.
DEFAULT_METHOD = Collapse(baseline=True)


@dataclass(frozen=True, eq=False)
class PreparedCollapse(Prepared[Collapse]):
    """The kernel's circuit, and what its positions show each pixel of one plan's image."""

    shared_windows: Windows | None = field(default=None, repr=False)
    """Windows of the same image and kernel, from an earlier plan; None to work them out."""

    def again(self, plan: Problem) -> PreparedCollapse:
        """Prepare other shots with the same windows."""
        return PreparedCollapse(self.method, plan, self.windows)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Sides of a tile, as each tile has a random stream of its own."""
        allocation = self.method.allocation
        if allocation != "even":
            raise ValueError(
                f"allocation: expected 'even' for parts of an image, got {allocation!r}, "
                "which has to see all pixels"
            )
        return self.plan.grid.tile_sides

    def allot(self) -> Problem:
        """Allot shots by the standard deviation of one shot of each pixel."""
        plan, tolerance = self.plan, self.plan.tolerance
        if plan.shots is None or (tolerance is None and self.method.allocation == "even"):
            return plan
        spread = self.again(replace(plan, shots=1, each=None)).predict().stderr
        if spread is None:
            raise RuntimeError("expected a prediction")
        if self.method.shared and tolerance is not None:
            shots = math.ceil(tolerance.shortfall(spread))
            require_affordable(shots)
            return replace(plan, shots=max(1, shots))
        rng = np.random.default_rng(derived(plan.seed, ALLOCATION))
        if tolerance is None:
            each = optimal(spread, plan.shots * plan.grid.pixels, rng)
        else:
            each = for_tolerance(spread, tolerance, rng)
        return replace(plan, shots=max(1, round(float(each.mean()))), each=each)

    @cached_property
    def propagator(self) -> Propagator:
        """The propagator that the circuit encodes.

        With a baseline, ``sum_j k_j I_j = sum_j k_j (I_j - I_c) + I_c sum_j k_j``: the centre's
        own difference is 0, so no shot needs to land there.
        """
        propagator = self.plan.propagator
        if self.method.baseline:
            for centre in self.plan.grid.by_centre(propagator.weights):
                if 0 < propagator.probabilities[centre] < 1:
                    propagator = propagator.excluding(centre)
        return propagator

    @cached_property
    def positions(self) -> Positions:
        """The positions that are sampled.

        Raises:
            ValueError: If samples leave the range of floating point.
        """
        positions = Positions.of(self.propagator)
        require_products(positions.largest_sample(self.plan.largest))
        return positions

    @cached_property
    def windows(self) -> Windows:
        """The samples of every position at every pixel."""
        if self.shared_windows is not None:
            return self.shared_windows
        known = self.plan.propagator.effective_kernel if self.method.baseline else None
        return Windows(self.plan.grid, self.plan.padded, self.positions, known)

    @cached_property
    def programs(self) -> list[Program]:
        """The kernel's circuit, for the shots of all pixels."""
        plan, propagator = self.plan, self.propagator
        shots = plan.shots
        sizes: tuple[int, ...] = ()
        if shots is not None and self.method.shared:
            sizes = (shots,)
        elif shots is not None:
            each = plan.shots_of_pixels
            dealt = portions(plan.grid.tiles, each)
            sizes = tuple(sum(shots_of(each, piece.tile) for piece in part) for part in dealt)
        keep = np.zeros(math.prod(_padded(propagator.shape)), dtype=np.bool_)
        keep[_outcomes(self.positions, propagator.shape)] = True
        return [
            Program(
                lambda: kernel_circuit(propagator, plan.grid.axes),
                executions=None if shots is None else sum(sizes),
                seed=derived(plan.seed, JOBS),
                keep=keep,
                portions=sizes,
            )
        ]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Average what the measured positions pick from the image."""
        plan, gathered = self.plan, next(outcomes)
        positions = gathered.among(_outcomes(self.positions, plan.propagator.shape))
        image = np.empty(plan.grid.output_shape)
        stderr = np.zeros(plan.grid.output_shape)
        averages = self._averages(positions)
        errors, common = self._errors(positions)

        def work(number: int) -> None:
            for piece, average in averages(number):
                image[piece] = average
            if errors is not None:
                tile = plan.grid.tiles[number]
                stderr[tile] = errors(tile)

        gathered.fill_tiles(plan.grid.tiles, work, image, stderr)
        each = plan.shots_of_pixels
        uneven: dict[str, Any] = {} if isinstance(each, int) else {"shots": each}
        pixels = plan.grid.pixels
        kept = self.method.executions(pixels, each) if isinstance(each, int) else each.sum()
        return plan.result(
            image,
            stderr,
            [gathered],
            success_probability=(
                kept / gathered.total_shots if gathered.total_shots else gathered.success
            ),
            independent=not ((self.method.shared or common) and plan.shots),
            quantity=plan.quantity,
            **uneven,
        )

    def predict(self) -> Prediction:
        """Predict the standard deviation of one sample, over the root of the shots."""
        plan, windows = self.plan, self.windows
        stderr = np.zeros(plan.grid.output_shape)
        if plan.shots is not None:
            shots = plan.shots_of_pixels

            def work(number: int) -> None:
                tile = plan.grid.tiles[number]
                spread = windows.deviation(tile, windows.probabilities)
                stderr[tile] = spread * _scale(1.0, shots, tile)

            for_each(work, len(plan.grid.tiles), progress=False)
        return Prediction(1.0, stderr)

    def _errors(self, positions: Selection) -> tuple[Callable[[Tile], _Array] | None, bool]:
        """Standard errors of a tile's averages, None where they are exact.

        And whether a part of them that would be seen is common to all pixels.
        """
        plan, windows, shots = self.plan, self.windows, self.plan.shots
        if shots is None:
            return None, False
        each = plan.shots_of_pixels
        parts = positions.covariance(shots, pooled=self.method.shared)
        if parts is not None:
            sampling, calibration = parts[0] * shots, parts[1]
            common = np.trace(calibration) > _COMMON * np.trace(parts[0] + calibration)

            def of_both(tile: Tile) -> _Array:
                own = windows.spread(tile, sampling) * _scale(1.0, each, tile)
                return np.hypot(own, windows.spread(tile, calibration))

            return of_both, bool(common)
        probabilities, correction = positions.spread(windows.probabilities)
        return (
            lambda tile: _scale(correction, each, tile) * windows.deviation(tile, probabilities)
        ), False

    def _averages(self, positions: Selection) -> Averages:
        """Averages over each pixel's own shots, or over those that all share."""
        plan, windows = self.plan, self.windows
        if plan.shots is None or self.method.shared:
            frequencies = positions.pooled(plan.shots, plan.seed)
            tiles = plan.grid.tiles
            return lambda number: iter(
                [(tiles[number], windows.average(tiles[number], frequencies))]
            )
        shots = plan.shots_of_pixels
        pixel_counts = positions.pixel_counts(
            plan.grid.tiles, plan.grid.tile_numbers, shots, plan.seed
        )

        def averages(number: int) -> Iterator[tuple[Tile, _Array]]:
            for piece, counted in pixel_counts(number):
                if counted.picks is not None:
                    yield piece, windows.average_of_draws(piece, counted.picks)
                elif counted.counts is not None:
                    each = shots if isinstance(shots, int) else shots_in(shots, piece)
                    yield piece, windows.average(piece, counted.counts.T / np.maximum(each, 1))

        return averages


def _scale(variance: float, each: Each, tile: Tile) -> float | _Array:
    """Roots of a variance over the shots of every pixel of a tile; where nothing varies, over 1."""
    if isinstance(each, int):
        return math.sqrt(variance / each)
    return np.asarray(np.sqrt(variance / np.maximum(each[tile], 1)))


def kernel_circuit(propagator: Propagator, axes: tuple[str, ...]) -> QuantumCircuit:
    """The circuit that puts a particle in superposition over the kernel's positions.

    Registers are named after the axes, ``kernel_row`` and so on; an axis of one position needs
    none.
    """
    names = [f"kernel_{axis}" for axis in axes]
    return encode_amplitudes(np.sqrt(propagator.probabilities), names=names)


def _padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many states the kernel's registers have along each axis; 2 for a single position."""
    padded = tuple(1 << (length - 1).bit_length() for length in shape)
    return padded if math.prod(padded) > 1 else (2,)


def _outcomes(positions: Positions, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The circuit's outcome that stands for each of the positions."""
    padded = tuple(1 << (length - 1).bit_length() for length in shape)
    return np.asarray(np.ravel_multi_index(tuple(np.transpose(positions.indices)), padded))
