"""Registers of whole-image circuits: kernel registers move an image on position registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import AncillaRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Gate, Instruction, Qubit
from qiskit.circuit.library import DiagonalGate, Initialize, StatePreparation, UCRYGate

from qconv._checks import Numbers
from qconv.circuits.arithmetic import offset_adder
from qconv.circuits.encoding import encode_amplitudes
from qconv.grid import AXES, PART

#: Registers by the number of their axis; axes without qubits have no register.
Registers = Mapping[int, QuantumRegister]

#: Minimum number of amplitudes that a simulator gets as one array.
LARGE = 2**12

#: Maximum number of basis states of circuits that get their initial state as one array, even if few
#: amplitudes are prepared.
_SMALL = 2**21

#: Names of the instructions that prepare amplitudes.
PREPARATIONS = ("initialize", "set_statevector", "prepare_amplitudes", "unprepare_amplitudes")

#: Names of the gates that prepare amplitudes approximately, and of their inverses.
LOADINGS = ("load_amplitudes", "unload_amplitudes")

#: Name of the rotation of a flag qubit by a filter.
FLAG_ROTATION = "flag_rotation"

#: Names of the instructions that contain a round of amplification and a Grover step. A circuit has
#: many of each, all of them the same object.
ROUND, STEP = BOXES = ("amplification_round", "grover_step")


def axis_registers(bits: Sequence[int], prefix: str = "", suffix: str = "") -> Registers:
    """Return one register per axis with qubits, or one qubit for the last axis if there are none.

    The last axis comes first. In a circuit of registers in this order, index ``i`` of the state
    vector is element ``i`` of an array in C order.

    Args:
        bits: Number of qubits per axis, for at most four axes.
        prefix: Prefix of the names ``plane``, ``row`` and ``column``.
        suffix: Suffix of these names.
    """
    if not any(bits):
        bits = [*[0] * (len(bits) - 1), 1]
    named = (PART, *AXES)[-len(bits) :]
    names = [f"{prefix}{name}{suffix}" for name in named]
    return {
        axis: QuantumRegister(bits[axis], names[axis])
        for axis in reversed(range(len(bits)))
        if bits[axis]
    }


def mirror_registers(mirrored: Sequence[bool]) -> Registers:
    """Return one register ``mirror_row`` and so on, of one qubit, per mirrored axis."""
    return axis_registers([int(mirror) for mirror in mirrored], "mirror_") if any(mirrored) else {}


def on_ring(position: Registers, mirrors: Registers) -> Mapping[int, list[Qubit]]:
    """Return the qubits of each axis, with its mirror qubit as the highest bit."""
    return {axis: [*bits, *mirrors.get(axis, ())] for axis, bits in position.items()}


def append_mirror(circuit: QuantumCircuit, position: Registers, mirrors: Registers) -> None:
    """Append the reflection of an image: where a mirror qubit is 1, all bits of its axis flip."""
    for axis, mirror in mirrors.items():
        circuit.h(mirror)
        for bit in position[axis]:
            circuit.cx(mirror[0], bit)


def kernel_registers(shape: Sequence[int], suffix: str = "") -> Registers:
    """Return the registers ``kernel_plane``, ``kernel_row`` and ``kernel_column`` of a kernel."""
    return axis_registers([(length - 1).bit_length() for length in shape], "kernel_", suffix)


def kernel_states(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the number of basis states of the kernel registers along each axis."""
    registers = kernel_registers(shape)
    return tuple(
        2 ** registers[axis].size if axis in registers else 1 for axis in range(len(shape))
    )


def on_kernel_states(numbers: Numbers) -> Numbers:
    """Pad an array over kernel positions with zeros to all basis states of the registers."""
    sizes = zip(numbers.shape, kernel_states(numbers.shape), strict=True)
    return np.pad(numbers, [(0, states - length) for length, states in sizes])


def qubits_of(registers: Registers) -> list[Qubit]:
    """Return all qubits of the registers, last axis first."""
    return [qubit for register in registers.values() for qubit in register]


class WholeState(Instruction):  # type: ignore[misc]  # Qiskit has no types
    """Instruction that sets the state of all qubits at the start of a circuit, in a simulator.

    Other backends, and the counting of gates, use its definition, which prepares the first qubits.
    """

    def __init__(
        self, amplitudes: NDArray[np.float64] | NDArray[np.complex128], num_qubits: int
    ) -> None:
        """Store the amplitudes of the first qubits, of norm 1; the others are in ``|0>``."""
        if amplitudes.size == 2**num_qubits:
            whole = np.asarray(amplitudes, dtype=np.complex128)
        else:
            whole = np.zeros(2**num_qubits, dtype=np.complex128)
            whole[: amplitudes.size] = amplitudes
        super().__init__("set_statevector", num_qubits, 0, [whole])
        self._prepared = amplitudes.size.bit_length() - 1

    @property
    def amplitudes(self) -> NDArray[np.complex128]:
        """Amplitudes of the first qubits."""
        amplitudes: NDArray[np.complex128] = self.params[0][: 2**self._prepared]
        return amplitudes

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        definition.append(StatePreparation(self.amplitudes.tolist()), range(self._prepared))
        self.definition = definition


class AmplitudePreparation(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Gate that prepares amplitudes from ``|0...0>``, defined by `encode_amplitudes`.

    The gates of the definition can be counted without the rest of a circuit, or bounded by a
    formula without being built. ``inverted`` makes the inverse gate.
    """

    def __init__(self, amplitudes: Numbers, *, inverted: bool = False) -> None:
        """Store ``2**n`` amplitudes, not all zero."""
        name, size = "prepare_amplitudes", amplitudes.size.bit_length() - 1
        super().__init__(f"un{name}" if inverted else name, size, [amplitudes])
        self._inverted = inverted

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        encoded = encode_amplitudes(self.params[0])
        definition.compose(encoded.inverse() if self._inverted else encoded, inplace=True)
        self.definition = definition

    def validate_parameter(self, parameter: Numbers) -> Numbers:
        """Accept an array unchanged."""
        return parameter

    def inverse(self, annotated: bool = False) -> Gate:
        """Return the inverse gate."""
        return AmplitudePreparation(self.params[0], inverted=not self._inverted)


class LoadedPreparation(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Gate that prepares amplitudes approximately, defined by a circuit.

    Its gates are counted as gates of the preparation. ``inverted`` makes the inverse gate.
    """

    def __init__(self, circuit: QuantumCircuit, *, inverted: bool = False) -> None:
        """Store the circuit, which has no measurement."""
        super().__init__(LOADINGS[inverted], circuit.num_qubits, [])
        self._circuit, self._inverted = circuit, inverted

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        made = self._circuit.inverse() if self._inverted else self._circuit
        definition.compose(made, inplace=True)
        self.definition = definition

    def inverse(self, annotated: bool = False) -> Gate:
        """Return the inverse gate."""
        return LoadedPreparation(self._circuit, inverted=not self._inverted)


class BoxedDiagonal(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Diagonal gate that keeps its entries as an array.

    It is for circuits whose gates are counted by formula.
    """

    def __init__(self, entries: NDArray[np.complex128]) -> None:
        """Store ``2**n`` phases."""
        super().__init__("diagonal", entries.size.bit_length() - 1, [entries])

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        definition.append(DiagonalGate(self.params[0].tolist()), definition.qubits)
        self.definition = definition

    def validate_parameter(self, parameter: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Accept an array unchanged."""
        return parameter

    def inverse(self, annotated: bool = False) -> Gate:
        """Return the inverse gate."""
        return BoxedDiagonal(self.params[0].conj())


class BoxedRotation(Gate):  # type: ignore[misc]  # Qiskit has no types
    """Rotation of a flag about Y, with an angle for every basis state of the other qubits.

    The angles are kept as one array, for circuits whose gates are counted by formula and not built.
    """

    def __init__(self, angles: NDArray[np.float64]) -> None:
        """Store ``2**n`` angles; the flag is the first of ``n + 1`` qubits."""
        super().__init__(FLAG_ROTATION, angles.size.bit_length(), [angles])

    def _define(self) -> None:
        definition = QuantumCircuit(self.num_qubits)
        definition.append(UCRYGate(self.params[0].tolist()), definition.qubits)
        self.definition = definition

    def inverse(self, annotated: bool = False) -> Gate:
        """Return the inverse gate."""
        return BoxedRotation(-self.params[0])

    def validate_parameter(self, parameter: NDArray[np.float64]) -> NDArray[np.float64]:
        """Accept an array unchanged."""
        return parameter


def large_diagonal(entries: NDArray[np.complex128]) -> DiagonalGate:
    """Return a diagonal gate of ``2**n`` phases, without Qiskit's check of each entry."""
    gate = DiagonalGate([1.0, 1.0])
    gate.num_qubits = entries.size.bit_length() - 1
    gate._params = entries.tolist()
    return gate


def large_rotation(angles: NDArray[np.float64]) -> UCRYGate:
    """Return a multiplexed RY gate of ``2**n`` angles, without Qiskit's check of each angle."""
    gate = UCRYGate([0.0, 0.0])
    gate.num_qubits = angles.size.bit_length()
    gate._params = angles.tolist()
    return gate


def large_initialize(amplitudes: NDArray[np.complex128]) -> Initialize:
    """Return an ``Initialize`` to ``2**n`` amplitudes, without Qiskit's check of each entry."""
    numbers = amplitudes.tolist()
    made = Initialize([1.0, 0.0])
    for part in (made, made._stateprep):
        part.num_qubits = amplitudes.size.bit_length() - 1
    made._stateprep._params = made._stateprep._params_arg = numbers
    return made


def append_large(circuit: QuantumCircuit, operation: Instruction, qubits: Sequence[Qubit]) -> None:
    """Append an operation with many parameters, without Qiskit's check of each parameter."""
    append_again(circuit, CircuitInstruction(operation, tuple(qubits), ()))


def append_again(circuit: QuantumCircuit, instruction: CircuitInstruction) -> None:
    """Append an instruction that was made in advance, so that its parameters are converted once."""
    circuit._append(instruction)


def prepare(
    circuit: QuantumCircuit,
    amplitudes: Numbers,
    qubits: Sequence[Qubit],
) -> None:
    """Append the preparation of amplitudes, one per basis state of some qubits, for a simulator.

    This is one instruction, ``initialize``, and a barrier: if any gate could come before, a
    simulator would run the circuit shot by shot. Where possible, it is ``set_statevector`` of the
    whole circuit, which is faster.

    Args:
        circuit: Circuit that starts with the preparation.
        amplitudes: ``2**len(qubits)`` amplitudes, not all zero.
        qubits: Qubits in ``|0>``.
    """
    unit = amplitudes / np.linalg.norm(amplitudes)
    begins = not circuit.data and list(qubits) == circuit.qubits[: len(qubits)]
    fits = 2**circuit.num_qubits <= max(8 * amplitudes.size, _SMALL)
    if begins and fits and amplitudes.size >= LARGE:
        append_large(circuit, WholeState(unit, circuit.num_qubits), circuit.qubits)
    else:
        append_large(circuit, large_initialize(unit.astype(np.complex128)), qubits)
        circuit.barrier()


def append_shift(
    circuit: QuantumCircuit,
    position: Mapping[int, Sequence[Qubit]],
    kernel: Registers,
    shape: Sequence[int],
    *,
    family: str,
    measured: bool = False,
    clean: Sequence[Qubit] = (),
) -> list[Qubit]:
    """Append adders that move a position by the values of the kernel registers, axis by axis.

    Args:
        circuit: Circuit to append to. It gets registers for ancillas as needed.
        position: Registers to add to.
        kernel: Registers to add.
        shape: Number of kernel positions along each axis.
        family: Adder family, see `qconv.circuits.arithmetic.offset_adder`.
        measured: Whether all these registers are measured next.
        clean: Ancillas of the circuit in ``|0>``.

    Returns:
        The ancillas that are in ``|0>`` after the adders.
    """
    clean = list(clean)
    for axis in sorted(position.keys() & kernel.keys()):
        if shape[axis] == 1:
            continue
        adder = offset_adder(len(position[axis]), shape[axis], family=family, measured=measured)
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
