"""Collapse: sample kernel positions from a superposition, and average the pixels that they select.

The circuit prepares ``sum_j sqrt(p_j) |j>`` on a kernel register and measures it. One shot yields
one position ``J``, with the propagator's probability ``p_J``. The product ``w_J * I_J`` of the
propagator's weight and the selected intensity is one sample of the convolution at a pixel. The
estimate is the mean over the shots of the pixel.

The circuit does not depend on the image, so the same circuit is used for every pixel. It runs
``shots * pixels`` times, and the executions are split at random among the pixels. All executions
have the same distribution. Let ``q_j`` be the actual probability of position ``j``, which noise may
make different from ``p_j``. Let ``I_j(x)`` be the intensity that position ``j`` selects for pixel
``x``. With ``s_j(x) = w_j I_j(x)``, the variance of one sample at pixel ``x`` is

    v(x) = sum_j q_j s_j(x)**2 - (sum_j q_j s_j(x))**2.

The standard error of the mean over the shots of the pixel is ``sqrt(v(x) / shots)``. On an ideal
simulator, ``q`` are the Born probabilities of the circuit. On any other backend, ``q`` are the
frequencies of all ``N`` executions of the call and of one pseudo-count, which is distributed by the
Born probabilities, and ``v`` gets the factor ``(N + 1)**2 / (N**2 + N + 1)``. Without the
pseudo-count, ``v`` would be 0 if all executions gave the same position. Without noise, the factor
makes ``v`` unbiased.
Frequencies that are corrected for readout errors are linear in the counts. The standard error is
then computed from the covariance of the corrected frequencies, see `qconv.ReadoutMitigation`.

For complex images or kernels, the samples are complex: the weights carry the phases of the kernel.
The same shots estimate both parts. The formulas above then hold for the real parts and for the
imaginary parts of the samples. The covariance of both errors follows from the variance of their
sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import Numbers, boolean, one_of, require_products
from qconv._threads import for_each
from qconv.circuits.encoding import encode_amplitudes
from qconv.execution.outcomes.outcomes import Outcomes, Selection
from qconv.execution.outcomes.pixel_counts import Each, portions, shots_in, shots_of
from qconv.execution.outcomes.readout import Unfolding
from qconv.execution.program import Program
from qconv.execution.seeds import ALLOCATION, JOBS, derived
from qconv.grid import Tile
from qconv.methods.collapse.number import SampledPixels
from qconv.methods.collapse.windows import PARTS, Positions, Windows
from qconv.observables.observable import Observable
from qconv.planning.allocation import (
    for_tolerance,
    joint_spread,
    optimal,
    require_affordable,
)
from qconv.planning.method import AIM, Method, Prediction, Prepared
from qconv.planning.number import Number, Terms, of_parts, require_linear
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.numbers import larger_part

_Array = NDArray[np.float64]

ALLOCATIONS = ("even", "optimal")

#: Errors count as independent if at most this fraction of the variance is common to all pixels.
_COMMON = 0.002

#: Function of a tile's number that yields the tile's pieces in C order, with the averages of each.
Averages = Callable[[int], Iterator[tuple[Tile, Numbers]]]

#: Function of a tile and of windows with real samples that returns the errors of the tile.
Errors = Callable[[Tile, Windows], _Array]


@dataclass(frozen=True)
class Collapse(Method):
    """Sample kernel positions for each pixel; with a baseline, this is the default method.

    Args:
        shared: Whether all pixels use the same executions of the circuit. The circuit then runs
            ``shots`` times in total, not ``shots`` times per pixel. The standard error of each
            pixel does not change, and the number of executions is divided by the number of pixels.
            The errors of different pixels are correlated, because the whole image is convolved with
            one measured kernel.
        baseline: Whether only differences from the pixel under the kernel's centre are sampled. The
            contribution of that pixel is known without sampling (a control variate). For kernels
            that sum to zero, this reduces the variance by orders of magnitude where the image is
            smooth.
        allocation: ``"even"`` gives every pixel the same number of shots. ``"optimal"`` splits the
            same total in proportion to the standard deviations of the pixels' samples, which are
            known in advance. This minimises the mean square error; pixels without variance get no
            shots. ``result.shots`` is then an array.

    Raises:
        TypeError: If ``shared`` or ``baseline`` is not a bool.
        ValueError: If ``allocation`` is unknown, or is ``"optimal"`` with ``shared``.

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
        object.__setattr__(self, "shared", boolean(self.shared, "shared"))
        object.__setattr__(self, "baseline", boolean(self.baseline, "baseline"))
        one_of(self.allocation, "allocation", ALLOCATIONS)
        if self.shared and self.allocation != "even":
            raise ValueError(
                f"allocation: expected 'even' with shared=True, got {self.allocation!r}; all "
                "pixels have the same shots"
            )

    def executions(self, pixels: int, shots: int) -> int:
        """Return the total number of executions; if ``shared``, all pixels use the same ones."""
        return shots if self.shared else shots * pixels

    corrects_readout = True  # averages are linear in the counts
    takes_complex = True

    def prepare(self, plan: Problem) -> PreparedCollapse:
        """Return the `Prepared` object (circuits and their decoding) for one plan."""
        return PreparedCollapse(self, plan)


#: Default method of `qconv.convolve` and similar functions.
DEFAULT_METHOD = Collapse(baseline=True)


@dataclass(frozen=True, eq=False)
class PreparedCollapse(Prepared[Collapse]):
    """Circuit of one plan's kernel, and the samples of its positions at every pixel."""

    shared_windows: Windows | None = field(default=None, repr=False)
    """Windows of the same image and kernel from an earlier plan; None to compute them."""

    def again(self, plan: Problem) -> PreparedCollapse:
        """Return the `Prepared` object for other shots or sampling, with the same windows."""
        return PreparedCollapse(self.method, plan, self.windows)

    @property
    def part_sides(self) -> tuple[int, ...]:
        """Sides of a tile, because each tile has its own random stream."""
        allocation = self.method.allocation
        if allocation != "even":
            raise ValueError(
                f"allocation: expected 'even' for parts of an image, got {allocation!r}, which "
                "requires all pixels"
            )
        return self.plan.grid.tile_sides

    def allot(self) -> Problem:
        """Return the plan with shots allotted by the standard deviation of one shot per pixel."""
        plan, tolerance = self.plan, self.plan.tolerance
        if plan.shots is None or (tolerance is None and self.method.allocation == "even"):
            return plan
        spread = self.again(replace(plan, shots=1, each=None)).predict().stderr
        if spread is None:
            raise RuntimeError("expected a prediction")
        spread = joint_spread(spread, tolerance)
        if self.method.shared and tolerance is not None:
            shots = math.ceil(tolerance.needed(spread))
            require_affordable(shots)
            return replace(plan, shots=max(1, shots))
        rng = np.random.default_rng(derived(plan.seed, ALLOCATION))
        if tolerance is None:
            each = optimal(spread, plan.shots * plan.grid.pixels, rng)
        else:
            each = for_tolerance(spread, tolerance, rng)
        return replace(plan, shots=max(1, round(float(each.mean()))), each=each)

    def more_shots(self, result: Convolution) -> Problem:
        """Return the plan with the shots that each pixel still needs for the plan's tolerance."""
        plan, tolerance = self.plan, self.plan.tolerance
        if self.method.shared or tolerance is None or tolerance.mean:
            plan = super().more_shots(result)
            if self.method.shared:
                return plan
            growth = (plan.shots or 0) / float(np.mean(np.asarray(result.shots)))
            more = np.full(result.shape, growth)
        else:
            lacking = np.square(larger_part(result.stderr) / (AIM * tolerance.error)) - 1
            more = np.where(tolerance.exceeded(result.stderr), np.minimum(lacking, 1.0), 0.0)
        each = np.ceil(np.asarray(result.shots) * more).astype(np.int64)
        return replace(plan, shots=max(1, round(float(each.mean()))), each=each)

    @cached_property
    def propagator(self) -> Propagator:
        """Propagator that the circuit encodes.

        With a baseline, ``sum_j k_j I_j = sum_j k_j (I_j - I_c) + I_c sum_j k_j``. The difference
        at the centre is 0, so the centre is excluded from sampling.
        """
        propagator = self.plan.propagator
        if self.method.baseline:
            for centre in self.plan.grid.by_centre(propagator.weights):
                if 0 < propagator.probabilities[centre] < 1:
                    propagator = propagator.excluding(centre)
        return propagator

    @cached_property
    def positions(self) -> Positions:
        """Positions that are sampled.

        Raises:
            ValueError: If samples would overflow.
        """
        positions = Positions.of(self.propagator)
        require_products(positions.largest_sample(self.plan.largest))
        return positions

    @cached_property
    def windows(self) -> Windows:
        """Samples of every position at every pixel."""
        if self.shared_windows is not None:
            return self.shared_windows
        known = self.plan.propagator.effective_kernel if self.method.baseline else None
        return Windows(self.plan.grid, self.plan.padded, self.positions, known)

    @cached_property
    def programs(self) -> list[Program]:
        """Program of the kernel's circuit, for the shots of all pixels."""
        plan, propagator = self.plan, self.propagator
        shots = plan.shots
        sizes: tuple[int, ...] = ()
        if shots is not None and self.method.shared:
            sizes = (shots,)
        elif shots is not None:
            each = plan.shots_of_pixels
            dealt = portions(plan.grid.tiles, each)
            sizes = tuple(sum(shots_of(each, piece.tile) for piece in part) for part in dealt)
        keep = np.zeros(max(2, math.prod(_padded(propagator.shape))), dtype=np.bool_)
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
        """Average the samples of the measured positions."""
        plan, gathered = self.plan, next(outcomes)
        positions = gathered.among(_outcomes(self.positions, plan.propagator.shape))
        image = np.empty(plan.grid.output_shape, plan.result_type)
        stderr = np.zeros(plan.grid.output_shape, plan.result_type)
        covariance = np.zeros(plan.grid.output_shape) if plan.is_complex else None
        averages = self._averages(positions)
        errors, common = self._errors(positions)

        def work(number: int) -> None:
            for piece, average in averages(number):
                image[piece] = average
            if errors is not None:
                tile = plan.grid.tiles[number]
                stderr[tile], both = self._parts(tile, errors)
                if covariance is not None:
                    covariance[tile] = both

        filled = [image, stderr] if covariance is None else [image, stderr, covariance]
        gathered.fill_tiles(plan.grid.tiles, work, *filled)
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
            covariance=covariance,
            **uneven,
        )

    def number(self, observable: Observable) -> Number:
        """Return a linear observable, by samples of a pixel and a kernel position.

        Raises:
            TypeError: If the observable is quadratic.
        """
        require_linear(observable, "Collapse")
        return self._number(observable.weights(self.plan.grid.output_shape), self.windows)

    def terms(self, observables: Sequence[Observable]) -> list[Terms]:
        """Return one number per observable; if complex, the numbers of both parts."""
        if not self.plan.is_complex or any(observable.quadratic for observable in observables):
            return super().terms(observables)
        made = [
            (factor, partial(self._number, windows=self.windows.of_part(part)))
            for factor, part in ((1.0, PARTS[0]), (1j, PARTS[1]))
        ]
        return [of_parts(observable, self.plan, made) for observable in observables]

    def _number(self, weights: _Array, windows: Windows) -> Number:
        """Return the sum with real weights of real samples."""
        (program,) = self.programs
        outcomes = _outcomes(self.positions, self.plan.propagator.shape)
        return SampledPixels(program, weights, windows, outcomes, self.plan.grid)

    def _parts(self, tile: Tile, errors: Errors) -> tuple[Numbers, _Array | float]:
        """Return the standard errors of a tile, and the covariance of both parts if complex."""
        windows = self.windows
        if not self.plan.is_complex:
            return errors(tile, windows), 0.0
        real, imaginary, both = (errors(tile, windows.of_part(part)) for part in PARTS)
        covariance = (np.square(both) - np.square(real) - np.square(imaginary)) / 2
        return real + 1j * imaginary, covariance

    def predict(self) -> Prediction:
        """Predict the standard deviation of one sample, divided by the square root of the shots."""
        plan = self.plan
        stderr = np.zeros(plan.grid.output_shape, plan.result_type)
        if plan.shots is not None:
            shots, covariance = plan.shots_of_pixels, self._corrected_covariance

            def deviation(tile: Tile, windows: Windows) -> _Array:
                if covariance is None:
                    spread = windows.deviation(tile, windows.probabilities)
                else:
                    spread = windows.spread(tile, covariance)
                return spread * _scale(1.0, shots, tile)

            def work(number: int) -> None:
                tile = plan.grid.tiles[number]
                stderr[tile], _ = self._parts(tile, deviation)

            for_each(work, len(plan.grid.tiles), progress=False)
        return Prediction(1.0, stderr)

    @property
    def _corrected_covariance(self) -> _Array | None:
        """Expected covariance of the corrected frequencies of one shot; None if it is not known."""
        wanted = _outcomes(self.positions, self.plan.propagator.shape)
        size = max(2, math.prod(_padded(self.plan.propagator.shape)))
        readout = self.plan.expected_readout(size.bit_length() - 1)
        if readout is None:
            return None
        unfolding = Unfolding(readout, wanted)
        groups = 1.0 if self.method.shared else math.inf
        return unfolding.covariance(unfolding.read(self.windows.probabilities), 1, groups)[0]

    def _errors(self, positions: Selection) -> tuple[Errors | None, bool]:
        """Return a function for the errors of a tile, and whether they correlate between pixels.

        The function is None if the averages are exact.
        """
        plan, shots = self.plan, self.plan.shots
        if shots is None:
            return None, False
        each = plan.shots_of_pixels
        own = self.windows.probabilities
        parts = positions.covariance(own, shots, pooled=self.method.shared)
        if parts is not None:
            sampling, calibration = parts[0] * shots, parts[1]
            common = np.trace(calibration) > _COMMON * np.trace(parts[0] + calibration)

            def of_both(tile: Tile, windows: Windows) -> _Array:
                own = windows.spread(tile, sampling) * _scale(1.0, each, tile)
                return np.hypot(own, windows.spread(tile, calibration))

            return of_both, bool(common)
        probabilities, correction = positions.spread(own)
        return (
            lambda tile, windows: (
                _scale(correction, each, tile) * windows.deviation(tile, probabilities)
            )
        ), False

    def _averages(self, positions: Selection) -> Averages:
        """Return a function for the averages of a tile, over its pixels' shots or shared shots."""
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

        def averages(number: int) -> Iterator[tuple[Tile, Numbers]]:
            for piece, counted in pixel_counts(number):
                if counted.picks is not None:
                    yield piece, windows.average_of_draws(piece, counted.picks)
                elif counted.counts is not None:
                    each = shots if isinstance(shots, int) else shots_in(shots, piece)
                    yield piece, windows.average(piece, counted.counts.T / np.maximum(each, 1))

        return averages


def _scale(variance: float, each: Each, tile: Tile) -> float | _Array:
    """Return the square root of a variance divided by the shots of each pixel, 0 counted as 1."""
    if isinstance(each, int):
        return math.sqrt(variance / each)
    return np.asarray(np.sqrt(variance / np.maximum(each[tile], 1)))


def kernel_circuit(propagator: Propagator, axes: tuple[str, ...]) -> QuantumCircuit:
    """Build the circuit that prepares the superposition over the kernel's positions.

    Registers are named after the axes, ``kernel_row`` and so on. An axis with one position has no
    register.
    """
    names = [f"kernel_{axis}" for axis in axes]
    return encode_amplitudes(np.sqrt(propagator.probabilities), names=names)


def _padded(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of basis states of the kernel's registers, per axis."""
    return tuple(1 << (length - 1).bit_length() for length in shape)


def _outcomes(positions: Positions, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the outcome of the circuit for each of the positions."""
    indices = tuple(np.transpose(positions.indices))
    return np.asarray(np.ravel_multi_index(indices, _padded(shape)))
