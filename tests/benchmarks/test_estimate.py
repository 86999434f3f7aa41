"""One number: standard errors of every observable, calls for one per cent, and seconds.

Run with ``python tests/benchmarks/test_estimate.py SEEDS``.
"""

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from skimage import data

import classical
import qconv
from qconv.estimation.amplitude import adaptive, by_schedule
from qconv.execution.run import run
from tests.estimation.test_amplitude import study

IMAGE = np.random.default_rng(1).integers(0, 9, (8, 8)).astype(float)
KERNEL = np.array([[1, -2.0], [0.5, 1]])
REGION = (slice(1, 5), slice(2, 8))
SUMS = (qconv.Total(), qconv.Mean(REGION), qconv.Overlap(IMAGE - 4))
ENERGIES = (qconv.Energy(), qconv.Energy(REGION), qconv.Energy(IMAGE > 4))
CASES = [
    *(
        (method, observable, "sampling")
        for method in (
            qconv.Collapse(),
            qconv.Collapse(baseline=True),
            qconv.Diffusion(),
            qconv.AmplitudeEstimation(),
        )
        for observable in SUMS
    ),
    *(
        (method, observable, "sampling")
        for method in (qconv.Fourier(), qconv.Interference())
        for observable in (*ENERGIES, *SUMS)
    ),
    (qconv.Fourier(), qconv.Band(1, 3), "sampling"),
    *(
        (method, observable, estimator)
        for method, observables in (
            (qconv.Fourier(), (*ENERGIES, qconv.Band(1, 3), *SUMS)),
            (qconv.Interference(), (*ENERGIES, *SUMS)),
            (qconv.AmplitudeEstimation(), SUMS),
        )
        for observable in observables
        for estimator in ("amplitude", "schedule")
    ),
]


def scores(method, observable, estimator, seeds):
    """z scores of estimates with different seeds, whose circuits are simulated once."""
    where = {"mode": "same", "boundary": "wrap", "method": method}
    exact = qconv.estimate(IMAGE, KERNEL, observable, shots=None, **where).value
    plan = qconv.plan(IMAGE, KERNEL, observable=observable, shots=2000, **where)
    if estimator != "sampling":
        ((number, _),) = plan._measured
        p = np.sin(number.expected_angle) ** 2
        how = adaptive if estimator == "amplitude" else by_schedule
        return study(how, seeds, 10_000, seed=1, p=p, of_angle=number.of_angle)[1]
    ideal = list(run([replace(one, executions=None) for one in plan.programs], plan.plan.sampling))
    found = []
    for seed in range(seeds):
        place = np.random.SeedSequence(seed)
        programs = (replace(program, seed=place) for program in plan.programs)
        pairs = zip(ideal, programs, strict=True)
        found.append(plan._decoded(iter([replace(one, program=own) for one, own in pairs])))
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
    seeds = 2000 if estimator == "sampling" else 300
    z = scores(method, observable, estimator, seeds)
    squares, noise = np.mean(z**2), 4 * np.sqrt(2 / seeds)
    assert (0.95 if estimator == "sampling" else 0.8) - noise < squares < 1.05 + noise
    assert 0.945 - noise / 4 < np.mean(np.abs(z) < 1.96) < 0.975 + noise / 4


def test_exact_values():
    """2,000 random cases: shape, kernel, boundary, mode, observable and method."""
    assert exact_errors(2000, seed=1).max() < 1e-10


def exact_errors(number, seed):
    """Return the errors of exact values relative to the number's scale, against `classical`."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        shape = tuple(rng.integers(1, 9, rng.integers(1, 3)))
        image, kernel = rng.random(shape), rng.normal(size=rng.integers(1, 4, len(shape)))
        boundary = str(rng.choice(["fill", "wrap", "symm", "mirror", "nearest"]))
        mode = str(rng.choice(["full", "same"]))
        picture = classical.convolve(image, kernel, mode=mode, boundary=boundary)
        mask = rng.random(picture.shape) < 0.5
        mask.flat[0] = True
        weights = rng.normal(size=picture.shape)
        cases = [
            (qconv.Energy(mask), classical.energy(picture, mask), (qconv.Fourier(), ADDING)),
            (qconv.Mean(mask), classical.mean(picture, mask), ALL),
            (qconv.Overlap(weights), classical.overlap(picture, weights), ALL),
        ]
        observable, expected, methods = cases[rng.integers(len(cases))]
        method = methods[rng.integers(len(methods))]
        where = {"mode": mode, "boundary": boundary, "method": method, "shots": None}
        value = qconv.estimate(image, kernel, observable, **where).value
        scale = np.abs(kernel).sum() ** (2 if observable.quadratic else 1)
        scale *= np.abs(observable.weights(picture.shape)).sum()
        found.append(abs(value - expected) / scale)
    return np.array(found)


ADDING = qconv.Interference()
ALL = (
    qconv.Collapse(),
    qconv.Collapse(baseline=True),
    qconv.Diffusion(),
    qconv.Fourier(),
    ADDING,
    qconv.AmplitudeEstimation(),
)


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
    print(f"exact values: errors of at most {exact_errors(500, seed=2).max():.1e} of the scale")
    for method, observable, estimator in CASES:
        z = scores(method, observable, estimator, int(sys.argv[1]))
        name = type(method).__name__ + " -" * getattr(method, "baseline", False)
        print(
            f"{name:<20} {observable!s:<26} {estimator:<10} "
            f"z^2 {np.mean(z**2):.3f}  coverage {np.mean(np.abs(z) < 1.96):.4f}  "
            f"furthest {np.abs(z).max():.1f}",
            flush=True,
        )
