"""Schedules of amplitude estimation: shots decrease with the power; posterior means.

Photographs of 64 x 64 pixels, errors in units of their range. False-alarm rates are for other
seeds: 1e-4 or less each, unless stated otherwise.
"""

import numpy as np
import pytest
from skimage import data
from skimage.io import imsave
from skimage.transform import resize

import classical
import qconv
from qconv.cli import main
from qconv.methods.amplitude_estimation import likelihood
from qconv.methods.amplitude_estimation.likelihood import most_likely, posterior_mean
from qconv.methods.amplitude_estimation.schedule import _least, least_shots, scheduled

WRAP = {"mode": "same", "boundary": "wrap"}
GAUSSIAN = qconv.named_kernel("gaussian")
PAIRS = ((0, 40), (1, 20), (2, 12), (4, 6))


def photograph(name):
    image = resize(getattr(data, name)().astype(float), (64, 64), anti_aliasing=True)
    return (image - image.min()) / np.ptp(image)


@pytest.fixture(scope="module", params=["camera", "coins"])
def measured(request):
    """A photograph with the default schedule, 100 shots per pixel: errors, result and plan."""
    image = photograph(request.param)
    plan = qconv.plan(
        image, GAUSSIAN, method=qconv.AmplitudeEstimation(), shots=100, seed=1, **WRAP
    )
    result = plan.run()
    return result.image - classical.convolve(image, GAUSSIAN, **WRAP), result, plan


def test_error_times_calls(measured):
    """With equal shots per power it is 8 to 9; the deviation of a run is 2 %."""
    error, result, _ = measured
    calls = result.oracle_calls / error.size
    assert np.sqrt(np.mean(error**2)) * calls < 4.2


def test_errors_are_stated(measured):
    """4,096 pixels: coverage has a standard deviation of 0.34 %, the mean of z^2 of 3 %."""
    error, result, _ = measured
    z = error / result.stderr
    assert np.abs(z).max() < 8
    assert 0.937 < np.mean(np.abs(z) < 1.96) < 0.967
    assert 0.87 < np.mean(z**2) < 1.12


def test_prediction(measured):
    error, _, plan = measured
    assert plan.cost.rmse == pytest.approx(np.sqrt(np.mean(error**2)), rel=0.08)


def test_shots_are_those_of_all_powers(measured):
    error, result, plan = measured
    assert result.shots == 100
    assert result.total_shots == 100 * error.size == sum(plan.executions)


@pytest.mark.parametrize("shots", [1, 7, 50, 100, 177, 190, 300, 1024, 10_000, 10**6, 10**8])
@pytest.mark.parametrize("most", [32, 16_384])
def test_falling(shots, most):
    schedule = scheduled("auto", shots, 32, most)
    assert schedule.powers[0] == 0
    assert list(schedule.powers) == sorted(set(schedule.powers))
    assert schedule.powers[-1] <= most
    assert sum(schedule.shots) == pytest.approx(shots)
    assert min(schedule.shots) > 1 - 1e-9
    for pixels in (1, 3, 4096):
        executions = schedule.executions(pixels)
        assert sum(executions) == shots * pixels
        assert min(executions) >= 1


def calls(schedule):
    return np.dot(schedule.shots, 2 * np.array(schedule.powers) + 1)


def test_highest_power_grows_with_the_shots():
    highest = [scheduled("auto", shots).powers[-1] for shots in range(1, 3000, 3)]
    assert (np.diff(highest) >= 0).all()
    assert 1 not in highest
    assert scheduled("auto", 177).powers[-1] == 41
    assert scheduled("auto", 1024).powers[-1] > 500
    for capped, shots in ((8, 110), (32, 180), (64, 230)):
        assert scheduled("auto", shots, capped, capped).powers[-1] == capped
        assert scheduled("auto", 10**4, capped, capped).powers[-1] == capped
    assert scheduled("auto", 45, 8, 8).powers == (0, 1)  # power 0 alone does not show noise


def test_constant_whatever_the_number_of_shots():
    """Predicted from the Fisher information; with powers up to 32 alone, it would be 28."""
    every = [scheduled("auto", shots) for shots in (*range(55, 1200), 2000, 5000, 10_000, 20_000)]
    assert max(calls(one) / np.sqrt(one.information) for one in every) < 3.8
    information = [one.information for one in every]
    assert information == sorted(information)
    last = scheduled("auto", 10_000, 32, 32)
    assert calls(last) / np.sqrt(last.information) > 25


@pytest.mark.parametrize("shots", [42, 54, 55, 64, 100])
def test_never_behind_sampling(shots):
    """With equal oracle calls: the same error, or at least a fifth smaller (2 % by chance)."""
    angles = np.arcsin(np.sqrt(np.clip(photograph("camera"), 0.0, 1.0))).ravel()
    schedule = scheduled("auto", shots)
    rng = np.random.default_rng(8)
    error = []
    for powers, numbers in (
        (schedule.powers, schedule.shots),
        ((0,), (round(calls(schedule)),)),
    ):
        factors = 2 * np.array(powers) + 1
        trials = rng.poisson(np.array(numbers)[:, None], (len(powers), angles.size))
        hits = rng.binomial(trials, np.sin(np.outer(factors, angles)) ** 2)
        found = posterior_mean(hits, trials - hits, powers)
        error.append(np.sqrt(np.mean((np.sin(found.angles) ** 2 - np.sin(angles) ** 2) ** 2)))
    assert error[0] < error[1] * (1.08 if schedule.powers == (0,) else 0.8)


def test_posterior_against_a_grid(monkeypatch):
    """Mean and standard deviation equal sums of the likelihood over a fine grid."""
    monkeypatch.setattr(likelihood, "fitted_prior", lambda *_: np.ones_like)
    schedule = scheduled("auto", 120)
    factors = 2 * np.array(schedule.powers) + 1
    rng = np.random.default_rng(5)
    angles = rng.uniform(0, np.pi / 2, 200)
    shots = rng.poisson(np.array(schedule.shots)[:, None], (len(factors), 200))
    hits = rng.binomial(shots, np.sin(np.outer(factors, angles)) ** 2).astype(float)
    grid = (np.arange(40_000) + 0.5) * (np.pi / 80_000)
    turned = np.outer(factors, grid)
    logs = hits.T @ np.log(np.sin(turned) ** 2) + (shots - hits).T @ np.log(np.cos(turned) ** 2)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = weights @ np.sin(grid) ** 2
    spread = np.sqrt(weights @ np.sin(grid) ** 4 - mean**2)
    found = posterior_mean(hits, shots - hits, schedule.powers)
    np.testing.assert_allclose(np.sin(found.angles) ** 2, mean, atol=2e-3 * spread.max())
    np.testing.assert_allclose(found.unguarded, spread, rtol=0.01)
    assert (found.stderr >= found.unguarded).all()
    reach = np.where(weights > 3e-6, np.abs(np.sin(grid) ** 2 - mean[:, None]), 0).max(axis=1)
    assert (found.stderr >= reach / 8 * 0.97).all()


def test_mean_beats_the_mode():
    """Both estimates use the same counts, so their errors are strongly correlated."""
    schedule = scheduled("auto", 60)
    factors = 2 * np.array(schedule.powers) + 1
    rng = np.random.default_rng(6)
    angles = rng.uniform(0, np.pi / 2, 6_000)
    shots = rng.poisson(np.array(schedule.shots)[:, None], (len(factors), len(angles)))
    hits = rng.binomial(shots, np.sin(np.outer(factors, angles)) ** 2).astype(float)
    exact = np.sin(angles) ** 2
    error = {
        read: np.mean((np.sin(read(hits, shots - hits, schedule.powers).angles) ** 2 - exact) ** 2)
        for read in (posterior_mean, most_likely)
    }
    assert error[posterior_mean] < 0.97 * error[most_likely]


class TestPairs:
    def test_shots(self):
        image = np.random.default_rng(1).random((8, 8))
        method = qconv.AmplitudeEstimation(PAIRS[::-1])
        assert method.powers == PAIRS
        assert qconv.AmplitudeEstimation(np.array(PAIRS)) == method
        result = qconv.convolve(image, GAUSSIAN, method=method, seed=2, **WRAP)
        assert result.shots == 78
        assert result.total_shots == 78 * 64
        assert result.oracle_calls == 64 * sum(shots * (2 * power + 1) for power, shots in PAIRS)
        z = (result.image - classical.convolve(image, GAUSSIAN, **WRAP)) / result.stderr
        assert np.abs(z).max() < 8

    def test_exact_expectation(self):
        image = np.random.default_rng(1).random((4, 4))
        method = qconv.AmplitudeEstimation(PAIRS)
        result = qconv.convolve(image, GAUSSIAN, method=method, shots=None, **WRAP)
        np.testing.assert_allclose(result.image, classical.convolve(image, GAUSSIAN, **WRAP))

    def test_two_runs_add(self):
        image = np.random.default_rng(1).random((8, 8))
        method = qconv.AmplitudeEstimation(PAIRS)
        parts = [qconv.convolve(image, GAUSSIAN, method=method, seed=s, **WRAP) for s in (1, 2)]
        both = parts[0] + parts[1]
        assert both.shots == 156
        hits = [part.diagnostics.hits[0].table for part in (*parts, both)]
        assert np.array_equal(hits[0] + hits[1], hits[2])
        mean = (parts[0].image + parts[1].image) / 2
        assert np.abs(both.image - mean).max() < 4 * both.stderr.max()

    def test_schedules_add_by_what_they_tell(self, tmp_path):
        """Weights are in proportion to the information.

        Weighted by shots, 41 shots of power 0 would triple the error of 600 shots of higher powers.
        The tolerance of half a percent covers the printed digits.
        """
        image = np.random.default_rng(1).random((4, 4))
        method = qconv.AmplitudeEstimation()
        one, two = (
            qconv.convolve(image, GAUSSIAN, method=method, shots=shots, seed=shots, **WRAP)
            for shots in (41, 600)
        )
        both = one + two
        assert both.shots == 641
        assert (
            both.diagnostics.information
            == one.diagnostics.information + two.diagnostics.information
        )
        assert np.all(both.stderr < 1.005 * two.stderr)
        both.save(tmp_path / "both.npz")
        kept = qconv.Convolution.load(tmp_path / "both.npz")
        assert kept.diagnostics.information == both.diagnostics.information

    def test_command(self, tmp_path):
        picture, out = str(tmp_path / "in.png"), str(tmp_path / "out.npy")
        imsave(picture, np.arange(64, dtype=np.uint8).reshape(8, 8), check_contrast=False)
        options = ["--method", "estimation", "--powers", "0:40", "1:20", "--quiet", "--out", out]
        assert main([picture, "--kernel", "gaussian", *options, "--seed", "1"]) == 0
        image = np.arange(64.0).reshape(8, 8)
        exact = classical.convolve(image, GAUSSIAN, mode="same", boundary="symm")
        assert np.sqrt(np.mean((np.load(out) - exact) ** 2)) < 6  # two standard errors of a pixel

    def test_refused(self):
        image = np.ones((4, 4))
        method = qconv.AmplitudeEstimation(PAIRS)
        with pytest.raises(ValueError, match=r"shots: expected no value with pairs .* got 50"):
            qconv.convolve(image, GAUSSIAN, method=method, shots=50)
        with pytest.raises(ValueError, match="tolerance: expected no tolerance with pairs"):
            qconv.convolve(image, GAUSSIAN, method=method, tolerance=0.1)

    @pytest.mark.parametrize(
        "powers", ["automatic", ((0, 1), 2), ((0, 1, 2),), ((0, 1.5),), (("0", 1),), {0: 40, 1: 20}]
    )
    def test_kinds(self, powers):
        with pytest.raises(TypeError, match="powers"):
            qconv.AmplitudeEstimation(powers)

    @pytest.mark.parametrize("powers", [((0, 0),), ((1, 5), (1, 6)), ((-1, 5),)])
    def test_numbers(self, powers):
        with pytest.raises(ValueError, match="powers"):
            qconv.AmplitudeEstimation(powers)


class TestTolerance:
    @pytest.mark.slow
    @pytest.mark.parametrize("tolerance", [0.05, 0.001, ("rms", 0.003)])
    def test_is_kept(self, tolerance):
        """The margin is small: the next cheaper schedule would exceed the tolerance."""
        image = photograph("camera")[::4, ::4]
        method = qconv.AmplitudeEstimation()
        plan = qconv.plan(image, GAUSSIAN, method=method, tolerance=tolerance, seed=1, **WRAP)
        stderr = plan.prepared.predict().stderr
        error = stderr.max()
        if isinstance(tolerance, tuple):
            error, tolerance = np.sqrt(np.mean(stderr**2)), tolerance[1]
        assert error <= tolerance
        if plan.shots > least_shots(2):
            assert error > 0.6 * tolerance

    def test_reaches_higher_powers_than_shots_do(self):
        image = photograph("camera")[::4, ::4]
        method = qconv.AmplitudeEstimation()
        result = qconv.convolve(image, GAUSSIAN, method=method, tolerance=0.0015, seed=1, **WRAP)
        assert result.oracle_calls / result.total_shots > 10
        error = result.image - classical.convolve(image, GAUSSIAN, **WRAP)
        assert np.abs(error).max() < 8 * 0.0015  # as above: guarded
        even = qconv.AmplitudeEstimation((0, 1, 2, 4, 8, 16))
        planned = [
            sum(qconv.plan(image, GAUSSIAN, method=each, tolerance=0.0015, **WRAP).executions)
            for each in (method, even)
        ]
        assert planned[1] > 2 * planned[0]

    def test_too_dear(self):
        with pytest.raises(ValueError, match=r"tolerance: needs .* more than the maximum"):
            qconv.plan(
                np.eye(8), GAUSSIAN, method=qconv.AmplitudeEstimation(), tolerance=1e-12, **WRAP
            )


def test_least_errors_by_hand():
    """From the information about the angle: its slope, and its curvature at both ends."""
    schedule = scheduled(((0, 3), (2, 5)), 8)
    information = 4 * (3 * 1**2 + 5 * 5**2)
    assert schedule.information == information
    found = _least(schedule, np.array([0.0, 0.25, 0.5, 1.0]))
    expected = [3 / information**2, 0.75 / information + 0.75 / information**2]
    expected += [1 / information, 3 / information**2]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
