import numpy as np
import pytest
from qiskit.quantum_info import Operator

from qconv.circuits.fourier import fourier_transform, reversed_bits


@pytest.mark.parametrize("num_bits", range(1, 7))
def test_is_the_inverse_discrete_fourier_transform_with_reversed_bits(num_bits):
    size = 2**num_bits
    unitary = Operator(fourier_transform(num_bits)).data
    expected = np.fft.ifft(np.eye(size), norm="ortho")
    np.testing.assert_allclose(unitary[reversed_bits(num_bits)], expected, atol=1e-12)


def test_reversed_bits():
    assert reversed_bits(0).tolist() == [0]
    assert reversed_bits(3).tolist() == [0, 4, 2, 6, 1, 5, 3, 7]
