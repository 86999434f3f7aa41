"""Patch-based Hadamard test: Roshanshah et al., Quantum Machine Intelligence 8, 82 (2026).

A uniform position register selects the patch, which is prepared in a data register; a test qubit
selects between patch and kernel. After its Hadamard gate, the test qubit reads 0 with probability
``(1 + <k|x>) / 2`` at each position. Position and test qubit are measured, so the executions of a
pixel are random. The norms of the patches are known classically. No error is stated.
"""

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import StatePreparation

from tests.benchmarks.peers.peer import Filtered, Peer


def patches(image, kernel):
    """Periodic windows, shape ``(pixels, values)``, in the order of the flipped kernel."""
    margins = [((side - 1) - (side - 1) // 2, (side - 1) // 2) for side in kernel.shape]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, margins, "wrap"), kernel.shape)
    return windows.reshape(image.size, -1)


def circuit(image, kernel):
    """The whole circuit for a small image; order of the qubits: test qubit, positions, data."""
    windows, held = patches(image, kernel), kernel[::-1, ::-1].ravel()
    data = (held.size - 1).bit_length()
    bits = (image.size - 1).bit_length()
    built = QuantumCircuit(1 + bits + data)
    built.h(range(1 + bits))
    where = [*range(1 + bits, 1 + bits + data)]
    for number, values in enumerate(windows):
        prepared = np.pad(values, (0, 2**data - held.size)) / np.linalg.norm(values)
        gate = StatePreparation(prepared).control(1 + bits, ctrl_state=2 * number + 1)
        built.append(gate, [*range(1 + bits), *where])
    prepared = np.pad(held, (0, 2**data - held.size)) / np.linalg.norm(held)
    built.append(StatePreparation(prepared).control(1, ctrl_state=0), [0, *where])
    built.h(0)
    return built


def filtered(image, kernel, calls, seed):
    """Draw from the circuit's outcome probabilities; its state would not fit in memory."""
    windows, held = patches(image, kernel), kernel[::-1, ::-1].ravel()
    scale = np.linalg.norm(windows, axis=1) * np.linalg.norm(held)
    overlap = np.divide(windows @ held, scale, out=np.zeros(image.size), where=scale > 0)
    rng = np.random.default_rng(seed)
    shots = rng.multinomial(calls, np.full(image.size, 1 / image.size))
    zeros = rng.binomial(shots, np.clip((1 + overlap) / 2, 0, 1))
    found = scale * (2 * zeros - shots) / np.maximum(shots, 1)
    return Filtered(
        image=found.reshape(image.shape),
        calls=calls,
        qubits=1 + (image.size - 1).bit_length() + (held.size - 1).bit_length(),
        two_qubit_gates=None,
    )


PEERS = [
    Peer(
        name="Roshanshah et al.",
        source="Quantum Machine Intelligence 8, 82 (2026), from the paper; outcomes drawn",
        jobs={"edges": filtered, "differences": filtered, "blur": filtered},
    )
]
