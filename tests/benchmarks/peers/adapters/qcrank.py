"""QCrank: parallel multiplexed rotations; Balewski et al., Scientific Reports 14, 3435 (2024).

Address qubits in uniform superposition select a pixel for each of several data qubits, whose
rotation encodes the grey level: ``<Z>`` is the level, scaled to -1 ... 1. Multiplexers of all data
qubits run in parallel, with one CX per pixel. Every execution yields one level per data qubit. The
picture is read out and filtered classically, which needs no quantum filter.
"""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from scipy.linalg import hadamard
from scipy.signal import convolve2d

from tests.benchmarks.peers.peer import Filtered, Peer, count

DATA = 4  # data qubits


def circuit(levels):
    """Encode levels between -1 and 1, shape ``(addresses, data qubits)``; address qubits first."""
    addresses, data = levels.shape
    bits = addresses.bit_length() - 1
    gray = np.arange(addresses) ^ (np.arange(addresses) >> 1)
    built = QuantumCircuit(bits + data)
    built.h(range(bits))
    for qubit, column in enumerate(levels.T):
        angles = (hadamard(addresses) @ np.arccos(column) / addresses)[gray]
        for place, angle in enumerate(angles):
            flips = gray[place] ^ gray[(place + 1) % addresses]
            built.ry(angle, bits + qubit)
            built.cx(int(flips).bit_length() - 1, bits + qubit)
    return built


def read(levels, calls, seed):
    """Return levels and standard errors from executions of the circuit, and its number of CX."""
    addresses, data = levels.shape
    built = circuit(levels)
    state = Statevector(built).probabilities()
    drawn = np.random.default_rng(seed).multinomial(calls, state / state.sum())
    counts = drawn.reshape([2] * data + [addresses])  # data qubits in reverse order
    shots = np.maximum(counts.sum(axis=tuple(range(data))), 1)
    sums = [
        np.take(counts, 1, axis=data - 1 - q).sum(axis=tuple(range(data - 1))) for q in range(data)
    ]
    ones = np.stack(sums, axis=-1) / shots[:, None]
    return 1 - 2 * ones, 2 * np.sqrt(ones * (1 - ones) / shots[:, None]), count(built)[0]


def filtered(image, kernel, calls, seed):
    """Read out the picture, then filter it; errors of different data qubits are independent."""
    levels = (image / 127.5 - 1).reshape(-1, DATA)
    found, stderr, gates = read(levels, calls, seed)
    picture, errors = ((part * 127.5).reshape(image.shape) for part in (found + 1, stderr))
    return Filtered(
        image=convolve2d(picture, kernel, mode="same", boundary="wrap"),
        calls=calls,
        qubits=(levels.shape[0] - 1).bit_length() + DATA,
        two_qubit_gates=gates,
        stderr=np.sqrt(convolve2d(errors**2, kernel**2.0, mode="same", boundary="wrap")),
    )


PEERS = [
    Peer(
        name="QCrank, filtered classically",
        source="Balewski et al., Scientific Reports 14, 3435 (2024), from the paper",
        jobs={"edges": filtered, "differences": filtered, "blur": filtered},
    )
]
