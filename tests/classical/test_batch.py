"""Channels and stacks in the reference, against SciPy and scikit-image."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d, fftconvolve

import classical
from tests.cases import MODES, close, random_integers

KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
METHODS = ("direct", "fft", "overlap-add", "overlap-save")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
def test_channels_as_single_calls(mode, boundary):
    where = {"mode": mode, "boundary": boundary}
    for axis, method in itertools.product((0, 1, 2, -1), METHODS):
        image = random_integers((5, 6, 7), 1)
        for ours, theirs in (
            (classical.convolve, convolve2d),
            (classical.correlate, correlate2d),
        ):
            found = ours(image, KERNEL, channel_axis=axis, method=method, **where)
            parts = [theirs(part, KERNEL, **where) for part in np.moveaxis(image, axis, 0)]
            close(found, np.moveaxis(parts, 0, axis))
            assert found.flags.c_contiguous


def test_axes_as_in_scipy():
    image = random_integers((2, 3, 4, 3), 3)
    for count in (1, 2, 3):
        for axes in itertools.combinations(range(4), count):
            kernel = random_integers((2, 3, 1)[:count], count)
            wide = np.ones(4, dtype=int)
            wide[list(axes)] = kernel.shape
            expected = fftconvolve(image, kernel.reshape(wide), axes=axes)
            for given in (kernel, kernel.reshape(wide)):
                close(classical.convolve(image, given, axes=axes), expected)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"channel_axis": 3}, ValueError, "channel_axis: expected an axis of 3, got 3"),
        ({"channel_axis": 0.5}, TypeError, "channel_axis: expected an integer"),
        ({"channel_axis": 1, "axes": (0, 1)}, ValueError, "an axis that is not convolved, got 1"),
        ({"axes": (1, 0)}, ValueError, "axes: expected different axes in ascending order"),
        ({"axes": ()}, ValueError, "image: expected 1 to 3 axes to convolve, got 0"),
        (
            {"axes": 0},
            ValueError,
            "kernel: expected one axis for each convolved axis, 1 in all, got 2",
        ),
    ],
)
def test_wrong_axes(given, error, message):
    with pytest.raises(error, match=message):
        classical.convolve(np.ones((4, 5, 3)), KERNEL, **given)


def test_a_kernel_of_each_channel_is_rejected():
    with pytest.raises(ValueError, match="kernel: expected the length 1 along axes that are not"):
        classical.convolve(np.ones((4, 5, 3)), np.ones((2, 2, 3)), channel_axis=-1)


def test_filtered_channels_and_stacks():
    image = random_integers((2, 6, 5, 3), 4)
    transfer = classical.low_pass((6, 5), 1.5)
    found = classical.filter_frequencies(image, transfer, axes=(1, 2), channel_axis=-1)
    spectrum = np.fft.fft2(image, axes=(1, 2)) * transfer[None, ..., None]
    close(found, np.fft.ifft2(spectrum, axes=(1, 2)).real)


def test_templates_in_colour():
    """The correlation is the sum over the channels."""
    image = random_integers((9, 10, 3), 5)
    template = image[2:6, 3:8]
    found = classical.match_template(image, template, filter="correlation", channel_axis=-1)
    centred, own = image - image.mean(), template - template.mean()
    parts = [correlate2d(centred[..., c], own[..., c], "valid") for c in range(3)]
    close(found, np.sum(parts, axis=0))
    with pytest.raises(ValueError, match="as many channels as the image, 3, got 2"):
        classical.match_template(image, template[..., :2], channel_axis=-1)


def test_similarity_is_averaged_over_channels():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(1)
    exact = rng.random((3, 20, 30))
    image = exact + 0.1 * rng.normal(size=exact.shape)
    result = SimpleNamespace(image=image, stderr=np.full(image.shape, 0.1), channel_axis=0)
    found = classical.compare(result, exact, data_range=1.0).ssim
    expected = metrics.structural_similarity(image, exact, data_range=1.0, channel_axis=0)
    assert found == pytest.approx(expected, rel=1e-12)
