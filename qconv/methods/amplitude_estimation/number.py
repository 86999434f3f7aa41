"""Linear observables by one angle: the positions are in superposition, weighted by the observable.

Let ``w`` be the weights of the pixels and ``W = sum |w|``. The position register is prepared in
``sum_x sqrt(|w(x)| / W) |x>``, and the flag is flipped where ``w`` is negative. The flag then reads
1 with probability

    p = sum_x |w(x)| / W a(x),    1 - a(x) instead of a(x) where w(x) < 0,

where ``a(x)`` is the probability of pixel ``x``, see `qconv.methods.amplitude_estimation.method`.
The sum of the pixels is linear in ``p``. A round of amplification reflects on all registers,
the position included, so there is one angle for the whole observable and not one per pixel.

Only the pixels with a weight are encoded, with the margin that the kernel needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Gate

from qconv.circuits.amplification.rounds import Rounds, after_preparation
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.grover import Amplifier, append_uniform
from qconv.circuits.registers import (
    AmplitudePreparation,
    BoxedDiagonal,
    append_large,
    axis_registers,
    kernel_registers,
    large_diagonal,
    qubits_of,
)
from qconv.execution.program import Program
from qconv.execution.seeds import JOBS, derived
from qconv.execution.simulate.probabilities import require_room
from qconv.methods.amplitude_estimation.scale import Scale, added_kernel
from qconv.methods.cutting import Block
from qconv.observables.observable import Observable
from qconv.planning.number import Number, Scored, require_linear
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]


def weighted_sum(plan: Problem, observable: Observable, kind: str) -> Number:
    """Return the number of a linear observable.

    Args:
        plan: The plan.
        observable: Linear observable.
        kind: Range of pixels that is mapped to probabilities: ``"global"`` is the range of the
            whole image, ``"local"`` the range of the pixels that the observable reads.

    Raises:
        TypeError: If the observable is quadratic.
        ValueError: If the simulation would not fit in memory.
    """
    require_linear(observable, "AmplitudeEstimation", " with estimator='amplitude'")
    weights = observable.weights(plan.grid.output_shape)
    return _Weighted(plan, np.asarray(weights, np.float64), kind).number()


@dataclass(frozen=True, eq=False)
class _Weighted:
    """Circuit of a weighted sum of the pixels."""

    plan: Problem
    weights: _Array
    kind: str

    def number(self) -> Number:
        """Return the number; 0 if there are no weights or the image is constant where it is read.

        The offset of the number is the value for probability 0.
        """
        scale, (_, states) = self._scale, self._block
        total, size = float(states.sum()), float(np.abs(states).sum())
        negative = scale.width * (scale.size - scale.total) / 2
        offset = float((scale.low * scale.total - negative) * total)
        unit = float(scale.width * scale.size) * size
        below = (size - total) / 2
        offset -= float(scale.width * scale.size) * below
        if unit == 0:
            return Scored(None, np.zeros(1), 0.0, (0.0, 0.0), self._program, offset)
        p = (self._exact() - offset) / unit
        measured = self._amplifier.measured
        scores = np.repeat([0.0, 1.0], 2 ** (measured - 1))
        program = self._program(0, scores > 0)
        return Scored(program, scores, unit, (p, p), self._program, offset)

    @cached_property
    def _block(self) -> tuple[Block, _Array]:
        """Block of the pixels with a weight, and the weight of each of its basis states."""
        grid, outputs, bits = self.plan.grid, [], []
        for axis, length in enumerate(grid.output_shape):
            others = tuple(i for i in range(self.weights.ndim) if i != axis)
            used = np.flatnonzero(self.weights.any(axis=others))
            first, end = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 1)
            pixels, reach = grid.image_shape[axis], grid.kernel_shape[axis] - 1
            needed = (end - first + reach - 1).bit_length()
            whole = pixels.bit_length() - 1
            if grid.boundary == "wrap" and pixels == 2**whole and needed >= whole:
                first, end, needed = 0, length, whole
            outputs.append(slice(first, end))
            bits.append(needed)
        if not any(bits):
            bits[-1] = 1
        states = np.zeros([2**n for n in bits])
        places = [
            np.arange(part.stop - part.start) % 2**n for part, n in zip(outputs, bits, strict=True)
        ]
        np.add.at(states, np.ix_(*places), self.weights[tuple(outputs)])
        counts = tuple(
            min(part.stop - part.start, 2**n) for part, n in zip(outputs, bits, strict=True)
        )
        return Block(tuple(outputs), tuple(bits), counts), states

    @cached_property
    def _scale(self) -> Scale:
        """Map of the pixels to probabilities, with one range for all positions."""
        plan, (block, _) = self.plan, self._block
        scale = Scale.of(plan, block, added_kernel(plan), self.kind)
        if not scale.local:
            return scale
        low, high = scale.low.min(), (scale.low + scale.width).max()
        return replace(scale, low=np.array(low), width=np.array(high - low), local=False)

    def _exact(self) -> float:
        """Return the exact weighted sum."""
        plan, kernel, total = self.plan, self.plan.propagator.effective_kernel, 0.0
        whole = tuple(slice(0, length) for length in plan.grid.output_shape)
        for position in zip(*np.nonzero(kernel), strict=True):
            seen = plan.grid.view(plan.padded, position, whole)
            total += float(kernel[position]) * float((self.weights * seen).sum())
        return total

    @cached_property
    def _amplifier(self) -> Amplifier:
        plan, (block, _) = self.plan, self._block
        kernel = added_kernel(plan)
        if plan.simulated:
            others = len(qubits_of(kernel_registers(kernel.shape))) + 1
            n = sum(block.bits)
            require_room(n + others, n + 1, n, plan.grid.image_shape)
        angles = self._scale.angles(plan, block, kernel)
        return Amplifier(block.counts, kernel, angles, native=plan.native, family=plan.adder)

    def _program(self, power: int, marked: NDArray[np.bool_]) -> Program:
        """Return the program of one power; the marked outcomes are those with flag 1."""
        plan, (block, states) = self.plan, self._block
        magnitudes = np.abs(states)
        amplitudes = np.sqrt(magnitudes.ravel())
        inside = magnitudes[tuple(map(slice, block.counts))]

        def gates() -> QuantumCircuit | Gate:
            if inside.min() == inside.max():
                position = axis_registers(block.bits)
                circuit = QuantumCircuit(*position.values())
                append_uniform(circuit, position, block.counts)
                return circuit
            make = AmplitudePreparation if plan.counted else encode_amplitudes
            return make(amplitudes)

        def build() -> QuantumCircuit:
            shell = self._shell()
            flag = shell.qubits[self._amplifier.measured - 1]

            def reflect(circuit: QuantumCircuit) -> None:
                circuit.compose(shell, inplace=True)
                circuit.z(flag)
                circuit.compose(shell.inverse(), inplace=True)

            return after_preparation(
                shell, amplitudes, gates, Rounds(power, reflect), native=plan.native
            )

        seed = derived(plan.seed, JOBS)
        return Program(build, None, seed, self._amplifier.measured, 2 * power + 1)

    def _shell(self) -> QuantumCircuit:
        """Return the circuit after the superposition of positions."""
        shell, (_, states) = self._amplifier.shell(), self._block
        if states.min() < 0:
            qubits = shell.qubits[: self._amplifier.measured]
            signs = np.concatenate([np.ones(states.size), np.where(states < 0, -1.0, 1.0).ravel()])
            make = BoxedDiagonal if self.plan.counted else large_diagonal
            shell.h(qubits[-1])
            append_large(shell, make(signs.astype(np.complex128)), qubits)
            shell.h(qubits[-1])
        return shell
