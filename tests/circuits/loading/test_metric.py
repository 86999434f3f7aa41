"""Natural coordinates: they make the metric the identity, and speed up fits."""

import os
import subprocess
import sys

import numpy as np
import pytest

from qconv.circuits._gates import simulate
from qconv.circuits.loading import metric
from qconv.circuits.loading.ansatz import Ansatz
from qconv.circuits.loading.fit import polish, random_start, refine
from qconv.circuits.loading.metric import natural_steps
from qconv.circuits.loading.placement import layers

CASES = [
    (1, ()),
    (2, ((0, 1), (0, 1))),
    (5, ((0, 4), (1, 2), (0, 2), (3, 4), (1, 3))),
    (7, layers(7, 3, 40)),  # more than one tile, and more CZ than are propagated together
]


def state(ansatz):
    return simulate(ansatz.gates(), ansatz.num_qubits).real.ravel()


@pytest.mark.parametrize(("num_qubits", "pairs"), CASES)
def test_steps_make_the_metric_the_identity(num_qubits, pairs):
    """A rotation by 2 pi negates the state, so pi more gives twice the derivative."""
    rng = np.random.default_rng(3)
    ansatz = Ansatz(pairs, rng.uniform(-np.pi, np.pi, num_qubits + 2 * len(pairs)))
    turned = ansatz.angles + np.pi * np.eye(len(ansatz.angles))
    derivatives = np.array([state(ansatz.with_angles(angles)) for angles in turned]) / 2
    damped = derivatives @ derivatives.T + metric._DAMPING * np.eye(len(derivatives))
    steps = natural_steps(ansatz)
    np.testing.assert_allclose(steps.T @ damped @ steps, np.eye(len(steps)), atol=1e-4)


def test_fits_in_natural_coordinates_converge_sooner():
    """Both fits have the same starts and the same number of iterations."""
    y, x = np.mgrid[:16, :16]
    image = 1.0 + 3 * (np.hypot(y - 8.2, x - 6.7) < 5) + x / 10
    target = image.ravel() / np.linalg.norm(image)
    lost = []
    for seed in range(3):
        start = random_start(layers(8, 3, 20), 8, np.random.default_rng(seed))
        _, plain = refine(start, target, 150)
        better, overlap = polish(start, target, 3)
        assert overlap == pytest.approx(state(better) @ target, abs=1e-13)
        lost.append((1 - plain, 1 - overlap))
    plain, natural = np.mean(lost, axis=0)
    assert natural < 0.9 * plain


SCRIPT = """
import numpy as np
from qconv.circuits.loading.fit import random_start, refine
from qconv.circuits.loading.metric import natural_steps
from qconv.circuits.loading.overlap import Overlap
from qconv.circuits.loading.placement import layers
rng = np.random.default_rng(1)
target = rng.random(2**14)
target /= np.sqrt(np.sum(target**2))
start = random_start(layers(14, 6, 100), 14, rng)
found, _ = refine(start, target, 3)
_, gradient = Overlap(found.pairs, target).value_and_gradient(found.angles)
for numbers in (found.angles, gradient, natural_steps(found)):
    print(numbers.tobytes().hex())
"""


def test_threads_change_nothing():
    """Libraries of linear algebra round large products differently with one thread and with two.

    So does SciPy's L-BFGS after more iterations, but only with OpenBLAS's kernels for processors
    without AVX2.
    """
    found = set()
    for threads in "12":
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        where = os.environ | dict.fromkeys(names, threads)
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=where, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        found.add(done.stdout)
    assert len(found) == 1
