"""The fitted rate of convergence."""

import dataclasses

import numpy as np
import pytest

from classical import compare, convergence, convolve, stochastic_convolve


def test_an_exact_power_law():
    fit = convergence([1, 4, 16, 64], [8, 4, 2, 1])
    assert fit.rate == pytest.approx(-0.5)
    assert fit.prefactor == pytest.approx(8)
    assert fit.rate_stderr == pytest.approx(0, abs=1e-12)
    assert fit.points == 4
    assert str(fit).startswith("error = 8 * shots^(-0.5000 +- ")


def test_equals_linear_regression():
    rng = np.random.default_rng(1)
    shots = rng.integers(1, 1000, 12)
    errors = rng.random(12)
    fit = convergence(shots, errors)
    line, covariance = np.polyfit(np.log(shots), np.log(errors), 1, cov=True)
    assert fit.rate == pytest.approx(line[0])
    assert fit.rate_stderr == pytest.approx(np.sqrt(covariance[0, 0]))
    assert fit.prefactor == pytest.approx(np.exp(line[1]))


def test_sampling_converges_as_one_over_the_root():
    image = np.random.default_rng(2).random((64, 64))
    kernel = np.ones((3, 3)) / 9
    exact = convolve(image, kernel)
    shots = [1, 4, 16, 64, 256, 1024]
    samples = [stochastic_convolve(image, kernel, shots=n, seed=n) for n in shots]
    fit = convergence(shots, [compare(s, exact).rmse for s in samples])
    # log RMSE has the standard deviation sqrt(V / n) / 2 for n pixels, with V < 4 the variance of
    # z^2. Six of these are a false alarm in 2e-9; with 4356 pixels the distribution is normal.
    spread = np.sqrt(np.sum((np.log(shots) - np.mean(np.log(shots))) ** 2))
    assert abs(fit.rate + 0.5) < 6 * np.sqrt(4 / exact.size) / 2 / spread


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        convergence([1, 2, 3], [1, 2, 3]).rate = 0


@pytest.mark.parametrize(
    ("shots", "errors", "error", "message"),
    [
        ([1, 2], [1, 2], ValueError, r"shots: expected at least 3 values along one axis, got"),
        ([1, 2, 3], [1, 2], ValueError, "errors: expected at least 3 values along one axis"),
        ([1, 2, 3], [1, 2, 3, 4], ValueError, r"errors: expected the shape of shots, \(3,\), got"),
        ([[1, 2, 3]], [1, 2, 3], ValueError, "shots: expected at least 3 values along one axis"),
        ([5, 5, 5], [1, 2, 3], ValueError, "shots: expected at least 2 different numbers"),
        ([0, 1, 2], [1, 2, 3], ValueError, "shots: expected positive values, got 0.0"),
        ([1, 2, 3], [1, 0, 3], ValueError, "errors: expected positive values, got 0.0"),
        ([1, 2, 3], [1, np.nan, 3], ValueError, "errors: expected finite numbers"),
        ([1, 2, 3], [1j, 2, 3], TypeError, "errors: expected real numbers"),
    ],
)
def test_errors_name_the_argument(shots, errors, error, message):
    with pytest.raises(error, match=message):
        convergence(shots, errors)
