"""Phases of basis states as polynomials of bits."""

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from qconv.circuits.phases import (
    few_bits,
    phase_gates,
    phase_polynomial,
    phases_at,
    polynomial_phases,
    quadratic_terms,
    wrapped,
)


def diagonal(circuit):
    """Return the diagonal of a circuit that has no other entries."""
    matrix = Operator(circuit).data
    assert np.abs(matrix - np.diag(np.diag(matrix))).max() < 1e-12
    return np.diag(matrix)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_any_phases(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        factors = np.exp(1j * rng.uniform(-9, 9, 2**n))
        made = diagonal(phase_gates(factors))
        assert np.abs(made / made[0] - factors / factors[0]).max() < 1e-12
        made = diagonal(phase_gates(factors, controlled=True)).reshape(2**n, 2)
        assert np.abs(made[:, 1] / made[:, 0] - factors).max() < 1e-12


@pytest.mark.parametrize("controlled", [False, True])
def test_products_of_many_bits(controlled):
    """A single product of three bits is one multi-controlled gate, not a diagonal."""
    factors = np.exp(0.3j * (np.arange(8) == 7))
    made = diagonal(phase_gates(factors, controlled=controlled))
    made = made.reshape(8, -1)
    if controlled:
        assert np.abs(made[:, 0] - 1).max() < 1e-12
    assert np.abs(made[:, -1] - factors).max() < 1e-12


def test_phases_that_do_not_matter():
    factors = np.exp(1j * np.array([0.3, 1, 2, 0, 0.5, 0, 0, 0]))
    matters = np.array([True, True, True, False, True, False, False, False])
    circuit = phase_gates(np.where(matters, factors, 0))
    assert set(circuit.count_ops()) <= {"p"}  # no products of bits are needed
    made = diagonal(circuit)
    assert np.abs((made / made[0] - factors / factors[0])[matters]).max() < 1e-12


def test_real_factors_are_signs():
    assert phase_gates(np.array([1.0, -1, -1, 1])).count_ops() == {"z": 2}


def test_quadratic_phases_are_recognised_although_wrapped():
    x, few = np.arange(64), few_bits(6)

    def apart(phase):
        """Return the maximum error of the polynomial that is fitted to the states of few bits."""
        angles = np.angle(np.exp(1j * phase))
        terms = quadratic_terms(angles[few], np.ones(len(few), dtype=bool), 6)
        assert max(map(int.bit_count, terms), default=0) <= 2
        np.testing.assert_allclose(phases_at(terms, x), polynomial_phases(terms, 6), atol=1e-12)
        return np.abs(wrapped(polynomial_phases(terms, 6) - angles)).max()

    for phase in (17.3 * x**2 + 5 * x + 1, 1e4 * x**2, 0 * x, 3.3 * x):
        assert apart(phase) < 1e-10
    cubic = 0.1 * x**3.0
    assert apart(cubic) > 0.1
    assert max(map(int.bit_count, phase_polynomial(np.angle(np.exp(1j * cubic))))) == 3
