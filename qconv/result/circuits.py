"""Circuits in files, with arrays in place of instructions that Qiskit's format cannot store."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import CircuitInstruction, Instruction
from qiskit.circuit.library import DiagonalGate, UCRYGate

from qconv.circuits.amplification.rounds import REFLECTION, Reflection
from qconv.circuits.registers import BOXES, WholeState, append_again, large_initialize

#: Constructors of instructions with many parameters, from the array of the parameters.
_MANY: dict[str, Callable[[NDArray[Any], int], Instruction]] = {
    "initialize": lambda numbers, _: large_initialize(numbers),
    "diagonal": lambda numbers, _: DiagonalGate(numbers.tolist()),
    "ucry": lambda numbers, _: UCRYGate(numbers.real.tolist()),
    "set_statevector": lambda numbers, qubits: WholeState(numbers.real, qubits),
    REFLECTION: lambda numbers, qubits: Reflection(numbers.real, qubits),
}

#: Maximum number of parameters that a file holds unchanged; prefix of the names of the others.
_FEW, _ARRAY = 64, "array of "

#: Prefix of the names of boxes that a file contains already, followed by their number.
_AGAIN = "box "


def packed(circuits: Sequence[QuantumCircuit]) -> NDArray[np.uint8]:
    """Return circuits as the bytes of a QPY file; no bytes if there is no circuit."""
    file = io.BytesIO()
    if circuits:
        boxes: list[Instruction] = []
        qpy.dump([_with_arrays(circuit, boxes) for circuit in circuits], file)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def unpacked(content: NDArray[np.uint8]) -> tuple[QuantumCircuit, ...]:
    """Restore the circuits that were given to `packed`."""
    loaded = qpy.load(io.BytesIO(content.tobytes())) if content.size else ()
    boxes: list[Instruction] = []
    return tuple(_with_numbers(circuit, boxes) for circuit in loaded)


def _with_arrays(circuit: QuantumCircuit, boxes: list[Instruction]) -> QuantumCircuit:
    """Prepare a circuit for QPY, which stores at most 65,535 parameters of an instruction.

    Each instruction with many parameters is replaced by an unknown instruction with one array.
    A box that is in ``boxes`` is replaced by an unknown instruction with its number; other boxes
    are appended to ``boxes``. `_with_numbers` restores the original.
    """
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name in BOXES and operation.definition is not None:
            operation = _stored(operation, boxes)
        numbers = operation.params
        if isinstance(operation, WholeState | Reflection):
            numbers = operation.amplitudes
        if operation.name in _MANY and len(numbers) > _FEW:
            array = np.array(numbers, dtype=np.complex128)
            name = f"{_ARRAY}{operation.name}"
            operation = Instruction(name, operation.num_qubits, 0, [array])
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def _stored(box: Instruction, boxes: list[Instruction]) -> Instruction:
    """Return what a file contains instead of a box."""
    for number, known in enumerate(boxes):
        if known is box:
            return Instruction(f"{_AGAIN}{number}", box.num_qubits, 0, [])
    stored = _box(box.name, _with_arrays(box.definition, boxes))
    boxes.append(box)
    return stored


def _with_numbers(circuit: QuantumCircuit, boxes: list[Instruction]) -> QuantumCircuit:
    """Restore the circuit that was given to `_with_arrays`, with the boxes restored before."""
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name.startswith(BOXES) and operation.definition is not None:
            name = next(name for name in BOXES if operation.name.startswith(name))
            operation = _box(name, _with_numbers(operation.definition, boxes))
            boxes.append(operation)
        elif operation.name.startswith(_AGAIN):
            operation = boxes[int(operation.name.removeprefix(_AGAIN))]
        elif operation.name.startswith(_ARRAY):
            make = _MANY[operation.name.removeprefix(_ARRAY)]
            operation = make(operation.params[0], operation.num_qubits)
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def _box(name: str, definition: QuantumCircuit) -> Instruction:
    """Make a box of a circuit's gates."""
    box = Instruction(name, definition.num_qubits, 0, [])
    box.definition = definition
    return box
