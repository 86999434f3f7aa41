"""Masks, filter and convolution theorem: by hand, compared with SciPy, and by algebra."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

import classical
from classical import (
    band_pass,
    compression_ratio,
    convolve,
    filter_frequencies,
    gaussian_pass,
    heat_kernel,
    high_pass,
    low_pass,
    transfer_function,
)

SHAPES = [(1,), (2,), (7,), (8,), (49,), (1, 1), (8, 8), (5, 6), (1, 9), (7, 4), (3, 4, 5)]
EDGE = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])

shapes = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)
radii = st.one_of(st.integers(0, 9), st.floats(0, 9))


def assert_close(actual, expected):
    """Assert equality up to a rounding error of the largest value."""
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=1e-12 * max(np.abs(expected).max(), 1)
    )


def opposite(spectrum):
    """Return the value at the opposite frequency of every element."""
    result = np.empty_like(spectrum)
    for index in np.ndindex(*spectrum.shape):
        result[index] = spectrum[tuple(-i % n for i, n in zip(index, spectrum.shape, strict=True))]
    return result


class TestMasks:
    def test_by_hand(self):
        expected = [[1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
        np.testing.assert_array_equal(low_pass((4, 4), 1), expected)
        np.testing.assert_array_equal(high_pass((4,), 1), [0, 0, 1, 0])
        np.testing.assert_array_equal(band_pass((6,), 1, 2), [0, 0, 1, 0, 1, 0])
        halves = np.exp([0, -1 / 8, -4 / 8, -1 / 8])
        np.testing.assert_allclose(gaussian_pass((4,), 2), halves, rtol=1e-15)

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize(
        "radius", [0, 1, math.sqrt(2), math.sqrt(3), 2.5, math.sqrt(5), 3, 100]
    )
    def test_circle_by_the_definition(self, shape, radius):
        mask = low_pass(shape, radius)
        assert mask.shape == shape
        assert mask.dtype == np.float64
        for index in np.ndindex(*shape):
            cycles = [min(i, n - i) for i, n in zip(index, shape, strict=True)]
            assert mask[index] == (math.sqrt(sum(c * c for c in cycles)) <= radius)

    def test_a_circle_counts_cycles_per_image_along_every_axis(self):
        mask = low_pass((8, 64), 2)
        np.testing.assert_array_equal(mask[:, 0], low_pass((8,), 2))
        np.testing.assert_array_equal(mask[0], low_pass((64,), 2))
        assert mask.sum() == low_pass((8, 8), 2).sum() == 13

    @pytest.mark.parametrize("shape", SHAPES)
    def test_a_radius_below_one_keeps_the_mean_alone(self, shape):
        for radius in (0, 0.999):
            mask = low_pass(shape, radius)
            assert mask.flat[0] == mask.sum() == 1
        image = np.random.default_rng(1).normal(size=shape)
        flat = filter_frequencies(image, low_pass(shape, 0))
        assert_close(flat, np.full(shape, image.mean()))

    @settings(max_examples=60)
    @given(shape=shapes, radius=st.lists(radii, min_size=3, max_size=3).map(sorted))
    def test_circle_rings_and_rest_partition_all_frequencies(self, shape, radius):
        a, b, c = radius
        circle = low_pass(shape, a) + band_pass(shape, a, b)
        np.testing.assert_array_equal(circle, low_pass(shape, b))
        whole = circle + band_pass(shape, b, c) + high_pass(shape, c)
        np.testing.assert_array_equal(whole, np.ones(shape))

    @settings(max_examples=60)
    @given(shape=shapes, radius=radii, wide=st.floats(0, 9), sigma=st.floats(1e-320, 1e300))
    def test_all_keep_images_real_and_amplify_nothing(self, shape, radius, wide, sigma):
        masks = [
            low_pass(shape, radius),
            high_pass(shape, radius),
            band_pass(shape, radius, radius + wide),
            gaussian_pass(shape, sigma),
        ]
        for mask in masks:
            assert (mask >= 0).all()
            assert (mask <= 1).all()
            np.testing.assert_array_equal(mask, opposite(mask))
        assert gaussian_pass(shape, sigma).flat[0] == 1


class TestFilter:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_low_pass_is_a_projection(self, shape):
        image = np.random.default_rng(2).normal(size=shape)
        mask = low_pass(shape, 1.5)
        once = filter_frequencies(image, mask)
        assert_close(filter_frequencies(once, mask), once)
        assert_close(once + filter_frequencies(image, 1 - mask), image)
        assert once.mean() == pytest.approx(image.mean(), abs=1e-14)
        assert filter_frequencies(image, 1 - mask).mean() == pytest.approx(0, abs=1e-14)

    @settings(max_examples=40)
    @given(shape=shapes, sigma=st.floats(0.1, 9), seed=st.integers(0, 2**32))
    def test_energy_is_that_of_the_frequencies_kept(self, shape, sigma, seed):
        image = np.random.default_rng(seed).normal(size=shape)
        mask = gaussian_pass(shape, sigma)
        energy = np.sum(np.abs(mask * np.fft.fftn(image)) ** 2) / image.size
        assert np.sum(filter_frequencies(image, mask) ** 2) == pytest.approx(energy)

    def test_waves_are_kept_or_removed_whole(self):
        row, column = np.ogrid[:16, :12]
        low = np.cos(2 * np.pi * (row / 16 + 2 * column / 12))
        high = np.sin(2 * np.pi * (2 * row / 16 - 3 * column / 12))
        mask = low_pass((16, 12), math.sqrt(5))
        assert_close(filter_frequencies(low + high + 3, mask), low + 3)

    @pytest.mark.parametrize("shape", [(8,), (7, 6), (3, 4, 5)])
    def test_equals_scipy(self, shape):
        image = np.random.default_rng(3).normal(size=shape)
        moved = ndimage.fourier_shift(np.ones(shape, complex), 1)
        assert_close(filter_frequencies(image, moved), np.roll(image, 1, range(len(shape))))

    def test_tolerates_rounding(self):
        nearly = [1 + 5e-10, 1 + 5e-10j, 1, 1]
        assert filter_frequencies([1, 2, 3, 4], nearly).dtype == np.float64

    def test_inputs_are_left_alone(self):
        image, transfer = np.arange(6.0).reshape(2, 3), np.ones((2, 3), dtype=bool)
        image.flags.writeable = transfer.flags.writeable = False
        assert_close(filter_frequencies(image, transfer), image)


class TestCompressionRatio:
    def test_by_hand(self):
        assert compression_ratio(low_pass((8, 8), 1)) == 59 / 5
        assert compression_ratio(low_pass((8, 8), 0)) == 63
        assert compression_ratio(low_pass((8, 8), 6)) == 0
        assert compression_ratio([[True, False], [False, False]]) == 3
        assert compression_ratio([0, -0.5, 1e-300, 0, 0, 0]) == 2

    def test_of_circle_and_rest_are_reciprocal(self):
        for radius in range(5):
            inside = compression_ratio(low_pass((9, 10), radius))
            assert inside * compression_ratio(high_pass((9, 10), radius)) == pytest.approx(1)

    def test_of_a_large_circle_is_that_of_the_areas(self):
        # Gauss's circle problem: the number of points differs by at most 2 sqrt(2) pi r.
        kept = low_pass((256, 256), 40).sum()
        assert abs(kept - math.pi * 40**2) < 2 * math.sqrt(2) * math.pi * 40
        assert compression_ratio(low_pass((256, 256), 40)) == (256**2 - kept) / kept


class TestTransferFunction:
    @settings(max_examples=100)
    @given(
        shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
        kernel_shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
        seed=st.integers(0, 2**32),
    )
    def test_is_circular_convolution_of_scipy(self, shape, kernel_shape, seed):
        rng = np.random.default_rng(seed)
        image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
        spectrum = np.fft.fftn(image) * transfer_function(kernel, shape)
        expected = signal.convolve2d(image, kernel, mode="same", boundary="wrap")
        assert_close(np.fft.ifftn(spectrum).real, expected)

    @pytest.mark.parametrize("size", [1, 2, 5, 8])
    @pytest.mark.parametrize("reach", [1, 2, 3, 4, 7, 20])
    @pytest.mark.parametrize("axes", [1, 3])
    def test_of_signals_and_volumes(self, axes, reach, size):
        rng = np.random.default_rng(4)
        shape = (size, 3, 4)[:axes]
        image, kernel = rng.normal(size=shape), rng.normal(size=(reach, 2, 5)[:axes])
        transfer = transfer_function(kernel, shape)
        scale = np.abs(transfer).max()
        filtered = scale * filter_frequencies(image, transfer / scale)
        assert_close(filtered, convolve(image, kernel, mode="same", boundary="wrap"))

    def test_equals_ndimage_for_odd_kernels(self):
        rng = np.random.default_rng(5)
        image, kernel = rng.normal(size=(5, 6, 7)), rng.normal(size=(3, 1, 5))
        spectrum = np.fft.fftn(image) * transfer_function(kernel, image.shape)
        expected = ndimage.convolve(image, kernel, mode="wrap")
        assert_close(np.fft.ifftn(spectrum).real, expected)

    def test_by_hand(self):
        np.testing.assert_array_equal(transfer_function([[1]], (2, 3)), np.ones((2, 3)))
        # -1 2 -1: 2 - 2 cos(angle)
        assert_close(transfer_function([-1, 2, -1], (4,)), np.array([0, 2, 4, 2]) + 0j)
        assert_close(transfer_function([0, 0, 1], (4,)), np.array([1, -1j, -1, 1j]))
        assert_close(transfer_function([1, 10, 100, 1000], (1,)), np.array([1111 + 0j]))

    def test_sum_at_the_mean_and_bounded_by_the_sum_of_magnitudes(self):
        transfer = transfer_function(EDGE, (16, 16))
        assert transfer[0, 0] == 0
        assert 1 < np.abs(transfer).max() <= np.abs(EDGE).sum()

    def test_a_circle_is_a_kernel_like_any_other(self):
        image = np.random.default_rng(6).normal(size=(9, 9))
        mask = low_pass((9, 9), 2)
        kernel = np.roll(np.fft.ifftn(mask).real, (4, 4), (0, 1))
        assert_close(transfer_function(kernel, (9, 9)), mask + 0j)
        assert_close(
            convolve(image, kernel, mode="same", boundary="wrap"), filter_frequencies(image, mask)
        )

    @pytest.mark.parametrize("variance", [1.0, 4.0])
    def test_a_gaussian_is_a_gaussian(self, variance):
        # Poisson summation: the periodic images of the Gaussian contribute at most exp(-pi^2 v /
        # 2), at the highest frequency of either axis. The shape extends 16 standard deviations.
        transfer = transfer_function(heat_kernel((31, 33), variance / 2), (32, 32))
        expected = gaussian_pass((32, 32), 32 / (2 * np.pi * math.sqrt(variance)))
        assert np.abs(transfer - expected).max() < 2.5 * math.exp(-(np.pi**2) * variance / 2)


def test_masks_of_this_file_are_checked_by_a_helper_that_can_fail():
    np.testing.assert_array_equal(opposite(np.array([0, 1, 2, 3])), [0, 3, 2, 1])
    np.testing.assert_array_equal(opposite(np.array([[0, 1, 2]])), [[0, 2, 1]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: low_pass((4, 4), -1), ValueError, "radius: expected a number >= 0, got"),
        (lambda: low_pass((4, 4), np.nan), ValueError, "radius: expected a finite number, got nan"),
        (lambda: low_pass((4, 4), "x"), TypeError, "radius: expected a real number, got 'x'"),
        (lambda: high_pass((4, 4), 1j), TypeError, "radius: expected a real number, got 1j"),
        (lambda: band_pass((4,), -1, 2), ValueError, "inner: expected a number >= 0"),
        (lambda: band_pass((4,), 1, np.inf), ValueError, "outer: expected a finite number"),
        (lambda: band_pass((4,), 2, 1), ValueError, "inner: expected at most the outer radius 1.0"),
        (lambda: gaussian_pass((4,), 0), ValueError, "sigma: expected a number > 0, got 0"),
        (lambda: gaussian_pass((4,), None), TypeError, "sigma: expected a real number, got None"),
        (lambda: compression_ratio([0, 0]), ValueError, "mask: expected a non-zero entry, got all"),
        (lambda: compression_ratio([]), ValueError, "mask: expected at least one entry"),
        (lambda: compression_ratio([1j]), TypeError, "mask: expected real numbers"),
        (
            lambda: transfer_function([1], (2, 2)),
            ValueError,
            "kernel: expected as many axes as shape has",
        ),
        (lambda: transfer_function([np.nan], (2,)), ValueError, "kernel: expected finite numbers"),
        (lambda: transfer_function(["a"], (2,)), TypeError, "kernel: expected an array of numb"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        ((), ValueError),
        ((2, 2, 2, 2), ValueError),
        ((4, 0), ValueError),
        ((-1,), ValueError),
        (4, TypeError),
        ("44", TypeError),
        ((4, 2.0), TypeError),
        ((True,), TypeError),
        (None, TypeError),
    ],
)
def test_every_shape_is_checked(shape, error):
    calls = [
        lambda: low_pass(shape, 1),
        lambda: high_pass(shape, 1),
        lambda: band_pass(shape, 1, 2),
        lambda: gaussian_pass(shape, 1),
        lambda: transfer_function([1], shape),
        lambda: heat_kernel(shape, 1),
    ]
    for call in calls:
        with pytest.raises(error, match="shape: expected 1, 2 or 3 integers >= 1, got"):
            call()


@pytest.mark.parametrize(
    ("image", "transfer", "error", "message"),
    [
        ([1, 2], [1], ValueError, r"transfer: expected the image's shape \(2,\), got \(1,\)"),
        ([1, 2], np.zeros(0, complex), ValueError, "transfer: expected the image's shape"),
        ([1, 2], [1, 1.1], ValueError, "transfer: expected magnitudes of at most 1, got 1.1; "),
        ([1, 2], [1, -1 - 1e-8], ValueError, "transfer: expected magnitudes of at most 1, got"),
        ([1, 2], [1, np.nan], ValueError, "transfer: expected finite numbers, got 1 that"),
        ([1, 2], [1j, complex(0, np.inf)], ValueError, "transfer: expected finite numbers, got 1"),
        ([1, 2], [[1], [1, 2]], ValueError, "transfer: expected a rectangular array"),
        ([1, 2], np.ma.array([1, 1j], mask=[0, 1]), ValueError, "transfer: .* masked .* got 1"),
        ([1, 2], ["a", "b"], TypeError, "transfer: expected an array of numbers, got"),
        (["a", 2], [1, 1], TypeError, "image: expected an array of numbers"),
        ([np.inf, 2], [1, 1], ValueError, "image: expected finite numbers"),
        (1.0, 1.0, ValueError, "image: expected 1, 2 or 3 axes, got 0"),
        (np.ones((1,) * 4), np.ones((1,) * 4), ValueError, "image: expected 1, 2 or 3 axes, got 4"),
    ],
)
def test_errors_of_the_filter_name_the_argument(image, transfer, error, message):
    with pytest.raises(error, match=message):
        filter_frequencies(image, transfer)


@pytest.mark.parametrize(
    ("image", "transfer", "real"),
    [
        ([1, 2, 3], [1, 1j, -1j], True),
        ([1, 2, 3], [1, 0, 1], False),
        ([1, 2, 3], [1, 1j, 1j], False),
        ([1, 2], [1, 1j], False),
        ([1j, 2], [1, 1], False),
    ],
)
def test_complex_results(image, transfer, real):
    """The result is real if the image is real, and factors of opposite frequencies conjugate."""
    result = filter_frequencies(image, transfer)
    assert result.dtype == (np.float64 if real else np.complex128)
    np.testing.assert_allclose(result, np.fft.ifft(np.fft.fft(image) * transfer), atol=1e-15)


def test_complex_kernels():
    """The filter with the spectrum of a complex kernel equals its periodic convolution."""
    rng = np.random.default_rng(1)
    image, kernel = (rng.normal(size=(s, 5, 2)) @ [1, 1j] for s in (6, 3))
    transfer = transfer_function(kernel, image.shape)
    scale = np.abs(transfer).max()
    expected = classical.convolve(image, kernel, mode="same", boundary="wrap")
    found = scale * filter_frequencies(image, transfer / scale)
    np.testing.assert_allclose(found, expected, atol=1e-12)
