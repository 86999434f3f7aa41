"""Amplitude amplification of a flag, at every position of a lattice at once.

Registers: position (``row``, ``column``), ``flag``, kernel (``kernel_row``, ``kernel_column``).
With the position ``x`` in superposition, one application of

    B = X^s R T K,    K |0> = sum_v sqrt(p_v) |v>,    T |x, v> = |x + v, v>,

rotates the flag by ``R``, an RY of ``2 t`` whose angle is looked up at the displaced position, and
flips it where a sign ``s_v`` says so: the flag reads 1 with the probability ``sin(t_x)**2``, the
mean over ``v`` of ``sin(t)**2`` or ``cos(t)**2``. Grover steps ``B S_0 B^dagger Z`` leave the
position alone and turn ``t_x`` into ``(2 m + 1) t_x``. Moving ``B`` to the end, ``m`` of them are

    B (S_0 B^dagger Z B)^m,    B^dagger Z B = K^dagger T^dagger (-1)^s Z R^2 T K,

because ``R^dagger Z R = Z R^2``: one rotation by twice the angle in place of two, half of what
costs most.

Where angles depend on position and kernel jointly, there is no ``T``, and ``s`` is in the angles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Qubit
from qiskit.circuit.library import DiagonalGate, UCRYGate
from qiskit.circuit.library.data_preparation import UniformSuperpositionGate

from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.registers import (
    append_again,
    append_shift,
    axis_registers,
    kernel_registers,
    on_kernel_states,
    prepare,
    qubits_of,
)
from qconv.circuits.signs import sign_flips

_Array = NDArray[np.float64]


class Amplifier:
    """Circuits that amplify a flag at every position.

    Args:
        counts: How many positions are in superposition along each axis.
        kernel: Real weights in the order of what is added to the position.
        angles: Of the lattice of positions, ``(2**bits, ...)``; or, before these axes, of the
            kernel's positions too, padded to powers of two. In ``[0, pi/2]``.
        native: Whether a simulator takes arrays as instructions.
        family: Of the adders, see `qconv.offset_adder`.
    """

    def __init__(
        self,
        counts: Sequence[int],
        kernel: _Array,
        angles: _Array,
        *,
        native: bool,
        family: str,
    ) -> None:
        axes = kernel.ndim
        bits = [length.bit_length() - 1 for length in angles.shape[-axes:]]
        self._counts, self._kernel, self._angles, self._native = counts, kernel, angles, native
        self._position, self._registers = axis_registers(bits), kernel_registers(kernel.shape)
        self._flag = QuantumRegister(1, "flag")
        groups = [*self._position.values(), self._flag, *self._registers.values()]
        self._blank = QuantumCircuit(*groups)
        self._joint = angles.ndim > axes
        self._shift = self._blank.copy_empty_like()
        if not self._joint:
            append_shift(self._shift, self._position, self._registers, kernel.shape, family=family)
            self._blank.add_register(*self._shift.qregs[len(self._blank.qregs) :])
        self._shift_back = self._shift.inverse()
        self._encoding = encode_amplitudes(np.sqrt(np.abs(kernel)))
        self._encoding_back = self._encoding.inverse()

    @property
    def measured(self) -> int:
        """How many of the first qubits are measured: the position and, above it, the flag."""
        return len(qubits_of(self._position)) + 1

    def circuit(self, power: int) -> QuantumCircuit:
        """The circuit of one power, without measurement."""
        circuit = self._started()
        for _ in range(power):
            circuit.compose(self._step, inplace=True, copy=False)
        self._apply(circuit)
        return circuit

    def saving(self, powers: Sequence[int]) -> QuantumCircuit:
        """One circuit that saves the probabilities of position and flag at several powers.

        Each is saved under the power as its label, on the way to the next.
        """
        circuit = self._started()
        done = 0
        for number, power in enumerate(sorted(powers)):
            if number:
                self._step_on(circuit)
                done += 1
            for _ in range(power - done):
                circuit.compose(self._step, inplace=True, copy=False)
            done = power
            self._apply(circuit)
            circuit.save_probabilities(circuit.qubits[: self.measured], label=str(power))
        return circuit

    # ------------------------------------------------------------------------------- the parts

    def _started(self) -> QuantumCircuit:
        """The positions in superposition.

        In a simulator by one preparation of all their qubits, unless Hadamard gates will do: with
        several, it would run the circuit shot by shot.
        """
        circuit = self._blank.copy_empty_like()
        sizes = {axis: 2**register.size for axis, register in self._position.items()}
        if self._native and any(self._counts[axis] < size for axis, size in sizes.items()):
            some = np.ones(1)
            for axis, size in sorted(sizes.items()):
                within = np.arange(size) < self._counts[axis]
                some = np.multiply.outer(some, within).ravel()
            prepare(circuit, some, qubits_of(self._position), native=True)
            return circuit
        for axis, register in self._position.items():
            if self._counts[axis] == sizes[axis]:
                circuit.h(register)
            elif self._counts[axis] > 1:
                gate = UniformSuperpositionGate(self._counts[axis], register.size)
                circuit.append(gate, register)
        return circuit

    def _apply(self, circuit: QuantumCircuit) -> None:
        """``B``, and the position back to where it was."""
        self._load(circuit)
        self._rotate(circuit, self._once)
        self._flip(circuit)
        circuit.compose(self._shift_back, inplace=True, copy=False)

    @cached_property
    def _step(self) -> QuantumCircuit:
        """``S_0 B^dagger Z B`` with one rotation."""
        circuit = self._blank.copy_empty_like()
        self._load(circuit)
        self._rotate(circuit, self._twice)
        circuit.z(self._flag)
        if not self._joint:
            signs = sign_flips(self._signs, controlled=False)
            circuit.compose(signs, qubits_of(self._registers), inplace=True)
        self._unload(circuit)
        return circuit

    def _step_on(self, circuit: QuantumCircuit) -> None:
        """``S_0 B^dagger Z`` after `_apply`: a step that goes on from what was saved."""
        circuit.z(self._flag)
        circuit.compose(self._shift, inplace=True, copy=False)
        self._flip(circuit)
        circuit.z(self._flag)
        self._rotate(circuit, self._once)  # backwards between two Z
        circuit.z(self._flag)
        self._unload(circuit)

    def _load(self, circuit: QuantumCircuit) -> None:
        circuit.compose(self._encoding, qubits_of(self._registers), inplace=True)
        circuit.compose(self._shift, inplace=True, copy=False)

    def _unload(self, circuit: QuantumCircuit) -> None:
        """Undo `_load`, and reflect about the kernel registers and the flag in ``|0>``."""
        circuit.compose(self._shift_back, inplace=True, copy=False)
        circuit.compose(self._encoding_back, qubits_of(self._registers), inplace=True)
        qubits = [*self._flag, *qubits_of(self._registers)]
        if self._native:
            circuit.append(DiagonalGate([-1.0, *[1.0] * (2 ** len(qubits) - 1)]), qubits)
            return
        circuit.x(qubits)
        circuit.mcp(math.pi, qubits[:-1], qubits[-1])
        circuit.x(qubits)

    @cached_property
    def _signs(self) -> _Array:
        """The sign of every basis state of the kernel registers, 0 where it does not matter."""
        return on_kernel_states(np.sign(self._kernel)).ravel()

    def _flip(self, circuit: QuantumCircuit) -> None:
        """Flip the flag where the kernel is negative."""
        flips = sign_flips(self._signs)
        if self._joint or not flips.data:
            return
        circuit.h(self._flag)
        circuit.compose(flips, [*self._flag, *qubits_of(self._registers)], inplace=True)
        circuit.h(self._flag)

    @cached_property
    def _once(self) -> CircuitInstruction:
        return self._rotation(self._angles)

    @cached_property
    def _twice(self) -> CircuitInstruction:
        return self._rotation(2 * self._angles)

    def _rotation(self, angles: _Array) -> CircuitInstruction:
        """The multiplexed rotation; for a simulator its diagonal, in a frame of `_rotate`."""
        controls: list[Qubit] = qubits_of(self._position)
        if self._joint:
            controls += qubits_of(self._registers)
        flat = angles.ravel()
        if not self._native:
            gate = UCRYGate((2 * flat).tolist())
            return CircuitInstruction(gate, (*self._flag, *controls), ())
        diagonal = DiagonalGate(np.exp(1j * np.concatenate([-flat, flat])).tolist())
        return CircuitInstruction(diagonal, (*controls, *self._flag), ())

    def _rotate(self, circuit: QuantumCircuit, rotation: CircuitInstruction) -> None:
        """Rotate the flag by twice the angle of every position."""
        if not self._native:
            append_again(circuit, rotation)
            return
        circuit.sdg(self._flag)
        circuit.h(self._flag)
        append_again(circuit, rotation)
        circuit.h(self._flag)
        circuit.s(self._flag)
