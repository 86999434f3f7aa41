"""Circuits and results of other packages: Cirq, pytket, Amazon Braket, PennyLane.

The circuits are built from the gates of `GATES`, through each package's own functions. Qubits keep
the names of their registers, except in Braket, whose qubits are numbers. Bit ``i`` of an outcome is
measured at qubit ``i`` of the circuit.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

#: Gates that all of these packages have.
GATES = (
    "h",
    "x",
    "y",
    "z",
    "s",
    "sdg",
    "t",
    "tdg",
    "sx",
    "rx",
    "ry",
    "rz",
    "p",
    "cx",
    "cz",
    "swap",
)

#: Name of the register of the measured bits.
MEASURED = "meas"

#: Outcomes, shape ``(outcomes, bits)`` with bit 0 in the first column, and how often each occurred.
Bits: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]


def _steps(circuit: QuantumCircuit) -> Iterator[tuple[str, list[float], list[int]]]:
    """Yield name, angles and qubits of every gate."""
    for item in circuit:
        if item.name != "measure":
            qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
            yield item.name, [float(angle) for angle in item.params], qubits


def _names(circuit: QuantumCircuit) -> list[tuple[str, int]]:
    """Return register and number of every qubit."""
    return [(register.name, i) for register in circuit.qregs for i in range(register.size)]


def cirq_circuit(circuit: QuantumCircuit) -> Any:
    """Build the circuit for Cirq; one measurement with the key ``meas`` has all bits."""
    import cirq

    gates: dict[str, Any] = {
        "h": cirq.H,
        "x": cirq.X,
        "y": cirq.Y,
        "z": cirq.Z,
        "s": cirq.S,
        "t": cirq.T,
        "sdg": cirq.S**-1,
        "tdg": cirq.T**-1,
        "sx": cirq.X**0.5,
        "cx": cirq.CNOT,
        "cz": cirq.CZ,
        "swap": cirq.SWAP,
        "rx": cirq.rx,
        "ry": cirq.ry,
        "rz": cirq.rz,
        "p": lambda angle: cirq.ZPowGate(exponent=angle / math.pi),
    }
    qubits = [cirq.NamedQubit(f"{name}_{i}") for name, i in _names(circuit)]
    made = []
    for name, angles, on in _steps(circuit):
        gate = gates[name](*angles) if angles else gates[name]
        made.append(gate.on(*[qubits[i] for i in on]))
    return cirq.Circuit(made, cirq.measure(*qubits[: circuit.num_clbits], key=MEASURED))


def pytket_circuit(circuit: QuantumCircuit) -> Any:
    """Build the circuit for pytket, whose angles are multiples of pi."""
    from pytket.circuit import Bit, Circuit, OpType, Qubit

    special = {"sdg": "Sdg", "tdg": "Tdg", "p": "U1", "swap": "SWAP"}
    made = Circuit(name=circuit.name)
    for register in circuit.qregs:
        made.add_q_register(register.name, register.size)
    made.add_c_register(MEASURED, circuit.num_clbits)
    qubits = [Qubit(name, i) for name, i in _names(circuit)]
    for name, angles, on in _steps(circuit):
        kind = special.get(name) or (name.capitalize() if angles else name.upper())
        turns = [angle / math.pi for angle in angles]
        made.add_gate(getattr(OpType, kind), turns, [qubits[i] for i in on])
    for i in range(circuit.num_clbits):
        made.Measure(qubits[i], Bit(MEASURED, i))
    return made


def braket_circuit(circuit: QuantumCircuit) -> Any:
    """Build the circuit for Amazon Braket; its qubits are numbered as in Qiskit's circuit."""
    from braket.circuits import Circuit

    special = {"sdg": "si", "tdg": "ti", "sx": "v", "p": "phaseshift", "cx": "cnot"}
    made = Circuit()
    for name, angles, on in _steps(circuit):
        getattr(made, special.get(name, name))(*on, *angles)
    return made.measure(range(circuit.num_clbits))


def pennylane_script(circuit: QuantumCircuit) -> Any:
    """Build the circuit for PennyLane: a ``QuantumScript`` that returns counts."""
    import pennylane as qml

    special = {
        "h": "Hadamard",
        "x": "PauliX",
        "y": "PauliY",
        "z": "PauliZ",
        "sdg": "S",
        "tdg": "T",
        "p": "PhaseShift",
        "cx": "CNOT",
    }
    wires = [f"{name}[{i}]" for name, i in _names(circuit)]
    made = []
    for name, angles, on in _steps(circuit):
        gate = getattr(qml, special.get(name, name.upper()))(*angles, wires=[wires[i] for i in on])
        made.append(qml.adjoint(gate) if name in ("sdg", "tdg") else gate)
    return qml.tape.QuantumScript(made, [qml.counts(wires=wires[: circuit.num_clbits])])


def bits_of(item: Any) -> Bits | None:
    """Return the outcomes of a result of Cirq, pytket or Braket; None for anything else."""
    for module, name, read in _RESULTS:
        loaded = sys.modules.get(module)  # without its package, there can be no such result
        if loaded is not None and isinstance(item, getattr(loaded, name)):
            return read(item)
    return None


def _of_shots(shots: Any) -> Bits:
    """Count shots, shape ``(shots, bits)``."""
    found, counts = np.unique(np.asarray(shots, dtype=np.int64), axis=0, return_counts=True)
    return found, counts


def _of_cirq(result: Any) -> Bits:
    """Read a ``cirq.Result``: one column per bit, in the order of the measured qubits."""
    if MEASURED not in result.measurements:
        found = ", ".join(result.measurements) or "none"
        raise ValueError(f"counts: expected the measurement key {MEASURED!r}, got {found}")
    return _of_shots(result.measurements[MEASURED])


def _of_pytket(result: Any) -> Bits:
    """Read a ``BackendResult``, whose bits have names."""
    bits = sorted(bit for bit in result.get_bitlist() if bit.reg_name == MEASURED)
    if not bits:
        found = ", ".join(map(str, result.get_bitlist())) or "none"
        raise ValueError(f"counts: expected bits of the register {MEASURED!r}, got {found}")
    counts = result.get_counts(cbits=bits)
    numbers = np.array(list(counts.values()), dtype=np.int64)
    return np.array(list(counts), dtype=np.int64).reshape(len(numbers), len(bits)), numbers


def _of_braket(result: Any) -> Bits:
    """Read a ``GateModelQuantumTaskResult``, whose columns are named by qubits."""
    columns = np.argsort(result.measured_qubits)
    return _of_shots(np.asarray(result.measurements)[:, columns])


_RESULTS: tuple[tuple[str, str, Callable[[Any], Bits]], ...] = (
    ("cirq", "Result", _of_cirq),
    ("pytket.backends.backendresult", "BackendResult", _of_pytket),
    ("braket.tasks.gate_model_quantum_task_result", "GateModelQuantumTaskResult", _of_braket),
)
