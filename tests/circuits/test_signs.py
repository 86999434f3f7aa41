"""Signs of basis states: every pattern of few bits, also if some signs do not matter."""

import itertools

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from qconv.circuits.signs import sign_flips


def assert_flips(signs):
    circuit = sign_flips(np.array(signs, dtype=float))
    diagonal = np.diag(Operator(circuit).data)
    assert circuit.num_qubits == 1 + (len(signs) - 1).bit_length()
    assert np.allclose(np.diag(diagonal), Operator(circuit).data, atol=1e-12)
    np.testing.assert_allclose(diagonal[0::2], 1, atol=1e-12)  # the first qubit is 0
    for sign, found in zip(signs, diagonal[1::2], strict=True):
        if sign:
            assert abs(found - np.sign(sign)) < 1e-12
    free = np.diag(Operator(sign_flips(np.array(signs, dtype=float), controlled=False)).data)
    assert abs(np.sum(free * np.conj(diagonal[1::2]))) == pytest.approx(len(signs))
    return circuit


@pytest.mark.parametrize("bits", [0, 1, 2, 3])
def test_every_pattern(bits):
    for signs in itertools.product((1, -1), repeat=2**bits):
        assert_flips(signs)


def test_every_pattern_with_states_that_do_not_matter():
    for signs in itertools.product((1, -1, 0), repeat=4):
        assert_flips(signs)


@pytest.mark.parametrize("seed", range(30))
def test_random_patterns(seed):
    rng = np.random.default_rng(seed)
    assert_flips(rng.integers(-1, 2, size=2 ** rng.integers(3, 6)))


def test_what_does_not_matter_saves_gates():
    """The signs of an edge kernel on 4 x 4 states: three products if all of them matter."""
    edge = np.ones((4, 4))
    edge[1, 1] = -1
    all_matter = assert_flips(edge.ravel())
    assert max(len(item.qubits) for item in all_matter) == 5
    edge[3, :] = edge[:, 3] = 0
    some = assert_flips(edge.ravel())
    assert len(some.data) == 1
    assert max(len(item.qubits) for item in some) == 3


def test_no_sign_no_gate():
    assert len(sign_flips(np.array([1.0, 0, 2, 5])).data) == 0
    assert [item.name for item in sign_flips(np.array([-1.0, 0, -2, -5]))] == ["z"]
