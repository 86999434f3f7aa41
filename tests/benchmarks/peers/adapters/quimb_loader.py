"""quimb: a brickwork of RY and CZ gates, fitted to the state by L-BFGS (its `TNOptimizer`)."""

import numpy as np
from qiskit import QuantumCircuit

from tests.benchmarks.peers.peer import Peer

STEPS, SEED = 1000, 1


def _pairs(qubits, depth):
    for layer in range(depth):
        yield from ((first, first + 1) for first in range(layer % 2, qubits - 1, 2))


def _ansatz(qubits, depth):
    import quimb.tensor as qtn

    rng = np.random.default_rng(SEED)
    built = qtn.Circuit(qubits)
    for qubit in range(qubits):
        built.apply_gate("RY", rng.normal(), qubit, parametrize=True)
    for first, second in _pairs(qubits, depth):
        built.apply_gate("CZ", first, second)
        for qubit in (first, second):
            built.apply_gate("RY", 0.1 * rng.normal(), qubit, parametrize=True)
    return built


def _fitted(amplitudes, depth):
    import autoray.autoray
    import jax
    import quimb.tensor as qtn

    jax.config.update("jax_enable_x64", True)
    qubits = amplitudes.size.bit_length() - 1
    target = qtn.Dense1D(amplitudes.astype(complex))
    ansatz = _ansatz(qubits, depth).psi

    def loss(psi, target):
        overlap = (psi.H & target).contract(all, optimize="greedy")
        return 1 - abs(overlap) ** 2

    # PennyLane pins this version of autoray, which confuses backends if several are used.
    autoray.autoray._NAMESPACE_CACHE.clear()
    optimizer = qtn.TNOptimizer(
        ansatz,
        loss,
        loss_constants={"target": target},
        tags=["RY"],  # the angles alone; without tags it would change the entries of CZ too
        autodiff_backend="jax",
        progbar=False,
    )
    fitted = optimizer.optimize(STEPS)
    angles = iter([float(t.params[0]) for t in fitted.tensors if hasattr(t, "params")])
    built = QuantumCircuit(qubits)
    place = {site: qubits - 1 - site for site in range(qubits)}  # highest bit first
    for site in range(qubits):
        built.ry(next(angles), place[site])
    for first, second in _pairs(qubits, depth):
        built.cz(place[first], place[second])
        built.ry(next(angles), place[first])
        built.ry(next(angles), place[second])
    return built


def brickwork(amplitudes, order, depths=(9, 18, 34)):
    """Fit in the chained order, in which neighbouring qubits have the largest entanglement."""
    if order != "chained":
        return
    for depth in depths:
        yield _fitted(amplitudes, depth)


PEERS = [
    Peer(
        name="quimb, brickwork fit",
        source="package quimb, TNOptimizer; circuit written here",
        package="quimb",
        jobs={"camera": brickwork},
        seconds=500,
    )
]
