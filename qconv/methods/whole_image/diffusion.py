"""Diffusion: a random displacement moves a particle from its pixel; a measurement locates it.

The position registers hold ``sum_x sqrt(I_x / M) |x>`` with ``M = sum I``. A measurement would
find a particle at ``x`` with probability ``I_x / M``. The kernel registers hold
``sum_j sqrt(p_j) |j>``. An adder moves the particle,

    |x> |j>  ->  |x + j> |j>,

and the position is measured. Different ``j`` do not interfere, whether or not the kernel registers
are measured. The outcomes therefore have the distribution ``(p * I) / M``, and every shot is one
diffused particle. If the weights ``w_j`` differ (in an edge kernel, they have different signs), the
kernel registers are measured too. If ``n_w(y)`` of ``N`` particles are found at ``y`` and have
weight ``w``, the estimate is

    estimate(y) = M / N * sum_w w n_w(y).

After several steps, a particle has moved by the sum of one displacement per step. The weight of the
particle is the product of the weights of these displacements. Each step has its own kernel
registers if the circuit then stays within a maximum number of qubits. Otherwise one set of
registers holds the convolution of the propagator with itself. Resetting one set between the steps
would give the same distribution, but a simulator would run shot by shot.

Images may have any unit. `qconv.methods.whole_image.register_layout` describes the boundaries.
Particles that end outside the output are not replaced; `Convolution.success_probability` is the
fraction that ends inside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Self

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv.circuits.arithmetic import FAMILIES
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.loading.preparation import EXACT, Preparation
from qconv.circuits.registers import (
    append_shift,
    axis_registers,
    kernel_registers,
    kernel_states,
    mirror_registers,
    on_kernel_states,
    on_ring,
    qubits_of,
)
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.readout import Readout
from qconv.execution.program import Program
from qconv.methods.whole_image.encoded_image import EncodedImage, PreparedImage
from qconv.methods.whole_image.options import WholeImageMethod
from qconv.methods.whole_image.outcome_counts import Labels, OutcomeCounts
from qconv.methods.whole_image.reading import Reading
from qconv.methods.whole_image.state import State
from qconv.observables.observable import Observable
from qconv.planning.method import LoadingError, Prediction
from qconv.planning.number import Number, Scored, require_linear
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

ADDERS = ("auto", *FAMILIES, "classical")

#: Maximum number of qubits of a circuit with kernel registers for each of several steps.
_FRESH_QUBITS = 22


@dataclass(frozen=True, repr=False)
class Diffusion(WholeImageMethod):
    """Diffusion of particles: the whole image in one circuit, one particle per shot.

    The values of the image are numbers of particles and must not be negative.

    Args:
        adder: Adder that moves the particles. ``"auto"`` selects one that suits the backend.
            ``"ripple"`` (fewest gates, with ancillas), ``"fourier"`` and ``"mcx"`` (both without
            ancillas) are the families of `qconv.offset_adder`. ``"classical"`` uses no adder:
            position and displacement are measured and added classically, which gives the same
            distribution.
        steps: Number of moves, as in `classical.diffuse`. The result has the shape of a convolution
            with one larger kernel: ``steps`` copies of the kernel, convolved with each other.
        preparation: Preparation of the image: ``"exact"``, or a `qconv.ApproximatePreparation` with
            far fewer gates. `Convolution.loading_bias` is the error that it causes.

    Raises:
        TypeError: If ``steps`` is not an integer, or ``preparation`` has the wrong type.
        ValueError: If ``steps`` is below 1, or ``adder`` is unknown.

    Example:
        >>> import qconv
        >>> drop = [0, 0, 16, 0, 0]
        >>> method = qconv.Diffusion(steps=2)
        >>> result = qconv.convolve(drop, [0.25, 0.5, 0.25], method=method, shots=None, mode="same")
        >>> result.image.round(6)
        array([1., 4., 6., 4., 1.])
        >>> [register.name for register in result.circuits[0].qregs]
        ['column', 'kernel_column', 'kernel_column_2']
    """

    adder: str = "auto"
    steps: int = 1
    preparation: Preparation = EXACT

    nonnegative = True

    def __post_init__(self) -> None:
        one_of(self.adder, "adder", ADDERS)
        object.__setattr__(self, "steps", whole_number(self.steps, "steps", 1))
        self._check_preparation()

    @property
    def corrects_readout(self) -> bool:
        """Whether readout errors can be corrected: not if ``adder`` is ``"classical"``."""
        return self.adder != "classical"

    def prepare(self, plan: Problem) -> PreparedDiffusion:
        """Return the `Prepared` object (circuit and its decoding) for one plan."""
        return PreparedDiffusion(self, plan)


@dataclass(frozen=True, eq=False)
class Move:
    """One addition to the position: a propagator in the order of the added numbers."""

    probabilities: _Array
    """Probabilities of the added numbers."""
    weights: _Array
    """Weights of the added numbers, same shape."""


@dataclass(frozen=True, eq=False)
class Landing:
    """Distribution of a particle's final basis state, and the expected weights."""

    loaded: EncodedImage
    """Image as it is loaded."""
    walk: list[Move]
    """Moves of the particle."""

    @cached_property
    def largest(self) -> list[float]:
        """Largest magnitude of the weights of each move."""
        return [float(np.abs(move.weights).max()) or 1.0 for move in self.walk]

    @cached_property
    def weights(self) -> list[_Array]:
        """Weights of each move, relative to the largest."""
        each = zip(self.walk, self.largest, strict=True)
        return [move.weights / largest for move, largest in each]

    @cached_property
    def success(self) -> float:
        """Expected fraction of the particles that end in the output."""
        landed = self.moved([np.ones_like(weights) for weights in self.weights])
        return float(self.loaded.layout.read(landed).sum())

    @cached_property
    def mean(self) -> _Array:
        """Expected weight of a particle at each basis state; 0 if it ends elsewhere."""
        return self.moved(self.weights)

    @cached_property
    def square(self) -> _Array:
        """Expected square of this weight."""
        return self.moved([weights**2 for weights in self.weights])

    def moved(self, weights: list[_Array]) -> _Array:
        """Return the weight per particle at each basis state, given the weights of each move."""
        mass = float(self.loaded.content.sum())
        moved = self.loaded.everywhere(self.transfer(weights))
        return np.asarray(moved / mass if mass else np.zeros_like(moved), dtype=np.float64)

    def transfer(self, weights: list[_Array]) -> NDArray[np.complex128]:
        """Return the transfer function of all moves, given the weights of each move."""
        each = zip(self.walk, weights, strict=True)
        kernels = [move.probabilities * weights for move, weights in each]
        return np.asarray(np.prod([self.loaded.transfer(kernel) for kernel in kernels], axis=0))


@dataclass(frozen=True, eq=False)
class PreparedDiffusion(PreparedImage[Diffusion]):
    """The circuit that moves a particle of one plan's image."""

    shared_landing: Landing | None = field(default=None, repr=False)
    """Landing that is shared with an earlier plan; None to compute it."""

    def again(self, plan: Problem) -> Self:
        """Return the `Prepared` object for another plan, with the same image and landing."""
        return replace(super().again(plan), shared_landing=self._landing)

    @cached_property
    def programs(self) -> list[Program]:
        """Program of the circuit; none for an all-zero image."""
        encoded = self.encoded
        if encoded.unit == 0:
            return []
        labels, _, _ = self._classes
        measured = encoded.layout.num_qubits + labels.qubits
        return [encoded.program(self._shell, self._state, measured)]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Average the weights of the particles that each pixel received."""
        encoded = self.encoded
        if encoded.unit == 0:
            return encoded.nothing("image: zero everywhere")
        labels, weights, largest = self._classes
        counts = OutcomeCounts.of(next(outcomes), encoded.layout, labels, self.plan.seed)
        reading = Reading(
            "mean",
            float(encoded.content.sum()) * largest,
            encoded.unit,
            counts.executions,
            tuple(weights.tolist()),
        )
        return encoded.result(counts, reading, expected=self._landing.success)

    def number(self, observable: Observable) -> Number:
        """Return a linear observable: the mean weight of particles, times the weight of the pixel.

        Raises:
            TypeError: If the observable is quadratic.
        """
        require_linear(observable, "Diffusion")
        encoded = self.encoded
        pixels = encoded.layout.scattered(observable.weights(self.plan.grid.output_shape))
        if encoded.unit == 0:
            return Scored.zero(self._amplified)
        labels, weights, largest = self._classes
        if self.method.adder == "classical":
            raise ValueError(
                "adder: expected an adder in the circuit for observables, got 'classical'"
            )
        of_label = np.where(labels.classes < 0, 0.0, weights[labels.classes])
        scores = labels.scores(of_label, pixels)
        moments, mass = [], float(encoded.content.sum())
        for power in (1, 2):
            kernels = [move.probabilities * move.weights**power for move in self._walk]
            transfer = np.prod([encoded.transfer(kernel) for kernel in kernels], axis=0)
            landed = encoded.everywhere(transfer).reshape(pixels.shape) / mass
            moments.append(float((landed * pixels**power).sum()) / largest**power)
        unit = mass * encoded.unit * largest
        program = next(iter(self.programs))
        return Scored(program, scores, unit, (moments[0], moments[1]), self._amplified)

    def _amplified(self, power: int, marked: NDArray[np.bool_]) -> Program:
        """Return the program with rounds that amplify particles which end at marked states."""

        def shell() -> QuantumCircuit:
            return self._shell(clean=True)

        return self.encoded.amplified(shell, self._state, marked, power)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the values of the image."""
        return int(self._shell().num_qubits)

    def predict(self) -> Prediction:
        """Predict the fraction of particles that end in the output, and the standard errors."""
        encoded, landing = self._loaded, self._landing
        labels, _, _ = self._classes
        position = encoded.layout.num_qubits
        readout = self.plan.expected_readout(position + labels.qubits)
        if readout is not None and labels.qubits:
            corrected = self._corrected_squares(landing.weights, readout.bits(position, None))
            square = landing.moved(corrected)
        else:
            square = landing.square
        if readout is not None:
            square = readout.bits(0, position).squares_at(square)
        mean = np.asarray(encoded.layout.read(landing.mean), dtype=np.float64)
        variance = np.asarray(encoded.layout.read(square), dtype=np.float64) - mean**2
        factor = float(encoded.content.sum()) * math.prod(landing.largest)
        return encoded.predicted(landing.success, variance, factor)

    def loading_error(self) -> LoadingError | None:
        """Return the exact difference that approximate loading makes; None for exact loading."""
        if self.method.loads_exactly:
            return None
        encoded = self.encoded
        if encoded.unit == 0:
            return LoadingError.none(self.plan.grid.output_shape)
        transfer = self._landing.transfer([move.weights for move in self._walk])
        exact, loaded = (
            each.layout.outputs(each.in_units(each.through(transfer), 1.0))
            for each in (encoded, self._loaded)
        )
        return LoadingError(loaded - exact, exact)

    def _state(self) -> State:
        """Return the state of the particles' positions."""
        return State.of(np.sqrt(self.encoded.content), self.method.preparation)

    @cached_property
    def _loaded(self) -> EncodedImage:
        """Image as it is loaded, with the same number of particles as the exact image."""
        encoded = self.encoded
        if self.method.loads_exactly or encoded.unit == 0:
            return encoded
        density = np.square(self._state().unit).reshape(encoded.content.shape)
        return replace(encoded, content=density * float(encoded.content.sum()))

    @cached_property
    def _landing(self) -> Landing:
        """Distribution of a particle's final basis state, shared with earlier plans if possible."""
        return self.shared_landing or Landing(self._loaded, self._walk)

    def _corrected_squares(self, weights: list[_Array], readout: Readout) -> list[_Array]:
        """Return the expected squares of weights if kernel registers are corrected for readout."""
        found, first = [], 0
        for move, each in zip(self._walk, weights, strict=True):
            padded = on_kernel_states(np.where(move.probabilities > 0, each, 0.0))
            last = first + padded.size.bit_length() - 1
            squares = readout.bits(first, last).squares_of(padded.ravel()).reshape(padded.shape)
            found.append(squares[tuple(map(slice, each.shape))])
            first = last
        return found

    def _encode(self) -> EncodedImage:
        """Encode the image as particles."""
        others = len(qubits_of(kernel_registers(self.plan.propagator.shape)))
        encoded = EncodedImage.of(self.plan, others, mirror=True)
        lowest = float(encoded.plan.image.min())
        if lowest < 0:
            raise ValueError(
                f"image: expected values >= 0 for Diffusion, got {lowest:g}; the values are "
                "numbers of particles"
            )
        if encoded.content.min() < 0:
            raise ValueError(
                "fillvalue: expected a number >= 0 for Diffusion, got "
                f"{encoded.plan.grid.fillvalue:g}; the value is a number of particles"
            )
        return encoded

    @cached_property
    def _walk(self) -> list[Move]:
        """Moves of all steps: one per step if enough qubits are allowed, otherwise one in total."""
        layout, propagator, steps = self.encoded.layout, self.plan.propagator, self.method.steps
        move = Move(layout.added(propagator.probabilities), layout.added(propagator.weights))
        width = len(qubits_of(kernel_registers(propagator.shape)))
        if steps == 1 or layout.num_qubits + steps * width <= _FRESH_QUBITS:
            return [move] * steps
        return [_joined(move, steps)]

    @cached_property
    def _classes(self) -> tuple[Labels, _Array, float]:
        """Classes of the kernel registers' outcomes, by the weight of their particles.

        The first item has the labels, without qubits if all weights are equal. The second has the
        weights of the classes, relative to the largest. The third is the largest weight.
        """
        classical = self.method.adder == "classical"
        p, w = np.ones(1), np.ones(1)
        for move in self._walk:  # later registers have the higher bits
            p = np.multiply.outer(on_kernel_states(move.probabilities).ravel(), p).ravel()
            w = np.multiply.outer(on_kernel_states(move.weights).ravel(), w).ravel()
        weights, place = np.unique(w[p > 0], return_inverse=True)
        largest = float(np.abs(weights).max()) or 1.0
        if len(weights) == 1 and not classical:
            labels = Labels.of(self.encoded.layout, np.zeros(1, dtype=np.intp))
            return labels, weights / largest, largest
        classes = np.full(p.size, -1)
        classes[p > 0] = place
        shifts = None
        if classical:
            shape = [s for move in reversed(self._walk) for s in kernel_states(move.weights.shape)]
            numbers = np.stack(np.unravel_index(np.arange(p.size), shape), axis=1)
            shifts = numbers.reshape(p.size, len(self._walk), -1).sum(axis=1)
        layout = self.encoded.layout
        labels = Labels.of(layout, classes, shifts=shifts, mirrors=not classical)
        return labels, weights / largest, largest

    def _shell(self, clean: bool = False) -> QuantumCircuit:
        """Return the circuit that moves a particle, without the preparation of the image.

        The position registers are ``row`` and ``column``. Mirrored axes have ``mirror_row`` and
        ``mirror_column``, which start in ``|0>``. The first move has ``kernel_row`` and
        ``kernel_column``, the second ``kernel_row_2`` and ``kernel_column_2``, and so on. The
        adders have ``ancilla_0`` and so on if they need ancillas, which end in ``|0>`` if
        ``clean``.
        """
        family = self.encoded.family(self.method.adder)
        layout = self.encoded.layout
        position = axis_registers(layout.bits)
        mirrors = mirror_registers(layout.mirrored) if family != "classical" else {}
        kernels = [
            kernel_registers(move.weights.shape, "" if number == 1 else f"_{number}")
            for number, move in enumerate(self._walk, start=1)
        ]
        groups = [position, mirrors, *kernels]
        shell = QuantumCircuit(*(register for group in groups for register in group.values()))
        for move, kernel in zip(self._walk, kernels, strict=True):
            encoded = encode_amplitudes(np.sqrt(move.probabilities))
            shell.compose(encoded, qubits_of(kernel), inplace=True)
        free = shell.qubits[:0]
        for move, kernel in zip(self._walk, kernels, strict=True):
            if family != "classical":  # all adders but the last leave clean ancillas for the next
                last, shape = kernel is kernels[-1] and not clean, move.weights.shape
                ring = on_ring(position, mirrors)
                free = append_shift(
                    shell, ring, kernel, shape, family=family, measured=last, clean=free
                )
        return shell


def _joined(move: Move, steps: int) -> Move:
    """Return one move with the distribution of several, and the mean weights of their particles."""
    p = reduce(_convolved, [move.probabilities] * steps)
    weighted = reduce(_convolved, [move.probabilities * move.weights] * steps)
    weights = np.divide(weighted, p, out=np.zeros_like(p), where=p > 0)
    return Move(p / p.sum(), weights)


def _convolved(first: _Array, second: _Array) -> _Array:
    from scipy.signal import convolve  # deferred: takes half a second to import

    return np.asarray(convolve(first, second, method="direct"))
