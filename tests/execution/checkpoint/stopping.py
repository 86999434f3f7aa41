"""One call of each kind that a checkpoint can hold; tests stop it in the middle.

``python -m tests.execution.checkpoint.stopping KIND CHECKPOINT`` runs a call and prints a digest of
its result.
"""

import hashlib
import sys

import numpy as np
from qiskit_aer import AerSimulator

import qconv
from qconv.execution.checkpoint import checkpoint

RNG = np.random.default_rng(0)
IMAGE = RNG.random((256, 256)) * 200
SMALL = IMAGE[:64, :64]
KERNEL = RNG.random((5, 5)) - 0.4
BATCH = RNG.random((4, 3, 32, 32))
AER = AerSimulator()
LAYER = RNG.normal(size=(6, 3, 3, 3))


def by(image, kernel, **how):
    """Return a function that runs a convolution, given the path of its checkpoint."""
    return lambda path: qconv.convolve(image, kernel, seed=7, mode="same", checkpoint=path, **how)


KINDS = {
    "tiles": by(np.tile(IMAGE, (2, 2)), KERNEL, shots=1500),
    "tiles, one draw a shot": by(np.tile(IMAGE, (3, 3)), KERNEL, shots=20),
    "tiles, exact": by(IMAGE, RNG.random((25, 25)), shots=None),
    "jobs": by(SMALL, KERNEL, shots=100, backend=AER, job_shots=10_000),
    "jobs, whole image": by(
        SMALL[:16, :16], KERNEL, shots=100, method=qconv.Fourier(), backend=AER, job_shots=2000
    ),
    "blocks": by(IMAGE, KERNEL, shots=100, method=qconv.Blocks(qconv.Fourier(), qubits=12)),
    "estimation": by(
        IMAGE[:32, :40], KERNEL, shots=50, method=qconv.AmplitudeEstimation((0, 1, 2))
    ),
    "whole image": by(SMALL, KERNEL, shots=100, method=qconv.Interference()),
    "layer": lambda path: qconv.conv2d(BATCH, LAYER, shots=500, seed=7, checkpoint=path),
    "layer, jobs": lambda path: qconv.conv2d(
        BATCH, LAYER, shots=20, seed=7, backend=AER, job_shots=5000, checkpoint=path
    ),
}


def digest(result):
    """Return a digest of all contents of a result."""
    made = hashlib.blake2b(result.image.tobytes() + result.stderr.tobytes(), digest_size=16)
    made.update(f"{result}{result.quantity}{sorted(result.streams)}".encode())
    made.update(str(result.circuits[0]).encode() if result.circuits[0].num_qubits < 9 else b"")
    return made.hexdigest()


def often(interval=0.0):
    """Write whenever there are new results, or at an interval, whatever the cost."""
    checkpoint.LEAST_INTERVAL, checkpoint.SHARE = interval, float("inf")


if __name__ == "__main__":
    often(0.05)
    print("ready", flush=True)
    print(digest(KINDS[sys.argv[1]](sys.argv[2])), flush=True)
