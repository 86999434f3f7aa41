"""One number: standard errors of every observable, calls for one per cent, and seconds.

Run with ``python tests/benchmarks/test_estimate.py SEEDS``.
"""

import sys
import time

import numpy as np
import pytest
from skimage import data

import qconv
from qconv.estimation.amplitude import adaptive
from tests.estimation.test_amplitude import study

IMAGE = np.random.default_rng(1).integers(0, 9, (8, 8)).astype(float)
KERNEL = np.array([[1, -2.0], [0.5, 1]])
REGION = (slice(1, 5), slice(2, 8))
CASES = [
    *(
        (method, observable, "sampling")
        for method in (qconv.Collapse(), qconv.Collapse(baseline=True), qconv.Diffusion())
        for observable in (qconv.Mean(REGION), qconv.Total(), qconv.Overlap(IMAGE - 4))
    ),
    *(
        (method, observable, estimator)
        for method in (qconv.Fourier(), qconv.Interference())
        for observable, estimator in (
            (qconv.Energy(REGION), "sampling"),
            (qconv.Total(), "sampling"),
            (qconv.Overlap(IMAGE - 4), "sampling"),
            (qconv.Energy(REGION), "amplitude"),
        )
    ),
    (qconv.Fourier(), qconv.Band(1, 3), "sampling"),
    (qconv.Fourier(), qconv.Band(1, 3), "schedule"),
]


def scores(method, observable, estimator, seeds):
    """z scores of estimates with different seeds."""
    where = {"mode": "same", "boundary": "wrap", "method": method}
    exact = qconv.estimate(IMAGE, KERNEL, observable, shots=None, **where).value
    more = {"estimator": estimator, "shots": 2000, **where}
    found = (qconv.estimate(IMAGE, KERNEL, observable, seed=s, **more) for s in range(seeds))
    return np.array([(one.value - exact) / one.stderr for one in found])


def picture(size):
    """The camera picture, as means of blocks or as copies of itself."""
    camera = data.camera().astype(float)
    step = 512 // size
    if step:
        return camera.reshape(size, step, size, step).mean(axis=(1, 3))
    return np.tile(camera, (size // 512,) * 2)


@pytest.mark.parametrize(("method", "observable", "estimator"), CASES, ids=str)
def test_standard_errors(method, observable, estimator):
    seeds = 2000 if estimator == "sampling" else 200
    z = scores(method, observable, estimator, seeds)
    squares, noise = np.mean(z**2), 4 * np.sqrt(2 / seeds)
    assert (0.95 if estimator == "sampling" else 0.8) - noise < squares < 1.05 + noise
    assert 0.945 - noise / 4 < np.mean(np.abs(z) < 1.96) < 0.975 + noise / 4


@pytest.mark.parametrize(("kernel", "calls"), [("edge", 12_000), ("laplacian", 20_000)])
def test_one_per_cent(kernel, calls):
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier(), "shots": None}
    plan = qconv.plan(picture(256), qconv.named_kernel(kernel), **where)
    number = plan.prepared.number(qconv.Energy())
    p = number.expected_value / number.scale
    product, _ = study(adaptive, 200, calls, seed=1, p=p)
    assert product / calls / p < 0.01


def test_seconds():
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier(), "seed": 1}
    edges, how = qconv.named_kernel("edge"), {"estimator": "amplitude", "shots": 11_000}
    start = time.perf_counter()
    qconv.estimate(picture(256), edges, qconv.Energy(), **how, **where)
    assert time.perf_counter() - start < 10


if __name__ == "__main__":
    for method, observable, estimator in CASES:
        z = scores(method, observable, estimator, int(sys.argv[1]))
        print(
            f"{type(method).__name__:<13} {observable!s:<18} {estimator:<10} "
            f"z^2 {np.mean(z**2):.3f}  coverage {np.mean(np.abs(z) < 1.96):.4f}  "
            f"furthest {np.abs(z).max():.1f}",
            flush=True,
        )
