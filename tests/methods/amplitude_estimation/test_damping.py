"""Amplitude estimation with noise: the damping is found, and intervals of reliable pixels hold.

False-alarm rates are those of `tests.chance`, unless a test states its own.
"""

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import classical
import qconv
from qconv.methods.amplitude_estimation.angles import peaks
from qconv.methods.amplitude_estimation.damping import Damping
from qconv.methods.amplitude_estimation.fitting import most_likely_damped
from qconv.methods.amplitude_estimation.likelihood import most_likely
from tests.cases import close

POWERS = (0, 1, 2, 4, 8)
STEPS = np.array(POWERS)[:, None]
WHERE = {"mode": "same", "boundary": "wrap"}


def depolarising(rate):
    """An Aer simulator with depolarising noise on each two-qubit gate."""
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    model.add_all_qubit_quantum_error(depolarizing_error(rate, 2), ["cx"])
    return AerSimulator(noise_model=model)


def drawn(p, shots, seed):
    """Draw hits and misses, given the probabilities of a hit, shape ``(powers, pixels)``."""
    rng = np.random.default_rng(seed)
    trials = rng.poisson(shots, size=p.shape)
    hits = rng.binomial(trials, p)
    return hits.astype(float), (trials - hits).astype(float)


def damped(angles, before, step, excess=0.0, seed=0):
    """Return probabilities of a hit, with contrast ``before * step**m`` and a random excess."""
    contrast = before * step**STEPS
    p = contrast * np.sin((2 * STEPS + 1) * angles) ** 2 + (1 - contrast) / 2
    return np.clip(p + excess * np.random.default_rng(seed).normal(size=p.shape), 0, 1)


@pytest.fixture(scope="module")
def angles():
    return np.random.default_rng(1).uniform(0.05, 1.5, 64)


class TestFit:
    def test_no_damping_is_found_where_there_is_none(self, angles):
        """The estimates equal those without damping, within a tenth of a standard error.

        Only pixels whose peak is certain in both fits are compared, because the fitted contrast may
        be slightly below 1.
        """
        counts = drawn(damped(angles, 1.0, 1.0), 300, 2)
        ours, ideal = most_likely_damped(*counts, POWERS), most_likely(*counts, POWERS)
        assert (ours.contrast > 0.98).all()
        sure = ours.reliable & ideal.reliable
        assert sure.mean() > 0.8
        p = [np.sin(found.angles[sure]) ** 2 for found in (ours, ideal)]
        truth = np.sin(angles[sure]) ** 2
        rmse = [np.sqrt(np.mean((part - truth) ** 2)) for part in p]
        assert rmse[0] < 1.1 * rmse[1]
        assert np.median(ours.stderr[sure] / ideal.stderr[sure]) < 1.1

    def test_damping_is_found(self, angles):
        """Contrasts are known to about 0.01 here; 0.06 is allowed, six standard errors."""
        found = most_likely_damped(*drawn(damped(angles, 0.9, 0.85), 1000, 3), POWERS)
        np.testing.assert_allclose(found.contrast, 0.9 * 0.85 ** STEPS[:, 0], atol=0.06)
        assert found.reliable.mean() > 0.9

    @pytest.mark.parametrize("shots", [50, 1000])
    @pytest.mark.parametrize("excess", [0.0, 0.02])
    def test_intervals(self, angles, shots, excess):
        """Over 8 draws of 64 pixels, intervals cover at least 93 %.

        Errors within a draw are correlated, so no bound is exact. The coverage of these draws is 95
        to 99 %, with a standard deviation of 1 % or less over seeds.
        """
        held, reliable = [], []
        for seed in range(8):
            p = damped(angles, 0.9, 0.85, excess, seed)
            found = most_likely_damped(*drawn(p, shots, seed), POWERS)
            off = np.abs(np.sin(found.angles) ** 2 - np.sin(angles) ** 2) / found.stderr
            held += list(off[found.reliable] < 1.96)
            reliable.append(found.reliable.mean())
        assert np.mean(held) > 0.93
        assert np.mean(reliable) > 0.8

    def test_a_single_power_tells_nothing(self, angles):
        """Damping looks like a darker picture, so no pixel is marked as reliable."""
        p = damped(angles, 0.7, 1.0)[:1]
        assert not most_likely_damped(*drawn(p, 1000, 4), (0,)).reliable.any()

    def test_noise_alone_tells_nothing(self, angles):
        p = np.full((len(POWERS), angles.size), 0.5)
        for shots in (20, 1000):
            assert not most_likely_damped(*drawn(p, shots, 5), POWERS).reliable.any()

    @pytest.mark.parametrize("shots", [0, 1])
    def test_next_to_no_shots(self, angles, shots):
        found = most_likely_damped(*drawn(damped(angles, 0.9, 0.9), shots, 6), POWERS)
        assert np.isfinite(found.angles).all()
        assert np.isfinite(found.stderr).all()
        assert found.stderr.min() > 0.1
        assert found.reliable.mean() < 0.1

    def test_what_is_not_explained_does_not_vanish_with_shots(self, angles):
        """Standard errors approach the limit set by the excess."""
        p = damped(angles, 0.9, 0.85, 0.01)
        many, limit = (
            most_likely_damped(p * shots, (1 - p) * shots, POWERS) for shots in (1e7, 1e12)
        )
        np.testing.assert_allclose(many.stderr, limit.stderr, rtol=0.02)
        assert np.median(limit.stderr) > 1e-3


@pytest.mark.parametrize("shots", [20, 1000])
def test_no_angle_of_a_grid_is_more_likely(angles, shots):
    """The search for peaks, with a given damping."""
    number = len(POWERS)
    free = np.concatenate([[0.15, 0.1], np.zeros(number), np.linspace(0.4, 0.6, number)])
    size = len(free)
    damping = Damping(2.0 * STEPS[:, 0] + 1, free, np.zeros(number), np.zeros((size, size)))
    hits, misses = drawn(damping.probability(np.sin((2 * STEPS + 1) * angles)), shots, 7)
    found = peaks(damping, hits, misses)
    best, _ = found.highest()
    grid = np.linspace(0, np.pi / 2, 20_001)
    p = damping.probability(np.sin((2 * STEPS + 1) * grid))
    highest = (hits.T @ np.log(p) + misses.T @ np.log1p(-p)).max(axis=1)
    assert (found.value[best] >= highest - 1e-6).all()


def test_weights_by_hand():
    """Scaled counts have the variance of frequencies whose probability varies by the excess."""
    number, free = len(POWERS), np.zeros(2 + 2 * len(POWERS))
    free[:2], free[2 + number :] = (0.2, 0.1), 0.5
    damping = Damping(2.0 * np.array(POWERS) + 1, free, np.full(number, 0.3), np.eye(len(free)))
    trials = np.array([0.0, 1, 2, 50, 10_000]) * np.ones((number, 1))
    hits = np.where(trials > 1, np.rint(0.4 * trials), trials)
    p = ((hits.sum(axis=1) + 1) / (trials.sum(axis=1) + 2))[:, None]
    contrast = np.exp(-(0.1 + 0.2 * STEPS))
    excess = 0.3 * (1 - contrast) * np.sqrt(contrast)
    weights = damping.weights(hits, trials - hits)
    assert (weights[:, :2] == 1).all()
    n = trials[:, 2:]
    expected = excess**2 + (p * (1 - p) - excess**2) / n
    np.testing.assert_allclose(p * (1 - p) / (n * weights[:, 2:]), expected, rtol=1e-12)


class TestCircuits:
    @pytest.mark.slow
    def test_depolarising_noise(self):
        """Two runs on a simulator with an exact distribution; at least 95 % of the intervals hold.

        With 95 % coverage, fewer than 58 of 64 hold once in 20 times; these seeds are not such a
        case.
        """
        image = np.random.default_rng(8).random((4, 8))
        kernel = np.array([[1.0, 2.0]])
        backend = depolarising(2e-3)
        method = qconv.AmplitudeEstimation(POWERS)
        exact = classical.convolve(image, kernel, **WHERE)
        how = {"method": method, "backend": backend, **WHERE}
        held, reliable = [], []
        for seed in range(2):
            result = qconv.convolve(image, kernel, shots=300, seed=seed, **how)
            low, high = result.interval(0.95)
            held += list(((low < exact) & (exact < high))[result.diagnostics.reliable])
            reliable.append(result.diagnostics.reliable.mean())
            assert not result.independent
            assert (np.diff(result.diagnostics.contrast) < 0).all()
        assert np.mean(held) > 0.9
        assert np.mean(reliable) > 0.8
        assert "contrast left" in str(result)

    def test_counts_from_elsewhere(self, tmp_path):
        """Counts from an ideal simulator: no damping, and results that can be added and saved."""
        image = np.random.default_rng(9).random((8, 8))
        method = qconv.AmplitudeEstimation((0, 1, 2, 4))
        results = []
        for seed in (1, 2):
            plan = qconv.plan(image, [[1.0, 1.0]], method=method, shots=200, seed=seed, **WHERE)
            counts = [
                AerSimulator().run(circuit.decompose(reps=5), shots=shots, seed_simulator=seed)
                for circuit, shots in zip(plan.circuits, plan.executions, strict=True)
            ]
            results.append(plan.decode([job.result().get_counts() for job in counts]))
        both = results[0] + results[1]
        assert (both.diagnostics.contrast > 0.97).all()
        exact = classical.convolve(image, [[1.0, 1.0]], **WHERE)
        assert (
            np.abs(both.image - exact)[both.diagnostics.reliable]
            < 6.5 * both.stderr[both.diagnostics.reliable]
        ).all()
        assert both.diagnostics.reliable.mean() > 0.7
        both.save(tmp_path / "r.npz")
        close(
            qconv.Convolution.load(tmp_path / "r.npz").diagnostics.contrast,
            both.diagnostics.contrast,
        )
