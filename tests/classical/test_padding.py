"""Padding for products of spectra: by hand, against SciPy, and differences between schemes."""

import doctest
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

import classical.padding
from classical import convolve, filter_frequencies, fourier_convolve, transfer_function

OVERLAPPING = ("overlap-add", "overlap-save")
LINEAR = ("both", *OVERLAPPING)
FITTING = ("kernel", "wrapped")
SCHEMES = ("both", "kernel", "wrapped", "none", "overlap-add", "overlap-save")

# Image and kernel shapes with kernels no larger than images: one pixel, even, odd, prime.
FITS = [
    ((1,), (1,)),
    ((8,), (1,)),
    ((8,), (3,)),
    ((9,), (4,)),
    ((13,), (2,)),
    ((13,), (13,)),
    ((4,), (4,)),
    ((1, 1), (1, 1)),
    ((1, 9), (1, 4)),
    ((6, 5), (2, 2)),
    ((7, 11), (3, 5)),
    ((13, 4), (4, 3)),
    ((4, 5), (4, 5)),
    ((5, 5), (5, 1)),
    ((1, 1, 1), (1, 1, 1)),
    ((5, 6, 7), (3, 3, 3)),
    ((4, 3, 5), (2, 3, 4)),
    ((3, 2, 4), (3, 2, 4)),
]
LARGER = [
    ((1,), (5,)),
    ((4,), (7,)),
    ((1, 1), (3, 4)),
    ((3, 3), (7, 8)),
    ((2, 9), (5, 2)),
    ((2, 3, 1), (3, 2, 4)),
]


def pair(shape, kernel_shape, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=kernel_shape)


def positive_pair(shape, kernel_shape, seed=2):
    """Return integers from 1 to 9: any value that wraps around adds at least 1."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 10, size=shape), rng.integers(1, 10, size=kernel_shape)


def assert_same(actual, expected):
    """Assert equality up to a rounding error of the largest value."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == np.float64
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * max(scale, 1))


def rolled(array, kernel_shape, sign=1):
    centre = [sign * ((h - 1) // 2) for h in kernel_shape]
    return np.roll(array, centre, tuple(range(array.ndim)))


def wound_up(full, shape):
    """Add the values beyond a shape to its opposite end."""
    circular = np.zeros(shape)
    places = [np.arange(size) % n for size, n in zip(full.shape, shape, strict=True)]
    np.add.at(circular, np.ix_(*places), full)
    return circular


class TestByHand:
    """The digits of a result are a pixel and its two neighbours to the left."""

    full = (1, 12, 123, 234, 340, 400)

    @pytest.mark.parametrize("padding", LINEAR)
    def test_linear(self, padding):
        assert_same(fourier_convolve([1, 2, 3, 4], [1, 10, 100], padding=padding), self.full)

    @pytest.mark.parametrize("padding", OVERLAPPING)
    @pytest.mark.parametrize("block", [1, 2, 3, 4, 5, 6, 7])
    def test_blocks(self, padding, block):
        result = fourier_convolve([1, 2, 3, 4], [1, 10, 100], padding=padding, block=block)
        assert_same(result, self.full)

    def test_kernel(self):
        result = fourier_convolve([1, 2, 3, 4], [1, 10, 100], padding="kernel")
        assert_same(result, [1 + 340, 12 + 400, 123, 234])

    def test_wrapped(self):
        result = fourier_convolve([1, 2, 3, 4], [1, 10, 100], padding="wrapped")
        assert_same(result, [412, 123, 234, 341])

    def test_wrapped_has_the_first_of_two_middles_as_its_centre(self):
        result = fourier_convolve([1, 2, 3, 4], [1, 10], padding="wrapped")
        assert_same(result, [41, 12, 23, 34])

    def test_none(self):
        result = fourier_convolve([1, 2, 3, 4], [1, 10, 100, 1000], padding="none")
        assert_same(result, [2341, 3412, 4123, 1234])

    def test_two_axes(self):
        image, kernel = [[1, 2], [3, 4]], [[1, 10], [100, 1000]]
        for padding in LINEAR:
            result = fourier_convolve(image, kernel, padding=padding)
            assert_same(result, [[1, 12, 20], [103, 1234, 2040], [300, 3400, 4000]])
        for padding in ("kernel", "wrapped", "none"):
            result = fourier_convolve(image, kernel, padding=padding)
            assert_same(result, [[4321, 3412], [2143, 1234]])

    def test_three_axes(self):
        image, kernel = [[[1, 2, 3]], [[4, 5, 6]]], [[[1, 10]], [[100, 1000]]]
        full = [[[1, 12, 23, 30]], [[104, 1245, 2356, 3060]], [[400, 4500, 5600, 6000]]]
        for padding in LINEAR:
            assert_same(fourier_convolve(image, kernel, padding=padding), full)
        circular = [[[6431, 4512, 5623]], [[3164, 1245, 2356]]]
        for padding in FITTING:
            assert_same(fourier_convolve(image, kernel, padding=padding), circular)

    @pytest.mark.parametrize("padding", SCHEMES)
    def test_one_pixel(self, padding):
        assert_same(fourier_convolve([[3]], [[-2]], padding=padding), [[-6]])

    def test_the_default_is_both(self):
        assert_same(fourier_convolve([1, 2, 3, 4], [1, 10, 100]), self.full)


@pytest.mark.parametrize("padding", LINEAR)
@pytest.mark.parametrize(("shape", "kernel_shape"), FITS + LARGER)
def test_linear_schemes_equal_scipy(shape, kernel_shape, padding):
    image, kernel = pair(shape, kernel_shape)
    result = fourier_convolve(image, kernel, padding=padding)
    assert_same(result, convolve(image, kernel, mode="full"))
    assert_same(result, signal.convolve(image, kernel, "full", "direct"))
    assert_same(result, signal.fftconvolve(image, kernel))
    assert_same(result, signal.oaconvolve(image, kernel))
    if image.ndim == 2:
        assert_same(result, signal.convolve2d(image, kernel))


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_wrapped_equals_scipy(shape, kernel_shape):
    image, kernel = pair(shape, kernel_shape)
    result = fourier_convolve(image, kernel, padding="wrapped")
    assert_same(result, convolve(image, kernel, mode="same", boundary="wrap"))
    # By default, SciPy's centre of an even kernel is the second of the two middle positions.
    origin = [h % 2 - 1 for h in kernel_shape]
    assert_same(result, ndimage.convolve(image, kernel, mode="wrap", origin=origin))
    if image.ndim == 1:
        assert_same(result, ndimage.convolve1d(image, kernel, mode="wrap", origin=origin[0]))
    if image.ndim == 2:
        assert_same(result, signal.convolve2d(image, kernel, "same", "wrap"))


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_wrapped_is_the_transfer_function(shape, kernel_shape):
    image, kernel = pair(shape, kernel_shape)
    transfer = transfer_function(kernel, shape)
    scale = np.abs(transfer).max()
    result = fourier_convolve(image, kernel, padding="wrapped")
    assert_same(result, filter_frequencies(image, transfer / scale) * scale)


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_kernel_is_wrapped_rolled_by_the_centre(shape, kernel_shape):
    image, kernel = pair(shape, kernel_shape)
    result = fourier_convolve(image, kernel, padding="kernel")
    around = convolve(image, kernel, mode="same", boundary="wrap")
    assert_same(result, rolled(around, kernel_shape))
    wrapped = fourier_convolve(image, kernel, padding="wrapped")
    assert_same(wrapped, rolled(result, kernel_shape, sign=-1))


@pytest.mark.parametrize("shape", [(1,), (2,), (13,), (4, 5), (7, 7), (3, 2, 4)])
def test_none_is_kernel_for_two_arrays_of_one_shape(shape):
    first, second = pair(shape, shape)
    result = fourier_convolve(first, second, padding="none")
    assert_same(result, wound_up(convolve(first, second), shape))
    assert_same(result, fourier_convolve(first, second, padding="kernel"))
    assert_same(result, fourier_convolve(second, first, padding="none"))
    around = convolve(first, second, mode="same", boundary="wrap")
    assert_same(result, rolled(around, shape))


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_none_after_padding_by_hand_is_any_scheme(shape, kernel_shape):
    image, kernel = pair(shape, kernel_shape)

    def none(size):
        padded = [
            np.pad(a, [(0, s - n) for n, s in zip(a.shape, size, strict=True)])
            for a in (image, kernel)
        ]
        return fourier_convolve(*padded, padding="none")

    size = tuple(n + h - 1 for n, h in zip(shape, kernel_shape, strict=True))
    assert_same(none(size), fourier_convolve(image, kernel))
    assert_same(none(shape), fourier_convolve(image, kernel, padding="kernel"))


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_circular_differs_from_linear_where_it_wraps_around_and_nowhere_else(shape, kernel_shape):
    image, kernel = positive_pair(shape, kernel_shape)
    linear = convolve(image, kernel)
    circular = fourier_convolve(image, kernel, padding="kernel")
    assert_same(circular, wound_up(linear, shape))
    inside = tuple(slice(h - 1, n) for h, n in zip(kernel_shape, shape, strict=True))
    assert_same(circular[inside], convolve(image, kernel, mode="valid"))
    expected = np.ones(shape, dtype=bool)
    expected[inside] = False
    kept = linear[tuple(map(slice, shape))]
    np.testing.assert_array_equal(np.round(circular - kept) > 0, expected)


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_wrapped_differs_from_linear_at_the_edges_only(shape, kernel_shape):
    image, kernel = positive_pair(shape, kernel_shape)
    wrapped = fourier_convolve(image, kernel, padding="wrapped")
    linear = convolve(image, kernel, mode="same")
    expected = np.ones(shape, dtype=bool)
    inside = tuple(
        slice(h // 2, n - (h - 1) // 2) for h, n in zip(kernel_shape, shape, strict=True)
    )
    expected[inside] = False
    np.testing.assert_array_equal(np.round(wrapped - linear) != 0, expected)


@pytest.mark.parametrize(("shape", "kernel_shape"), FITS)
def test_zeros_enough_around_the_image_make_every_scheme_linear(shape, kernel_shape):
    image, kernel = pair(shape, kernel_shape)
    around = [(0, h - 1) for h in kernel_shape]
    padded = np.pad(image, around)
    linear = convolve(image, kernel)
    assert_same(fourier_convolve(padded, kernel, padding="kernel"), linear)
    moved = fourier_convolve(padded, kernel, padding="wrapped")
    assert_same(rolled(moved, kernel_shape), linear)


@pytest.mark.parametrize("padding", OVERLAPPING)
@pytest.mark.parametrize(
    ("shape", "kernel_shape", "block"),
    [
        ((13,), (4,), 5),
        ((13,), (4,), (2,)),
        ((13,), (4,), [2]),
        ((13,), (4,), np.int64(3)),
        ((7, 11), (3, 4), 1),
        ((7, 11), (3, 4), (1, 11)),
        ((7, 11), (3, 4), (2, 3)),
        ((7, 11), (3, 4), (7, 11)),
        ((7, 11), (3, 4), (9, 14)),
        ((7, 11), (3, 4), 1000),
        ((3, 4), (7, 9), (2, 1)),
        ((5, 6, 7), (2, 3, 1), 2),
        ((5, 6, 7), (2, 3, 1), (4, 1, 3)),
    ],
)
def test_any_block_gives_the_same(shape, kernel_shape, block, padding):
    image, kernel = pair(shape, kernel_shape)
    result = fourier_convolve(image, kernel, padding=padding, block=block)
    assert_same(result, convolve(image, kernel))


@pytest.mark.parametrize("padding", OVERLAPPING)
def test_blocks_are_as_small_as_asked(padding, monkeypatch):
    sizes = []

    def watched(image, spectrum, size):
        sizes.append(image.shape)
        return original(image, spectrum, size)

    original = classical.convolution.multiply_spectra
    monkeypatch.setattr("classical.convolution.multiply_spectra", watched)
    fourier_convolve(np.ones((5, 4)), np.ones((2, 3)), padding=padding, block=(2, 3))
    if padding == "overlap-add":  # blocks of the image
        assert sizes == [(2, 3), (2, 1), (2, 3), (2, 1), (1, 3), (1, 1)]
    else:  # blocks of the 6x6 result; each reads 1 and 2 additional pixels
        assert sizes == [(3, 5)] * 6


@settings(max_examples=150)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3),
    block=st.none() | st.integers(1, 20),
    padding=st.sampled_from(OVERLAPPING),
    seed=st.integers(0, 2**32),
)
def test_random_blocks(sizes, block, padding, seed):
    image, kernel = pair(*zip(*sizes, strict=True), seed)
    result = fourier_convolve(image, kernel, padding=padding, block=block)
    assert_same(result, convolve(image, kernel))
    assert_same(result, fourier_convolve(image, kernel))


@settings(max_examples=100)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 8)), min_size=1, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_random_circles(sizes, seed):
    shape = tuple(h + more for h, more in sizes)
    kernel_shape = tuple(h for h, _ in sizes)
    image, kernel = pair(shape, kernel_shape, seed)
    wrapped = fourier_convolve(image, kernel, padding="wrapped")
    assert_same(wrapped, convolve(image, kernel, mode="same", boundary="wrap"))
    first = fourier_convolve(image, kernel, padding="kernel")
    assert_same(first, rolled(wrapped, kernel_shape))


@pytest.mark.parametrize("padding", SCHEMES)
def test_errors_stay_small_against_the_largest_pixel(padding):
    image, kernel = pair((127, 131), (127, 131) if padding == "none" else (5, 4))
    image *= 1e9
    result = fourier_convolve(image, kernel, padding=padding)
    if padding in LINEAR:
        expected = signal.convolve2d(image, kernel)
    elif padding == "wrapped":
        expected = signal.convolve2d(image, kernel, "same", "wrap")
    else:
        expected = wound_up(signal.fftconvolve(image, kernel), image.shape)
    assert_same(result, expected)


@pytest.mark.parametrize(
    ("image", "kernel", "error", "message"),
    [
        ([1j], [1], TypeError, "image: expected real numbers, got complex ones (complex128)"),
        ([1], [1j], TypeError, "kernel: expected real numbers, got complex ones (complex128)"),
        (["a"], [1], TypeError, "image: expected an array of real numbers, got dtype <U1"),
        ([[1], [1, 2]], [1], ValueError, "image: expected a rectangular array"),
        ([1, np.nan], [1], ValueError, "image: expected finite numbers, got 1 that are NaN"),
        ([1], [np.inf], ValueError, "kernel: expected finite numbers, got 1 that are NaN"),
        ([], [1], ValueError, "image: expected at least one entry, got an empty array (0,)"),
        ([1], [], ValueError, "kernel: expected at least one entry, got an empty array (0,)"),
        (1.0, 1.0, ValueError, "image: expected 1, 2 or 3 axes, got 0"),
        (np.ones((1,) * 4), np.ones((1,) * 4), ValueError, "image: expected 1, 2 or 3 axes, got 4"),
        ([1], [[1]], ValueError, "kernel: expected as many axes as the image, 1, got 2"),
    ],
)
@pytest.mark.parametrize("padding", SCHEMES)
def test_errors_of_image_and_kernel(image, kernel, error, message, padding):
    with pytest.raises(error, match=re.escape(message)):
        fourier_convolve(image, kernel, padding=padding)


@pytest.mark.parametrize("padding", FITTING)
@pytest.mark.parametrize(
    ("shape", "kernel_shape"), [((2,), (3,)), ((4, 2), (1, 3)), ((2, 2, 2), (3, 1, 1))]
)
def test_errors_of_a_larger_kernel(shape, kernel_shape, padding):
    message = (
        f"kernel: expected a shape no larger than the image {shape}, got {kernel_shape}; "
        "padding 'both' accepts any shape"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fourier_convolve(np.ones(shape), np.ones(kernel_shape), padding=padding)


@pytest.mark.parametrize("kernel_shape", [(2, 2), (4, 3), (3, 2), (3, 4)])
def test_errors_of_two_shapes(kernel_shape):
    message = (
        f"kernel: expected the image's shape (3, 3) for padding 'none', got {kernel_shape}; "
        "padding 'both' accepts any shape"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fourier_convolve(np.ones((3, 3)), np.ones(kernel_shape), padding="none")


@pytest.mark.parametrize("padding", ["zeros", "Both", "", 1, None])
def test_errors_of_an_unknown_padding(padding):
    message = f"padding: expected one of {', '.join(map(repr, SCHEMES))}, got {padding!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fourier_convolve([1], [1], padding=padding)


@pytest.mark.parametrize("padding", ["both", "kernel", "wrapped", "none"])
@pytest.mark.parametrize("block", [4, (4,), 0, "many"])
def test_errors_of_a_block_without_blocks(padding, block):
    message = (
        f"block: expected None for padding {padding!r}, got {block!r}; only 'overlap-add' and "
        "'overlap-save' use blocks"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fourier_convolve([1], [1], padding=padding, block=block)


@pytest.mark.parametrize("padding", OVERLAPPING)
@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        (0, ValueError, "block: expected an integer >= 1, got 0"),
        (-3, ValueError, "block: expected an integer >= 1, got -3"),
        ((2, 0), ValueError, "block: expected an integer >= 1, got 0"),
        (1.5, TypeError, "block: expected an integer >= 1, got 1.5"),
        ((2, 2.0), TypeError, "block: expected an integer >= 1, got 2.0"),
        (True, TypeError, "block: expected an integer >= 1, got True"),
        ("many", TypeError, "block: expected an integer >= 1, got 'many'"),
        (
            (2,),
            ValueError,
            "block: expected one integer, or one for each of the image's 2 axes, got (2,)",
        ),
        (
            (2, 2, 2),
            ValueError,
            "block: expected one integer, or one for each of the image's 2 axes, got (2, 2, 2)",
        ),
        ((), ValueError, "block: expected one integer, or one for each of the image's 2 axes"),
    ],
)
def test_errors_of_a_block(padding, block, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        fourier_convolve([[1]], [[1]], padding=padding, block=block)


@pytest.mark.parametrize("padding", SCHEMES)
def test_inputs_are_left_alone_and_results_are_new(padding):
    image, kernel = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    for array in (image, kernel):
        array.flags.writeable = False
    result = fourier_convolve(image, kernel, padding=padding)
    result[:] = -1
    np.testing.assert_array_equal(image, np.arange(6.0).reshape(2, 3))


def test_the_example_runs():
    outcome = doctest.testmod(classical.padding)
    assert outcome.attempted > 0
    assert outcome.failed == 0
