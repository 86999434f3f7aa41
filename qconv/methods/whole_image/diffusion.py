"""Diffusion: a particle starts at a pixel and moves by the kernel; a measurement finds it.

The position registers hold ``sum_x sqrt(I_x / M) |x>``, ``M = sum I``, so that a measurement would
find a particle at ``x`` with the probability that the image gives it. The kernel registers hold
``sum_j sqrt(p_j) |j>``. An adder moves the particle,

    |x> |j>  ->  |x + j> |j>,

and the position is measured. Different ``j`` do not interfere, whether they are measured or not:
the outcome's law is ``(p * I) / M``, and every shot is one particle that diffused. Where weights
``w_j`` differ, as the signs of an edge kernel do, the kernel registers are measured too, and with
``N`` particles in all, ``n_w(y)`` of them of weight ``w`` at ``y``,

    estimate(y) = M / N * sum_w w n_w(y).

After several steps a particle has moved by the sum of as many displacements, and its weight is the
product: either with kernel registers of their own (``fresh``), or with one that holds the
propagator's convolution with itself. Resetting one between the steps would be the same law, but
would make a simulator run shot by shot.

Images are in any unit; boundaries as `qconv.methods.whole_image.register_layout` lays them out;
particles that end beyond what is read are not made up for, and `Convolution.success_probability`
tells their part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv.circuits.arithmetic import FAMILIES
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.registers import (
    Registers,
    append_shift,
    axis_registers,
    kernel_registers,
    on_kernel_states,
    qubits_of,
)
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.whole_image.encoded_image import EncodedImage, PreparedImage
from qconv.methods.whole_image.outcome_counts import Labels, linear
from qconv.planning.method import Method, Prediction
from qconv.planning.problem import Problem
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

_Array = NDArray[np.float64]

ADDERS = ("auto", *FAMILIES, "classical")

#: Most qubits of a circuit with kernel registers for each of several steps.
_FRESH_QUBITS = 22


@dataclass(frozen=True)
class Diffusion(Method):
    """Let particles diffuse: the whole image in one circuit, one particle a shot.

    Needs an image without negative values, as they are numbers of particles.

    Args:
        adder: What moves the particles. ``"auto"`` takes the adder that suits where the circuit
            runs; ``"ripple"`` (fewest gates, with ancillas), ``"fourier"`` and ``"mcx"`` (none)
            are those of `qconv.offset_adder`; ``"classical"`` adds the measured registers
            instead, which has the same law.
        steps: How often the particles move, as `classical.diffuse` does. The result has the shape
            of a convolution with the kernel convolved with itself that often.

    Raises:
        TypeError: ``steps`` is not a whole number.
        ValueError: ``steps`` is below 1, ``adder`` unknown.

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

    whole_image: ClassVar[bool] = True
    nonnegative = True

    def __post_init__(self) -> None:
        one_of(self.adder, "adder", ADDERS)
        whole_number(self.steps, "steps", 1)

    @property
    def corrects_readout(self) -> bool:
        """Whether counts can be corrected: not where positions are added after measuring them."""
        return self.adder != "classical"

    def prepare(self, plan: Problem) -> PreparedDiffusion:
        """Return the work for one plan."""
        return PreparedDiffusion(self, plan)


@dataclass(frozen=True, eq=False)
class PreparedDiffusion(PreparedImage[Diffusion]):
    """The circuit that moves a particle of one plan's image."""

    @cached_property
    def programs(self) -> list[Program]:
        """The circuit; none for a black image."""
        encoded = self.encoded
        if encoded.unit == 0:
            return []
        measured = encoded.layout.num_qubits + self._meaning.labels.qubits
        return [encoded.program(self._shell, lambda: np.sqrt(encoded.content), measured)]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Average the weights of the particles that each pixel received."""
        encoded = self.encoded
        if encoded.unit == 0:
            return encoded.nothing("image: zero everywhere")
        meaning = self._meaning
        counts = encoded.counts(next(outcomes), meaning.labels)
        return encoded.result(
            counts,
            linear(counts, meaning.weights),
            float(encoded.content.sum()) * meaning.largest,
            expected=self._expected_success,
        )

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the image shows."""
        return int(self._shell().num_qubits)

    def predict(self) -> Prediction:
        """Predict the fraction of particles that end where it is read, and standard errors."""
        encoded = self.encoded
        mass = float(encoded.content.sum())
        if mass == 0:
            return Prediction(0.0, np.zeros(self.plan.grid.output_shape))
        moments = []
        largest = [float(np.abs(move.weights).max()) or 1.0 for move in self._walk]
        for power in (1, 2):
            kernels = [
                move.probabilities * (move.weights / most) ** power
                for move, most in zip(self._walk, largest, strict=True)
            ]
            transfer = np.prod([encoded.transfer(kernel) for kernel in kernels], axis=0)
            moments.append(encoded.through(transfer) / mass)
        variance = moments[1] - moments[0] ** 2
        factor = mass * math.prod(largest)
        return encoded.predicted(self._expected_success, variance, factor)

    def _encode(self) -> EncodedImage:
        """Encode the image as particles."""
        others = len(qubits_of(kernel_registers(self.plan.propagator.shape)))
        encoded = EncodedImage.of(self.plan, others)
        _require_particles(encoded)
        return encoded

    @cached_property
    def _walk(self) -> list[Move]:
        """The moves of all steps."""
        return _walk(self.encoded, self.plan.propagator, self.method.steps)

    @cached_property
    def _meaning(self) -> _Meaning:
        """What the kernel registers' outcomes mean."""
        return _labels(self._walk, classical=self.method.adder == "classical")

    def _shell(self) -> QuantumCircuit:
        """What follows the preparation of the image."""
        return _shell(self.encoded, self._walk, self.encoded.family(self.method.adder))

    @cached_property
    def _expected_success(self) -> float:
        """Fraction of the particles that end where it is read."""
        spectra = [self.encoded.transfer(move.probabilities) for move in self._walk]
        landed = self.encoded.through(np.prod(spectra, axis=0))
        return float(landed.sum() / self.encoded.content.sum())


def _require_particles(encoded: EncodedImage) -> None:
    lowest = float(encoded.plan.image.min())
    if lowest < 0:
        raise ValueError(
            "image: expected values >= 0 for Diffusion, where they are numbers of particles, got "
            f"{lowest:g}"
        )
    if encoded.content.min() < 0:
        raise ValueError(
            "fillvalue: expected a number >= 0 for Diffusion, where it is a number of particles, "
            f"got {encoded.plan.grid.fillvalue:g}"
        )


# ----------------------------------------------------------------------------------- the walk


@dataclass(frozen=True, eq=False)
class Move:
    """One addition to the position: a propagator in the order of the numbers that are added."""

    probabilities: _Array
    weights: _Array


def _walk(encoded: EncodedImage, propagator: Propagator, steps: int) -> list[Move]:
    """The moves of all steps: one for each while their registers fit, otherwise one for all."""
    added = encoded.layout.added
    move = Move(added(propagator.probabilities), added(propagator.weights))
    width = len(qubits_of(kernel_registers(propagator.shape)))
    if steps == 1 or encoded.layout.num_qubits + steps * width <= _FRESH_QUBITS:
        return [move] * steps
    return [joined([move] * steps)]


def joined(moves: list[Move]) -> Move:
    """One move with the law of several, and the weight that their particles have on average."""
    p = reduce(_convolved, [move.probabilities for move in moves])
    weighted = reduce(_convolved, [move.probabilities * move.weights for move in moves])
    weights = np.divide(weighted, p, out=np.zeros_like(p), where=p > 0)
    return Move(p / p.sum(), weights)


def _convolved(first: _Array, second: _Array) -> _Array:
    from scipy.signal import convolve  # which takes half a second to load

    return np.asarray(convolve(first, second, method="direct"))


@dataclass(frozen=True, eq=False)
class _Meaning:
    """What the kernel registers' outcomes mean."""

    labels: Labels
    """Of no qubits where all particles count the same."""
    weights: _Array
    """Weight of each class, relative to the largest."""
    largest: float
    """The largest weight."""


def _labels(walk: list[Move], *, classical: bool) -> _Meaning:
    """The classes of the kernel registers' outcomes, by the weight of their particles."""
    padded = [_padded(move) for move in walk]
    p, w = np.ones(1), np.ones(1)
    for move in padded:  # later registers have the higher bits
        p = np.multiply.outer(move.probabilities.ravel(), p).ravel()
        w = np.multiply.outer(move.weights.ravel(), w).ravel()
    weights, place = np.unique(w[p > 0], return_inverse=True)
    largest = float(np.abs(weights).max()) or 1.0
    if len(weights) == 1 and not classical:
        return _Meaning(Labels(0, np.zeros(1, dtype=np.intp)), weights / largest, largest)
    classes = np.full(p.size, -1)
    classes[p > 0] = place
    shifts = None
    if classical:
        shape = [length for move in reversed(padded) for length in move.weights.shape]
        numbers = np.stack(np.unravel_index(np.arange(p.size), shape), axis=1)
        shifts = numbers.reshape(p.size, len(walk), -1).sum(axis=1)
    return _Meaning(Labels(p.size.bit_length() - 1, classes, shifts), weights / largest, largest)


def _padded(move: Move) -> Move:
    """A move over all basis states of its registers."""
    return Move(on_kernel_states(move.probabilities), on_kernel_states(move.weights))


# --------------------------------------------------------------------------------- the circuit


def _shell(encoded: EncodedImage, walk: list[Move], adder: str) -> QuantumCircuit:
    """The circuit that moves a particle, without the preparation of the image.

    Registers ``row`` and ``column``, ``kernel_row`` and ``kernel_column`` for the first move,
    ``kernel_row_2`` and so on for the next, ``ancilla_0`` and so on as the adders need them.
    """
    position = axis_registers(encoded.layout.bits)
    kernels = [
        kernel_registers(move.weights.shape, "" if number == 1 else f"_{number}")
        for number, move in enumerate(walk, start=1)
    ]
    shell = QuantumCircuit(*(r for group in [position, *kernels] for r in group.values()))
    for move, kernel in zip(walk, kernels, strict=True):
        encoded = encode_amplitudes(np.sqrt(move.probabilities))
        shell.compose(encoded, qubits_of(kernel), inplace=True)
    if adder != "classical":
        _append_moves(shell, position, kernels, walk, adder)
    return shell


def _append_moves(
    circuit: QuantumCircuit,
    position: Registers,
    kernels: list[Registers],
    walk: list[Move],
    family: str,
) -> None:
    """Append the adders; all but the last clean up their ancillas, for the next to use."""
    clean = circuit.qubits[:0]
    for number, (move, kernel) in enumerate(zip(walk, kernels, strict=True), start=1):
        clean = append_shift(
            circuit,
            position,
            kernel,
            move.weights.shape,
            family=family,
            measured=number == len(walk),
            clean=clean,
        )
