"""Amplitude estimation: exact expectations, honest errors, cost, tiles, backends, rejections."""

import itertools

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator

import classical
import qconv
from qconv.convolution import plan
from qconv.execution.simulate.probabilities import born_probabilities
from qconv.grid import plan_grid
from qconv.methods.amplitude_estimation import method as estimation
from qconv.methods.cutting import cut
from tests.cases import (
    BOUNDARIES,
    EDGE,
    MODES,
    SHAPES,
    close,
    convolve2d,
    correlate2d,
    random_integers,
)

GAUSSIAN = qconv.named_kernel("gaussian")
SHORT = (0, 1, 2, 4)
WRAP = {"mode": "same", "boundary": "wrap"}
RANGES = ("global", "local")
SLOW = {"several turns", "several tiles", "one pixel, many turns", "prime sizes"}


def run(image, kernel=GAUSSIAN, powers=SHORT, shots=100, seed=1, *, kind="global", **how):
    method = qconv.AmplitudeEstimation(powers, kind)
    how = {**WRAP, **how}
    return qconv.convolve(image, kernel, method=method, shots=shots, seed=seed, **how)


class TestExact:
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", RANGES)
    @pytest.mark.parametrize("name", sorted(SHAPES.keys() - SLOW))
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_curated_shapes(self, kind, name, boundary):
        image, kernel = (random_integers(shape, seed) for seed, shape in enumerate(SHAPES[name]))
        method = qconv.AmplitudeEstimation(range=kind)
        pairs = ((qconv.convolve, convolve2d), (qconv.correlate, correlate2d))
        for mode, (ours, scipys) in itertools.product(MODES, pairs):
            where = {"mode": mode, "boundary": boundary, "fillvalue": 2.5}
            try:
                expected = scipys(image, kernel, **where)
            except ValueError:
                continue
            result = ours(image, kernel, method=method, shots=None, **where)
            scale = np.abs(kernel).sum() * 9
            np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-10 * scale)
            assert (result.stderr == 0).all()
            assert result.total_shots == result.oracle_calls == 0

    @pytest.mark.parametrize("kind", RANGES)
    @pytest.mark.parametrize("axes", [1, 3])
    def test_signals_and_volumes(self, kind, axes):
        rng = np.random.default_rng(0)
        image, kernel = rng.normal(size=(5, 4, 6)[:axes]), rng.normal(size=(2, 3, 2)[:axes])
        expected = classical.convolve(image, kernel)
        result = run(image, kernel, shots=None, kind=kind, mode="full", boundary="fill")
        close(result.image, expected)

    @pytest.mark.slow
    def test_probabilities_of_a_photograph(self, small_camera):
        """``sin((2 m + 1) t)**2`` for every pixel and power, to 1e-10."""
        low, high = small_camera.min(), small_camera.max()
        a = (classical.convolve(small_camera, GAUSSIAN, **WRAP) / GAUSSIAN.sum() - low) / (
            high - low
        )
        theta = np.arcsin(np.sqrt(a))
        for power in (0, 1, 4, 16):
            result = run(small_camera, powers=(power,), shots=1, backend=AerSimulator())
            circuit = result.circuits[0].remove_final_measurements(inplace=False)
            hits = born_probabilities(circuit, measured=13).reshape(2, 64, 64)[1] * 4096
            seen = np.sin((2 * power + 1) * theta) ** 2
            np.testing.assert_allclose(hits, seen, atol=1e-10)


class TestErrors:
    @pytest.mark.slow
    @pytest.mark.parametrize("kind", RANGES)
    @pytest.mark.parametrize("kernel", [GAUSSIAN, EDGE], ids=["gaussian", "edge"])
    def test_intervals(self, kind, kernel, small_camera):
        """95 % intervals cover 93 to 97 % of 4096 pixels; the binomial deviation is 0.34 %."""
        powers = (0, 1, 2, 4, 8, 16, 32, 64)[: 8 if kind == "global" else 7]
        result = run(small_camera, kernel, powers, 100, kind=kind)
        error = result.image - classical.convolve(small_camera, kernel, **WRAP)
        known = result.stderr > 0
        assert known.mean() > 0.9
        z = error[known] / result.stderr[known]
        assert 0.93 < np.mean(np.abs(z) < 1.96) < 0.97
        assert np.mean(np.abs(z) > 10) < 5e-4
        assert np.abs(error[~known]).max(initial=0) < 1e-10
        assert 0.85 < result.diagnostics.reliable.mean() < 1

    def test_a_local_range_is_worth_it(self, small_camera):
        errors = [run(small_camera, kind=kind).stderr for kind in RANGES]
        assert np.mean(errors[0] ** 2) > 9 * np.mean(errors[1] ** 2)

    def test_higher_powers_pay(self, small_camera):
        """At equal cost: six powers with 20 shots each, compared with power 0 alone."""
        sharp = run(small_camera, powers=(0, 1, 2, 4, 8, 16), shots=20)
        plain = run(small_camera, powers=(0,), shots=sharp.oracle_calls // small_camera.size)
        assert plain.oracle_calls == sharp.oracle_calls == 20 * 68 * small_camera.size
        exact = classical.convolve(small_camera, GAUSSIAN, **WRAP)
        rmse = [np.sqrt(np.mean((result.image - exact) ** 2)) for result in (plain, sharp)]
        assert rmse[0] > 2.5 * rmse[1]

    @pytest.mark.parametrize(("kernel", "value"), [(EDGE, 0.0), (GAUSSIAN, 3.5), (-GAUSSIAN, -3.5)])
    def test_constant_images_are_exact(self, kernel, value):
        for kind in RANGES:
            result = run(np.full((8, 8), 3.5), kernel, kind=kind)
            np.testing.assert_allclose(result.image, value, atol=1e-12)
            assert (result.stderr == 0).all()
            assert result.diagnostics.reliable.all()

    @pytest.mark.parametrize("kernel", [GAUSSIAN, -GAUSSIAN], ids=["bright", "dark"])
    def test_ends_of_the_range(self, kernel):
        """Where windows are all black or all white, the angle is at an end, and unreliable."""
        image = np.kron([[0.0, 1.0], [0.0, 1.0]], np.ones((6, 6)))
        result = run(image, kernel, powers=(0, 1), boundary="symm")
        within = np.ones_like(image, dtype=bool)
        within[:, 5:7] = False
        assert not result.diagnostics.reliable[within].any()
        assert result.diagnostics.reliable[~within].mean() > 0.5
        local = run(image, kernel, powers=(0, 1), kind="local", boundary="symm")
        assert local.diagnostics.reliable[within].all()
        assert not local.stderr[within].any()


class TestCost:
    def test_calls(self):
        result = run(np.arange(16.0).reshape(4, 4), powers=(0, 3, 5), shots=7)
        assert result.shots == 7
        assert result.total_shots == 3 * 7 * 16
        assert result.oracle_calls == (1 + 7 + 11) * 7 * 16

    def test_circuits(self, small_camera):
        result = run(small_camera)
        assert [c.num_qubits for c in result.circuits] == [17] * len(SHORT)
        measured = run(small_camera[:4, :4], backend=AerSimulator())
        assert [c.num_qubits for c in measured.circuits] == [9] * len(SHORT)

    def test_device_circuit(self, small_camera):
        """One rotation of 2**8 angles per step plus one, and the adders."""
        method = qconv.AmplitudeEstimation((2,))
        laid_out = plan(small_camera[:16, :16], EDGE, method=method, **WRAP)
        cost = qconv.resources(laid_out.on_device().prepared.costliest.build())
        assert 3 * 256 < cost.two_qubit_gates < 3 * 256 + 600
        assert cost.ancillas > 0
        assert laid_out.cost.bounds == {"rotating by the image": 3 * 256}
        assert 3 * 256 < laid_out.cost.two_qubit_gates < 3 * 256 + 600


class TestTiles:
    @pytest.mark.parametrize("kind", RANGES)
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_exactly_the_whole(self, kind, boundary, monkeypatch):
        kernel = random_integers((3, 2), 1)
        for qubits in (21, 11, 8, 1):
            image = random_integers((19, 21) if qubits > 1 else (4, 5), 0)  # tiles of one pixel
            expected = classical.convolve(image, kernel, mode="same", boundary=boundary)
            monkeypatch.setattr(estimation, "_MOST_QUBITS", qubits)
            monkeypatch.setattr(estimation, "_MOST_QUBITS_JOINT", qubits)
            result = run(image, kernel, shots=None, kind=kind, boundary=boundary)
            np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("margins", [True, False])
    def test_cover_the_output_once(self, margins):
        for shape, room in itertools.product([(19, 21), (64, 64), (1, 9), (256, 256)], (4, 7, 12)):
            grid = plan_grid(shape, (3, 3), mode="same", boundary="symm")
            seen = np.zeros(grid.output_shape, dtype=int)
            for tile in cut(grid, room, margins=margins):
                seen[tile.outputs] += 1
                assert sum(tile.bits) <= room
                for n, bits in zip(tile.shape, tile.bits, strict=True):
                    assert n + 2 * margins <= 2**bits
            assert (seen == 1).all()

    def test_do_not_share_random_numbers(self, monkeypatch):
        monkeypatch.setattr(estimation, "_MOST_QUBITS", 15)
        image = np.tile(np.random.default_rng(0).random((16, 16)), (4, 4))
        result = run(image, boundary="symm", mode="valid", shots=50)
        error = result.image - classical.convolve(image, GAUSSIAN, mode="valid")
        corners = [error[i : i + 14, j : j + 14].ravel() for i in (0, 16, 32) for j in (0, 16, 32)]
        off = np.abs(np.corrcoef(corners) - np.eye(9)).max()
        assert off < 6.5 / 14


class TestRandomness:
    def test_seeds(self, small_camera, monkeypatch):
        first = run(small_camera).image.tobytes()
        monkeypatch.setenv("QCONV_NUM_THREADS", "1")
        assert run(small_camera).image.tobytes() == first
        assert run(small_camera, seed=2).image.tobytes() != first

    def test_powers_in_any_order(self, small_camera):
        one = run(small_camera, powers=(4, 0, 1))
        assert one.image.tobytes() == run(small_camera, powers=[0, 1, 4]).image.tobytes()

    def test_results_add_up_and_are_kept(self, small_camera, tmp_path):
        one, two = (run(small_camera, seed=seed) for seed in (1, 2))
        both = one + two
        assert both.oracle_calls == 2 * one.oracle_calls
        assert both.diagnostics.reliable.mean() > 0.9
        both.save(tmp_path / "r.npz")
        loaded = qconv.Convolution.load(tmp_path / "r.npz")
        assert np.array_equal(loaded.diagnostics.reliable, both.diagnostics.reliable)
        assert "reliable pixels" in str(loaded)
        for other in (run(small_camera, powers=(0, 1), seed=3), run(small_camera, kind="local")):
            with pytest.raises(ValueError, match="only results of the same"):
                one + other

    @pytest.mark.parametrize("kind", RANGES)
    def test_measured(self, kind):
        """Drawn or counted by Aer: every reliable pixel is within 6.5 standard errors."""
        image = np.random.default_rng(4).random((4, 4))
        exact = classical.convolve(image, EDGE, **WRAP)
        for backend in (None, AerSimulator()):
            result = run(image, EDGE, shots=500, backend=backend, kind=kind)
            off = np.abs(result.image - exact) / result.stderr
            assert (off[result.diagnostics.reliable] < 6.5).all()
            assert result.diagnostics.reliable.mean() > 0.5

    def test_device(self):
        image = np.array([0.0, 1.0, 0.5, 0.2])
        backend = GenericBackendV2(8, seed=1)
        result = run(image, [1.0, 1.0], powers=(0, 1), backend=backend, shots=1000)
        exact = classical.convolve(image, [1.0, 1.0], **WRAP)
        assert np.abs(result.image - exact).max() < 0.3
        noisy = run(image, [1.0, 1.0], powers=(0, 1), backend=backend, shots=None)
        many = run(image, [1.0, 1.0], powers=(0, 1), backend=backend, shots=100_000)
        assert np.abs(many.image - noisy.image).max() < 0.02  # fifteen standard errors
        np.testing.assert_allclose(noisy.stderr, many.stderr, rtol=0.5)  # not reduced by shots
        assert not many.diagnostics.reliable.any()  # four pixels do not determine the damping


class TestRefused:
    @pytest.mark.parametrize("powers", [(), (0, 0), (1, 2, 1), (-1,), (0, -3)])
    def test_powers(self, powers):
        with pytest.raises(ValueError, match="powers: expected"):
            qconv.AmplitudeEstimation(powers)

    @pytest.mark.parametrize("powers", [3, "12", None, (0, 1.5), (True,), ("1",)])
    def test_kinds_of_powers(self, powers):
        with pytest.raises(TypeError, match="powers: expected"):
            qconv.AmplitudeEstimation(powers)

    def test_range(self):
        with pytest.raises(ValueError, match=r"range: expected .*global.*local.*, got 'wide'"):
            qconv.AmplitudeEstimation(range="wide")

    def test_frozen_and_equal(self):
        assert qconv.AmplitudeEstimation([2, 0]) == qconv.AmplitudeEstimation((0, 2))
        assert hash(qconv.AmplitudeEstimation([2, 0])) == hash(qconv.AmplitudeEstimation((0, 2)))
        assert qconv.AmplitudeEstimation() == qconv.AmplitudeEstimation("auto")
