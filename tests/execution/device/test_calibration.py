"""Calibration of readout errors."""

import numpy as np

from qconv.execution.device.calibration import _estimate


def test_a_calibration_without_errors_is_not_exact():
    """The variance is that of one additional count of either kind."""
    errors, variances = _estimate(0, np.array([0.0, 0.1]), 100)
    assert errors.tolist() == [0.0, 0.1]
    likely = np.array([1, 11]) / 102
    np.testing.assert_allclose(variances, likely * (1 - likely) / 100, rtol=1e-12)
    assert not _estimate(0, np.array([0.0, 0.1]), None)[1].any()
