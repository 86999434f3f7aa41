"""Tests of the statistical checks: honest numbers pass, dishonest numbers do not."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import signal, stats

from tests import chance
from tests.cases import EDGE

P = np.array([0.5, 0.3, 0.15, 0.05])


class TestDistribution:
    @pytest.mark.parametrize("n", [1, 10, 1000, 10**6])
    def test_honest_counts_pass(self, n):
        chance.assert_distribution(np.random.default_rng(n).multinomial(n, P), P)

    def test_slightly_wrong_counts_do_not(self):
        counts = np.random.default_rng(0).multinomial(10**6, [0.496, 0.304, 0.15, 0.05])
        with pytest.raises(AssertionError, match="contradict"):
            chance.assert_distribution(counts, P)

    def test_too_good_an_agreement_is_not_an_alarm(self):
        chance.assert_distribution(P * 10**6, P)

    def test_an_impossible_outcome_does_not_pass(self):
        with pytest.raises(AssertionError, match="contradict"):
            chance.assert_distribution([1, 10**6], [0, 1])

    def test_a_certain_outcome_passes(self):
        chance.assert_distribution([0, 10**6], [0, 1])

    def test_bound_is_a_bound(self):
        # With two outcomes, the probability of a deviation at least as large is computed exactly.
        n, p = 60, 0.3
        chances = stats.binom.pmf(np.arange(n + 1), n, p)
        bounds = np.array([chance.distribution_bound([k, n - k], [p, 1 - p]) for k in range(n + 1)])
        for bound in bounds:
            assert chances[bounds <= bound].sum() <= bound * (1 + 1e-9)

    def test_bound_is_not_far_from_chi_square(self):
        # At the false-alarm rate, the deviation is at most 20 % larger than the asymptotic one.
        n, p = 10**6, 0.5
        limit = stats.norm.isf(chance.ALARM / 2) * np.sqrt(n * p * (1 - p))
        inside, outside = int(n * p + 0.99 * limit), int(n * p + 1.2 * limit)
        assert chance.distribution_bound([inside, n - inside], [p, 1 - p]) > chance.ALARM
        assert chance.distribution_bound([outside, n - outside], [p, 1 - p]) < chance.ALARM

    def test_probabilities_that_do_not_sum_to_one_are_a_mistake(self):
        with pytest.raises(AssertionError):
            chance.assert_distribution([1, 1], [0.5, 0.4])


class TestSameDistribution:
    def test_same(self):
        rng = np.random.default_rng(1)
        chance.assert_same_distribution(rng.multinomial(10**5, P), rng.multinomial(3 * 10**5, P))

    def test_different(self):
        rng = np.random.default_rng(1)
        other = rng.multinomial(10**5, [0.48, 0.32, 0.15, 0.05])
        with pytest.raises(AssertionError, match="differ"):
            chance.assert_same_distribution(rng.multinomial(10**5, P), other)

    def test_rare_outcomes_count_together(self):
        with pytest.raises(AssertionError, match="differ"):
            chance.assert_same_distribution([10**5] + [0] * 40, [10**5 - 400] + [10] * 40)

    def test_too_few_draws_are_a_mistake(self):
        with pytest.raises(AssertionError, match="too few"):
            chance.assert_same_distribution([3, 4], [4, 3])


class TestSamples:
    def test_mean_is_the_convolution(self):
        image = np.random.default_rng(2).random((9, 8))
        kernel = np.arange(15.0).reshape(3, 5) - 6
        samples, p = chance.window_samples(image, kernel)
        exact = signal.convolve2d(image, kernel, mode="same", boundary="symm").ravel()
        np.testing.assert_allclose(p @ samples, exact)
        differences, q = chance.baseline_samples(image, kernel)
        np.testing.assert_allclose(q @ differences + kernel.sum() * image.ravel(), exact)

    def test_moments_of_a_coin(self):
        moments = chance.Moments(np.array([[0.0, 1], [4, 1]]), np.array([0.5, 0.5]))
        assert moments.mean.tolist() == [2, 1]
        assert moments.variance.tolist() == [4, 0]
        assert moments.noisy.tolist() == [True, False]
        assert moments.kurtosis.tolist() == [1]
        assert moments.largest.tolist() == [1]


class TestHonest:
    @staticmethod
    def estimate(shots, *, error=1.0, claim=1.0, offset=0.0, seed=3):
        image = np.random.default_rng(seed).random((60, 50))
        samples, p = chance.window_samples(image, EDGE)
        moments = chance.Moments(samples, p)
        counts = np.random.default_rng(seed + 1).multinomial(shots, p, size=image.size).T
        mean = (counts * samples).sum(axis=0) / shots
        mean = moments.mean + error * (mean - moments.mean) + offset
        stderr = claim * np.sqrt(moments.variance / shots)
        return SimpleNamespace(image=mean, stderr=stderr), moments, shots

    @pytest.mark.parametrize("shots", [1, 3, 100])
    def test_honest_errors_pass(self, shots):
        chance.assert_honest(*self.estimate(shots))

    @pytest.mark.parametrize(
        "wrong", [{"error": 1.15}, {"error": 0.8}, {"claim": 1.01}, {"offset": 0.5}]
    )
    def test_dishonest_ones_do_not(self, wrong):
        with pytest.raises(AssertionError):
            chance.assert_honest(*self.estimate(100, **wrong))

    def test_noise_where_there_is_none_does_not(self):
        samples, p = np.ones((2, 10)), np.array([0.5, 0.5])
        result = SimpleNamespace(image=np.ones(10), stderr=np.zeros(10))
        chance.assert_honest(result, chance.Moments(samples, p), 10)
        result.image = result.image + 1e-6
        with pytest.raises(AssertionError):
            chance.assert_honest(result, chance.Moments(samples, p), 10)

    def test_tolerance_covers_what_honest_errors_do(self):
        # 200 repetitions stay well inside the tolerance for one false alarm in 1e9. The tolerance
        # is at most twice as wide as for a normal distribution.
        moments = self.estimate(3)[1]
        tolerance = chance.mean_square_tolerance(moments, 3)
        seen = []
        for seed in range(200):
            result, moments, _ = self.estimate(3, seed=seed)
            z = (result.image - moments.mean) / result.stderr
            seen.append(np.mean(z**2) - 1)
        assert np.abs(seen).max() < 0.8 * tolerance
        assert tolerance < 2 * stats.norm.isf(chance.ALARM / 2) * np.std(seen)

    def test_frequency_tolerance(self):
        p = np.array([0.9, 0.1])
        tolerance = chance.frequency_tolerance(p, 10**4)
        rng = np.random.default_rng(5)
        off = np.abs(rng.multinomial(10**4, p, size=10**4) / (p * 10**4) - 1).max()
        assert 0.4 * tolerance < off < tolerance


class TestDecoding:
    def test_positions(self):
        image = chance.labels(6, 9)
        for a in range(3):
            for b in range(3):
                seen = np.roll(image, (1 - a, 1 - b), axis=(0, 1))  # correlation with one position
                assert (chance.drawn_positions(seen) == 3 * a + b).all()

    def test_counts(self):
        shots, p = 20, np.arange(1, 10) / 45
        counts = np.random.default_rng(6).multinomial(shots, p, size=(6, 6)).transpose(2, 0, 1)
        image = (shots + 1.0) ** chance.labels(6, 6)
        views = [np.roll(image, (1 - j // 3, 1 - j % 3), axis=(0, 1)) for j in range(9)]
        mean = sum(c * v for c, v in zip(counts, views, strict=True)) / shots
        assert np.array_equal(chance.drawn_counts(mean, shots), counts)

    def test_a_mean_that_no_counts_give_is_a_mistake(self):
        with pytest.raises(AssertionError):
            chance.drawn_counts(np.full((3, 3), 0.37), 20)
        with pytest.raises(AssertionError):
            chance.drawn_positions(np.full((3, 3), 0.37))
