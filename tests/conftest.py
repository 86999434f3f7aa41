"""What several test files need."""

import numpy as np
import pytest


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
