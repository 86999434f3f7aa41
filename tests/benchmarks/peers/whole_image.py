"""Code shared by adapters that filter a whole image in one state: loading, counts, magnitudes."""

import numpy as np
from qiskit.quantum_info import Statevector

from tests.benchmarks.peers.peer import Filtered, count


def loading_gates(size):
    """Return the CX to load any real image of ``size`` pixels (Iten et al., arXiv:1501.06911)."""
    bits = (size - 1).bit_length()
    return 2**bits - bits - 1


def evolve(circuit, image):
    """Amplitudes, shape ``(flags, pixels)``, of a circuit whose first qubits hold the image."""
    state = np.zeros(2**circuit.num_qubits)
    state[: image.size] = image.ravel() / np.linalg.norm(image)
    return Statevector(state).evolve(circuit).data.reshape(-1, image.size)


def append_decrement(circuit, qubits, controls=()):
    """Subtract one from a register, least significant qubit first, by multi-controlled X gates."""
    for bit, target in enumerate(qubits):
        above = [*controls, *qubits[:bit]]
        circuit.mcx(above, target) if above else circuit.x(target)


def magnitudes(circuit, image, flag, scale, calls, seed):
    """Run a circuit; the filtered image is ``scale`` times the amplitudes at one flag value."""
    wanted = np.abs(evolve(circuit, image)[flag]) ** 2
    chances = np.append(wanted, max(0.0, 1 - wanted.sum()))
    counts = np.random.default_rng(seed).multinomial(calls, chances / chances.sum())
    found = np.sqrt(counts[:-1] / calls) * scale * np.linalg.norm(image)
    return Filtered(
        image=found.reshape(image.shape),
        calls=calls,
        qubits=circuit.num_qubits,
        two_qubit_gates=count(circuit)[0] + loading_gates(image.size),
        success=1 - counts[-1] / calls,
        signed=False,
    )
