"""Signs of marked states: rectangles by comparators, everything else by a diagonal."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector

from qconv.circuits.regions import Marks
from qconv.circuits.resources import resources


def rectangle(bits, intervals):
    """Return the marks of a product of intervals, lowest register first."""
    marked = np.ones(1, bool)
    for n, (low, high) in zip(bits, intervals, strict=True):
        inside = (np.arange(2**n) >= low) & (np.arange(2**n) < high)
        marked = np.multiply.outer(inside, marked).ravel()
    return Marks(marked, bits, native=False)


def assert_flips(marks):
    """The circuit flips the sign of the marked states only, and returns its ancillas to 0."""
    number = sum(marks.bits)
    circuit = marks.make_room(QuantumCircuit(number))
    circuit.h(range(number))
    marks.append(circuit)
    found = Statevector(circuit).data
    rest = found[2**number :]
    signs = found[: 2**number].real * np.sqrt(2**number)
    signs *= signs[np.argmin(marks.marked)]  # a common sign does not matter
    assert np.allclose(rest, 0, atol=1e-12)
    assert np.allclose(signs, np.where(marks.marked, -1, 1), atol=1e-9)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_every_interval(bits):
    for low in range(2**bits):
        for high in range(low + 1, 2**bits + 1):
            if (low, high) != (0, 2**bits):
                assert_flips(rectangle((bits,), [(low, high)]))


@pytest.mark.parametrize("seed", range(12))
def test_rectangles(seed):
    rng = np.random.default_rng(seed)
    bits = tuple(map(int, rng.integers(1, 4, 3)))
    ends = [sorted(rng.choice(2**n + 1, 2, replace=False)) for n in bits]
    ends[0] = (1, 2)
    assert_flips(rectangle(bits, ends))


def test_marks_that_are_no_rectangle():
    marked = np.array([True, False, False, True, True, False, True, False])
    marks = Marks(marked, (2, 1), native=False)
    assert marks.intervals is None
    assert_flips(marks)
    assert Marks(np.array([1, 0, 1, 1], bool), (2,), native=False).intervals is None


def test_gates_grow_with_the_qubits():
    """Two comparators, computed and uncomputed, and a product of both axes and a label."""
    gates = []
    for n in (5, 10):
        marks = rectangle((n, n, 2), [(3, 2**n - 2), (5, 2**n - 6), (0, 1)])
        circuit = marks.make_room(QuantumCircuit(2 * n + 2))
        marks.append(circuit)
        gates.append(resources(circuit).two_qubit_gates)
    assert gates[1] < 2.6 * gates[0]
    assert gates[1] < 600  # a diagonal would take 4,194,302


def test_all_states_need_no_gate():
    circuit = QuantumCircuit(3)
    rectangle((3,), [(0, 8)]).append(circuit)
    assert not circuit.data


STATES = np.arange(32)
#: Marks of 5 qubits, and the number of qubits that they depend on.
DEPENDENT = {
    "one qubit is 1": ((STATES >> 3 & 1).astype(bool), 1),
    "two qubits are 0": (STATES & 0b10010 == 0, 2),
    "one is 0 and one is 1": (STATES & 0b10010 == 0b10000, 2),
    "one state": (STATES == 13, 5),
    "two of three are equal": (np.isin(STATES & 7, (0, 3, 4, 7)), 2),
    "several": (np.isin(STATES, (1, 2, 30)), 5),
    "all": (STATES >= 0, 0),
    "none": (STATES < 0, 0),
}


@pytest.mark.parametrize(("marked", "qubits"), DEPENDENT.values(), ids=DEPENDENT)
def test_a_table_has_the_qubits_on_which_the_marks_depend(marked, qubits):
    circuit = QuantumCircuit(6)
    Marks(marked, (5,), native=True).append(circuit)
    signs = np.where(np.tile(marked, 2), -1, 1)
    found = np.diag(Operator(circuit).data)
    np.testing.assert_allclose(found * found[0], signs * signs[0], atol=1e-12)
    assert [len(item.qubits) for item in circuit] == [qubits][: bool(qubits)]
