"""Mirrored axes: boundary symm by one more qubit per axis, without a margin."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from qiskit import transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator

import classical
import qconv
from qconv.grid import plan_grid
from qconv.methods.whole_image.register_layout import RegisterLayout, mirrored_axes

GAUSSIAN, LAPLACIAN = map(qconv.named_kernel, ("gaussian", "laplacian"))
WHERE = {"mode": "same", "boundary": "symm"}
IMAGE = np.random.default_rng(0).random((8, 4)) + 0.1

METHODS = [
    qconv.Diffusion(),
    qconv.Diffusion(adder="classical"),
    qconv.Diffusion(adder="ripple", steps=2),
    qconv.Interference(),
    qconv.Interference(signed=False, adder="fourier"),
    qconv.Interference(amplify=1),
    qconv.Interference(amplify=1, read_out="root"),
    qconv.Fourier(),
    qconv.Fourier(signed=False),
    qconv.Fourier(amplify=1),
    qconv.Fourier(amplify=1, read_out="root"),
]


def repeated(kernel, method):
    """Return the kernel of all steps of a method."""
    steps = method.steps if isinstance(method, qconv.Diffusion) else 1
    return kernel if steps == 1 else classical.convolve(kernel, kernel, "full")


def registers(method, kernel=GAUSSIAN, image=IMAGE, **options):
    plan = qconv.plan(image, kernel, method=method, shots=1, **WHERE | options)
    return [register.name for register in plan.circuits[0].qregs]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("kernel", [GAUSSIAN, LAPLACIAN], ids=["gaussian", "laplacian"])
def test_exact(method, kernel):
    exact = classical.convolve(IMAGE, repeated(kernel, method), **WHERE)
    result = qconv.convolve(IMAGE, kernel, method=method, shots=None, **WHERE)
    wanted = exact if getattr(method, "signed", True) else np.abs(exact)
    np.testing.assert_allclose(result.image, wanted, rtol=0, atol=1e-10)
    if isinstance(method, qconv.Diffusion):
        assert result.expected_success == pytest.approx(1)  # no particle is lost
    else:
        square = np.sum(exact**2) / np.sum(IMAGE**2) / np.abs(kernel).sum() ** 2
        assert method.amplify or result.expected_success == pytest.approx(square)


@pytest.mark.parametrize("method", [METHODS[number] for number in (0, 1, 3, 7)], ids=repr)
def test_standard_errors(method):
    """The sum of z^2 over 32 pixels and 10 seeds; false-alarm rate 1e-6 for independent pixels."""
    exact = classical.convolve(IMAGE, LAPLACIAN, **WHERE)
    how = {"method": method, "shots": 1000, **WHERE}
    squares = []
    for seed in range(10):
        result = qconv.convolve(IMAGE, LAPLACIAN, seed=seed, **how)
        squares.append((result.image - exact) ** 2 / result.stderr**2)
    assert np.mean(squares) == pytest.approx(1, abs=4.9 * np.sqrt(2 / np.size(squares)))


@pytest.mark.parametrize("method", [*METHODS[:5], *METHODS[7:9]], ids=repr)
def test_loading_bias(method):
    image = IMAGE[:4, :2] + 1
    few = qconv.ApproximatePreparation(two_qubit_gates=1)
    how = {"method": replace(method, preparation=few), **WHERE}
    with warnings.catch_warnings():  # so few gates that no edges remain
        warnings.simplefilter("ignore", RuntimeWarning)
        result = qconv.convolve(image, GAUSSIAN, shots=None, **how)
    exact = classical.convolve(image, repeated(GAUSSIAN, method), **WHERE)
    assert np.abs(result.loading_bias).max() > 1e-3
    np.testing.assert_allclose(result.image - result.loading_bias, exact, rtol=0, atol=1e-10)


def test_mirrored_qubits():
    assert registers(METHODS[0])[2:4] == ["mirror_column", "mirror_row"]
    assert registers(METHODS[3])[2:5] == ["reference", "mirror_column", "mirror_row"]
    assert "mirror_row" not in str(registers(METHODS[1]))  # added classically
    sobel = qconv.named_kernel("sobel-x")  # changes its sign along the columns
    assert "mirror_row" in registers(METHODS[0], sobel)
    assert "mirror_column" not in registers(METHODS[0], sobel)
    for kernel, options in [
        (GAUSSIAN, {"boundary": "wrap"}),
        (GAUSSIAN, {"mode": "full"}),
        (GAUSSIAN[:, :2], {}),
        (np.ones((11, 7)), {}),
        (GAUSSIAN, {"image": IMAGE[:7, :3]}),
        (GAUSSIAN, {"mitigation": "readout", "backend": AerSimulator()}),
    ]:
        named = registers(METHODS[0], kernel, **options)
        assert not [name for name in named if name.startswith("mirror_col")], options


@pytest.mark.parametrize("method", [METHODS[0], METHODS[4], METHODS[8]], ids=repr)
def test_fewer_gates_than_with_a_margin(method):
    """8 x 8 pixels and one CX per bit of the position, instead of 10 x 10 on 16 x 16 states."""
    image = np.random.default_rng(1).random((8, 8))
    cost = qconv.plan(image, GAUSSIAN, method=method, shots=1, **WHERE).cost
    where = {"mode": "valid", "method": method, "shots": 1}
    margin = qconv.plan(np.pad(image, 1, "symmetric"), GAUSSIAN, **where).cost
    reflecting = 6 * (method != qconv.Diffusion())
    assert cost.qubits == margin.qubits
    assert margin.filter_gates <= cost.filter_gates <= margin.filter_gates + reflecting
    assert cost.two_qubit_gates < margin.two_qubit_gates / 2


@pytest.mark.parametrize("method", [METHODS[0], METHODS[3], METHODS[7]], ids=repr)
@pytest.mark.parametrize("observable", [qconv.Total(np.s_[1:3]), qconv.Mean(np.s_[2:])], ids=repr)
def test_one_number(method, observable):
    exact = classical.convolve(IMAGE, GAUSSIAN, **WHERE)
    wanted = exact[1:3].sum() if isinstance(observable, qconv.Total) else exact[2:].mean()
    found = qconv.estimate(IMAGE, GAUSSIAN, observable, method=method, shots=10**6, seed=1, **WHERE)
    assert abs(found.value - wanted) < 5 * found.stderr  # false-alarm rate 6e-7
    assert found.stderr < 0.02 * wanted


@pytest.mark.parametrize("method", [METHODS[3], METHODS[7]], ids=repr)
def test_energy(method):
    exact = classical.convolve(IMAGE, LAPLACIAN, **WHERE)
    for estimator in ("sampling", "amplitude"):
        how = {"method": method, "estimator": estimator, "shots": 10**6, "seed": 1, **WHERE}
        found = qconv.estimate(IMAGE, LAPLACIAN, qconv.Energy(), **how)
        assert abs(found.value - np.sum(exact**2)) < 5 * found.stderr
        assert found.stderr < 0.02 * found.value


@pytest.mark.parametrize("method", [METHODS[2], METHODS[3], METHODS[7]], ids=repr)
@pytest.mark.parametrize("kernel", [[1, 2, 1], [1, -2, 1]], ids=str)
def test_gates_of_a_device(method, kernel):
    """Without simulator instructions: four pixels, 10^5 executions, all bits measured."""
    image = [3.0, 1, 4, 2]
    plan = qconv.plan(image, kernel, method=method, shots=10**5 // 4, seed=1, **WHERE).on_device()
    (circuit,) = plan.circuits
    counts = AerSimulator(seed_simulator=1).run(
        transpile(circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=0), shots=10**5
    )
    result = plan.decode([counts.result().get_counts()])
    exact = classical.convolve(image, repeated(kernel, method), **WHERE)
    assert np.max(np.abs(result.image - exact) / result.stderr) < 5.7  # false-alarm rate 1e-6


def test_noise():
    image = np.random.default_rng(2).random(4) + 0.2
    backend = AerSimulator.from_backend(GenericBackendV2(6, seed=1))
    how = {"method": qconv.Diffusion(), "shots": None, "backend": backend, **WHERE}
    result = qconv.convolve(image, [1, 2, 1], **how)
    exact = classical.convolve(image, [1, 2, 1], **WHERE)
    np.testing.assert_allclose(result.image - result.bias, exact, rtol=0, atol=1e-8)
    assert np.abs(result.bias).max() > 1e-3


@pytest.mark.parametrize("shape", [(4,), (2, 8), (4, 2, 2)])
def test_layout_folds_the_ring(shape):
    """Every displacement of every pixel follows the rule of the boundary."""
    kernel = np.ones((3,) * len(shape))
    grid = plan_grid(shape, kernel.shape, **WHERE)
    mirrored = mirrored_axes(grid, [kernel])
    assert mirrored == (True,) * len(shape)
    layout = RegisterLayout(grid, mirrored=mirrored)
    content = np.random.default_rng(3).random(shape)
    ring = layout.on_ring(content)
    assert ring.shape == layout.ring == tuple(2 * n for n in shape)
    for axis, n in enumerate(shape):
        displacements = np.arange(2 * n)[:, np.newaxis] * np.eye(len(shape), dtype=int)[axis]
        found = layout.places(displacements)[axis]
        for moved in range(2 * n):
            pixel = (np.arange(n) + moved - 1) % (2 * n)  # the margin is one pixel
            assert found[moved].tolist() == np.minimum(pixel, 2 * n - 1 - pixel).tolist()
    padded = np.pad(content, 1, "symmetric")
    moved = np.roll(ring, 2, range(len(shape)))  # by the highest number
    expected = padded[tuple(slice(0, n) for n in shape)]
    np.testing.assert_array_equal(layout.from_ring(moved), expected)


@pytest.mark.parametrize("method", [qconv.Fourier(), qconv.Interference()])
def test_amplified_sums_have_a_margin_instead(method):
    """Signed sums by amplitude estimation, within 6 standard errors (false alarms: about 1e-6)."""
    image = np.random.default_rng(0).integers(0, 9, (4, 8))
    kernel = np.array([[1, 2, 1], [2, -4, 2], [1, 2, 1]])
    weights = np.random.default_rng(1).normal(size=image.shape)
    exact = np.sum(weights * classical.convolve(image, kernel, **WHERE))
    found = qconv.estimate(
        *(image, kernel, qconv.Overlap(weights)),
        method=method,
        estimator="amplitude",
        seed=1,
        **WHERE,
    )
    assert abs(found.value - exact) < 6 * found.stderr
    assert found.stderr < 0.01 * np.abs(weights).sum() * np.abs(kernel).sum()
