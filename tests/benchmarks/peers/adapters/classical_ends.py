"""The exact classical reference: SciPy on one core."""

from scipy.signal import convolve2d

from tests.benchmarks.peers.peer import Filtered, Peer


def filtered(image, kernel, calls, seed):
    """Convolve exactly; nothing is sampled."""
    found = convolve2d(image, kernel, mode="same", boundary="wrap")
    return Filtered(image=found, calls=0, qubits=0, two_qubit_gates=0, loads=False)


PEERS = [
    Peer(
        name="SciPy",
        source="scipy.signal.convolve2d",
        package="scipy",
        kind="classical",
        jobs={"edges": filtered, "differences": filtered, "blur": filtered},
    )
]
