"""Readout mitigation: counts corrected for readout errors, and the added variance.

False-alarm rates are those of `tests.chance`, unless a comment states another rate.
"""

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, pauli_error
from qiskit_aer.primitives import SamplerV2

import classical
import qconv
from qconv.execution.device.calibration import _told
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.outcomes import Outcomes, Selection
from qconv.execution.outcomes.readout import Readout, Unfolding, applied
from qconv.execution.run import run
from tests.cases import EDGE

PAIRS = [(0.02, 0.07), (0.1, 0.2), (0.0, 0.03), (0.04, 0.01)]


def reading(*, lost=False):
    """Return a simulator with readout errors; with ``lost``, the distribution is not computable."""
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.05, 0.95]]), warnings=False)
    for qubit, (a, b) in enumerate(PAIRS):
        error = ReadoutError([[1 - a, a], [b, 1 - b]])
        model.add_readout_error(error, [qubit], warnings=False)
    if lost:
        nothing = pauli_error([("I", 1.0)])
        model.add_all_qubit_quantum_error(nothing, ["measure"])
    return AerSimulator(noise_model=model, basis_gates=["rz", "sx", "x", "cx"])


def scores(method, image, kernel, seeds, *, shots, backend=None, mitigation="readout", **where):
    """z-scores, ``(seeds, ...)``, against the exact convolution."""
    where = {"mode": "same", "boundary": "wrap", "method": method} | where
    exact = qconv.convolve(image, kernel, shots=None, **where).image
    backend = reading() if backend is None else backend
    found, known = [], {}
    how = where | {"shots": shots, "backend": backend, "mitigation": mitigation}
    for seed in seeds:
        plan = qconv.plan(image, kernel, seed=seed, **how)
        work = plan.prepared  # probabilities of noisy outcomes are the same for all seeds
        result = work.decode(run(work.programs, plan.sampling, known=known))
        found.append((result.image - exact) / result.stderr)
    return np.array(found)


class TestReadout:
    def test_corrected_is_the_inverse(self):
        rng = np.random.default_rng(18)
        readout = Readout(np.array(PAIRS[:3]), np.zeros((3, 2)))
        probabilities = rng.dirichlet(np.ones(8))
        read = np.array([[[1 - a, b], [a, 1 - b]] for a, b in PAIRS[:3]])
        assert np.allclose(
            readout.corrected(applied(read, probabilities)), probabilities, atol=1e-14
        )
        whole = np.kron(np.kron(read[2], read[1]), read[0])
        assert np.allclose(applied(read, probabilities), whole @ probabilities, atol=1e-15)

    def test_gradients_are_derivatives(self):
        rng = np.random.default_rng(18)
        probabilities, step = rng.dirichlet(np.ones(4)), 1e-6
        readout = Readout(np.array(PAIRS[:2]), np.ones((2, 2)))
        found = [change for _, change in readout.gradients(readout.corrected(probabilities))]
        for number, change in enumerate(found):
            moved = readout.errors.copy()
            moved[number // 2, number % 2] += step
            after = Readout(moved, readout.variances).corrected(probabilities)
            assert np.allclose((after - readout.corrected(probabilities)) / step, change, atol=1e-4)
        assert len(found) == 4


def matrix_of(errors):
    """Return the matrix that multiplies the probabilities of all bits, by definition."""
    whole = np.ones((1, 1))
    for a, b in errors:
        whole = np.kron([[1 - a, b], [a, 1 - b]], whole)
    return whole


def slopes(function, at, step=1e-6):
    """Return the Jacobian matrix of a function of an array, ``(values, entries)``."""
    found = []
    for index in np.ndindex(at.shape):
        moved = np.zeros(at.shape)
        moved[index] = step
        found.append((function(at + moved) - function(at - moved)) / (2 * step))
    return np.array(found).T


@pytest.mark.parametrize(
    ("executions", "shots"),
    [(1, 10_000), (1_000_000, 10_000), (2_000_000, 20_000), (10**8, 10**6), (10**12, 10**6)],
)
def test_one_in_a_hundred_calibrates_between_limits(executions, shots):
    assert qconv.ReadoutMitigation().shots_for(executions) == shots
    assert qconv.ReadoutMitigation().executions(executions) == 2 * shots
    assert qconv.ReadoutMitigation(shots=7).shots_for(executions) == 7


def test_bits_that_are_read_the_other_way():
    """If an X gate inverts a bit before measurement, the two errors of the bit are exchanged."""
    errors, variances = np.arange(1, 7).reshape(3, 2) / 100, np.arange(11, 17).reshape(3, 2) / 1e5
    told = _told(Readout(errors, variances, 7), 0b101)
    assert (told.errors == [[0.02, 0.01], [0.03, 0.04], [0.06, 0.05]]).all()
    assert (told.variances * 1e5).round(9).tolist() == [[12, 11], [13, 14], [16, 15]]
    assert told.executions == 7


class TestVariances:
    """Variances are propagated by definition, with numerical derivatives."""

    SHOTS = 500

    @pytest.fixture
    def case(self):
        """Readout errors with their variances, and probabilities of the values that are read."""
        rng = np.random.default_rng(18)
        readout = Readout(np.array(PAIRS[:3]), rng.uniform(1e-4, 1e-3, (3, 2)))
        probabilities = matrix_of(PAIRS[:3]) @ rng.dirichlet(np.ones(8))
        return (
            readout,
            probabilities,
            (np.diag(probabilities) - np.outer(probabilities, probabilities)) / self.SHOTS,
        )

    def test_of_a_weighted_sum(self, case):
        """The variances of shots and of calibration, both of similar size."""
        readout, probabilities, sampling = case
        weights = np.random.default_rng(3).normal(size=8)

        def estimate(probabilities, errors):
            return np.atleast_1d(weights @ np.linalg.solve(matrix_of(errors), probabilities))

        by_probabilities = slopes(lambda x: estimate(x, readout.errors), probabilities)
        by_errors = slopes(lambda x: estimate(probabilities, x), readout.errors)
        parts = (
            (by_probabilities @ sampling @ by_probabilities.T).item(),
            by_errors[0] ** 2 @ readout.variances.ravel(),
        )
        assert min(parts) > 0.05 * max(parts)
        assert readout.variance(weights, probabilities, self.SHOTS) == pytest.approx(
            sum(parts), rel=1e-6
        )

    @pytest.mark.parametrize("groups", [1.0, 4.0, np.inf])
    def test_of_wanted_outcomes(self, groups, case):
        """The mass comes from the same shots, from four times as many shots, or is known."""
        readout, probabilities, of_probabilities = case
        wanted = np.array([0, 1, 2, 5, 6])

        def estimate(own, others, errors):
            pool = own / groups + (1 - 1 / groups) * others
            mass = np.linalg.solve(matrix_of(errors), pool)[wanted].sum()
            return np.linalg.solve(matrix_of(errors), own)[wanted] / mass

        by_own = slopes(lambda x: estimate(x, probabilities, readout.errors), probabilities)
        by_others = slopes(lambda x: estimate(probabilities, x, readout.errors), probabilities)
        by_errors = slopes(lambda x: estimate(probabilities, probabilities, x), readout.errors)
        expected = by_own @ of_probabilities @ by_own.T
        if groups > 1:  # the other shots are ``groups - 1`` times as many
            expected += by_others @ of_probabilities @ by_others.T / (groups - 1)
        of_errors = by_errors @ np.diag(readout.variances.ravel()) @ by_errors.T
        assert 0.05 < np.trace(expected) / np.trace(of_errors) < 20
        unfolding = Unfolding(readout, wanted)
        assert unfolding.mass(probabilities) < 0.9
        sampling, calibration = unfolding.covariance(probabilities, self.SHOTS, groups)
        for found, right in ((sampling, expected), (calibration, of_errors)):
            np.testing.assert_allclose(found, right, rtol=0, atol=1e-6 * np.abs(right).max())

    @pytest.mark.parametrize("shots", [1, 2])
    def test_few_counted_shots(self, shots):
        """The mean over all outcomes of one or two executions is the variance."""
        p = np.array([0.3, 0.5, 0.2, 0.0])
        unfolding = Unfolding(Readout(np.zeros((2, 2)), np.zeros((2, 2))), np.arange(4))
        mean = np.zeros((4, 4))
        for first, second in np.ndindex(3, 3):
            counts = np.bincount([first, second], minlength=4)
            seen = Selection(None, (counts,), ideal=False, unfolding=unfolding)
            sampling, calibration = seen.covariance(p, shots, pooled=shots == 2)
            assert not calibration.any()
            mean += p[first] * p[second] * sampling
        np.testing.assert_allclose(mean, (np.diag(p) - np.outer(p, p)) / shots, atol=1e-15)
        alone = [
            p[n]
            * Selection(None, (one,), ideal=False, unfolding=unfolding).covariance(
                p, 1, pooled=True
            )[0]
            for n, one in enumerate(np.eye(4, dtype=int))
        ]
        np.testing.assert_allclose(sum(alone), np.diag(p) - np.outer(p, p), atol=1e-15)


class TestCollapse:
    def test_exact_expectation(self):
        """In the exact expectation, readout errors are removed completely."""
        rng = np.random.default_rng(18)
        image = rng.random((6, 5))
        where = {"shots": None, "mode": "same", "boundary": "symm"}
        ideal = qconv.convolve(image, EDGE, **where).image
        for method in (
            qconv.Collapse(),
            qconv.Collapse(baseline=True),
            qconv.Collapse(shared=True),
        ):
            more = {"method": method, "backend": reading()}
            noisy = qconv.convolve(image, EDGE, **where, **more)
            corrected = qconv.convolve(image, EDGE, mitigation="readout", **where, **more)
            assert np.abs(noisy.image - ideal).max() > 0.05
            assert np.allclose(corrected.image, ideal, atol=1e-12)
            assert corrected.success_probability == 1.0

    @pytest.mark.parametrize("method", [qconv.Collapse(), qconv.Collapse(baseline=True)], ids=str)
    @pytest.mark.parametrize("shots", [3, 100])
    def test_standard_errors(self, method, shots):
        """64,000 scores: the mean of z^2 has a standard deviation of 0.006, the coverage of 0.0009.

        Each calibration is common to all pixels, which at most doubles these deviations. Four
        standard deviations are allowed: a false alarm in 10**4 each.
        """
        rng = np.random.default_rng(18)
        z = scores(method, rng.random((40, 40)), EDGE, range(40), shots=shots)
        assert abs(np.mean(z**2) - 1) < (0.05 if shots < 10 else 0.02) + 0.024
        if shots > 10:
            assert abs(np.mean(np.abs(z) < 1.96) - 0.95) < 0.0072

    def test_standard_errors_of_a_short_calibration(self):
        """The calibration dominates the error: 300 independent calibrations.

        The mean of z^2 has a standard deviation of at most 0.08, and five are allowed. Without the
        variance of the calibration, the mean would be 7.
        """
        rng = np.random.default_rng(18)
        few = qconv.ReadoutMitigation(shots=200)
        z = scores(
            qconv.Collapse(), rng.random((3, 3)), EDGE, range(300), shots=2000, mitigation=few
        )
        assert abs(np.mean(z**2) - 1) < 0.4

    @pytest.mark.parametrize("unit", [2.0**-700, 2.0**-400, 2.0**500, 2.0**1000])
    @pytest.mark.parametrize("baseline", [False, True])
    def test_any_unit(self, unit, baseline):
        """Squares of these numbers exceed the range of floating point."""
        image = np.random.default_rng(18).random((5, 4))
        where = {"shots": 50, "seed": 3, "backend": reading(), "mitigation": "readout"}
        where["method"] = qconv.Collapse(baseline=baseline)
        plain, other = (qconv.convolve(picture, EDGE, **where) for picture in (image, image * unit))
        np.testing.assert_allclose(other.image / unit, plain.image, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(other.stderr / unit, plain.stderr, rtol=1e-9)

    def test_shared_shots(self):
        """Self-normalised: 400 runs, deviation of the mean of z^2 at most 0.07, five allowed."""
        rng = np.random.default_rng(18)
        z = scores(qconv.Collapse(shared=True), rng.random((3, 3)), EDGE, range(400), shots=3000)
        assert abs(np.mean(z**2) - 1) < 0.35

    def test_measured_shots(self):
        """The distribution cannot be computed: 900 scores on a backend, and 900 on a sampler."""
        rng = np.random.default_rng(18)
        sampler = SamplerV2(
            options={"backend_options": {"noise_model": reading().options.noise_model}}
        )
        for backend in (reading(lost=True), sampler):
            z = scores(qconv.Collapse(), rng.random((30, 30)), EDGE, [1], shots=40, backend=backend)
            assert abs(np.mean(z**2) - 1) < 0.35

    def test_cost_is_counted(self):
        rng = np.random.default_rng(18)
        image = rng.random((4, 4))
        where = {"shots": 100, "mode": "same", "seed": 1, "backend": reading()}
        result = qconv.convolve(image, EDGE, mitigation="readout", **where)
        assert result.total_shots == 1600 + 20_000
        plan = qconv.plan(image, EDGE, method=qconv.Collapse(), mitigation="readout", **where)
        assert plan.cost.executions == result.total_shots
        given = qconv.ReadoutMitigation(errors=dict(enumerate(PAIRS)))
        known = qconv.convolve(image, EDGE, mitigation=given, **where)
        assert known.total_shots == 1600
        assert known.independent
        short = qconv.ReadoutMitigation(shots=200)
        assert not qconv.convolve(image, EDGE, mitigation=short, **where).independent
        with pytest.raises(ValueError, match="these results differ"):
            known + result
        more = qconv.convolve(image, EDGE, mitigation="readout", **where | {"seed": 2})
        assert (result + more).shots == 200

    def test_counts_gathered_elsewhere_may_be_more(self):
        """The planned number of counts is used, chosen at random, as without mitigation."""
        errors = qconv.ReadoutMitigation(errors=PAIRS[:2])
        where = {"method": qconv.Collapse(), "mode": "same", "seed": 7, "shots": 2000}
        plan = qconv.plan([0, 10, 20], [1, 2, 1], mitigation=errors, **where)
        counts = {"00": 1522, "01": 2982, "10": 1427, "11": 69}
        exact, more = (
            plan.decode([{bits: times * n for bits, n in counts.items()}]) for times in (1, 3)
        )
        assert exact.shots == more.shots == 2000
        assert more.total_shots == 3 * exact.total_shots == 18_000
        assert (np.abs(more.image - exact.image) > 0).any()
        assert (np.abs(more.image - exact.image) < 7 * np.hypot(more.stderr, exact.stderr)).all()
        with pytest.raises(ValueError, match=r"expected at least 6,000 executions .* got 5,997"):
            plan.decode([counts | {"11": 66}])

    def test_same_seed_same_bytes(self):
        rng = np.random.default_rng(18)
        image = rng.random((4, 4))
        where = {"shots": 50, "backend": reading(), "mitigation": "readout"}
        first, second = (qconv.convolve(image, EDGE, seed=7, **where) for _ in range(2))
        assert first.image.tobytes() == second.image.tobytes()

    def test_gate_noise_stays(self):
        rng = np.random.default_rng(18)
        model = reading().options.noise_model
        model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
        image = rng.random((6, 5))
        where = {"shots": None, "mode": "same", "method": qconv.Collapse()}
        backend = AerSimulator(noise_model=model, basis_gates=["rz", "sx", "x", "cx"])
        ideal = qconv.convolve(image, EDGE, **where).image
        noisy = qconv.convolve(image, EDGE, backend=backend, **where).image
        corrected = qconv.convolve(image, EDGE, backend=backend, mitigation="readout", **where)
        left = np.abs(corrected.image - ideal).max()
        assert 0.01 < left < 0.6 * np.abs(noisy - ideal).max()

    def test_conv2d(self):
        rng = np.random.default_rng(18)
        images, weight = rng.random((2, 2, 5, 5)), rng.normal(size=(2, 2, 3, 3))
        exact = qconv.conv2d(images, weight, shots=None).image
        corrected = qconv.conv2d(
            images, weight, shots=None, backend=reading(), mitigation="readout"
        )
        assert np.allclose(corrected.image, exact, atol=1e-11)
        result = qconv.conv2d(
            images, weight, shots=500, backend=reading(), seed=1, mitigation="readout"
        )
        assert np.mean(((result.image - exact) / result.stderr) ** 2) < 3


WHOLE = {
    "Diffusion": (qconv.Diffusion(), (2, 2)),
    "Diffusion, signed": (qconv.Diffusion(), (1, 2)),
    "Interference": (qconv.Interference(), (1, 2)),
    "Fourier": (qconv.Fourier(), (1, 3)),
    "Interference, amplified": (qconv.Interference(amplify=2), (1, 2)),
    "Fourier, amplified": (qconv.Fourier(amplify=1), (1, 3)),
    "Blocks": (qconv.Blocks(qconv.Diffusion(), "overlap-add", qubits=5), (1, 2)),
}


@pytest.mark.parametrize("name", WHOLE)
class TestWholeImages:
    def case(self, name):
        method, shape = WHOLE[name]
        rng = np.random.default_rng(4)
        kernel = rng.random(shape) + 0.1
        return method, rng.random((2, 4)) + 0.2, kernel * (-1.0 if "signed" in name else 1.0)

    def test_exact_expectation(self, name):
        method, image, kernel = self.case(name)
        where = {"method": method, "shots": None, "mode": "same", "boundary": "wrap"}
        ideal = qconv.convolve(image, kernel, **where)
        noisy = qconv.convolve(image, kernel, backend=reading(), **where)
        corrected = qconv.convolve(image, kernel, backend=reading(), mitigation="readout", **where)
        assert np.abs(noisy.image - ideal.image).max() > 0.02
        assert np.allclose(corrected.image, ideal.image, atol=1e-10)
        assert corrected.success_probability == pytest.approx(ideal.success_probability, abs=1e-9)

    def test_errors_have_the_calibration_in_common(self, name):
        method, image, kernel = self.case(name)
        where = {"method": method, "shots": 10, "mode": "same", "seed": 1, "backend": reading()}
        known = qconv.ReadoutMitigation(errors=dict.fromkeys(range(30), (0.02, 0.05)))
        assert qconv.convolve(image, kernel, mitigation=known, **where).independent
        assert not qconv.convolve(image, kernel, mitigation="readout", **where).independent

    def test_standard_errors(self, name):
        """30 runs of eight pixels: deviation of the mean of z^2 at most 0.1, five allowed."""
        method, image, kernel = self.case(name)
        z = scores(method, image, kernel, range(30), shots=3000)
        assert abs(np.mean(z**2) - 1) < 0.5


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "Blocks"])
def test_calibration_is_part_of_the_errors(name):
    """The calibration adds its variances times the squares of the result's derivatives."""
    method, image, kernel = TestWholeImages().case(name)
    where = {"method": method, "shots": 100, "mode": "same", "boundary": "wrap", "seed": 1}
    plan = qconv.plan(image, kernel, **where)
    (program,) = plan.prepared.programs
    bits = program.measurement(program.circuit())
    rng = np.random.default_rng(3)
    counts = rng.multinomial(program.executions, rng.dirichlet(np.ones(2**bits)))
    histogram = Histogram(np.arange(2**bits), counts)
    errors, variances = rng.uniform(0.01, 0.05, (bits, 2)), rng.uniform(1e-4, 1e-3, (bits, 2))

    def decoded(errors, variances):
        readout = Readout(errors, variances)
        outcomes = Outcomes(program, histograms=(histogram,), readout=readout)
        return plan.prepared.decode(iter([outcomes]))

    def estimates(errors):
        result = decoded(errors, np.zeros_like(errors))
        return np.append(result.image, result.success_probability)

    with_it, without = decoded(errors, variances), decoded(errors, np.zeros_like(errors))
    added = slopes(estimates, errors) ** 2 @ variances.ravel()
    found = np.append(
        with_it.stderr**2 - without.stderr**2, with_it.success_stderr**2 - without.success_stderr**2
    )
    assert (added[:-1] > 0.05 * without.stderr.ravel() ** 2).any()
    np.testing.assert_allclose(found, added, rtol=1e-5, atol=1e-9 * added.max())


class TestRefused:
    @pytest.mark.parametrize(
        "backend",
        [None, AerSimulator(), StatevectorSampler(), SamplerV2()],
        ids=["None", "Aer", "StatevectorSampler", "Aer's sampler"],
    )
    def test_ideal_simulators(self, backend):
        with pytest.raises(ValueError, match="mitigation: expected a backend with readout errors"):
            qconv.convolve(np.ones((3, 3)), EDGE, backend=backend, mitigation="readout")

    @pytest.mark.parametrize(
        "method",
        [
            qconv.Interference(signed=False),
            qconv.Fourier(signed=False),
            qconv.Diffusion(adder="classical"),
            qconv.Blocks(qconv.Fourier(signed=False), "overlap-save"),
        ],
        ids=str,
    )
    def test_methods_that_are_not_linear(self, method):
        with pytest.raises(ValueError, match="mitigation: expected a method whose estimate is lin"):
            qconv.convolve(
                np.ones((3, 3)), EDGE, method=method, backend=reading(), mitigation="readout"
            )

    @pytest.mark.parametrize(
        ("wrong", "kind", "message"),
        [
            ("gates", ValueError, "mitigation: expected 'readout' or None, got 'gates'"),
            (True, TypeError, "mitigation: expected 'readout', a qconv.Readout.* got bool"),
        ],
    )
    def test_other_words(self, wrong, kind, message):
        for verb in (qconv.convolve, qconv.correlate):
            with pytest.raises(kind, match=message):
                verb(np.ones((3, 3)), EDGE, backend=reading(), mitigation=wrong)

    @pytest.mark.parametrize(
        ("errors", "kind", "message"),
        [
            (
                [(0.1, 0.9)],
                ValueError,
                r"errors: expected two prob.* below 1 for bit or qubit 0, got \(0.1, 0.9",
            ),
            (
                [(0.1,)],
                TypeError,
                r"errors: expected a pair of numbers for bit or qubit 0, got \(0.1,\)",
            ),
            ([(-0.1, 0.2)], ValueError, "errors: expected two probabilities"),
            (
                {1: "ab"},
                TypeError,
                "errors: expected a pair of numbers for bit or qubit 1, got 'ab'",
            ),
            ("readout", TypeError, "errors: expected pairs of numbers"),
            ([(0.1, np.nan)], ValueError, "errors"),
        ],
    )
    def test_errors(self, errors, kind, message):
        with pytest.raises(kind, match=message):
            qconv.ReadoutMitigation(errors=errors)

    def test_too_few_errors(self):
        few = qconv.ReadoutMitigation(errors=[(0.1, 0.1)])
        with pytest.raises(
            ValueError, match="mitigation: expected errors of 4 measured bits, got 1"
        ):
            qconv.convolve(np.ones((3, 3)), EDGE, backend=reading(), mitigation=few)
        few = qconv.ReadoutMitigation(errors={0: (0.1, 0.1)})
        with pytest.raises(ValueError, match="mitigation: expected errors of qubit 1, got none"):
            qconv.convolve(np.ones((3, 3)), EDGE, backend=reading(), mitigation=few)

    def test_a_readout_that_tells_nothing(self):
        model = NoiseModel()
        model.add_all_qubit_readout_error(ReadoutError([[0.4, 0.6], [0.6, 0.4]]))
        with pytest.raises(RuntimeError, match="mitigation: the readout of qubit 0 contains no "):
            qconv.convolve(
                np.ones((3, 3)), EDGE, backend=AerSimulator(noise_model=model), mitigation="readout"
            )

    def test_counts_from_elsewhere_need_errors(self):
        plan = qconv.plan([1, 2, 3], [1, 1], method=qconv.Collapse(), shots=5, mitigation="readout")
        with pytest.raises(ValueError, match="mitigation: expected known readout errors, "):
            plan.decode([{"0": 10, "1": 15}])


class TestDevices:
    def test_on_the_qubits_that_are_measured(self):
        """A device with a coupling map; some bits are measured inverted."""
        rng = np.random.default_rng(18)
        line = [[i, i + 1] for i in range(6)]
        backend = AerSimulator.from_backend(
            GenericBackendV2(7, coupling_map=[*line, *([b, a] for a, b in line)], seed=1),
            noise_model=reading().options.noise_model,
        )
        image = rng.random((5, 5))
        where = {"shots": None, "mode": "same", "backend": backend}
        ideal = classical.convolve(image, EDGE, mode="same")
        noisy = qconv.convolve(image, EDGE, **where).image
        assert np.abs(noisy - ideal).max() > 0.02
        corrected = qconv.convolve(image, EDGE, mitigation="readout", **where).image
        assert np.allclose(corrected, ideal, atol=1e-12)
