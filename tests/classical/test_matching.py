"""Exact template matching: compared with scikit-image, with explicit sums, and on coins."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import feature

from classical import match_template

FILTERS = ("phase", "correlation", "normalized")


@pytest.mark.parametrize("shapes", [((40, 50), (7, 10)), ((9, 9), (9, 9)), ((300,), (20,))])
def test_normalized_is_that_of_scikit_image(shapes):
    rng = np.random.default_rng(1)
    image, template = (100 + rng.normal(size=shape) for shape in shapes)
    ours = match_template(image, template, filter="normalized")
    theirs = feature.match_template(np.atleast_2d(image), np.atleast_2d(template))
    np.testing.assert_allclose(np.atleast_2d(ours), theirs, atol=1e-9)


def test_constant_windows():
    image = np.zeros((20, 20))
    image[10:, 10:] = np.random.default_rng(2).random((10, 10))
    ours = match_template(image, image[10:15, 10:15], filter="normalized")
    assert (ours[:5, :5] == 0).all()
    assert np.isclose(ours[10, 10], 1)
    assert np.abs(ours).max() <= 1


@pytest.mark.parametrize("shapes", [((12, 15), (4, 3)), ((30,), (5,))])
def test_correlation_by_hand(shapes):
    rng = np.random.default_rng(3)
    image, template = (rng.normal(size=shape) for shape in shapes)
    ours = match_template(image, template, filter="correlation")
    windows = np.lib.stride_tricks.sliding_window_view(image, template.shape)
    assert ours.shape == windows.shape[: image.ndim]
    axes = tuple(range(image.ndim, 2 * image.ndim))
    by_hand = np.sum((windows - image.mean()) * (template - template.mean()), axis=axes)
    np.testing.assert_allclose(ours, by_hand, atol=1e-12)


def standardised(array, shape):
    """Standardise over windows of a quarter of the template's sides, by SciPy."""
    sides = [1 if h == 1 else max(3, 2 * (h // 8) + 1) for h in shape]
    rest = array - ndimage.uniform_filter(array, sides, mode="reflect")
    second, factor = array, 0.6744897501960817
    for axis, side in enumerate(sides):
        if side > 1:
            second, factor = np.diff(second, 2, axis=axis), factor * 6**0.5
    noise = (np.median(np.abs(second)) / factor) ** 2
    square = ndimage.uniform_filter(rest**2, sides, mode="reflect")
    return rest / np.sqrt(square + 0.05 * noise + 1e-5 * np.mean(rest**2))


@pytest.mark.parametrize(
    "shapes", [((16, 8), (16, 8)), ((32, 16), (17, 1)), ((16,), (5,)), ((64,), (31,))]
)
def test_the_phase_filter_keeps_the_energy(shapes):
    """At position 0 of a template as large as the image, all amplitudes add up in phase."""
    rng = np.random.default_rng(4)
    image = rng.normal(size=shapes[0])
    template = image[tuple(map(slice, shapes[1]))]
    ours = match_template(image, template)
    rest = standardised(image, shapes[1])
    spectrum = np.fft.fftn(standardised(template, shapes[1]), image.shape, range(image.ndim))
    size = np.abs(spectrum)
    heard = size > 1e-12 * size.max()
    factors = np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1)
    full = np.fft.ifftn(np.fft.fftn(rest) * factors).real
    np.testing.assert_allclose((full**2).sum(), (rest**2).sum())
    np.testing.assert_allclose(ours, full[tuple(map(slice, ours.shape))], atol=1e-12)
    if shapes[0] == shapes[1]:
        np.testing.assert_allclose(ours.flat[0], np.abs(np.fft.fftn(rest)).sum() / image.size)


@pytest.mark.parametrize("noise", [0, 20, 40])
def test_every_coin(noise, coins, boxes):
    seen = coins + noise * np.random.default_rng(5).normal(size=coins.shape)
    for box in boxes:
        found = np.abs(match_template(seen, coins[box]))
        place = np.unravel_index(found.argmax(), found.shape)
        away = np.abs(np.subtract(place, [side.start for side in box]))
        assert away.max() <= (1 if noise else 0)


def test_the_phase_filter_has_the_sharper_peak(coins, boxes):
    """The fraction of the energy in a peak is the probability of measuring its position."""
    for box in boxes:
        place = tuple(side.start for side in box)
        share = {}
        for name in ("phase", "correlation"):
            energy = match_template(coins, coins[box], filter=name) ** 2
            share[name] = energy[place] / energy.sum()
        assert share["phase"] > 5 * share["correlation"]


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize(
    ("image", "template", "message"),
    [
        (np.eye(4), np.eye(5), "template: expected a shape no larger than the image"),
        (np.eye(4), np.eye(5)[:2], "template: expected a shape no larger than the image"),
        (
            np.eye(4),
            np.ones((2, 2)),
            "template: expected at least two different values, got 1.0 everywhere",
        ),
        (
            np.ones((4, 4)),
            np.eye(2),
            "image: expected at least two different values, got 1.0 everywhere",
        ),
        (np.eye(4), np.arange(3), "template: expected as many axes as the image, 2, got 1"),
        (np.zeros((2, 2, 2)), np.eye(2), "image: expected 1 or 2 axes, got 3"),
        (np.array([1, np.nan]), np.arange(2), "image: expected finite numbers"),
        (np.zeros((0, 3)), np.eye(2), "image: "),
    ],
)
def test_wrong_input(image, template, message, filter_name):
    with pytest.raises(ValueError, match=message):
        match_template(image, template, filter=filter_name)


def test_nothing_along_the_templates_axes():
    rows = np.outer(np.arange(6.0), np.ones(5))
    with pytest.raises(ValueError, match="image: expected values that vary along the template's"):
        match_template(rows, np.eye(3)[:1])
    assert match_template(rows, rows[:3, :2]).shape == (4, 4)


def test_units_make_no_difference_to_the_phase_filter():
    """Brightness and contrast of image and template do not matter."""
    rng = np.random.default_rng(6)
    image = rng.normal(size=(30, 40))
    exact = match_template(image, image[3:13, 4:16])
    for other in (
        match_template(7 - 3 * image, 1 - image[3:13, 4:16]),
        match_template(1e200 * image, 1e-200 * image[3:13, 4:16]),
    ):
        np.testing.assert_allclose(np.abs(other), np.abs(exact), atol=1e-9)


def test_constant_regions_stay_dark():
    """Constant regions are exactly 0, except within half a window of anything else."""
    image = np.random.default_rng(7).normal(size=(64, 64))
    image[20:50, 20:50] = image.max()
    for raised in ("warn", "raise"):
        with np.errstate(all=raised):
            ours = match_template(image, image[2:10, 3:11])
    assert np.isfinite(ours).all()
    assert (np.unravel_index(ours.argmax(), ours.shape) == np.array([2, 3])).all()


def test_wrong_filter():
    with pytest.raises(ValueError, match="filter: expected"):
        match_template(np.eye(4), np.eye(2), filter="blur")
    with pytest.raises(TypeError, match="image"):
        match_template(1j * np.eye(4), np.eye(2))
