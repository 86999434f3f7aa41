"""Registers of whole-image circuits: names, preparation, and displacements along several axes."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from qconv.circuits import registers
from qconv.circuits.arithmetic import FAMILIES
from qconv.circuits.registers import (
    append_mirror,
    append_shift,
    axis_registers,
    kernel_registers,
    mirror_registers,
    on_ring,
    prepare,
    qubits_of,
)


def test_names():
    assert [r.name for r in axis_registers((1, 2, 3)).values()] == ["column", "row", "plane"]
    assert {axis: r.size for axis, r in axis_registers((2, 0, 3)).items()} == {2: 3, 0: 2}
    assert [r.name for r in kernel_registers((3, 5), "_2").values()] == [
        "kernel_column_2",
        "kernel_row_2",
    ]
    assert [r.size for r in kernel_registers((3, 5)).values()] == [3, 2]


def test_one_position_still_gets_a_qubit():
    assert {axis: r.size for axis, r in axis_registers((0, 0)).items()} == {1: 1}
    assert [r.name for r in kernel_registers((1, 1)).values()] == ["kernel_column"]


def test_prepared():
    amplitudes = np.random.default_rng(0).normal(size=8)
    circuit = QuantumCircuit(4)
    prepare(circuit, amplitudes, circuit.qubits[:3])
    circuit.save_statevector()
    simulator = AerSimulator(method="statevector")
    state = simulator.run(circuit, shots=1).result().data(0)["statevector"].data
    expected = amplitudes / np.linalg.norm(amplitudes)
    np.testing.assert_allclose(state, [*expected, *[0] * 8], atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("measured", [False, True])
def test_shift_along_two_axes(family, measured):
    """Every basis state moves periodically by the kernel registers' numbers, along each axis."""
    bits, shape = (2, 3), (3, 2)
    position, kernel = axis_registers(bits), kernel_registers(shape)
    circuit = QuantumCircuit(*position.values(), *kernel.values())
    clean = append_shift(circuit, position, kernel, shape, family=family, measured=measured)
    outputs = len(qubits_of(position)) + len(qubits_of(kernel))
    if not measured:
        assert clean == list(circuit.ancillas)
    for row, column, i, j in np.ndindex(4, 8, *shape):
        start = column + 8 * row + 32 * j + 64 * i
        state = Statevector.from_int(start, 2**circuit.num_qubits).evolve(circuit)
        moved = (column + j) % 8 + 8 * ((row + i) % 4) + 32 * j + 64 * i
        p = state.probabilities(range(outputs))
        assert p[moved] == pytest.approx(1)
        if not measured:  # the ancillas are in |0> again
            assert state.probabilities()[moved] == pytest.approx(1)


def test_ancillas_are_used_again():
    position = axis_registers((5, 4))
    kernels = [kernel_registers((3, 3), suffix) for suffix in ("", "_2")]
    circuit = QuantumCircuit(
        *position.values(), *(r for registers in kernels for r in registers.values())
    )
    clean = append_shift(circuit, position, kernels[0], (3, 3), family="ripple")
    needed = circuit.num_ancillas
    append_shift(circuit, position, kernels[1], (3, 3), family="ripple", clean=clean)
    assert circuit.num_ancillas == needed > 0


def test_an_axis_without_a_kernel_stays():
    position, kernel = axis_registers((2, 2)), kernel_registers((1, 3))
    circuit = QuantumCircuit(*position.values(), *kernel.values())
    append_shift(circuit, position, kernel, (1, 3), family="mcx")
    touched = {qubit for item in circuit for qubit in item.qubits}
    assert touched.isdisjoint(position[0])


@pytest.mark.parametrize("others", [0, 2])
def test_where_no_state_can_be_set_it_is_prepared_by_gates(others, monkeypatch):
    monkeypatch.setattr(registers, "LARGE", 2**8)  # small enough for Qiskit to build the gates
    amplitudes = np.random.default_rng(0).normal(size=2**8)
    circuit = QuantumCircuit(8 + others)
    prepare(circuit, amplitudes, circuit.qubits[:8])
    assert circuit.data[0].operation.name == "set_statevector"
    gates = transpile(circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=0)
    state = Statevector(gates).data
    np.testing.assert_allclose(state[: 2**8], amplitudes / np.linalg.norm(amplitudes), atol=1e-10)
    assert np.abs(state[2**8 :]).max(initial=0) < 1e-10


@pytest.mark.parametrize("others", [0, 4, 10])
def test_many_amplitudes_are_set_at_once(others):
    """The state is set as one array, unless the circuit is large and has many other qubits."""
    amplitudes = np.random.default_rng(0).normal(size=2**12)
    circuit = QuantumCircuit(12 + others)
    prepare(circuit, amplitudes, circuit.qubits[:12])
    name = "initialize" if others == 10 else "set_statevector"
    assert circuit.data[0].operation.name == name
    circuit.save_statevector()
    state = AerSimulator(method="statevector").run(circuit).result().get_statevector().data
    np.testing.assert_allclose(state[: 2**12], amplitudes / np.linalg.norm(amplitudes), atol=1e-15)
    assert not state[2**12 :].any()


def test_a_state_is_set_only_where_nothing_else_is():
    amplitudes = np.ones(2**12)
    begun, shifted = QuantumCircuit(13), QuantumCircuit(13)
    begun.x(12)
    prepare(begun, amplitudes, begun.qubits[:12])
    prepare(shifted, amplitudes, shifted.qubits[1:])
    for circuit in (begun, shifted):
        assert "set_statevector" not in circuit.count_ops()


def test_mirrored_axes():
    """An image beside its reflections, as NumPy pads it, with the mirror qubits as highest bits."""
    assert mirror_registers((False, False)) == {}
    position, mirrors = axis_registers((2, 1)), mirror_registers((True, True))
    assert [register.name for register in mirrors.values()] == ["mirror_column", "mirror_row"]
    image = np.random.default_rng(0).random((4, 2))
    circuit = QuantumCircuit(*position.values(), *mirrors.values())
    prepare(circuit, image.ravel(), qubits_of(position))
    append_mirror(circuit, position, mirrors)
    circuit.save_statevector()
    state = AerSimulator(method="statevector").run(circuit).result().get_statevector()
    ring = on_ring(position, mirrors)
    order = [circuit.find_bit(qubit).index for qubits in ring.values() for qubit in qubits]
    found = state.data.reshape((2,) * 5).transpose([4 - index for index in order[::-1]])
    expected = np.pad(image, [(0, 4), (0, 2)], mode="symmetric")
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(found.reshape(8, 4), expected, rtol=0, atol=1e-12)


def test_only_one_axis_is_mirrored():
    position, mirrors = axis_registers((2, 1)), mirror_registers((False, True))
    ring = on_ring(position, mirrors)
    assert {axis: len(qubits) for axis, qubits in ring.items()} == {1: 2, 0: 2}
