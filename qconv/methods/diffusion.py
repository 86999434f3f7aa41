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

Images are in any unit; boundaries as `qconv.cells` lays them out; particles that end beyond what
is read are not made up for, and `Convolution.success_probability` tells their part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from scipy.signal import convolve

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
from qconv.problem import Problem
from qconv.propagator import Propagator
from qconv.result import Convolution
from qconv.tally import Labels, linear, tally
from qconv.whole import Scene

_Array = NDArray[np.float64]

ADDERS = ("auto", *FAMILIES, "classical")

#: Most qubits of a circuit with kernel registers for each of several steps.
_FRESH_QUBITS = 22


@dataclass(frozen=True)
class Diffusion:
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
    """

    adder: str = "auto"
    steps: int = 1

    def __post_init__(self) -> None:
        one_of(self.adder, "adder", ADDERS)
        whole_number(self.steps, "steps", 1)

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuit and average the weights of the particles that each pixel received."""
        scene = Scene.of(problem, len(qubits_of(kernel_registers(problem.propagator.shape))))
        _require_particles(scene)
        if scene.unit == 0:
            return scene.nothing("image: zero everywhere")
        walk = _walk(scene, problem.propagator, self.steps)
        labels, weights, largest = _labels(walk, classical=self.adder == "classical")
        shell = _shell(scene, walk, scene.family(self.adder))
        measured = scene.cells.num_qubits + labels.qubits
        circuit = scene.with_image(shell, np.sqrt(scene.content), measured)
        counted = tally(problem, scene.cells, circuit, labels)
        return scene.result(
            self,
            counted,
            linear(counted, weights),
            float(scene.content.sum()) * largest,
            expected=_expected_success(scene, walk),
        )

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """What follows the image's preparation where gates count: to be counted, not run."""
        scene = Scene.of(problem)
        walk = _walk(scene, problem.propagator, self.steps)
        return _shell(scene, walk, "ripple" if self.adder == "auto" else self.adder)

    def num_qubits(self, problem: Problem) -> int:
        """Qubits of the circuit that `estimate` would run."""
        scene = Scene.of(problem)
        walk = _walk(scene, problem.propagator, self.steps)
        return int(_shell(scene, walk, scene.family(self.adder)).num_qubits)


def _require_particles(scene: Scene) -> None:
    lowest = float(scene.problem.image.min())
    if lowest < 0:
        raise ValueError(
            "image: expected values >= 0 for Diffusion, where they are numbers of particles, got "
            f"{lowest:g}"
        )
    if scene.content.min() < 0:
        raise ValueError(
            "fillvalue: expected a number >= 0 for Diffusion, where it is a number of particles, "
            f"got {scene.problem.grid.fillvalue:g}"
        )


# ----------------------------------------------------------------------------------- the walk


@dataclass(frozen=True, eq=False)
class Move:
    """One addition to the position: a propagator in the order of the numbers that are added."""

    probabilities: _Array
    weights: _Array


def _walk(scene: Scene, propagator: Propagator, steps: int) -> list[Move]:
    """The moves of all steps: one for each while their registers fit, otherwise one for all."""
    added = scene.cells.added
    move = Move(added(propagator.probabilities), added(propagator.weights))
    width = len(qubits_of(kernel_registers(propagator.shape)))
    if steps == 1 or scene.cells.num_qubits + steps * width <= _FRESH_QUBITS:
        return [move] * steps
    return [joined([move] * steps)]


def joined(moves: list[Move]) -> Move:
    """One move with the law of several, and the weight that their particles have on average."""
    p = reduce(_convolved, [move.probabilities for move in moves])
    weighted = reduce(_convolved, [move.probabilities * move.weights for move in moves])
    weights = np.divide(weighted, p, out=np.zeros_like(p), where=p > 0)
    return Move(p / p.sum(), weights)


def _convolved(first: _Array, second: _Array) -> _Array:
    return np.asarray(convolve(first, second, method="direct"))


def _labels(walk: list[Move], *, classical: bool) -> tuple[Labels, _Array, float]:
    """What the kernel registers' outcomes mean.

    Returns:
        The labels (of no qubits where all particles count the same), the weight of each class
        relative to the largest, and that.
    """
    padded = [_padded(move) for move in walk]
    p, w = np.ones(1), np.ones(1)
    for move in padded:  # later registers have the higher bits
        p = np.multiply.outer(move.probabilities.ravel(), p).ravel()
        w = np.multiply.outer(move.weights.ravel(), w).ravel()
    weights, place = np.unique(w[p > 0], return_inverse=True)
    largest = float(np.abs(weights).max()) or 1.0
    if len(weights) == 1 and not classical:
        return Labels(0, np.zeros(1, dtype=np.intp)), weights / largest, largest
    classes = np.full(p.size, -1)
    classes[p > 0] = place
    shifts = None
    if classical:
        shape = [length for move in reversed(padded) for length in move.weights.shape]
        numbers = np.stack(np.unravel_index(np.arange(p.size), shape), axis=1)
        shifts = numbers.reshape(p.size, len(walk), -1).sum(axis=1)
    return Labels(p.size.bit_length() - 1, classes, shifts), weights / largest, largest


def _padded(move: Move) -> Move:
    """A move over all basis states of its registers."""
    return Move(on_kernel_states(move.probabilities), on_kernel_states(move.weights))


def _expected_success(scene: Scene, walk: list[Move]) -> float:
    """Part of the particles that end where it is read."""
    spectra = [scene.transfer(move.probabilities) for move in walk]
    landed = scene.through(np.prod(spectra, axis=0))
    return float(landed.sum() / scene.content.sum())


# --------------------------------------------------------------------------------- the circuit


def _shell(scene: Scene, walk: list[Move], adder: str) -> QuantumCircuit:
    """The circuit that moves a particle, without the preparation of the image.

    Registers ``row`` and ``column``, ``kernel_row`` and ``kernel_column`` for the first move,
    ``kernel_row_2`` and so on for the next, ``ancilla_0`` and so on as the adders need them.
    """
    position = axis_registers(scene.cells.bits)
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
