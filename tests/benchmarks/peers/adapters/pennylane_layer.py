"""PennyLane's quanvolution (Henderson et al., arXiv:1904.04767): a random circuit on 2x2 patches.

Each pixel rotates one of four qubits; random layers follow; the four expectations of Z are the
channels. With broadcasting, one call evaluates many patches; in the loop of the published example,
one call evaluates one patch.
"""

import numpy as np

from tests.benchmarks.peers.peer import Peer

QUBITS, LAYERS, LOOPED = 4, 1, 5


def _circuit(outcomes):
    """The circuit as a function of pixels, shape ``(..., 4)``; expectations or probabilities."""
    import pennylane as qml

    angles = np.random.default_rng(0).uniform(high=2 * np.pi, size=(LAYERS, QUBITS))

    @qml.qnode(qml.device("default.qubit", wires=QUBITS))
    def circuit(pixels):
        for wire in range(QUBITS):
            qml.RY(np.pi * pixels[..., wire], wires=wire)
        qml.RandomLayers(angles, wires=range(QUBITS), seed=1)
        if outcomes:
            return qml.probs(wires=range(QUBITS))
        return [qml.expval(qml.PauliZ(wire)) for wire in range(QUBITS)]

    return circuit


def _patches(images):
    windows = images.reshape(len(images), 14, 2, 14, 2).transpose(0, 1, 3, 2, 4)
    return windows.reshape(-1, 4)


def broadcast(images, executions, seed):
    """Patches of 50 digits in one call; outcomes are drawn from the circuit's probabilities."""
    circuit, rng = _circuit(outcomes=True), np.random.default_rng(seed)
    signs = 1 - 2 * (np.arange(2**QUBITS)[:, None] >> np.arange(QUBITS)[::-1] & 1)
    found = []
    for part in np.split(_patches(images), range(50 * 196, len(images) * 196, 50 * 196)):
        chances = np.maximum(circuit(part), 0)
        chances /= chances.sum(axis=1, keepdims=True)
        if executions is not None:
            chances = rng.multinomial(executions, chances) / executions
        found.append(chances @ signs)
    return np.concatenate(found).reshape(len(images), -1), QUBITS


def loop(images, executions, seed):
    """One call per patch as published, for exact features of a few digits."""
    circuit = _circuit(outcomes=False)
    found = [circuit(patch) for patch in _patches(images[:LOOPED])] if executions is None else []
    return np.reshape(found, (-1, 4 * 196)), QUBITS


def _peer(name, function):
    source = f"package pennylane, {name}; Henderson et al., arXiv:1904.04767"
    return Peer(
        f"PennyLane, quanvolution {name}", source, {"layer": function}, "pennylane", seconds=400
    )


PEERS = [_peer("by broadcasting", broadcast), _peer("by its loop", loop)]
