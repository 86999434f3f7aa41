"""Amplitudes prepared with angles from tables, and the cost."""

import math

import numpy as np
import pytest
from qiskit_aer import AerSimulator

from qconv.circuits.tables import UNDONE, _look_up, angle_bits, encode_by_tables, table_cost


def prepared(circuit, n):
    """Return the amplitudes of the data qubits for ancillas that read 0."""
    run = circuit.copy()
    run.save_statevector()
    state = AerSimulator(method="statevector").run(run).result()
    return np.asarray(state.get_statevector())[: 2**n]


@pytest.mark.parametrize("swaps", [0, 1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_amplitudes(n, swaps):
    """Each of n rotations is off by at most pi / 2**bits in angle, and half of that in norm."""
    bits = 4 if swaps < 2 else 3
    wanted = np.random.default_rng(n).standard_normal(2**n)
    wanted /= np.linalg.norm(wanted)
    found = prepared(encode_by_tables(wanted, bits, swaps), n)
    assert np.linalg.norm(found) == pytest.approx(1)  # the ancillas are in |0> again
    assert np.linalg.norm(found - wanted) <= n * math.pi / 2**bits


def test_an_image_of_8x8():
    image = np.random.default_rng(0).random((8, 8)) + 0.1
    wanted = image.ravel() / np.linalg.norm(image)
    errors = []
    for bits in (5, 6):
        found = prepared(encode_by_tables(wanted, bits), 6)
        assert np.linalg.norm(found) == pytest.approx(1)
        errors.append(np.linalg.norm(found - wanted))
        assert errors[-1] <= 6 * math.pi / 2**bits
    assert errors[1] < errors[0]
    assert angle_bits(6, 6 * math.pi / 2**5) == 5


@pytest.mark.parametrize(
    ("n", "bits", "swaps"), [(1, 3, 0), (2, 3, 0), (6, 4, 0), (5, 3, 1), (4, 2, 2)]
)
def test_the_formula_counts_the_circuit(n, bits, swaps):
    """The cost is all Toffoli gates except undoing ones, plus one per bit of each addition."""
    circuit = encode_by_tables(np.arange(1.0, 2**n + 1), bits, swaps)
    counted = sum(
        item.name == "cswap" or (item.name == "ccx" and item.operation.label is None)
        for item in circuit
    )
    undoing = sum(item.name == "ccx" and item.operation.label == UNDONE for item in circuit)
    looked_up = sum(_look_up(k, bits, min(swaps, k), 10**6) for k in range(n))
    assert counted == 2 * looked_up
    assert undoing == counted - 2 * sum(bits * (2 ** min(swaps, k) - 1) for k in range(n))
    if swaps == 0:
        assert counted + n * bits == table_cost(range(n), bits).toffolis


def test_64x64():
    """Other packages count about as many Toffoli gates; spare qubits make them fewer."""
    bits = angle_bits(12, 0.01 / 6)
    plain = table_cost(range(12), bits)
    assert plain.toffolis <= 8500
    spare = table_cost(range(12), bits, spare=500)
    assert spare.toffolis < 0.3 * plain.toffolis
    assert spare.spare_qubits <= plain.spare_qubits + 500


@pytest.mark.parametrize("amplitudes", [[1.0], [1.0, 2.0, 3.0], [0.0, 0.0]])
def test_refused(amplitudes):
    with pytest.raises(ValueError, match=r"amplitudes: expected 2, 4, 8, \.\.\. numbers"):
        encode_by_tables(amplitudes, 3)


def test_complex_amplitudes():
    with pytest.raises(TypeError, match="amplitudes: expected real numbers"):
        encode_by_tables([1.0, 1j], 3)
