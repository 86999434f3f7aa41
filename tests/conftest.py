"""Fixtures and settings of several test files."""

import os

import numpy as np
import pytest

try:
    from hypothesis import settings
except ModuleNotFoundError:  # the tests of exported circuits do not need it
    pass
else:  # every run has the same examples, without a time limit
    settings.register_profile("repeatable", derandomize=True, deadline=None)
    settings.load_profile("repeatable")


def pytest_configure(config):
    """Limit linear algebra to one thread per worker: more threads would wait for each other.

    This must be set before workers start, because their plugins import NumPy before this file.
    """
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def camera():
    """The photograph that scikit-image carries, averaged to 256 x 256 grey levels."""
    from skimage import data

    picture = data.camera().astype(float).reshape(256, 2, 256, 2).mean(axis=(1, 3))
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="session")
def small_camera(camera):
    """The same photograph with 64 x 64 pixels."""
    picture = np.ascontiguousarray(camera.reshape(64, 4, 64, 4).mean(axis=(1, 3)))
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="session")
def coins():
    """The picture of coins from scikit-image, ``(303, 384)`` grey levels."""
    from skimage import data

    picture = data.coins().astype(float)
    picture.flags.writeable = False
    return picture


@pytest.fixture(scope="session")
def boxes(coins):
    """Every coin that does not touch the edge of the picture, as two slices."""
    from skimage import filters, measure, morphology, segmentation

    bright = morphology.closing(coins > filters.threshold_otsu(coins), np.ones((3, 3)))
    regions = measure.regionprops(measure.label(segmentation.clear_border(bright)))
    found = [region.slice for region in regions if region.area >= 800]
    assert len(found) >= 22
    return found
