"""Circuits in files: instructions of many numbers, which Qiskit's format cannot hold, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Instruction
from qiskit.circuit.library import DiagonalGate, UCRYGate

from qconv.circuits.amplification.rounds import REFLECTION, Reflection
from qconv.circuits.registers import ROUND, WholeState, append_again, large_initialize

#: Instructions of many numbers, and how each is made again of an array of them.
_MANY: dict[str, Callable[[NDArray[Any], int], Instruction]] = {
    "initialize": lambda numbers, _: large_initialize(numbers),
    "diagonal": lambda numbers, _: DiagonalGate(numbers.tolist()),
    "ucry": lambda numbers, _: UCRYGate(numbers.real.tolist()),
    "set_statevector": lambda numbers, qubits: WholeState(numbers.real, qubits),
    REFLECTION: lambda numbers, qubits: Reflection(numbers.real, qubits),
}

#: Most numbers of an instruction that a file holds as they are; what begins the names of others.
_FEW, _ARRAY = 64, "array of "


def with_arrays(circuit: QuantumCircuit) -> QuantumCircuit:
    """A circuit for a QPY file, which holds no more than 65,535 parameters of an instruction.

    Instructions of many numbers become unknown ones of one array; `with_numbers` makes them again.
    """
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name == ROUND and operation.definition is not None:
            operation = _box(operation.num_qubits, with_arrays(operation.definition))
        numbers = operation.params
        if isinstance(operation, WholeState | Reflection):
            numbers = operation.amplitudes
        if operation.name in _MANY and len(numbers) > _FEW:
            array = np.array(numbers, dtype=np.complex128)
            name = f"{_ARRAY}{operation.name}"
            operation = Instruction(name, operation.num_qubits, 0, [array])
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def with_numbers(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit of which `with_arrays` made another one."""
    made = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if operation.name.startswith(ROUND) and operation.definition is not None:
            operation = _box(operation.num_qubits, with_numbers(operation.definition))
        elif operation.name.startswith(_ARRAY):
            make = _MANY[operation.name.removeprefix(_ARRAY)]
            operation = make(operation.params[0], operation.num_qubits)
        append_again(made, CircuitInstruction(operation, item.qubits, item.clbits))
    return made


def _box(num_qubits: int, definition: QuantumCircuit) -> Instruction:
    """A round of amplification as one instruction."""
    box = Instruction(ROUND, num_qubits, 0, [])
    box.definition = definition
    return box
