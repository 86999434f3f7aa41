"""Backends and samplers: ideal, noisy, fake, and repeating their shots."""

from types import SimpleNamespace

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, BitArray, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2
from scipy import stats

import qconv
from qconv.circuits.encoding import encode_amplitudes
from qconv.execution.device import jobs as execution
from qconv.execution.device.jobs import Jobs, kept_counts, measured_counts
from qconv.execution.device.physical import Physical, physical
from qconv.execution.device.samplers import ShotLog
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.seeds import derived, root_seed
from qconv.execution.simulate.probabilities import born_probabilities
from tests.cases import EDGE, random_integers
from tests.chance import ALARM, Moments, assert_distribution, assert_honest, window_samples

IMAGE = random_integers((16, 15), 0)
FLIP = 0.03


def noisy(readout=True):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx", "cz"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.002, 1), ["ry", "h", "sx", "x"])
    if readout:
        model.add_all_qubit_readout_error(ReadoutError([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]]))
    return model


def run(backend, shots=100, seed=1, **how):
    return qconv.convolve(IMAGE, EDGE, mode="same", backend=backend, shots=shots, seed=seed, **how)


IDEAL = {
    "AerSimulator": AerSimulator,
    "AerSimulator of one thread": lambda: AerSimulator(max_parallel_threads=1),
    "AerSimulator of density matrices": lambda: AerSimulator(method="density_matrix"),
    "StatevectorSampler": StatevectorSampler,
    "StatevectorSampler that moves on": lambda: StatevectorSampler(seed=np.random.default_rng(1)),
    "BackendSamplerV2": lambda: BackendSamplerV2(backend=AerSimulator()),
    "SamplerV2": SamplerV2,
    "SamplerV2 of few shots": lambda: SamplerV2(default_shots=3),
}
NOISY = {
    "AerSimulator": lambda: AerSimulator(noise_model=noisy()),
    "AerSimulator of a device": lambda: AerSimulator.from_backend(GenericBackendV2(5, seed=1)),
    "device": lambda: GenericBackendV2(5, seed=1),
    "BackendSamplerV2": lambda: BackendSamplerV2(backend=AerSimulator(noise_model=noisy())),
    "SamplerV2": lambda: SamplerV2.from_backend(AerSimulator(noise_model=noisy())),
}


@pytest.mark.parametrize("make", IDEAL.values(), ids=IDEAL)
@pytest.mark.parametrize("shared", [False, True])
def test_ideal(make, shared):
    result = run(make(), method=qconv.Collapse(shared=shared))
    assert result.shots == 100
    assert result.total_shots == result.oracle_calls == (100 if shared else 100 * IMAGE.size)
    assert result.success_probability == 1.0
    assert result.independent is not shared
    assert len(result.circuits) == 1
    if not shared:
        moments = Moments(*window_samples(IMAGE, EDGE, "fill"))
        assert_honest(result, moments, 100, stderr_rtol=0.2)


@pytest.mark.parametrize("make", NOISY.values(), ids=NOISY)
@pytest.mark.parametrize("shared", [False, True])
def test_noisy(make, shared):
    shots = 100 if not shared else 10_000
    result = run(make(), shots=shots, method=qconv.Collapse(shared=shared))
    kept = shots if shared else shots * IMAGE.size
    assert result.shots == shots
    assert result.total_shots > kept
    assert result.success_probability == kept / result.total_shots
    assert 0.85 < result.success_probability < 1
    assert result.oracle_calls == result.total_shots
    assert np.isfinite(result.image).all()
    assert (result.stderr >= 0).all()


@pytest.mark.parametrize("path", ["law", "measured"])
def test_post_selection_is_what_readout_errors_make(path):
    # One pixel, and a 1 x 3 kernel on two qubits: outcome 3 has no position. Each bit can flip.
    model = NoiseModel()
    model.add_all_qubit_readout_error(ReadoutError([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]]))
    p, shots = np.array([0.5, 0.2, 0.3, 0]), 200_000
    flip = np.array([[1 - FLIP, FLIP], [FLIP, 1 - FLIP]])
    seen = np.kron(flip, flip) @ p
    result = qconv.correlate(
        [1.0, 0, 0],
        p[:3],
        method=qconv.Collapse(),
        mode="valid",
        shots=shots,
        seed=2,
        backend=(
            AerSimulator(noise_model=model)
            if path == "law"
            else SamplerV2.from_backend(AerSimulator(noise_model=model))
        ),
    )
    lost = result.total_shots - shots
    assert stats.binomtest(lost, result.total_shots, seen[3]).pvalue > ALARM
    first = round(result.image[0] * shots)
    chance = seen[0] / seen[:3].sum()
    assert_distribution([first, shots - first], [chance, 1 - chance])
    # The standard error follows from the known noise, or from the observed frequencies.
    noisy = np.sqrt(chance * (1 - chance) / shots)
    observed = np.sqrt(first / shots * (1 - first / shots) / (shots - 1))
    np.testing.assert_allclose(result.stderr, noisy if path == "law" else observed, rtol=1e-8)


def test_coefficients_of_noisy_counts_are_kept_exactly():
    keep = np.array([True, True, True, False])
    backend = AerSimulator(noise_model=noisy())
    measured = encode_amplitudes(np.sqrt([0.5, 0.2, 0.3])).measure_all(inplace=False)
    circuit = physical(measured, backend)
    for shots in (1, 2, 17, 1000):
        seen, executions = kept_counts(circuit, keep, shots, Jobs(backend), root_seed(3))
        assert seen.total == shots
        assert 3 not in seen.outcomes
        assert executions >= shots


def test_too_noisy(monkeypatch):
    # A circuit that never gives a position is abandoned long before it costs a billion shots.
    asked = []

    def nothing_kept(circuit, shots, *args, **how):
        asked.append(shots)
        assert sum(asked) < 10**8, f"asked for {asked[-4:]} shots"
        return Histogram(np.array([1]), np.array([shots]))

    monkeypatch.setattr(execution, "measured_counts", nothing_kept)
    keep = np.array([True, False])
    with pytest.raises(RuntimeError, match=r"only 0 of \d+ executions .* too noisy"):
        kept_counts(
            Physical(encode_amplitudes([0, 1])), keep, 10, Jobs(AerSimulator()), root_seed(3)
        )


class TestExact:
    def test_ideal_simulator(self):
        one, other = run(None, shots=None), run(AerSimulator(), shots=None)
        np.testing.assert_allclose(other.image, one.image, atol=1e-11)

    def test_refused_elsewhere(self):
        for make in [NOISY["BackendSamplerV2"], NOISY["SamplerV2"], StatevectorSampler, SamplerV2]:
            with pytest.raises(ValueError, match=r"shots: expected an integer with this backend"):
                run(make(), shots=None)

    def test_probabilities(self):
        p = np.array([[0.1, 0.2, 0.05], [0.25, 0.3, 0.1]])
        born = born_probabilities(encode_amplitudes(np.sqrt(p)))
        np.testing.assert_allclose(born.reshape(2, 4)[:, :3], p, atol=1e-15)
        assert (born.reshape(2, 4)[:, 3] < 1e-30).all()


class TestSinglePrecision:
    """Aer simulates with 24-bit floats, so probabilities are off by some 1e-7."""

    BACKEND = AerSimulator(precision="single")
    METHODS = (
        qconv.Collapse(),
        qconv.Collapse(baseline=True),
        qconv.Diffusion(steps=2),
        qconv.Interference(),
        qconv.Interference(amplify=1),
        qconv.Fourier(),
        qconv.Fourier(amplify=1, read_out="root"),
        qconv.Fourier(signed=False),
        qconv.AmplitudeEstimation(),
        qconv.AmplitudeEstimation(range="local"),
        qconv.Blocks(qconv.Interference(), qubits=9),
    )

    @pytest.mark.parametrize("method", METHODS, ids=repr)
    def test_expectation(self, method):
        where = {"method": method, "mode": "same", "boundary": "wrap"}
        image = np.abs(IMAGE[:8, :8])
        exact, found = (
            qconv.convolve(image, EDGE, shots=None, backend=backend, **where).image
            for backend in (None, self.BACKEND)
        )
        largest = image.max() * np.abs(EDGE).sum() ** method.steps
        off = np.abs(found - exact).max() / largest
        bound = 1e-3 if method == qconv.Fourier(signed=False) else 1e-6  # a square root near 0
        assert 0 < off < bound

    @pytest.mark.parametrize("method", METHODS[2:6:2], ids=repr)
    def test_shots(self, method):
        image = np.abs(IMAGE[:8, :8])
        where = {"method": method, "mode": "same", "boundary": "wrap"}
        exact = qconv.convolve(image, EDGE, shots=None, **where).image
        found = qconv.convolve(image, EDGE, shots=1000, backend=self.BACKEND, seed=3, **where)
        # 64 pixels beyond 6 standard errors: 1.3e-7 by chance
        assert np.abs((found.image - exact) / found.stderr).max() < 6

    @pytest.mark.parametrize("estimator", ["sampling", "amplitude", "schedule"])
    def test_one_number(self, estimator):
        where = {"method": qconv.Fourier(), "mode": "same", "boundary": "wrap"}
        energy = qconv.Energy()
        exact = qconv.estimate(IMAGE, EDGE, energy, shots=None, **where).value
        found = qconv.estimate(
            IMAGE, EDGE, energy, estimator=estimator, backend=self.BACKEND, seed=3, **where
        )
        assert abs(found.value - exact) < 6 * found.stderr


class TestGPU:
    NEEDED = (
        r"backend: expected a device on which Aer can simulate here \(CPU\), got 'GPU'; a GPU "
        r"needs its driver and a build of Aer such as qiskit-aer-gpu"
    )
    MAKE = (
        lambda: AerSimulator(device="GPU"),
        lambda: AerSimulator(device="GPU", precision="single", noise_model=noisy()),
        lambda: BackendSamplerV2(backend=AerSimulator(device="GPU")),
        lambda: SamplerV2.from_backend(AerSimulator(device="GPU")),
    )

    @pytest.mark.parametrize("make", MAKE)
    def test_without_one(self, make, monkeypatch):
        monkeypatch.setattr(AerSimulator, "available_devices", lambda _: ("CPU",))
        for method in (qconv.Collapse(), qconv.Fourier()):
            with pytest.raises(ValueError, match=self.NEEDED):
                run(make(), method=method)

    def test_one_number_without_one(self, monkeypatch):
        monkeypatch.setattr(AerSimulator, "available_devices", lambda _: ("CPU",))
        with pytest.raises(ValueError, match=self.NEEDED):
            qconv.estimate(
                *(IMAGE, EDGE, qconv.Energy()),
                method=qconv.Fourier(),
                estimator="amplitude",
                backend=AerSimulator(device="GPU"),
            )

    def test_plans_need_none(self):
        method, gpu = qconv.Diffusion(), AerSimulator(device="GPU")
        plan = qconv.plan(np.abs(IMAGE), EDGE, method=method, shots=10, backend=gpu)
        assert plan.cost.executions == sum(plan.executions)

    @pytest.mark.skipif("GPU" not in AerSimulator().available_devices(), reason="needs a GPU")
    @pytest.mark.parametrize("precision", ["single", "double"])
    def test_with_one(self, precision):
        gpu = AerSimulator(device="GPU", precision=precision)
        for method in TestSinglePrecision.METHODS:
            where = {"method": method, "mode": "same", "boundary": "wrap", "shots": None}
            exact = qconv.convolve(np.abs(IMAGE[:8, :8]), EDGE, **where).image
            found = qconv.convolve(np.abs(IMAGE[:8, :8]), EDGE, backend=gpu, **where).image
            bound = 1e-3 if precision == "single" else 1e-9
            np.testing.assert_allclose(found, exact, atol=bound * np.abs(exact).max())


class TestSeeds:
    @pytest.mark.parametrize(
        "make", [AerSimulator, lambda: AerSimulator(noise_model=noisy()), NOISY["device"]]
    )
    def test_backends_repeat(self, make):
        one, other, third = run(make()), run(make()), run(make(), seed=2)
        assert one.image.tobytes() == other.image.tobytes()
        assert one.stderr.tobytes() == other.stderr.tobytes()
        assert one.total_shots == other.total_shots
        assert one.image.tobytes() != third.image.tobytes()

    def test_the_callers_backend_is_left_alone(self):
        backend = AerSimulator(seed_simulator=5, shots=17)
        run(backend)
        assert backend.options.seed_simulator == 5
        assert backend.options.shots == 17
        assert backend.options.noise_model is None

    def test_a_backends_own_seed_does_not_repeat_shots(self):
        backend = AerSimulator(seed_simulator=5)
        assert run(backend, seed=1).image.tobytes() != run(backend, seed=2).image.tobytes()

    def test_jobs_do_not_repeat_each_other(self, monkeypatch):
        monkeypatch.setattr(execution, "JOB_SHOTS", 500)
        circuit = encode_amplitudes([1, 1])
        circuit.measure_all()
        circuit = physical(circuit, AerSimulator())
        root = root_seed(1)
        per_job = []
        for number in range(20):
            root_of_job = derived(root, number)
            seen = measured_counts(circuit, 500, Jobs(AerSimulator()), root_of_job)
            assert list(seen.outcomes) == [0, 1]
            per_job.append(int(seen.counts[0]))
        assert len(set(per_job)) > 5
        total = measured_counts(circuit, 10_000, Jobs(AerSimulator()), root).counts
        assert total.sum() == 10_000
        assert_distribution(total, [0.5, 0.5])


REPEATING = {
    "StatevectorSampler": lambda model: StatevectorSampler(seed=1),
    "SamplerV2": lambda model: SamplerV2.from_backend(AerSimulator(noise_model=model), seed=1),
    "BackendSamplerV2": lambda model: BackendSamplerV2(
        backend=AerSimulator(noise_model=model), options={"seed_simulator": 1}
    ),
}


class Tape(BaseSamplerV2):
    """A sampler that returns the same uniformly distributed outcomes from the start at each run."""

    def run(self, pubs, *, shots=None):
        bits = np.random.default_rng(1).integers(0, 16, (shots, 1)).astype(np.uint8)
        pub = SimpleNamespace(data=SimpleNamespace(meas=BitArray(bits, 4)))
        return SimpleNamespace(result=lambda: [pub])


class TestRepeatingSamplers:
    """A sampler with a fixed seed returns the same shots in all runs; they must not count twice."""

    @pytest.mark.parametrize("make", REPEATING.values(), ids=REPEATING)
    def test_refused_over_several_jobs(self, make, monkeypatch):
        monkeypatch.setattr(execution, "JOB_SHOTS", 1000)
        with pytest.raises(ValueError, match=r"backend: the sampler returned the same shots"):
            run(make(None))

    def test_once_in_a_million_million_is_no_coincidence(self):
        """Counts of two outcomes coincide with ``2**-n``, which is below 1e-12 from 40 shots."""
        for shots, repeats in ((39, False), (40, True), (1000, True)):
            log, bits = ShotLog(), np.arange(shots, dtype=np.uint8)[:, None] % 2
            log.add(bits, StatevectorSampler())
            assert len(log.names) == repeats
            if repeats:
                with pytest.raises(ValueError, match="backend: the sampler returned the same shot"):
                    log.add(bits, StatevectorSampler())
            else:
                log.add(bits, StatevectorSampler())

    @pytest.mark.parametrize("make", REPEATING.values(), ids=REPEATING)
    def test_one_job_is_fine(self, make):
        one, other = run(make(None)), run(make(None))
        assert one.image.tobytes() == other.image.tobytes()

    @pytest.mark.parametrize("make", [IDEAL[n] for n in IDEAL if "Sampler" in n])
    def test_honest_samplers_are_not(self, make, monkeypatch):
        monkeypatch.setattr(execution, "JOB_SHOTS", 1000)
        assert run(make()).total_shots == 100 * IMAGE.size

    def test_certain_outcomes_coincide_honestly(self, monkeypatch):
        monkeypatch.setattr(execution, "JOB_SHOTS", 100)
        result = qconv.convolve(IMAGE, [[0, 1.0]], backend=StatevectorSampler(), shots=10)
        assert (result.stderr == 0).all()

    def test_refused_over_rounds_of_post_selection(self):
        # Shots lost to noise are run again; the tape then repeats the first shots of the first run.
        with pytest.raises(ValueError, match=r"backend: the sampler returned the same shots"):
            run(Tape())

    def test_two_results_of_a_repeating_sampler_do_not_add_up(self):
        one = run(StatevectorSampler(seed=1), seed=1)
        other = run(StatevectorSampler(seed=1), seed=2)
        # The measured shots are the same and were only split differently. Counted as additional
        # shots, they would make the standard error too small, in particular for shared shots.
        with pytest.raises(ValueError, match="their shots are the same"):
            _ = one + other

    def test_two_shared_results_of_a_repeating_sampler_do_not_add_up(self):
        method = qconv.Collapse(shared=True)
        one = run(StatevectorSampler(seed=1), seed=1, method=method)
        other = run(StatevectorSampler(seed=1), seed=2, method=method)
        assert np.array_equal(one.image, other.image)
        with pytest.raises(ValueError, match="their shots are the same"):
            _ = one + other


class TestJobs:
    def test_larger_than_dealing_allows(self, monkeypatch):
        # Jobs of at most 1000 shots: every tile is split, and each piece has its own histogram.
        from qconv.execution.outcomes import pixel_counts as drawing

        image = random_integers((90, 100), 1)
        monkeypatch.setattr(drawing, "SPLIT_LIMIT", 20_001)
        shots = 30
        result = qconv.convolve(
            image,
            EDGE,
            method=qconv.Collapse(),
            shots=shots,
            seed=1,
            mode="same",
            boundary="wrap",
            backend=AerSimulator(),
        )
        assert result.total_shots == shots * image.size
        moments = Moments(*window_samples(image, EDGE, "wrap"))
        assert_honest(result, moments, shots, stderr_rtol=0.05)

    def test_one_pixel_larger_than_dealing_allows(self, monkeypatch):
        from qconv.execution.outcomes import pixel_counts as drawing

        monkeypatch.setattr(drawing, "SPLIT_LIMIT", 11)
        result = qconv.convolve([1.0, 2], [1, 1], shots=50, seed=1, backend=AerSimulator())
        assert result.total_shots == 150


class TestWrong:
    @pytest.mark.parametrize(
        "backend", ["aer_simulator", 5, AerSimulator, BackendSamplerV2, object(), [AerSimulator()]]
    )
    def test_type(self, backend):
        with pytest.raises(TypeError, match=r"backend: expected None .*BaseSamplerV2, got"):
            run(backend)

    def test_device_of_too_few_qubits(self):
        # The error is raised before any circuit runs, and refers to the argument: 4 qubits are
        # needed.
        with pytest.raises(ValueError, match=r"backend: expected .*4 qubits"):
            run(GenericBackendV2(2, seed=1))

    @pytest.mark.filterwarnings("ignore:Simulation failed")
    def test_simulator_that_cannot(self):
        for shots in (None, 3):
            with pytest.raises(RuntimeError, match="the simulator failed"):
                run(AerSimulator(method="stabilizer"), shots=shots)


class TestReviewed:
    """Standard errors that a reviewer found to be wrong."""

    def test_noise_that_feeds_a_rare_position(self):
        # Noise sends far more shots to a softmax edge detector's neighbours than the ideal circuit
        # does; the standard error must be that of the noisy circuit. 256 pixels, 20 runs: the mean
        # of 256 sample variances with 19 degrees of freedom is within 25 % (7 standard deviations,
        # 1e-9). This holds for kurtosis up to that of 50 shots with 5 outcomes off the centre each.
        image = random_integers((16, 16), 5)
        propagator = qconv.Propagator.softmax(EDGE)
        backend = AerSimulator(noise_model=noisy())
        runs = [
            qconv.convolve(
                image,
                propagator,
                mode="same",
                boundary="wrap",
                shots=50,
                seed=seed,
                backend=backend,
            )
            for seed in range(20)
        ]
        spread = np.var([one.image for one in runs], axis=0, ddof=1).mean()
        stated = np.mean([one.stderr**2 for one in runs])
        assert abs(spread / stated - 1) < 0.25

    @pytest.mark.parametrize("shots", [1, 2, 5])
    def test_few_shots_of_an_unknown_distribution(self, shots):
        """If all of five shots gave the same position, the pseudo-count of the ideal circuit
        leaves ``1 / 6 * 36 / 31`` of its variance.
        """
        exact = run(None, shots=shots, method=qconv.Collapse(shared=True)).stderr
        result = run(NOISY["SamplerV2"](), shots=shots, method=qconv.Collapse(shared=True))
        assert (result.stderr >= 0.4 * exact).all()

    def test_a_huge_pixel_elsewhere(self):
        image = np.asarray(random_integers((12, 12), 6), dtype=float)
        box = np.ones((3, 3))
        usual = qconv.convolve(image, box, shots=100, seed=1).stderr[6:, 6:]
        image[0, 0] = 1e200
        assert np.allclose(qconv.convolve(image, box, shots=100, seed=1).stderr[6:, 6:], usual)

    @pytest.mark.parametrize("make", [SamplerV2, StatevectorSampler])
    def test_fixed_seeds_with_runs_of_different_lengths(self, make, monkeypatch):
        # Aer fills its memory backwards: a shorter run equals the end of a longer one.
        method = qconv.Collapse(shared=True)
        one, other = (
            run(make(seed=3), shots=shots, seed=shots, method=method) for shots in (1000, 900)
        )
        with pytest.raises(ValueError, match="same seed"):
            _ = one + other
        monkeypatch.setattr(execution, "JOB_SHOTS", 1000)
        with pytest.raises(ValueError, match="backend: the sampler returned the same shots"):
            run(make(seed=3), shots=1500, method=method)

    def test_ideal_and_noisy_results_do_not_add_up(self):
        with pytest.raises(ValueError, match="boundary and noise can be added"):
            _ = run(None, seed=1) + run(AerSimulator(noise_model=noisy()), seed=2)
