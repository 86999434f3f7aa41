"""Figures of results."""

import numpy as np
import pytest

from qconv.visualization.figures import result_figure


def test_intervals_of_a_colour_picture_are_those_of_its_mean():
    """Three channels of standard error 3 have a mean of standard error sqrt(3)."""
    rng = np.random.default_rng(0)
    exact = rng.random((6, 8, 3)) * 100
    figure = result_figure(exact + 1, np.full(exact.shape, 3.0), exact=exact, channels=True)
    (axes,) = (a for a in figure.axes if "95 % intervals" in a.get_title())
    (bars,) = axes.containers
    lower, upper = np.array(bars[2][0].get_segments())[0, :, 1]
    assert upper - lower == pytest.approx(2 * 1.96 * np.sqrt(3), rel=1e-3)
