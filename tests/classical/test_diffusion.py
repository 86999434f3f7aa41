"""Diffusion: compared with one SciPy convolution, its invariants, and the heat kernel."""

import doctest
import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

import classical.diffusion
from classical import convolve, diffuse, heat_kernel
from classical.convolution import BOUNDARIES, MODES
from tests.cases import convolve2d

BINOMIAL = np.outer([1.0, 2, 1], [1, 2, 1]) / 16
EDGE = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])

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
    ((3, 2), (3, 13)),
]


def power(kernel, steps):
    """Return the kernel convolved with itself in mode full; a single 1 for no step."""
    one = np.ones((1,) * kernel.ndim)
    return functools.reduce(
        lambda a, b: signal.convolve(a, b, "full", "direct"), [kernel] * steps, one
    )


def loop(image, kernel, steps, **where):
    """Apply the boundary rule again before each step."""
    for _ in range(steps):
        image = convolve(image, kernel, mode="same", **where)
    return image


def integers(rng, shape):
    """Return small integers as floats; their sums and products are exact in float64."""
    return rng.integers(-3, 4, shape).astype(float)


def point(shape):
    image = np.zeros(shape)
    image[tuple((n - 1) // 2 for n in shape)] = 1
    return image


def moments(density, axis):
    """Return total, mean and variance along an axis, relative to ``(h - 1) // 2``."""
    place = np.arange(density.shape[axis]) - (density.shape[axis] - 1) // 2
    along = density.sum(axis=tuple(a for a in range(density.ndim) if a != axis))
    total = along.sum()
    mean = along @ place / total
    return total, mean, along @ (place - mean) ** 2 / total


class TestOneConvolution:
    """All steps together equal one convolution with the kernel's power; exactly for integers."""

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5])
    @pytest.mark.parametrize(("shape", "kernel_shape"), SHAPES)
    def test_listed_shapes_equal_scipy(self, shape, kernel_shape, steps, mode, boundary):
        rng = np.random.default_rng(1)
        image, kernel = integers(rng, shape), integers(rng, kernel_shape)
        whole = power(kernel, steps)
        options = {"mode": mode, "boundary": boundary, "fillvalue": 2.0}
        if mode == "valid" and any(h > n for h, n in zip(whole.shape, shape, strict=True)):
            with pytest.raises(ValueError, match=r"steps: expected at most .* for mode 'valid'"):
                diffuse(image, kernel, steps, **options)
            return
        result = diffuse(image, kernel, steps, **options)
        np.testing.assert_array_equal(result, convolve2d(image, whole, **options))
        np.testing.assert_array_equal(result, convolve(image, whole, **options))

    @settings(max_examples=100)
    @given(
        shape=st.lists(st.integers(1, 8), min_size=1, max_size=3),
        reach=st.lists(st.integers(1, 5), min_size=3, max_size=3),
        steps=st.integers(0, 4),
        mode=st.sampled_from(["full", "same"]),
        boundary=st.sampled_from(BOUNDARIES),
        seed=st.integers(0, 2**32),
    )
    def test_random_shapes_equal_the_reference(self, shape, reach, steps, mode, boundary, seed):
        rng = np.random.default_rng(seed)
        image, kernel = integers(rng, shape), integers(rng, reach[: len(shape)])
        options = {"mode": mode, "boundary": boundary, "fillvalue": -1.0}
        expected = convolve(image, power(kernel, steps), **options)
        np.testing.assert_array_equal(diffuse(image, kernel, steps, **options), expected)

    @pytest.mark.parametrize("kernel_shape", [(2, 2, 2), (3, 1, 2)])
    @pytest.mark.parametrize("mode", MODES)
    def test_volumes_equal_scipy(self, mode, kernel_shape):
        rng = np.random.default_rng(2)
        volume, kernel = integers(rng, (7, 8, 9)), integers(rng, kernel_shape)
        expected = signal.convolve(volume, power(kernel, 3), mode, "direct")
        np.testing.assert_array_equal(diffuse(volume, kernel, 3, mode=mode), expected)

    @settings(max_examples=50)
    @given(
        first=st.integers(0, 4),
        second=st.integers(0, 4),
        boundary=st.sampled_from(BOUNDARIES),
        seed=st.integers(0, 2**32),
    )
    def test_steps_add_up(self, first, second, boundary, seed):
        rng = np.random.default_rng(seed)
        image, kernel = integers(rng, (5, 6)), integers(rng, (2, 3))
        once = diffuse(image, kernel, first + second)
        reach = (first + second) // 2, first + second
        assert once.shape == image.shape
        twice = diffuse(diffuse(image, kernel, first, mode="full"), kernel, second, mode="full")
        np.testing.assert_array_equal(twice, diffuse(image, kernel, first + second, mode="full"))
        np.testing.assert_array_equal(once, twice[reach[0] :, reach[1] :][:5, :6])
        # With a periodic boundary, the steps can be split after any even number.
        ring = {"mode": "same", "boundary": "wrap"}
        halves = diffuse(diffuse(image, kernel, 2 * first, **ring), kernel, 2 * second, **ring)
        whole = diffuse(image, kernel, 2 * (first + second), **ring)
        np.testing.assert_array_equal(halves, whole)

    def test_no_step_is_a_copy(self):
        image = np.arange(6.0).reshape(2, 3)
        image.flags.writeable = False
        for mode in MODES:
            for boundary in BOUNDARIES:
                result = diffuse(image, EDGE, 0, mode=mode, boundary=boundary)
                np.testing.assert_array_equal(result, image)
                result[:] = -1
        np.testing.assert_array_equal(image, np.arange(6.0).reshape(2, 3))


class TestEdges:
    @pytest.mark.parametrize("steps", [1, 2, 3, 4])
    def test_a_loop_absorbs_what_comes_near_the_edge_and_nothing_else(self, steps):
        rng, kernel = np.random.default_rng(3), np.ones((5, 3))
        margins = 2 * (steps - 1), steps - 1
        inside = rng.integers(1, 9, (6, 5))
        image = np.pad(inside, [(m, m) for m in margins])
        np.testing.assert_array_equal(diffuse(image, kernel, steps), loop(image, kernel, steps))
        for axis, margin in enumerate(margins):
            if margin:  # one pixel less
                close = np.take(image, range(1, image.shape[axis]), axis)
                lost = diffuse(close, kernel, steps) - loop(close, kernel, steps)
                assert lost.min() >= 0
                assert lost.max() > 0

    def test_a_loop_absorbs_by_hand(self):
        np.testing.assert_array_equal(diffuse([1, 0, 0], [1, 2, 1], 2), [6, 4, 1])
        np.testing.assert_array_equal(loop([1, 0, 0], [1, 2, 1], 2), [5, 4, 1])

    @pytest.mark.parametrize("shape", [(7, 6), (1, 2)])
    def test_a_loop_that_wraps_or_reflects_is_free(self, shape):
        rng = np.random.default_rng(4)
        image, kernel = integers(rng, shape), integers(rng, (3, 5))
        wrapped = diffuse(image, kernel, 4, boundary="wrap")
        np.testing.assert_array_equal(wrapped, loop(image, kernel, 4, boundary="wrap"))
        mirrored = kernel + kernel[::-1]
        mirrored += mirrored[:, ::-1]
        reflected = diffuse(image, mirrored, 4, boundary="symm")
        np.testing.assert_array_equal(reflected, loop(image, mirrored, 4, boundary="symm"))

    @settings(max_examples=50)
    @given(
        shape=st.lists(st.integers(1, 7), min_size=1, max_size=3),
        reach=st.lists(st.integers(1, 4), min_size=3, max_size=3),
        steps=st.integers(0, 5),
        seed=st.integers(0, 2**32),
    )
    def test_total_is_kept(self, shape, reach, steps, seed):
        rng = np.random.default_rng(seed)
        image, kernel = integers(rng, shape), integers(rng, reach[: len(shape)])
        total = image.sum() * kernel.sum() ** steps
        assert diffuse(image, kernel, steps, boundary="wrap").sum() == total
        assert diffuse(image, kernel, steps, mode="full").sum() == total

    def test_a_flat_world_stays_flat(self):
        for boundary in BOUNDARIES:
            result = diffuse(np.full((5, 6), 3), EDGE + 1, 3, boundary=boundary, fillvalue=3)
            np.testing.assert_array_equal(result, np.full((5, 6), 3.0 * 9**3))

    def test_a_ring_comes_to_rest(self):
        # The slowest wave decays by the factor (1 + cos(2 pi / n)) / 2 per step.
        image = np.random.default_rng(5).random((6, 5))
        steps, slowest = 300, (1 + math.cos(2 * math.pi / 6)) / 2
        result = diffuse(image, BINOMIAL, steps, boundary="wrap")
        limit = np.abs(image).sum() * slowest**steps + 1e-13
        np.testing.assert_allclose(result, np.full((6, 5), image.mean()), rtol=0, atol=limit)


class TestHeatKernel:
    @pytest.mark.parametrize("shape", [(1,), (6,), (7,), (5, 8), (3, 4, 5)])
    def test_is_a_sampled_gaussian(self, shape):
        kernel = heat_kernel(shape, 0.7, 1.5)
        assert kernel.shape == shape
        assert kernel.dtype == np.float64
        assert kernel.sum() == pytest.approx(1, abs=1e-15)
        places = [np.arange(h) - (h - 1) // 2 for h in shape]
        density = stats.norm.pdf(np.stack(np.meshgrid(*places, indexing="ij")), 0, math.sqrt(2.1))
        expected = density.prod(axis=0)
        np.testing.assert_allclose(kernel, expected / expected.sum(), rtol=1e-13)

    @pytest.mark.parametrize("variance", [0.5, 1.0, 2.0, 30.0])
    def test_variance_is_that_of_the_continuum(self, variance):
        kernel = heat_kernel((101, 100), variance / 2)
        bound = 8 * math.pi**2 * variance**2 * math.exp(-2 * math.pi**2 * variance)
        for axis in (0, 1):
            _, mean, actual = moments(kernel, axis)
            assert mean == pytest.approx(0, abs=1e-12)
            assert abs(actual - variance) <= bound + 1e-12
            if variance == 0.5:
                assert variance - actual == pytest.approx(bound, rel=1e-3)

    @pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (1.0, 2.0), (3.0, 3.0)])
    def test_times_add_up(self, first, second):
        # Poisson summation: samples of variances a and b convolve to the sample of variance a + b.
        # The error has the relative size 2 exp(-2 pi^2 a b / (a + b)); the norms have errors of 2
        # exp(-2 pi^2 a) or less. The shape extends 12 standard deviations to either side.
        a, b = 2 * first, 2 * second
        shape = (2 * math.ceil(12 * math.sqrt(a + b)) + 1,)
        both = convolve(heat_kernel(shape, first), heat_kernel(shape, second), mode="same")
        once = heat_kernel(shape, first + second)
        bound = 8 * math.exp(-2 * math.pi**2 * a * b / (a + b))
        assert np.abs(both - once).max() <= bound * once.max() + 1e-15
        assert bound < 5e-4

    @pytest.mark.parametrize("time", [1e-300, 5e-324, 1e-5])
    def test_no_time_is_no_diffusion(self, time):
        np.testing.assert_array_equal(heat_kernel((3, 4), time), point((3, 4)))

    def test_a_very_long_time_is_flat(self):
        np.testing.assert_allclose(heat_kernel((4, 5), 1e300), np.full((4, 5), 1 / 20), rtol=1e-14)

    def test_diffusivity_is_a_unit_of_time(self):
        np.testing.assert_allclose(
            heat_kernel((9, 9), 3, 0.5), heat_kernel((9, 9), 1.5), rtol=1e-14
        )


class TestApproach:
    @pytest.mark.parametrize("kernel", [BINOMIAL, np.ones((3, 5)) / 15, np.ones((2, 4)) / 8])
    def test_variances_add_up(self, kernel):
        density = diffuse([[1]], kernel, 6, mode="full")
        for axis in (0, 1):
            _, _, one = moments(kernel, axis)
            total, _, many = moments(density, axis)
            assert total == pytest.approx(1, abs=1e-14)
            assert many == pytest.approx(6 * one, rel=1e-13)

    @pytest.mark.parametrize("steps", [8, 16, 32])
    def test_binomial_steps_approach_the_heat_kernel(self, steps):
        # The variance is 1/2 per step, so D = 1 gives the time 1/4 per step. After n steps the
        # centre is C(2n, n) / 4^n = (1 - 1/(8n) + 1/(128 n^2) + O(n^-3)) / sqrt(pi n), squared in 2
        # axes. No other pixel has a larger error.
        size = 6 * steps + 1
        density = diffuse(point((size, size)), BINOMIAL, steps)
        heat = heat_kernel((size, size), steps / 4)
        middle = 3 * steps, 3 * steps
        error = np.abs(density - heat).max()
        assert error == heat[middle] - density[middle]
        predicted = 1 - (1 - 1 / (8 * steps) + 1 / (128 * steps**2)) ** 2
        assert error / heat[middle] == pytest.approx(predicted, abs=1 / steps**3 / 64)

    @pytest.mark.parametrize("steps", [2, 5])
    def test_steps_of_the_heat_kernel_are_the_heat_kernel(self, steps):
        # The bound is as for two times that add up; over all steps a b / (a + b) >= a / 2.
        variance, shape = 2.0, (41, 41)
        result = diffuse(point((81, 81)), heat_kernel(shape, variance / 2), steps)
        exact = heat_kernel((81, 81), steps * variance / 2)
        bound = 2 * steps * 8 * math.exp(-(math.pi**2) * variance)
        assert np.abs(result - exact).max() <= bound * exact.max()
        assert bound < 3e-7


def test_examples_of_the_documentation_run():
    outcome = doctest.testmod(classical.diffusion)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_power_of_a_kernel_is_its_power():
    np.testing.assert_array_equal(power(np.array([1, 1]), 4), [1, 4, 6, 4, 1])
    np.testing.assert_array_equal(power(EDGE, 0), [[1]])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": -1}, ValueError, "steps: expected an integer >= 0, got -1"),
        ({"steps": 1.0}, TypeError, "steps: expected an integer >= 0, got 1.0"),
        ({"steps": True}, TypeError, "steps: expected an integer >= 0, got True"),
        ({"mode": "all"}, ValueError, "mode: expected one of 'full', 'same', 'valid', got 'all'"),
        ({"boundary": 3}, ValueError, "boundary: expected one of 'fill', 'wrap', .* got 3"),
        ({"fillvalue": 1j}, TypeError, "fillvalue: expected a real number, got 1j"),
        ({"fillvalue": np.inf}, ValueError, "fillvalue: expected a finite number, got inf"),
        ({"image": [1j]}, TypeError, "image: expected real numbers"),
        ({"image": []}, ValueError, "image: expected at least one entry"),
        ({"image": 1}, ValueError, "image: expected 1, 2 or 3 axes, got 0"),
        ({"kernel": [[1]]}, ValueError, "kernel: expected as many axes as the image, 1, got 2"),
        ({"kernel": [np.nan]}, ValueError, "kernel: expected finite numbers, got 1 that"),
        ({"mode": "valid"}, ValueError, "steps: expected at most 2 for mode 'valid', got 3"),
        ({"kernel": [1e200, 1]}, ValueError, "steps: values overflow within"),
        (
            {"kernel": [1e200, -1e200], "boundary": "wrap"},
            ValueError,
            "steps: values overflow within 3 steps; scale the kernel down",
        ),
    ],
)
def test_errors_name_the_argument(options, error, message):
    arguments = {"image": [1.0, 2, 3], "kernel": [1.0, 2], "steps": 3, **options}
    with pytest.raises(error, match=message):
        diffuse(**arguments)


@pytest.mark.parametrize(
    ("time", "diffusivity", "error", "message"),
    [
        (0, 1, ValueError, "time: expected a number > 0, got 0"),
        (-1, 1, ValueError, "time: expected a number > 0, got -1"),
        (1, 0, ValueError, "diffusivity: expected a number > 0, got 0"),
        (np.nan, 1, ValueError, "time: expected a finite number, got nan"),
        ("x", 1, TypeError, "time: expected a real number, got 'x'"),
        (1, None, TypeError, "diffusivity: expected a real number, got None"),
        (1e200, 1e200, ValueError, "time: expected 2 .* to be finite and above 0, got inf"),
        (1e-200, 1e-200, ValueError, "time: expected 2 .* to be finite and above 0, got 0.0"),
    ],
)
def test_errors_of_the_heat_kernel_name_the_argument(time, diffusivity, error, message):
    with pytest.raises(error, match=message):
        heat_kernel((3, 3), time, diffusivity)
