"""PennyLane's quanvolution (Henderson et al., arXiv:1904.04767): a random circuit on 2x2 patches.

Each pixel rotates one of four qubits; random layers follow; the four expectations of Z are the
channels. By broadcasting, one call evaluates many patches; by the loop of the published example,
one call evaluates one patch.
"""

import numpy as np

from tests.benchmarks.peers.peer import Peer

QUBITS, LAYERS, LOOPED = 4, 1, 5


def _circuit(executions, seed):
    import pennylane as qml

    angles = np.random.default_rng(0).uniform(high=2 * np.pi, size=(LAYERS, QUBITS))
    device = qml.device("default.qubit", wires=QUBITS, seed=seed)

    @qml.qnode(device)
    def circuit(pixels):
        for wire in range(QUBITS):
            qml.RY(np.pi * pixels[..., wire], wires=wire)
        qml.RandomLayers(angles, wires=range(QUBITS), seed=1)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(QUBITS)]

    return circuit if executions is None else qml.set_shots(circuit, executions)


def _patches(images):
    windows = images.reshape(len(images), 14, 2, 14, 2).transpose(0, 1, 3, 2, 4)
    return windows.reshape(-1, 4)


def broadcast(images, executions, seed):
    """All patches of 50 digits in one call."""
    circuit = _circuit(executions, seed)
    parts = np.split(_patches(images), range(50 * 196, len(images) * 196, 50 * 196))
    found = np.concatenate([np.stack(circuit(part), -1) for part in parts])
    return found.reshape(len(images), -1), QUBITS


def loop(images, executions, seed):
    """One call per patch as published, for exact features of a few digits."""
    circuit = _circuit(None, seed)
    found = [circuit(patch) for patch in _patches(images[:LOOPED])] if executions is None else []
    return np.reshape(found, (-1, 4 * 196)), QUBITS


def _peer(name, function):
    source = f"package pennylane, {name}; Henderson et al., arXiv:1904.04767"
    return Peer(
        f"PennyLane, quanvolution {name}", source, {"layer": function}, "pennylane", seconds=400
    )


PEERS = [_peer("by broadcasting", broadcast), _peer("by its loop", loop)]
