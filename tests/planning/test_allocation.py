"""Allocation and tolerances: the fewest shots for an error, with correct standard errors.

False-alarm rates are written beside the tolerances.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

import classical
import qconv
from qconv.planning.allocation import for_tolerance, optimal
from qconv.result.tolerance import Tolerance
from tests.cases import EDGE

OPTIMAL = qconv.Collapse(baseline=True, allocation="optimal")
BASELINE = qconv.Collapse(baseline=True)
WHERE = {"mode": "same", "boundary": "symm"}


def reading():
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.06, 0.94]]))
    return AerSimulator(noise_model=model)


def predicted(plan):
    return plan.prepared.predict().stderr


class TestNumbers:
    @settings(max_examples=200)
    @given(
        st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=40),
        st.integers(1, 50),
        st.integers(0, 2**32),
    )
    def test_sum_and_least(self, spread, shots, seed):
        spread = np.array(spread)
        total = shots * len(spread)
        found = optimal(spread, total, np.random.default_rng(seed))
        assert found.sum() == total
        assert (found >= 0).all()
        if spread.any():
            assert (found[spread > 0] >= 1).all()
            assert not found[spread == 0].any()

    def test_rounding_is_unbiased(self):
        """10,000 roundings of three shares: deviation of a mean 0.005, six allowed (1e-8 total)."""
        spread = np.array([1.0, 2.0, 4.5])
        rng = np.random.default_rng(1)
        found = np.mean([optimal(spread, 11, rng) for _ in range(10_000)], axis=0)
        assert np.abs(found - 11 * spread / spread.sum()).max() < 0.03

    def test_no_other_numbers_are_better(self):
        """Neyman's proportions, compared with many similar ones."""
        rng = np.random.default_rng(2)
        spread = rng.random(30)
        best = optimal(spread, 30_000, rng)
        error = np.sum(spread**2 / best)
        for _ in range(100):
            moved = best * rng.uniform(0.8, 1.25, 30)
            moved *= best.sum() / moved.sum()
            assert np.sum(spread**2 / moved) > error * (1 - 1e-6)

    @settings(max_examples=100)
    @given(st.floats(1e-3, 1e3), st.booleans(), st.integers(0, 2**32))
    def test_tolerances_are_kept(self, error, mean, seed):
        rng = np.random.default_rng(seed)
        spread = rng.exponential(1.0, 50) * (rng.random(50) > 0.2)
        shots = for_tolerance(spread, Tolerance(error, mean), rng)
        left = spread / np.sqrt(np.maximum(shots, 1))
        assert (shots[spread > 0] >= 1).all()
        if mean:
            assert np.sqrt(np.mean(left**2)) <= error * (1 + 1e-12)
        else:
            assert left.max() <= error * (1 + 1e-9)
            fewer = spread / np.sqrt(np.maximum(shots - 1, 0.5))
            assert (fewer[shots > 1] > error * (1 - 1e-9)).all()


class TestOptimal:
    def test_standard_errors(self, camera):
        """z over 65,536 pixels at 60 shots each, by tenths of the pixels ordered by their shots.

        The mean of z^2 over a tenth has a standard deviation of about 0.018, the coverage 0.0027:
        five allowed, 1e-5 in all.
        """
        exact = classical.convolve(camera, EDGE, **WHERE)
        result = qconv.convolve(camera, EDGE, method=OPTIMAL, shots=60, seed=3, **WHERE)
        assert result.shots.sum() == result.total_shots == 60 * camera.size
        order = np.argsort(result.shots, axis=None)
        known = np.where(result.stderr > 0, result.stderr, np.inf)  # all others have no error
        z = ((result.image - exact) / known).ravel()[order]
        assert np.allclose((result.image - exact)[result.shots == 0], 0, atol=1e-9)
        tenths = np.array_split(np.arange(z.size), 10)
        many = [part for part in tenths if result.shots.ravel()[order][part[0]] >= 20]
        assert len(many) >= 4
        for part in many:
            assert abs(np.mean(z[part] ** 2) - 1) < 0.09
            assert abs(np.mean(np.abs(z[part]) < 1.96) - 0.95) < 0.0135
        assert classical.compare(result, exact).agrees

    def test_gain(self, camera):
        even = qconv.plan(camera, EDGE, method=BASELINE, shots=100, **WHERE)
        best = qconv.plan(camera, EDGE, method=OPTIMAL, shots=100, **WHERE)
        assert sum(even.executions) == sum(best.executions)
        gain = np.mean(predicted(even) ** 2) / np.mean(predicted(best) ** 2)
        assert gain > 2.6
        assert best.cost.rmse < even.cost.rmse / 1.6

    def test_unbiased_where_pixels_have_one_shot(self):
        """The mean of 600 runs is within 5.5 standard errors for 36 pixels: 2e-6."""
        image = np.random.default_rng(3).random((6, 6)) ** 4
        where = WHERE | {"method": OPTIMAL, "shots": 1}
        exact = qconv.convolve(image, EDGE, **where | {"shots": None}).image
        runs = [qconv.convolve(image, EDGE, seed=seed, **where) for seed in range(600)]
        mean = np.mean([run.image for run in runs], axis=0)
        spread = np.std([run.image for run in runs], axis=0) / np.sqrt(600)
        assert (np.abs(mean - exact) < 5.5 * spread + 1e-12).all()
        assert min(run.shots.min() for run in runs) >= 1

    @pytest.mark.parametrize(
        "backend",
        [AerSimulator(), GenericBackendV2(5, seed=1), reading()],
        ids=["Aer", "a device", "readout errors"],
    )
    @pytest.mark.parametrize("mitigation", [None, "readout"])
    def test_other_backends(self, backend, mitigation):
        """Split with the same distribution: 900 scores, deviation of the mean of z^2 below 0.06."""
        if mitigation and backend.name == "aer_simulator" and not backend.options.noise_model:
            return
        image = np.random.default_rng(4).random((30, 30))
        where = WHERE | {"method": OPTIMAL, "backend": backend, "mitigation": mitigation}
        result = qconv.convolve(image, EDGE, shots=50, seed=1, **where)
        assert result.shots.sum() == 50 * image.size
        if backend.name == "aer_simulator" and not backend.options.noise_model:
            expected = classical.convolve(image, EDGE, **WHERE)
        else:
            expected = qconv.convolve(image, EDGE, **where | {"shots": None}).image
        z = (result.image - expected) / result.stderr
        assert abs(np.mean(z**2) - 1) < 0.35

    def test_flat_pictures_need_nothing(self):
        result = qconv.convolve(np.full((5, 5), 3.0), EDGE, method=OPTIMAL, shots=7, **WHERE)
        assert np.allclose(result.image, 0)
        assert not result.stderr.any()

    def test_results_add_up_and_are_kept(self, tmp_path):
        image = np.random.default_rng(5).random((8, 8))
        first, second = (
            qconv.convolve(image, EDGE, method=OPTIMAL, shots=10, seed=seed, **WHERE)
            for seed in (1, 2)
        )
        both = first + second
        assert (both.shots == first.shots + second.shots).all()
        weight = first.shots / np.maximum(both.shots, 1)
        expected = weight * first.image + (1 - weight) * second.image
        assert np.allclose(both.image, expected)
        both.save(tmp_path / "both.npz")
        again = qconv.Convolution.load(tmp_path / "both.npz")
        assert (again.shots == both.shots).all()
        assert "to" in str(again)
        assert repr(again).startswith("<Convolution")

    def test_results_add_up_where_pixels_need_no_shots(self):
        """A bright square in a dark picture: away from its edge, all shots give the same value."""
        image = np.zeros((9, 9))
        image[2:7, 2:7] = 4.0
        exact = classical.convolve(image, EDGE, **WHERE)
        results = [
            qconv.convolve(image, EDGE, method=OPTIMAL, shots=30, seed=seed, **WHERE)
            for seed in (1, 2, 3)
        ]
        total = sum(results)
        idle = total.shots == 0
        assert 9 <= idle.sum() < idle.size
        np.testing.assert_array_equal(total.image[idle], exact[idle])
        assert not total.stderr[idle].any()
        assert (total.stderr[~idle] > 0).all()
        assert np.isfinite(total.image).all()
        shots = np.array([part.shots for part in results])
        mean = np.sum(shots * [part.image for part in results], axis=0)
        np.testing.assert_allclose(total.image[~idle], (mean / shots.sum(axis=0).clip(1))[~idle])

    def test_same_seed_same_bytes(self):
        image = np.random.default_rng(5).random((70, 70))
        runs = [qconv.convolve(image, EDGE, method=OPTIMAL, shots=5, seed=1) for _ in range(2)]
        assert runs[0].image.tobytes() == runs[1].image.tobytes()

    def test_counts_from_elsewhere(self):
        image = np.random.default_rng(5).random((4, 4))
        plan = qconv.plan(image, EDGE, method=OPTIMAL, shots=20, seed=1, **WHERE)
        counts = AerSimulator().run(plan.circuits[0], shots=plan.executions[0]).result()
        assert plan.decode(counts).shots.sum() == plan.executions[0]

    def test_refused(self):
        with pytest.raises(ValueError, match="allocation: expected 'even' with shared=True"):
            qconv.Collapse(shared=True, allocation="optimal")
        with pytest.raises(ValueError, match="allocation: expected one of 'even', 'optimal', got"):
            qconv.Collapse(allocation="best")


METHODS = [
    BASELINE,
    qconv.Collapse(shared=True),
    qconv.Diffusion(),
    qconv.Interference(),
    qconv.Fourier(signed=False),
    qconv.Blocks(qconv.Diffusion(), "overlap-add", qubits=8),
]


class TestTolerance:
    @pytest.mark.parametrize("method", METHODS, ids=str)
    @pytest.mark.parametrize("mean", [False, True])
    def test_as_few_as_leave_it(self, method, mean):
        image = np.random.default_rng(6).random((6, 6)) + 0.1
        kernel = np.ones((2, 2)) / 4
        error = 0.02
        wanted = ("rms", error) if mean else error
        plan = qconv.plan(image, kernel, method=method, tolerance=wanted, seed=1, **WHERE)
        stderr = predicted(plan)
        left = np.sqrt(np.mean(stderr**2)) if mean else stderr.max()
        assert 0.9 * error < left <= error * (1 + 1e-9)
        result = qconv.convolve(image, kernel, method=method, tolerance=wanted, seed=1, **WHERE)
        assert sum(plan.executions) <= result.total_shots < 1.1 * sum(plan.executions)
        assert Tolerance(error, mean).reached(result.stderr)
        exact = classical.convolve(image, kernel, **WHERE)
        if isinstance(method, qconv.Collapse):
            assert result.stderr.max() <= error * (1 + 1e-9) or mean
        assert np.abs(result.image - exact).max() < 8 * error

    @pytest.mark.parametrize("blocks", [False, True])
    def test_where_errors_fall_by_a_leap(self, blocks):
        """Beyond some number of executions, more rounds of amplification pay.

        A few more executions then make errors several times smaller. The fewest executions that
        reach the tolerance are found nevertheless: with a thirtieth fewer, the tolerance would be
        exceeded.
        """
        method = qconv.Fourier(amplify="auto", read_out="root")
        image, kernel = np.random.default_rng(1).random((2, 3)), [[1, -2, 1]]
        if blocks:
            method = qconv.Blocks(method, "overlap-save", qubits=9)
            image, kernel = np.random.default_rng(3).random((16, 16)), EDGE
        leaps = 0
        for error in (0.1, 0.15, 0.3, 0.4):
            plan = qconv.plan(image, kernel, method=method, tolerance=error, mode="same")
            left = predicted(plan).max()
            assert left <= error
            fewer = replace(plan, total=int(plan.total * 29 / 30))
            assert predicted(fewer).max() > error
            leaps += left < 0.9 * error
        assert leaps

    def test_on_a_photograph(self, camera):
        """Ten times fewer executions than with equal shots and the same largest error."""
        even = qconv.plan(camera, EDGE, method=BASELINE, shots=100, **WHERE)
        largest = float(predicted(even).max())
        plan = qconv.plan(camera, EDGE, method=BASELINE, tolerance=largest, seed=1, **WHERE)
        result = plan.run()
        assert (result.stderr <= largest * (1 + 1e-12)).all()
        assert result.total_shots * 10 < sum(even.executions)

    def test_layers(self):
        rng = np.random.default_rng(7)
        images, weight = rng.random((2, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))
        result = qconv.conv2d(images, weight, tolerance=0.5, seed=1)
        assert result.stderr.max() <= 0.5 * (1 + 1e-9)
        assert result.shots.shape == result.image.shape
        assert result.shots.sum() == result.total_shots

    def test_filters(self):
        image = np.random.default_rng(8).random((8, 8))
        result = qconv.filter_frequencies(
            image, classical.low_pass(image.shape, 3), tolerance=0.05, seed=1
        )
        assert 0.02 < np.sqrt(np.mean(result.stderr**2)) < 0.055

    @pytest.mark.parametrize(
        ("wrong", "kind", "message"),
        [
            (0, ValueError, "tolerance: expected a number above 0, got 0"),
            (-1.0, ValueError, "tolerance: expected a number above 0"),
            (np.inf, ValueError, "tolerance: expected"),
            ("rms", TypeError, "tolerance"),
            (("max", 1.0), ValueError, r"tolerance: expected a number or \('rms', number\)"),
            (("rms",), ValueError, r"tolerance: expected a number or \('rms', number\)"),
            (1e-12, ValueError, "tolerance: needs .* more than the maximum of 1,000,000,000,000"),
        ],
    )
    def test_refused(self, wrong, kind, message):
        image = np.random.default_rng(9).random((4, 4))
        with pytest.raises(kind, match=message):
            qconv.convolve(image, EDGE, tolerance=wrong)

    def test_not_with_shots(self):
        for shots in (5, 1024, None):
            with pytest.raises(
                ValueError, match=rf"shots: expected no value with a tolerance, got {shots}"
            ):
                qconv.convolve(np.ones((3, 3)), EDGE, shots=shots, tolerance=1.0)


class TestCheckpoints:
    @pytest.mark.parametrize("how", [{"tolerance": 0.3}, {"method": OPTIMAL, "shots": 7}], ids=str)
    def test_finished_ones_give_the_same(self, tmp_path, how):
        image = np.random.default_rng(10).random((70, 70))
        path = tmp_path / "kept.npz"
        plain = qconv.convolve(image, EDGE, seed=3, **how)
        first = qconv.convolve(image, EDGE, seed=3, checkpoint=path, **how)
        again = qconv.convolve(image, EDGE, checkpoint=path, **how)
        for result in (first, again):
            assert result.image.tobytes() == plain.image.tobytes()
            assert (result.shots == plain.shots).all()

    def test_another_tolerance_is_another_call(self, tmp_path):
        image = np.random.default_rng(10).random((5, 5))
        path = tmp_path / "kept.npz"
        qconv.convolve(image, EDGE, seed=3, tolerance=0.3, checkpoint=path)
        with pytest.raises(ValueError, match=r"tolerance differs"):
            qconv.convolve(image, EDGE, seed=3, tolerance=0.2, checkpoint=path)


@pytest.mark.parametrize("error", [0.2, 3.0])
def test_a_mean_tolerance_costs_no_more_than_needed(error):
    """Neyman's optimum: (sum of deviations)**2 / (pixels * error**2)."""
    spread = np.random.default_rng(0).random(400) * 50
    shots = for_tolerance(spread, Tolerance(error, True), np.random.default_rng(1))
    reached = np.sqrt(np.mean(spread**2 / np.maximum(shots, 1)))
    assert reached <= error
    assert shots.sum() < 1.05 * spread.sum() ** 2 / (spread.size * error**2) + spread.size
