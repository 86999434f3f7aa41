"""Amplitude estimation with noise: coverage, and fraction of pixels marked as reliable.

python -m pytest tests/benchmarks/test_estimation_noise.py -s

The outcome probabilities of each circuit are computed once, which takes about a minute. Shots are
then drawn from them with many seeds. The part on fake backends needs the extra ``devices``.
"""

from dataclasses import replace

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from skimage import data

import classical
import qconv
from qconv.execution.run import run

POWERS = (0, 1, 2, 4, 8)
SHOTS, SEEDS = (50, 200, 1000), 10
IMAGES = {
    "camera": data.camera()[100:108, 200:208].astype(float),
    "coins": data.coins()[60:68, 60:68].astype(float),
    "random": np.random.default_rng(0).random((8, 8)),
    "16 random": np.random.default_rng(2).random(16),
    "4 random": np.random.default_rng(3).random(4),
}
KERNELS = {
    "box": np.full((2, 2), 0.25),
    "blur": np.array([[0.25, 0.5, 0.25]]),
    "edge": np.array([[-1.0, 2.0, -1.0]]),
    "blur 1D": np.array([1.0, 2.0, 1.0]),
    "pair 1D": np.array([1.0, 1.0]),
}


def depolarising(rate):
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(rate, 2), ["cx"])
    return AerSimulator(noise_model=model)


def known_probabilities(plan):
    """Return the outcome probabilities of the circuits, from which counts are drawn."""
    found = list(run(plan.prepared.programs, plan.sampling))
    assert all(part.probabilities is not None and not part.ideal for part in found)
    return [part.probabilities for part in found]


def results(plan, seeds):
    """Results of many seeds at several numbers of shots, from the same outcome probabilities."""
    known = known_probabilities(replace(plan, shots=None))
    for shots in SHOTS:
        part = replace(plan, shots=shots)
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            counts = [
                dict(enumerate(rng.multinomial(executions, p / p.sum()).tolist()))
                for executions, p in zip(part.executions, known, strict=True)
            ]
            yield shots, part.decode(counts)


def row(name, image, kernel, backend, boundary, kind, powers=POWERS):
    """Print coverage and reliability per number of shots; return (shots, coverage, reliable)."""
    where = {"mode": "same", "boundary": boundary}
    pixels, weights = IMAGES[image], KERNELS[kernel]
    method = qconv.AmplitudeEstimation(powers, kind)
    plan = qconv.plan(pixels, weights, method=method, backend=backend, shots=1, **where)
    exact = classical.convolve(pixels, weights, **where)
    scale = np.ptp(pixels) * np.abs(weights).sum()
    found = {shots: ([], [], [], []) for shots in SHOTS}
    for shots, result in results(plan, SEEDS):
        live = result.stderr > 0
        sure = result.diagnostics.reliable & live
        off = result.image - exact
        z, reliable, error, contrast = found[shots]
        z += list(np.abs(off[sure]) / result.stderr[sure])
        reliable.append(sure.sum() / live.sum())
        error += list(off[sure] / scale)
        contrast.append(result.diagnostics.contrast)
    for shots, (z, reliable, error, contrast) in found.items():
        held = np.mean(np.array(z) < 1.96) if z else np.nan
        rmse = np.sqrt(np.mean(np.square(error))) if error else np.nan
        left = " ".join(f"{part:.2f}" for part in np.mean(contrast, axis=0))
        print(
            f"  {name:<10} {image:<10} {kernel:<8} {boundary:<5} {kind:<7} {shots:5}"
            f"{100 * held:9.1f} %{100 * np.mean(reliable):9.1f} %{rmse:11.4f}   {left}",
            flush=True,
        )
        yield shots, held, float(np.mean(reliable))


HEAD = (
    f"\n  {'noise':<10} {'image':<10} {'kernel':<8} {'':<13} shots   covered   reliable"
    "   rmse/range"
)


def test_depolarising():
    """At least 80 % of the pixels are reliable, and 95 % intervals cover at least 93 % of these."""
    print(HEAD + "   contrast left")
    for image, kernel, boundary, kind in (
        ("camera", "box", "wrap", "global"),
        ("coins", "blur", "wrap", "global"),
        ("random", "edge", "wrap", "global"),
        ("random", "blur", "wrap", "global"),
        ("camera", "edge", "wrap", "global"),
        ("camera", "box", "symm", "local"),
        ("coins", "edge", "symm", "local"),
        ("random", "blur", "fill", "local"),
    ):
        for _, held, reliable in row("1e-3", image, kernel, depolarising(1e-3), boundary, kind):
            assert held >= 0.93
            assert reliable >= 0.8


def test_devices():
    """Where high powers carry no information, intervals hold or pixels are marked unreliable."""
    fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs `devices`")
    print(HEAD + "   contrast left")
    for device, image, kernel, boundary, kind, powers in (
        (fake.FakeManilaV2, "4 random", "pair 1D", "wrap", "global", (0, 1, 2)),
        (fake.FakeTorino, "16 random", "blur 1D", "wrap", "global", POWERS),
        (fake.FakeMarrakesh, "16 random", "pair 1D", "symm", "local", POWERS),
        (fake.FakeMarrakesh, "coins", "blur", "wrap", "global", (0, 1, 2, 4)),
    ):
        for _, held, reliable in row(
            device.__name__[4:], image, kernel, device(), boundary, kind, powers
        ):
            assert held >= 0.93 or reliable < 0.05
