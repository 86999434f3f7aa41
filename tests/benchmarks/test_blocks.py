"""A large image by circuits of at most 16 qubits, and by one circuit; one table per test.

    python -m pytest tests/benchmarks/test_blocks.py -s

The photograph is 512 x 512, with zeros outside. About three minutes.
"""

import numpy as np
import pytest
from skimage import data

import classical
import qconv
from tests.benchmarks.timing import seconds

SCHEMES = ("overlap-add", "overlap-save")
QUBITS = 16
WHERE = {"mode": "same", "boundary": "fill"}


@pytest.fixture(scope="module")
def photograph():
    return data.camera().astype(float)


def timed(image, kernel, method, shots):
    """Return a result and its duration in seconds."""
    results = []

    def call():
        results.append(qconv.convolve(image, kernel, method=method, shots=shots, seed=1, **WHERE))

    taken = seconds(call)
    return results[0], taken


def measure(image, size, method, shots, runs=1):
    """Print one line for the single circuit and one per scheme: medians over several runs."""
    kernel = qconv.named_kernel("gaussian", size)
    truth = classical.convolve(image, kernel, **WHERE)
    found, times, qubits = {}, {}, {}
    for _ in range(runs):  # the runs alternate, so that changes of speed affect all of them
        for scheme in ("single", *SCHEMES):
            blocks = method if scheme == "single" else qconv.Blocks(method, scheme, QUBITS)
            found[scheme], taken = timed(image, kernel, blocks, shots)
            times.setdefault(scheme, []).append(taken)
            laid_out = qconv.plan(image, kernel, method=blocks, **WHERE)
            plans = [laid_out] if scheme == "single" else blocks.blocks(laid_out)
            qubits[scheme] = [plan.prepared.num_qubits for plan in plans]
    single = np.array(times["single"])
    name = type(method).__name__
    spent = "exact" if shots is None else f"{shots} shots per pixel"
    print(f"\n512 x 512, gaussian {size} x {size}, {name}, {spent}; single: {single.min():.1f} s")
    if shots is None:
        print("                circuits   qubits   off single   off exact   time / single (goal 1)")
    else:
        print("                circuits   qubits   standard error   z^2     time / single (goal 1)")
    for scheme, result in found.items():
        ratio = np.median(np.array(times[scheme]) / single)
        if shots is None:
            away = np.abs(result.image - found["single"].image).max()
            figures = f"{away:13.1e}{np.abs(result.image - truth).max():12.1e}"
        else:
            report = classical.compare(result, truth)
            figures = f"{report.predicted_rmse:17.3f}{report.mean_square_z:8.3f}"
        circuits, most = len(qubits[scheme]), max(qubits[scheme])
        print(f"  {scheme:<14}{circuits:8}{most:9}{figures}{ratio:10.2f}")
        if scheme == "single":
            assert 22 <= most <= 27
            continue
        assert most <= QUBITS
        assert ratio < 1.4  # 0.38 to 0.74
        if shots is None:
            assert away < 1e-10
        else:
            assert abs(report.mean_square_z - 1) < 0.05
    if shots is None:
        print("goal: off by at most 1e-10")


@pytest.mark.parametrize("shots", [None, 100])
@pytest.mark.parametrize("size", [3, 7])
def test_fourier(photograph, size, shots):
    measure(photograph, size, qconv.Fourier(), shots, runs=2)


@pytest.mark.parametrize("size", [3, 7])
@pytest.mark.parametrize("method", [qconv.Interference(), qconv.Diffusion()], ids=str)
def test_other_methods(photograph, method, size):
    measure(photograph, size, method, None)
