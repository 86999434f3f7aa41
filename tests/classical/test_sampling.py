"""The classical stochastic convolution.

Seeds are fixed. Where a test compares a statistic with a limit, an honest implementation with
another seed would fail with probability ALARM; there are fewer than 10 such tests here.
"""

import hashlib

import numpy as np
import pytest
from scipy import stats

from classical import compare, convolve, stochastic_convolve
from tests.cases import BOUNDARIES

ALARM = 1e-8
EDGE = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])


def one_shot_variance(image, kernel, **where):
    """From the definition: E[v^2] - E[v]^2."""
    total = np.abs(kernel).sum()
    second = total * convolve(image**2, np.abs(kernel), **where)
    return second - convolve(image, kernel, **where) ** 2


class TestDistribution:
    def test_thirty_seventy(self):
        pixels = 20_000
        sample = stochastic_convolve([1.0], [3, 7], shots=pixels, seed=1, mode="full")
        # Each of the two output pixels reads the only pixel through a single position.
        hits = np.rint(sample.image / 10 * pixels)
        for count, p in zip(hits, (0.3, 0.7), strict=True):
            assert stats.binomtest(int(count), pixels, p).pvalue > ALARM / 2

    def test_draws_of_a_pixel_are_multinomial(self):
        # The digits of the sum of a pixel's draws count how often each position was drawn.
        signal, p, shots = np.tile([1.0, 10, 100], 3000), np.array([0.2, 0.3, 0.5]), 3
        sample = stochastic_convolve(signal, p, shots=shots, seed=2, mode="same", boundary="wrap")
        sums = np.rint(sample.image * shots).astype(int)[1::3]
        seen = np.stack([sums // 100, sums // 10 % 10, sums % 10], axis=1)  # right, centre, left
        assert (seen.sum(axis=1) == shots).all()
        outcomes = [(a, b, shots - a - b) for a in range(4) for b in range(4 - a)]
        observed = [(seen == outcome).all(axis=1).sum() for outcome in outcomes]
        expected = stats.multinomial.pmf(outcomes, shots, p) * len(seen)
        assert stats.chisquare(observed, expected).pvalue > ALARM

    @pytest.mark.parametrize("shots", [1, 1000])
    @pytest.mark.parametrize("kernel", [EDGE, np.ones((2, 3)), [[1.0, 0, -2]]])
    def test_standard_error_is_that_of_the_definition(self, shots, kernel):
        rng = np.random.default_rng(3)
        image, kernel = rng.random((60, 50)) + 1, np.asarray(kernel)
        where = {"mode": "same", "boundary": "symm"}
        sample = stochastic_convolve(image, kernel, shots=shots, seed=4, **where)
        expected = one_shot_variance(image, kernel, **where)
        # If no frequency q_j differs from p_j by more than r * p_j, the variance sum q (v - mean)^2
        # - (sum q (v - mean))^2 has a relative error of at most r + r^2; r follows from the
        # binomial distribution.
        p = np.abs(kernel[kernel != 0]) / np.abs(kernel).sum()
        total = shots * image.size
        r = stats.norm.isf(ALARM / 2 / p.size) * np.sqrt(1 / (p.min() * total))
        tolerance = (r + r**2) * total / (total - 1) + 1 / total
        np.testing.assert_allclose(sample.stderr**2 * shots, expected, rtol=tolerance)

    @pytest.mark.parametrize("shape", [(5000,), (70, 71), (17, 18, 19)])
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("mode", ["full", "same", "valid"])
    def test_agrees_with_the_exact_result(self, shape, mode, boundary):
        rng = np.random.default_rng(5)
        image, kernel = rng.normal(size=shape), rng.normal(size=(3, 2, 4)[: len(shape)])
        where = {"mode": mode, "boundary": boundary, "fillvalue": 0.5}
        sample = stochastic_convolve(image, kernel, shots=200, seed=6, **where)
        report = compare(sample, convolve(image, kernel, **where))
        assert report.agrees, str(report)
        assert abs(report.rmse / report.predicted_rmse - 1) < 6 / np.sqrt(2 * report.pixels)


def test_kernel_larger_than_the_image():
    kernel = np.arange(1.0, 21).reshape(4, 5)
    sample = stochastic_convolve([[1.0, 2]], kernel, shots=4000, seed=7, mode="valid")
    assert sample.image.shape == (4, 4)
    exact = convolve([[1, 2]], kernel, mode="valid")
    assert (np.abs(sample.image - exact) < stats.norm.isf(ALARM / 32) * sample.stderr).all()


def test_flat_windows_have_no_noise_at_all():
    image = np.full((9, 8), 0.3)
    image[:, 5:] = 0.7
    where = {"mode": "same", "boundary": "symm"}
    sample = stochastic_convolve(image, np.ones((3, 3)) / 7, shots=10, seed=8, **where)
    flat = np.array([True] * 4 + [False] * 2 + [True] * 2)
    assert (sample.stderr[:, flat] == 0).all()
    assert (sample.stderr[:, ~flat] > 0).all()
    exact = convolve(image, np.ones((3, 3)) / 7, **where)
    np.testing.assert_allclose(sample.image[:, flat], exact[:, flat], rtol=1e-14)


def test_zeros_of_the_kernel_are_never_drawn():
    image = np.random.default_rng(9).random((6, 7))
    sample = stochastic_convolve(image, [[0, 0], [0, -2.5]], shots=1, seed=9)
    np.testing.assert_array_equal(sample.image, convolve(image, [[0, 0], [0, -2.5]]))
    np.testing.assert_array_equal(sample.stderr, np.zeros((7, 8)))


@pytest.mark.filterwarnings("ignore:overflow")
def test_kernels_of_any_size():
    # The probability of the small entry is below the smallest float64.
    for kernel in ([1e200, 1e-200], [1e-200, 1e200]):
        sample = stochastic_convolve([1.0, 2.0], kernel, shots=3, seed=9, mode="valid")
        np.testing.assert_allclose(sample.image, convolve([1, 2], kernel, mode="valid"))
        assert sample.stderr == 0
    with pytest.raises(ValueError, match="kernel: expected a finite sum of magnitudes, got inf"):
        stochastic_convolve([1.0], [1e308, 1e308])


def test_one_draw_in_all_has_no_standard_error():
    sample = stochastic_convolve([1.0, 2.0], [1.0, 1.0], shots=1, seed=10, mode="valid")
    assert sample.image[0] in (2.0, 4.0)
    assert np.isnan(sample.stderr).all()


def test_the_same_seed_repeats_and_another_does_not():
    def draw(seed):
        return stochastic_convolve(np.eye(8), EDGE, shots=5, seed=seed).image

    np.testing.assert_array_equal(draw(1), draw(np.int64(1)))
    np.testing.assert_array_equal(draw(1), draw(np.random.SeedSequence(1)))
    generator = np.random.default_rng(1)
    np.testing.assert_array_equal(draw(1), draw(generator))
    assert (draw(1) != draw(generator)).any()
    assert (draw(1) != draw(2)).any()
    assert (draw(None) != draw(None)).any()


@pytest.mark.parametrize(
    ("shots", "pinned"),
    [(3, "83ae0af1a95dd570"), (40, "a92bcb60d0d4ece3"), (5000, "c1c3fd0641cc80a3")],
)
def test_draws_are_the_same_with_every_version_of_numpy(shots, pinned):
    image = np.random.default_rng(4).integers(0, 100, (150, 120))
    kernel = [[1, -2, 1], [3, 0, 64], [1, 1, 2]]
    total = stochastic_convolve(image, kernel, shots=shots, seed=5).image * shots
    np.testing.assert_allclose(total, np.rint(total), atol=1e-6)
    digest = hashlib.blake2b(np.rint(total).astype("<i8").tobytes(), digest_size=8)
    assert digest.hexdigest() == pinned


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shots": 0}, ValueError, "shots: expected an integer >= 1, got 0"),
        ({"shots": 1.5}, TypeError, "shots: expected an integer >= 1, got 1.5"),
        ({"shots": "many"}, TypeError, "shots: expected an integer >= 1, got 'many'"),
        ({"shots": True}, TypeError, "shots: expected an integer >= 1, got True"),
        ({"seed": "x"}, TypeError, "seed: expected an integer >= 0, a SeedSequence, a Gen"),
        ({"seed": 1.0}, TypeError, "seed: expected an integer >= 0, a SeedSequence, a Gen"),
        ({"seed": -1}, ValueError, "seed: expected an integer >= 0, got -1"),
        ({"kernel": [0, 0]}, ValueError, "kernel: expected a non-zero entry, got all zeros"),
        ({"kernel": [1j]}, TypeError, "kernel: expected real numbers"),
        ({"image": [np.nan]}, ValueError, "image: expected finite numbers"),
        ({"mode": "x"}, ValueError, "mode: expected one of 'full', 'same', 'valid'"),
        ({"boundary": "x"}, ValueError, "boundary: expected one of 'fill', 'wrap'"),
        ({"fillvalue": "x"}, TypeError, "fillvalue: expected a real number"),
    ],
)
def test_errors_name_the_argument(options, error, message):
    arguments = {"image": [1.0, 2.0], "kernel": [1.0, 2.0], "shots": 3, "seed": 1, **options}
    with pytest.raises(error, match=message):
        stochastic_convolve(**arguments)
