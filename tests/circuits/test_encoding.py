import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from qiskit import QuantumCircuit
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qconv.circuits import _fit, _preparation
from qconv.circuits._gates import Gate, cz, ry, simulate, two_qubit_count
from qconv.circuits._orthogonal import (
    multiplexed_rotation,
    multiplexed_ry,
    three_qubit_isometry,
    three_qubit_isometry_costs,
    three_qubit_rotation,
    two_qubit_rotation,
)
from qconv.circuits._simplify import simplify
from qconv.circuits.encoding import encode_amplitudes

BASIS = ["rz", "sx", "x", "cx"]
PASSES = [
    generate_preset_pass_manager(optimization_level=level, basis_gates=BASIS, seed_transpiler=0)
    for level in (2, 3)
]

BINOMIAL = {n: np.poly1d([1, 1]) ** (n - 1) for n in (3, 5, 7)}
SQUARES = np.arange(-2, 3)[:, None] ** 2 + np.arange(-2, 3) ** 2
LAPLACIAN_3D = np.zeros((3, 3, 3))
LAPLACIAN_3D[1, 1, :] = LAPLACIAN_3D[1, :, 1] = LAPLACIAN_3D[:, 1, 1] = 1
LAPLACIAN_3D[1, 1, 1] = -6


def gaussian(size, axes=2):
    line = BINOMIAL[size].coeffs
    kernel = line
    for _ in range(axes - 1):
        kernel = np.multiply.outer(kernel, line)
    return kernel


KERNELS = {  # name: kernel, and CX of its encoding
    "identity": ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], 0),
    "box 3": (np.ones((3, 3)), 2),
    "box 5": (np.ones((5, 5)), 4),
    "box 7": (np.ones((7, 7)), 6),
    "gaussian 3": (gaussian(3), 2),
    "gaussian 5": (gaussian(5), 6),
    "gaussian 7": (gaussian(7), 6),
    "edge": ([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], 3),
    "laplacian 4": ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], 3),
    "laplacian 8": ([[1, 1, 1], [1, -8, 1], [1, 1, 1]], 3),
    "sharpen": ([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 3),
    "sobel-x": ([[1, 0, -1], [2, 0, -2], [1, 0, -1]], 1),
    "sobel-y": ([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], 1),
    "emboss": ([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], 5),
    "diagonal 3": (np.eye(3), 3),
    "motion blur 5": (np.eye(5), 5),
    "disk 5": (SQUARES <= 5, 7),
    "laplacian of gaussian 5": ((SQUARES - 2) * np.exp(-SQUARES / 2), 12),
    "box 3x3x3": (np.ones((3, 3, 3)), 3),
    "gaussian 3x3x3": (gaussian(3, 3), 3),
    "laplacian 3x3x3": (LAPLACIAN_3D, 6),
    "one element": ([[3.0]], 0),
}


def padded(array):
    """Return the reference: the normalised array, zero-padded to powers of two, flattened."""
    array = np.asarray(array, dtype=float)
    lengths = [next(2**n for n in range(20) if 2**n >= length) for length in array.shape]
    state = np.pad(array, [(0, n - m) for n, m in zip(lengths, array.shape, strict=True)])
    state = state.ravel() / np.abs(state).max()
    state = state if state.size > 1 else np.array([1.0, 0.0])
    return state / np.linalg.norm(state)


def error(circuit, array):
    state, expected = Statevector(circuit).data, padded(array)
    return min(np.abs(state - expected).max(), np.abs(state + expected).max())


def assert_encodes(circuit, array):
    state, expected = Statevector(circuit).data, padded(array)
    assert min(np.abs(state - expected).max(), np.abs(state + expected).max()) < 1e-12, array
    np.testing.assert_allclose(np.abs(state) ** 2, expected**2, rtol=0, atol=1e-12)


def claimed(circuit):
    assert set(circuit.count_ops()) <= {"ry", "rx", "rz", "x", "h", "z", "cz"}
    return circuit.count_ops().get("cz", 0)


def counted(circuit, passes=PASSES[0]):
    transpiled = passes.run(circuit)
    assert set(transpiled.count_ops()) <= set(BASIS)
    return transpiled.count_ops().get("cx", 0)


def qiskit_circuit(array):
    state = padded(array)
    num_qubits = state.size.bit_length() - 1
    circuit = QuantumCircuit(num_qubits)
    circuit.append(StatePreparation(state), range(num_qubits))
    return circuit


def random_array(rng):
    """Return a random array of 1 to 3 axes: with zeros, signs, ties or symmetries."""
    axes = rng.integers(1, 4)
    shape = tuple(rng.integers(1, {1: 17, 2: 9, 3: 5}[axes] + 1, axes))
    values = rng.choice(["normal", "uniform", "integer", "sparse", "symmetric", "single"])
    if values == "integer":
        array = rng.integers(-2, 3, shape).astype(float)
    elif values == "uniform":
        array = rng.random(shape)
    else:
        array = rng.normal(size=shape)
    if values == "sparse":
        array *= rng.random(shape) < 0.4
    if values == "symmetric":
        array += array[tuple(slice(None, None, -1) for _ in shape)]
    if values == "single" or not array.any():
        array = np.zeros(shape)
        array.flat[rng.integers(array.size)] = rng.choice([-3.0, 1e-3])
    return array


# -------------------------------------------------------------------------------- exactness


@pytest.mark.parametrize("seed", range(8))
def test_the_state_is_the_padded_array(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        assert_encodes(encode_amplitudes(array := random_array(rng)), array)


@settings(max_examples=30)
@given(
    arrays(
        np.float64,
        array_shapes(min_dims=1, max_dims=3, max_side=5),
        elements=st.floats(-1, 1, allow_subnormal=False) | st.sampled_from([0.0, 1.0, -1.0]),
    ).filter(np.any)
)
def test_any_finite_array_is_encoded(array):
    assert error(encode_amplitudes(array), array) < 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_tiny_entries_count_as_zero(seed):
    """Products of them would underflow, which linear algebra reports as a division by zero."""
    rng = np.random.default_rng(seed)
    tiny = [2.3e-308, -1e-310, 1e-300, -1e-160, 1e-150, 1e-80, 1e-49]
    for _ in range(40):
        array = rng.choice(
            [0, 1, -1, 0.5, 3e-17, *tiny], size=rng.integers(1, 6, rng.integers(1, 4))
        )
        array.flat[0] = 1
        assert error(encode_amplitudes(array), array) < 1e-12
    circuit = encode_amplitudes([1, 1e-60, 0, 1])
    assert circuit == encode_amplitudes([1, 0, 0, 1])


@pytest.mark.parametrize("scale", [1e300, 1e-300, 5e-324, -1e154])
def test_only_ratios_matter(scale):
    array = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 3.0]])
    scaled = array if scale == 5e-324 else array * scale
    scaled = scaled.astype(int) * scale if scale == 5e-324 else scaled
    assert error(encode_amplitudes(scaled), array) < 1e-12


@pytest.mark.parametrize("noise", [1e-15, 1e-13, 1e-12, 1e-10, 1e-6])
def test_nearly_degenerate_states_stay_exact(noise):
    rng = np.random.default_rng(5)
    for shape in [(3,), (2, 4), (3, 3), (4, 4), (3, 5), (5, 5)]:
        product = np.multiply.outer(np.ones(shape[0]), np.ones(shape[1:]))
        array = product + noise * rng.normal(size=shape)
        assert error(encode_amplitudes(array), array) < 1e-12
        if len(shape) == 1:
            continue
        array = np.eye(*shape) + noise * rng.normal(size=shape)
        assert error(encode_amplitudes(array), array) < 1e-12


def test_an_inexact_candidate_gives_way_to_the_tree(monkeypatch):
    state = np.random.default_rng(0).random((2, 2, 2))
    state /= np.linalg.norm(state)
    wrong = [ry(1.0, 0), ry(1.0, 1), cz(0, 1)]
    monkeypatch.setattr(_preparation, "_prepare", lambda state: wrong)
    gates = _preparation.prepare(state)
    assert np.abs(simulate(gates, 3) - state).max() < 1e-14
    assert two_qubit_count(gates) == 4


# ------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("name", KERNELS)
def test_named_kernels_cost_what_they_should(name):
    kernel, cost = KERNELS[name]
    amplitudes = np.sqrt(np.abs(kernel))
    circuit = encode_amplitudes(amplitudes)
    assert error(circuit, amplitudes) < 1e-12
    assert claimed(circuit) == cost
    assert [counted(circuit, passes) for passes in PASSES] == [cost, cost]
    assert cost <= counted(qiskit_circuit(amplitudes))


def test_any_3x3_kernel_needs_six():
    rng = np.random.default_rng(3)
    for _ in range(10):
        circuit = encode_amplitudes(np.sqrt(rng.random((3, 3))))
        assert claimed(circuit) == counted(circuit) == 6
        circuit = encode_amplitudes(rng.normal(size=(3, 3)))
        assert claimed(circuit) == counted(circuit) == 6


def test_four_qubits_need_seven_where_the_fit_fails(monkeypatch):
    monkeypatch.setattr(_preparation, "fit_four_qubits", lambda state, cost: None)
    array = np.random.default_rng(4).random((3, 3)) + 0.01  # not cached by another test
    circuit = encode_amplitudes(array)
    assert error(circuit, array) < 1e-12
    assert claimed(circuit) == counted(circuit) == 7


@pytest.mark.parametrize(
    ("shape", "cost"),
    [
        ((2,), 0),
        ((3,), 1),
        ((4,), 1),
        ((5,), 3),
        ((8,), 3),
        ((9,), 6),
        ((16,), 6),
        ((2, 2), 1),
        ((2, 2, 2), 3),
        ((3, 5), 17),
        ((4, 8), 17),
        ((5, 5), 44),
        ((7, 7), 44),
        ((3, 3, 3), 44),
    ],
)
def test_random_arrays_cost_the_table(shape, cost):
    circuit = encode_amplitudes(np.random.default_rng(1).random(shape))
    assert claimed(circuit) == counted(circuit) == cost


@pytest.mark.parametrize("size", [5, 7])
def test_separable_kernels_need_six(size):
    rng = np.random.default_rng(size)
    for _ in range(5):
        circuit = encode_amplitudes(np.outer(rng.random(size), rng.random(size)))
        assert claimed(circuit) == counted(circuit) == 6


def test_rank_2_kernels_need_at_most_five():
    rng = np.random.default_rng(2)
    for _ in range(10):
        circuit = encode_amplitudes(rng.random((3, 2)) @ rng.random((2, 3)))
        assert claimed(circuit) == counted(circuit) == 5
    # Rank 2 across the axes of 5x5: three qubits to one (9 CX), then four qubits (6 CX).
    circuit = encode_amplitudes(rng.random((5, 2)) @ rng.random((2, 5)))
    assert claimed(circuit) == counted(circuit) == 15


@pytest.mark.parametrize("size", [9, 16])
def test_large_rank_2_arrays_are_compressed(size):
    """Three qubits are reduced to two (11 CX), twice; six of eight remain. A tree takes 247 CX."""
    rng = np.random.default_rng(size)
    circuit = encode_amplitudes(rng.random((size, 2)) @ rng.random((2, size)))
    assert claimed(circuit) == counted(circuit) == 11 + 11 + 15


def test_mirror_symmetry_halves_the_state():
    half = np.random.default_rng(6).random((8, 8))
    circuit = encode_amplitudes(half + half[::-1, ::-1])
    assert claimed(circuit) == counted(circuit) == 5 + 17


@pytest.mark.parametrize("seed", range(4))
def test_claimed_is_counted_and_never_above_qiskit(seed):
    rng = np.random.default_rng(100 + seed)
    for _ in range(20):
        array = random_array(rng)
        circuit = encode_amplitudes(array)
        assert_encodes(circuit, array)
        assert claimed(circuit) == counted(circuit), array
        if array.size > 1:
            assert claimed(circuit) <= counted(qiskit_circuit(array)), array


@pytest.mark.slow
def test_fourteen_qubits():
    array = np.random.default_rng(0).random((128, 128))
    circuit = encode_amplitudes(array)
    assert claimed(circuit) <= 2**14 - 14 - 1
    circuit.save_statevector()  # by Aer, because Qiskit takes seconds for this number of gates
    state = AerSimulator(method="statevector", max_parallel_threads=1).run(circuit).result()
    state, expected = state.get_statevector().data, padded(array)
    assert min(np.abs(state - expected).max(), np.abs(state + expected).max()) < 1e-12


# ---------------------------------------------------------------------------- building blocks


def matrix(gates, num_qubits):
    """The matrix of a gate list, column by column."""
    columns = []
    for index in range(2**num_qubits):
        bits = [q for q in range(num_qubits) if index >> (num_qubits - 1 - q) & 1]
        columns.append(simulate([*(Gate("x", (q,)) for q in bits), *gates], num_qubits).ravel())
    return np.array(columns).T


def rotation(rng, size):
    basis = np.linalg.qr(rng.normal(size=(size, size)))[0]
    basis[:, 0] *= np.sign(np.linalg.det(basis))
    return basis


def test_rotations_of_two_and_three_qubits_are_exact():
    rng = np.random.default_rng(0)
    for _ in range(20):
        target = rotation(rng, 4)
        gates = two_qubit_rotation(target, 0, 1)
        np.testing.assert_allclose(matrix(gates, 2), target, rtol=0, atol=1e-13)
        assert two_qubit_count(gates) == 2
        zero, one = rotation(rng, 4), rotation(rng, 4)
        gates = multiplexed_rotation(zero, one, 0, (1, 2))
        blocks = np.block([[zero, np.zeros((4, 4))], [np.zeros((4, 4)), one]])
        np.testing.assert_allclose(matrix(gates, 3), blocks, rtol=0, atol=1e-13)
        assert two_qubit_count(gates) == 8
        target = rotation(rng, 8)
        gates = three_qubit_rotation(target, 0, 1, 2)
        np.testing.assert_allclose(matrix(gates, 3), target, rtol=0, atol=1e-13)
        assert two_qubit_count(gates) == 19


def test_tensor_products_cost_nothing():
    for first, second in [(np.eye(2), np.diag([1, -1])), (np.diag([1, -1]), [[0, 1], [1, 0]])]:
        target = np.kron(first, second)
        if np.linalg.det(target) > 0:
            gates = two_qubit_rotation(target, 0, 1)
            np.testing.assert_allclose(matrix(gates, 2), target, rtol=0, atol=1e-14)
            assert two_qubit_count(gates) == 0


@pytest.mark.parametrize(("inputs", "cost"), [(1, 9), (2, 11)])
def test_isometries_span_their_subspace(inputs, cost):
    columns = rotation(np.random.default_rng(1), 8)[:, : 2**inputs]
    gates, basis = three_qubit_isometry(columns, (0, 1, 2))
    np.testing.assert_allclose(basis @ basis.T, columns @ columns.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(matrix(gates, 3)[:, : 2**inputs], basis, rtol=0, atol=1e-13)
    assert two_qubit_count(gates) == cost


def test_isometries_cost_what_their_gates_do():
    rng = np.random.default_rng(3)
    subspaces = []
    for size in (2, 4):
        subspaces += [rotation(rng, 8)[:, :size] for _ in range(10)]
        products = [np.kron(rotation(rng, 2), rotation(rng, 4))[:, :size] for _ in range(10)]
        whole = [rng.integers(-1, 2, (8, size)) for _ in range(60)]
        whole = [np.linalg.qr(m)[0] for m in whole if np.linalg.matrix_rank(m) == size]
        subspaces += products + whole
    costs = three_qubit_isometry_costs(subspaces)
    counts = [two_qubit_count(three_qubit_isometry(m, (0, 1, 2))[0]) for m in subspaces]
    assert costs == counts
    assert len(set(costs)) > 4


def test_multiplexed_rotation_skips_controls_without_effect():
    angles = np.broadcast_to(np.array([0.3, 1.1])[None, :, None], (2, 2, 2))
    gates = multiplexed_ry(angles, [0, 1, 2], 3)
    assert two_qubit_count(gates) == 1
    assert {qubit for gate in gates for qubit in gate.qubits} == {1, 3}


def test_simplify_keeps_the_state():
    rng = np.random.default_rng(8)
    for _ in range(300):
        gates = [ry(rng.normal(), q) for q in range(3)]
        for _ in range(8):
            first, second = rng.choice(3, 2, replace=False).tolist()
            gates.append(cz(first, second))
            angles = rng.integers(-8, 9, 3) * np.pi / 2
            gates += [ry(angles[q], q) for q in range(3) if rng.random() < 0.5]
            gates += [Gate("z", (q,)) for q in range(3) if rng.random() < 0.1]
        before, after = simulate(gates, 3), simulate(simplify(gates), 3)
        assert min(np.abs(before - after).max(), np.abs(before + after).max()) < 1e-13
        assert two_qubit_count(simplify(gates)) <= two_qubit_count(gates)


def test_the_jacobian_of_the_fit_is_the_derivative():
    angles = np.random.default_rng(0).uniform(-3, 3, (2, 16))
    target = np.zeros(16)
    _, jacobian = _fit._evolve(_fit._SIX[0], angles, target)
    for i, step in enumerate(1e-6 * np.eye(16)):
        after, _ = _fit._evolve(_fit._SIX[0], angles + step, target)
        before, _ = _fit._evolve(_fit._SIX[0], angles - step, target)
        numeric = (after - before) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, i], numeric, rtol=0, atol=1e-9)


def four_qubits(placement, angles):
    return simulate(_fit._to_gates(placement, angles), 4).real


@pytest.mark.parametrize("placement", _fit._FIVE)
def test_five_are_tried_on_every_state_that_they_prepare(placement):
    rng = np.random.default_rng(0)
    polynomial = _fit._FIVE[placement]
    for _ in range(200):
        assert abs(polynomial(four_qubits(placement, rng.uniform(-4, 4, 14)))) < 1e-15


@pytest.mark.parametrize("placement", _fit._FIVE)
def test_states_of_five_are_found(placement):
    rng = np.random.default_rng(1)
    states = [four_qubits(placement, rng.uniform(-4, 4, 14)) for _ in range(10)]
    found = [fitted for state in states if (fitted := _fit.fit_four_qubits(state, 5))]
    assert len(found) >= 8
    assert {two_qubit_count(gates) for gates in found} == {5}


def test_five_are_not_tried_on_a_generic_state(monkeypatch):
    monkeypatch.setattr(_fit, "_solve", lambda *_: pytest.fail("tried"))
    rng = np.random.default_rng(2)
    for _ in range(20):
        state = np.zeros((4, 4))
        state[:3, :3] = np.sqrt(rng.random((3, 3)))
        state = state.reshape(2, 2, 2, 2) / np.linalg.norm(state)
        assert _fit.fit_four_qubits(state, 5) is None


# ------------------------------------------------------------------------ registers and names


def test_registers_stand_last_axis_first():
    circuit = encode_amplitudes(np.random.default_rng(0).random((2, 3, 5)))
    assert [(r.name, r.size) for r in circuit.qregs] == [("column", 3), ("row", 2), ("plane", 1)]
    assert circuit.num_clbits == 0


def test_one_element_set_is_its_index_in_every_register():
    array = np.zeros((3, 5))
    array[2, 3] = -7.0
    circuit = encode_amplitudes(array)
    assert Statevector(circuit).probabilities([0, 1, 2]).argmax() == 3  # column
    assert Statevector(circuit).probabilities([3, 4]).argmax() == 2  # row
    assert circuit.size() == 3  # an X for each bit that is 1


@pytest.mark.parametrize(
    ("shape", "names", "expected"),
    [
        ((4,), None, ["column"]),
        ((3, 3), None, ["column", "row"]),
        ((2, 2, 2, 2), None, ["axis_3", "axis_2", "axis_1", "axis_0"]),
        ((3, 3), ("kernel_row", "kernel_column"), ["kernel_column", "kernel_row"]),
        ((3, 1), None, ["row"]),
        ((1, 3), ["r", "c"], ["c"]),
        ((1, 1), None, ["column"]),
    ],
)
def test_names(shape, names, expected):
    circuit = encode_amplitudes(np.ones(shape), names=names)
    assert [register.name for register in circuit.qregs] == expected


def test_a_single_element_is_one_qubit_in_0():
    circuit = encode_amplitudes([[[-2.5]]])
    assert circuit.num_qubits == 1
    np.testing.assert_array_equal(Statevector(circuit).data, [1, 0])


# ---------------------------------------------------------------------- determinism and cache


SCRIPT = """
import numpy as np
from qconv.circuits.encoding import encode_amplitudes
for shape in [(3, 3), (5, 5), (4, 8)]:
    circuit = encode_amplitudes(np.random.default_rng(9).random(shape))
    for item in circuit.data:
        qubits = [circuit.find_bit(q).index for q in item.qubits]
        print(item.name, qubits, [p.hex() for p in map(float, item.params)])
"""


def test_the_same_circuit_in_every_process(capsys):
    """In this process, after other tests, and in a new process."""
    exec(compile(SCRIPT, "script", "exec"), {})
    here = capsys.readouterr().out
    other = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert here == other.stdout
    assert here.count("cz") == 6 + 44 + 17


def test_changing_a_circuit_does_not_change_the_next():
    array = np.array([[1.0, 2.0], [3.0, 5.0]])
    first = encode_amplitudes(array)
    expected = encode_amplitudes(array)
    first.x(0)
    first.global_phase = 1.0
    first.measure_all()
    assert encode_amplitudes(array) == expected
    assert error(encode_amplitudes(array), array) < 1e-12


def test_equal_content_of_other_shape_or_name_is_not_mixed_up():
    line = np.arange(1.0, 9.0)
    assert encode_amplitudes(line).qregs[0].size == 3
    assert [r.size for r in encode_amplitudes(line.reshape(2, 4)).qregs] == [2, 1]
    assert [r.size for r in encode_amplitudes(line.reshape(4, 2)).qregs] == [1, 2]
    assert encode_amplitudes(line, names=["x"]).qregs[0].name == "x"


def test_the_array_is_not_changed():
    array = np.array([3.0, -4.0])
    encode_amplitudes(array)
    np.testing.assert_array_equal(array, [3.0, -4.0])


# ------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("amplitudes", "exception", "message"),
    [
        (["a"], TypeError, r"amplitudes: expected an array of real numbers, got dtype <U1"),
        ([None], TypeError, r"amplitudes: .* got an array of objects \(such as NoneType\)"),
        (1.0, ValueError, r"amplitudes: expected at least one axis, got a scalar"),
        (np.zeros((3, 0)), ValueError, r"amplitudes: expected at least one entry, .*\(3, 0\)"),
        ([[1, np.nan]], ValueError, r"amplitudes: expected finite numbers, got 1 that .*\(0, 1\)"),
        ([-np.inf], ValueError, r"amplitudes: expected finite numbers, got 1 that .*\(0,\)"),
        (
            np.zeros((3, 3)),
            ValueError,
            r"amplitudes: expected at least one entry other than 0, got all",
        ),
        (np.ma.array([1, 2, 3], mask=[1, 0, 1]), ValueError, r"amplitudes: .* masked .* got 2"),
    ],
)
def test_bad_amplitudes(amplitudes, exception, message):
    with pytest.raises(exception, match=message):
        encode_amplitudes(amplitudes)


@pytest.mark.parametrize(
    ("names", "exception", "message"),
    [
        (("a",), ValueError, r"names: expected 2 names, one per axis, got 1"),
        (("a", "a"), ValueError, r"names: expected distinct, non-empty names, got \('a', 'a'\)"),
        (("a", ""), ValueError, r"names: expected distinct, non-empty names"),
        ("ab", TypeError, r"names: expected a list or tuple of strings, got 'ab'"),
        ((1, 2), TypeError, r"names: expected a list or tuple of strings, got \(1, 2\)"),
        (5, TypeError, r"names: expected a list or tuple of strings, got 5"),
    ],
)
def test_bad_names(names, exception, message):
    with pytest.raises(exception, match=message):
        encode_amplitudes(np.ones((2, 2)), names=names)
