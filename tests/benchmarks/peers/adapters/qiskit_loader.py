"""Qiskit's `StatePreparation`: exact (Iten et al., arXiv:1501.06911)."""

from qiskit import QuantumCircuit
from qiskit.circuit.library import StatePreparation

from tests.benchmarks.peers.peer import Peer


def exact(amplitudes, order):
    """One exact circuit, so one qubit order suffices."""
    if order != "row-major":
        return
    gate = StatePreparation(amplitudes)
    built = QuantumCircuit(gate.num_qubits)
    built.append(gate, built.qubits)
    yield built


PEERS = [
    Peer(
        name="Qiskit, StatePreparation",
        source="package qiskit",
        package="qiskit",
        jobs={"camera": exact},
    )
]
