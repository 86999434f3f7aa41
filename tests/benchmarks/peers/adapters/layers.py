"""Layers with four fixed kernels: by qconv, and by SciPy as the classical reference."""

import numpy as np

import qconv
from tests.benchmarks.peers.peer import Peer

KERNELS = np.array([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]])


def sampled(images, executions, seed):
    """Measure four channels with a rectifier; executions are shots per output."""
    result = qconv.conv2d(images[:, None], KERNELS[:, None], stride=2, shots=executions, seed=seed)
    return np.maximum(result.image, 0).reshape(len(images), -1), 2


def exact(images, executions, seed):
    """Compute the same channels by NumPy, if exact features are requested."""
    if executions is not None:
        return np.empty((0, 4 * 196)), 0
    windows = images.reshape(len(images), 14, 2, 14, 2)
    found = np.einsum("nricj,kij->nkrc", windows, KERNELS)
    return np.maximum(found, 0).reshape(len(images), -1), 0


PEERS = [
    Peer("qconv, conv2d", "this package", {"layer": sampled}, kind="own"),
    Peer("NumPy, layer", "numpy.einsum", {"layer": exact}, package="numpy", kind="classical"),
]
