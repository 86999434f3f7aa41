"""Generalised quantum convolution: Jeng et al., Entropy 25, 1503 (2023).

A filter register in uniform superposition shifts the image by controlled decrements. The inverse
preparation of the filter's normalised values follows. Where the filter register reads 0, the state
is the filtered image divided by ``sqrt(K) |k|``, where ``K`` is the number of values that the
filter register holds. Magnitudes are read out; no error is stated.
"""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import StatePreparation

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.whole_image import append_decrement, magnitudes


def _padded(kernel):
    """The kernel, correlated instead of convolved, in a register of a power of two per axis."""
    sides = [1 << (side - 1).bit_length() for side in kernel.shape]
    held = np.zeros(sides)
    held[: kernel.shape[0], : kernel.shape[1]] = kernel[::-1, ::-1]
    return held


def circuit(shape, kernel):
    """Filter without loading; order of the qubits: columns, rows, kernel columns, kernel rows."""
    held = _padded(kernel)
    bits = [side.bit_length() - 1 for side in (*shape[::-1], *held.shape[::-1])]
    built = QuantumCircuit(sum(bits))
    qubits = np.split(np.arange(sum(bits)), np.cumsum(bits)[:-1])
    position, filters = [part.tolist() for part in qubits[:2]], qubits[2:]
    kernel_qubits = [int(qubit) for part in filters for qubit in part]
    built.h(kernel_qubits)
    for axis, register in zip(position, filters, strict=True):
        for power, control in enumerate(register.tolist()):
            append_decrement(built, axis[power:], [control])
    preparation = StatePreparation(held.ravel() / np.linalg.norm(held))
    built.append(preparation.inverse(), kernel_qubits)
    return built


def filtered(image, kernel, calls, seed):
    """Filter, and move the result to the positions of SciPy's mode ``same``."""
    scale = np.sqrt(_padded(kernel).size) * np.linalg.norm(kernel)
    found = magnitudes(circuit(image.shape, kernel), image, 0, scale, calls, seed)
    offsets = [side - 1 - (side - 1) // 2 for side in kernel.shape]
    found.image[:] = np.roll(found.image, offsets, (0, 1))
    return found


PEERS = [
    Peer(
        name="Jeng et al.",
        source="Entropy 25, 1503 (2023), from the paper",
        jobs={"edges": filtered, "differences": filtered, "blur": filtered},
    )
]
