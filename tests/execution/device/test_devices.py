"""The same distribution on simulators, samplers and a fake backend (extra ``devices``).

Every method runs on a device of five qubits, shot by shot, by the provider's sampler in its local
mode. The counts are compared with the distribution that follows from a density matrix. The
false-alarm rates are those of `tests.chance`, at most one per histogram in 1e9 runs, unless a
comment states another rate.
"""

from functools import cache

import numpy as np
import pytest
from qiskit import generate_preset_pass_manager
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2 as AerSampler

import classical
import qconv
from qconv.execution.device.jobs import Jobs, measured_counts
from qconv.execution.device.physical import Physical, physical
from qconv.execution.seeds import root_seed
from qconv.execution.simulate.noise import noise_of, noisy_probabilities
from qconv.execution.simulate.probabilities import born_probabilities
from tests.chance import assert_distribution

fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs the extra `devices`")
runtime = pytest.importorskip("qiskit_ibm_runtime", reason="needs the extra `devices`")

SIGNAL, KERNEL = np.array([0.9, 0.2, 0.6, 0.4]), np.array([1.0, 2.0, 1.0])
WHERE = {"mode": "same", "boundary": "wrap"}
METHODS = {
    "Collapse": qconv.Collapse(),
    "Collapse, baseline": qconv.Collapse(baseline=True),
    "Diffusion": qconv.Diffusion(),
    "Diffusion, classical": qconv.Diffusion(adder="classical"),
    "Interference": qconv.Interference(),
    "Fourier": qconv.Fourier(),
    "AmplitudeEstimation": qconv.AmplitudeEstimation(powers=(0, 1)),
}
SHOTS = 5000


@cache
def device():
    return fake.FakeManilaV2()


@cache
def simulator():
    return AerSimulator.from_backend(device())


def sampler():
    return runtime.SamplerV2(mode=device())


IDEAL = {
    "nothing": lambda: None,
    "AerSimulator": AerSimulator,
    "StatevectorSampler": lambda: StatevectorSampler(seed=np.random.default_rng(5)),
    "SamplerV2 of Aer": AerSampler,
}
NOISY = {"the device": device, "AerSimulator": simulator, "SamplerV2 of the runtime": sampler}


@cache
def circuits(method):
    """Return all circuits of a method, with measurement, as for a device."""
    how = {"shots": SHOTS, "method": METHODS[method], "backend": device()}
    return qconv.plan(SIGNAL, KERNEL, **how, **WHERE).circuits


def counted(ready, backend):
    """Return the number of shots of each outcome, measured shot by shot."""
    seen = measured_counts(ready, SHOTS, Jobs(backend), root_seed(8))
    assert seen.total == SHOTS
    return np.bincount(seen.outcomes, seen.counts, 2**ready.circuit.num_clbits)


def ideal_probabilities(circuit):
    gates = circuit.remove_final_measurements(inplace=False)
    probabilities = born_probabilities(gates, measured=circuit.num_clbits)
    probabilities = np.where(probabilities > 1e-12, probabilities, 0.0)
    return probabilities / probabilities.sum()


@pytest.mark.parametrize("make", IDEAL.values(), ids=IDEAL)
@pytest.mark.parametrize("method", METHODS)
def test_ideal_distribution(method, make):
    for circuit in circuits(method):
        backend = make()
        assert_distribution(
            counted(physical(circuit, backend), backend), ideal_probabilities(circuit)
        )


@pytest.mark.parametrize("make", NOISY.values(), ids=NOISY)
@pytest.mark.parametrize("method", METHODS)
def test_noisy_distribution(method, make):
    for circuit in circuits(method):
        backend = make()
        ready = physical(circuit, backend)
        assert_distribution(
            counted(ready, backend), noisy_probabilities(ready, noise_of(device()), None)
        )


def test_the_device_is_not_ideal():
    """`test_noisy_distribution` would fail if noise were ignored."""
    (circuit,) = circuits("Fourier")
    counts = counted(physical(circuit, device()), device())
    with pytest.raises(AssertionError, match="contradict their distribution"):
        assert_distribution(counts, ideal_probabilities(circuit))


@pytest.mark.parametrize("method", METHODS)
def test_whole_call(method):
    """The exact noisy expectation is within 7 standard errors: 1e-10 for four pixels."""
    where = {"method": METHODS[method], **WHERE}
    expected = qconv.convolve(SIGNAL, KERNEL, shots=None, backend=device(), **where)
    result = qconv.convolve(SIGNAL, KERNEL, shots=2000, seed=3, backend=sampler(), **where)
    assert (np.abs(result.image - expected.image) < 7 * result.stderr).all()
    exact = classical.convolve(SIGNAL, KERNEL, **WHERE)
    assert 1e-4 < np.abs(expected.image - exact).max() < np.ptp(exact)
    np.testing.assert_allclose(expected.image - expected.bias, exact, atol=1e-8)


def test_the_samplers_successor_runs():
    """The sampler's local mode simulates noise differently, so distributions are not compared."""
    module = pytest.importorskip("qiskit_ibm_runtime.executor_sampler", reason="not in 0.49")
    backend = module.Sampler(mode=device())
    result = qconv.convolve(SIGNAL, KERNEL, shots=2000, seed=3, backend=backend, **WHERE)
    exact = classical.convolve(SIGNAL, KERNEL, **WHERE)
    assert result.success_probability < 1  # three of four outcomes; noise causes the fourth
    assert np.abs(result.image - exact).max() < 0.2 * np.ptp(exact) + 7 * result.stderr.max()


class TestLimits:
    def test_shots_of_a_job(self, monkeypatch):
        """A sampler's jobs are as large as the device behind it allows."""
        asked, backend = [], sampler()
        run = backend.run
        monkeypatch.setattr(
            backend, "run", lambda pubs, shots: asked.append(shots) or run(pubs, shots=shots)
        )
        monkeypatch.setattr(device(), "max_shots", 700, raising=False)
        method = qconv.Collapse(shared=True)
        result = qconv.convolve(SIGNAL, KERNEL, method=method, shots=2000, backend=backend, **WHERE)
        assert asked[:3] == [700, 700, 600]
        assert result.total_shots == sum(asked)

    @pytest.mark.parametrize("make", NOISY.values(), ids=NOISY)
    def test_too_few_qubits(self, make):
        image, method = np.ones((4, 4)), qconv.Diffusion()
        how = {"method": method, "shots": 10, "backend": make(), **WHERE}
        with pytest.raises(ValueError, match=r"backend: expected at least 6 qubits .* got 5"):
            qconv.convolve(image, [KERNEL], **how)

    def test_fixed_seeds_do_not_count_twice(self, monkeypatch):
        backend = sampler()
        backend.options.simulator.seed_simulator = 3
        monkeypatch.setattr(device(), "max_shots", 700, raising=False)
        with pytest.raises(ValueError, match="the sampler returned the same shots"):
            qconv.convolve(SIGNAL, KERNEL, shots=500, backend=backend, **WHERE)


@pytest.mark.parametrize("mode", [runtime.Session, runtime.Batch])
def test_counts_of_jobs_are_decoded_later(mode):
    """The steps of `docs/howto/device.md`: a pass manager transpiles, and job ids identify jobs."""
    plan = qconv.plan(SIGNAL, KERNEL, method=qconv.Collapse(), shots=500, backend=device(), **WHERE)
    manager = generate_preset_pass_manager(2, backend=device(), seed_transpiler=7)
    (circuit,) = manager.run(list(plan.circuits))
    with mode(backend=device()) as opened:
        backend = runtime.SamplerV2(mode=opened)
        jobs = [backend.run([circuit], shots=2500) for _ in range(2)]
    assert len({job.job_id() for job in jobs}) == 2
    data = [job.result()[0].data.meas for job in jobs]
    counts = sum(np.bincount(bits.array[:, 0], minlength=4) for bits in data)
    assert_distribution(counts, noisy_probabilities(Physical(circuit), noise_of(device()), None))
    result = plan.decode([jobs[0].result()[0]])
    assert result.shots == 500
    assert np.array_equal(plan.decode(data[0]).image, result.image)
