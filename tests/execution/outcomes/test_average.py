"""Averages of weights: standard errors at every number of executions, by enumerating all counts."""

import itertools
import math

import numpy as np
import pytest
from scipy.sparse import csr_array

import qconv
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.readout import Readout

SEED = np.random.SeedSequence(1)
READOUT = Readout(np.full((2, 2), 0.02), np.zeros((2, 2)))

#: Probabilities of four outcomes, and weights of four estimates: rare, signed, dense, constant.
CHANCES = np.array([0.05, 0.15, 0.2, 0.6])
WEIGHTS = np.array([[1.0, 0, 0, 0], [8, -1, 0, 0], [3, -2, 5, 1], [2, 2, 2, 2]])


def outcomes(counts, readout=None):
    """Return outcomes of two qubits with given counts."""
    counts = np.array(counts)
    program = qconv.Program(
        qconv.encode_amplitudes([1, 1, 1, 1]).copy, executions=int(counts.sum()), seed=SEED
    )
    return qconv.Outcomes(
        program, histograms=(Histogram.of(np.arange(4), counts),), readout=readout
    )


def all_counts(number):
    """Yield all possible counts of ``number`` executions, each with its probability."""
    for cuts in itertools.combinations(range(number + 3), 3):
        counts = np.diff([-1, *cuts, number + 3]) - 1
        ways = math.factorial(number) / math.prod(map(math.factorial, counts.tolist()))
        yield counts, ways * float(np.prod(CHANCES**counts))


@pytest.mark.parametrize("number", [1, 2, 5, 12])
def test_mean_square_errors(number):
    """Mean square errors are 0.25 to 1.4 times the mean variance, exactly; no error is 0."""
    errors, variances = np.zeros(4), np.zeros(4)
    for counts, chance in all_counts(number):
        mean, stderr = outcomes(counts).average(WEIGHTS, SEED)
        assert (stderr[:3] > 0).all()
        assert stderr[3] < 1e-7  # all executions have the same weight
        errors += chance * np.square(mean - WEIGHTS @ CHANCES)
        variances += chance * np.square(stderr)
    np.testing.assert_allclose(errors[3], 0, atol=1e-24)
    ratios = errors[:3] / variances[:3]
    assert ratios.min() > 0.25
    assert ratios.max() < 1.4


@pytest.mark.parametrize("readout", [None, READOUT], ids=["plain", "corrected"])
@pytest.mark.parametrize("counts", [(1, 0, 0, 0), (0, 0, 0, 7), (3, 1, 0, 9)], ids=str)
def test_covariances(counts, readout):
    """The diagonals are the variances, and no weighted sum has a negative variance."""
    found = outcomes(counts, readout)
    mean, covariance = found.moments(WEIGHTS[:3], SEED)
    for weights in (WEIGHTS[:3], csr_array(WEIGHTS[:3])):
        average, stderr = found.average(weights, SEED)
        np.testing.assert_allclose(average, mean)
        np.testing.assert_allclose(np.square(stderr), np.diag(covariance))
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_two_weights():
    """The variance is the variance of Jeffreys' posterior mean: 2.5 hits of 11."""
    _, stderr = outcomes((2, 0, 0, 8)).average(WEIGHTS[:1], SEED)
    p = 2.5 / 11
    assert stderr[0] == pytest.approx(math.sqrt(p * (1 - p) / 10), rel=1e-12)
