"""Kernel to probabilities and weights."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special

from qconv import Propagator
from qconv.kernels import named_kernel
from tests.cases import EDGE

NEIGHBOUR = 1 / (8 + np.exp(9))  # softmax of the edge detector: exp(-1) / (8 exp(-1) + e^8)

kernels = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=5),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False),
)


class TestFromKernel:
    def test_by_hand(self):
        propagator = Propagator.from_kernel([[1, -2], [0, 5]])
        assert propagator.probabilities.tolist() == [[0.125, 0.25], [0, 0.625]]
        assert propagator.weights.tolist() == [[8, -8], [0, 8]]
        assert propagator.effective_kernel.tolist() == [[1, -2], [0, 5]]
        assert propagator.shape == (2, 2)

    def test_edge(self):
        propagator = Propagator.from_kernel(EDGE)
        assert propagator.probabilities[1, 1] == 0.5
        assert propagator.probabilities[0, 0] == 1 / 16
        assert np.array_equal(propagator.weights, 16 * np.sign(EDGE))

    @given(kernels)
    def test_effective_kernel_is_the_kernel(self, kernel):
        if not kernel.any():
            return
        propagator = Propagator.from_kernel(kernel)
        assert abs(propagator.probabilities.sum() - 1) < 1e-12
        assert (propagator.probabilities >= 0).all()
        scale = np.abs(kernel).max()
        np.testing.assert_allclose(propagator.effective_kernel, kernel, rtol=0, atol=1e-14 * scale)

    @given(kernels, st.floats(1e-3, 1e3))
    def test_scale_is_only_in_the_weights(self, kernel, factor):
        if np.abs(kernel).max() < 1e-9:
            return
        one, other = Propagator.from_kernel(kernel), Propagator.from_kernel(-factor * kernel)
        np.testing.assert_allclose(other.probabilities, one.probabilities, atol=1e-14)
        np.testing.assert_allclose(other.weights, -factor * one.weights, rtol=1e-12)

    @pytest.mark.parametrize("magnitude", [5e-324, 1e-310, 1e-300, 1.0, 1e300, 1.7e308])
    def test_any_magnitude(self, magnitude):
        propagator = Propagator.from_kernel([magnitude, 0, 0])
        assert propagator.probabilities.tolist() == [1, 0, 0]
        assert propagator.effective_kernel.tolist() == [magnitude, 0, 0]

    def test_huge_entries_of_both_signs(self):
        propagator = Propagator.from_kernel([1e300, -1e300, 2e300])
        np.testing.assert_allclose(propagator.probabilities, [0.25, 0.25, 0.5])
        np.testing.assert_allclose(propagator.effective_kernel / 1e300, [1, -1, 2])

    def test_a_sum_that_overflows(self):
        with pytest.raises(ValueError, match=r"kernel: expected a finite sum"):
            Propagator.from_kernel([1.5e308, 1.5e308])

    @pytest.mark.parametrize(
        "kernel", [[True, False], np.array([1, 2], np.uint8), np.array([1, -2], np.float32)]
    )
    def test_number_types(self, kernel):
        assert Propagator.from_kernel(kernel).effective_kernel.dtype == np.float64

    @pytest.mark.parametrize(
        ("kernel", "error", "message"),
        [
            ([0, 0.0], ValueError, "kernel: expected at least one entry other than 0"),
            ([], ValueError, r"kernel: expected at least one entry, got an empty array \(0,\)"),
            ([1, np.nan], ValueError, "kernel: expected finite numbers, got 1 that are NaN"),
            ([np.inf, -np.inf], ValueError, "kernel: expected finite numbers, got 2"),
            ([[1, 2], [3]], ValueError, "kernel: expected a rectangular array"),
            ("edge", TypeError, "kernel: expected an array of real numbers, got str"),
            (["1"], TypeError, "kernel: expected an array of real numbers, got"),
            (None, TypeError, "kernel: expected an array of real numbers, got NoneType"),
            (
                [object()],
                TypeError,
                "kernel: expected an array of real numbers, got an array of obj",
            ),
            (np.array(["2020"], "M8"), TypeError, "kernel: expected an array of real numbers"),
        ],
    )
    def test_refuses(self, kernel, error, message):
        with pytest.raises(error, match=message):
            Propagator.from_kernel(kernel)


class TestSoftmax:
    def test_numbers_of_the_edge_detector(self):
        p = Propagator.softmax(EDGE).probabilities
        assert round(p[1, 1], 6) == 0.999014
        neighbours = np.delete(p.ravel(), 4)
        assert np.ptp(neighbours) == 0
        assert f"{neighbours[0]:.6e}" == "1.232881e-04"
        assert neighbours[0] == pytest.approx(NEIGHBOUR, rel=1e-13)

    def test_edge_detector_is_identity_minus_a_little_of_itself(self):
        identity = np.zeros((3, 3))
        identity[1, 1] = 1
        effective = Propagator.softmax(EDGE).effective_kernel
        np.testing.assert_allclose(effective, identity - NEIGHBOUR * EDGE, rtol=1e-12)

    @given(kernels, st.floats(1e-3, 1e6))
    def test_is_the_softmax(self, kernel, temperature):
        propagator = Propagator.softmax(kernel, temperature)
        expected = special.softmax(kernel / temperature)
        np.testing.assert_allclose(propagator.probabilities, expected, rtol=1e-6, atol=1e-15)
        assert (propagator.weights == 1).all()

    @given(kernels, st.floats(-1e5, 1e5))
    def test_does_not_see_a_constant(self, kernel, constant):
        one, other = Propagator.softmax(kernel, 10), Propagator.softmax(kernel + constant, 10)
        np.testing.assert_allclose(other.probabilities, one.probabilities, rtol=1e-8, atol=1e-12)

    @pytest.mark.parametrize(
        ("kernel", "temperature", "expected"),
        [
            ([1e300, -1e300], 1, [1, 0]),
            ([1.7e308, -1.7e308], 1, [1, 0]),
            ([-1e300, -1e300], 1, [0.5, 0.5]),
            ([-1e300, -1e300, 1e300], 5e-324, [0, 0, 1]),
            ([1, 2], 1e-320, [0, 1]),
            ([8, -1], 1e300, [0.5, 0.5]),
            ([1e300, 0], 1e300, [np.e / (1 + np.e), 1 / (1 + np.e)]),
            ([1e-300, 0], 1e-300, [np.e / (1 + np.e), 1 / (1 + np.e)]),
            ([0, 0, 0, 0], 1, [0.25] * 4),
        ],
    )
    def test_any_magnitude(self, kernel, temperature, expected):
        p = Propagator.softmax(kernel, temperature).probabilities
        np.testing.assert_allclose(p, expected, rtol=1e-14)

    @pytest.mark.parametrize(
        ("temperature", "error", "message"),
        [
            (0, ValueError, "temperature: expected a number > 0, got 0"),
            (-1, ValueError, "temperature: expected a number > 0, got -1"),
            (np.nan, ValueError, "temperature: expected"),
            (np.inf, ValueError, "temperature: expected"),
            (1j, TypeError, "temperature: expected"),
            ("hot", TypeError, "temperature: expected"),
            (None, TypeError, "temperature: expected"),
        ],
    )
    def test_refuses_temperatures(self, temperature, error, message):
        with pytest.raises(error, match=message):
            Propagator.softmax(EDGE, temperature)

    @pytest.mark.parametrize("temperature", [[1, 2], []])
    def test_refuses_arrays_as_temperature(self, temperature):
        with pytest.raises((TypeError, ValueError), match="temperature: expected"):
            Propagator.softmax(EDGE, temperature)

    def test_refuses_kernels(self):
        for kernel, error in [([np.nan], ValueError), ([], ValueError), ([1j], TypeError)]:
            with pytest.raises(error, match="kernel: expected"):
                Propagator.softmax(kernel)


class TestGiven:
    def test_sum_is_made_exact(self):
        propagator = Propagator([0.3, 0.7 + 5e-10], [1, 1])
        assert propagator.probabilities.sum() == pytest.approx(1, abs=1e-15)

    @pytest.mark.parametrize(
        ("probabilities", "weights", "error", "message"),
        [
            ([0.3, 0.6], [1, 1], ValueError, "probabilities: expected a sum of 1, got 0.9"),
            (
                [0.3, 0.7 + 1e-6],
                [1, 1],
                ValueError,
                "probabilities: expected a sum of 1, got 1.0000",
            ),
            ([1.5, -0.5], [1, 1], ValueError, "probabilities: expected entries >= 0, got -0.5"),
            ([1.0], [1, 1], ValueError, r"weights: expected the shape .* \(1,\), got \(2,\)"),
            ([[1.0]], [1], ValueError, r"weights: expected the shape .* \(1, 1\), got \(1,\)"),
            ([1.0], [np.nan], ValueError, "weights: expected finite"),
            ([np.nan], [1], ValueError, "probabilities: expected finite"),
            ([], [], ValueError, "probabilities: expected at least one entry"),
            ([1j], [1], TypeError, "probabilities: expected real"),
            ([1], None, TypeError, "weights: expected an array"),
        ],
    )
    def test_refuses(self, probabilities, weights, error, message):
        with pytest.raises(error, match=message):
            Propagator(probabilities, weights)

    def test_is_frozen(self):
        propagator = Propagator([1.0], [2.0])
        with pytest.raises(dataclasses.FrozenInstanceError):
            propagator.weights = np.ones(1)
        for array in (propagator.probabilities, propagator.weights):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0.5

    def test_is_a_copy(self):
        p, w = np.array([0.5, 0.5]), np.array([1.0, 2])
        propagator = Propagator(p, w)
        p[:], w[:] = 0, 0
        assert propagator.probabilities.tolist() == [0.5, 0.5]
        assert propagator.weights.tolist() == [1, 2]
        p[0] = 1  # and the caller's arrays stay writable


class TestExcluding:
    def test_by_hand(self):
        rest = Propagator([0.5, 0.125, 0.375], [2, -4, 8]).excluding((0,))
        assert rest.probabilities.tolist() == [0, 0.25, 0.75]
        assert rest.effective_kernel.tolist() == [0, -0.5, 3]

    @given(kernels)
    def test_effective_kernel_loses_one_entry(self, kernel):
        position = tuple(n // 2 for n in kernel.shape)
        without = kernel.copy()
        without[position] = 0
        if np.abs(without).sum() < 1e-9 * np.abs(kernel).sum() or not without.any():
            return
        rest = Propagator.from_kernel(kernel).excluding(position)
        scale = np.abs(kernel).max()
        np.testing.assert_allclose(rest.effective_kernel, without, rtol=0, atol=1e-12 * scale)
        assert rest.probabilities[position] == 0

    def test_nowhere_else_to_land(self):
        with pytest.raises(
            ValueError,
            match=r"position: expected a position with probability below 1, got \(1, 1\)",
        ):
            Propagator.from_kernel(named_kernel("identity")).excluding((1, 1))


class TestNamedKernels:
    def test_by_hand(self):
        assert named_kernel("gaussian").tolist() == (np.outer([1, 2, 1], [1, 2, 1]) / 16).tolist()
        assert named_kernel("edge").tolist() == EDGE.tolist()
        assert named_kernel("identity", 1).tolist() == [[1]]
        assert named_kernel("edge", 5)[2, 2] == 24
        assert named_kernel("box", 5).sum() == pytest.approx(1)
        row = np.array([1, 4, 6, 4, 1]) / 16
        np.testing.assert_allclose(named_kernel("gaussian", 5), np.outer(row, row))

    @pytest.mark.parametrize(
        ("name", "total"),
        [
            *[(name, 1) for name in ("identity", "box", "gaussian", "sharpen", "emboss")],
            *[(name, 0) for name in ("edge", "laplacian", "sobel-x", "sobel-y")],
        ],
    )
    def test_sums(self, name, total):
        assert named_kernel(name).sum() == pytest.approx(total, abs=1e-15)

    def test_sobel_answers_positively_where_brightness_rises(self):
        ramp = np.arange(5.0)
        across = np.convolve(ramp, named_kernel("sobel-x")[1], mode="valid")
        down = np.convolve(ramp, named_kernel("sobel-y")[:, 1], mode="valid")
        assert (across > 0).all()
        assert (down > 0).all()

    def test_each_call_gives_an_array_of_its_own(self):
        named_kernel("edge")[:] = 0
        named_kernel("sobel-x")[:] = 0
        assert named_kernel("edge").any()
        assert named_kernel("sobel-x").any()

    @pytest.mark.parametrize(
        ("name", "size", "error", "message"),
        [
            ("blur", None, ValueError, "kernel: expected one of 'identity', .*, got 'blur'"),
            (3, None, ValueError, "kernel: expected one of .*, got 3"),
            ("Edge", None, ValueError, "got 'Edge'"),
            ("box", 2, ValueError, "size: expected an odd number.*got 2"),
            ("box", 0, ValueError, "size: expected an integer >= 1, got 0"),
            ("box", -3, ValueError, "size: expected an integer >= 1, got -3"),
            ("box", 3.0, TypeError, "size: expected an integer >= 1, got 3.0"),
            ("box", True, TypeError, "size: expected an integer"),
            ("sobel-x", 5, ValueError, "size: sobel-x exists as 3 x 3 only, got 5"),
        ],
    )
    def test_refuses(self, name, size, error, message):
        with pytest.raises(error, match=message):
            named_kernel(name, size)
