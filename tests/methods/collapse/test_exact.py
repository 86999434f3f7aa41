"""``shots=None`` against SciPy and NumPy: every mode, boundary and shape, to 1e-10."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit_aer import AerSimulator
from scipy import signal

import qconv
from tests.cases import (
    BOUNDARIES,
    EDGE,
    MODES,
    SHAPES,
    close,
    convolve2d,
    correlate2d,
    correlate_nd,
    random_integers,
)

METHODS = {
    "plain": qconv.Collapse(),
    "baseline": qconv.Collapse(baseline=True),
    "shared": qconv.Collapse(shared=True, baseline=True),
}
VERBS = [
    pytest.param(qconv.convolve, convolve2d, id="convolve"),
    pytest.param(qconv.correlate, correlate2d, id="correlate"),
]


def matches(ours, scipys, image, kernel, method, **where):
    """Check that both give the same numbers, or that both raise a ValueError."""
    try:
        expected = scipys(image, kernel, **where)
    except ValueError:
        with pytest.raises(ValueError, match="mode: 'valid' requires"):
            ours(image, kernel, method=method, shots=None, **where)
        return
    result = ours(image, kernel, method=method, shots=None, **where)
    # SciPy's rounding error is relative to the largest sum of magnitudes, not to the result.
    scale = np.abs(kernel).sum() * max(np.abs(image).max(), abs(where.get("fillvalue", 0)))
    assert result.image.shape == expected.shape
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-10 * scale)
    assert (result.stderr == 0).all()


@pytest.mark.parametrize(("ours", "scipys"), VERBS)
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_curated_shapes(ours, scipys, name, mode, boundary):
    image, kernel = (random_integers(shape, seed) for seed, shape in enumerate(SHAPES[name]))
    for method in METHODS.values():
        matches(ours, scipys, image, kernel, method, mode=mode, boundary=boundary, fillvalue=2.5)


@pytest.mark.parametrize(("ours", "scipys"), VERBS)
@pytest.mark.parametrize("seed", range(40))
def test_random_shapes(ours, scipys, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=rng.integers(1, 14, size=2))
    kernel = rng.normal(size=rng.integers(1, 8, size=2))
    if seed % 3 == 0:
        kernel[rng.random(kernel.shape) < 0.5] = 0
        kernel[0, 0] = kernel[0, 0] or 1
    where = {
        "mode": rng.choice(MODES).item(),
        "boundary": rng.choice(BOUNDARIES).item(),
        "fillvalue": float(rng.choice([0, rng.normal()])),
    }
    for method in METHODS.values():
        matches(ours, scipys, image, kernel, method, **where)


@settings(max_examples=30)
@given(
    st.tuples(*[st.integers(1, 6)] * 4),
    st.sampled_from(MODES),
    st.sampled_from(BOUNDARIES),
    st.integers(0, 2**32 - 1),
)
def test_integers_come_out_as_integers(sizes, mode, boundary, seed):
    image, kernel = random_integers(sizes[:2], seed), random_integers(sizes[2:], seed + 1)
    where = {"mode": mode, "boundary": boundary}
    try:
        expected = convolve2d(image, kernel, **where)
    except ValueError:
        return
    result = qconv.convolve(image, kernel, shots=None, **where)
    scale = (
        1e-12 * np.abs(image).max() * np.abs(kernel).sum()
    )  # sums that cancel have rounding errors too
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=scale)


class TestByHand:
    def test_default_is_full_and_filled_with_zeros(self):
        result = qconv.convolve([[1, 2], [3, 4]], [[1, 0], [0, -1]], shots=None)
        np.testing.assert_allclose(result.image, [[1, 2, 0], [3, 3, -2], [0, -3, -4]], atol=1e-12)

    def test_edge_of_a_dot(self):
        image = np.zeros((5, 5))
        image[2, 2] = 2
        result = qconv.convolve(image, EDGE, shots=None, mode="same")
        expected = np.zeros((5, 5))
        expected[1:4, 1:4] = 2 * EDGE
        np.testing.assert_allclose(result.image, expected, atol=1e-12)

    def test_identity(self):
        image = random_integers((6, 7), 0)
        result = qconv.convolve(image, [[1]], shots=None)
        assert np.array_equal(result.image, image)

    def test_constant_image_with_a_baseline_is_constant_to_the_bit(self):
        for shots in (None, 1, 20):
            for method in (qconv.Collapse(baseline=True), qconv.Collapse(True, True)):
                where = {"mode": "same", "boundary": "symm"}
                result = qconv.convolve(
                    np.full((8, 9), 37.25), EDGE, method=method, shots=shots, seed=1, **where
                )
                assert (result.image == 0).all()
                assert (result.stderr == 0).all()

    def test_symmetric_kernels_do_not_care_which_verb(self):
        image = random_integers((6, 7), 0)
        one = qconv.convolve(image, EDGE, shots=None, mode="same")
        close(qconv.correlate(image, EDGE, shots=None, mode="same").image, one.image, 1e-14)


class TestOneAxis:
    @pytest.mark.parametrize(("n", "h"), [(1, 1), (1, 5), (7, 3), (7, 4), (6, 6), (3, 8), (13, 2)])
    @pytest.mark.parametrize("mode", ["full", "valid"])
    def test_numpy(self, n, h, mode):
        image, kernel = random_integers((n,), 1), random_integers((h,), 2)
        result = qconv.convolve(image, kernel, shots=None, mode=mode)
        close(result.image, np.convolve(image, kernel, mode=mode))

    @pytest.mark.parametrize(("n", "h"), [(5, 1), (7, 3), (7, 4), (6, 6), (13, 2)])
    def test_numpy_same_where_the_kernel_is_not_longer(self, n, h):
        image, kernel = random_integers((n,), 1), random_integers((h,), 2)
        result = qconv.convolve(image, kernel, shots=None, mode="same")
        close(result.image, np.convolve(image, kernel, mode="same"))

    @pytest.mark.parametrize(("n", "h"), [(1, 1), (1, 5), (7, 3), (7, 4), (6, 6), (3, 8), (13, 2)])
    def test_is_one_row_of_two_axes(self, n, h):
        image, kernel = random_integers((n,), 1), random_integers((h,), 2)
        for mode, boundary in itertools.product(MODES, BOUNDARIES):
            where = {"mode": mode, "boundary": boundary, "fillvalue": 3}
            for ours, scipys in ((qconv.convolve, convolve2d), (qconv.correlate, correlate_nd)):
                row = scipys(image[None], kernel[None], **where)[0]
                close(ours(image, kernel, shots=None, **where).image, row)


class TestThreeAxes:
    @pytest.mark.parametrize(
        ("image_shape", "kernel_shape"),
        [
            ((1, 1, 1), (1, 1, 1)),
            ((3, 4, 5), (2, 3, 1)),
            ((5, 4, 3), (3, 3, 3)),
            ((2, 2, 2), (3, 4, 5)),
            ((17, 18, 19), (2, 2, 3)),
        ],
    )
    @pytest.mark.parametrize("mode", MODES)
    def test_scipy(self, image_shape, kernel_shape, mode):
        image, kernel = random_integers(image_shape, 1), random_integers(kernel_shape, 2)
        for method in METHODS.values():
            result = qconv.convolve(image, kernel, method=method, shots=None, mode=mode)
            close(result.image, signal.convolve(image, kernel, mode=mode, method="direct"))

    def test_correlation(self):
        image, kernel = random_integers((3, 4, 5), 1), random_integers((2, 3, 4), 2)
        for mode in MODES:
            result = qconv.correlate(image, kernel, shots=None, mode=mode)
            close(result.image, signal.correlate(image, kernel, mode=mode, method="direct"))

    def test_impossible_valid(self):
        with pytest.raises(ValueError, match="valid"):
            signal.convolve(np.ones((3, 3, 1)), np.ones((2, 2, 2)), mode="valid")
        with pytest.raises(ValueError, match="mode: 'valid' requires"):
            qconv.convolve(np.ones((3, 3, 1)), np.ones((2, 2, 2)), mode="valid")


class TestPropagators:
    def test_softmax(self):
        image = random_integers((9, 8), 3)
        propagator = qconv.Propagator.softmax(EDGE, 4)
        result = qconv.convolve(image, propagator, shots=None, mode="same", boundary="wrap")
        expected = signal.convolve2d(
            image, propagator.effective_kernel, mode="same", boundary="wrap"
        )
        close(result.image, expected)

    @pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
    def test_weights_of_any_size(self, method):
        rng = np.random.default_rng(4)
        image, p, w = rng.normal(size=(9, 8)), rng.dirichlet(np.ones(6)), rng.normal(size=6)
        propagator = qconv.Propagator(p.reshape(2, 3), w.reshape(2, 3))
        result = qconv.correlate(image, propagator, method=method, shots=None, boundary="symm")
        expected = signal.correlate2d(image, (p * w).reshape(2, 3), boundary="symm")
        close(result.image, expected)

    def test_weight_zero(self):
        propagator = qconv.Propagator([0.5, 0.5], [0.0, 3.0])
        result = qconv.convolve([1.0, 2, 3], propagator, shots=None)
        np.testing.assert_allclose(result.image, [0, 1.5, 3, 4.5], atol=1e-12)

    def test_same_as_the_kernel(self):
        image = random_integers((9, 8), 3)
        one = qconv.convolve(image, EDGE, seed=1)
        other = qconv.convolve(image, qconv.Propagator.from_kernel(EDGE), seed=1)
        assert one.image.tobytes() == other.image.tobytes()
        assert one.quantity == other.quantity


class TestNumberTypes:
    @pytest.mark.parametrize(
        "dtype", [bool, np.uint8, np.int8, int, np.uint64, np.float16, np.float32, np.longdouble]
    )
    def test_images_and_kernels(self, dtype):
        image = (np.arange(30).reshape(5, 6) % 2).astype(dtype)
        kernel = np.array([[1, 0], [1, 1]]).astype(dtype)
        result = qconv.convolve(image, kernel, shots=None)
        assert result.image.dtype == np.float64
        close(result.image, signal.convolve2d(image.astype(float), kernel.astype(float)))

    def test_bytes_do_not_wrap_around(self):
        image = np.full((4, 4), 255, dtype=np.uint8)
        result = qconv.convolve(image, [[1, 1]], shots=None, mode="valid")
        np.testing.assert_allclose(result.image, 510, rtol=1e-14)

    def test_lists_and_tuples(self):
        result = qconv.convolve([(1, 2), (3, 4)], ((1,), (1,)), shots=None)
        np.testing.assert_allclose(result.image, [[1, 2], [4, 6], [3, 4]], rtol=1e-14)

    @pytest.mark.parametrize("order", ["F", "strided", "negative", "read-only", "big-endian"])
    def test_layouts(self, order):
        image = random_integers((6, 8), 0)
        expected = signal.convolve2d(image, EDGE)
        given_ = {
            "F": np.asfortranarray(image),
            "strided": np.repeat(image, 2, axis=1)[:, ::2],
            "negative": np.ascontiguousarray(image[::-1])[::-1],
            "read-only": np.broadcast_to(image, image.shape),
            "big-endian": image.astype(">f8"),
        }[order]
        before = given_.copy()
        reference = qconv.convolve(image, EDGE, seed=5)
        for mode in MODES:
            close(
                qconv.convolve(given_, EDGE, shots=None, mode=mode).image,
                signal.convolve2d(image, EDGE, mode=mode),
            )
        assert np.array_equal(given_, before)
        result = qconv.convolve(given_, EDGE, seed=5)
        assert result.image.tobytes() == reference.image.tobytes()
        assert result.quantity == reference.quantity
        assert expected.shape == result.image.shape


class TestResult:
    def test_fields(self):
        result = qconv.convolve(np.ones((4, 5)), EDGE, shots=None, mode="same")
        assert result.shots is None
        assert result.total_shots == 0
        assert result.success_probability == 1.0
        assert result.streams == frozenset()
        assert len(result.circuits) == 1
        assert {r.name for r in result.circuits[0].qregs} == {"kernel_row", "kernel_column"}

    @pytest.mark.parametrize(
        "options", [{}, {"method": "density_matrix"}, {"method": "matrix_product_state"}]
    )
    def test_ideal_simulators_of_any_kind(self, options):
        image = random_integers((9, 8), 3)
        result = qconv.convolve(image, EDGE, shots=None, backend=AerSimulator(**options))
        close(result.image, signal.convolve2d(image, EDGE))

    def test_simulator_of_single_precision(self):
        # Aer's probabilities then sum to 1 within 1e-6; this is due to precision.
        image, kernel = random_integers((9, 8), 3), random_integers((5, 5), 4)
        backend = AerSimulator(precision="single")
        result = qconv.convolve(image, kernel, shots=None, backend=backend)
        close(result.image, signal.convolve2d(image, kernel), rtol=1e-4)


class TestMagnitudes:
    """Kernels of any magnitude up to 1e300 work, as `Propagator.from_kernel` documents."""

    @pytest.mark.parametrize("magnitude", [1e-300, 1e-200, 1e-150, 1e150, 1e200, 1e300])
    def test_exact(self, magnitude):
        image = random_integers((4, 5), 3)
        result = qconv.convolve(image, magnitude * EDGE, shots=None)
        close(result.image, magnitude * signal.convolve2d(image, EDGE))

    @pytest.mark.parametrize("magnitude", [1e-300, 1e-200, 1e-150, 1e150, 1e200, 1e300])
    def test_standard_error_scales_with_the_kernel(self, magnitude):
        image = random_integers((4, 5), 3)
        reference = qconv.convolve(image, EDGE, shots=10, seed=1)
        result = qconv.convolve(image, magnitude * EDGE, shots=10, seed=1)
        close(result.stderr / magnitude, reference.stderr)
        close(result.image / magnitude, reference.image)

    @pytest.mark.parametrize("magnitude", [1e-200, 1e200])
    def test_standard_error_scales_with_the_image(self, magnitude):
        image = random_integers((4, 5), 3)
        reference = qconv.convolve(image, EDGE, shots=10, seed=1)
        result = qconv.convolve(magnitude * image, EDGE, shots=10, seed=1)
        close(result.stderr / magnitude, reference.stderr)
