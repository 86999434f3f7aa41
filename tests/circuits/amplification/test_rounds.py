"""Flips of marked states, on the qubits on which the marks depend."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from qconv.circuits.amplification.rounds import reflect_marked

STATES = np.arange(32)
#: Marks of 5 qubits, with the largest number of qubits of one gate.
MARKS = {
    "one qubit is 1": ((STATES >> 3 & 1).astype(bool), 1),
    "two qubits are 0": (STATES & 0b10010 == 0, 2),
    "one is 0 and one is 1": (STATES & 0b10010 == 0b10000, 2),
    "one state": (STATES == 13, 5),
    "two of three are equal": (np.isin(STATES & 7, (0, 3, 4, 7)), 2),
    "several": (np.isin(STATES, (1, 2, 30)), 5),
    "all": (STATES >= 0, 0),
    "none": (STATES < 0, 0),
}


@pytest.mark.parametrize(("marked", "largest"), MARKS.values(), ids=MARKS)
def test_signs(marked, largest):
    circuit, nothing = QuantumCircuit(6), QuantumCircuit(6)
    reflect_marked(circuit, nothing, marked, 5)
    signs = np.where(np.tile(marked, 2), -1, 1)
    np.testing.assert_allclose(Operator(circuit).data, np.diag(signs), atol=1e-12)
    assert max((len(item.qubits) for item in circuit), default=0) == largest


def test_between_a_circuit_and_its_inverse():
    circuit, whole = QuantumCircuit(2), QuantumCircuit(2)
    whole.ry(0.3, 0)
    whole.cx(0, 1)
    reflect_marked(circuit, whole, np.array([False, True]), 1)
    made = Operator(whole).data
    expected = made.conj().T @ np.diag([1, -1, 1, -1]) @ made
    np.testing.assert_allclose(Operator(circuit).data, expected, atol=1e-12)
