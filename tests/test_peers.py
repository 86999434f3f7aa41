"""Adapters of the peers that need only the core packages, compared with exact results."""

import itertools
import sys

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from tests.benchmarks.peers import page, running
from tests.benchmarks.peers import published_amplitudes as published
from tests.benchmarks.peers.adapters import (
    jeng,
    nwqlib_circulant,
    own_loader,
    pennylane_loaders,
    qclib_loaders,
    qcrank,
    qhed,
    qiskit_loader,
    qiu_loader,
    roshanshah,
)
from tests.benchmarks.peers.jobs import filters
from tests.benchmarks.peers.jobs.loading import measured, orders
from tests.benchmarks.peers.peer import Filtered
from tests.benchmarks.peers.whole_image import evolve

IMAGE = np.random.default_rng(1).random((4, 8)) * 255
KERNELS = [np.array(filters.KERNELS[name], dtype=float) for name in filters.KERNELS]


@pytest.mark.parametrize("kernel", [*KERNELS, np.array([[1.0, 2], [3, 5]])], ids=len)
def test_jeng(kernel):
    """The amplitudes with filter register 0 are the exact filter, for odd and even kernels."""
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
    """The state encodes every level; read-out errors are as large as stated."""
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
    """Median errors, which are not affected by single gross errors: at most 10 / calls."""
    rng = np.random.default_rng(5)
    p = rng.uniform(0.1, 0.9, 15)
    found = [estimate(one, request_, rng) for one in p]
    calls = np.mean([used for *_, used in found])
    errors = [abs(value - one) for (value, *_), one in zip(found, p, strict=True)]
    assert np.median(errors) < 10 / calls
    assert calls < 5000


LOADERS = [
    ("qclib", qclib_loaders.low_rank, {"ranks": (4,)}, 1.0),
    ("qclib", qclib_loaders.bounded, {"losses": (0.05,)}, 0.949),
    ("pennylane", pennylane_loaders.mps_prep, {"works": (2,)}, 1.0),
    ("pennylane", pennylane_loaders.mottonen, {}, 1.0),
    ("qiu_mps_initializer", qiu_loader.layers, {"numbers": (2,)}, 0.5),
    ("qiskit", qiskit_loader.exact, {}, 1.0),
    ("qconv", own_loader.exact, {}, 1.0),
]


@pytest.mark.parametrize(("package", "load", "options", "least"), LOADERS)
def test_loaders(package, load, options, least):
    """16 amplitudes: full rank and bond dimension 4 are exact."""
    pytest.importorskip(package)
    amplitudes = np.random.default_rng(4).random(16)
    amplitudes /= np.linalg.norm(amplitudes)
    for circuit in load(amplitudes, "row-major", **options):
        gates, state, fidelity = measured(circuit, amplitudes)
        assert gates > 0
        assert least - 1e-9 < fidelity < 1 + 1e-9
        assert np.vdot(state, amplitudes).real ** 2 == pytest.approx(fidelity, abs=1e-6)


def test_orders_are_permutations_of_the_image():
    image = np.arange(1.0, 65).reshape(8, 8)
    for _, amplitudes, placed in orders(image):
        np.testing.assert_allclose(placed(amplitudes) * np.linalg.norm(image), image)


def test_nwqlib():
    """Away from the ends of rows, the block encoding convolves."""
    pytest.importorskip("nwqlib")
    image, kernel = np.random.default_rng(1).random((8, 8)), KERNELS[0]
    circuit, alpha = nwqlib_circulant.circuit(image.shape, kernel)
    found = np.abs(evolve(circuit, image)[0].reshape(image.shape)) * alpha * np.linalg.norm(image)
    inside = (slice(1, -1),) * 2
    exact = np.abs(filters.exact(image, kernel))
    np.testing.assert_allclose(found[inside], exact[inside], atol=1e-8)


def test_figures_of_a_filtered_image():
    """An estimate with a known error, and one with wrong edges."""

    def shifted(image, kernel, calls, seed):
        exact = filters.exact(image, kernel)
        stderr = np.full(image.shape, 2.0)
        return Filtered(exact + 3, calls, 1, None, stderr=stderr)

    (row,) = filters.run(shifted, "blur")
    assert row["error"] == pytest.approx(3)
    assert row["z"] == pytest.approx(2.25)
    (row,) = filters.run(lambda image, *_: Filtered(0 * image, 1, 1, None), "edges")
    assert row["f_score"] < 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of CPU time")
def test_time_limit():
    tasks = [(1, sum, itertools.count()), (60, lambda: 1 / 0), (60, lambda: [{"a": 1}])]
    found = dict(running.within(tasks))
    assert found[0]["reason"].startswith("not finished within")
    assert "ZeroDivisionError" in found[1]["reason"]
    assert found[2]["rows"] == [{"a": 1}]


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
