"""Large kernels: standard errors by Fourier transforms equal those by definition."""

import numpy as np
import pytest

import qconv
from qconv.methods.collapse import windows

RNG = np.random.default_rng(0)
IMAGE = RNG.random((14, 18, 16)) * 1000
IMAGE[:9, :12, :12] = 7
KERNEL = RNG.random((7, 7, 7)) - 0.2


@pytest.mark.parametrize("baseline", [True, False])
@pytest.mark.parametrize(
    "kernel", [KERNEL, abs(KERNEL), abs(KERNEL) * 1e200], ids=["signed", "positive", "huge"]
)
@pytest.mark.parametrize(
    "image", [IMAGE, IMAGE - 500, IMAGE * 1e-150], ids=["grey", "below 0", "tiny"]
)
def test_the_definition(baseline, kernel, image, monkeypatch):
    method = qconv.Collapse(baseline=baseline)
    if kernel.max() > 1e100 and image.max() > 1e-100:
        return  # too large
    found = []
    for many in (100, 10**9):
        monkeypatch.setattr(windows, "_MANY", many)
        found.append(qconv.convolve(image, kernel, shots=9, seed=1, mode="full", method=method))
    fast, slow = found
    assert np.array_equal(fast.image, slow.image)
    assert np.array_equal(fast.stderr == 0, slow.stderr == 0)
    assert (fast.stderr == 0).any() == (baseline or kernel.min() >= 0)
    np.testing.assert_allclose(fast.stderr, slow.stderr, rtol=0, atol=1e-11 * slow.stderr.max())


def test_small_variances_are_not_lost(monkeypatch):
    """A bright pixel far away in the same tile hides variances below its rounding error."""
    image = np.full((10, 60), 5.0)
    image[5, 5], image[5, 50] = 1e12, 5.0 + 1e-3
    monkeypatch.setattr(windows, "_MANY", 20)
    result = qconv.convolve(image, np.ones((5, 5)), shots=100, seed=1, mode="same")
    exact = qconv.convolve(image, np.ones((5, 5)), shots=None, mode="same").image
    assert (result.stderr[3:8, 48:53] > 0).all()
    errors = np.abs(result.image - exact)
    assert (errors <= 6 * result.stderr).all()
