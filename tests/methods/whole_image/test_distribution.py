"""Whole-image methods with shots: distribution, standard errors, success probability.

If all pixels expect the same counts (a repeated constant image), the mean and the standard
deviation of ``z**2`` follow from Poisson's distribution by summation, also for small counts. A mean
over 4096 such pixels is compared within 6.5 of its standard deviations. A false alarm has a
probability of 1e-9 or less, if the tail is that of a bounded sum of this many, for each of the 33
comparisons of this kind.
"""

import math

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from scipy import stats

import classical
import qconv
from qconv.methods.mixture import CountMixture, root_variance
from tests.cases import BOUNDARIES, EDGE
from tests.chance import assert_distribution, mean_square_tolerance

GAUSSIAN, SHARPEN = qconv.named_kernel("gaussian"), qconv.named_kernel("sharpen")
SIGMAS = 6.5

SIGNED = [qconv.Diffusion(), qconv.Interference(), qconv.Fourier()]
MAGNITUDES = [qconv.Interference(signed=False), qconv.Fourier(signed=False)]
WRAP = {"mode": "same", "boundary": "wrap"}


def run(image, kernel, method, shots, seed=1, **how):
    return qconv.convolve(image, kernel, method=method, shots=shots, seed=seed, **{**WRAP, **how})


def exact(image, kernel):
    return classical.convolve(image, kernel, **WRAP)


def chances(mean):
    """Return the relevant counts, and the Poisson probability of each."""
    counts = np.arange(stats.poisson.isf(1e-14, mean) + 2)
    return counts, stats.poisson.pmf(counts, mean)


class TestStandardErrors:
    """Counts of one weight, and of two weights of opposite sign."""

    @pytest.mark.parametrize("shots", [1, 2, 5, 20, 40, 200])
    @pytest.mark.parametrize(
        ("method", "kernel", "shares"),
        [
            (qconv.Diffusion(), GAUSSIAN, (1.0, 0.0)),
            (qconv.Diffusion(), EDGE, (0.5, 0.5)),
            # a sum of 1 from magnitudes of 9: (1 +- 1/9)**2 / 4
            (qconv.Interference(), SHARPEN, ((10 / 9) ** 2 / 4, (8 / 9) ** 2 / 4)),
            # the largest magnitude of the transfer function is 9, at the highest frequency
            (qconv.Fourier(), SHARPEN, ((10 / 9) ** 2 / 4, (8 / 9) ** 2 / 4)),
            (qconv.Interference(), GAUSSIAN, (1.0, 0.0)),
        ],
        ids=str,
    )
    def test_mean_of_squares(self, method, kernel, shares, shots):
        image = np.full((64, 64), 3.25)
        result = run(image, kernel, method, shots)
        expected = exact(image, kernel)
        assert (result.stderr > 0).all()
        z = (result.image - expected) / result.stderr
        counts = shots * sum(shares)  # the kurtosis of a Poisson variable is 3 + 1 / mean
        tolerance = SIGMAS * math.sqrt((2 + 1 / counts) / image.size)
        assert abs(np.mean(z**2) - 1) < tolerance + (0.06 if counts < 5 else 0.03)

    @pytest.mark.parametrize("method", SIGNED, ids=str)
    @pytest.mark.parametrize("kernel", [GAUSSIAN, EDGE, SHARPEN], ids=["gaussian", "edge", "sharp"])
    def test_of_a_photograph(self, method, kernel, small_camera):
        """For counts of 20 and more, z has variance 1 within 0.05."""
        image, shots = small_camera + 20, 400
        expected = exact(image, kernel)
        result = run(image, kernel, method, shots)
        assert result.shots == shots
        assert result.total_shots == result.oracle_calls == shots * image.size
        if isinstance(method, qconv.Diffusion):
            landing = exact(image, np.abs(kernel))
            counts = shots * landing / landing.mean()
        else:
            counts = np.full(image.shape, shots / 2)  # counts of the uniform reference
        assert counts.min() >= 20
        z = (result.image - expected) / result.stderr
        moments = Poissonian(counts)
        assert abs(np.mean(z**2) - 1) < 0.02 + mean_square_tolerance(moments, 1)
        assert 0.02 + mean_square_tolerance(moments, 1) < 0.25
        # For the bias, z may be independent or have a fixed sum, which reduces the deviation.
        assert abs(z.mean()) < SIGMAS / math.sqrt(z.size)

    def test_many_runs_reach_a_variance_of_one(self, small_camera):
        """Nine times sixteen runs: the mean of z**2 is within 0.05 for 20 to 40 expected counts."""
        for method in SIGNED:
            squares = []
            for seed in range(16):
                result = run(np.full((64, 64), 1.0), SHARPEN, method, 40, seed)
                squares.append(np.mean(((result.image - 1) / result.stderr) ** 2))
            # of 65,536 squares with variance 2.2 or less
            assert abs(np.mean(squares) - 1) < 0.05
            assert SIGMAS * math.sqrt(2.2 / 65536) < 0.05

    def test_of_cells_that_share_all_particles(self):
        """Two basis states with 1/4 and 3/4: the binomial deviation, accurate to 5 %."""
        result = run(np.array([1.0, 3.0]), [1.0], SIGNED[0], 5000)
        assert result.image.sum() == pytest.approx(4)
        np.testing.assert_allclose(result.stderr, 4 * math.sqrt(3 / 16 / 10_000), rtol=0.05)

    @pytest.mark.parametrize("method", [*SIGNED, *MAGNITUDES], ids=str)
    def test_outputs_that_share_a_cell_are_correlated(self, method):
        image = np.random.default_rng(0).random((4, 4))
        assert run(image, GAUSSIAN, method, 5).independent
        repeated = run(image, GAUSSIAN, method, 5, mode="full")
        assert not repeated.independent
        assert np.array_equal(repeated.image[:2], repeated.image[4:])

    @pytest.mark.parametrize("method", MAGNITUDES, ids=str)
    @pytest.mark.parametrize("shots", [1, 4, 30])
    def test_magnitudes(self, method, shots):
        image = np.full((64, 64), 2.0)
        result = run(image, GAUSSIAN, method, shots)
        n, p = chances(shots)
        mean = float(p @ np.sqrt(n / shots))
        spread = math.sqrt(float(p @ (n / shots)) - mean**2)
        tolerance = SIGMAS * spread / 64
        assert abs(result.image.mean() / 2 - mean) < tolerance
        unit = 2 / math.sqrt(shots)
        counted = np.rint(np.square(result.image / unit))
        assert np.array_equal(result.diagnostics.counts, counted)
        np.testing.assert_allclose(
            result.image, result.diagnostics.unit * np.sqrt(counted), rtol=1e-9
        )
        square_error = 2 * shots * (1 - mean)
        off = np.square(result.image / unit - math.sqrt(shots))
        fourth = float(p @ (np.sqrt(n) - math.sqrt(shots)) ** 4)
        tolerance = SIGMAS * math.sqrt(fourth - square_error**2) / 64
        assert abs(off.mean() - square_error) < tolerance
        deviations = (result.image / unit - mean * math.sqrt(shots)) ** 2
        fourth = float(p @ (np.sqrt(n) - mean * math.sqrt(shots)) ** 4)
        variance = spread**2 * shots
        tolerance = SIGMAS * math.sqrt(fourth - variance**2) / 64
        assert abs(deviations.mean() - variance) < tolerance

    @pytest.mark.parametrize("mean", [0.1, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 30, 100])
    def test_root_errors(self, mean):
        """Mean square error of the square root of a Poisson count, and its stated value."""
        n = np.arange(400.0)
        p = stats.poisson.pmf(n, mean)
        true = float(p @ (np.sqrt(n) - math.sqrt(mean)) ** 2)
        assert root_variance(np.array([mean]))[0] == pytest.approx(true, rel=2e-3)
        counts = np.random.default_rng(0).poisson(mean, 20_000)
        stated = CountMixture.of(counts).root_variance(counts.astype(float))
        z2 = np.square(np.sqrt(counts) - math.sqrt(mean)) / stated
        # the kurtosis of the root's error is below 20 for means of 0.1 or more
        assert abs(z2.mean() - 1) < 0.02 + SIGMAS * math.sqrt(20 / counts.size)


class Poissonian:
    """Moments that `mean_square_tolerance` reads, for one count per pixel."""

    def __init__(self, counts):
        self.kurtosis = 3 + 1 / counts.ravel()
        self.largest = 1 / counts.ravel()


class TestDistribution:
    """Counts of particles, drawn and measured, against the probabilities that SciPy gives."""

    BACKENDS = (None, AerSimulator())

    @pytest.mark.parametrize("backend", BACKENDS, ids=["drawn", "measured"])
    @pytest.mark.parametrize("adder", ["auto", "classical"])
    @pytest.mark.parametrize("steps", [1, 2])
    def test_particles(self, backend, adder, steps):
        image = np.random.default_rng(0).integers(0, 9, (8, 8)).astype(float)
        method = qconv.Diffusion(adder=adder, steps=steps)
        result = run(image, GAUSSIAN, method, 500, backend=backend)
        counts = result.image / image.sum() * result.total_shots
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
        probabilities = classical.diffuse(image, GAUSSIAN, steps, **WRAP) / image.sum()
        assert_distribution(np.rint(counts), probabilities)

    @pytest.mark.parametrize("backend", BACKENDS, ids=["drawn", "measured"])
    @pytest.mark.parametrize("method", MAGNITUDES, ids=str)
    def test_amplitudes(self, backend, method):
        image = np.random.default_rng(1).normal(size=(8, 8))
        result = run(image, SHARPEN, method, 500, backend=backend)
        unit = 9 * np.linalg.norm(image)
        counts = (result.image / unit) ** 2 * result.total_shots
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
        probabilities = (exact(image, SHARPEN) / unit) ** 2
        lost = result.total_shots - counts.sum()
        if isinstance(method, qconv.Interference):  # Fourier's unit depends on its own lattice
            assert_distribution(
                [*np.rint(counts).ravel(), round(lost)],
                [*probabilities.ravel(), 1 - probabilities.sum()],
            )
        assert math.isclose(result.success_probability, 1 - lost / result.total_shots)

    @pytest.mark.parametrize("method", [*SIGNED, *MAGNITUDES], ids=str)
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_success_probability(self, method, boundary, small_camera):
        """Within 6.2 standard errors of a binomial of 20 million: false alarms 6e-10 each."""
        result = run(small_camera, EDGE, method, 5000, boundary=boundary)
        away = result.success_probability - result.expected_success
        assert abs(away) <= 6.2 * result.success_stderr
        assert 0 < result.success_stderr < 1e-3
        assert "predicted success" in str(result)

    @pytest.mark.slow
    @pytest.mark.parametrize("method", [SIGNED[1], SIGNED[2], *MAGNITUDES], ids=str)
    def test_error_of_the_success_probability(self, method):
        """The mean of the squared z-scores of 300 runs is 1, within 6.5 standard deviations."""
        image = np.random.default_rng(2).random((4, 4))
        squares = []
        for seed in range(300):
            result = run(image, SHARPEN, method, 50, seed)
            away = result.success_probability - result.expected_success
            squares.append((away / result.success_stderr) ** 2)
        assert abs(np.mean(squares) - 1) < SIGMAS * math.sqrt(2 / 300)

    def test_success_of_published_circuits_is_surpassed(self, camera):
        """Jeng et al., Entropy 25, 1503 (2023): 0.496 and 0.00012 for a photograph of 256 x 256."""
        for name, published in (("gaussian", 0.496), ("laplacian", 0.00012)):
            result = run(camera, qconv.named_kernel(name), MAGNITUDES[0], 100)
            assert result.success_probability > published
            assert result.expected_success > 1.9 * published


class TestSeeds:
    @pytest.mark.slow
    @pytest.mark.parametrize("method", [*SIGNED, *MAGNITUDES], ids=str)
    @pytest.mark.parametrize("backend", [None, AerSimulator()], ids=["drawn", "measured"])
    def test_same_bytes_on_any_number_of_threads(self, method, backend, monkeypatch):
        image = np.random.default_rng(3).random((128, 129))  # several blocks of random numbers
        seen = set()
        for threads in "123" if backend is None else "13":
            monkeypatch.setenv("QCONV_NUM_THREADS", threads)
            result = run(image, SHARPEN, method, 2, backend=backend)
            seen.add(result.image.tobytes() + result.stderr.tobytes())
        assert len(seen) == 1
        assert run(image, SHARPEN, method, 2, seed=2).image.tobytes() not in seen

    def test_blocks_have_random_numbers_of_their_own(self):
        """Errors of four blocks of 16,384 basis states are uncorrelated."""
        errors = run(np.ones((256, 256)), GAUSSIAN, SIGNED[0], 30).image.reshape(4, -1)
        off = np.abs(np.corrcoef(errors) - np.eye(4)).max()
        assert off < SIGMAS / math.sqrt(errors.shape[1])

    @pytest.mark.parametrize("method", SIGNED, ids=str)
    def test_results_add_up(self, method, small_camera):
        parts = [run(small_camera, SHARPEN, method, shots, shots) for shots in (100, 300)]
        both = parts[0] + parts[1]
        assert both.shots == 400
        assert both.total_shots == 400 * small_camera.size
        mean = (parts[0].image + 3 * parts[1].image) / 4
        np.testing.assert_allclose(both.image, mean, atol=1e-9)
        assert both.expected_success == parts[0].expected_success
        assert both.success_stderr <= 1.1 * min(part.success_stderr for part in parts)
        with pytest.raises(ValueError, match="the two results have the same seed"):
            parts[0] + run(small_camera, SHARPEN, method, 100, 100)
        with pytest.raises(ValueError, match="only results of the same image"):
            parts[0] + run(small_camera, EDGE, method, 100, 101)

    def test_magnitudes_and_signs_do_not_mix(self, small_camera):
        one = run(small_camera, EDGE, qconv.Interference(), 10)
        with pytest.raises(ValueError, match="only results of the same"):
            one + run(small_camera, EDGE, qconv.Interference(signed=False), 10, 2)

    def test_a_million_million_shots(self, small_camera):
        """The error falls with the number of shots up to very large numbers."""
        expected = exact(small_camera, EDGE)
        for method in SIGNED:
            result = run(small_camera, EDGE, method, 10**12)
            z = (result.image - expected) / result.stderr
            assert result.stderr.max() < 0.01
            assert abs(np.mean(z**2) - 1) < SIGMAS * math.sqrt(2 / z.size)


@pytest.mark.parametrize("kernel", [[[1.0, -3.0, 2.0]], [[0.1, 0.7, 0.3]]], ids=["signs", "blur"])
@pytest.mark.parametrize("method", SIGNED, ids=str)
def test_predicted_errors_are_the_stated_ones(method, kernel):
    """With a million shots per pixel, and any weights."""
    image = np.random.default_rng(5).random((4, 8)) + 0.5
    how = {"method": method, "shots": 10**6, **WRAP}
    predicted = qconv.plan(image, kernel, **how).prepared.predict().stderr
    stated = qconv.convolve(image, kernel, seed=1, **how).stderr
    np.testing.assert_allclose(predicted, stated, rtol=0.02)
