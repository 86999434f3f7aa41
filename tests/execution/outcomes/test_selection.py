"""Selected outcomes: which sets of shots share the error of a correction."""

import numpy as np
import pytest

from qconv.execution.outcomes.outcomes import Selection

OWN = np.array([0.5, 0.5])


class Unfolding:
    """A correction that returns the number of sets of shots that it was called with."""

    def read(self, own):
        return own

    def covariance(self, frequencies, shots, groups):
        return np.array([[groups]]), np.array([[float(shots)]])


@pytest.mark.parametrize("pooled", [False, True])
def test_groups_of_counted_shots(pooled):
    """Sixty counted shots are three sets of twenty; pooled or not, the result is the same."""
    counts = (np.array([10, 20]), np.array([30, 0]))
    chosen = Selection(None, counts, ideal=False, unfolding=Unfolding())
    sampling, calibration = chosen.covariance(OWN, 20, pooled=pooled)
    assert sampling[0, 0] == pytest.approx(3 * 61**2 / (60**2 + 61))
    assert calibration[0, 0] == 20


def test_groups_of_drawn_shots():
    chosen = Selection(np.array([0.5, 0.5]), (), ideal=True, unfolding=Unfolding())
    assert chosen.covariance(OWN, 20, pooled=True)[0][0, 0] == 1
    assert chosen.covariance(OWN, 20, pooled=False)[0][0, 0] == np.inf


def test_no_correction():
    assert Selection(np.array([1.0]), (), ideal=True).covariance(OWN, 20, pooled=True) is None
