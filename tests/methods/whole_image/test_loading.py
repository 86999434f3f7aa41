"""Whole-image methods with approximate preparation: the predicted error equals the measured."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from qiskit import transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

import classical
import qconv
from tests.cases import EDGE

FEW = qconv.ApproximatePreparation(two_qubit_gates=3)
GAUSSIAN = qconv.named_kernel("gaussian")
IMAGE = np.random.default_rng(3).random((3, 4)) + 0.2
METHODS = [
    qconv.Diffusion(preparation=FEW),
    qconv.Diffusion(adder="classical", preparation=FEW),
    qconv.Diffusion(steps=2, preparation=FEW),
    *(
        make(preparation=FEW, **options)
        for make in (qconv.Interference, qconv.Fourier)
        for options in (
            {},
            {"signed": False},
            {"amplify": 2},
            {"amplify": 1, "signed": False},
            {"read_out": "root"},
            {"amplify": "auto", "read_out": "root"},
        )
    ),
    qconv.Blocks(qconv.Diffusion(preparation=FEW), "overlap-save", 8),
    qconv.Blocks(qconv.Interference(preparation=FEW), "overlap-add", 10),
    qconv.Blocks(qconv.Fourier(signed=False, preparation=FEW), "overlap-save", 6),
]
WHERE = [("same", "fill"), ("full", "symm")]

pytestmark = pytest.mark.filterwarnings("ignore:preparation. the loading error:RuntimeWarning")


def exact_result(image, kernel, method, *where):
    larger = classical.diffuse(kernel, kernel, method.steps - 1, mode="full")
    exact = classical.convolve(image, larger, *where)
    return exact if method.signed else np.abs(exact)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("kernel", [GAUSSIAN, EDGE], ids=["gaussian", "edge"])
def test_predicted_error_is_measured(method, kernel):
    for where in WHERE:
        exact = exact_result(IMAGE, kernel, method, *where)
        result = qconv.convolve(IMAGE, kernel, *where, method=method, shots=None)
        assert np.abs(result.loading_bias).max() > 1e-3
        off = result.image - exact - result.loading_bias
        np.testing.assert_allclose(off, 0, rtol=0, atol=1e-10 * np.abs(kernel).sum())
        assert result.success_probability == pytest.approx(result.expected_success, abs=1e-10)


@pytest.mark.parametrize("padding", ["auto", "both", "kernel", "wrapped"])
def test_padding(padding):
    image = np.random.default_rng(4).random((8, 4))
    method = qconv.Fourier(padding=padding, preparation=FEW)
    where = {"mode": "same", "boundary": "wrap"}
    result = qconv.convolve(image, EDGE, method=method, shots=None, **where)
    exact = classical.convolve(image, EDGE, **where)
    np.testing.assert_allclose(result.image - result.loading_bias, exact, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1,), (5,), (3, 1), (2, 3, 4)])
@pytest.mark.parametrize("make", [qconv.Diffusion, qconv.Interference, qconv.Fourier])
def test_any_number_of_axes(make, shape):
    few = qconv.ApproximatePreparation(fidelity=0.9)
    image, kernel = np.random.default_rng(5).random(shape), np.ones((2,) * len(shape))
    result = qconv.convolve(image, kernel, method=make(preparation=few), shots=None)
    exact = classical.convolve(image, kernel)
    np.testing.assert_allclose(result.image - result.loading_bias, exact, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", [METHODS[0], METHODS[5], METHODS[11]], ids=repr)
def test_gates_load_the_predicted_image(method):
    """The circuit of a device gives the same expectation as the instructions of the simulator."""
    where = {"mode": "same", "boundary": "wrap", "method": method, "shots": None}
    image = np.random.default_rng(6).random((4, 4)) + 0.1
    plan = qconv.plan(image, [[1.0, -2]], **where)
    devices = plan.on_device().circuits[0].remove_final_measurements(inplace=False)
    ours = next(iter(plan.prepared.programs)).build()
    bits = next(iter(plan.prepared.programs)).measured
    device = transpile(devices, basis_gates=["rz", "sx", "x", "cx"], optimization_level=0)
    simulator = AerSimulator(method="statevector")
    ours.save_statevector()
    state = simulator.run(ours, shots=1).result().data(0)["statevector"]
    expected = state.probabilities(range(bits))
    found = Statevector(device).probabilities(range(bits))
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.slow
def test_counted_gates():
    image = np.random.default_rng(7).random((16, 16))
    few = qconv.ApproximatePreparation(two_qubit_gates=9)
    where = {"mode": "same", "boundary": "wrap", "shots": 100}
    cost = qconv.plan(image, GAUSSIAN, method=qconv.Diffusion(preparation=few), **where).cost
    exact = qconv.plan(image, GAUSSIAN, method=qconv.Diffusion(), **where).cost
    assert cost.preparation.two_qubit_gates == 9
    assert cost.filter_gates == exact.filter_gates
    assert cost.bounds == {}
    assert cost.rmse == pytest.approx(np.hypot(cost.loading_bias, exact.rmse), rel=0.05)
    assert exact.loading_bias is None
    assert "rms loading bias" in str(cost)
    assert "loading" not in str(exact)


def test_comparison_of_methods():
    """Approximate loading is better with few executions, exact loading with many.

    A tolerance below the loading error is rejected.
    """
    few = qconv.Diffusion(preparation=FEW)
    methods = [few, qconv.Diffusion()]
    where = {"mode": "same", "methods": methods}
    bias = qconv.plan(IMAGE, GAUSSIAN, mode="same", method=few).cost.loading_bias
    compared = qconv.compare_methods(IMAGE, GAUSSIAN, executions=10**7, **where)
    assert compared.best.method == qconv.Diffusion()
    assert compared.rows[1].cost.rmse == pytest.approx(bias, rel=0.01)
    compared = qconv.compare_methods(IMAGE, GAUSSIAN, tolerance=bias / 2, **where)
    assert compared.rows[1].obstacle.startswith("tolerance: expected at least the loading error")
    assert "preparation=ApproximatePreparation" in str(compared)
    with pytest.raises(ValueError, match="tolerance: expected at least the loading error"):
        qconv.convolve(IMAGE, GAUSSIAN, "same", method=few, tolerance=("rms", bias / 2))
    assert qconv.convolve(IMAGE, GAUSSIAN, "same", method=few, tolerance=2 * bias, seed=1).shots


def test_life_of_a_result(tmp_path):
    where = {"mode": "same", "method": METHODS[3], "shots": 500}
    one, other = (qconv.convolve(IMAGE, GAUSSIAN, seed=seed, **where) for seed in (1, 2))
    both = one + other
    np.testing.assert_allclose(both.loading_bias, one.loading_bias, rtol=1e-12)
    both.save(tmp_path / "result.npz")
    np.testing.assert_array_equal(
        qconv.load(tmp_path / "result.npz").loading_bias, both.loading_bias
    )
    np.testing.assert_array_equal(both[1:].loading_bias, both.loading_bias[1:])
    assert "rms loading bias" in str(both)
    exact = qconv.convolve(IMAGE, GAUSSIAN, seed=3, **where | {"method": qconv.Interference()})
    assert exact.loading_bias is None
    assert "loading" not in str(exact)
    with pytest.raises(ValueError, match="only results of the same image"):
        one + exact


def test_checkpoint(tmp_path):
    where = {"mode": "same", "method": METHODS[0], "seed": 1, "checkpoint": tmp_path / "c"}
    first = qconv.convolve(IMAGE, GAUSSIAN, shots=100, **where)
    again = qconv.convolve(IMAGE, GAUSSIAN, shots=100, **where)
    more = qconv.convolve(IMAGE, GAUSSIAN, shots=300, **where)
    np.testing.assert_array_equal(first.loading_bias, again.loading_bias)
    np.testing.assert_allclose(first.loading_bias, more.loading_bias, rtol=1e-12)
    assert more.shots == 300
    other = where | {"method": qconv.Diffusion(preparation=replace(FEW, seed=1))}
    with pytest.raises(ValueError, match="method"):
        qconv.convolve(IMAGE, GAUSSIAN, shots=100, **other)


@pytest.mark.parametrize("method", [METHODS[0], METHODS[4]], ids=repr)
def test_channels(method):
    image = np.random.default_rng(8).random((3, 4, 2))
    where = {"mode": "same", "shots": None, "channel_axis": -1}
    result = qconv.convolve(image, GAUSSIAN, method=method, **where)
    exact = classical.convolve(image, GAUSSIAN, "same", channel_axis=-1)
    np.testing.assert_allclose(result.image - result.loading_bias, exact, rtol=0, atol=1e-10)


def test_budget_of_errors():
    """Noise and loading are separate; together they are the systematic error."""
    image = np.random.default_rng(9).random(8) + 0.2
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Diffusion(preparation=FEW_ONE)}
    backend = AerSimulator.from_backend(GenericBackendV2(6, seed=1))
    result = qconv.convolve(image, [1, 2, 1], shots=None, backend=backend, seed=1, **where)
    exact = classical.convolve(image, [1, 2, 1], "same", "wrap")
    off = result.image - exact - result.bias - result.loading_bias
    np.testing.assert_allclose(off, 0, rtol=0, atol=1e-8)
    assert np.abs(result.bias).max() > 1e-3 < np.abs(result.loading_bias).max()


FEW_ONE = qconv.ApproximatePreparation(two_qubit_gates=1)


def test_verdict():
    where = {"mode": "same", "method": METHODS[0], "shots": 10_000, "seed": 1}
    result = qconv.convolve(IMAGE, GAUSSIAN, **where)
    report = classical.compare(result, classical.convolve(IMAGE, GAUSSIAN, "same"))
    assert report.agrees is False
    assert "because of the approximate loading of the image (root mean square" in report.verdict
    assert report.sampling.agrees
    assert report.loading_rms == pytest.approx(np.sqrt(np.mean(result.loading_bias**2)))
    assert "by loading" in str(report)


def test_decoded_counts():
    plan = qconv.plan(IMAGE, GAUSSIAN, "same", method=METHODS[0], shots=100, seed=1)
    bits = plan.circuits[0].num_clbits
    result = plan.decode([{"0" * bits: sum(plan.executions)}])
    np.testing.assert_array_equal(result.loading_bias, plan.prepared.loading_error().bias)


@pytest.mark.slow
@pytest.mark.filterwarnings("default:preparation. the loading error:RuntimeWarning")
def test_one_warning_where_the_error_hides_the_answer():
    y, x = np.mgrid[:8, :8]
    image = 5 + np.exp(-((y - 4) ** 2 + (x - 3) ** 2) / 3)
    one = qconv.ApproximatePreparation(two_qubit_gates=1)
    method = qconv.Interference(preparation=one)
    with pytest.warns(RuntimeWarning, match=r"preparation: the loading error .* use more") as found:
        qconv.convolve(image, EDGE, "same", "symm", method=method, shots=None)
    assert [one.category for one in found].count(RuntimeWarning) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        many = qconv.ApproximatePreparation(two_qubit_gates=5)
        method = qconv.Diffusion(preparation=many)
        qconv.convolve(image, GAUSSIAN, "same", "wrap", method=method, shots=None)


def test_nothing_to_load():
    with pytest.warns(RuntimeWarning, match="image: zero everywhere"):
        result = qconv.convolve(np.zeros((3, 3)), GAUSSIAN, method=METHODS[0], shots=10)
    assert not result.loading_bias.any()


def test_match():
    image = np.random.default_rng(2).random((8, 8))
    few = qconv.ApproximatePreparation(two_qubit_gates=5)
    method = qconv.Fourier(signed=False, preparation=few)
    match = qconv.match_template(image, image[1:6, 2:7], method=method, shots=2000, seed=1)
    assert match.position == (1, 2)


def test_refused():
    with pytest.raises(TypeError, match="two_qubit_gates, fidelity: expected one of the two"):
        qconv.ApproximatePreparation()
    with pytest.raises(ValueError, match="fidelity: expected a number between 0 and 1"):
        qconv.ApproximatePreparation(fidelity=1.5)
    with pytest.raises(TypeError, match="seed: expected an integer"):
        qconv.ApproximatePreparation(fidelity=0.9, seed=None)
    for make in (qconv.Diffusion, qconv.Interference, qconv.Fourier):
        with pytest.raises(TypeError, match="preparation: expected 'exact' or a qconv"):
            make(preparation=3)
        with pytest.raises(ValueError, match="preparation: expected 'exact' or a qconv"):
            make(preparation="approximate")
    for method in (METHODS[3], METHODS[4]):
        with pytest.raises(ValueError, match="preparation: expected 'exact' for complex numbers"):
            qconv.convolve(IMAGE * 1j, GAUSSIAN, method=method)
    distributed = pytest.importorskip("qconv.distributed")
    da = pytest.importorskip("dask.array")
    method = qconv.Blocks(METHODS[0], "overlap-save", 10)
    with pytest.raises(ValueError, match="method: expected preparation='exact' for a Dask array"):
        distributed.convolve(da.from_array(IMAGE), GAUSSIAN, method=method)
