"""Plans of numbers: circuits and costs, counts from elsewhere, and several numbers at once."""

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler

import classical
import qconv
from qconv.execution.run import run

IMAGE = np.random.default_rng(1).integers(0, 9, (4, 4)).astype(float)
KERNEL = np.array([[1, -2.0], [0.5, 1]])
WHERE = {"mode": "same", "boundary": "wrap"}
HALVES = [qconv.Total((slice(0, 2),)), qconv.Total((slice(1, 4),)), qconv.Overlap(IMAGE - 4)]
QUARTERS = [qconv.Energy((slice(0, 2),)), qconv.Energy((slice(1, 3),)), qconv.Energy()]
BANDS = [qconv.Band(0, 1), qconv.Band(1, 3)]
CASES = [
    (qconv.Collapse(), HALVES),
    (qconv.Collapse(baseline=True), HALVES),
    (qconv.Diffusion(), HALVES),
    (qconv.Fourier(), HALVES),
    (qconv.Fourier(), QUARTERS),
    (qconv.Fourier(), BANDS),
    (qconv.Interference(), QUARTERS),
]


def chances(plan):
    """Probabilities of the outcomes of each circuit of a plan."""
    exact = qconv.plan(
        plan.plan.image,
        KERNEL,
        method=plan.plan.method,
        observable=plan.observables,
        shots=None,
        **WHERE,
    )
    found = (outcomes.known_probabilities for outcomes in run(exact.programs, exact.plan.sampling))
    return [np.maximum(p, 0) / p.sum() for p in found]


def counted(p, number, rng):
    """Return the counts of one circuit, by the outcome as a number."""
    return {int(i): int(n) for i, n in enumerate(rng.multinomial(number, p)) if n}


@pytest.mark.parametrize(("method", "observables"), CASES, ids=str)
def test_covariance_of_counts_from_elsewhere(method, observables):
    """The mean of 120 products of standard scores has a standard deviation of at most 0.13."""
    how = {"method": method, "observable": observables, **WHERE}
    exact = qconv.plan(IMAGE, KERNEL, shots=None, **how).run()
    picture = qconv.convolve(IMAGE, KERNEL, shots=None, method=method, **WHERE).image
    for one, observable in zip(exact, observables, strict=True):
        if isinstance(observable, qconv.Overlap):
            assert np.isclose(one.value, classical.overlap(picture, IMAGE - 4))
    truth = np.array([one.value for one in exact])
    (p,), rng = chances(qconv.plan(IMAGE, KERNEL, **how)), np.random.default_rng(3)
    scores, correlations = [], []
    plan = qconv.plan(IMAGE, KERNEL, shots=3000, seed=0, **how)
    for seed in range(120):
        if isinstance(method, qconv.Collapse):  # draws pixels
            plan = qconv.plan(IMAGE, KERNEL, shots=3000, seed=seed, **how)
        found = plan.decode([counted(p, 3000, rng)])
        errors = np.sqrt(np.diag(found.covariance))
        assert np.allclose(errors, [one.stderr for one in found])
        scores.append((np.array([one.value for one in found]) - truth) / errors)
        correlations.append(found.covariance / np.outer(errors, errors))
    measured = np.array(scores).T @ np.array(scores) / len(scores)
    assert np.abs(measured - np.mean(correlations, axis=0)).max() < 4.5 * 0.13


def test_what_is_run_has_the_same_covariance():
    how = {"method": qconv.Diffusion(), "shots": 50_000, "seed": 2}
    found = qconv.estimate(IMAGE, np.abs(KERNEL), HALVES[:2], "same", "wrap", **how)
    one = qconv.estimate(IMAGE, np.abs(KERNEL), HALVES[0], "same", "wrap", **how)
    assert np.allclose((found[0].value, found[0].stderr), (one.value, one.stderr))
    assert (len(found), found[0].executions) == (2, 50_000)
    assert "Total[1:4]" in str(found)


def test_sums_and_files_of_several(tmp_path):
    how = {"method": qconv.Fourier(), "observable": BANDS, "shots": 1000, **WHERE}
    one, two = (qconv.plan(IMAGE, KERNEL, seed=seed, **how).run() for seed in (1, 2))
    both = one + two
    assert both[1].executions == 2000
    assert np.allclose(both.covariance, (one.covariance + two.covariance) / 4)
    both.save(tmp_path / "both.npz")
    again = qconv.Estimates.load(tmp_path / "both.npz")
    assert str(again) == str(both)
    assert np.array_equal(again.covariance, both.covariance)
    one[0].save(tmp_path / "one.npz")
    with pytest.raises(ValueError, match="is not a saved Estimates"):
        qconv.Estimates.load(tmp_path / "one.npz")
    with pytest.raises(ValueError, match="same seed"):
        one + one
    with pytest.raises(ValueError, match="expected 2 estimates"):
        one + qconv.Estimates(one.estimates[:1], one.covariance[:1, :1])
    with pytest.raises(TypeError):
        one + 1


@pytest.mark.parametrize(
    ("observables", "more", "message"),
    [
        ([qconv.Energy(), qconv.Total()], {}, "expected observables of one circuit"),
        ([qconv.Energy(), qconv.Band(0, 1)], {}, "expected observables of one circuit"),
        ([], {}, "expected at least one"),
        (QUARTERS, {"estimator": "schedule"}, "expected one observable"),
        (qconv.Energy(), {"estimator": "amplitude"}, "circuits known in advance"),
        (None, {"estimator": "schedule"}, "expected an observable"),
    ],
    ids=str,
)
def test_what_is_rejected(observables, more, message):
    with pytest.raises(ValueError, match=message):
        qconv.plan(IMAGE, KERNEL, method=qconv.Fourier(), observable=observables, **more, **WHERE)


@pytest.mark.parametrize("estimator", ["sampling", "schedule"])
@pytest.mark.parametrize("method", [qconv.Diffusion(), qconv.Fourier()], ids=repr)
def test_costs_are_those_of_the_circuits(method, estimator):
    linear = method == qconv.Diffusion()
    kernel = np.ones((2, 2)) if linear else KERNEL
    plan = qconv.plan(
        IMAGE,
        kernel,
        method=method,
        observable=HALVES[0] if linear else QUARTERS[0],
        estimator=estimator,
        shots=500,
        **WHERE,
    )
    cost = plan.cost
    calls = [program.oracle_calls for program in plan.programs]
    assert cost.circuits == len(plan.circuits) == len(plan.executions)
    assert cost.oracle_calls == np.dot(calls, plan.executions) <= 500
    assert cost.qubits == max(circuit.num_qubits for circuit in plan.circuits)
    assert cost.rmse == plan.predict().stderr[0] > 0
    assert "expected error" in str(plan)
    if estimator == "sampling":
        assert cost.executions == 500


def test_predicted_errors_are_those_that_come():
    how = {"method": qconv.Fourier(), "observable": HALVES, "shots": 200_000, **WHERE}
    plan = qconv.plan(IMAGE, KERNEL, seed=1, **how)
    errors = [one.stderr for one in plan.run()]
    assert np.allclose(plan.predict().stderr, errors, rtol=0.02)  # 0.16 % is one standard deviation


@pytest.mark.parametrize("estimator", ["sampling", "schedule"])
@pytest.mark.parametrize("region", [None, (slice(1, 4), slice(0, 3)), IMAGE > 4], ids=str)
def test_exported_circuits(estimator, region):
    """Counts of a device's circuits, which mark a region by comparators or by a table."""
    observable = qconv.Energy(region)
    how = {"method": qconv.Fourier(), "observable": observable, "estimator": estimator}
    plan = qconv.plan(IMAGE, KERNEL, shots=60, seed=1, **how, **WHERE)
    texts = plan.export("openqasm3")
    on_device = plan.on_device()
    assert len(texts) == len(on_device.circuits)
    pairs = zip(on_device.circuits, on_device.executions, strict=True)
    counts = [_sampled(circuit, number) for circuit, number in pairs]
    found = plan.decode(counts)
    exact = qconv.estimate(IMAGE, KERNEL, observable, method=qconv.Fourier(), shots=None, **WHERE)
    assert abs(found.value - exact.value) < 5 * found.stderr
    assert found.executions == sum(plan.executions)


def _sampled(circuit, number):
    return StatevectorSampler(seed=5).run([circuit], shots=number).result()[0]


def test_exact_plans_have_no_counts():
    plan = qconv.plan(
        IMAGE, KERNEL, method=qconv.Fourier(), observable=qconv.Energy(), shots=None, **WHERE
    )
    assert plan.executions == (0,)
    with pytest.raises(ValueError, match="shots: expected an integer"):
        plan.decode([{0: 1}])
