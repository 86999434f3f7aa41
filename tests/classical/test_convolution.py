"""Exact convolution: by hand, against SciPy and NumPy, and by its algebra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal

from classical import convolve, correlate
from classical.convolution import (
    BOUNDARIES,
    MODES,
    multiply_spectra,
    overlap_add,
    overlap_save,
)
from tests.cases import convolve2d, correlate2d, correlate_nd

METHODS = ("direct", "fft", "overlap-add", "overlap-save")
PAIRS = [(convolve, convolve2d), (correlate, correlate2d)]
NOT_TWO_AXES = [(convolve, convolve2d), (correlate, correlate_nd)]

# Image and kernel shapes, including edge cases: one pixel, rows, even, prime, larger kernel.
SHAPES = [
    ((1, 1), (1, 1)),
    ((1, 1), (3, 4)),
    ((1, 9), (1, 4)),
    ((7, 1), (2, 1)),
    ((5, 6), (2, 2)),
    ((7, 11), (3, 3)),
    ((13, 5), (4, 3)),
    ((3, 3), (7, 8)),
    ((2, 5), (3, 3)),
    ((3, 2), (3, 13)),
    ((4, 4), (4, 4)),
]


def assert_same(actual, expected):
    """Assert equality up to a rounding error of the largest value."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float64
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * max(scale, 1))


class TestByHand:
    image = ((1, 2), (3, 4))
    kernel = ((1, 10), (100, 1000))

    def test_full(self):
        expected = [[1, 12, 20], [103, 1234, 2040], [300, 3400, 4000]]
        np.testing.assert_array_equal(convolve(self.image, self.kernel), expected)

    def test_same_is_cut_one_pixel_earlier_than_for_correlation(self):
        flipped = np.flip(self.kernel)
        same = convolve(self.image, self.kernel, mode="same")
        np.testing.assert_array_equal(same, [[1, 12], [103, 1234]])
        moved = correlate(self.image, flipped, mode="same")
        np.testing.assert_array_equal(moved, [[1234, 2040], [3400, 4000]])

    def test_valid(self):
        valid = convolve(self.image, self.kernel, mode="valid")
        np.testing.assert_array_equal(valid, [[1234]])
        np.testing.assert_array_equal(correlate(self.image, self.kernel, mode="valid"), [[4321]])

    @pytest.mark.parametrize(
        ("boundary", "expected"),
        [
            ("fill", [712, 123, 237]),
            ("wrap", [312, 123, 231]),
            ("symm", [112, 123, 233]),
            ("mirror", [212, 123, 232]),
            ("nearest", [112, 123, 233]),
        ],
    )
    def test_boundaries_of_a_signal(self, boundary, expected):
        # The digits of a result are the left neighbour, the pixel, and the right neighbour.
        result = convolve([1, 2, 3], [1, 10, 100], mode="same", boundary=boundary, fillvalue=7)
        np.testing.assert_array_equal(result, expected)

    def test_wrap_turns_several_times(self):
        result = convolve([1, 2], [1, 1, 1, 1, 1, 1], boundary="wrap", mode="same")
        np.testing.assert_array_equal(result, [9, 9])

    def test_an_edge_detector_finds_a_point(self):
        edge = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
        point = np.zeros((3, 3), dtype=bool)
        point[1, 1] = True
        np.testing.assert_array_equal(convolve(point, edge, mode="same"), edge)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("ours", "scipys"), PAIRS)
@pytest.mark.parametrize(("shape", "kernel_shape"), SHAPES)
def test_listed_shapes_equal_scipy(ours, scipys, shape, kernel_shape, method):
    rng = np.random.default_rng(1)
    image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
    for mode in MODES:
        for boundary in BOUNDARIES:
            options = {"mode": mode, "boundary": boundary, "fillvalue": 1.5}
            try:
                expected = scipys(image, kernel, **options)
            except ValueError:
                with pytest.raises(ValueError, match="kernel: mode 'valid' requires"):
                    ours(image, kernel, method=method, **options)
            else:
                assert_same(ours(image, kernel, method=method, **options), expected)


@settings(max_examples=150)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    kernel_shape=st.tuples(st.integers(1, 15), st.integers(1, 15)),
    mode=st.sampled_from(MODES),
    boundary=st.sampled_from(BOUNDARIES),
    method=st.sampled_from(METHODS),
    pair=st.sampled_from(PAIRS),
    seed=st.integers(0, 2**32),
)
def test_random_shapes_equal_scipy(shape, kernel_shape, mode, boundary, method, pair, seed):
    rng = np.random.default_rng(seed)
    image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
    options = {"mode": mode, "boundary": boundary, "fillvalue": float(rng.normal())}
    ours, scipys = pair
    try:
        expected = scipys(image, kernel, **options)
    except ValueError:
        with pytest.raises(ValueError, match="kernel: mode 'valid' requires"):
            ours(image, kernel, method=method, **options)
    else:
        assert_same(ours(image, kernel, method=method, **options), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("size", "reach"), [(1, 1), (10, 3), (10, 4), (31, 2), (9, 9)])
def test_signals_equal_numpy(size, reach, mode, method):
    rng = np.random.default_rng(2)
    x, k = rng.normal(size=size), rng.normal(size=reach)
    assert_same(convolve(x, k, mode=mode, method=method), np.convolve(x, k, mode))
    assert_same(correlate(x, k, mode=mode, method=method), np.correlate(x, k, mode))


@pytest.mark.parametrize(("ours", "scipys"), NOT_TWO_AXES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mode", MODES)
def test_a_signal_is_a_row_of_a_picture(ours, scipys, mode, boundary):
    rng = np.random.default_rng(3)
    for size, reach in [(8, 3), (8, 4), (3, 8), (2, 13), (1, 5)]:
        x, k = rng.normal(size=size), rng.normal(size=reach)
        expected = scipys(x[None], k[None], mode, boundary, 2.0)[0]
        assert_same(ours(x, k, mode=mode, boundary=boundary, fillvalue=2.0), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel_shape", [(1, 1, 1), (3, 3, 3), (2, 3, 4), (5, 6, 7)])
def test_volumes_equal_scipy(kernel_shape, mode, method):
    rng = np.random.default_rng(4)
    volume, kernel = rng.normal(size=(5, 6, 7)), rng.normal(size=kernel_shape)
    expected = signal.convolve(volume, kernel, mode, "direct")
    assert_same(convolve(volume, kernel, mode=mode, method=method), expected)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mode", MODES)
def test_a_flat_volume_is_a_picture(mode, boundary):
    rng = np.random.default_rng(5)
    image, kernel = rng.normal(size=(5, 4)), rng.normal(size=(2, 3))
    options = {"mode": mode, "boundary": boundary, "fillvalue": -1.0}
    for ours, scipys in NOT_TWO_AXES:
        flat = ours(image[:, None], kernel[:, None], **options)
        assert_same(flat[:, 0], scipys(image, kernel, **options))


@pytest.mark.parametrize(
    ("shape", "kernel_shape"), [((40009,), (31,)), ((300, 311), (5, 4)), ((60, 31, 30), (3, 2, 3))]
)
def test_several_blocks(shape, kernel_shape):
    rng = np.random.default_rng(6)
    image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
    for mode in MODES:
        expected = convolve(image, kernel, mode=mode)
        for method in METHODS[1:]:
            assert_same(convolve(image, kernel, mode=mode, method=method), expected)


@pytest.mark.parametrize("cut", [overlap_add, overlap_save])
@pytest.mark.parametrize("block", [(1, 1), (2, 3), (4, 30), (7, 11), (99, 1)])
def test_blocks_add_up_exactly_once(cut, block):
    # A positive image would show pixels that are counted twice or omitted.
    image, kernel = np.arange(1.0, 78.0).reshape(7, 11), np.arange(1.0, 13.0).reshape(3, 4)
    mode = "full" if cut is overlap_add else "valid"
    assert_same(cut(image, kernel, block), convolve(image, kernel, mode=mode))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("fft", [40004]),
        ("overlap-add", [16384, 16384, 7236]),  # apart
        ("overlap-save", [16388, 16388, 7236]),  # each 4 pixels into the next
    ],
)
def test_a_long_signal_is_cut(method, expected, monkeypatch):
    pieces = []

    def watched(image, spectrum, size):
        pieces.append(image.size)
        return multiply_spectra(image, spectrum, size)

    monkeypatch.setattr("classical.convolution.multiply_spectra", watched)
    convolve(np.ones(40000), np.ones(5), mode="same", method=method)
    assert pieces == expected


small = arrays(np.float64, (5, 4), elements=st.integers(-9, 9))
kernels = arrays(np.float64, (2, 3), elements=st.integers(-9, 9))
anywhere = {"mode": st.sampled_from(MODES), "boundary": st.sampled_from(BOUNDARIES)}


class TestAlgebra:
    """Integers are exact in float64, so equality is exact."""

    @settings(max_examples=50)
    @given(a=small, b=small, k=kernels, **anywhere)
    def test_linear(self, a, b, k, mode, boundary):
        def apply(image):
            return convolve(image, k, mode=mode, boundary=boundary)

        np.testing.assert_array_equal(apply(3 * a - b), 3 * apply(a) - apply(b))

    @settings(max_examples=50)
    @given(a=small, k=kernels)
    def test_commutative_and_of_total_mass(self, a, k):
        np.testing.assert_array_equal(convolve(a, k), convolve(k, a))
        assert convolve(a, k).sum() == a.sum() * k.sum()

    @settings(max_examples=50)
    @given(a=small, k=kernels, **anywhere)
    def test_methods_agree(self, a, k, mode, boundary):
        results = [convolve(a, k, mode=mode, boundary=boundary, method=m) for m in METHODS]
        for result in results[1:]:
            assert_same(result, results[0])

    @settings(max_examples=50)
    @given(a=small, k=kernels, boundary=anywhere["boundary"])
    def test_correlation_is_convolution_with_the_rotated_kernel(self, a, k, boundary):
        rotated = convolve(a, np.flip(k), boundary=boundary)
        np.testing.assert_array_equal(correlate(a, k, boundary=boundary), rotated)


MASKED = np.ma.array([1.0, np.nan, 3, 4], mask=[0, 1, 0, 1])


@pytest.mark.parametrize("verb", [convolve, correlate])
@pytest.mark.parametrize(
    ("image", "kernel", "options", "error", "message"),
    [
        (["a"], [1], {}, TypeError, "image: expected an array of numbers, got dtype <U1"),
        ([[1], [1, 2]], [1], {}, ValueError, "image: expected a rectangular array"),
        ({"a": 1}, [1], {}, TypeError, "image: expected an array of numbers, got dict"),
        ([1, {}], [1], {}, TypeError, r"image: .* got an array of objects \(such as dict\)"),
        ([1], [10**400], {}, TypeError, r"kernel: .* got an array of objects \(such as int\)"),
        (MASKED, [1, 2], {}, ValueError, "image: expected an array without masked entries, got 2"),
        ([1, 2], MASKED, {}, ValueError, "kernel: expected an array without masked entries, got 2"),
        ([1, np.nan], [1], {}, ValueError, "image: expected finite numbers, got 1 that are NaN"),
        ([1], [np.inf], {}, ValueError, "kernel: expected finite numbers, got 1 that are NaN"),
        ([], [1], {}, ValueError, r"image: expected at least one entry, got an empty .*\(0,\)"),
        ([1], [], {}, ValueError, r"kernel: expected at least one entry, got an empty .*\(0,\)"),
        (1.0, 1.0, {}, ValueError, "image: expected 1, 2 or 3 axes, got 0"),
        (np.ones((1,) * 4), np.ones((1,) * 4), {}, ValueError, "image: expected 1, 2 or 3 axes"),
        ([1], [[1]], {}, ValueError, "kernel: expected as many axes as the image, 1, got 2"),
        ([1], [1], {"mode": "all"}, ValueError, "mode: expected one of 'full', 'same', 'valid'"),
        ([1], [1], {"mode": 1}, ValueError, "mode: expected one of 'full', 'same', 'valid', got 1"),
        ([1], [1], {"boundary": "padded"}, ValueError, "boundary: expected one of 'fill', 'wrap'"),
        ([1], [1], {"method": "fast"}, ValueError, "method: expected one of 'direct', 'fft'"),
        ([1], [1], {"fillvalue": "1"}, TypeError, "fillvalue: expected a real number, got '1'"),
        ([1], [1], {"fillvalue": np.nan}, ValueError, "fillvalue: expected a finite number"),
        ([1], [1], {"fillvalue": []}, ValueError, "fillvalue: expected one number, got 0 numbers"),
        ([1], [1], {"fillvalue": (1, 2)}, ValueError, "fillvalue: expected one number, got 2"),
        ([1], [1], {"fillvalue": np.ma.masked}, ValueError, "fillvalue: .* got a masked one"),
        ([1], [1], {"fillvalue": np.timedelta64(1, "s")}, TypeError, "fillvalue: expected a real"),
    ],
)
def test_errors_name_the_argument(verb, image, kernel, options, error, message):
    with pytest.raises(error, match=message):
        verb(image, kernel, **options)


def test_inputs_are_left_alone_and_results_are_new():
    image = np.arange(6.0).reshape(2, 3)
    image.flags.writeable = False
    for method in METHODS:
        result = convolve(image, [[1.0]], mode="same", method=method)
        result[:] = -1
    np.testing.assert_array_equal(image, np.arange(6.0).reshape(2, 3))


def test_a_masked_array_that_hides_nothing_is_its_data():
    image = np.ma.array([1.0, 2, 3], mask=[0, 0, 0])
    assert type(convolve(image, [1])) is np.ndarray
    np.testing.assert_array_equal(convolve(image, np.ma.array([1.0, 1])), [1, 3, 5, 3])
