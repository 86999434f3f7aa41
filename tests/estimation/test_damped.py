"""One angle from damped powers: honest errors, and a statement of where damping is not known.

The larger study is `tests/benchmarks/test_damped.py`. With 5 runs whose errors are as stated, the
mean of z^2 exceeds 5.2 once in 10,000.
"""

import numpy as np
import pytest

from qconv.estimation.amplitude import fixed_schedule
from qconv.estimation.damped import damped_estimate
from qconv.estimation.posterior import probability


def study(runs, calls, noise, seed, highest=8):
    """Estimate uniformly drawn probabilities; return errors, standard errors and reliability."""
    before, each, faded, excess = noise
    rng = np.random.default_rng(seed)
    powers, shots = np.array(fixed_schedule(calls, highest), float).T
    contrast = np.exp(-(before + powers * each))
    found = []
    for p in rng.random(runs):
        sine = np.sin((2 * powers + 1) * np.arcsin(np.sqrt(p))) ** 2
        q = contrast * sine + (1 - contrast) * faded
        q += excess * (1 - contrast) * np.sqrt(contrast) * rng.normal(size=q.size)
        hits = rng.binomial(shots.astype(int), np.clip(q, 0, 1)).astype(float)
        one = damped_estimate(powers, hits, shots, 0.5, probability)
        found.append((one.value - p, one.stderr, one.reliable))
    return np.array(found).T


NOISES = [(0.0, 0.0, 0.5, 0.0), (0.03, 0.05, 0.45, 0.0), (0.2, 0.3, 0.55, 0.05)]


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_errors_are_as_stated(noise):
    errors, stderr, _ = study(5, 1500, noise, seed=4)
    z = errors / stderr
    assert np.mean(z**2) < 5.2
    assert np.abs(z).max() < 5


def test_without_noise_the_error_is_below_that_of_sampling():
    errors, stderr, reliable = study(4, 10_000, NOISES[0], seed=5)
    sampled = 0.41 / np.sqrt(10_000)
    assert np.sqrt(np.mean(errors**2)) < sampled
    assert np.median(stderr) < 2 * sampled
    assert reliable.mean() >= 0.5


def test_one_power_does_not_tell_damping_from_another_value():
    one = damped_estimate(np.zeros(1), np.array([300.0]), np.array([1000.0]), 0.5, probability)
    assert not one.reliable
    assert one.stderr > 1.2 * np.sqrt(0.3 * 0.7 / 1000)


def test_damping_is_found():
    powers, shots = np.arange(6.0), np.full(6, 1e5)
    contrast = np.exp(-0.1 - 0.2 * powers)
    q = contrast * np.sin((2 * powers + 1) * 0.7) ** 2 + (1 - contrast) * 0.5
    one = damped_estimate(powers, np.rint(q * shots), shots, 0.5, probability)
    assert one.reliable
    assert abs(one.value - np.sin(0.7) ** 2) < 3 * one.stderr < 0.03
    assert np.abs(one.contrast - contrast).max() < 0.03


def test_schedules_end_at_the_highest_power():
    for calls in (10, 300, 30_000):
        schedule = fixed_schedule(calls, 8)
        assert max(power for power, _ in schedule) <= 8
        cost = sum((2 * power + 1) * shots for power, shots in schedule)
        assert 0.9 * calls - 60 < cost <= calls
