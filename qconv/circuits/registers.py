"""Registers of whole-image circuits: an image on position registers, moved by kernel registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import AncillaRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Gate, Instruction, Qubit
from qiskit.circuit.library import DiagonalGate, Initialize, StatePreparation

from qconv.circuits.arithmetic import offset_adder
from qconv.circuits.encoding import encode_amplitudes
from qconv.grid import AXES

#: Registers of the axes that need one, by the number of the axis.
Registers = Mapping[int, QuantumRegister]

#: Amplitudes from which on they are handed to a simulator as one array.
LARGE = 2**12

#: States of a whole circuit, of which a simulator may be handed an array though few are prepared.
_SMALL = 2**21

#: Names of the instructions that prepare amplitudes.
PREPARATIONS = (
    "initialize",
    "set_statevector",
    "prepare_amplitudes",
    "unprepare_amplitudes",
)


def axis_registers(bits: Sequence[int], prefix: str = "", suffix: str = "") -> Registers:
    """One register for each axis that has bits; a single qubit for the last one if none has.

    Args:
        bits: Qubits for each axis, at most three axes.
        prefix: Of the names ``plane``, ``row`` and ``column``.
        suffix: Of the same.

    Returns:
        The registers, the last axis first, as they have to stand in a circuit for index ``i`` of
        the state vector to be element ``i`` of an array in C order.
    """
    if not any(bits):
        bits = [*[0] * (len(bits) - 1), 1]
    names = [f"{prefix}{name}{suffix}" for name in AXES[-len(bits) :]]
    return {
        axis: QuantumRegister(bits[axis], names[axis])
        for axis in reversed(range(len(bits)))
        if bits[axis]
    }


def kernel_registers(shape: Sequence[int], suffix: str = "") -> Registers:
    """Registers ``kernel_plane``, ``kernel_row`` and ``kernel_column`` for a kernel's positions."""
    return axis_registers([(length - 1).bit_length() for length in shape], "kernel_", suffix)


def kernel_states(shape: Sequence[int]) -> tuple[int, ...]:
    """How many basis states the kernel registers have along each axis."""
    registers = kernel_registers(shape)
    return tuple(
        2 ** registers[axis].size if axis in registers else 1 for axis in range(len(shape))
    )


def on_kernel_states(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of a kernel's positions, extended by zeros to all basis states of its registers."""
    sizes = zip(numbers.shape, kernel_states(numbers.shape), strict=True)
    return np.pad(numbers, [(0, states - length) for length, states in sizes])


def qubits_of(registers: Registers) -> list[Qubit]:
    """All qubits of some registers, the last axis first."""
    return [qubit for register in registers.values() for qubit in register]


class WholeState(Instruction):  # type: ignore[misc]  # Qiskit has no types
    """Sets the state of all qubits of a circuit that has not begun, where a simulator can do that.

    Elsewhere, as where gates are counted, it is a preparation of the first qubits.
    """

    def __init__(
        self, amplitudes: NDArray[np.float64] | NDArray[np.complex128], num_qubits: int
    ) -> None:
        """Take the amplitudes of the first qubits, of norm 1; the others are in ``|0>``."""
        if amplitudes.size == 2**num_qubits:
            whole = np.asarray(amplitudes, dtype=np.complex128)
        else:
            whole = np.zeros(2**num_qubits, dtype=np.complex128)
            whole[: amplitudes.size] = amplitudes
        super().__init__("set_statevector", num_qubits, 0, [whole])
        self._prepared = amplitudes.size.bit_length() - 1

    @property
    def amplitudes(self) -> NDArray[np.complex128]:
        """Of the first qubits."""
        amplitudes: NDArray[np.complex128] = self.params[0][: 2**self._prepared]
        return amplitudes

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        definition.append(StatePreparation(self.amplitudes.tolist()), range(self._prepared))
        self.definition = definition


class AmplitudePreparation(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Prepares real amplitudes from ``|0...0>`` by the gates of `encode_amplitudes`, in a box.

    So that they can be counted by themselves, or by formula without being worked out.
    """

    def __init__(self, amplitudes: NDArray[np.float64]) -> None:
        """Take ``2**n`` amplitudes, not all zero."""
        super().__init__("prepare_amplitudes", amplitudes.size.bit_length() - 1, [amplitudes])

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        definition.compose(encode_amplitudes(self.params[0]), inplace=True)
        self.definition = definition

    def validate_parameter(self, parameter: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take an array as it is."""
        return parameter

    def inverse(self, annotated: bool = False) -> Gate:
        """The same backwards, in a box too."""
        return _PreparationUndone(self)


class _PreparationUndone(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Takes amplitudes back to ``|0...0>``, by the gates that prepared them."""

    def __init__(self, preparation: AmplitudePreparation) -> None:
        super().__init__("unprepare_amplitudes", preparation.num_qubits, [])
        self._preparation = preparation

    def _define(self) -> None:
        self.definition = self._preparation.definition.inverse()


def large_diagonal(entries: NDArray[np.complex128]) -> DiagonalGate:
    """A diagonal of many numbers, each of which Qiskit would otherwise look at.

    Args:
        entries: ``2**n`` of them, of magnitude 1.
    """
    gate = DiagonalGate([1.0, 1.0])
    gate.num_qubits = entries.size.bit_length() - 1
    gate._params = entries.tolist()
    return gate


def large_initialize(amplitudes: NDArray[np.complex128]) -> Initialize:
    """The same of setting some qubits to amplitudes.

    Args:
        amplitudes: ``2**n`` of them, whose squares add up to 1.
    """
    numbers = amplitudes.tolist()
    made = Initialize([1.0, 0.0])
    for part in (made, made._stateprep):
        part.num_qubits = amplitudes.size.bit_length() - 1
    made._stateprep._params = made._stateprep._params_arg = numbers
    return made


def append_large(circuit: QuantumCircuit, operation: Instruction, qubits: Sequence[Qubit]) -> None:
    """Append an operation of many numbers, each of which Qiskit would otherwise look at."""
    append_again(circuit, CircuitInstruction(operation, tuple(qubits), ()))


def append_again(circuit: QuantumCircuit, instruction: CircuitInstruction) -> None:
    """Append an operation on its qubits, made before so that its numbers are converted once."""
    circuit._append(instruction)


#: Name of the instruction that holds a round of amplification.
ROUND = "amplification_round"


def prepare(
    circuit: QuantumCircuit,
    amplitudes: NDArray[np.float64],
    qubits: Sequence[Qubit],
    *,
    native: bool,
) -> None:
    """Append the preparation of real amplitudes, one for each basis state of some qubits.

    Args:
        circuit: Whose first gates these are.
        amplitudes: ``2**len(qubits)`` of them, not all zero.
        qubits: In ``|0>``.
        native: True for one instruction that a simulator carries out: ``initialize`` with a
            barrier after it (a simulator would run the circuit shot by shot if anything could come
            before); or, which is faster, ``set_statevector`` of the whole circuit where it fits.
            False for gates.
    """
    unit = amplitudes / np.linalg.norm(amplitudes)
    if native and _at_once(circuit, amplitudes, qubits):
        append_large(circuit, WholeState(unit, circuit.num_qubits), circuit.qubits)
    elif native:
        append_large(circuit, large_initialize(unit.astype(np.complex128)), qubits)
        circuit.barrier()
    else:
        circuit.compose(encode_amplitudes(amplitudes), qubits, inplace=True)


def _at_once(
    circuit: QuantumCircuit, amplitudes: NDArray[np.float64], qubits: Sequence[Qubit]
) -> bool:
    """Whether to set the state of a whole circuit: nothing is lost, and it pays."""
    begins = not circuit.data and list(qubits) == circuit.qubits[: len(qubits)]
    states = 2**circuit.num_qubits
    small = states <= 8 * amplitudes.size or states <= _SMALL
    return begins and amplitudes.size >= LARGE and small


def append_shift(
    circuit: QuantumCircuit,
    position: Registers,
    kernel: Registers,
    shape: Sequence[int],
    *,
    family: str,
    measured: bool = False,
    clean: Sequence[Qubit] = (),
) -> list[Qubit]:
    """Append adders that move a position by what its kernel registers hold, axis by axis.

    Args:
        circuit: To which to append; gets registers for ancillas as they are needed.
        position: Registers to add to.
        kernel: Registers to add.
        shape: Positions of the kernel along each axis.
        family: Of the adders, see `qconv.circuits.arithmetic.offset_adder`.
        measured: Whether all these registers are measured next.
        clean: Ancillas of the circuit that are in ``|0>``.

    Returns:
        The ancillas that are in ``|0>`` afterwards.
    """
    clean = list(clean)
    for axis in sorted(position.keys() & kernel.keys()):
        if shape[axis] == 1:
            continue
        adder = offset_adder(position[axis].size, shape[axis], family=family, measured=measured)
        missing = len(adder.ancillas) - len(clean)
        if missing > 0:
            register = AncillaRegister(missing, f"ancilla_{circuit.num_ancillas}")
            circuit.add_register(register)
            clean += register
        used = clean[: len(adder.ancillas)]
        circuit.compose(adder, [*position[axis], *kernel[axis], *used], inplace=True)
        if measured:
            clean = clean[len(used) :]
    return clean
