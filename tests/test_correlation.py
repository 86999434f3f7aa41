"""Correlation is convolution with the flipped kernel, and with the conjugate in Fourier space."""

import numpy as np
import pytest

import classical
import qconv
from tests.cases import BOUNDARIES

METHODS = {
    "collapse": qconv.Collapse(),
    "baseline": qconv.Collapse(baseline=True),
    "diffusion": qconv.Diffusion(),
    "interference": qconv.Interference(),
    "fourier": qconv.Fourier(),
    "padding": qconv.Fourier(padding="both"),
    "overlap-add": qconv.Blocks(qconv.Fourier(), "overlap-add", 9),
    "overlap-save": qconv.Blocks(qconv.Fourier(), "overlap-save", 9),
    "estimation": qconv.AmplitudeEstimation((0, 1, 2)),
    "estimation, local": qconv.AmplitudeEstimation((0, 1, 2), "local"),
}
SHAPES = [((9,), (4,)), ((8, 8), (3, 3)), ((6, 7), (2, 3)), ((4, 3, 5), (2, 2, 3))]


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shots", [None, 7])
def test_flipped_kernel(name, shapes, boundary, shots):
    """Mode full does not depend on the centre: the same numbers, and the same shots."""
    if shots and name == "baseline" and any(side % 2 == 0 for side in shapes[1]):
        pytest.skip("differences are from the centre, and an even kernel's moves when flipped")
    rng = np.random.default_rng(1)
    image, kernel = rng.random(shapes[0]), rng.normal(size=shapes[1])
    where = {"mode": "full", "boundary": boundary, "shots": shots, "seed": 2}
    one = qconv.correlate(image, kernel, method=METHODS[name], **where)
    two = qconv.convolve(image, np.flip(kernel), method=METHODS[name], **where)
    np.testing.assert_allclose(one.image, two.image, rtol=0, atol=1e-9)
    np.testing.assert_allclose(one.stderr, two.stderr, rtol=0, atol=1e-9)
    if shots is None:
        exact = classical.correlate(image, kernel, mode="full", boundary=boundary)
        np.testing.assert_allclose(one.image, exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(16,), (8, 16), (7, 12)])
def test_conjugate_transfer_function(shape):
    """With periodic boundaries; the kernel has odd sides, because its centre is at index 0."""
    rng = np.random.default_rng(3)
    image, kernel = rng.normal(size=shape), rng.normal(size=(3,) * len(shape))
    kernel /= np.abs(kernel).sum()
    transfer = classical.transfer_function(kernel, shape)
    where = {"mode": "same", "boundary": "wrap"}
    for verb, factors in ((qconv.convolve, transfer), (qconv.correlate, transfer.conj())):
        filtered = qconv.filter_frequencies(image, factors, shots=None)
        for method in METHODS.values():
            if isinstance(method, qconv.Diffusion):
                continue
            result = verb(image, kernel, method=method, shots=None, **where)
            np.testing.assert_allclose(filtered.image, result.image, rtol=0, atol=1e-9)
