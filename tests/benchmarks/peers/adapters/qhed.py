"""Quantum Hadamard edge detection: Yao et al., Physical Review X 7, 031041 (2017).

One more qubit doubles the state; a decrement of position and qubit together, between two Hadamard
gates, leaves the differences of neighbours where this qubit reads 1. The decrement acts on each row
separately. The kernel ``[1, -1]`` is fixed. Magnitudes are read out, without errors.
"""

import numpy as np
from qiskit import QuantumCircuit

from tests.benchmarks.peers.peer import Peer
from tests.benchmarks.peers.whole_image import append_decrement, magnitudes


def circuit(shape):
    """Differences without loading; order of the qubits: columns, rows, the additional qubit."""
    columns, rows = (side.bit_length() - 1 for side in shape[::-1])
    built = QuantumCircuit(columns + rows + 1)
    extra = columns + rows
    built.h(extra)
    append_decrement(built, [extra, *range(columns)])
    built.h(extra)
    return built


def differences(image, kernel, calls, seed):
    """Compute the magnitude of ``I[x] - I[x - 1]`` along the rows."""
    if kernel.tolist() != [[1, -1]]:
        raise ValueError(f"kernel: expected [[1, -1]], got {kernel.tolist()}")
    found = magnitudes(circuit(image.shape), image, 1, 2.0, calls, seed)
    found.image[:] = np.roll(found.image, 1, 1)
    return found


PEERS = [
    Peer(
        name="QHED",
        source="Yao et al., PRX 7, 031041 (2017), from the paper",
        jobs={"differences": differences},
    )
]
