"""Backends that differ from Aer: other notations, dropped shots, job limits, empty results."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2, BaseSamplerV2, BitArray
from qiskit.providers import BackendV2, Options
from qiskit.result import Result
from qiskit.result.models import ExperimentResult, ExperimentResultData
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

import classical
import qconv
from qconv.execution.device import jobs as shots_module
from qconv.execution.device.jobs import job_sizes
from qconv.execution.device.retry import Retry
from tests.cases import EDGE

IMAGE = np.random.default_rng(0).random((4, 4)) + 0.2
KERNEL = np.array([[1.0, -2.0], [0.5, 0.25]])
WHERE = {"mode": "same", "boundary": "wrap", "seed": 1}
METHODS = [
    qconv.Collapse(),
    qconv.Collapse(shared=True),
    qconv.Diffusion(),
    qconv.Interference(),
    qconv.Fourier(),
    qconv.Fourier(signed=False),
    qconv.AmplitudeEstimation((0, 1)),
    qconv.Blocks(qconv.Fourier(), "overlap-save", 5),
]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Do not wait between two tries of a failing job."""
    monkeypatch.setattr(shots_module, "RETRY", Retry(sleep=lambda seconds: None))


class Vendor(BackendV2):
    """A vendor's backend, which runs circuits on Aer and reports what ``report`` returns."""

    def __init__(self, report=lambda counts, bits: counts, most=None, **validators):
        super().__init__(name="vendor")
        self._report, self._most = report, most
        self._target = Target.from_configuration(["rz", "sx", "x", "cx", "measure"], 12)
        self.sizes = []
        for name, rule in validators.items():
            self.options.set_validator(name, rule)

    target = property(lambda self: self._target)
    max_circuits = None

    @classmethod
    def _default_options(cls):
        return Options(shots=100)

    def run(self, circuit, shots=None, **options):
        assert not options
        if self._most is not None and shots > self._most:
            raise RuntimeError(f"vendor takes {self._most} shots at most, got {shots}")
        self.options.update_options(shots=shots)  # raises if a validator does not allow it
        self.sizes.append(shots)
        simulator = AerSimulator(seed_simulator=len(self.sizes))
        counts = simulator.run(circuit, shots=shots).result().data(0)["counts"]
        data = self._report(counts, circuit.num_clbits)
        data = data if isinstance(data, ExperimentResultData) else ExperimentResultData(counts=data)
        experiment = ExperimentResult(shots=shots, success=True, data=data)
        result = Result(
            backend_name="vendor",
            backend_version="1",
            job_id="1",
            success=True,
            results=[experiment],
        )
        return SimpleNamespace(result=lambda: result)


def bits(counts, width):
    return {f"{int(key, 16):0{width}b}": number for key, number in counts.items()}


NOTATIONS = {
    "bits": bits,
    "spaces": lambda c, n: {f"{k[:1]} {k[1:]}": v for k, v in bits(c, n).items()},
    "binary": lambda c, n: {f"0b{k}": v for k, v in bits(c, n).items()},
    "numbers": lambda c, n: {int(k, 16): v for k, v in c.items()},
    "capitals": lambda c, n: {k.upper().replace("X", "x"): v for k, v in c.items()},
    "NumPy's numbers": lambda c, n: {k: np.int64(v) for k, v in c.items()},
    "floats": lambda c, n: {k: float(v) for k, v in c.items()},
    "zeros": lambda c, n: {**{hex(i): 0 for i in range(2**n)}, **c},
}


def run(method, backend, shots=300, **how):
    return qconv.convolve(
        IMAGE, KERNEL, method=method, shots=shots, backend=backend, **{**WHERE, **how}
    )


def right(result, method, sigmas=6.5):
    """Return whether reliable pixels are within some standard errors, except small counts."""
    exact = classical.convolve(IMAGE, KERNEL, mode="same", boundary="wrap")
    exact = exact if method.signed else np.abs(exact)
    near = np.abs(result.image - exact) < sigmas * result.stderr + 1e-12
    reliable = getattr(result.diagnostics, "reliable", np.ones_like(near))
    assert reliable.mean() > 0.5
    return bool(near[reliable].all())


@cache
def by_vendor(method):
    """Return the result from counts as Aer reports them."""
    return run(method, Vendor())


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_counts_in_any_notation_give_the_same_bytes(notation, method):
    expected = by_vendor(method)
    result = run(method, Vendor(NOTATIONS[notation]))
    assert result.image.tobytes() == expected.image.tobytes()
    assert result.stderr.tobytes() == expected.stderr.tobytes()
    assert right(result, method)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize(
    ("report", "kind", "message"),
    [
        (lambda c, n: {"up": 300}, ValueError, "backend: expected outcomes of . bits"),
        (lambda c, n: {"0" * (n + 1): 300}, ValueError, "backend: expected outcomes of . bits"),
        (lambda c, n: {hex(2**n): 300}, ValueError, "backend: expected outcomes of . bits"),
        (lambda c, n: {"0x0": 0.25}, TypeError, "backend: expected integer numbers of shots"),
        (lambda c, n: {"0x0": -3}, ValueError, "backend: expected numbers of shots >= 0"),
        (lambda c, n: {}, RuntimeError, r"backend: expected \d+ shots, got an empty result"),
        (
            lambda c, n: ExperimentResultData(memory=["0x0"]),
            RuntimeError,
            "backend: expected counts in its result, got .*memory",
        ),
        (
            lambda c, n: ExperimentResultData(),
            RuntimeError,
            "backend: expected counts in its result, got none",
        ),
    ],
)
def test_what_cannot_be_read_is_an_error(report, kind, message, method):
    with pytest.raises(kind, match=message):
        run(method, Vendor(report))


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_dropped_shots(method):
    """A fifth of the shots is missing: results are divided by the returned number and state it."""
    asked = sum(
        qconv.plan(IMAGE, KERNEL, method=method, shots=3000, **WHERE, backend=Vendor()).executions
    )
    backend = Vendor(lambda counts, n: {k: v * 4 // 5 for k, v in counts.items()})
    result = run(method, backend, shots=3000)
    assert right(result, method, 8)  # rounding down changes every count by half a shot
    if isinstance(method, qconv.Collapse):  # runs until every pixel has its shots
        assert result.shots == 3000
        assert result.total_shots >= asked
        return
    assert 0.79 * asked < result.total_shots < 0.8 * asked
    assert result.shots == pytest.approx(2400, abs=10)
    assert result.oracle_calls >= result.total_shots
    assert abs(result.success_probability - (result.expected_success or 1)) < (
        8 * result.success_stderr + 0.01
    )


def test_dropped_shots_tell_nothing():
    """Amplitude estimation adds up the returned hits, and the information of the returned shots."""
    method = qconv.AmplitudeEstimation((0, 1))
    planned, information = 2 * 300 * IMAGE.size, 4 * 300 * (1**2 + 3**2)
    whole = run(method, Vendor(), seed=1)
    assert whole.total_shots == planned
    assert whole.diagnostics.information == pytest.approx(information, rel=1e-12)
    few = run(method, Vendor(lambda counts, n: {k: v // 3 for k, v in counts.items()}), seed=2)
    assert 0.3 < few.total_shots / planned < 0.334
    assert few.shots == round(300 * few.total_shots / planned)
    assert few.diagnostics.information == pytest.approx(
        information * few.total_shots / planned, rel=1e-12
    )
    both = whole + few
    assert both.diagnostics.hits[0].table.sum() == whole.total_shots + few.total_shots
    share = planned / (planned + few.total_shots)
    mean = share * whole.image + (1 - share) * few.image
    assert np.abs(both.image - mean).max() < 0.3 * both.stderr.max()
    assert both.diagnostics.information == pytest.approx(
        whole.diagnostics.information + few.diagnostics.information, rel=1e-12
    )


def test_everything_is_dropped_now_and_then():
    """Rounds in which nothing is kept neither divide by zero nor continue forever."""
    calls = []

    def report(counts, n):
        calls.append(n)
        return {} if len(calls) > 1 else {k: v // 2 for k, v in counts.items()}

    with pytest.raises(RuntimeError, match=r"backend: expected \d+ shots, got an empty result"):
        run(qconv.Collapse(), Vendor(report))


LIMITED = {
    "a range": lambda: Vendor(shots=(1, 700)),
    "a list": lambda: Vendor(shots=[100, 500, 700]),
    "max_shots": lambda: with_attribute("max_shots", 700),
    "a configuration": lambda: with_attribute(
        "configuration", lambda: SimpleNamespace(max_shots=700)
    ),
}


def with_attribute(name, value):
    backend = Vendor(most=700)
    setattr(backend, name, value)
    return backend


@pytest.mark.parametrize("make", LIMITED.values(), ids=LIMITED)
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_jobs_are_as_large_as_the_backend_takes(make, method):
    backend = make()
    result = run(method, backend, shots=150)
    assert max(backend.sizes) <= 700
    assert result.total_shots == sum(backend.sizes)
    assert right(result, method)
    assert result.shots >= 150


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_job_shots_where_nothing_says_it(method):
    with pytest.raises(RuntimeError, match="vendor takes 700 shots at most"):
        run(method, Vendor(most=700), shots=1500)
    backend = Vendor(most=700)
    result = run(method, backend, shots=1500, job_shots=700)
    assert max(backend.sizes) <= 700
    assert result.total_shots == sum(backend.sizes)
    assert right(result, method)


def test_the_other_verbs_take_job_shots():
    backend = Vendor(most=700)
    transfer = np.ones((4, 4)) * 0.5
    qconv.filter_frequencies(IMAGE, transfer, shots=100, backend=backend, job_shots=500, seed=1)
    qconv.match_template(IMAGE, IMAGE[1:3, 1:3], shots=1600, backend=backend, job_shots=500, seed=1)
    qconv.correlate(IMAGE, KERNEL, shots=100, backend=backend, job_shots=500, seed=1)
    assert max(backend.sizes) == 500
    for wrong, kind in ((0, ValueError), (1.5, TypeError), ("7", TypeError)):
        with pytest.raises(kind, match="job_shots: expected an integer >= 1"):
            qconv.convolve(IMAGE, KERNEL, job_shots=wrong)


def test_samplers_take_the_limits_of_their_backend():
    backend = Vendor(bits, shots=(1, 700))
    result = run(qconv.Diffusion(), BackendSamplerV2(backend=AerSimulator()), job_shots=700)
    assert result.total_shots == 300 * 16
    assert list(job_sizes(1500, backend)) == [700, 700, 100]


class Sparing(BaseSamplerV2):
    """A sampler that drops every fifth shot."""

    def run(self, pubs, *, shots=None):
        circuit = pubs[0]
        result = AerSimulator(seed_simulator=shots).run(circuit, shots=shots, memory=True).result()
        memory = [int(key, 2) for key in result.get_memory()][: shots * 4 // 5]
        width = (circuit.num_clbits + 7) // 8
        array = np.array([list(n.to_bytes(width, "big")) for n in memory]).reshape(-1, width)
        pub = SimpleNamespace(
            data=SimpleNamespace(meas=BitArray(array.astype(np.uint8), circuit.num_clbits))
        )
        return SimpleNamespace(result=lambda: [pub])


def test_samplers_that_drop_shots():
    result = run(qconv.Collapse(shared=True), Sparing(), shots=2000)
    assert result.shots == 2000
    assert result.total_shots >= 2000  # shots that were returned
    assert right(result, qconv.Collapse())


class TestJobSizes:
    @pytest.mark.parametrize("shots", [1, 99, 100, 101, 700, 701, 12345])
    @pytest.mark.parametrize("rule", [(1, 700), (100, 700), [100, 500, 700], [64], int])
    def test_enough_and_allowed(self, shots, rule):
        sizes = list(job_sizes(shots, Vendor(shots=rule)))
        assert sum(sizes) >= shots
        least = rule[0] if isinstance(rule, tuple | list) else 1
        assert sum(sizes) < shots + least
        for size in sizes:
            assert rule is int or (size in rule if isinstance(rule, list) else size <= rule[1])

    def test_a_million_where_nothing_says_less(self):
        assert list(job_sizes(2_500_000, None)) == [shots_module.JOB_SHOTS] * 2 + [500_000]
        assert list(job_sizes(5, AerSimulator())) == [5]
        assert next(job_sizes(10**7, None, 3 * 10**6)) == 3 * 10**6

    @pytest.mark.parametrize("nonsense", [None, "many", 0, float("inf"), float("nan"), -1])
    def test_nonsense_is_no_limit(self, nonsense):
        backend = SimpleNamespace(max_shots=nonsense)
        assert list(job_sizes(10, backend)) == [10]


@pytest.mark.parametrize("qubits", [1, 2, 5, 8, 16])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_cache_blocking(method, qubits):
    """Aer sets wrong states if a block of its state vector is smaller than the circuit."""
    backend = AerSimulator(method="statevector", blocking_enable=True, blocking_qubits=qubits)
    needed = qconv.plan(IMAGE, KERNEL, method=method, shots=5, **WHERE).cost.qubits
    if qubits < needed:
        for shots in (None, 5):
            with pytest.raises(ValueError, match=f"backend: expected blocking_qubits >= {needed}"):
                run(method, backend, shots=shots)
        return
    exact = run(method, backend, shots=None)
    expected = classical.convolve(IMAGE, KERNEL, mode="same", boundary="wrap")
    expected = expected if method.signed else np.abs(expected)
    np.testing.assert_allclose(exact.image, expected, atol=1e-9)
    assert right(run(method, backend), method)


def test_estimation_is_sampled_from_one_simulation(monkeypatch):
    """Outcomes are sampled from one simulation, also on an Aer simulator of the caller."""
    sampled = []

    class Watched(AerSimulator):
        def run(self, circuits, **how):
            job = super().run(circuits, **how)
            sampled.append(job.result().results[0].metadata["measure_sampling"])
            return job

    for shape in ((5, 7), (8, 8), (1, 3)):
        image = np.random.default_rng(1).random(shape)
        for kind in ("global", "local"):
            method = qconv.AmplitudeEstimation((0, 1), range=kind)
            qconv.convolve(image, EDGE, method=method, shots=10, backend=Watched(), seed=1)
    assert all(sampled)
    assert len(sampled) >= 12
