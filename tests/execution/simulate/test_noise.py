"""Exact noise: the distribution of a noisy circuit, compared with shots that were simulated.

False-alarm rates are those of `tests.chance`.
"""

import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import Measure
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus
from qiskit_aer import AerSimulator
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    ReadoutError,
    amplitude_damping_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)

import classical
import qconv
from qconv.execution.device.physical import physical
from qconv.execution.simulate.noise import noise_of, noisy_probabilities
from tests.cases import EDGE
from tests.chance import assert_distribution


def readout(first, second):
    return ReadoutError([[1 - first, first], [second, 1 - second]])


def random_noise(seed):
    """Depolarising, relaxation, damping, reset and flips; different errors on some qubits."""
    rng = np.random.default_rng(seed)
    model = NoiseModel(basis_gates=["rz", "sx", "x", "cx"])
    relaxing = thermal_relaxation_error(50, 60, 20 * rng.random())
    single = depolarizing_error(0.03 * rng.random(), 1).compose(relaxing)
    model.add_all_qubit_quantum_error(single, ["sx", "x"])
    damping = Kraus(amplitude_damping_error(0.2 * rng.random()).to_quantumchannel())
    model.add_quantum_error(QuantumError(damping), ["sx"], [1], warnings=False)
    model.add_quantum_error(reset_error(0.05 * rng.random(), 0.03), ["x"], [2], warnings=False)
    model.add_all_qubit_quantum_error(depolarizing_error(0.06 * rng.random(), 2), ["cx"])
    flip = pauli_error([("XI", 0.1), ("ZY", 0.05), ("II", 0.85)])
    model.add_quantum_error(flip, ["cx"], [0, 1], warnings=False)
    model.add_all_qubit_readout_error(readout(0.02, 0.07))
    model.add_readout_error(readout(0.1, 0.2), [2], warnings=False)
    if seed % 2:  # correlated errors, which single-qubit measurements do not have
        model.add_readout_error(ReadoutError(0.8 * np.eye(4) + 0.05), [0, 1], warnings=False)
    return AerSimulator(noise_model=model)


BACKENDS = {
    "random 1": cache(lambda: random_noise(1)),
    "random 2": cache(lambda: random_noise(2)),
    "readout alone": lambda: AerSimulator(noise_model=only_readout()),
    "Aer of a device": cache(lambda: AerSimulator.from_backend(GenericBackendV2(7, seed=3))),
    "a device on a line": cache(
        lambda: GenericBackendV2(
            7, ["cz", "id", "rz", "sx", "x"], seed=4, coupling_map=[[i, i + 1] for i in range(6)]
        )
    ),
    "a device": cache(lambda: GenericBackendV2(7, seed=5)),
}
METHODS = {
    "Collapse": (qconv.Collapse(), (3, 3), (4, 5)),
    "Collapse, baseline": (qconv.Collapse(baseline=True), (2, 3), (4, 5)),
    "Diffusion": (qconv.Diffusion(), (2, 2), (2, 2)),
    "Interference": (qconv.Interference(), (2,), (4,)),
    "magnitudes": (qconv.Interference(signed=False), (2,), (4,)),
    "Fourier": (qconv.Fourier(), (2,), (4,)),
    "AmplitudeEstimation": (qconv.AmplitudeEstimation(powers=(0, 1)), (2,), (3,)),
}


def only_readout():
    model = NoiseModel()
    model.add_all_qubit_readout_error(readout(0.03, 0.06))
    return model


def planned(name, backend, shots=100, seed=1):
    method, kernel, image = METHODS[name]
    rng = np.random.default_rng(7)
    return qconv.plan(
        rng.random(image) + 0.1,
        rng.random(kernel) + 0.1,
        method=method,
        shots=shots,
        mode="same",
        boundary="wrap",
        backend=backend,
        seed=seed,
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("name", METHODS)
def test_distribution_of_measured_shots(name, make):
    """20,000 shots, run one by one, are draws from the computed distribution."""
    backend = make()
    for circuit in planned(name, backend).circuits[-1:]:
        made = physical(circuit, backend)
        probabilities = noisy_probabilities(made, noise_of(backend), None)
        bits = circuit.num_clbits
        assert probabilities.shape == (2**bits,)
        counts = np.zeros(probabilities.size)
        data = backend.run(made.circuit, shots=20_000, seed_simulator=11).result().data(0)["counts"]
        for outcome, count in data.items():
            counts[int(outcome, 16) ^ made.flipped] = count
        assert_distribution(counts, probabilities)
        assert (probabilities > 0).sum() > 2  # noise has an effect


@pytest.mark.parametrize("name", METHODS)
def test_the_exact_expectation_is_that_of_many_shots(name):
    """Within seven standard errors; amplitude estimates are not means, and are excluded."""
    backend = random_noise(4)
    exact = planned(name, backend, shots=None).run()
    assert exact.total_shots == 0
    assert exact.bias.any()
    if name == "AmplitudeEstimation":
        return
    assert not exact.stderr.any()
    many = planned(name, backend, shots=200_000).run()
    bias = 3e-3 if name == "magnitudes" else 0
    assert (np.abs(many.image - exact.image) < 7 * many.stderr + bias).all()
    ideal = planned(name, None, shots=None).run()
    assert np.abs(exact.image - ideal.image).max() > 0.01
    assert many.success_probability == pytest.approx(exact.success_probability, abs=0.01)


class TestCollapse:
    def test_standard_errors_are_those_of_noise(self):
        """Mean of z^2 over 6,400 pixels of the noisy expectation: deviation 0.018, six allowed."""
        rng = np.random.default_rng(18)
        image = rng.random((80, 80))
        where = {"mode": "same", "boundary": "wrap", "backend": random_noise(6)}
        exact = qconv.convolve(image, EDGE, shots=None, **where)
        result = qconv.convolve(image, EDGE, shots=60, seed=1, **where)
        z = (result.image - exact.image) / result.stderr
        assert abs(np.mean(z**2) - 1) < 0.11
        assert classical.compare(replace(result, bias=None), exact.image).agrees

    def test_the_budget_of_errors(self):
        """The systematic error is known, and the verdict attributes it to noise."""
        rng = np.random.default_rng(18)
        image = rng.random((60, 60))
        where = {"mode": "same", "boundary": "wrap", "backend": random_noise(6)}
        ideal = classical.convolve(image, EDGE, mode="same", boundary="wrap")
        exact = qconv.convolve(image, EDGE, shots=None, **where)
        assert np.allclose(exact.bias, exact.image - ideal, atol=1e-12)
        result = qconv.convolve(image, EDGE, shots=2000, seed=1, **where)
        assert np.allclose(result.bias, exact.bias)
        report = classical.compare(result, ideal)
        assert report.agrees is False
        assert report.verdict.startswith("disagrees with the exact convolution because of the bac")
        assert report.sampling.agrees
        assert report.noise_rms == pytest.approx(np.sqrt(np.mean(exact.bias**2)))
        wrong = classical.compare(replace(result, stderr=result.stderr / 2), ideal)
        assert "not only because of noise: errors are larger than" in wrong.verdict
        assert wrong.agrees is False
        weak = NoiseModel(["rz", "sx", "x", "cx"])
        weak.add_all_qubit_quantum_error(depolarizing_error(1e-5, 2), ["cx"])
        hidden = where | {"backend": AerSimulator(noise_model=weak)}
        small = qconv.convolve(image, EDGE, shots=10, seed=1, **hidden)
        assert 0 < classical.compare(small, ideal).noise_rms < 1e-2
        assert classical.compare(small, ideal).verdict.startswith("agrees")
        assert "rms bias" in str(result)
        assert (result + qconv.convolve(image, EDGE, shots=9, seed=2, **where)).bias is not None

    def test_no_budget_where_there_is_nothing_to_know(self):
        rng = np.random.default_rng(18)
        image = rng.random((4, 4))
        assert qconv.convolve(image, EDGE, shots=5).bias is None
        assert qconv.convolve(image, EDGE, shots=5, backend=AerSimulator()).bias is None

    def test_budget_of_a_layer(self):
        rng = np.random.default_rng(18)
        images, weight = rng.random((1, 2, 5, 5)), rng.normal(size=(2, 2, 3, 3))
        backend = random_noise(6)
        result = qconv.conv2d(images, weight, shots=50, backend=backend, seed=1)
        exact = qconv.conv2d(images, weight, shots=None, backend=backend)
        ideal = qconv.conv2d(images, weight, shots=None)
        assert np.allclose(result.bias, exact.image - ideal.image, atol=1e-12)
        assert np.abs(result.bias).max() > 0.01

    def test_executions_that_are_discarded(self):
        result = planned("Collapse", random_noise(6), shots=1000).run()
        exact = planned("Collapse", random_noise(6), shots=None).run()
        kept = 1000 * result.image.size
        assert result.total_shots > kept
        assert result.success_probability == kept / result.total_shots
        assert result.success_probability == pytest.approx(exact.success_probability, abs=0.02)
        assert 0.5 < exact.success_probability < 1

    def test_too_noisy(self):
        model = NoiseModel()
        model.add_all_qubit_readout_error(readout(1.0, 0.0))  # every bit reads 1
        with pytest.raises(RuntimeError, match="too noisy for this circuit"):
            qconv.convolve(
                np.ones((3, 3)), np.ones((3, 3)), shots=10, backend=AerSimulator(noise_model=model)
            )

    def test_as_fast_as_without_noise(self):
        """The time does not depend on the shots: a million for each of 4,096 pixels."""
        rng = np.random.default_rng(18)
        image = rng.random((64, 64))
        where = {"mode": "same", "boundary": "wrap", "shots": 10**6, "seed": 1}
        backend = random_noise(6)
        qconv.convolve(image, EDGE, backend=backend, **where)
        started = time.process_time()
        qconv.convolve(image, EDGE, backend=backend, **where)
        noisy = time.process_time() - started
        started = time.process_time()
        qconv.convolve(image, EDGE, **where)
        assert noisy < 1 + 20 * (time.process_time() - started)

    def test_same_seed_same_bytes(self):
        backend = random_noise(6)
        first, second, other = (planned("Collapse", backend, seed=seed).run() for seed in (1, 1, 2))
        assert first.image.tobytes() == second.image.tobytes()
        assert first.total_shots == second.total_shots
        assert first.image.tobytes() != other.image.tobytes()
        assert (first + other).shots == 200


class TestOutOfReach:
    """If the distribution is unknown, shots are measured."""

    def test_noise_of_the_measurement_itself(self):
        model = NoiseModel()
        model.add_all_qubit_quantum_error(pauli_error([("X", 0.1), ("I", 0.9)]), ["measure"])
        backend = AerSimulator(noise_model=model)
        circuit = planned("Collapse", backend).circuits[0]
        assert noisy_probabilities(physical(circuit, backend), noise_of(backend), None) is None
        assert planned("Collapse", backend).run().success_probability < 1
        with pytest.raises(ValueError, match="shots: expected an integer with this backend"):
            planned("Collapse", backend, shots=None).run()

    def test_gates_after_a_measurement(self):
        circuit = QuantumCircuit(2, 2)
        circuit.append(Measure(), [0], [0])
        circuit.x(0)
        circuit.measure(1, 1)
        backend = random_noise(1)
        assert noisy_probabilities(physical(circuit, backend), noise_of(backend), None) is None

    def test_many_qubits_and_few_shots(self):
        circuit = QuantumCircuit(12)
        circuit.h(range(12))
        circuit.measure_all()
        backend = AerSimulator(noise_model=only_readout())
        assert noisy_probabilities(physical(circuit, backend), noise_of(backend), 10) is None

    @pytest.mark.parametrize("method", ["matrix_product_state", "stabilizer", "unitary"])
    def test_methods_that_leave_something_out(self, method):
        assert noise_of(AerSimulator(noise_model=only_readout(), method=method)) is None

    def test_gates_that_density_matrices_do_not_know(self):
        model = NoiseModel(["h", "ry", "rz", "cx", "x", "p", "u", "mcphase"])
        model.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["ry"])
        backend = AerSimulator(noise_model=model)
        circuit = QuantumCircuit(3)
        circuit.ry(1.0, range(3))
        circuit.mcp(0.3, [0, 1], 2)
        circuit.measure_all()
        assert noisy_probabilities(physical(circuit, backend), noise_of(backend), None) is None
        plan = planned("AmplitudeEstimation", backend)
        assert plan.run().total_shots == sum(plan.executions)

    def test_too_large_a_density_matrix(self):
        image = np.ones((64, 64))
        with pytest.raises(ValueError, match=r"density matrix of \d+ qubits, .* too large"):
            qconv.convolve(
                image,
                np.ones((2, 2)),
                method=qconv.Diffusion(),
                shots=None,
                backend=random_noise(1),
            )

    def test_a_model_that_the_device_will_replace(self):
        device = GenericBackendV2(5, seed=1)
        device.set_options(noise_model=only_readout())
        first = noise_of(device)
        assert first is noise_of(device)
        assert first.to_dict() != only_readout().to_dict()

    def test_other_backends_have_none(self):
        class Wrapped(AerSimulator):
            """A user's backend, which may do more than its noise model describes."""

        assert noise_of(None) is None
        assert noise_of(AerSimulator()) is None
        assert noise_of(Wrapped(noise_model=only_readout())) is None


class TestImitatedDevices:
    """With the package itself, if it is installed."""

    def test_hanoi(self):
        """27 qubits; 156 qubits take a minute, see `tests.benchmarks.test_devices`."""
        provider = pytest.importorskip(
            "qiskit_ibm_runtime.fake_provider", reason="fake backends are an extra"
        )
        backend = provider.FakeHanoiV2()
        image = np.random.default_rng(1).random((16, 16))
        where = {"mode": "same", "boundary": "symm", "backend": backend}
        started = time.process_time()
        exact = qconv.convolve(image, EDGE, shots=None, **where)
        first = time.process_time() - started
        started = time.process_time()
        result = qconv.convolve(image, EDGE, shots=1000, seed=1, **where)
        again = time.process_time() - started
        z = (result.image - exact.image) / result.stderr
        assert abs(np.mean(z**2) - 1) < 0.55
        assert 0.8 < exact.success_probability < 1
        assert again < max(1.0, 0.5 * first)
