import dataclasses

import numpy as np
import pytest
from qiskit import AncillaRegister, ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator

from qconv.circuits import resources as module
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.resources import T_PER_ROTATION, Resources, resources

LINE = GenericBackendV2(
    7, basis_gates=["rz", "sx", "x", "cz"], coupling_map=[[i, i + 1] for i in range(6)], seed=1
)


def test_hand_counted():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.t(2)
    # H is rz sx rz. The T gate cannot be merged: it is an rz on the target of the last CX.
    assert resources(circuit) == Resources(
        qubits=3, ancillas=0, two_qubit_gates=2, two_qubit_depth=2, depth=6, t_count=1
    )


def test_parallel_gates_share_depth():
    circuit = QuantumCircuit(4)
    circuit.cx(0, 1)
    circuit.cx(2, 3)
    cost = resources(circuit)
    assert (cost.two_qubit_gates, cost.two_qubit_depth, cost.depth) == (2, 1, 1)


def test_toffoli():
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    cost = resources(circuit)
    assert (cost.two_qubit_gates, cost.t_count) == (6, 7)


@pytest.mark.parametrize(
    ("angle", "expected"),
    [
        (0.0, 0),
        (np.pi / 2, 0),
        (-np.pi, 0),
        (np.pi / 4, 1),
        (-3 * np.pi / 4, 1),
        (5 * np.pi / 4 + 1e-12, 1),
        (0.3, T_PER_ROTATION),
        (np.pi / 4 + 1e-6, T_PER_ROTATION),
    ],
)
def test_t_count_of_one_rotation(angle, expected):
    circuit = QuantumCircuit(1)
    circuit.rz(angle, 0)
    assert resources(circuit).t_count == expected
    circuit = QuantumCircuit(1)
    circuit.ry(angle, 0)
    assert resources(circuit).t_count == expected


def test_t_per_rotation_is_three_log2_of_the_precision():
    assert T_PER_ROTATION == 100  # 3 log2(1e10) = 99.66


def test_measurements_barriers_and_saves_do_not_count():
    circuit = encode_amplitudes(np.sqrt([[1, 1, 1], [1, 8, 1], [1, 1, 1]]))
    cost = resources(circuit)
    assert (cost.qubits, cost.two_qubit_gates) == (4, 3)
    saved = circuit.copy()
    saved.save_statevector()
    assert resources(saved) == cost
    measured = circuit.copy()
    measured.barrier()
    measured.measure_all()
    assert resources(measured) == cost
    assert resources(saved, AerSimulator()).two_qubit_gates == 3


def test_ancillas_are_found_by_type_and_by_name():
    circuit = QuantumCircuit(
        QuantumRegister(2, "row"),
        AncillaRegister(2, "carry"),
        QuantumRegister(1, "ancilla_flag"),
        ClassicalRegister(1),
    )
    cost = resources(circuit)
    assert (cost.qubits, cost.ancillas, cost.depth) == (5, 3, 0)


def test_a_backend_counts_only_the_qubits_in_use():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    cost = resources(circuit, LINE)
    assert (cost.qubits, cost.two_qubit_gates) == (3, 2)


def test_routing_costs_two_qubit_gates():
    circuit = QuantumCircuit(3)
    for pair in [(0, 1), (1, 2), (0, 2)]:
        circuit.cx(*pair)
        circuit.h(pair)
    assert resources(circuit, LINE).two_qubit_gates > resources(circuit).two_qubit_gates == 3


def test_never_more_two_qubit_gates_than_merely_translated():
    rng = np.random.default_rng(0)
    for _ in range(5):
        circuit = QuantumCircuit(3)
        pairs = rng.integers(0, 3, (10, 2))
        for first, second in pairs[pairs[:, 0] != pairs[:, 1]].tolist():
            circuit.cz(first, second)
            circuit.ry(rng.normal(), first)
        assert resources(circuit).two_qubit_gates <= circuit.count_ops()["cz"]


def test_the_fewer_of_two_compilations_count(monkeypatch):
    """Level 2 of the transpiler is replaced by one that returns three gates, or none."""
    circuits = {number: QuantumCircuit(2) for number in (0, 1, 3)}
    for number, circuit in circuits.items():
        for _ in range(number):
            circuit.cx(0, 1)
    for levels, fewest in (({2: 3, 0: 1}, 1), ({2: 0, 0: 1}, 0)):
        compiled = {level: circuits[number] for level, number in levels.items()}
        monkeypatch.setattr(
            module, "_transpile", lambda circuit, backend, level, found=compiled: found[level]
        )
        assert resources(circuits[1]).two_qubit_gates == fewest


def test_qubits_that_are_merely_passed_count():
    """Two qubits at the ends of a chain meet in its middle; idle qubits count as well."""
    compiled = QuantumCircuit(3)
    compiled.swap(0, 1)
    compiled.cx(1, 2)
    assert module._used_qubits(QuantumCircuit(2), compiled) == 3
    assert module._used_qubits(QuantumCircuit(2), QuantumCircuit(3)) == 2


def test_the_same_twice():
    circuit = encode_amplitudes(np.random.default_rng(0).random((3, 3)))
    assert resources(circuit, LINE) == resources(circuit, LINE)


def test_the_circuit_is_not_changed():
    circuit = encode_amplitudes(np.random.default_rng(0).random(5))
    before = circuit.copy()
    resources(circuit)
    assert circuit == before


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        resources(QuantumCircuit(1)).qubits = 2


def test_prints_as_a_table():
    cost = Resources(
        qubits=4, ancillas=0, two_qubit_gates=3, two_qubit_depth=3, depth=20, t_count=1402
    )
    assert str(cost).splitlines() == [
        "qubits                            4",
        "ancillas                          0",
        "two-qubit gates                   3",
        "two-qubit depth                   3",
        "depth                            20",
        "T gates (rotations to 1e-10)  1,402",
    ]


@pytest.mark.parametrize(
    ("arguments", "exception", "message"),
    [
        (("h 0",), TypeError, "circuit: expected a QuantumCircuit, got str"),
        ((QuantumCircuit(1), "aer"), TypeError, "backend: expected a BackendV2 or None, got str"),
        (
            (QuantumCircuit(8), LINE),
            ValueError,
            "circuit: expected at most the backend's 7 qubits, got 8",
        ),
    ],
)
def test_bad_arguments(arguments, exception, message):
    with pytest.raises(exception, match=message):
        resources(*arguments)


def test_free_parameters_are_refused():
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("theta"), 0)
    with pytest.raises(
        ValueError, match=r"circuit: expected a circuit without free parameters, got theta"
    ):
        resources(circuit)


@pytest.mark.parametrize("seed", range(20))
def test_depths_are_those_of_qiskit(seed):
    circuit = random_circuit(5, 12, max_operands=3, measure=True, reset=True, seed=seed)
    circuit.barrier(0, 1)
    circuit.cx(1, 2)

    def on_two_qubits(item):
        return module._is_gate(item) and len(item.qubits) > 1

    assert module._depths(circuit) == (circuit.depth(on_two_qubits), circuit.depth(module._is_gate))
    assert module._two_qubit_gates(circuit) == sum(map(on_two_qubits, circuit))
    assert module._depths(QuantumCircuit(2)) == (0, 0)
