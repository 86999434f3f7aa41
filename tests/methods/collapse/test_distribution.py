"""The distribution of measured numbers: positions, their independence, and errors.

The false-alarm rate of each assertion is `tests.chance.ALARM`, unless a test states its own.
"""

import math

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from scipy import stats

import classical
import qconv
from tests.cases import EDGE
from tests.chance import (
    ALARM,
    Moments,
    assert_distribution,
    assert_honest,
    assert_same_distribution,
    baseline_samples,
    drawn_counts,
    drawn_positions,
    frequency_tolerance,
    labels,
    mean_square_tolerance,
    window_samples,
)

#: Source of the shots: Born probabilities, or measured counts that are split.
PATHS = pytest.mark.parametrize("path", ["born", "measured"])

#: Nine probabilities, all different.
P = np.array([3, 1, 4, 2, 9, 5, 8, 6, 7.0])
P = (P / P.sum()).reshape(3, 3)
PLAIN = qconv.Collapse()

#: Kernels of all kinds: blurs, edges, directions, and one with a dominant entry.
KERNELS = ("box", "gaussian", "edge", "laplacian", "sharpen", "sobel-x", "sobel-y", "emboss")


def draw(image, propagator, shots, seed, path, **how):
    backend = AerSimulator() if path == "measured" else None
    return qconv.correlate(
        image,
        propagator,
        shots=shots,
        seed=seed,
        backend=backend,
        mode="same",
        boundary="wrap",
        **{"method": PLAIN} | how,
    )


def weightless(p):
    """A propagator whose samples are the pixels themselves."""
    return qconv.Propagator(p, np.ones_like(p))


class TestOneShot:
    """With one shot, an image of labels shows the position that each pixel drew."""

    @staticmethod
    def positions(path, seed=1, shape=(150, 150), **how):
        result = draw(labels(*shape), weightless(P), 1, seed, path, **how)
        return drawn_positions(result.image)

    @PATHS
    def test_positions_follow_the_propagator(self, path):
        drawn = self.positions(path)
        assert_distribution(np.bincount(drawn.ravel(), minlength=9), P)

    @PATHS
    def test_everywhere_alike(self, path):
        drawn = self.positions(path)
        for row in range(3):
            for column in range(3):
                assert_distribution(np.bincount(drawn[row::3, column::3].ravel(), minlength=9), P)
        for tile in qconv.grid.plan_grid(drawn.shape, (1, 1)).tiles:
            assert_distribution(np.bincount(drawn[tile].ravel(), minlength=9), P)

    def test_both_paths_have_the_same_distribution(self):
        one, other = (self.positions(path) for path in ("born", "measured"))
        assert_same_distribution(np.bincount(one.ravel()), np.bincount(other.ravel()))
        assert not np.array_equal(one, other)

    @PATHS
    def test_neighbours_are_independent(self, path):
        drawn = self.positions(path, shape=(300, 300))
        pairs = {
            "right": (drawn[:, 0::2], drawn[:, 1::2]),
            "below": (drawn[0::2], drawn[1::2]),
            "next tile": (drawn[:150], drawn[150:]),
        }
        for one, other in pairs.values():
            joint = np.bincount((9 * one + other).ravel(), minlength=81)
            assert_distribution(joint, np.outer(P, P))
        # The same as a bound on the covariance of the pixels' samples, by Hoeffding's inequality.
        x = drawn - (P.ravel() @ np.arange(9))
        products = x[:, 0::2] * x[:, 1::2]
        reach = 64 * math.sqrt(2 * math.log(2 / ALARM) / products.size)
        assert abs(products.mean()) < reach

    @PATHS
    def test_seeds_are_independent(self, path):
        one, other = self.positions(path, seed=1), self.positions(path, seed=2)
        assert_distribution(np.bincount((9 * one + other).ravel(), minlength=81), np.outer(P, P))

    @PATHS
    def test_shared_shots_are_the_same_everywhere(self, path):
        seen = []
        for seed in range(25):
            drawn = self.positions(
                path, seed=seed, shape=(6, 6), method=qconv.Collapse(shared=True)
            )
            assert np.ptp(drawn) == 0
            seen.append(drawn[0, 0])
        assert_distribution(np.bincount(seen, minlength=9), P)
        assert len(set(seen)) > 1


class TestManyShots:
    """With powers of a base as pixels, the mean shows how often each position was drawn."""

    @staticmethod
    def counts(path, shots, seed=2, size=60):
        image = (shots + 1.0) ** labels(size, size)
        result = draw(image, weightless(P), shots, seed, path)
        return drawn_counts(result.image, shots).reshape(9, -1)

    @PATHS
    @pytest.mark.parametrize("shots", [2, 8, 9, 10, 30])  # fewer than positions: one draw per shot
    def test_counts_are_multinomial(self, path, shots):
        counts = self.counts(path, shots)
        assert (counts.sum(axis=0) == shots).all()
        for j, p in enumerate(P.ravel()):
            seen = np.bincount(counts[j], minlength=shots + 1)
            assert_distribution(seen, stats.binom.pmf(np.arange(shots + 1), shots, p))
        # Two positions jointly: one shot cannot be at both.
        a, b = (4, 6)
        seen = np.bincount((shots + 1) * counts[a] + counts[b], minlength=(shots + 1) ** 2)
        grid = np.array([(i, j, shots - i - j) for i in range(shots + 1) for j in range(shots + 1)])
        pair = [P.flat[a], P.flat[b], 1 - P.flat[a] - P.flat[b]]
        distribution = np.where(
            grid[:, 2] >= 0, stats.multinomial.pmf(np.maximum(grid, 0), shots, pair), 0
        )
        assert_distribution(seen, distribution)

    @pytest.mark.parametrize("shots", [8, 9])
    def test_both_paths_have_the_same_distribution(self, shots):
        one, other = (self.counts(path, shots) for path in ("born", "measured"))
        for j in range(9):
            assert_same_distribution(
                *(np.bincount(c[j], minlength=shots + 1) for c in (one, other))
            )

    @PATHS
    def test_few_shots_and_counts_agree(self, path):
        # The sum of 3 pixels of 3 shots each (one draw per shot) is distributed as one pixel of 9
        # shots (counts).
        few, many = self.counts(path, 3), self.counts(path, 9)
        few = few.reshape(9, -1, 3).sum(axis=2)
        for j in range(9):
            assert_same_distribution(
                np.bincount(few[j], minlength=10), np.bincount(many[j], minlength=10)
            )

    @PATHS
    def test_every_pixel_by_itself(self, path):
        # Few pixels with many shots: the joint distribution of the counts of three positions.
        shots, p = 20_000, np.array([0.2, 0.5, 0.3])
        image = np.tile([1.0, shots + 1, (shots + 1) ** 2], 5)
        result = draw(image, weightless(p), shots, 3, path)
        rest = np.rint(result.image * shots).astype(np.int64)
        seen = np.empty((3, 15), dtype=int)
        for number in range(3):
            seen[(number - np.arange(15) + 1) % 3, np.arange(15)] = rest % (shots + 1)
            rest //= shots + 1
        assert (seen.sum(axis=0) == shots).all()
        for pixel in range(15):
            assert_distribution(seen[:, pixel], p)
        assert len(np.unique(seen, axis=1).T) == 15

    def test_every_pixel_by_itself_in_both_paths(self):
        shots, p = 20_000, np.array([0.2, 0.5, 0.3])
        image = np.tile([1.0, 0, 0], 5)
        one, other = (
            np.rint(draw(image, weightless(p), shots, 4, path).image * shots).astype(int)
            for path in ("born", "measured")
        )
        for a, b in zip(one, other, strict=True):
            assert_same_distribution([a, shots - a], [b, shots - b])


class TestThirtySeventy:
    """The smallest case: 30 % of the particles stay, and 70 % move."""

    @PATHS
    @pytest.mark.parametrize("shared", [False, True])
    def test_counts(self, path, shared):
        shots = 100_000
        backend = AerSimulator() if path == "measured" else None
        result = qconv.convolve(
            [1.0], [0.3, 0.7], shots=shots, seed=5, backend=backend, method=qconv.Collapse(shared)
        )
        here, there = np.rint(result.image * shots)
        assert_distribution([here, shots - here], [0.3, 0.7])
        assert_distribution([shots - there, there], [0.3, 0.7])
        if shared:
            assert here + there == shots
        np.testing.assert_allclose(result.stderr, math.sqrt(0.21 / shots), rtol=0.02)

    def test_the_circuit_is_one_qubit(self):
        result = qconv.convolve([1.0], [0.3, 0.7], method=PLAIN, shots=None)
        assert result.circuits[0].num_qubits == 1
        np.testing.assert_allclose(result.image, [0.3, 0.7], rtol=1e-14)

    def test_one_shot_is_all_or_nothing(self):
        image = qconv.convolve(np.ones(1), [0.3, 0.7], method=PLAIN, shots=1, seed=6).image
        assert set(image) <= {0.0, 1.0}


@pytest.mark.parametrize("baseline", [False, True], ids=["plain", "baseline"])
@pytest.mark.parametrize("name", ["identity", *KERNELS])
class TestStandardErrors:
    @pytest.mark.parametrize("shots", [1, 3, 30, 1000])
    def test_mean_square_z(self, small_camera, name, baseline, shots):
        kernel = qconv.named_kernel(name)
        samples = baseline_samples if baseline and name != "identity" else window_samples
        result = qconv.convolve(
            small_camera,
            kernel,
            shots=shots,
            seed=11,
            mode="same",
            boundary="symm",
            method=qconv.Collapse(baseline=baseline),
        )
        moments = Moments(*samples(small_camera, kernel))
        shift = result.image - small_camera * kernel.sum()
        if baseline and name != "identity":  # its samples are differences from the centre
            result = Estimate(shift, result.stderr)
        assert_honest(result, moments, shots)

    def test_measured(self, small_camera, name, baseline):
        kernel, shots = qconv.named_kernel(name), 30
        samples = baseline_samples if baseline and name != "identity" else window_samples
        result = qconv.convolve(
            small_camera,
            kernel,
            shots=shots,
            seed=12,
            mode="same",
            boundary="symm",
            backend=AerSimulator(),
            method=qconv.Collapse(baseline=baseline),
        )
        samples, p = samples(small_camera, kernel)
        # The variance sum q (s - mean)**2 - (sum q (s - mean))**2 has a relative error of at most r
        # + r**2 if no frequency q differs from p by more than r p.
        r = frequency_tolerance(p, shots * small_camera.size)
        if baseline and name != "identity":
            result = Estimate(result.image - small_camera * kernel.sum(), result.stderr)
        assert_honest(result, Moments(samples, p), shots, stderr_rtol=r + r**2)


class Estimate:
    """An image and its standard error."""

    def __init__(self, image, stderr):
        self.image, self.stderr = image, stderr


class TestShared:
    @PATHS
    def test_each_pixel_over_many_seeds(self, path):
        image, shots = np.random.default_rng(0).random((4, 5)), 40
        seeds = 800 if path == "born" else 40
        moments = Moments(*window_samples(image, EDGE, "wrap"))
        z = []
        for seed in range(seeds):
            how = {"method": qconv.Collapse(shared=True), "shots": shots, "seed": seed}
            how |= {"backend": AerSimulator()} if path == "measured" else {}
            result = qconv.convolve(image, EDGE, mode="same", boundary="wrap", **how)
            assert result.total_shots == shots
            assert not result.independent
            z.append((result.image.ravel() - moments.mean) / np.sqrt(moments.variance / shots))
        # Seeds are independent, but the pixels of one seed are not. One assertion per pixel.
        for pixel in range(image.size):
            one = Moments.__new__(Moments)
            one.kurtosis = np.full(seeds, moments.kurtosis[pixel])
            one.largest = np.full(seeds, moments.largest[pixel])
            tolerance = mean_square_tolerance(one, shots)
            assert abs(np.mean(np.square(z)[:, pixel]) - 1) < tolerance

    def test_standard_error_is_that_of_separate_shots(self, small_camera):
        how = {"shots": 30, "seed": 1, "mode": "same"}
        shared = qconv.convolve(small_camera, EDGE, method=qconv.Collapse(shared=True), **how)
        separate = qconv.convolve(small_camera, EDGE, method=PLAIN, **how)
        assert np.array_equal(shared.stderr, separate.stderr)
        assert shared.total_shots * small_camera.size == separate.total_shots

    def test_is_the_convolution_with_one_measured_kernel(self, small_camera):
        from scipy import signal

        how = {"method": qconv.Collapse(shared=True), "shots": 30, "seed": 1}
        dot = qconv.convolve([[1.0]], EDGE, **how).image  # equals the measured kernel
        result = qconv.convolve(small_camera, EDGE, **how)
        np.testing.assert_allclose(result.image, signal.convolve2d(small_camera, dot), atol=1e-9)
        counts = np.abs(dot) / 16 * 30
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-12)


class TestPhotograph:
    """Goals for 256 x 256 pixels."""

    @pytest.mark.parametrize("name", KERNELS)
    def test_rmse_is_as_predicted(self, camera, name):
        # Within 2 %. The square of the ratio is a weighted mean of 65,536 squared z-scores of known
        # variance V, close to chi-square with 2 / V degrees of freedom. For a blur, few pixels (the
        # outlines) dominate the variance, so one run deviates by 0.9 %; enough runs are pooled for
        # false alarms below 5e-8 per kernel.
        kernel, shots = qconv.named_kernel(name), 1000
        moments = Moments(*window_samples(camera, kernel))
        weights = moments.variance[moments.noisy] / moments.variance.sum()
        freedom = 2 / np.sum(weights**2 * (2 + (moments.kurtosis - 3) / shots))
        runs = math.ceil(40_000 / freedom)
        distribution = stats.chi2(runs * freedom)
        assert (
            distribution.cdf(0.98**2 * runs * freedom) + distribution.sf(1.02**2 * runs * freedom)
            < 5e-8
        )
        where = {"mode": "same", "boundary": "symm"}
        exact = classical.convolve(camera, kernel, **where)
        squares = []
        for seed in range(runs):
            result = qconv.convolve(camera, kernel, method=PLAIN, shots=shots, seed=seed, **where)
            report = classical.compare(result, exact)
            squares.append((report.rmse / report.predicted_rmse) ** 2)
        assert abs(math.sqrt(np.mean(squares)) - 1) < 0.02

    def test_identity_is_exact(self, camera):
        for method in (PLAIN, qconv.Collapse(baseline=True)):
            how = {"mode": "same", "seed": 1, "method": method}
            result = qconv.convolve(camera, qconv.named_kernel("identity"), **how)
            assert np.array_equal(result.image, camera)
            assert (result.stderr == 0).all()

    def test_intervals_cover(self, camera):
        # For a box with at least 111 expected shots per position, samples are nearly normal. False
        # alarm: 2 P(Binomial(65536, 0.95) is 0.5 % off) = 4e-9.
        kernel = qconv.named_kernel("box")
        how = {"shots": 1000, "seed": 3, "mode": "same", "boundary": "symm", "method": PLAIN}
        result = qconv.convolve(camera, kernel, **how)
        exact = classical.convolve(camera, kernel, mode="same", boundary="symm")
        low, high = result.interval(0.95)
        covered = float(np.mean((low <= exact) & (exact <= high)))
        assert stats.binom.sf(int(0.955 * camera.size), camera.size, 0.95) < 4e-9
        assert abs(covered - 0.95) < 0.005

    def test_baseline_reduces_the_variance(self, camera):
        where = {"shots": 100, "seed": 1, "mode": "same", "boundary": "symm"}
        plain = qconv.convolve(camera, EDGE, method=PLAIN, **where)
        better = qconv.convolve(camera, EDGE, method=qconv.Collapse(baseline=True), **where)
        assert np.mean(plain.stderr**2) >= 300 * np.mean(better.stderr**2)

    def test_error_falls_as_one_over_the_square_root(self, camera):
        kernel = qconv.named_kernel("gaussian")
        where = {"mode": "same", "boundary": "symm"}
        exact = classical.convolve(camera, kernel, **where)
        moments = Moments(*window_samples(camera, kernel))
        weights = moments.variance[moments.noisy]
        shots = 4 ** np.arange(7)
        errors, tolerances = [], []
        for seed, n in enumerate(shots):
            how = where | {"shots": int(n), "seed": seed, "method": PLAIN}
            result = qconv.convolve(camera, kernel, **how)
            errors.append(classical.compare(result, exact).rmse)
            tolerances.append(mean_square_tolerance(moments, n, weights))
        fit = classical.convergence(shots, errors)
        # The slope is a weighted sum of log errors, each within its tolerance.
        x = np.log(shots) - np.log(shots).mean()
        reach = np.abs(x / (x @ x)) @ (-np.log1p(-np.array(tolerances)) / 2)
        assert reach < 0.03
        assert abs(fit.rate + 0.5) < reach
        predicted = math.sqrt(moments.variance.mean())
        log_reach = np.mean(-np.log1p(-np.array(tolerances)) / 2) + reach * np.log(shots).mean()
        assert abs(math.log(fit.prefactor / predicted)) < log_reach
