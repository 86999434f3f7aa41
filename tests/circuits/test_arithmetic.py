import numpy as np
import pytest
from qiskit import AncillaRegister, QuantumCircuit
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit.synthesis.arithmetic import adder_qft_d00, adder_ripple_c04, adder_ripple_v95
from qiskit_aer import AerSimulator
from qiskit_aer.library import SaveStatevector, SetStatevector

from qconv.circuits.arithmetic import FAMILIES, adder_cost, choose_family, offset_adder
from qconv.circuits.resources import resources

OFFSETS = range(2, 17)
COUNTED = [("ripple", False), ("ripple", True), ("fourier", False)]
KINDS = [*COUNTED, ("mcx", False)]
GATES = {
    "ripple": {"h", "s", "sdg", "t", "tdg", "cx"},
    "fourier": {"h", "cp", "cz"},
    "mcx": {"cx", "ccx", "mcx"},
}
SIMULATOR = AerSimulator(method="statevector", max_parallel_threads=1, fusion_max_qubit=3)


def sizes(circuit):
    """Return the numbers of qubits for position, offset and ancillas."""
    count = {register.name: register.size for register in circuit.qregs}
    return count["position"], count["offset"], count.get("ancilla", 0)


def superposition(num_bits, width, num_offsets, seed):
    """Return random amplitudes for every valid pair [offset, position]; zero for other offsets."""
    rng = np.random.default_rng([seed, num_bits, num_offsets])
    state = np.zeros((2**width, 2**num_bits), dtype=complex)
    state[:num_offsets] = rng.normal(size=(num_offsets, 2**num_bits, 2)) @ (1, 1j)
    return state / np.linalg.norm(state)


def shifted(state):
    """Return the reference: the position's amplitudes, displaced periodically by the offset."""
    return np.array([np.roll(row, offset) for offset, row in enumerate(state)])


def run(circuit, state):
    """Apply the circuit with ancillas in |0>; return [ancillas, offset, position]."""
    num_bits, width, num_ancillas = sizes(circuit)
    start = np.zeros((2**num_ancillas, 2**width, 2**num_bits), dtype=complex)
    start[0] = state
    whole = QuantumCircuit(circuit.num_qubits)
    whole.append(SetStatevector(start.ravel()), whole.qubits)
    whole.compose(circuit, inplace=True)
    whole.append(SaveStatevector(circuit.num_qubits), whole.qubits)
    return np.asarray(SIMULATOR.run(whole).result().get_statevector()).reshape(start.shape)


def assert_adds(num_bits, num_offsets, family, measured):
    """One random superposition tests all basis states and their phases."""
    circuit = offset_adder(num_bits, num_offsets, family=family, measured=measured)
    state = superposition(num_bits, sizes(circuit)[1], num_offsets, seed=1)
    result, expected = run(circuit, state), shifted(state)
    message = f"{num_bits} bits, {num_offsets} offsets"
    if measured:
        probabilities = (np.abs(result) ** 2).sum(axis=0)
        np.testing.assert_allclose(
            probabilities, np.abs(expected) ** 2, rtol=0, atol=1e-10, err_msg=message
        )
        return
    overlap = np.vdot(expected, result[0])
    np.testing.assert_allclose(
        result[0] * np.conj(overlap), expected, rtol=0, atol=1e-10, err_msg=message
    )
    assert np.abs(result[1:]).max(initial=0) < 1e-10, message


@pytest.mark.parametrize(("family", "measured"), KINDS)
@pytest.mark.parametrize("num_bits", range(1, 9))
def test_every_offset_is_added_to_every_position_in_superposition(num_bits, family, measured):
    for num_offsets in OFFSETS:
        assert_adds(num_bits, num_offsets, family, measured)


@pytest.mark.parametrize(("family", "measured"), KINDS)
@pytest.mark.parametrize(("num_bits", "num_offsets"), [(3, 17), (5, 31), (6, 33), (7, 64), (2, 99)])
def test_many_offsets(num_bits, num_offsets, family, measured):
    assert_adds(num_bits, num_offsets, family, measured)


@pytest.mark.parametrize(("family", "measured"), KINDS)
@pytest.mark.parametrize("num_bits", [1, 2, 3, 4])
@pytest.mark.parametrize("num_offsets", [2, 3, 4, 5])
def test_basis_states(num_bits, num_offsets, family, measured):
    circuit = offset_adder(num_bits, num_offsets, family=family, measured=measured)
    low = range(num_bits + sizes(circuit)[1])
    for offset in range(num_offsets):
        for position in range(2**num_bits):
            start = Statevector.from_int(offset << num_bits | position, 2**circuit.num_qubits)
            probabilities = start.evolve(circuit).probabilities(low)
            expected = offset << num_bits | (position + offset) % 2**num_bits
            assert probabilities[expected] == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("num_offsets", [2, 3, 4, 5, 8, 11, 16])
def test_the_inverse_subtracts(num_offsets):
    circuit = offset_adder(4, num_offsets)
    state = superposition(4, sizes(circuit)[1], num_offsets, seed=2)
    result = run(circuit.inverse(), shifted(state))[0]
    assert abs(np.vdot(state, result)) == pytest.approx(1, abs=1e-10)


def test_the_measured_circuit_is_not_coherent():
    """The measured circuit leaves garbage in the ancillas, unlike the coherent one."""
    circuit = offset_adder(4, 3, measured=True)
    result = run(circuit, superposition(4, 2, 3, seed=3))
    assert np.abs(result[1:]).max() > 0.01


@pytest.mark.parametrize("family", ["fourier", "mcx"])
def test_measured_makes_no_difference_without_ancillas(family):
    circuit = offset_adder(5, 3, family=family)
    assert offset_adder(5, 3, family=family, measured=True) == circuit


@pytest.mark.parametrize(("family", "measured"), COUNTED)
@pytest.mark.parametrize("num_bits", [*range(1, 9), 12])
def test_cost_is_what_the_transpiled_circuit_has(num_bits, family, measured):
    for num_offsets in OFFSETS:
        circuit = offset_adder(num_bits, num_offsets, family=family, measured=measured)
        claimed = adder_cost(num_bits, num_offsets, family=family, measured=measured)
        assert claimed == resources(circuit).two_qubit_gates, num_offsets


@pytest.mark.parametrize("num_bits", [3, 4, 8, 20])
def test_formulas_for_three_offsets(num_bits):
    assert adder_cost(num_bits, 3) == 7 * num_bits - 9
    assert adder_cost(num_bits, 3, measured=True) == 4 * num_bits - 3
    assert adder_cost(num_bits, 3, family="fourier") == 2 * num_bits**2 + 2 * num_bits - 4
    depth = resources(offset_adder(num_bits, 3, measured=True)).two_qubit_depth
    assert depth == 2 * num_bits + 1


@pytest.mark.parametrize("num_bits", range(1, 13))
def test_ancillas(num_bits):
    for num_offsets in OFFSETS:
        width = (num_offsets - 1).bit_length()
        exclusive = num_offsets == 2 ** (width - 1) + 1
        coherent = max(num_bits - width - (not exclusive), 1)
        if num_offsets <= 3:
            coherent = num_bits - num_offsets
        for measured, expected in [(False, coherent), (True, num_bits - 2)]:
            circuit = offset_adder(num_bits, num_offsets, measured=measured)
            assert sizes(circuit) == (num_bits, width, expected if num_bits > 2 else 0)


def test_registers():
    circuit = offset_adder(6, 5)
    assert [(register.name, register.size) for register in circuit.qregs] == [
        ("position", 6),
        ("offset", 3),
        ("ancilla", 3),
    ]
    assert isinstance(circuit.qregs[2], AncillaRegister)
    assert circuit.qubits == [qubit for register in circuit.qregs for qubit in register]
    assert circuit.num_clbits == 0
    assert resources(circuit).ancillas == 3
    assert offset_adder(6, 5, family="fourier").num_qubits == 9


@pytest.mark.parametrize(("family", "measured"), KINDS)
def test_gates(family, measured):
    for num_offsets in OFFSETS:
        circuit = offset_adder(7, num_offsets, family=family, measured=measured)
        assert set(circuit.count_ops()) <= GATES[family]


@pytest.mark.parametrize("num_bits", [3, 5])
def test_fewer_cx_than_qiskit(num_bits):
    for synthesis in (adder_ripple_c04, adder_ripple_v95, adder_qft_d00):
        theirs = resources(synthesis(num_bits, "fixed")).two_qubit_gates
        assert adder_cost(num_bits, 3) < theirs


def test_choose_family():
    device = GenericBackendV2(5, coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], seed=1)
    assert choose_family(None, exact=True) == "mcx"
    assert choose_family(AerSimulator(), exact=True) == "mcx"
    assert choose_family(AerSimulator(), exact=False) == "fourier"
    assert choose_family(StatevectorSampler(), exact=False) == "fourier"
    assert choose_family(device, exact=False) == "ripple"
    assert choose_family(AerSimulator.from_backend(device), exact=False) == "ripple"


@pytest.mark.parametrize("function", [offset_adder, adder_cost])
@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 3), {}, ValueError, r"^num_bits: expected an integer >= 1, got 0$"),
        ((3, 1), {}, ValueError, r"^num_offsets: expected an integer >= 2, got 1$"),
        ((3.0, 3), {}, TypeError, r"^num_bits: expected an integer >= 1, got 3\.0$"),
        ((True, 3), {}, TypeError, r"^num_bits: expected an integer >= 1, got True$"),
        ((3, "3"), {}, TypeError, r"^num_offsets: expected an integer >= 2, got '3'$"),
        ((3, 3), {"measured": 1}, TypeError, r"^measured: expected True or False, got 1$"),
        (
            (3, 3),
            {"family": "auto"},
            ValueError,
            r"^family: expected one of 'ripple', 'fourier'(, 'mcx')?, got 'auto'$",
        ),
    ],
)
def test_wrong_arguments(function, arguments, options, error, message):
    with pytest.raises(error, match=message):
        function(*arguments, **options)


def test_arguments_may_be_numpy_integers():
    assert offset_adder(np.int64(4), np.int32(3)) == offset_adder(4, 3)
    assert set(FAMILIES) == {family for family, _ in KINDS}
