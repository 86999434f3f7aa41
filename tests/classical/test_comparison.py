"""The comparison: it accepts honest results and detects wrong ones.

Seeds are fixed. Where a test compares a statistic with a limit, an honest implementation with
another seed would fail with probability ALARM; there are about 20 such comparisons here.
"""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special, stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from classical import compare, convolve, stochastic_convolve
from classical.verdict import FALSE_ALARM_RATE, _correlated_limit

ALARM = 1e-8
EDGE = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])
GAUSS = np.outer([1.0, 2, 1], [1, 2, 1]) / 16
SOFTMAX = np.exp(EDGE - 8) / np.exp(EDGE - 8).sum()
WHERE = {"mode": "same", "boundary": "symm"}


def texture(size):
    """A smooth random picture with values from 0 to 1."""
    rough = np.random.default_rng(0).random((size, size))
    smooth = convolve(rough, np.ones((5, 5)), **WHERE, method="fft")
    return (smooth - smooth.min()) / np.ptp(smooth)


def estimate(image, stderr, **more):
    return SimpleNamespace(image=np.asarray(image), stderr=np.asarray(stderr), **more)


def noisy(exact, sigma, seed, **more):
    """Return an unbiased estimate with normally distributed errors of equal size."""
    errors = np.random.default_rng(seed).normal(scale=sigma, size=exact.shape)
    return estimate(exact + errors, np.full(exact.shape, sigma), **more)


class TestFigures:
    def test_by_hand(self):
        exact = np.array([0.0, 10, 20, 30])
        report = compare(estimate([1, 10, 18, 30], [1, 1, 1, 1], shots=7), exact, level=0.9)
        assert report.pixels == report.noisy == 4
        assert report.shots == 7
        assert report.bias == -0.25
        assert report.bias_stderr == 0.5
        assert report.rmse == pytest.approx(math.sqrt(5 / 4))
        assert report.predicted_rmse == 1
        assert report.max_error == 2
        np.testing.assert_array_equal(report.zscores, [1, 0, -2, 0])
        assert report.coverage == 0.75  # of |z| <= 1.645
        assert report.mean_square_z == 1.25
        assert report.pvalue == pytest.approx(2 * stats.chi2.sf(5, 4))
        assert report.psnr == pytest.approx(10 * math.log10(30**2 / 1.25))
        assert math.isnan(report.ssim)

    @pytest.mark.parametrize("shape", [(40,), (7, 7), (31, 20), (9, 8, 10)])
    @pytest.mark.parametrize("span", [None, 3.0])
    def test_psnr_and_ssim_equal_scikit_image(self, shape, span):
        rng = np.random.default_rng(1)
        exact = rng.random(shape)
        image = exact + 0.1 * rng.normal(size=shape)
        report = compare(estimate(image, np.zeros(shape)), exact, data_range=span)
        used = span or np.ptp(exact)
        similarity = structural_similarity(image, exact, data_range=used)
        assert report.ssim == pytest.approx(similarity, abs=1e-9)
        ratio = peak_signal_noise_ratio(exact, image, data_range=used)
        assert report.psnr == pytest.approx(ratio, abs=1e-9)

    def test_noiseless_pixels_are_right_or_wrong(self):
        exact = np.array([1.0, 1, 1, 1, 0])
        image = [1, 1 + 1e-15, 1 + 1e-12, 1 - 1e-12, 0.5]
        report = compare(estimate(image, [0, 0, 0, 0, 1]), exact)
        np.testing.assert_array_equal(report.zscores, [0, 0, np.inf, -np.inf, 0.5])
        assert (report.noiseless, report.wrong, report.noisy) == (4, 2, 1)
        assert report.coverage == 1.0
        assert report.agrees is False
        assert "2 of 4 noiseless pixels are off by more than rounding" in report.verdict

    def test_standard_errors_lost_in_rounding_count_as_none(self):
        report = compare(estimate([1 + 4e-16, 2], [1e-17, 0]), [1.0, 2.0])
        assert report.noiseless == 2
        assert report.agrees

    def test_extreme_values_do_not_overflow(self):
        exact = np.linspace(0, 1e200, 64).reshape(8, 8)
        report = compare(estimate(exact + 1e190, np.full((8, 8), 1e190)), exact)
        assert report.rmse == pytest.approx(1e190)
        assert math.isfinite(report.ssim)
        tiny = compare(estimate([2.0, 1.0], [1e-300, 1]), [1e-310, 1.0])
        assert tiny.agrees is False


class TestCost:
    def test_error_at_equal_cost(self):
        report = compare(estimate([3, 0], [1, 1], oracle_calls=50), [0, 0])
        assert report.calls == 25
        assert report.unit_rmse == pytest.approx(5 * report.rmse)
        assert "= RMSE x square root of 25 oracle calls per pixel" in str(report)

    @pytest.mark.parametrize("more", [{}, {"oracle_calls": 0}])
    def test_without_calls(self, more):
        report = compare(estimate([3, 0], [1, 1], **more), [0, 0])
        assert report.calls is None
        assert report.unit_rmse is None
        assert "equal cost" not in str(report)

    def test_sampling_is_as_good_at_any_number_of_shots(self):
        image = texture(64)
        exact = convolve(image, EDGE, **WHERE)
        figures = []
        for shots in (10, 1000):
            sample = stochastic_convolve(image, EDGE, shots=shots, seed=2, **WHERE)
            result = estimate(sample.image, sample.stderr, oracle_calls=shots * image.size)
            figures.append(compare(result, exact).unit_rmse)
        # Each RMSE has a relative error of about 1 / sqrt(2 n): a false alarm in 10**9.
        assert abs(figures[0] / figures[1] - 1) < 6.2 / np.sqrt(image.size)


class TestCalibration:
    @pytest.mark.parametrize("kernel", [EDGE, np.ones((5, 5)) / 25], ids=["edge", "box"])
    @pytest.mark.parametrize("shots", [1000, 30, 1])
    def test_honest_results_have_uniform_pvalues(self, shots, kernel):
        image = texture(64)
        exact = convolve(image, kernel, **WHERE)
        reports = [
            compare(stochastic_convolve(image, kernel, shots=shots, seed=s, **WHERE), exact)
            for s in range(40)
        ]
        assert all(report.agrees for report in reports)
        assert stats.kstest([r.pvalue for r in reports], "uniform").pvalue > ALARM
        bias = [r.bias / r.bias_stderr for r in reports]
        assert stats.kstest(bias, "norm").pvalue > ALARM

    @pytest.mark.parametrize("size", [1, 10, 500, 3000])
    def test_normal_errors_have_uniform_pvalues(self, size):
        exact = np.linspace(0, 1, size)
        values = [compare(noisy(exact, 0.1, s), exact).pvalue for s in range(200)]
        assert stats.kstest(values, "uniform").pvalue > ALARM

    @pytest.mark.parametrize(("stated", "agrees"), [(1.01, True), (1.04, False), (0.96, False)])
    def test_standard_errors_are_right_within_two_per_cent(self, stated, agrees):
        exact = texture(512)
        sample = noisy(exact, 0.1, 5)
        report = compare(estimate(sample.image, stated * sample.stderr), exact)
        assert report.pvalue < 1e-9  # 1 % are 7 standard deviations
        assert report.agrees is agrees

    def test_coverage_is_that_of_the_level(self):
        exact = texture(256)
        for level in (0.5, 0.95, 0.99):
            report = compare(noisy(exact, 0.1, 3), exact, level=level)
            hits = round(report.coverage * report.pixels)
            assert stats.binomtest(hits, report.pixels, level).pvalue > ALARM

    @pytest.mark.parametrize("shots", [1, 3, 1000])
    def test_rarely_drawn_outcomes_do_not_raise_false_alarms(self, shots):
        # 4 of 4096 draws are not the centre: with one shot per pixel, nearly nothing is known.
        image = texture(64)
        exact = convolve(image, SOFTMAX, **WHERE)
        for seed in range(20):
            sample = stochastic_convolve(image, SOFTMAX, shots=shots, seed=seed, **WHERE)
            report = compare(sample, exact, data_range=1.0)
            assert report.agrees is not False, str(report)
            assert report.agrees or shots < 1000


class TestWrongResultsAreCaught:
    """Each deviation is so large that it is missed with a probability below ALARM."""

    image = texture(256)
    exact = convolve(image, GAUSS, **WHERE)
    sample = stochastic_convolve(image, GAUSS, shots=1000, seed=11, **WHERE)

    def verdict(self, image=None, stderr=None, **more):
        image = self.sample.image if image is None else image
        stderr = self.sample.stderr if stderr is None else stderr
        return compare(estimate(image, stderr, **more), self.exact)

    def test_the_right_one_is_not(self):
        assert self.verdict().agrees is True
        assert self.verdict(independent=False).agrees is None

    @pytest.mark.parametrize(("factor", "word"), [(0.97, "larger"), (1.03, "smaller")])
    def test_standard_error_off_by_three_percent(self, factor, word):
        report = self.verdict(stderr=factor * self.sample.stderr)
        assert report.agrees is False
        assert report.pvalue < FALSE_ALARM_RATE / 3
        assert f"errors are {word} than stated" in report.verdict

    @pytest.mark.parametrize(("few", "explained"), [(0.02, False), (0.3, True), (1.0, True)])
    def test_few_counts_explain_errors_that_are_smaller_than_stated(self, few, explained):
        """Errors larger than stated are not explained by few counts."""
        counts = np.full(1000, 20)
        counts[: round(1000 * few)] = 19
        more = {"diagnostics": SimpleNamespace(counts=counts)}
        report = self.verdict(stderr=1.03 * self.sample.stderr, **more)
        assert report.few == few
        assert report.agrees is False
        text = f"as is usual with few counts: {100 * few:.0f} % of the pixels have fewer than 20;"
        assert (text in report.verdict) is explained
        assert report.verdict.startswith("disagrees with the stated errors, not with the convol")
        larger = self.verdict(stderr=0.97 * self.sample.stderr, **more)
        assert "few counts" not in larger.verdict

    def test_no_counts(self):
        assert self.verdict().few is None

    @pytest.mark.parametrize("axis", [0, 1])
    def test_shift_by_one_pixel(self, axis):
        shifted = np.roll(self.sample.image, 1, axis)
        assert self.verdict(image=shifted).agrees is False
        assert self.verdict(image=shifted).pvalue < 1e-100

    def test_bias_of_a_tenth_of_a_standard_error(self):
        report = self.verdict(image=self.sample.image + 0.1 * self.sample.stderr)
        assert "the bias is" in report.verdict
        assert report.agrees is False

    @pytest.mark.parametrize(("part", "agrees"), [(0.012, True), (0.03, False)])
    def test_bias_of_a_small_part_of_the_standard_error(self, part, agrees):
        """For 490,000 pixels: 8 and 21 standard errors of the mean, with a tolerance of 14."""
        errors = np.random.default_rng(1).normal(size=(700, 700)) + part
        report = compare(
            estimate(errors, np.ones_like(errors)), np.zeros_like(errors), data_range=1
        )
        assert report.agrees is agrees
        assert ("the bias is" in report.verdict) is not agrees

    @pytest.mark.parametrize("size", [30, 1000, 1e6])
    def test_one_wrong_pixel(self, size):
        image = self.sample.image.copy()
        image[3, 4] += size * self.sample.stderr[3, 4]
        report = self.verdict(image=image)
        assert "one pixel is off by" in report.verdict
        assert report.agrees is False

    def test_another_kernel(self):
        other = convolve(self.image, SOFTMAX, **WHERE)
        assert compare(self.sample, other).agrees is False

    def test_gross_errors_of_correlated_results(self):
        report = self.verdict(stderr=self.sample.stderr / 8, independent=False)
        assert math.isnan(report.pvalue)
        assert report.agrees is False
        assert "times as large as stated" in report.verdict

    def test_wrong_exact_result(self):
        exact = self.exact.copy()
        exact[5, 6] += 1e-9
        report = compare(estimate(self.exact, np.zeros_like(exact)), exact)
        assert report.wrong == 1
        assert report.agrees is False


class TestEdges:
    def test_exact_results_agree_by_rounding(self):
        exact = convolve(texture(20), EDGE)
        report = compare(estimate(convolve(texture(20), EDGE, method="fft"), 0 * exact), exact)
        assert report.agrees is True
        assert math.isnan(report.pvalue)
        assert math.isnan(report.coverage)
        assert "equal at every pixel except for rounding" in str(report)

    def test_one_noisy_pixel(self):
        report = compare(estimate([1.0], [0.5]), [2.0])
        assert report.pvalue == pytest.approx(2 * stats.chi2.sf(4, 1))
        assert report.agrees
        assert "nominal false-alarm rate" in str(report)

    def test_unknown_standard_errors_are_said(self):
        report = compare(stochastic_convolve([1.0, 2], [1, 1], shots=1, seed=1, mode="valid"), [3])
        assert report.unknown == 1
        assert report.agrees is None
        assert math.isnan(report.bias_stderr)
        assert "the standard error is unknown at 1 of 1 pixels" in str(report)

    def test_correlated_errors_have_no_pvalue_and_the_table_says_why(self):
        exact = np.linspace(0, 1, 10)
        report = compare(noisy(exact, 0.1, 5, independent=False), exact)
        assert math.isnan(report.pvalue)
        assert math.isnan(report.bias_stderr)
        assert "not available: errors of different pixels are correlated" in str(report)

    def test_constant_image(self):
        report = compare(estimate(np.ones((8, 8)), np.ones((8, 8))), np.ones((8, 8)))
        assert math.isnan(report.psnr)
        assert math.isnan(report.ssim)
        assert str(report)

    def test_a_stack_of_few_slices_has_no_ssim_and_the_table_says_why(self):
        stack = np.random.default_rng(1).random((4, 16, 16))
        report = compare(noisy(stack, 0.1, 5), stack)
        assert math.isnan(report.ssim)
        assert "an axis of fewer than 7 pixels" in str(report)

    def test_one_shot_of_a_flat_picture_by_a_signed_kernel(self):
        # |z| is constant, so the sample variance of z^2 is 0.
        image = np.full((64, 64), 0.3)
        sample = stochastic_convolve(image, EDGE, shots=1, seed=2, **WHERE)
        assert compare(sample, convolve(image, EDGE, **WHERE)).agrees

    def test_table_lines_up(self):
        lines = str(compare(noisy(texture(20), 0.1, 6, shots=100), texture(20))).splitlines()
        assert lines[0].startswith("pixels  ")
        assert lines[-1].startswith("verdict")
        assert "agrees with the exact convolution" in lines[-1]
        assert "false-alarm rate 1e-06" in lines[-1]
        column = lines[0].index("400")
        assert all(line[column - 1] == " " and line[column] != " " for line in lines)

    def test_bound_for_correlated_errors(self):
        t = _correlated_limit(1e-6)
        assert math.sqrt(t) * math.exp((1 - t) / 2) == pytest.approx(1e-6)
        assert stats.chi2.sf(t, 1) < 1e-6


ONE = estimate([1.0], [1.0])


@pytest.mark.parametrize(
    ("result", "exact", "options", "error", "message"),
    [
        (3, [1.0], {}, TypeError, "result: expected an object with .image and .stderr, got int"),
        (ONE, [1.0, 2], {}, ValueError, r"result.image: expected the shape of exact, \(2,\), got"),
        (estimate([1], [1, 2]), [1], {}, ValueError, "result.stderr: expected the shape of exact"),
        (estimate([np.nan], [1]), [1], {}, ValueError, "result.image: expected finite numbers"),
        (estimate([1j], [1]), [1], {}, TypeError, "result.image: expected real numbers"),
        (estimate([1], [-1]), [1], {}, ValueError, "result.stderr: expected finite values of at"),
        (estimate([1], [np.inf]), [1], {}, ValueError, "result.stderr: expected finite values"),
        (ONE, [np.inf], {}, ValueError, "exact: expected finite numbers, got 1 that are NaN"),
        (ONE, [], {}, ValueError, "exact: expected at least one entry"),
        (ONE, [1], {"level": 1}, ValueError, "level: expected a number between 0 and 1, got 1"),
        (ONE, [1], {"level": "x"}, TypeError, "level: expected a real number, got 'x'"),
        (ONE, [1], {"data_range": 0}, ValueError, "data_range: expected a number > 0, got 0"),
    ],
)
def test_errors_name_the_argument(result, exact, options, error, message):
    with pytest.raises(error, match=message):
        compare(result, exact, **options)


def test_each_objection_has_a_third_of_the_rate():
    """The three tests: all pixels together, their mean, and the largest single error."""
    report = compare(estimate([1.0, 10, 18, 30], [1.0, 1, 1, 1]), np.array([0.0, 10, 20, 30]))
    assert report.objections == ()
    for share, objects in ((0.3, True), (0.36, False)):
        wrong = replace(report, pvalue=share * FALSE_ALARM_RATE, mean_square_z=4.0)
        assert bool(wrong.objections) is objects
        bias = special.erfcinv(share * FALSE_ALARM_RATE) * math.sqrt(2) * report.bias_stderr
        assert bool(replace(report, bias=bias).objections) is objects


@pytest.mark.parametrize("pixels", [1000, 50_000])
def test_the_largest_honest_error_is_bernsteins(pixels):
    """Two-sided bound for all pixels, at a third of the rate, for summands of at most 1."""
    exact = np.zeros(pixels)
    report = compare(noisy(exact, 1.0, 3), exact)
    z = report.largest_z_limit
    one_sided = math.exp(-(z**2) / (2 * (1 + z / 3)))
    assert 2 * pixels * one_sided == pytest.approx(FALSE_ALARM_RATE / 3, rel=1e-6)
    assert math.isinf(compare(noisy(exact[:999], 1.0, 3), exact[:999]).largest_z_limit)
