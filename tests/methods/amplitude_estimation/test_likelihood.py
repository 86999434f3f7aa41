"""The highest peak of the likelihood: against a fine grid, with honest errors, never missed."""

import math

import numpy as np
import pytest

from qconv.methods.amplitude_estimation import likelihood as module
from qconv.methods.amplitude_estimation.likelihood import most_likely

SCHEDULES = [
    (0,),
    (0, 1, 2, 4, 8),
    (3, 5),
    (0, 1, 2, 4, 8, 16, 32, 64),
    (7,),
    (300, 5, 0, 40, 13, 100, 1, 200),  # more intervals than the search starts with
]


def draw(angles, powers, shots, seed=0):
    """Draw hits and misses ``(powers, pixels)``; numbers of shots are random, as for positions."""
    rng = np.random.default_rng(seed)
    factors = 2 * np.array(powers)[:, None] + 1
    trials = rng.poisson(shots, size=(len(powers), len(angles)))
    hits = rng.binomial(trials, np.sin(factors * angles) ** 2)
    return hits.astype(float), (trials - hits).astype(float)


def likelihood(hits, misses, powers, angles):
    """Return the log-likelihood of pixels and angles by definition, with 0 log 0 = 0."""
    factors = 2 * np.array(powers)[:, None] + 1
    with np.errstate(divide="ignore"):
        sin, cos = (np.log(part(factors * angles) ** 2) for part in (np.sin, np.cos))
    return hits.T @ np.maximum(sin, -1e300) + misses.T @ np.maximum(cos, -1e300)


@pytest.mark.parametrize("powers", SCHEDULES, ids=str)
@pytest.mark.parametrize("shots", [1, 3, 30, 1000])
def test_no_angle_of_a_grid_is_more_likely(powers, shots):
    rng = np.random.default_rng(1)
    angles = np.concatenate([rng.uniform(0, math.pi / 2, 60), [0, math.pi / 2, math.pi / 4]])
    hits, misses = draw(angles, powers, shots)
    found = most_likely(hits, misses, powers).angles
    assert ((found >= 0) & (found <= math.pi / 2)).all()
    grid = np.linspace(0, math.pi / 2, 20_001)[1:-1]
    highest = likelihood(hits, misses, powers, grid).max(axis=1)
    ours = np.diag(likelihood(hits, misses, powers, found))
    assert (ours >= highest - 1e-6).all()


@pytest.mark.parametrize("shots", [0.5, 4, 50])
def test_levels_make_no_difference(shots, monkeypatch):
    """Starting with all intervals, with few, or octave by octave gives the same peaks."""
    powers = (0, 1, 3, 6, 11, 20, 35, 60, 100)
    hits, misses = draw(np.random.default_rng(7).uniform(0, math.pi / 2, 60), powers, shots)
    found = []
    for intervals in (10**6, 150, 1):
        monkeypatch.setattr(module, "_INTERVALS", intervals)
        module._levels.cache_clear()
        levels = module._levels(powers)
        factors = 2.0 * np.array(powers) + 1
        found.append((len(levels), module._peaks(hits, misses, factors, levels, 1e-7)))
    module._levels.cache_clear()
    assert [number for number, _ in found] == [1, 3, 6]
    for _, peaks in found[1:]:
        near = found[0][1].highest()[1] > -module.DEPTH  # a fast search may keep more
        assert np.array_equal(peaks.pixel, found[0][1].pixel[near])
        np.testing.assert_allclose(peaks.angle, found[0][1].angle[near], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("shots", [20, 100])
def test_errors_are_what_they_are_said_to_be(shots):
    """For 20,000 pixels, coverage is nominal within 6.2 standard deviations.

    Coverage is exact for many shots only; 1 % is allowed for this.
    """
    powers = (0, 1, 2, 4, 8, 16, 32, 64)
    p = np.random.default_rng(2).random(20_000)
    hits, misses = draw(np.arcsin(np.sqrt(p)), powers, shots)
    found = most_likely(hits, misses, powers)
    z = (np.sin(found.angles) ** 2 - p) / found.stderr
    tolerance = 0.01 + 6.2 * math.sqrt(0.95 * 0.05 / p.size)
    assert abs(np.mean(np.abs(z) < 1.96) - 0.95) < tolerance
    assert np.mean(np.abs(z) > 10) < 5e-4
    assert abs(np.mean(z**2) - 1) < (0.1 if shots == 100 else 0.2)  # a few have gross errors
    assert found.reliable.mean() > (0.85 if shots == 100 else 0.6)
    assert np.mean(np.abs(z[found.reliable]) > 6) < 5e-4


@pytest.mark.parametrize("powers", SCHEDULES, ids=str)
@pytest.mark.parametrize("shots", [1, 5, 100])
def test_the_error_is_that_of_the_whole_likelihood(powers, shots, monkeypatch):
    """Compared with integrals over a fine grid: mean square distance from the estimate."""
    monkeypatch.setattr(module, "fitted_prior", lambda *_: np.ones_like)
    angles = np.random.default_rng(4).uniform(0, math.pi / 2, 60)
    hits, misses = draw(angles, powers, shots)
    found = most_likely(hits, misses, powers)
    grid = (np.arange(100_000) + 0.5) * math.pi / 200_000
    logarithm = likelihood(hits, misses, powers, grid)
    density = np.exp(logarithm - logarithm.max(axis=1, keepdims=True))
    distance = np.sin(grid) ** 2 - np.sin(found.angles[:, None]) ** 2
    square = (density * distance**2).sum(axis=1) / density.sum(axis=1)
    # Peaks below e**-16 of the highest are ignored.
    np.testing.assert_allclose(found.stderr**2, square, rtol=1e-3, atol=1e-4 * square.max())


@pytest.mark.slow
@pytest.mark.parametrize("shots", [20, 200])
def test_squared_errors_are_as_stated_on_average(shots):
    """For uniformly distributed angles, the mean of z^2 is 1 for any number of shots."""
    powers = (0, 1, 2, 4, 8)
    angles = np.random.default_rng(5).uniform(0, math.pi / 2, 60_000)
    found = most_likely(*draw(angles, powers, shots, seed=6), powers)
    squares = ((np.sin(found.angles) ** 2 - np.sin(angles) ** 2) / found.stderr) ** 2
    tolerance = 6.2 * squares.std() / math.sqrt(squares.size)  # a false alarm in 10**9
    assert abs(squares.mean() - 1) < tolerance < 0.1


def test_the_error_is_that_of_the_fisher_information():
    powers, shots = (0, 1, 2, 4), 10**7
    angles = np.linspace(0.2, 1.3, 50)
    hits, misses = draw(angles, powers, shots)
    stderr = most_likely(hits, misses, powers).stderr
    information = 4 * ((2 * np.array(powers) + 1) ** 2) @ (hits + misses)
    np.testing.assert_allclose(stderr, np.sin(2 * angles) / np.sqrt(information), rtol=1e-2)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_ends_of_the_range(p):
    powers = (0, 1, 2, 4, 8)
    hits, misses = draw(np.full(100, math.asin(math.sqrt(p))), powers, 50)
    found = most_likely(hits, misses, powers)
    np.testing.assert_allclose(np.sin(found.angles) ** 2, p, atol=1e-6)
    assert (found.stderr > 0).all()
    assert not found.reliable.any()


def test_no_shots_at_all():
    found = most_likely(np.zeros((2, 3)), np.zeros((2, 3)), (0, 1))
    assert np.isfinite(found.angles).all()
    assert (found.stderr >= math.sqrt(1 / 12)).all()  # a value between 0 and 1
    assert not found.reliable.any()


def test_two_angles_that_one_power_cannot_tell_apart():
    """After one step, 0.3 and its mirror image about pi/3 are equally likely; errors show it."""
    angle = 0.3
    p = math.sin(3 * angle) ** 2
    hits, misses = np.array([[1000 * p]]), np.array([[1000 * (1 - p)]])
    found = most_likely(hits, misses, (1,))
    assert not found.reliable[0]
    assert found.stderr[0] > 0.1
    near = draw(np.array([angle]), (0,), 1000)
    both = most_likely(np.vstack([near[0], hits]), np.vstack([near[1], misses]), (0, 1))
    assert both.reliable[0]
    assert abs(both.angles[0] - angle) < 0.02


def test_blocks_and_threads_make_no_difference(monkeypatch):
    powers = (0, 1, 2, 4)
    hits, misses = draw(np.random.default_rng(3).uniform(0, 1.5, 3000), powers, 20)
    seen = set()
    for threads in "12":
        monkeypatch.setenv("QCONV_NUM_THREADS", threads)
        found = most_likely(hits, misses, powers)
        seen.add(found.angles.tobytes() + found.stderr.tobytes())
    assert len(seen) == 1
