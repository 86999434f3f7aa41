"""Signs of marked states: rectangles by comparators, everything else by a diagonal."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qconv.circuits.regions import Marks
from qconv.circuits.resources import resources


def rectangle(bits, intervals):
    """Marks of a product of intervals, the lowest register first."""
    marked = np.ones(1, bool)
    for n, (low, high) in zip(bits, intervals, strict=True):
        inside = (np.arange(2**n) >= low) & (np.arange(2**n) < high)
        marked = np.multiply.outer(inside, marked).ravel()
    return Marks(marked, bits, native=False)


def assert_flips(marks):
    """The circuit flips the marked states alone, and leaves ancillas in 0."""
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
    """Two comparators, set and reset, and a product of the two axes and a label."""
    gates = []
    for n in (5, 10):
        marks = rectangle((n, n, 2), [(3, 2**n - 2), (5, 2**n - 6), (0, 1)])
        circuit = marks.make_room(QuantumCircuit(2 * n + 2))
        marks.append(circuit)
        gates.append(resources(circuit).two_qubit_gates)
    assert gates[1] < 2.6 * gates[0]
    assert gates[1] < 600  # a diagonal takes 4,194,302


def test_all_states_need_no_gate():
    circuit = QuantumCircuit(3)
    rectangle((3,), [(0, 8)]).append(circuit)
    assert not circuit.data
