"""Few shots and sums: standard errors from all pixels together, estimates from all hits."""

import math
from collections import Counter

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import qconv
from tests.cases import EDGE

GAUSSIAN = np.outer([1, 2, 1], [1, 2, 1]) / 16
WHERE = {"mode": "same", "boundary": "wrap"}
METHODS = [
    qconv.AmplitudeEstimation(),
    qconv.AmplitudeEstimation(range="local"),
    qconv.AmplitudeEstimation(powers=(0, 1, 2, 4)),
    qconv.AmplitudeEstimation(powers=((0, 10), (1, 8), (3, 4))),
]

#: Number of standard deviations of a mean of many squares; false alarms below 1e-9.
SIGMAS = 6.2


def squares(result, expected):
    """Return the squared z-scores of the reliable pixels of a result."""
    reliable = result.diagnostics.reliable
    return np.square((result.image - expected) / result.stderr)[reliable]


class TestStandardErrors:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("method", "kernel", "shots"),
        [
            *((METHODS[0], kernel, n) for kernel in (EDGE, GAUSSIAN) for n in (20, 50, 200, 1000)),
            (METHODS[1], EDGE, 20),
            (METHODS[1], GAUSSIAN, 200),
        ],
        ids=str,
    )
    def test_of_a_photograph(self, method, kernel, shots, small_camera):
        """The mean of z**2 is 0.8 to 1.07, and 95 % intervals cover 94 % or more."""
        image = small_camera[::2, ::2] if method.range == "local" else small_camera
        how = {"method": method, **WHERE}
        expected = qconv.convolve(image, kernel, shots=None, **how).image
        result = qconv.convolve(image, kernel, shots=shots, seed=5, **how)
        assert result.diagnostics.reliable.mean() > 0.8
        z2 = squares(result, expected)
        tolerance = SIGMAS * z2.std() / math.sqrt(z2.size)
        assert 0.8 - tolerance < z2.mean() < 1.07 + tolerance
        assert (z2 < 1.96**2).mean() > 0.94 - SIGMAS * math.sqrt(0.05 / z2.size)

    @pytest.mark.parametrize("shots", [1, 5, 19])
    def test_none_is_reliable_below_20_shots(self, shots, small_camera):
        result = qconv.convolve(small_camera, EDGE, method=METHODS[0], shots=shots, seed=1, **WHERE)
        assert not result.diagnostics.reliable.any()
        assert np.isfinite(result.stderr).all()

    @pytest.mark.parametrize("pixels", [4, 64])
    def test_of_few_pixels(self, pixels):
        """The prior does not overfit a small image, with which the mean of z**2 was up to 2.7."""
        rng = np.random.default_rng(0)
        z2 = []
        for seed in range(400 // pixels):
            image = rng.random(pixels)
            how = {"method": METHODS[0], **WHERE}
            result = qconv.convolve(image, [1.0], shots=100, seed=seed, **how)
            z2 += [*np.square((result.image - image) / result.stderr).ravel()]
        assert np.mean(z2) < 1.1 + SIGMAS * np.std(z2) / math.sqrt(len(z2))


def picture():
    return np.random.default_rng(3).integers(1, 9, (4, 8)).astype(float)


def measured(plan, seed):
    """Return counts of a plan's circuits, from a simulator without any knowledge of qconv."""
    simulator = AerSimulator()
    return [
        Counter(simulator.run(circuit, shots=n, seed_simulator=seed).result().get_counts())
        for circuit, n in zip(plan.circuits, plan.executions, strict=True)
    ]


class TestSums:
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_equal_one_run_with_the_same_hits(self, method):
        """Equal up to rounding, for any number and order of parts."""
        shots = {} if isinstance(method.powers[0], tuple) else {"shots": 10}
        plans = [
            qconv.plan(picture(), EDGE, method=method, seed=seed, **shots, **WHERE)
            for seed in range(4)
        ]
        runs = [measured(plan, seed) for seed, plan in enumerate(plans)]
        results = [plan.decode(run) for plan, run in zip(plans, runs, strict=True)]
        merged = [sum(counts, Counter()) for counts in zip(*runs, strict=True)]
        expected = plans[0].decode(merged)
        for total in (sum(results), (results[3] + results[1]) + (results[2] + results[0])):
            np.testing.assert_allclose(total.image, expected.image, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(total.stderr, expected.stderr, rtol=1e-9)
            assert np.array_equal(total.diagnostics.reliable, expected.diagnostics.reliable)

    @pytest.mark.slow
    def test_small_parts_are_as_good_as_one(self, small_camera):
        """Sixteen runs of 10 shots: the mean of z**2 was 1.99, and errors as for 10 shots."""
        image, how = small_camera[::2, ::2], {"method": METHODS[2], **WHERE}
        expected = qconv.convolve(image, EDGE, shots=None, **how).image
        total = sum(qconv.convolve(image, EDGE, shots=10, seed=seed, **how) for seed in range(16))
        once = qconv.convolve(image, EDGE, shots=160, seed=99, **how)
        z2 = np.square((total.image - expected) / total.stderr)
        assert z2.mean() < 1.1 + SIGMAS * z2.std() / math.sqrt(z2.size)
        errors = [np.sqrt(np.mean((r.image - expected) ** 2)) for r in (total, once)]
        assert errors[0] < 1.1 * errors[1]

    def test_different_schedules(self, small_camera):
        """Sixty and 150 shots, with different highest powers: all hits count."""
        how = {"method": METHODS[0], **WHERE}
        expected = qconv.convolve(small_camera, EDGE, shots=None, **how).image
        one, two = (
            qconv.convolve(small_camera, EDGE, shots=shots, seed=shots, **how)
            for shots in (60, 150)
        )
        total = one + two
        (hits,) = total.diagnostics.hits
        assert set(hits.powers) == {
            *one.diagnostics.hits[0].powers,
            *two.diagnostics.hits[0].powers,
        }
        assert hits.table.sum() == 210 * small_camera.size
        z2 = squares(total, expected)
        assert z2.mean() < 1.1 + SIGMAS * z2.std() / math.sqrt(z2.size)

    def test_with_noise(self):
        """The damping is fitted to the hits of both."""
        noise = NoiseModel()
        noise.add_all_qubit_quantum_error(depolarizing_error(0.002, 2), ["cx", "cz"])
        noise.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.03, 0.97]]))
        how = {
            "method": qconv.AmplitudeEstimation(powers=(0, 1)),
            "backend": AerSimulator(noise_model=noise),
            "shots": 200,
        }
        image = picture()[0]
        one, two = (qconv.convolve(image, [1.0, 2.0], seed=seed, **how) for seed in (1, 2))
        total = one + two
        (hits,) = total.diagnostics.hits
        assert hits.noisy
        assert np.array_equal(total.diagnostics.contrast, hits.estimates[3])
        assert np.array_equal(total.image.ravel(), hits.estimates[0].ravel())

    def test_blocks(self, monkeypatch):
        """An image that needs several circuits: each block's hits are added."""
        from qconv.methods.amplitude_estimation import method

        monkeypatch.setattr(method, "_MOST_QUBITS", 8)
        image = np.random.default_rng(1).random((8, 16))
        how = {"method": METHODS[2], "shots": 20}
        one, two = (qconv.convolve(image, EDGE, seed=seed, **how) for seed in (1, 2))
        total = one + two
        assert len(total.diagnostics.hits) > 1
        for hits in total.diagnostics.hits:
            assert np.array_equal(total.image[hits.block.outputs], hits.estimates[0])
