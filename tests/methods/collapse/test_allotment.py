"""Shots that `Collapse` allots to pixels."""

import numpy as np
import pytest

import qconv
from tests.cases import EDGE

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 12)).astype(float)


def test_a_tolerance_allots_by_the_deviation_of_a_pixel():
    result = qconv.convolve(IMAGE, EDGE, method=qconv.Collapse(), tolerance=40, seed=1)
    assert isinstance(result.shots, np.ndarray)
    assert result.shots.min() < result.shots.max()
    assert result.stderr.max() < 1.5 * 40


@pytest.mark.parametrize("allocation", ["even", "optimal"])
def test_shots_are_kept(allocation):
    method = qconv.Collapse(allocation=allocation)
    result = qconv.convolve(IMAGE, EDGE, method=method, shots=50, seed=1)
    assert isinstance(result.shots, np.ndarray) == (allocation == "optimal")
    assert np.mean(result.shots) == pytest.approx(50)
