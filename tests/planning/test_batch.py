"""Colours and stacks: batches whose elements are convolved separately with one kernel."""

import itertools
import warnings

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

import classical
import qconv
from tests.cases import BOUNDARIES, EDGE, MODES, close, random_integers
from tests.planning.test_own_method import Pairs

KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
METHODS = [
    qconv.Collapse(),
    qconv.Collapse(baseline=True),
    qconv.Diffusion(),
    qconv.Interference(),
    qconv.Fourier(),
    qconv.AmplitudeEstimation(),
    qconv.Blocks(qconv.Fourier(), "overlap-save", 10),
    Pairs(),
]
NAMES = {"ids": lambda value: value if isinstance(value, str) else type(value).__name__}


def each(image, kernel, axes, ours=classical.convolve, **where):
    """Convolve every element of a batch separately."""
    batch = [axis for axis in range(image.ndim) if axis not in axes]
    first = np.moveaxis(image, batch, range(len(batch)))
    shape = first.shape[: len(batch)]
    flat = [ours(part, kernel, **where) for part in first.reshape(-1, *first.shape[len(batch) :])]
    whole = np.stack(flat).reshape(*shape, *flat[0].shape)
    return np.moveaxis(whole, range(len(batch)), batch)


def positive(shape, seed=1):
    return np.abs(random_integers(shape, seed)) + 1.0


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS, **NAMES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_exact(method, mode, boundary):
    """Any channel axis, with the kernel larger or smaller than the elements."""
    where = {"mode": mode, "boundary": boundary}
    verbs = [(qconv.convolve, classical.convolve)] * 6 + [(qconv.correlate, classical.correlate)]
    places = [*itertools.product((0, 1, -1), ((5, 6), (2, 2))), (0, (5, 6))]
    for (channel_axis, size), (ours, reference) in zip(places, verbs, strict=True):
        image = positive(np.insert(size, channel_axis % 3, 3))
        axes = [axis for axis in range(3) if axis != channel_axis % 3]
        result = ours(image, KERNEL, method=method, shots=None, channel_axis=channel_axis, **where)
        close(result.image, each(image, KERNEL, axes, reference, **where), rtol=1e-9)
        assert (result.stderr == 0).all()
        assert result.channel_axis == channel_axis % 3
        assert result.shots is None


@pytest.mark.parametrize(
    ("method", "most"), [(qconv.Collapse(baseline=True), 5), (qconv.Fourier(), 3)], **NAMES
)
def test_axes_as_in_scipy(method, most):
    """Any axes of up to five are convolved, as ``scipy.signal.fftconvolve`` does."""
    from scipy.signal import fftconvolve

    for ndim in range(2, most + 1):
        image = positive((2, 3, 4, 1, 2)[:ndim], ndim)
        for count in range(1, min(3, ndim) + 1):
            for axes in itertools.combinations(range(ndim), count):
                kernel = random_integers((2, 1, 3)[:count], count)
                wide = np.ones(ndim, dtype=int)
                wide[list(axes)] = kernel.shape
                expected = fftconvolve(image, kernel.reshape(wide), axes=axes)
                for given in (kernel, kernel.reshape(wide), qconv.Propagator.from_kernel(kernel)):
                    result = qconv.convolve(image, given, method=method, shots=None, axes=axes)
                    close(result.image, expected, rtol=1e-9)
                    assert result.channel_axis is None


def test_one_axis_may_be_a_number():
    image = positive((3, 7))
    result = qconv.convolve(image, [1, 2], shots=None, axes=1)
    close(result.image, each(image, [1, 2], [1]))
    close(qconv.convolve(image, [1, 2], shots=None, axes=-1, channel_axis=0).image, result.image)


@pytest.mark.slow
@pytest.mark.parametrize("backend", [None, AerSimulator()], ids=["ideal", "Aer"])
@pytest.mark.parametrize("method", METHODS, **NAMES)
def test_sampled(method, backend):
    """Every pixel within 6.5 standard errors (a false alarm in 1e8), in every channel."""
    image = positive((6, 5, 2)) + 4
    plan = qconv.plan(
        image, KERNEL, method=method, shots=4000, seed=1, backend=backend, mode="same",
        channel_axis=-1,
    )  # fmt: skip
    assert len(plan.executions) == len(plan.circuits)
    result = plan.run()
    exact = each(image, KERNEL, [0, 1], mode="same")
    seen = result.stderr > 0
    assert seen.any()
    assert (np.abs(result.image - exact) <= 6.5 * result.stderr + 1e-9)[seen].all()
    assert result.shots == 4000
    assert result.total_shots == sum(plan.executions)


def test_one_set_of_circuits_for_all_channels():
    image = positive((6, 5, 4))
    assert len(qconv.plan(image, EDGE, method=qconv.Collapse(), channel_axis=-1).circuits) == 1
    plan = qconv.plan(image, EDGE, method=qconv.Fourier(), channel_axis=-1, shots=10)
    assert len(plan.circuits) == 4
    assert plan.cost.circuits == 4
    assert plan.cost.executions == 10 * plan.grid.pixels


@pytest.mark.parametrize("method", [m for m in METHODS if m != Pairs()], **NAMES)
def test_equal_channels_have_independent_errors(method):
    """The correlation of n errors is within 6 / sqrt(n) of 0: a false alarm in 5e8."""
    image = np.repeat(positive((24, 24, 1)) + 5, 2, axis=2)
    result = qconv.convolve(
        image, KERNEL, method=method, shots=300, seed=2, mode="same", channel_axis=2
    )
    errors = result.image - each(image, KERNEL, [0, 1], mode="same")
    scores = (errors / np.where(result.stderr > 0, result.stderr, 1)).reshape(-1, 2)
    assert abs(np.corrcoef(scores.T)[0, 1]) < 6 / np.sqrt(len(scores))


@pytest.mark.parametrize("method", METHODS, **NAMES)
def test_saved_added_and_indexed(method, tmp_path):
    image = positive((5, 4, 2)) + 2
    where = {"method": method, "shots": 100, "mode": "same", "channel_axis": -1}
    one, two = (qconv.convolve(image, KERNEL, seed=seed, **where) for seed in (1, 2))
    one.save(tmp_path / "one.npz")
    loaded = qconv.load(tmp_path / "one.npz")
    both = loaded + two
    assert loaded.channel_axis == both.channel_axis == 2
    assert both.shots == 200
    assert both.image.tobytes() == (one + two).image.tobytes()
    for index in (np.s_[..., 0], np.s_[:, :, 1:], np.s_[1, :, :], np.s_[None, :, ::-1, ::-1]):
        part = one[index]
        assert part.image.tobytes() == one.image[index].tobytes()
        np.testing.assert_allclose((part + two[index]).image, both.image[index], rtol=1e-12)
    assert one[..., 0].channel_axis is None
    assert one[1].channel_axis == 1
    assert one[None, ..., ::-1].channel_axis == 3
    if one.diagnostics is not None and method != Pairs():
        for name in ("counts", "reliable"):
            if hasattr(one.diagnostics, name):
                assert getattr(one.diagnostics, name).shape == image.shape


@pytest.mark.parametrize("method", METHODS, **NAMES)
def test_checkpoint(method, tmp_path):
    image = positive((5, 4, 2)) + 2
    where = {"method": method, "mode": "same", "channel_axis": -1, "seed": 7}
    path = tmp_path / "kept.npz"
    first = qconv.convolve(image, KERNEL, shots=100, checkpoint=path, **where)
    again = qconv.convolve(image, KERNEL, shots=100, checkpoint=path, **where)
    assert again.image.tobytes() == first.image.tobytes()
    plain = qconv.convolve(image, KERNEL, shots=100, **where)
    assert plain.image.tobytes() == first.image.tobytes()
    more = qconv.convolve(image, KERNEL, shots=300, checkpoint=path, **where)
    assert more.shots == 300
    assert more.channel_axis == 2


def test_an_interrupted_batch_is_resumed(tmp_path, monkeypatch):
    """The second call runs no job again, and is bit-identical to an uninterrupted call."""
    from qconv.execution.device import jobs

    image = positive((4, 4, 3)) + 2
    where = {"method": qconv.Diffusion(), "mode": "same", "channel_axis": -1, "seed": 7}
    where |= {"shots": 50, "backend": AerSimulator()}
    plain = qconv.convolve(image, KERNEL, **where)
    ran, original = [], jobs.measured_counts

    def failing(*given, **more):
        ran.append(given)
        if len(ran) == 3:
            raise RuntimeError("the device is gone")
        return original(*given, **more)

    monkeypatch.setattr("qconv.execution.run.measured_counts", failing)
    path = tmp_path / "kept.npz"
    with pytest.raises(RuntimeError, match="repeat the call to resume"):
        qconv.convolve(image, KERNEL, checkpoint=path, **where)
    resumed = qconv.convolve(image, KERNEL, checkpoint=path, **where)
    assert resumed.image.tobytes() == plain.image.tobytes()


@pytest.mark.parametrize("method", METHODS, **NAMES)
def test_a_tolerance_holds_for_every_element(method):
    image = positive((4, 3, 2)) * [1.0, 9.0] + 4
    error = 30.0 if method == qconv.AmplitudeEstimation() else 5.0
    where = {"method": method, "mode": "same", "tolerance": error}
    plan = qconv.plan(image, KERNEL, channel_axis=-1, **where)
    stderr = plan.prepared.predict().stderr
    assert stderr.max() <= error * (1 + 1e-9)
    single = [qconv.plan(image[..., c], KERNEL, **where) for c in (0, 1)]
    executions = sum(sum(each.executions) for each in single)
    assert sum(plan.executions) == executions
    with warnings.catch_warnings():  # a slight shortfall depends on NumPy's rounding
        warnings.simplefilter("ignore", RuntimeWarning)
        result = plan.run()
    assert executions <= result.total_shots <= 8 * executions  # the limit of further rounds


def test_noise_has_a_bias():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.06, 0.94]]))
    backend = AerSimulator(noise_model=noise)
    image = positive((2, 3, 2))
    where = {"shots": 500, "backend": backend, "seed": 1, "mode": "same"}
    for method in (qconv.Collapse(), qconv.Diffusion()):
        for mitigation in (None, "readout"):
            result = qconv.convolve(
                image, KERNEL, method=method, channel_axis=-1, mitigation=mitigation, **where
            )
            assert result.bias.shape == image.shape
            alone = qconv.convolve(image[..., 1], KERNEL, method=method, **where)
            if mitigation is None:
                close(result.bias[..., 1], alone.bias, rtol=1e-9)


def test_counts_are_decoded():
    image = positive((3, 4, 2))
    plan = qconv.plan(
        image, KERNEL, method=qconv.Diffusion(), shots=2000, seed=1, mode="same", channel_axis=-1
    )
    sampler = StatevectorSampler(seed=np.random.default_rng(2))
    counts = sampler.run(
        [(c, None, n) for c, n in zip(plan.circuits, plan.executions, strict=True)]
    ).result()
    result = plan.decode(counts)
    exact = each(image, KERNEL, [0, 1], mode="same")
    assert (np.abs(result.image - exact) < 6.5 * result.stderr + 1e-9).all()


def test_an_empty_channel():
    image = positive((4, 4, 2)) * [1.0, 0.0]
    with pytest.warns(RuntimeWarning, match="zero everywhere"):
        result = qconv.convolve(image, KERNEL, method=qconv.Fourier(), shots=10, channel_axis=-1)
    assert (result.image[..., 1] == 0).all()
    assert result.circuits


def test_costs_are_compared():
    image = positive((4, 3, 3))
    methods = [qconv.Collapse(), qconv.Fourier(), Pairs()]
    for given in ({"tolerance": 9.0}, {"executions": 30000}):
        found = qconv.compare_methods(image, EDGE, methods=methods, channel_axis=-1, **given)
        assert all(row.possible for row in found.rows)
    assert all(29000 < row.cost.executions < 31000 for row in found.rows)


WRONG = {
    "out of range": ({"channel_axis": 3}, "channel_axis: expected an axis from -3 to 2"),
    "negative": ({"channel_axis": -4}, "channel_axis: expected an integer >= -3, got -4"),
    "convolved": (
        {"channel_axis": 1, "axes": (0, 1)},
        r"channel_axis: expected an axis that is not convolved, got 1 and axes=\(0, 1\)",
    ),
    "order": ({"axes": (1, 0)}, "axes: expected different axes in ascending order"),
    "repeated": ({"axes": (0, -3)}, "axes: expected different axes in ascending order"),
    "none": ({"axes": ()}, "axes: expected 1, 2 or 3 axes, got 0"),
    "kernel": ({"axes": 0}, "kernel: expected one axis for each convolved axis, 1 in all, got 2"),
    "colours": ({}, r"got 2 \(shape \(2, 3\)\); for a colour image, add channel_axis=-1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_axes(name):
    given, message = WRONG[name]
    for verb in (qconv.convolve, qconv.correlate):
        with pytest.raises(ValueError, match=message):
            verb(positive((5, 6, 3)), KERNEL, **given)


def test_other_wrong_arguments():
    image = positive((5, 6, 3))
    with pytest.raises(TypeError, match=r"channel_axis: expected an integer >= -3, got 1\.5"):
        qconv.convolve(image, KERNEL, channel_axis=1.5)
    with pytest.raises(ValueError, match=r"length 1 along axis 2.*\(for one kernel per channel"):
        qconv.convolve(image, np.ones((2, 3, 3)), channel_axis=-1)
    with pytest.raises(ValueError, match=r"for a stack of images, add axes=\(1, 2\)"):
        qconv.convolve(positive((5, 6, 7)), KERNEL)
    with pytest.raises(ValueError, match=r"besides the channels, got 4 .*; axes=\(\.\.\.\)"):
        qconv.convolve(positive((2,) * 5), KERNEL, channel_axis=0)
    with pytest.raises(TypeError, match="complex"):
        qconv.convolve(image * 1j, KERNEL, method=qconv.Diffusion(), channel_axis=-1)
    with pytest.raises(ValueError, match="expected values >= 0"):
        qconv.convolve(-image, KERNEL, method=qconv.Diffusion(), channel_axis=-1)


@pytest.mark.parametrize("method", [m for m in METHODS if not m.kernel_only], **NAMES)
def test_an_element_is_a_plan_of_its_own(method):
    """With the same seed, it is bit-identical to the batch, also if the filter is shared."""
    image = positive((5, 4, 3))
    where = {"method": method, "shots": 60, "mode": "same", "seed": 3, "channel_axis": 1}
    plan = qconv.plan(image, KERNEL, **where)
    whole = plan.run()
    for number in range(4):
        single = plan.prepared.element(number).plan.run()
        assert single.image.tobytes() == whole.image[:, number].tobytes()
        assert single.stderr.tobytes() == whole.stderr[:, number].tobytes()


def test_a_picture_of_pillow():
    image = positive((5, 4, 3)).astype(np.uint8)
    where = {"shots": 50, "mode": "same", "seed": 3, "channel_axis": -1}
    picture = pytest.importorskip("PIL.Image").fromarray(image)
    seen, expected = (qconv.convolve(given, KERNEL, **where) for given in (picture, image))
    assert seen.image.tobytes() == expected.image.tobytes()


def test_a_tensor_of_torch():
    torch = pytest.importorskip("torch")
    image = positive((3, 5, 4))
    where = {"shots": 50, "mode": "same", "seed": 3, "channel_axis": 0}
    given = (torch.from_numpy(image), image)
    seen, expected = (qconv.convolve(each, KERNEL, **where) for each in given)
    assert seen.image.tobytes() == expected.image.tobytes()


@pytest.mark.parametrize(
    "method", [qconv.Collapse(), qconv.Fourier(), qconv.Blocks(qconv.Interference(), qubits=12)]
)
def test_complex_numbers(method, tmp_path):
    """Real and imaginary parts within 6.5 standard errors: a false alarm in 1e8."""
    rng = np.random.default_rng(5)
    image, kernel = rng.normal(size=(2, 5, 4, 3)), rng.normal(size=(2, 2, 3))
    image, kernel = image[0] + 1j * image[1], kernel[0] + 1j * kernel[1]
    where = {"method": method, "channel_axis": -1}
    for verb, reference in (
        (qconv.convolve, classical.convolve),
        (qconv.correlate, classical.correlate),
    ):
        exact = each(image, kernel, [0, 1], reference)
        np.testing.assert_array_equal(reference(image, kernel, channel_axis=-1), exact)
        np.testing.assert_allclose(verb(image, kernel, shots=None, **where).image, exact, atol=1e-9)
        one, two = (verb(image, kernel, shots=3000, seed=seed, **where) for seed in (1, 2))
        errors, stderr = one.image - exact, one.stderr
        for part, own in ((errors.real, stderr.real), (errors.imag, stderr.imag)):
            assert (np.abs(part) < 6.5 * own).all()
        one.save(tmp_path / "one.npz")
        both = qconv.load(tmp_path / "one.npz") + two
        np.testing.assert_array_equal(both.image, (one + two).image)
        assert both.magnitude().channel_axis == both[..., 1:].phase().channel_axis == 2
