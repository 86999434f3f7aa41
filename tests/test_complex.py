"""Complex images, kernels and transfer functions: exact values, errors, and related functions."""

import dask.array as da
import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from scipy import signal

import classical
import qconv
import qconv.distributed
from tests.cases import close
from tests.complex_cases import METHODS, check, check_filter, numbers

#: Methods whose results have a real and an imaginary part.
SIGNED = [name for name in METHODS if "magnitudes" not in name]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_random_cases(part):
    """tests/benchmarks/test_complex.py compares more than a thousand further cases."""
    assert sum(check(seed) is not None for seed in range(30 * part, 30 * (part + 1))) > 20
    for seed in range(10 * part, 10 * (part + 1)):
        check_filter(seed)


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", ["full", "same"])
@pytest.mark.parametrize("name", SIGNED)
def test_exact(name, mode, boundary):
    """The values are SciPy's, which conjugates the second input of a correlation."""
    for kinds in (("complex", "complex"), ("real", "complex"), ("complex", "real")):
        image, kernel = numbers((4, 5), 1, kinds[0]), numbers((3, 2), 2, kinds[1])
        value = 2 + 1j if boundary == "fill" else 0
        where = {"mode": mode, "boundary": boundary, "fillvalue": value}
        told = {"shots": None, "method": METHODS[name], **where}
        expected = signal.convolve2d(image, kernel, **where)
        result = qconv.convolve(image, kernel, **told)
        assert result.image.dtype == result.stderr.dtype == np.complex128
        close(result.image, expected)
        close(classical.convolve(image, kernel, **where), expected)
        expected = signal.correlate2d(image, kernel, **where)
        close(qconv.correlate(image, kernel, **told).image, expected)
        close(classical.correlate(image, kernel, **where), expected)


@pytest.mark.parametrize("shape", [(9,), (3, 4, 3)], ids=str)
@pytest.mark.parametrize("name", ["baseline", "fourier", "interference", "estimation"])
def test_one_and_three_axes(name, shape):
    image, kernel = numbers(shape, 3), numbers((2,) * len(shape), 4)
    expected = signal.convolve(image, kernel, method="direct")
    close(qconv.convolve(image, kernel, shots=None, method=METHODS[name]).image, expected)


@pytest.mark.parametrize("method", [qconv.Fourier(signed=False), qconv.Interference(signed=False)])
def test_magnitudes_alone(method):
    image, kernel = numbers((5, 6), 5), numbers((2, 2), 6)
    result = qconv.convolve(image, kernel, shots=None, method=method)
    assert result.image.dtype == np.float64
    assert result.covariance is None
    close(result.image, np.abs(signal.convolve2d(image, kernel)))


#: Shots per pixel, chosen such that each method has a few hundred counts per pixel.
SHOTS = {"estimation": 400, "estimation local": 400, "shared": 20000}


@pytest.mark.parametrize(
    "name", [name for name in SIGNED if name not in ("estimation local", "fourier padded")]
)
def test_errors_of_both_parts(name):
    """Mean of z^2 over 640 pixels: 1 within five of its standard deviations (rate 1e-6 each).

    If the shots are shared, all pixels of a run share the error, so the mean is over runs.
    """
    image, kernel = numbers((7, 7), 7), numbers((2, 2), 8)
    expected = signal.convolve2d(image, kernel)
    squares = []
    for seed in range(10):
        shots = SHOTS.get(name, 1500)
        result = qconv.convolve(image, kernel, shots=shots, seed=seed, method=METHODS[name])
        error = result.image - expected
        squares.append(
            [(error.real / result.stderr.real) ** 2, (error.imag / result.stderr.imag) ** 2]
        )
    squares = np.array(squares)
    if name == "shared":
        assert 0.3 < squares.mean() < 2.5  # one measured kernel per run: ten runs in all
        return
    freedom = squares[:, 0].size
    for part in (0, 1):
        assert abs(squares[:, part].mean() - 1) < 5 * np.sqrt(2 / freedom) + 0.03


def test_covariance_of_collapse():
    """Whitened by the stated covariance, both errors have chi-square with two degrees of freedom.

    640 pixels of one run and 20 runs: five standard deviations of the mean (rate 6e-7).
    """
    image, kernel = numbers((15, 15), 9) * (1 + 0.7j), np.array([[1, 1 + 1j], [0.5j, -1]])
    expected = signal.convolve2d(image, kernel, "valid")
    chi, products, stated = [], [], []
    for seed in range(20):
        call = {"mode": "valid", "shots": 500, "seed": seed, "method": qconv.Collapse()}
        result = qconv.convolve(image, kernel, **call)
        error, a, b = result.image - expected, result.stderr.real, result.stderr.imag
        correlation = result.covariance / (a * b)
        u, v = error.real / a, error.imag / b
        chi.append((u**2 - 2 * correlation * u * v + v**2) / (1 - correlation**2))
        products.append(u * v)
        stated.append(correlation)
    chi, products, stated = map(np.array, (chi, products, stated))
    assert np.abs(stated).max() > 0.3
    assert abs(chi.mean() / 2 - 1) < 5 / np.sqrt(chi.size)
    signs = np.sign(stated)
    assert abs((signs * (products - stated)).mean()) < 5 * np.sqrt(2 / products.size)


@pytest.mark.parametrize("name", ["baseline", "fourier", "interference amplified", "estimation"])
def test_sums_files_parts_and_intervals(name, tmp_path):
    image, kernel = numbers((6, 7), 10), numbers((2, 3), 11)
    call = {"method": METHODS[name]}
    first = qconv.convolve(image, kernel, shots=300, seed=1, **call)
    second = qconv.convolve(image, kernel, shots=200, seed=2, **call)
    total = first + second
    assert total.shots == 500
    assert (total.stderr.real < first.stderr.real).mean() > 0.9
    path = tmp_path / "result.npz"
    first.save(path)
    loaded = qconv.load(path)
    for part in ("image", "stderr", "covariance"):
        assert np.array_equal(getattr(loaded, part), getattr(first, part))
    again = loaded + second
    assert np.array_equal(again.image, total.image)
    assert np.array_equal((loaded[2:, 1] + second[2:, 1]).image, total.image[2:, 1])
    low, high = first.interval()
    assert (high.real > low.real).all()
    assert (high.imag > low.imag).all()
    report = classical.compare(total, classical.convolve(image, kernel))
    assert report.agrees, report


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline", "fourier", "estimation", "blocks"])
def test_tolerance_holds_for_both_parts(name):
    image, kernel = numbers((6, 6), 12), numbers((2, 2), 13)
    plan = qconv.plan(image, kernel, method=METHODS[name], tolerance=0.5)
    predicted = plan.prepared.predict().stderr
    assert max(predicted.real.max(), predicted.imag.max()) <= 0.5 * 1.0001
    plan = qconv.plan(image, kernel, method=METHODS[name], tolerance=("rms", 0.5))
    predicted = plan.prepared.predict().stderr
    assert np.sqrt(np.mean(np.abs(predicted) ** 2) / 2) <= 0.5 * 1.0001


def test_checkpoint_decoding_and_seeds(tmp_path):
    image, kernel = numbers((6, 6), 14), numbers((2, 2), 15)
    for method in (qconv.Collapse(), qconv.Fourier(), qconv.AmplitudeEstimation(powers=(0, 1))):
        call = {"method": method, "shots": 100, "seed": 3}
        once = qconv.convolve(image, kernel, **call)
        path = tmp_path / f"{type(method).__name__}.npz"
        for _ in range(2):
            kept = qconv.convolve(image, kernel, checkpoint=path, **call)
            assert np.array_equal(once.image, kept.image)
        plan = qconv.plan(image, kernel, method=method, shots=100)
        simulator = AerSimulator(seed_simulator=1)
        counts = [
            simulator.run(transpile(circuit, simulator), shots=shots).result().get_counts()
            for circuit, shots in zip(plan.circuits, plan.executions, strict=True)
        ]
        decoded = plan.decode(counts)
        assert classical.compare(decoded, classical.convolve(image, kernel)).agrees is not False


def test_batches_and_dask():
    image, kernel = numbers((9, 8, 3), 16), numbers((2, 2), 17)
    for method in (qconv.Collapse(), qconv.Blocks(qconv.Fourier(), "overlap-save", qubits=8)):
        call = {"method": method, "shots": 20, "seed": 4, "channel_axis": 2}
        at_once = qconv.convolve(image, kernel, **call)
        lazy = qconv.distributed.convolve(da.from_array(image, chunks=4), kernel, **call)
        for part in ("image", "stderr", "covariance"):
            assert np.array_equal(getattr(lazy, part).compute(), getattr(at_once, part))
        exact = qconv.convolve(image, kernel, **(call | {"shots": None})).image
        close(exact[..., 1], signal.convolve2d(image[..., 1], kernel))


class TestPolar:
    IMAGE, KERNEL = numbers((12, 12), 18) + 20, np.array([[1, 1j]])
    CALL = (IMAGE, KERNEL, "valid")
    RESULT = qconv.convolve(*CALL, method=qconv.Collapse(), shots=5000, seed=5)
    EXACT = signal.convolve2d(IMAGE, KERNEL, "valid")

    def test_magnitude(self):
        made = self.RESULT.magnitude()
        assert np.array_equal(made.image, np.abs(self.RESULT.image))
        square = np.mean(((made.image - np.abs(self.EXACT)) / made.stderr) ** 2)
        assert abs(square - 1) < 5 * np.sqrt(2 / made.image.size)  # rate 6e-7

    def test_phase(self):
        made = self.RESULT.phase()
        assert np.array_equal(made.image, np.angle(self.RESULT.image))
        apart = np.angle(self.RESULT.image / self.EXACT)
        assert abs(np.mean((apart / made.stderr) ** 2) - 1) < 5 * np.sqrt(2 / apart.size)

    def test_small_magnitudes(self):
        """Magnitudes change by at most as much as the numbers, even with unknown phase."""
        image, covariance = np.array([0, 1e-9, 0.01j, 0.1 - 0.1j]), np.full(4, 6.0)
        noisy = qconv.Convolution(image, np.full(4, 3 + 4j), 1, 1, (), covariance=covariance)
        assert np.allclose(noisy.magnitude().stderr, 5)
        rng = np.random.default_rng(1)
        errors = rng.multivariate_normal([0, 0], [[9, 6], [6, 16]], size=100_000) @ [1, 1j]
        for number in image:
            found = np.abs(number + errors) - np.abs(number)
            assert 4.7 < np.sqrt(np.mean(found**2)) < 5.05

    def test_nothing(self):
        exact = qconv.convolve(np.zeros((3, 3), complex), [[1j]], shots=None)
        for made in (exact.magnitude(), exact.phase()):
            assert not made.image.any()
            assert not made.stderr.any()

    def test_unknown_phase(self):
        """Where the magnitude is far below its error, the phase is unknown."""
        noise = qconv.convolve([[1e-9j, 1, -1, 1]], [[1, 1j, -1, -1j]], shots=3, seed=1)
        assert (noise.phase().stderr <= np.pi / np.sqrt(3)).all()

    def test_refused(self):
        real = qconv.convolve([1, 2], [1, 1], shots=10)
        for what in (real.magnitude, real.phase):
            with pytest.raises(TypeError, match="expected a complex result, got a real one"):
                what()
        other = qconv.convolve(*self.CALL, method=qconv.Collapse(), shots=50, seed=6)
        with pytest.raises(ValueError, match="can be added"):
            self.RESULT.magnitude() + other.magnitude()


class TestRefused:
    def test_real_methods(self):
        for image, kernel in (([1j, 2], [1, 1]), ([1, 2], [1, 1j])):
            with pytest.raises(
                TypeError, match=r"expected real numbers for Diffusion\(.*qconv.Coll"
            ):
                qconv.convolve(image, kernel, method=qconv.Diffusion())

    def test_root(self):
        with pytest.raises(ValueError, match="read_out: expected 'linear' for complex numbers"):
            qconv.convolve([1j, 2], [1, 1], method=qconv.Fourier(read_out="root"))

    def test_one_shot(self):
        for method in (qconv.Fourier(), qconv.AmplitudeEstimation(powers=(0,))):
            with pytest.raises(ValueError, match="shots: expected at least 2 per pixel for compl"):
                qconv.convolve([1j, 2], [1, 1], method=method, shots=1)
        assert qconv.convolve([1j, 2], [1, 1], shots=1, seed=1).image.shape == (3,)

    @pytest.mark.parametrize("bad", [complex("nan"), complex("inf"), 1j * np.inf])
    def test_not_finite(self, bad):
        with pytest.raises(ValueError, match="image: expected finite numbers"):
            qconv.convolve([bad, 1], [1, 1])
        with pytest.raises(ValueError, match="kernel: expected finite numbers"):
            qconv.convolve([1, 1], [bad, 1])
        with pytest.raises(ValueError, match="fillvalue: expected a finite number"):
            qconv.convolve([1, 1], [1, 1], fillvalue=bad)


def free_of_noise():
    """A backend that runs gates and is simulated exactly; its noise is below rounding errors."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(1e-15, 1), ["sx"])
    return AerSimulator(noise_model=model)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8,), (4, 4), (2, 4)], ids=str)
@pytest.mark.parametrize(
    "method",
    [qconv.Fourier(), qconv.Fourier(amplify=1), qconv.Fourier(signed=False)],
    ids=["signed", "amplified", "magnitudes"],
)
def test_filters_as_gates(shape, method):
    """Factors of transfer functions, or diagonals without factors, as gates of a device."""
    image = numbers(shape, 19)
    filters = [
        qconv.transfer.fresnel(shape, 3.0, 0.5),
        qconv.transfer.gaussian(shape, 1.0),
        qconv.transfer.shift(shape, [1.5] * len(shape)),
        qconv.transfer.riesz(shape),
        numbers(shape, 20) / 10,
    ]
    for transfer in filters:
        told = {"shots": None, "method": method, "backend": free_of_noise()}
        expected = np.fft.ifftn(np.fft.fftn(image) * transfer)
        expected = expected if method.signed else np.abs(expected)
        close(qconv.filter_frequencies(image, transfer, **told).image, expected, 1e-9)


@pytest.mark.parametrize(
    "shape", [(1,), (2,), (2, 2), (3, 3), (4, 2), (2, 2, 3), (4, 4), (8, 4)], ids=str
)
def test_encoded_amplitudes(shape):
    for seed in range(5):
        array = numbers(shape, seed)
        padded = np.zeros([2 ** (n - 1).bit_length() for n in shape], dtype=complex)
        padded[tuple(map(slice, shape))] = array
        state = Statevector(qconv.encode_amplitudes(array)).data
        overlap = np.vdot(state[: padded.size], padded.ravel()) / np.linalg.norm(padded)
        assert abs(abs(overlap) - 1) < 1e-12


@pytest.mark.parametrize(
    ("array", "most"),
    [
        (numbers((2, 2), 1), 1),
        (np.outer(numbers((2,), 1), numbers((2,), 2)), 0),
        (np.outer(numbers((4,), 1), numbers((4,), 2)), 2),
        (numbers((2, 4), 3), 4),
        (numbers((4, 4), 4), 11),
        (np.exp(1j * np.arange(16.0)), 0),
        (np.exp(0.1j * np.arange(16.0) ** 2), 12),
        (1j * np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]), 3),
    ],
)
def test_few_gates(array, most):
    """Two qubits need 1 CX, products of axes the sum, linear phases 0, quadratic phases few."""
    assert qconv.resources(qconv.encode_amplitudes(array)).two_qubit_gates <= most


class TestGates:
    def test_propagation(self):
        """Two transforms of 60 CX each, and a quadratic phase of 56: at most 200 CX at 64 x 64."""
        field = numbers((64, 64), 21)
        transfer = qconv.transfer.fresnel((64, 64), 3000.0, 0.5, 8.0)
        result = qconv.filter_frequencies(field, transfer, shots=None)
        close(result.image, np.fft.ifft2(np.fft.fft2(field) * transfer), 1e-12)
        assert abs(result.success_probability - 1) < 1e-12
        kernel = np.roll(np.fft.ifft2(transfer), (31, 31), (0, 1))
        where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier()}
        assert qconv.plan(field, kernel, **where).cost.filter_gates <= 200

    def test_product(self):
        """512 CX for the rotations of two axes with 256 pixels, besides the transforms."""
        image = numbers((256, 256), 22, "real")
        where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier()}
        kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])
        gates = qconv.plan(image, kernel, **where).cost.filter_gates
        assert gates - 4 * 56 <= 600
