"""One number of a filtered picture: exact expectations, honest errors, and what is rejected.

With ``n`` seeds, the mean of z^2 has a standard deviation of ``sqrt(2 / n)``; limits are four of
these, so that a test fails by chance once in 16,000 runs.
"""

import itertools

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import classical
import qconv

LINEAR = (qconv.Collapse(), qconv.Collapse(baseline=True), qconv.Diffusion())
APPROXIMATE = qconv.ApproximatePreparation(two_qubit_gates=20)
COHERENT = (qconv.Fourier(), qconv.Interference())
BOUNDARIES = ("fill", "wrap", "symm", "mirror", "nearest")
IMAGE = np.random.default_rng(1).integers(0, 9, (6, 5)).astype(float)
KERNEL = np.array([[1, -2.0], [0.5, 1]])


def asked(picture, rng):
    """Observables of a picture, with their classical values."""
    region = tuple(slice(int(rng.integers(0, n // 2 + 1)), n) for n in picture.shape)
    mask = rng.random(picture.shape) < 0.5
    mask.flat[0] = True
    weights = rng.normal(size=picture.shape)
    return [
        (qconv.Energy(), classical.energy(picture)),
        (qconv.Energy(region), classical.energy(picture, region)),
        (qconv.Energy(mask), classical.energy(picture, mask)),
        (qconv.Total(), classical.total(picture)),
        (qconv.Total(mask), classical.total(picture, mask)),
        (qconv.Mean(region), classical.mean(picture, region)),
        (qconv.Overlap(weights), classical.overlap(picture, weights)),
    ]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", [*LINEAR, *COHERENT], ids=repr)
def test_exact_expectations(method, mode, boundary):
    """105 observables of each method, 525 in total."""
    rng = np.random.default_rng(2)
    picture = classical.convolve(IMAGE, KERNEL, mode=mode, boundary=boundary)
    scale = np.abs(IMAGE).max() * np.abs(KERNEL).sum()
    for observable, expected in asked(picture, rng):
        if observable.quadratic and method in LINEAR:
            continue
        found = qconv.estimate(IMAGE, KERNEL, observable, mode, boundary, method=method, shots=None)
        power = 2 if observable.quadratic else 1
        size = float(np.abs(observable.weights(picture.shape)).sum()) * scale**power
        assert abs(found.value - expected) <= 1e-10 * size
        assert found.stderr == 0
        assert found.executions == 0


@pytest.mark.parametrize("values_of", ["global", "local"])
@pytest.mark.parametrize("sides", [(6, 5), (4, 4)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_one_angle_for_all_positions(mode, sides, values_of):
    """150 observables; full results with boundary wrap repeat pixels."""
    rng = np.random.default_rng(2)
    image, scale = IMAGE[: sides[0], : sides[1]], np.abs(IMAGE).max() * np.abs(KERNEL).sum()
    for boundary in BOUNDARIES:
        picture = classical.convolve(image, KERNEL, mode=mode, boundary=boundary)
        for observable, expected in asked(picture, rng)[3:]:
            method = qconv.AmplitudeEstimation(range=values_of)
            where = {"mode": mode, "boundary": boundary, "method": method, "shots": None}
            found = qconv.estimate(image, KERNEL, observable, **where)
            size = float(np.abs(observable.weights(picture.shape)).sum()) * scale
            assert abs(found.value - expected) <= 1e-10 * size


@pytest.mark.parametrize("shape", [(8,), (7,), (3, 4, 2)])
@pytest.mark.parametrize("method", [*LINEAR, *COHERENT], ids=repr)
def test_signals_and_volumes(method, shape):
    rng = np.random.default_rng(3)
    image, kernel = rng.random(shape), rng.normal(size=(2,) * len(shape))
    picture = classical.convolve(image, kernel)
    observable = qconv.Energy() if method in COHERENT else qconv.Total()
    expected = classical.energy(picture) if method in COHERENT else classical.total(picture)
    found = qconv.estimate(image, kernel, observable, method=method, shots=None)
    assert np.isclose(found.value, expected, rtol=1e-10)


@pytest.mark.parametrize("shape", [(16,), (8, 4), (4, 2, 8)])
@pytest.mark.parametrize("complex_numbers", [False, True])
def test_bands(shape, complex_numbers):
    rng = np.random.default_rng(6)
    image, kernel = rng.normal(size=shape), rng.normal(size=(2,) * len(shape))
    if complex_numbers:
        image = image + 1j * rng.normal(size=shape)
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier()}
    picture = qconv.convolve(image, kernel, shots=None, **where).image
    for low, high in ((0, 1), (1, 2.5), (0, 100)):
        band = qconv.Band(low, high)
        exact = qconv.estimate(image, kernel, band, shots=None, **where).value
        assert np.isclose(exact, classical.band_energy(picture, low, high), rtol=1e-10)
    found = qconv.estimate(
        image, kernel, qconv.Band(0, 1), estimator="amplitude", shots=3000, seed=1, **where
    )
    expected = classical.band_energy(picture, 0, 1)
    assert abs(found.value - expected) < 6 * found.stderr + 1e-10 * expected


@pytest.mark.parametrize("method", COHERENT, ids=repr)
def test_energies_of_complex_pictures(method):
    rng = np.random.default_rng(4)
    image, kernel = (rng.normal(size=n) + 1j * rng.normal(size=n) for n in (8, 3))
    expected = classical.energy(np.convolve(image, kernel))
    found = qconv.estimate(image, kernel, qconv.Energy(), method=method, shots=None)
    assert np.isclose(found.value, expected, rtol=1e-10)


@pytest.mark.parametrize("real", ["image", "kernel", "weights", "none"])
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("method", [*LINEAR[:2], *COHERENT, qconv.AmplitudeEstimation()], ids=repr)
def test_sums_of_complex_pictures(method, boundary, real):
    rng = np.random.default_rng(8)
    kinds = ("image", (5, 4)), ("kernel", (2, 3)), ("weights", (5, 4))
    arrays = {name: rng.normal(size=n) + 1j * rng.normal(size=n) for name, n in kinds}
    arrays |= {name: array.real for name, array in arrays.items() if name == real}
    image, kernel, weights = arrays.values()
    where = {"mode": "same", "boundary": boundary, "method": method, "shots": None}
    picture = qconv.convolve(image, kernel, **where).image
    mask = weights.real > 0
    for observable, expected in (
        (qconv.Overlap(weights), classical.overlap(picture, weights)),
        (qconv.Mean(mask), classical.mean(picture, mask)),
    ):
        found = qconv.estimate(image, kernel, observable, **where)
        assert abs(found.value - expected) <= 1e-10 * np.abs(picture).sum()


SAMPLED = [
    *itertools.product([qconv.Collapse(), qconv.Diffusion()], [qconv.Mean((slice(1, 3),))]),
    *itertools.product([qconv.Collapse(baseline=True)], [qconv.Overlap(IMAGE - 4)]),
    *itertools.product(COHERENT, [qconv.Energy((slice(0, 4),)), qconv.Total()]),
]


def scores(count, observable, **where):
    """Return z scores of ``count`` seeds, and the mean of value times calls."""
    where |= {"mode": "same", "boundary": "wrap"}
    exact = qconv.estimate(IMAGE, KERNEL, observable, **{**where, "shots": None}).value
    found = [qconv.estimate(IMAGE, KERNEL, observable, seed=seed, **where) for seed in range(count)]
    return np.array([(one.value - exact) / one.stderr for one in found])


@pytest.mark.slow
@pytest.mark.parametrize(("method", "observable"), SAMPLED, ids=repr)
def test_standard_errors_of_samples(method, observable):
    z = scores(150, observable, method=method, shots=3000)
    assert abs(np.mean(z**2) - 1) < 4 * np.sqrt(2 / 150) + 0.02
    assert abs(np.mean(z)) < 4 / np.sqrt(150)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["amplitude", "schedule"])
def test_standard_errors_of_amplitudes(estimator):
    count = 60
    z = scores(count, qconv.Energy(), method=qconv.Fourier(), estimator=estimator, shots=1500)
    assert 0.8 - 4 * 0.8 * np.sqrt(2 / count) < np.mean(z**2) < 1.05 + 4 * np.sqrt(2 / count)
    assert np.abs(z).max() < 8


CASES = [
    (qconv.Fourier(), qconv.Energy(), KERNEL),
    (qconv.Interference(), qconv.Energy((slice(1, 4), slice(0, 3))), KERNEL),
    (qconv.Fourier(), qconv.Energy(IMAGE > 4), KERNEL),
    (qconv.Diffusion(), qconv.Mean((slice(1, 4), slice(0, 3))), np.abs(KERNEL)),
    (qconv.Diffusion(steps=2), qconv.Total(IMAGE > 4), np.abs(KERNEL)),
    (qconv.Diffusion(adder="ripple"), qconv.Total(IMAGE > 4), np.ones((2, 3))),
    (qconv.AmplitudeEstimation(), qconv.Overlap(IMAGE - 4), KERNEL),
    (qconv.Fourier(), qconv.Total(), KERNEL),
    (qconv.Interference(), qconv.Overlap(4 - IMAGE), KERNEL),
]


@pytest.mark.parametrize(("method", "observable", "kernel"), CASES, ids=repr)
def test_amplitudes_need_fewer_calls(method, observable, kernel):
    where = {"mode": "same", "method": method}
    kernel = qconv.Propagator.from_kernel(kernel)
    exact = qconv.estimate(IMAGE, kernel, observable, shots=None, **where).value
    found = qconv.estimate(
        IMAGE, kernel, observable, estimator="amplitude", shots=20_000, seed=1, **where
    )
    sampled = qconv.estimate(IMAGE, kernel, observable, shots=20_000, seed=1, **where)
    assert found.oracle_calls <= 20_000
    assert abs(found.value - exact) < 6 * found.stderr
    assert found.stderr < sampled.stderr / 10


@pytest.mark.parametrize("estimator", ["sampling", "amplitude", "schedule"])
def test_tolerance(estimator):
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier()}
    exact = qconv.estimate(IMAGE, KERNEL, qconv.Energy(), shots=None, **where).value
    for tolerance in (0.03 * exact, ("relative", 0.03)):
        found = [
            qconv.estimate(
                IMAGE,
                KERNEL,
                qconv.Energy(),
                estimator=estimator,
                tolerance=tolerance,
                seed=seed,
                **where,
            )
            for seed in range(12)
        ]
        assert 0.015 < np.median([one.stderr for one in found]) / exact < 0.04


def test_images_that_leave_nothing():
    for observable in (qconv.Energy(), qconv.Total()):
        for image in (np.zeros(4), np.ones(4)):
            found = qconv.estimate(
                image, [1, -1], observable, "same", "wrap", method=qconv.Fourier(), seed=1
            )
            assert (found.value, found.stderr) == (0, 0)
    found = qconv.estimate(np.zeros(4), [1, 1], qconv.Total(), method=qconv.Diffusion())
    assert found.value == 0


def noisy():
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    return AerSimulator(noise_model=noise)


def test_backends():
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Diffusion(), "seed": 1}
    observable = qconv.Mean(slice(0, 2))
    exact = qconv.estimate([1, 2, 3, 4], [1, 1], observable, **{**where, "shots": None}).value
    found = qconv.estimate([1, 2, 3, 4], [1, 1], observable, backend=noisy(), **where)
    assert abs(found.value / exact - 1) < 0.2
    with pytest.raises(ValueError, match="a noisy backend, got 'amplitude'"):
        qconv.estimate(
            [1, 2, 3, 4], [1, 1], observable, backend=noisy(), estimator="amplitude", **where
        )


def misread():
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.08, 0.92]]))
    return AerSimulator(noise_model=noise)


MITIGATED = [
    (qconv.Collapse(), qconv.Mean((slice(1, 3),))),
    (qconv.Collapse(baseline=True), qconv.Overlap(IMAGE[:4, :4] - 4)),
    (qconv.Diffusion(), qconv.Total((slice(0, 3),))),
    (qconv.Fourier(), qconv.Energy((slice(0, 2),))),
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "observable"), MITIGATED, ids=str)
def test_readout_errors_are_corrected(method, observable):
    """With 12 seeds, the mean of z^2 exceeds 3.3 once in 10,000."""
    where = {"mode": "same", "boundary": "wrap", "method": method}
    image, how = IMAGE[:4, :4], {"backend": misread(), "mitigation": "readout"}
    exact = qconv.estimate(image, KERNEL, observable, shots=None, **where).value
    corrected = qconv.estimate(image, KERNEL, observable, shots=None, **how, **where).value
    assert np.isclose(corrected, exact)
    found = [
        qconv.estimate(image, KERNEL, observable, shots=2000, seed=seed, **how, **where)
        for seed in range(12)
    ]
    assert np.mean([((one.value - exact) / one.stderr) ** 2 for one in found]) < 3.3
    error = found[0].stderr / 1.5
    reached = qconv.estimate(image, KERNEL, observable, tolerance=error, seed=1, **how, **where)
    assert reached.stderr < 1.1 * error


def test_damping_is_fitted():
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Diffusion()}
    exact = qconv.estimate([1, 5, 2, 7], [1, 1], qconv.Total(slice(0, 2)), shots=None, **where)
    where |= {"estimator": "schedule", "seed": 1, "shots": 600}
    found = qconv.estimate([1, 5, 2, 7], [1, 1], qconv.Total(slice(0, 2)), backend=noisy(), **where)
    assert abs(found.value - exact.value) < 5 * found.stderr
    assert found.oracle_calls <= 600
    assert found.reliable or "reliable          no" in str(found)


@pytest.mark.parametrize(
    ("observable", "method", "more", "message"),
    [
        (
            qconv.Energy(),
            qconv.Collapse(),
            {},
            "observable: expected a linear observable for Collapse",
        ),
        (
            qconv.Energy(),
            qconv.Diffusion(),
            {},
            "observable: expected a linear observable for Diffusion",
        ),
        (qconv.Band(1, 2), qconv.Interference(), {}, r"expected qconv.Fourier\(\) for a Band"),
        (qconv.Band(1, 2), qconv.Fourier(), {}, "sides that are powers of two"),
        (qconv.Band(1, 2), qconv.Collapse(), {}, "expected a linear observable"),
        (qconv.Total(), qconv.Fourier(signed=False), {}, "signed=True"),
        (qconv.Total(), qconv.Fourier(amplify=1), {}, "amplify=0"),
        (
            qconv.Energy(),
            qconv.AmplitudeEstimation(),
            {},
            "a linear observable for AmplitudeEstimation",
        ),
        (qconv.Total(), qconv.Blocks(qconv.Diffusion(), qubits=9), {}, "one circuit for the pict"),
        (qconv.Energy(), qconv.Fourier(preparation=APPROXIMATE), {}, "preparation: expected"),
        (qconv.Total(), qconv.Diffusion(preparation=APPROXIMATE), {}, "preparation: expected"),
        (qconv.Total(), qconv.Diffusion(adder="classical"), {}, "adder: expected an adder"),
        ("energy", qconv.Fourier(), {}, "observable: expected an object like"),
        (qconv.Total(), qconv.Collapse(), {"estimator": "amplitude"}, "qconv.Diffusion"),
        (
            qconv.Overlap(IMAGE),
            qconv.Diffusion(),
            {"estimator": "amplitude", "mode": "same"},
            "different scores",
        ),
        (qconv.Total(), qconv.Diffusion(), {"estimator": "best"}, "estimator: expected"),
        (
            qconv.Total(),
            qconv.Diffusion(),
            {"mitigation": "readout", "estimator": "schedule"},
            "mitigation: expected estimator='sampling'",
        ),
        (qconv.Total(), qconv.Diffusion(), {"tolerance": ("rms", 1)}, "'relative'"),
        (qconv.Total(), qconv.Diffusion(), {"tolerance": ("relative", 0)}, "above 0"),
        (qconv.Total(), qconv.Diffusion(), {"tolerance": 1e-9}, "tolerance: needs"),
    ],
)
def test_what_is_rejected(observable, method, more, message):
    with pytest.raises((TypeError, ValueError), match=message):
        qconv.estimate(IMAGE, KERNEL, observable, method=method, **more)
