"""Cancelled jobs, devices that lack gates, samplers and noise models that differ."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, CZGate, Measure, RZGate, SXGate, XGate
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2
from qiskit.providers import BackendV2, JobStatus, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import SamplerV2

import qconv
from qconv.execution.device import transpiling
from qconv.execution.device.backends import noise_name
from tests.cases import EDGE

IMAGE = np.arange(12.0).reshape(3, 4)


class Job:
    """A job that fails, with a status."""

    def __init__(self, status):
        self._status = status

    def result(self):
        raise RuntimeError("no result")

    def status(self):
        return self._status


class Queue(BackendV2):
    """A backend whose jobs fail; it counts them."""

    def __init__(self, status):
        super().__init__(name="queue")
        self._status, self.submitted = status, 0
        self._inner = AerSimulator()

    @property
    def target(self):
        return self._inner.target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, circuit, **options):
        self.submitted += 1
        return Job(self._status)


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, "CANCELLED", "JobStatus.CANCELLED"])
def test_a_cancelled_job_is_not_submitted_again(status):
    queue = Queue(status)
    with pytest.raises(RuntimeError, match="the job was cancelled"):
        qconv.convolve(IMAGE, EDGE, shots=10, seed=1, backend=queue)
    assert queue.submitted == 1


def test_a_failed_job_is(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(
        "qconv.execution.device.jobs.RETRY",
        qconv.execution.device.retry.Retry(sleep=lambda s: None),
    )
    queue = Queue(JobStatus.ERROR)
    with pytest.raises(RuntimeError, match="failed 4 times; last error: no result"):
        qconv.convolve(IMAGE, EDGE, shots=10, seed=1, backend=queue)
    assert queue.submitted == 4


def lacking(missing=(), two=("cx",), qubits=6):
    """A line of qubits, some of which lack the X gate, with kinds of two-qubit gates in turn."""
    target = Target(num_qubits=qubits)
    nothing = InstructionProperties(error=1e-3)
    angle = Parameter("t")
    for gate in (SXGate(), RZGate(angle), XGate(), Measure()):
        places = [q for q in range(qubits) if gate.name != "x" or q not in missing]
        target.add_instruction(gate, {(q,): nothing for q in places})
    pairs = [(q, q + 1) for q in range(qubits - 1)]
    for number, gate in enumerate({"cx": CXGate(), "cz": CZGate()}[name] for name in two):
        own = pairs[number :: len(two)]
        both = own + [pair[::-1] for pair in own]
        target.add_instruction(gate, dict.fromkeys(both, nothing))
    return target


class Device(GenericBackendV2):
    """A device with a different target."""

    def __init__(self, target):
        super().__init__(target.num_qubits, seed=1)
        self._target = target


@pytest.mark.slow
@pytest.mark.parametrize("missing", [(), (0, 1), (0, 1, 2, 3, 4, 5)])
@pytest.mark.parametrize("two", [("cx",), ("cx", "cz")])
def test_devices_that_lack_gates(missing, two):
    device = Device(lacking(missing, two))
    result = qconv.convolve(
        IMAGE, EDGE, method=qconv.Collapse(), shots=200, seed=1, backend=device,
        mitigation="readout",
    )  # fmt: skip
    assert np.isfinite(result.stderr).all()


def test_one_failed_seed_is_one_candidate_less(monkeypatch):
    circuit = QuantumCircuit(3)
    circuit.cx(0, 2)
    tried, real = [], transpiling._transpiled

    def some(circuit, target, level, seed):
        tried.append((level, seed))
        if len(tried) % 2:
            raise transpiling.TranspilerError("no such place")
        return real(circuit, target, level, seed)

    monkeypatch.setattr(transpiling, "_transpiled", some)
    assert transpiling.ready(circuit, Device(lacking())).num_qubits == 6
    assert tried[:2] == [(2, 0), (2, 1)]
    assert len(tried) == 2 + transpiling._SEEDS


def test_a_device_on_which_no_seed_succeeds(monkeypatch):
    def none(circuit, target, level, seed):
        raise transpiling.TranspilerError("no gates")

    monkeypatch.setattr(transpiling, "_transpiled", none)
    with pytest.raises(ValueError, match=r"backend: the circuit cannot be transpiled.*no gates"):
        transpiling.ready(QuantumCircuit(2), Device(lacking()))


def noisy(rate):
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(rate, 2), ["cx"])
    return noise


class Unknown(BaseSamplerV2):
    """A sampler that does not report its backend."""

    def run(self, pubs, *, shots=None):
        raise NotImplementedError


class TestNames:
    """Backends with different noise have different names."""

    def test_samplers_have_the_name_of_their_backend(self):
        names = {
            noise_name(sampler)
            for rate in (0.001, 0.3)
            for sampler in (
                BackendSamplerV2(backend=AerSimulator(noise_model=noisy(rate))),
                SamplerV2(options={"backend_options": {"noise_model": noisy(rate)}}),
            )
        }
        assert len(names) == 4
        devices = [BackendSamplerV2(backend=GenericBackendV2(5, seed=seed)) for seed in (1, 2)]
        assert noise_name(devices[0]) != noise_name(devices[1])
        again = BackendSamplerV2(backend=GenericBackendV2(5, seed=1))
        assert noise_name(devices[0]) == noise_name(again)

    def test_unknown_samplers_have_names_of_their_own(self):
        one, two = Unknown(), Unknown()
        assert noise_name(one) == noise_name(one) != noise_name(two)

    def test_a_noise_model_that_is_changed_in_place(self):
        noise = noisy(0.001)
        backend = AerSimulator(noise_model=noise)
        before = noise_name(backend)
        noise._default_quantum_errors["cx"] = depolarizing_error(0.3, 2)
        assert noise_name(backend) != before

    def test_a_checkpoint_of_another_device_is_not_resumed(self, tmp_path):
        how = {"method": qconv.Collapse(), "shots": 50, "seed": 1}
        how["checkpoint"] = tmp_path / "run.npz"
        one, two = (
            BackendSamplerV2(backend=AerSimulator(noise_model=noisy(rate))) for rate in (0.001, 0.3)
        )
        qconv.convolve(IMAGE, EDGE, backend=one, **how)
        with pytest.raises(ValueError, match="checkpoint"):
            qconv.convolve(IMAGE, EDGE, backend=two, **how)
