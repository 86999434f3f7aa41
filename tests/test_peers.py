"""Adapters of the peers that need nothing but the core packages, against exact results."""

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from tests.benchmarks.peers import page, running
from tests.benchmarks.peers import published_amplitudes as published
from tests.benchmarks.peers.adapters import jeng, qcrank, qhed, roshanshah
from tests.benchmarks.peers.jobs import filters
from tests.benchmarks.peers.peer import Filtered
from tests.benchmarks.peers.whole_image import evolve

IMAGE = np.random.default_rng(1).random((4, 8)) * 255
KERNELS = [np.array(filters.KERNELS[name], dtype=float) for name in filters.KERNELS]


@pytest.mark.parametrize("kernel", [*KERNELS, np.array([[1.0, 2], [3, 5]])], ids=len)
def test_jeng(kernel):
    """The amplitudes where the filter register reads 0, for odd and even kernels."""
    state = evolve(jeng.circuit(IMAGE.shape, kernel), IMAGE)[0].real.reshape(IMAGE.shape)
    padded = np.prod([1 << (side - 1).bit_length() for side in kernel.shape])
    found = state * np.sqrt(padded) * np.linalg.norm(kernel) * np.linalg.norm(IMAGE)
    offsets = [side - 1 - (side - 1) // 2 for side in kernel.shape]
    exact = filters.exact(IMAGE, kernel)
    np.testing.assert_allclose(np.roll(found, offsets, (0, 1)), exact, atol=1e-9 * 255 * 16)


def test_qhed():
    state = evolve(qhed.circuit(IMAGE.shape), IMAGE)[1].real.reshape(IMAGE.shape)
    found = np.roll(2 * np.abs(state) * np.linalg.norm(IMAGE), 1, 1)
    exact = np.abs(filters.exact(IMAGE, np.array([[1, -1]])))
    np.testing.assert_allclose(found, exact, atol=1e-9 * 255)
    with pytest.raises(ValueError, match="kernel: expected"):
        qhed.differences(IMAGE, KERNELS[0], 100, 1)


def test_roshanshah():
    """Circuit and drawn probabilities agree; estimates are unbiased within 5 standard errors."""
    image, kernel = IMAGE[:2, :2], np.array([[1.0, -2], [3, 1]])
    chances = Statevector(roshanshah.circuit(image, kernel)).probabilities(range(3))
    chances = chances.reshape(4, 2) * 4  # position, test qubit
    windows = roshanshah.patches(image, kernel)
    scale = np.linalg.norm(windows, axis=1) * np.linalg.norm(kernel)
    exact = filters.exact(image, kernel).ravel()
    np.testing.assert_allclose((chances[:, 0] - chances[:, 1]) * scale, exact, atol=1e-9 * 255)
    found = roshanshah.filtered(image, kernel, 40_000, 1).image.ravel()
    assert np.all(np.abs(found - exact) < 5 * scale / np.sqrt(9_500))  # false alarm: 3e-6


def test_qcrank():
    """The state holds every level; read-out errors are those that it states."""
    levels = np.random.default_rng(2).uniform(-1, 1, (8, 4))
    state = Statevector(qcrank.circuit(levels))
    for qubit in range(4):
        chances = state.probabilities([0, 1, 2, 3 + qubit]).reshape(2, 8) * 8
        np.testing.assert_allclose(chances[0] - chances[1], levels[:, qubit], atol=1e-9)
    found, stderr, gates = qcrank.read(levels, 80_000, 3)
    assert gates == levels.size  # one CX per pixel, as published
    z = (found - levels) / stderr
    assert abs(np.mean(z**2) - 1) < 5 * np.sqrt(2 / levels.size)  # false alarm: 1e-5


@pytest.mark.parametrize(
    ("estimate", "request_"),
    [(published.bayesian_iterative, 0.005), (published.signal_processing, 1000)],
    ids=["BIQAE", "CSAE"],
)
def test_amplitudes(estimate, request_):
    """Median errors, which single gross errors do not move: at most 10 / calls."""
    rng = np.random.default_rng(5)
    p = rng.uniform(0.1, 0.9, 15)
    found = [estimate(one, request_, rng) for one in p]
    calls = np.mean([used for *_, used in found])
    errors = [abs(value - one) for (value, *_), one in zip(found, p, strict=True)]
    assert np.median(errors) < 10 / calls
    assert calls < 5000


def test_figures_of_a_filtered_image():
    """An estimate with a known error, and one whose edges are wrong."""

    def shifted(image, kernel, calls, seed):
        exact = filters.exact(image, kernel)
        stderr = np.full(image.shape, 2.0)
        return Filtered(exact + 3, calls, 1, None, stderr=stderr)

    (row,) = filters.run(shifted, "blur")
    assert row["error"] == pytest.approx(3)
    assert row["z"] == pytest.approx(2.25)
    (row,) = filters.run(lambda image, *_: Filtered(0 * image, 1, 1, None), "edges")
    assert row["f_score"] < 0.5


def test_time_limit():
    found = running.within(1, lambda: __import__("time").sleep(60))
    assert found == {"reason": "not finished within 1 s"}
    assert "ZeroDivisionError" in running.within(60, lambda: 1 / 0)["reason"]
    assert running.within(60, lambda: [{"a": 1}])["rows"] == [{"a": 1}]


def test_bold_is_better_than_every_own_row():
    rows = [
        {"kind": "own", "error": 2.0},
        {"kind": "own", "error": 1.0},
        {"kind": "peer", "error": 1.5},
        {"kind": "peer", "error": 0.5},
        {"kind": "classical", "error": 0.0},
    ]
    assert [page.is_better(row, rows, "error", "least") for row in rows] == [
        False,
        False,
        False,
        True,
        False,
    ]
