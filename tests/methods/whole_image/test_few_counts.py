"""Few counts and sums: standard errors from all pixels together, estimates from all counts."""

import functools
import math
from collections import Counter

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from scipy import stats

import qconv
from qconv.methods.mixture import CountMixture
from qconv.methods.whole_image.amplification import Amplification
from qconv.methods.whole_image.reading import Reading, Tally
from tests.cases import EDGE

#: Number of standard deviations of a mean of many squares; false alarms below 1e-9.
SIGMAS = 6.2

GAUSSIAN = np.outer([1, 2, 1], [1, 2, 1]) / 16
WHERE = {"mode": "same", "boundary": "wrap"}
METHODS = [
    qconv.Diffusion(),
    qconv.Diffusion(steps=2),
    qconv.Interference(),
    qconv.Interference(signed=False),
    qconv.Fourier(),
    qconv.Fourier(amplify="auto"),
    qconv.Fourier(amplify="auto", read_out="root"),
    qconv.Fourier(signed=False, amplify=1),
]


def squares(results, expected):
    """Return the squared z-scores of some results."""
    return np.array([np.square((r.image - expected) / r.stderr) for r in results])


class TestStandardErrors:
    """The mean of z**2 is 1 within 0.1: false alarms below 1e-9 for a kurtosis below 6."""

    @pytest.mark.parametrize("shots", [4, 10, 40])
    @pytest.mark.parametrize("kernel", [EDGE, GAUSSIAN], ids=["edge", "gaussian"])
    @pytest.mark.parametrize(
        "method", [qconv.Diffusion(), qconv.Fourier(), qconv.Fourier(amplify="auto")], ids=str
    )
    def test_of_a_photograph(self, method, kernel, shots, small_camera):
        where = {**WHERE, "method": method}
        expected = qconv.convolve(small_camera, kernel, shots=None, **where).image
        z2 = squares(
            [qconv.convolve(small_camera, kernel, shots=shots, seed=s, **where) for s in range(4)],
            expected,
        )
        assert abs(z2.mean() - 1) < 0.1 + SIGMAS * math.sqrt(5 / z2.size)
        assert 0.93 < (z2 < 1.96**2).mean() < 0.975

    @pytest.mark.parametrize("shots", [20, 100])
    def test_of_magnitudes(self, shots, small_camera):
        where = {**WHERE, "method": qconv.Interference(signed=False)}
        exact = np.abs(qconv.convolve(small_camera, GAUSSIAN, shots=None, **where).image)
        results = [
            qconv.convolve(small_camera, GAUSSIAN, shots=shots, seed=s, **where) for s in range(4)
        ]
        z2 = squares(results, exact)
        assert abs(z2.mean() - 1) < 0.1 + SIGMAS * math.sqrt(5 / z2.size)

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_never_zero(self, method):
        """The standard error is positive even where nothing was counted."""
        image = np.random.default_rng(0).random((8, 8))
        result = qconv.convolve(image, EDGE, method=method, shots=1, seed=1, **WHERE)
        assert (result.stderr > 0).all()
        assert np.isfinite(result.stderr).all()


class TestMixture:
    def test_constant_pixels_have_one_variance(self):
        """4,000 counts of mean 9 have the variance 9 within 2 %, although counts differ by 25."""
        counts = np.random.default_rng(1).poisson(9, 4000).astype(float)
        variance, _ = CountMixture.of(counts).variance(counts)
        assert np.abs(np.average(variance) / 9 - 1) < 0.02
        middle = variance[(counts >= 4) & (counts <= 14)]
        assert np.abs(middle / 9 - 1).max() < 0.12

    def test_two_kinds_of_pixels(self):
        """Counts of 2 and of 100 are distinguished, and each kind has its own variance."""
        means = np.repeat([2.0, 100.0], 2000)
        counts = np.random.default_rng(2).poisson(means).astype(float)
        variance, scale = CountMixture.of(counts).variance(counts)
        for mean in (2, 100):
            assert np.mean(variance[means == mean]) == pytest.approx(mean, rel=0.05)
        assert 0.9 < scale.min() <= scale.max() < 1.1

    def test_large_counts_are_their_own_variances(self):
        counts = np.array([10.0**4, 10.0**9, 3.0])
        variance, scale = CountMixture.of(counts).variance(counts)
        assert variance[:2].tolist() == [1e4, 1e9]
        assert scale[:2].tolist() == [1, 1]
        assert CountMixture.of(counts).root_variance(counts)[1] == pytest.approx(0.25)

    def test_nothing_counted(self):
        counts = np.zeros(64)
        variance, _ = CountMixture.of(counts).variance(counts)
        assert (variance > 0).all()
        assert (variance < 0.5).all()


@functools.cache
def measured(method, seed, shots):
    """Return counts of a method's circuits, from a simulator without any knowledge of qconv."""
    plan = qconv.plan(image(), EDGE, method=method, shots=shots, seed=seed, **WHERE)
    simulator = AerSimulator()
    runs = [
        simulator.run(circuit, shots=number, seed_simulator=seed).result().get_counts()
        for circuit, number in zip(plan.circuits, plan.executions, strict=True)
    ]
    return plan, runs


def image():
    return np.random.default_rng(3).integers(1, 9, (4, 8)).astype(float)


class TestSums:
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_equal_one_run_with_the_same_counts(self, method):
        """Equal up to rounding, for any number of parts."""
        parts = [measured(method, seed, 20) for seed in range(4)]
        results = [plan.decode(runs) for plan, runs in parts]
        whole = qconv.plan(image(), EDGE, method=method, shots=20, seed=9, **WHERE)
        merged = [
            sum(map(Counter, counts), Counter())
            for counts in zip(*(runs for _, runs in parts), strict=True)
        ]
        expected = whole.decode(merged)
        for total in (sum(results), (results[0] + results[1]) + (results[2] + results[3])):
            np.testing.assert_allclose(total.image, expected.image, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(total.stderr, expected.stderr, rtol=1e-9)
            assert np.array_equal(total.diagnostics.counts, expected.diagnostics.counts)

    def test_channels_of_overlapping_blocks(self, tmp_path):
        """Unequal shots, whose executions per block are rounded, so that averages would differ."""
        method = qconv.Blocks(qconv.Diffusion(), "overlap-add", qubits=5)
        kernel = np.array([[2.0], [1], [-1]])
        alone, stacked = [], []
        for seed, shots in enumerate((50, 30, 5)):
            how = {"method": method, "shots": shots, "boundary": "symm"}
            both = np.stack([image()[:, :3], image()[:, 3:6]], axis=-1)
            stacked.append(qconv.convolve(both, kernel, seed=seed, channel_axis=-1, **how))
            alone.append(stacked[-1].diagnostics.counts)
        stacked[0].save(tmp_path / "one.npz")
        total = sum(stacked[1:], qconv.load(tmp_path / "one.npz"))
        assert np.array_equal(total.diagnostics.counts, sum(alone))
        shares = np.array([result.shots for result in stacked]) / total.shots
        average = sum(a * result.image for a, result in zip(shares, stacked, strict=True))
        assert 1e-6 < np.abs(total.image - average).max() < total.stderr.max()
        for channel in range(2):
            one = sum(result.diagnostics[..., channel].counts for result in stacked)
            assert np.array_equal(one, total.diagnostics.counts[..., channel])

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_parts_are_parts_of_the_sum(self, method):
        how = {"method": method, "shots": 20, **WHERE}
        one, two = (qconv.convolve(image(), EDGE, seed=seed, **how) for seed in (1, 2))
        whole, part = one + two, one[1:3, ::2] + two[1:3, ::2]
        np.testing.assert_array_equal(part.image, whole.image[1:3, ::2])
        np.testing.assert_array_equal(part.stderr, whole.stderr[1:3, ::2])

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_saved_parts_add_up(self, method, tmp_path):
        how = {"method": method, "shots": 20, **WHERE}
        results = [qconv.convolve(image(), EDGE, seed=seed, **how) for seed in (1, 2)]
        for number, result in enumerate(results):
            result.save(tmp_path / f"{number}.npz")
        loaded = [qconv.load(tmp_path / f"{number}.npz") for number in range(2)]
        total, expected = sum(loaded), sum(results)
        np.testing.assert_array_equal(total.image, expected.image)
        np.testing.assert_array_equal(total.stderr, expected.stderr)

    @pytest.mark.parametrize("scheme", ["overlap-save", "overlap-add"])
    @pytest.mark.parametrize("method", METHODS[2:], ids=str)
    def test_blocks(self, method, scheme):
        """Blocks that do not overlap are estimated again from all counts; others are averaged."""
        if scheme == "overlap-add" and not method.signed:
            pytest.skip("magnitudes cannot be added")
        blocks = qconv.Blocks(method, scheme, qubits=11)
        picture = np.random.default_rng(3).integers(1, 9, (16, 16)).astype(float)
        how = {"method": blocks, "shots": 50, "mode": "same"}
        results = [qconv.convolve(picture, EDGE, seed=seed, **how) for seed in range(3)]
        total = sum(results)
        assert scheme == "overlap-add" or total.diagnostics is not None
        if total.diagnostics is not None:
            found, stderr = total.diagnostics.estimate()
            np.testing.assert_allclose(total.image, found)
            np.testing.assert_allclose(total.stderr, stderr)
            assert total.diagnostics.counts.sum() == sum(
                result.diagnostics.counts.sum() for result in results
            )
        else:
            mean = np.mean([result.image for result in results], axis=0)
            np.testing.assert_allclose(total.image, mean, atol=1e-9)

    def test_small_parts_are_as_good_as_one(self):
        """Forty roots of 25 shots: the mean of z**2 of the sum is 1 within 0.3; it was 2.75."""
        picture = np.random.default_rng(4).integers(1, 200, (32, 32)).astype(float)
        how = {"method": METHODS[6], **WHERE}
        expected = qconv.convolve(picture, EDGE, shots=None, **how).image
        total = sum(qconv.convolve(picture, EDGE, shots=25, seed=s, **how) for s in range(40))
        z2 = np.square((total.image - expected) / total.stderr)
        assert abs(z2.mean() - 1) < SIGMAS * math.sqrt(2.2 / z2.size)


@pytest.mark.parametrize(
    ("reference", "amplitude"), [(0.9, 6.0), (1.5, 3.0), (4.0, 6.0), (4.0, 4.3)]
)
def test_uncertain_signs(reference, amplitude):
    """Square roots of both classes differ by twice the reference, in standard deviations of 0.7.

    The counts are in proportion to their Poisson probabilities, so that nothing is random.
    """
    means = [(reference + amplitude) ** 2, (reference - amplitude) ** 2]
    of_each = [stats.poisson(mean).pmf(np.arange(160)) for mean in means]
    number = np.rint(20_000 * np.multiply.outer(*of_each)).astype(int)
    pairs = np.nonzero(number)
    counts = np.repeat(np.array(pairs, dtype=float), number[pairs], axis=1)
    states, weight = counts.shape[1], 0.5
    executions = round(2 * states * reference**2 / weight)
    made = Amplification(0, weight, 0.9)
    reading = Reading(
        "root", 1.0, 1.0, executions, (), states, made, 0.95 * executions, 0.05 * executions
    )
    image, stderr = reading.estimate(Tally(counts, executions))
    expected = amplitude / math.sqrt(executions * (1 - weight) / 2)
    ratio = np.mean(np.square(image - expected)) / np.mean(np.square(stderr))
    assert 0.8 < ratio < 1.25
