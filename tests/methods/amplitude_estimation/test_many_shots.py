"""Many shots: high powers without long simulations, and compact long circuits."""

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import classical
import qconv
from qconv.circuits.registers import STEP
from qconv.planning import cost
from qconv.result.numbers import contents
from tests.cases import EDGE
from tests.methods.amplitude_estimation.test_schedule import photograph

WRAP = {"mode": "same", "boundary": "wrap"}
LONG = {"method": qconv.AmplitudeEstimation(((0, 40), (3, 5), (70, 2), (90, 2))), **WRAP}


def planned(seed):
    image = photograph("camera")[::2, ::2]
    return qconv.plan(image, EDGE, method=qconv.AmplitudeEstimation(), seed=seed, **WRAP)


@pytest.fixture(scope="module")
def default():
    """The default number of shots: plan, result and error."""
    plan = planned(3)
    result = plan.run()
    return plan, result, result.image - classical.convolve(plan.image, EDGE, **WRAP)


def test_default(default):
    """1,024 pixels: relative deviation 3 % of the product, 6 % of the mean of z^2.

    False alarms: 1e-4. Powers up to 32 would give a product of 9.2.
    """
    plan, result, error = default
    assert plan.prepared.schedule.powers[-1] > 1000
    assert result.shots == 1024
    product = np.sqrt(np.mean(error**2)) / np.abs(EDGE).sum() * result.oracle_calls / error.size
    assert product < 5.1
    z = (error / result.stderr)[result.diagnostics.reliable]
    assert 0.72 < np.mean(z**2) < 1.25
    assert 0.92 < np.mean(np.abs(z) < 1.96) < 0.985
    assert np.abs(z).max() < 8
    assert plan.cost.rmse == pytest.approx(np.sqrt(np.mean(error**2)), rel=0.17)


def test_sum_of_two(default):
    """The sum is estimated again from the hits of both."""
    _, result, error = default
    both = result + planned(4).run()
    assert both.shots == 2048
    assert both.stderr.mean() < 0.8 * result.stderr.mean()
    z = (both.image - (result.image - error)) / both.stderr
    assert 0.72 < np.mean(z**2) < 1.25


def test_highest_power_with_a_backend():
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    for backend, highest in ((AerSimulator(), 32), (AerSimulator(noise_model=noise), 8)):
        plan = qconv.plan(
            np.eye(4), EDGE, method=qconv.AmplitudeEstimation(), backend=backend, **WRAP
        )
        assert plan.prepared.schedule.powers[-1] == highest
        assert plan.prepared.schedule.total == pytest.approx(1024)


@pytest.mark.slow
def test_tolerance():
    """The shots are nearly minimal: with 5 % fewer, the error exceeds the tolerance."""
    tolerance = 2e-4
    image = photograph("camera")[::4, ::4]
    how = {"method": qconv.AmplitudeEstimation(), **WRAP}
    plan = qconv.plan(image, np.ones((2, 2)) / 4, tolerance=("rms", tolerance), **how)
    assert 222 < plan.shots < 3000
    assert plan.cost.rmse <= tolerance
    fewer = qconv.plan(image, np.ones((2, 2)) / 4, shots=int(0.95 * plan.shots), **how)
    assert fewer.cost.rmse > 0.9 * tolerance  # standard errors are guarded, errors are smaller


def test_long_circuits():
    """A step is the same instruction in all circuits; any simulator that expands it can run it."""
    image = np.random.default_rng(2).random((4, 4))
    plan = qconv.plan(image, EDGE, **LONG)
    made = [circuit.count_ops().get(STEP, 0) for circuit in plan.circuits]
    assert made == [0, 0, 70, 90]
    circuit = plan.circuits[2].decompose(STEP)
    counts = AerSimulator().run(circuit, shots=20_000, seed_simulator=1).result().get_counts()
    p = classical.convolve(image, EDGE, **WRAP) / np.ptp(image) / 16 + 1 / 2
    hits, trials = np.zeros((2, 16))
    for bits, number in counts.items():
        trials[int(bits[1:], 2)] += number
        hits[int(bits[1:], 2)] += number * int(bits[0])
    expected = np.sin(141 * np.arcsin(np.sqrt(p.ravel()))) ** 2
    deviation = np.sqrt(expected * (1 - expected) / trials)
    assert (np.abs(hits / trials - expected) < 5.5 * deviation + 1e-9).all()


def test_long_circuits_in_a_file(tmp_path):
    """Steps are saved once; 163 separate steps would take more than 5 MB."""
    image = np.random.default_rng(2).random((32, 32))
    result = qconv.convolve(image, EDGE, seed=1, **LONG)
    result.save(tmp_path / "long.npz")
    assert (tmp_path / "long.npz").stat().st_size < 10**6
    loaded = qconv.load(tmp_path / "long.npz")
    assert [*map(contents, loaded.circuits)] == [*map(contents, result.circuits)]
    steps = [item.operation for c in loaded.circuits for item in c if item.name == STEP]
    assert len(steps) == 160
    assert len({id(step) for step in steps}) == 1
    other = qconv.convolve(image + np.eye(32), EDGE, seed=1, **LONG)
    assert contents(other.circuits[-1]) != contents(result.circuits[-1])
    assert len((result + qconv.convolve(image, EDGE, seed=2, **LONG)).circuits) == 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["global", "local"])
def test_many_steps(kind, monkeypatch):
    """Costs of many steps, computed from few steps, equal the count of all gates."""
    image = np.random.default_rng(3).random((8, 8))
    method = qconv.AmplitudeEstimation(((0, 40), (36, 5)), kind)
    few = qconv.plan(image, EDGE, method=method, **WRAP).cost
    monkeypatch.setattr(cost, "_MANY_STEPS", 100)
    assert qconv.plan(image, EDGE, method=method, **WRAP).cost == few
