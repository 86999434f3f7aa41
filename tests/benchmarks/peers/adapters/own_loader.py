"""Few-gate loading by qconv, which takes a 2-D image and orders the qubits itself."""

import numpy as np

import qconv
from tests.benchmarks.peers.peer import Peer


def fitted(amplitudes, order, gates=(50, 100)):
    """Load with given numbers of CX. Only row-major amplitudes are an image."""
    if order == "row-major":
        image = amplitudes.reshape((int(np.sqrt(amplitudes.size)),) * 2)
        for number in gates:
            yield qconv.encode_image(image, two_qubit_gates=number, seed=1).circuit


def exact(amplitudes, order):
    """Load exactly."""
    if order == "row-major":
        yield qconv.encode_amplitudes(amplitudes.reshape((int(np.sqrt(amplitudes.size)),) * 2))


PEERS = [
    Peer(
        name="qconv, encode_image",
        source="this package",
        jobs={"camera": fitted},
        kind="own",
        seconds=900,
    ),
    Peer("qconv, exact", "this package", {"camera": exact}, kind="own"),
]
