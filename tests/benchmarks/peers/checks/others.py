"""Published figures of estimation, layers, and edge detection on a fake device."""

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import StatePreparation
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector, hellinger_fidelity
from qiskit_aer import AerSimulator

from tests.benchmarks.peers.adapters import amplitudes, layers, qhed
from tests.benchmarks.peers.jobs import layer, one_amplitude
from tests.benchmarks.peers.jobs.pictures import picture


def chebyshev_signal():
    """CSAE: 95 % error of ``sqrt(p)``, in oracle calls (two per Grover iteration)."""
    function = next(peer for peer in amplitudes.PEERS if peer.name == "CSAE").jobs["amplitude"]
    rows = one_amplitude.run(function, "amplitude", (300, 1000), 300)
    found = [row["root_most"] for row in rows]
    near = all(abs(value / 8.6 - 1) < 0.2 for value in found)
    return {
        "published": "4.3 / queries, which is 8.6 / oracle calls",
        "measured": " and ".join(f"{value:.1f}" for value in found) + " / oracle calls",
        "verdict": "reproduced within 20 % up to 1,000 calls" if near else "contradicted",
        "same": "95 % error of the root of p",
        "different": "p uniform; 300 runs; numbers of shots chosen here; 300 and 1,000 calls. "
        "With up to 30,000 calls, the benchmark of one amplitude measures up to 12",
    }


def sampled_layer():
    """Kerenidis et al.: features are sampled in proportion to their squares; all others are 0."""
    images, labels = layer.digits()
    exact, _ = layers.exact(images, None, 0)
    rng, found = np.random.default_rng(1), {}
    keys = rng.exponential(size=exact.shape) / np.maximum(exact**2, 1e-12)
    for ratio in (0.05, 0.1, 0.3, 0.5):
        kept = np.argsort(np.argsort(keys, axis=1), axis=1) < ratio * exact.shape[1]
        found[ratio] = layer.accuracy(exact * kept, labels, 0.01)
    whole = layer.accuracy(exact, labels, 0.01)
    text = ", ".join(f"{ratio}: {value:.1f} %" for ratio, value in found.items())
    return {
        "published": "MNIST is classified with sampled outputs (abstract; table not available)",
        "measured": f"{text}; all: {whole:.1f} %",
        "verdict": "consistent" if whole - found[0.3] < 2 else "contradicted",
        "same": "MNIST, sampled outputs of a convolution with a rectifier",
        "different": "one layer, linear classifier, 1,000 digits; no noise of amplitude estimation",
    }


def _plain(values):
    """QHED with exact loading of one row."""
    edges = qhed.circuit((1, values.size))
    built = QuantumCircuit(edges.num_qubits)
    built.append(StatePreparation(values / np.linalg.norm(values)), range(edges.num_qubits - 1))
    return built.compose(edges)


def _augmented(values, following):
    """The same differences from a tile that includes its neighbours; it needs no decrement."""
    pairs = np.concatenate([values, following])
    built = QuantumCircuit(pairs.size.bit_length() - 1)
    built.append(StatePreparation(pairs / np.linalg.norm(pairs)), built.qubits)
    built.h(built.num_qubits - 1)
    return built


def _on_device(circuit):
    """Two-qubit gates on a noisy generic backend, and the fidelity of the outcome distribution."""
    device = GenericBackendV2(6, coupling_map=[[n, n + 1] for n in range(5)], seed=1)
    built = transpile(
        circuit.measure_all(inplace=False), device, optimization_level=3, seed_transpiler=1
    )
    noisy = AerSimulator.from_backend(device, method="density_matrix", seed_simulator=1)
    ideal = Statevector(circuit).probabilities_dict()
    counts = noisy.run(built, shots=10**6).result().get_counts()
    gates = sum(number for name, number in built.count_ops().items() if name in ("cx", "ecr", "cz"))
    return gates, hellinger_fidelity(ideal, counts)


def edges_on_a_device():
    """32 pixels, 5 data qubits, and tiles of 8 and 4 pixels."""
    values = picture("camera", 32)[16]
    following = np.roll(values, -1)
    (before, low), (after, high) = (
        _on_device(_plain(values)),
        _on_device(_augmented(values, following)),
    )
    text, best = f"{before} gates, {low:.3f}; without a decrement {after}, {high:.3f}", False
    for side in (8, 4):
        parts = [slice(start, start + side) for start in range(0, 32, side)]
        tiles = [_on_device(_augmented(values[part], following[part])) for part in parts]
        gates, fidelity = max(tile[0] for tile in tiles), min(tile[1] for tile in tiles)
        saved = 1 - gates / before
        text += f"; tiles of {side} pixels {gates} (-{100 * saved:.0f} %), {fidelity:.3f}"
        best = best or (gates < 0.1 * before and fidelity > 0.956)
    return {
        "published": "two-qubit gates -93 %, fidelity over 0.956, with tiles and circuit cutting",
        "measured": text,
        "verdict": "reproduced, with tiles alone" if best else "not reached by tiles alone",
        "same": "5 data qubits, QHED, tiles that contain their neighbours instead of the decrement",
        "different": "no circuit cutting; generic fake device, a line of 6 qubits; a row of camera",
    }


CHECKS = {
    "CSAE, arXiv:2405.14697": chebyshev_signal,
    "Kerenidis, Landman, Prakash, ICLR 2020": sampled_layer,
    "Billias and Chrisochoides, arXiv:2507.10939": edges_on_a_device,
}
