"""Whole-image methods with ``shots=None`` against SciPy, the reference, and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import classical
import qconv
from qconv.methods.whole_image import diffusion
from tests.cases import BOUNDARIES, EDGE, MODES, SHAPES, close, convolve2d, correlate2d

GAUSSIAN = qconv.named_kernel("gaussian")

METHODS = [
    qconv.Diffusion(),
    qconv.Diffusion(adder="classical"),
    qconv.Interference(),
    qconv.Interference(signed=False),
    qconv.Fourier(),
    qconv.Fourier(signed=False),
]
WITH_ADDERS = [
    make(adder=adder)
    for make in (qconv.Diffusion, qconv.Interference)
    for adder in ("ripple", "fourier", "mcx")
]
VERBS = [
    pytest.param(qconv.convolve, convolve2d, id="convolve"),
    pytest.param(qconv.correlate, correlate2d, id="correlate"),
]


def matches(ours, scipys, image, kernel, method, **where):
    """Check that both give the same numbers (or magnitudes), or that both raise."""
    try:
        expected = scipys(image, kernel, **where)
    except ValueError:
        with pytest.raises(ValueError, match="mode: 'valid' requires"):
            ours(image, kernel, method=method, shots=None, **where)
        return
    result = ours(image, kernel, method=method, shots=None, **where)
    if not getattr(method, "signed", True):
        expected = np.abs(expected)
    scale = np.abs(kernel).sum() * max(image.max(), abs(where.get("fillvalue", 0)))
    assert result.image.shape == expected.shape
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-10 * scale)
    assert (result.stderr == 0).all()
    assert result.total_shots == 0
    assert math.isclose(result.success_probability, result.expected_success, abs_tol=1e-10)


def random_case(shapes, seed):
    rng = np.random.default_rng(seed)
    return rng.random(shapes[0]), rng.normal(size=shapes[1])


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "scipys"), VERBS)
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"several tiles", "several turns"}))
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_curated_shapes(ours, scipys, name, boundary):
    image, kernel = random_case(SHAPES[name], len(name))
    for mode in MODES:
        for method in METHODS[::2]:
            where = {"mode": mode, "boundary": boundary, "fillvalue": 2.5 * (mode == "same")}
            matches(ours, scipys, image, kernel, method, **where)


@pytest.mark.parametrize("seed", range(30))
def test_random_shapes(seed):
    rng = np.random.default_rng(seed)
    shapes = rng.integers(1, 12, size=2), rng.integers(1, 6, size=2)
    image, kernel = random_case(shapes, seed)
    if seed % 3 == 0:
        kernel[rng.random(kernel.shape) < 0.5] = 0
        kernel[0, 0] = kernel[0, 0] or 1
    where = {
        "mode": rng.choice(MODES).item(),
        "boundary": rng.choice(BOUNDARIES).item(),
        "fillvalue": float(rng.choice([0, rng.random()])),
    }
    ours, scipys = VERBS[seed % 2].values
    for method in [*METHODS, WITH_ADDERS[seed % len(WITH_ADDERS)]]:
        matches(ours, scipys, image, kernel, method, **where)


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 5)),
    st.sampled_from(MODES),
    st.sampled_from(BOUNDARIES),
    st.sampled_from(METHODS[::2]),
    st.integers(0, 2**32 - 1),
)
def test_signals(sizes, mode, boundary, method, seed):
    image, kernel = random_case(sizes, seed)
    where = {"mode": mode, "boundary": boundary}
    result = qconv.convolve(image, kernel, method=method, shots=None, **where)
    expected = classical.convolve(image, kernel, **where)
    close(result.image, expected, 1e-10 * max(1, np.abs(kernel).sum() / np.abs(expected).max()))


@pytest.mark.parametrize("method", METHODS[::2], ids=str)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_volumes(method, boundary):
    image, kernel = random_case([(4, 3, 5), (2, 3, 1)], 0)
    where = {"mode": "same", "boundary": boundary}
    result = qconv.correlate(image, kernel, method=method, shots=None, **where)
    close(result.image, classical.correlate(image, kernel, **where))


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("kernel", ["edge", "gaussian", "sobel-x", "emboss"])
def test_photograph(method, kernel, camera, small_camera):
    """One kernel with 256 x 256 pixels, all others with 64 x 64."""
    camera = camera if kernel == "edge" else small_camera
    matrix = qconv.named_kernel(kernel)
    where = {"mode": "same", "boundary": "wrap"}
    result = qconv.convolve(camera, matrix, method=method, shots=None, **where)
    expected = classical.convolve(camera, matrix, **where)
    if not getattr(method, "signed", True):
        expected = np.abs(expected)
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-10)


class TestUnits:
    @pytest.mark.parametrize("method", METHODS[::2], ids=str)
    @pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e300])
    def test_any_unit(self, method, factor):
        image, kernel = random_case([(5, 6), (3, 3)], 1)
        expected = qconv.convolve(image, kernel, method=method, shots=None).image
        result = qconv.convolve(factor * image, kernel, method=method, shots=None)
        close(result.image / factor, expected, 1e-12)
        result = qconv.convolve(image, factor * kernel, method=method, shots=None)
        close(result.image / factor, expected, 1e-12)

    @pytest.mark.parametrize("method", METHODS[::2], ids=str)
    def test_out_of_floating_point(self, method):
        with pytest.raises(ValueError, match="image: products with the kernel exceed"):
            qconv.convolve([[1e200, 1e200]], [[1e200]], method=method, shots=None)

    @pytest.mark.parametrize("method", METHODS[2:], ids=str)
    def test_images_of_both_signs(self, method):
        rng = np.random.default_rng(2)
        image, kernel = rng.normal(size=(6, 5)), rng.normal(size=(3, 2))
        expected = classical.convolve(image, kernel)
        if not method.signed:
            expected = np.abs(expected)
        close(qconv.convolve(image, kernel, method=method, shots=None).image, expected)

    def test_softmax_propagators(self):
        propagator = qconv.Propagator.softmax(EDGE, 3.0)
        image = random_case([(6, 7), (1, 1)], 3)[0]
        expected = classical.convolve(image, propagator.effective_kernel)
        for method in METHODS[::2]:
            close(qconv.convolve(image, propagator, method=method, shots=None).image, expected)


class TestSteps:
    def steps(self, image, kernel, steps, **where):
        method = qconv.Diffusion(steps=steps)
        return qconv.convolve(image, kernel, method=method, shots=None, **where)

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("steps", [2, 3])
    def test_as_the_reference_diffuses(self, mode, boundary, steps):
        image, kernel = random_case([(9, 11), (3, 2)], steps)
        where = {"mode": mode, "boundary": boundary, "fillvalue": 0.5}
        result = self.steps(image, kernel, steps, **where)
        close(result.image, classical.diffuse(image, kernel, steps, **where))

    @pytest.mark.parametrize("kernel", [GAUSSIAN, EDGE], ids=["gaussian", "edge"])
    @pytest.mark.parametrize("adder", ["auto", "ripple", "classical"])
    def test_registers_of_their_own_or_one_for_all(self, kernel, adder, monkeypatch):
        image = random_case([(8, 8), (1, 1)], 4)[0]
        method = qconv.Diffusion(steps=2, adder=adder)
        both = []
        for qubits in (0, 22):
            monkeypatch.setattr(diffusion, "_FRESH_QUBITS", qubits)
            both.append(qconv.convolve(image, kernel, method=method, shots=None, boundary="wrap"))
        close(both[0].image, both[1].image, 1e-12)
        names = [{r.name for r in result.circuits[0].qregs} for result in both]
        assert "kernel_row_2" in names[1]
        assert "kernel_row_2" not in names[0]

    def test_a_photograph(self, small_camera):
        where = {"mode": "same", "boundary": "wrap"}
        result = self.steps(small_camera, GAUSSIAN, 7, **where)
        expected = classical.diffuse(small_camera, GAUSSIAN, 7, **where)
        np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-10)

    def test_a_dot_becomes_the_heat_kernel(self):
        """The variance is 1/2 per step, so 8 steps have 4: heat at time 2 with D = 1.

        The excess kurtosis of each axis is -1/8, which lowers the centre by one eighth of it. The
        next order in 1/8 is below its square.
        """
        image = np.zeros((32, 32))
        image[16, 16] = 1
        result = self.steps(image, GAUSSIAN, 8, mode="same", boundary="wrap").image
        heat = classical.heat_kernel((33, 33), 2.0)[:32, :32]
        assert abs(result.max() / heat.max() - (1 - 2 / 64)) < 1 / 64**1.5
        assert np.abs(result - heat).max() < heat.max() / 32
        rows = np.arange(32) - 16
        assert math.isclose(float(rows**2 @ result.sum(axis=1)), 4, rel_tol=1e-10)
