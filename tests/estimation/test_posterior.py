"""The posterior of one angle, against quadrature on a grid that is never cut."""

import numpy as np

from qconv.estimation.posterior import AnglePosterior


def test_mean_against_quadrature():
    rng = np.random.default_rng(20261130)
    runs, points = 40, 200_000
    p = rng.random(runs)
    angles = (np.arange(points) + 0.5) / points * np.pi / 2
    posterior, log = AnglePosterior(runs), np.zeros((runs, points))
    for factor, number in ((1, 20), (3, 10), (5, 10), (9, 10), (13, 8), (19, 8), (27, 8)):
        hits = rng.binomial(number, np.sin(factor * np.arcsin(np.sqrt(p))) ** 2)
        shots = np.full(runs, float(number))
        posterior.add(np.full(runs, float(factor)), hits.astype(float), shots)
        turned = np.cos(2 * factor * angles)
        log += np.outer(hits, np.log((1 - turned) / 2))
        log += np.outer(number - hits, np.log((1 + turned) / 2))
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = weights @ np.sin(angles) ** 2
    spread = np.sqrt(weights @ np.sin(angles) ** 4 - mean**2)
    found, stderr = posterior.estimate()
    assert (np.abs(found - mean) <= 0.02 * spread).all()
    assert (stderr >= 0.98 * spread).all()


def test_without_data_everything_is_possible():
    posterior = AnglePosterior(1)
    mean, stderr = posterior.estimate()
    assert abs(mean[0] - 0.5) < 1e-12
    assert abs(stderr[0] - np.sqrt(1 / 8)) < 1e-3
