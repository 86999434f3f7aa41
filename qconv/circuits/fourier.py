"""The quantum Fourier transform without the final swaps that would order its bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.synthesis import synth_qft_full


def fourier_transform(num_bits: int, sign: int = 1) -> QuantumCircuit:
    """Transform ``|x>`` into ``sum_f exp(2 pi i x f / N) |reversed f> / sqrt(N)``, ``N = 2**bits``.

    With ``sign=-1``, the exponent has the opposite sign, as in ``numpy.fft``.

    ``reversed f`` is ``f`` with its bits in reverse order, see :func:`reversed_bits`. An operation
    on the frequencies followed by the inverse transform needs no swaps. The circuit has H and
    controlled phase gates (Coppersmith 1994, arXiv:quant-ph/0201067).
    """
    circuit = QuantumCircuit(QuantumRegister(num_bits, "position"), name="fourier_transform")
    made = synth_qft_full(num_bits, do_swaps=False)
    circuit.compose(made if sign > 0 else _conjugate(made), inplace=True)
    return circuit


def _conjugate(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the complex conjugate of a circuit of H and controlled phase gates."""
    made = circuit.copy_empty_like()
    for item in circuit.data:
        gate = item.operation.inverse() if item.operation.params else item.operation
        made.append(gate, item.qubits)
    return made


def reversed_bits(num_bits: int) -> NDArray[np.int64]:
    """Return the numbers below ``2**num_bits`` in order, each with its bits reversed."""
    numbers = np.zeros(1, dtype=np.int64)
    for _ in range(num_bits):
        numbers = np.concatenate([2 * numbers, 2 * numbers + 1])
    return numbers
