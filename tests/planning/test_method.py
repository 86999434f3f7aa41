"""Errors of invalid methods: no wrong numbers without a message."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.result import marginal_counts
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import SamplerV2

import classical
import qconv
from tests.execution.device.test_strange_backends import KERNEL, Vendor, right, run

BACKENDS = {"law": lambda: None, "Aer": AerSimulator, "sampler": StatevectorSampler}


class Own(qconv.Method):
    """A method with one circuit; its result is the frequency of every outcome."""

    def __init__(self, circuit, **program):
        self._circuit, self._program = circuit, program

    def prepare(self, plan):
        return PreparedOwn(self, plan)


class PreparedOwn(qconv.Prepared):
    @property
    def programs(self):
        plan, circuit = self.plan, self.method._circuit
        given = {"build": circuit.copy, "executions": plan.whole_shots, "seed": plan.seed}
        return [qconv.Program(**given | self.method._program)]

    def decode(self, outcomes):
        plan, gathered = self.plan, next(outcomes)
        self.method.frequencies = gathered.frequencies(plan.seed)
        return plan.result(
            np.zeros(plan.grid.output_shape),
            np.zeros(plan.grid.output_shape),
            [gathered],
            success_probability=np.float32(0.5),
            independent=np.True_,
        )


def use(circuit, backend=None, shots=1000, **program):
    method = Own(circuit, **program)
    result = qconv.convolve([1.0, 2], [1.0], method=method, shots=shots, backend=backend, seed=1)
    return method.frequencies, result


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


@pytest.mark.parametrize("make", BACKENDS.values(), ids=BACKENDS)
class TestCircuits:
    def test_reset_and_measurement_and_late_preparation(self, make):
        for spoil in (
            lambda c: c.reset(0),
            lambda c: c.initialize([1, 0], [0]),
        ):
            circuit = bell()
            spoil(circuit)
            with pytest.raises(ValueError, match=r"build: expected a circuit without (reset|init)"):
                use(circuit, make())

    def test_classical_bits(self, make):
        for name in ("mid", "meas"):
            circuit = bell()
            circuit.add_register(ClassicalRegister(1, name))
            with pytest.raises(
                ValueError, match="build: expected a circuit without classical bits"
            ):
                use(circuit, make())

    def test_gates_made_of_gates(self, make):
        inner = QuantumCircuit(1, name="mine")
        inner.ry(1.0, 0)
        outer = QuantumCircuit(2, name="yours")
        outer.append(inner.to_gate(), [0])
        outer.append(inner.to_gate().control(1), [0, 1])
        circuit = QuantumCircuit(2)
        circuit.append(outer.to_gate(), [0, 1])
        frequencies, _ = use(circuit, make(), shots=20_000)
        p = np.sin(0.5) ** 2
        expected = [1 - p, p * (1 - p), 0, p * p]
        # 40,000 executions: 6.5 standard deviations of the widest
        np.testing.assert_allclose(frequencies, expected, atol=6.5 * 0.5 / 200)

    def test_keep_is_all_that_can_come(self, make):
        circuit = QuantumCircuit(2)
        circuit.h(1)
        with pytest.raises(ValueError, match="keep: expected 4 bools"):
            use(circuit, make(), keep=np.ones(8, dtype=bool))
        if make() is None:
            message = r"keep: expected a selection .*, got .* with probability 0\.5"
            with pytest.raises(RuntimeError, match=message):
                use(circuit, make(), keep=np.array([True, True, False, False]))


def test_executions_are_whole_numbers(tmp_path):
    for wrong, kind in ((10.5, TypeError), (0, ValueError), (-1, ValueError), ("7", TypeError)):
        with pytest.raises(kind, match="executions: expected an integer >= 1"):
            use(bell(), executions=wrong)
    _, result = use(bell(), executions=np.int64(10))
    assert result.total_shots == 10
    result.save(tmp_path / "r.npz")  # with NumPy's numbers


def test_results_have_the_shape_of_the_plan():
    plan = qconv.plan(np.ones((3, 3)), np.ones((3, 3)), method=qconv.Collapse(), shots=1)
    for shape in ((3, 3), (1, 1), ()):
        with pytest.raises(ValueError, match=r"image: expected the shape \(5, 5\), got"):
            plan.result(np.zeros(shape), np.zeros((5, 5)), [])
        with pytest.raises(ValueError, match=r"stderr: expected the shape \(5, 5\), got"):
            plan.result(np.zeros((5, 5)), np.zeros(shape), [])


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("shots", [1, 3, 20])
def test_sums_of_magnitudes(shots, blocks):
    """Root mean square error over standard error, 1,024 pixels: its deviation is 2 or 3 %."""
    method = qconv.Fourier(signed=False)
    method = qconv.Blocks(method, "overlap-save", 9) if blocks else method
    how = {"method": method, "shots": shots, "mode": "same", "boundary": "wrap"}
    image, kernel = np.full((32, 32), 3.0), np.ones((2, 2)) / 4
    parts = [qconv.convolve(image, kernel, seed=seed, **how) for seed in range(10)]
    total = reduce(add, parts)
    assert total.shots == 10 * shots
    assert np.array_equal(total.diagnostics.counts, sum(part.diagnostics.counts for part in parts))
    ratio = np.sqrt(np.mean((total.image - 3) ** 2) / np.mean(total.stderr**2))
    assert 0.85 < ratio < 1.15
    np.testing.assert_allclose(
        total.image, total.diagnostics.unit * np.sqrt(total.diagnostics.counts)
    )


def test_a_result_of_fewer_bits_is_no_result():
    plan = qconv.plan(np.ones((4, 4)) + np.eye(4), KERNEL, method=qconv.Fourier(), shots=50)
    result = AerSimulator().run(plan.circuits[0], shots=plan.executions[0]).result()
    plan.decode(result)
    bits = plan.circuits[0].num_clbits
    with pytest.raises(ValueError, match=f"counts: expected outcomes of {bits} bits, got 4"):
        plan.decode(marginal_counts(result, indices=range(4)))


class Parrot(Vendor):
    """A backend that returns the same shots for every job."""

    def run(self, circuit, shots=None, **options):
        self.sizes = []
        return super().run(circuit, shots=shots, **options)


def test_backends_that_repeat_their_shots():
    with pytest.raises(ValueError, match="backend: two jobs returned the same counts"):
        run(qconv.Diffusion(), Parrot(), shots=300, job_shots=1000)
    one = run(qconv.Diffusion(), Parrot(), shots=300, seed=1)
    other = run(qconv.Diffusion(), Parrot(), shots=300, seed=2)
    with pytest.raises(ValueError, match="their shots are the same"):
        _ = one + other


def test_templates_and_steps():
    image = np.random.default_rng(0).random((12, 12))
    with pytest.raises(ValueError, match="method: expected a method that applies the kernel once"):
        qconv.match_template(
            image, image[3:6, 2:6], filter="correlation", method=qconv.Diffusion(steps=2)
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["global", "local"])
@pytest.mark.parametrize("make", [SamplerV2, lambda: BackendSamplerV2(backend=AerSimulator())])
def test_estimation_on_samplers_of_aer(make, kind):
    """Samplers seed themselves: 25 pixels within 6.5 standard errors, a false alarm in 5e8."""
    method = qconv.AmplitudeEstimation((0, 1), range=kind)
    assert right(run(method, make(), shots=500), method)
    image = np.random.default_rng(0).random((3, 3))
    result = qconv.convolve(image, KERNEL, method=method, shots=10_000, seed=1, backend=make())
    exact = classical.convolve(image, KERNEL)
    known = (result.stderr > 0) & result.diagnostics.reliable
    assert known.sum() > image.size
    assert (np.abs(result.image - exact) < 6.5 * result.stderr)[known].all()
