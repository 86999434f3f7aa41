"""The fewest shots: gains of allocation and tolerances on photographs, and their cost.

python -m pytest tests/benchmarks/test_allocation.py -s
"""

import time

import numpy as np
import pytest

import classical
import qconv

data = pytest.importorskip("skimage.data", reason="needs the extra `images`")

BASELINE = qconv.Collapse(baseline=True)
OPTIMAL = qconv.Collapse(baseline=True, allocation="optimal")
WHERE = {"mode": "same", "boundary": "symm"}


def photographs():
    from skimage.color import rgb2gray
    from skimage.transform import resize

    found = {
        "camera": data.camera(),
        "coins": data.coins(),
        "moon": data.moon(),
        "astronaut": 255 * rgb2gray(data.astronaut()),
    }
    return {
        name: resize(np.asarray(image, dtype=float), (256, 256), anti_aliasing=True)
        for name, image in found.items()
    }


def predicted(plan):
    return plan.prepared.predict().stderr


def test_gains():
    print(f"\n{'':<22}{'mean square error':>20}{'executions for the':>20}")
    print(f"{'':<22}{'even / optimal':>20}{'same largest error':>20}")
    for name, image in photographs().items():
        for kernel in ("edge", "sharpen", "gaussian"):
            edge = qconv.named_kernel(kernel)
            even = qconv.plan(image, edge, method=BASELINE, shots=100, **WHERE)
            best = qconv.plan(image, edge, method=OPTIMAL, shots=100, **WHERE)
            errors = [float(np.mean(predicted(plan) ** 2)) for plan in (even, best)]
            largest = float(predicted(even).max())
            short = qconv.plan(image, edge, method=BASELINE, tolerance=largest, **WHERE)
            fewer = sum(even.executions) / sum(short.executions)
            print(f"{name:<10}{kernel:<12}{errors[0] / errors[1]:20.2f}{fewer:18.1f} x")
            assert sum(even.executions) == sum(best.executions)
            assert predicted(short).max() <= largest
            assert errors[0] > 2.6 * errors[1]
            assert fewer > 10


def test_standard_errors():
    """Pixels are grouped into tenths by their number of shots, over ten runs of ``camera``."""
    image, edge = photographs()["camera"], qconv.named_kernel("edge")
    exact = classical.convolve(image, edge, **WHERE)
    squares = [[] for _ in range(10)]
    for seed in range(10):
        result = qconv.convolve(image, edge, method=OPTIMAL, shots=200, seed=seed, **WHERE)
        order = np.argsort(result.shots, axis=None)
        z = ((result.image - exact) / np.where(result.stderr > 0, result.stderr, np.inf)).ravel()
        for number, part in enumerate(np.array_split(order, 10)):
            if result.shots.ravel()[part[0]] >= 20:
                squares[number].append(z[part])
    print()
    for number, parts in enumerate(squares):
        if not parts:
            continue
        z = np.concatenate(parts)
        covered = 100 * np.mean(np.abs(z) < 1.96)
        print(f"tenth {number}: mean of z^2 {np.mean(z**2):.4f}, covered {covered:.2f} %")
        assert abs(np.mean(z**2) - 1) < 0.02
        assert abs(covered - 95) < 0.5


def test_time():
    image, edge = photographs()["camera"], qconv.named_kernel("edge")
    took = {BASELINE: [], OPTIMAL: []}
    for seed in range(5):
        for method, times in took.items():
            started = time.process_time()
            qconv.convolve(image, edge, method=method, shots=1000, seed=seed, **WHERE)
            times.append(time.process_time() - started)
    ratio = min(took[OPTIMAL]) / min(took[BASELINE])
    print(f"\n65 million executions: {ratio:.2f} times as long as evenly (goal 1.5)")
    assert ratio < 1.5
