"""The quantum Fourier transform, without the swaps that would put its bits in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.synthesis import synth_qft_full


def fourier_transform(num_bits: int) -> QuantumCircuit:
    """Transform ``|x>`` to ``sum_f exp(2 pi i x f / N) |reversed f> / sqrt(N)``, ``N = 2**bits``.

    ``reversed f`` is ``f`` with the order of its bits reversed, see :func:`reversed_bits`: whoever
    acts on the frequencies and transforms back can do without swaps. Coppersmith 1994,
    arXiv:quant-ph/0201067.

    Args:
        num_bits: Bits of the register, at least 1.

    Returns:
        A circuit of H and controlled phase gates.
    """
    circuit = QuantumCircuit(QuantumRegister(num_bits, "position"), name="fourier_transform")
    circuit.compose(synth_qft_full(num_bits, do_swaps=False), inplace=True)
    return circuit


def reversed_bits(num_bits: int) -> NDArray[np.int64]:
    """Every number below ``2**num_bits`` with its bits in the opposite order.

    Args:
        num_bits: Bits of the numbers, at least 0.

    Returns:
        ``2**num_bits`` numbers; entry ``i`` is ``i`` reversed.
    """
    numbers = np.zeros(1, dtype=np.int64)
    for _ in range(num_bits):
        numbers = np.concatenate([2 * numbers, 2 * numbers + 1])
    return numbers
