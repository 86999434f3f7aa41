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
from qconv.circuits.registers import ROUND, WholeState, append_again, large_initialize

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


def packed(circuits: Sequence[QuantumCircuit]) -> NDArray[np.uint8]:
    """Return circuits as the bytes of a QPY file; no bytes if there is no circuit."""
    file = io.BytesIO()
    if circuits:
        qpy.dump([_with_arrays(circuit) for circuit in circuits], file)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def unpacked(content: NDArray[np.uint8]) -> tuple[QuantumCircuit, ...]:
    """Restore the circuits that were given to `packed`."""
    loaded = qpy.load(io.BytesIO(content.tobytes())) if content.size else ()
    return tuple(map(_with_numbers, loaded))


def _with_arrays(circuit: QuantumCircuit) -> QuantumCircuit:
    """Prepare a circuit for QPY, which stores at most 65,535 parameters of an instruction.

    Each instruction with many parameters is replaced by an unknown instruction with one array.
    `_with_numbers` restores the original.
    """
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name == ROUND and operation.definition is not None:
            operation = _box(operation.num_qubits, _with_arrays(operation.definition))
        numbers = operation.params
        if isinstance(operation, WholeState | Reflection):
            numbers = operation.amplitudes
        if operation.name in _MANY and len(numbers) > _FEW:
            array = np.array(numbers, dtype=np.complex128)
            name = f"{_ARRAY}{operation.name}"
            operation = Instruction(name, operation.num_qubits, 0, [array])
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def _with_numbers(circuit: QuantumCircuit) -> QuantumCircuit:
    """Restore the circuit that was given to `_with_arrays`."""
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name.startswith(ROUND) and operation.definition is not None:
            operation = _box(operation.num_qubits, _with_numbers(operation.definition))
        elif operation.name.startswith(_ARRAY):
            make = _MANY[operation.name.removeprefix(_ARRAY)]
            operation = make(operation.params[0], operation.num_qubits)
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def _box(num_qubits: int, definition: QuantumCircuit) -> Instruction:
    """Make one instruction of a round of amplification."""
    box = Instruction(ROUND, num_qubits, 0, [])
    box.definition = definition
    return box
