"""Amplitude amplification of a flag at all positions of a lattice in parallel.

The registers are position (``row``, ``column``), ``flag`` and kernel (``kernel_row``,
``kernel_column``). With the position ``x`` in superposition, one application of

    B = X^s R T K,    K |0> = sum_v sqrt(p_v) |v>,    T |x, v> = |x + v, v>,

rotates the flag by ``R``, an RY of twice the angle ``t`` of the displaced position. ``X^s`` then
flips the flag where the kernel is negative. The flag reads 1 with probability ``sin(t_x)**2``, the
mean over ``v`` of ``sin(t)**2`` or ``cos(t)**2``. Grover steps ``B S_0 B^dagger Z`` keep the
position and change ``t_x`` to ``(2 m + 1) t_x``. With ``B`` moved to the end, ``m`` steps are

    B (S_0 B^dagger Z B)^m,    B^dagger Z B = K^dagger T^dagger (-1)^s Z R^2 T K,

because ``R^dagger Z R = Z R^2``. One rotation by twice the angle replaces two rotations, which
halves the largest cost.

If the angles depend jointly on position and kernel, there is no ``T``, and the angles include
``s``.

The probabilities of all powers follow from the angles ``t_x``. A simulator only needs the lowest
powers: `with_higher_powers` compares them with the formula, for the very circuit that was
simulated, and computes the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Instruction, Qubit
from qiskit.circuit.library import DiagonalGate
from qiskit.circuit.library.data_preparation import UniformSuperpositionGate

from qconv.circuits.amplification.rounds import append_flip
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.registers import (
    STEP,
    Registers,
    append_again,
    append_shift,
    axis_registers,
    kernel_registers,
    large_diagonal,
    large_rotation,
    on_kernel_states,
    prepare,
    qubits_of,
)
from qconv.circuits.signs import sign_flips

_Array = NDArray[np.float64]

#: Powers that are simulated, and maximum difference of a flag's probability from the formula that
#: counts as rounding.
SIMULATED, _ROUNDING = (0, 1, 2), 1e-9

#: Maximum number of steps that a simulator gets gate by gate. Every gate of a longer circuit would
#: take two kilobytes.
_SHORT = 64


class Amplifier:
    """Circuits that amplify a flag at every position.

    Args:
        counts: Number of positions in superposition along each axis.
        kernel: Real weights, in the order of the offsets that are added to the position.
        angles: Angles in ``[0, pi/2]`` at the positions of the lattice, shape ``(2**bits, ...)``.
            Kernel positions, padded to powers of two, may be further axes in front.
        native: Whether the simulator accepts arrays as instructions.
        family: Adder family, see `qconv.offset_adder`.
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
        """Number of qubits to measure: the first qubits, which are the position and the flag."""
        return len(qubits_of(self._position)) + 1

    def shell(self) -> QuantumCircuit:
        """Return the circuit of power 0 after the superposition of the positions."""
        circuit = self._blank.copy_empty_like()
        self._apply(circuit)
        return circuit

    def circuit(self, power: int) -> QuantumCircuit:
        """Return the circuit of one power, without measurement."""
        circuit = self._started()
        self._steps(circuit, power)
        self._apply(circuit)
        return circuit

    def saving(self, powers: Sequence[int]) -> QuantumCircuit:
        """Return one circuit that saves probabilities of position and flag at several powers.

        The label of the saved probabilities is the power.
        """
        circuit = self._started()
        done = 0
        for number, power in enumerate(sorted(powers)):
            if number:
                self._step_after_saving(circuit)
                done += 1
            self._steps(circuit, power - done)
            done = power
            self._apply(circuit)
            circuit.save_probabilities(circuit.qubits[: self.measured], label=str(power))
        return circuit

    # ------------------------------------------------------------------ components of the circuits

    def _started(self) -> QuantumCircuit:
        """Return a circuit with the positions in superposition.

        If Hadamard gates do not suffice, a simulator gets one preparation of all position qubits.
        With several preparations it would run the circuit shot by shot.
        """
        circuit = self._blank.copy_empty_like()
        sizes = {axis: 2**register.size for axis, register in self._position.items()}
        if self._native and any(self._counts[axis] < size for axis, size in sizes.items()):
            some = np.ones(1)
            for axis, size in sorted(sizes.items()):
                within = np.arange(size) < self._counts[axis]
                some = np.multiply.outer(some, within).ravel()
            prepare(circuit, some, qubits_of(self._position))
            return circuit
        append_uniform(circuit, self._position, self._counts)
        return circuit

    def _apply(self, circuit: QuantumCircuit) -> None:
        """Append ``B``, then restore the position."""
        self._load(circuit)
        self._rotate(circuit, self._once)
        self._flip(circuit)
        circuit.compose(self._shift_back, inplace=True, copy=False)

    def _steps(self, circuit: QuantumCircuit, number: int) -> None:
        """Append Grover steps; for a simulator, many steps are one instruction each.

        ``circuit.decompose("grover_step")`` expands these instructions.
        """
        step = self._step.data
        if self._native and number > _SHORT:
            step = [CircuitInstruction(self._box, tuple(circuit.qubits), ())]
        for _ in range(number):
            for item in step:
                append_again(circuit, item)

    @cached_property
    def _box(self) -> Instruction:
        """Grover step as one instruction."""
        box = Instruction(STEP, self._step.num_qubits, 0, [])
        box.definition = self._step
        return box

    @cached_property
    def _step(self) -> QuantumCircuit:
        """Circuit of ``S_0 B^dagger Z B`` with one rotation."""
        circuit = self._blank.copy_empty_like()
        self._load(circuit)
        self._rotate(circuit, self._rotation(2 * self._angles))
        circuit.z(self._flag)
        if not self._joint:
            signs = sign_flips(self._signs, controlled=False)
            circuit.compose(signs, qubits_of(self._registers), inplace=True)
        self._unload(circuit)
        return circuit

    def _step_after_saving(self, circuit: QuantumCircuit) -> None:
        """Append ``S_0 B^dagger Z`` after `_apply`: the step that follows saved probabilities."""
        circuit.z(self._flag)
        circuit.compose(self._shift, inplace=True, copy=False)
        self._flip(circuit)
        circuit.z(self._flag)
        self._rotate(circuit, self._once)  # Z before and after inverts the rotation
        circuit.z(self._flag)
        self._unload(circuit)

    def _load(self, circuit: QuantumCircuit) -> None:
        circuit.compose(self._encoding, qubits_of(self._registers), inplace=True)
        circuit.compose(self._shift, inplace=True, copy=False)

    def _unload(self, circuit: QuantumCircuit) -> None:
        """Undo `_load`, and flip the sign of ``|0>`` on the kernel registers and the flag."""
        circuit.compose(self._shift_back, inplace=True, copy=False)
        circuit.compose(self._encoding_back, qubits_of(self._registers), inplace=True)
        qubits = [*self._flag, *qubits_of(self._registers)]
        if self._native:
            circuit.append(DiagonalGate([-1.0, *[1.0] * (2 ** len(qubits) - 1)]), qubits)
            return
        append_flip(circuit, qubits, qubits)

    @cached_property
    def _signs(self) -> _Array:
        """Signs of all basis states of the kernel registers; 0 where the sign does not matter."""
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

    def _rotation(self, angles: _Array) -> CircuitInstruction:
        """Return the multiplexed rotation; for a simulator, the diagonal that `_rotate` needs."""
        controls: list[Qubit] = qubits_of(self._position)
        if self._joint:
            controls += qubits_of(self._registers)
        flat = angles.ravel()
        if not self._native:
            return CircuitInstruction(large_rotation(2 * flat), (*self._flag, *controls), ())
        diagonal = large_diagonal(np.exp(1j * np.concatenate([-flat, flat])))
        return CircuitInstruction(diagonal, (*controls, *self._flag), ())

    def _rotate(self, circuit: QuantumCircuit, rotation: CircuitInstruction) -> None:
        """Append a multiplexed rotation of the flag, by twice the angle of every position."""
        if not self._native:
            append_again(circuit, rotation)
            return
        circuit.sdg(self._flag)
        circuit.h(self._flag)
        append_again(circuit, rotation)
        circuit.h(self._flag)
        circuit.s(self._flag)


def append_uniform(circuit: QuantumCircuit, position: Registers, counts: Sequence[int]) -> None:
    """Append the uniform superposition of the first ``counts`` positions of each axis."""
    for axis, register in position.items():
        if counts[axis] == 2**register.size:
            circuit.h(register)
        elif counts[axis] > 1:
            circuit.append(UniformSuperpositionGate(counts[axis], register.size), register)


def with_higher_powers(saved: dict[str, _Array], powers: Sequence[int]) -> dict[str, _Array]:
    """Return the probabilities of position and flag at some powers, by label.

    Args:
        saved: Probabilities that were saved by `Amplifier.saving`: of ``powers``, or of the powers
            `SIMULATED`.
        powers: Powers whose probabilities are needed.

    Raises:
        RuntimeError: If a simulated power differs from the formula.
    """
    if all(str(power) in saved for power in powers):
        return saved
    miss, hit = saved["0"].reshape(2, -1)
    position = miss + hit
    angle = np.arctan2(np.sqrt(hit), np.sqrt(miss))

    def of(power: int) -> _Array:
        turned = (2 * power + 1) * angle
        return np.concatenate([position * np.cos(turned) ** 2, position * np.sin(turned) ** 2])

    for power in SIMULATED:
        off = np.abs(saved[str(power)] - of(power)).max() / position.max()
        if off > _ROUNDING:
            raise RuntimeError(
                f"expected the probabilities of power {power} to follow from those of power 0, got "
                f"a difference of {off:.3g}"
            )
    return {str(power): of(power) for power in powers}
