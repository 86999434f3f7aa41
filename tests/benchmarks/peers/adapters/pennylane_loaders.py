"""PennyLane: matrix product states (`MPSPrep`) and Mottonen's exact preparation."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from tests.benchmarks.peers.peer import Peer


def tensors_of(amplitudes, bond):
    """Left-canonical tensors of a state, truncated to a bond dimension."""
    tensors, rest = [], amplitudes.reshape(1, -1)
    for _ in range(amplitudes.size.bit_length() - 2):
        rows, singular, columns = np.linalg.svd(
            rest.reshape(2 * rest.shape[0], -1), full_matrices=False
        )
        kept = min(bond, len(singular))
        tensors.append(rows[:, :kept].reshape(-1, 2, kept))
        rest = singular[:kept, None] * columns[:kept]
    tensors.append(rest / np.linalg.norm(rest))
    tensors[0] = tensors[0][0]
    return tensors


def mps_prep(amplitudes, order, works=(1, 2, 3)):
    """Bond dimensions 2, 4 and 8, with as many work wires as needed."""
    import pennylane

    qubits = amplitudes.size.bit_length() - 1
    for work in works:
        built = QuantumCircuit(qubits + work)
        operations = pennylane.MPSPrep.compute_decomposition(
            tensors_of(amplitudes, 2**work),
            wires=[*range(qubits - 1, -1, -1)],  # the first site is the most significant bit
            work_wires=[*range(qubits, qubits + work)],
            right_canonicalize=True,
        )
        for operation in operations:
            built.append(UnitaryGate(np.asarray(operation.matrix())), list(operation.wires)[::-1])
        yield built


def mottonen(amplitudes, order):
    """Mottonen et al., quant-ph/0407010: an exact preparation, so one qubit order suffices."""
    import pennylane

    if order != "row-major":
        return

    qubits = amplitudes.size.bit_length() - 1
    built = QuantumCircuit(qubits)
    for operation in pennylane.MottonenStatePreparation.compute_decomposition(
        amplitudes, wires=range(qubits - 1, -1, -1)
    ):
        if operation.name == "CNOT":
            built.cx(*operation.wires)
        elif operation.name == "RY":
            built.ry(float(operation.parameters[0]), operation.wires[0])
        elif operation.name == "RZ":
            built.rz(float(operation.parameters[0]), operation.wires[0])
        else:
            raise ValueError(f"operation: expected CNOT, RY or RZ, got {operation.name}")
    yield built


def _peer(name, function):
    jobs = {"camera": function}
    return Peer(f"PennyLane, {name}", f"package pennylane, {name}", jobs, package="pennylane")


PEERS = [_peer("MPSPrep", mps_prep), _peer("Mottonen", mottonen)]
