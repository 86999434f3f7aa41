"""The layer of a network: `conv2d` and `conv1d` against the reference and the definition.

The false-alarm rate of each assertion is `tests.chance.ALARM`, unless a test states its own.
"""

import itertools
import math

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import classical
import qconv
from tests.chance import Moments, assert_distribution, assert_honest, assert_same_distribution

RNG = np.random.default_rng(16)
INPUT = RNG.normal(size=(5, 4, 9, 8))
WEIGHT = RNG.normal(size=(6, 2, 3, 2))
BIAS = RNG.normal(size=6)
HOW = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}


def windows_of(array, kernel, *, stride=1, padding=0, dilation=1):
    """Return the pixels that each kernel position reads, ``(positions, outputs)``.

    Computed by definition, output by output and position by position.
    """
    padded = np.pad(array, [(0, 0), (0, 0), *[(padding, padding)] * 2])
    reach = [dilation * (h - 1) for h in kernel.shape[1:]]
    rows, columns = (range(0, n - r, stride) for n, r in zip(padded.shape[2:], reach, strict=True))
    return np.array(
        [
            [
                image[c, y + dilation * i, x + dilation * j]
                for image in padded
                for y in rows
                for x in columns
            ]
            for c, i, j in np.ndindex(kernel.shape)
        ]
    )


PLAIN, SHARED = qconv.Collapse(), qconv.Collapse(shared=True)
BASELINE = qconv.Collapse(baseline=True)


def configurations(count, seed):
    """Random layers: input, weight, bias and geometry."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        groups, each, seen = (int(rng.integers(1, 4)) for _ in range(3))
        kernel = [int(h) for h in rng.integers(1, 4, size=2)]
        dilation = [int(d) for d in rng.integers(1, 4, size=2)]
        least = [d * (h - 1) + 1 for d, h in zip(dilation, kernel, strict=True)]
        size = [n + int(rng.integers(0, 6)) for n in least]
        padding = [[int(p) for p in rng.integers(0, 4, size=2)], "same", "valid", 1][
            int(rng.integers(4))
        ]
        stride = 1 if padding == "same" else [int(s) for s in rng.integers(1, 4, size=2)]
        shape = (int(rng.integers(1, 4)), groups * seen, *size)
        scale = 10.0 ** rng.integers(-3, 4)
        weight = rng.normal(size=(groups * each, seen, *kernel))
        weight[rng.random(weight.shape) < 0.3] = 0
        yield (
            rng.normal(size=shape[rng.integers(2) :]) * scale,
            weight,
            rng.normal(size=len(weight)) if rng.integers(2) else None,
            {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups},
        )


class TestExact:
    def test_random_configurations(self):
        padded = set()
        for array, weight, bias, how in configurations(60, seed=1):
            exact = classical.conv2d(array, weight, bias, **how)
            for baseline in (False, True):
                method = qconv.Collapse(baseline=baseline)
                result = qconv.conv2d(array, weight, bias, **how, shots=None, method=method)
                assert result.image.shape == exact.shape
                scale = max(1e-300, np.abs(array).max() * np.abs(weight).sum())
                np.testing.assert_allclose(result.image, exact, rtol=0, atol=1e-11 * scale)
                assert not result.stderr.any()
            padded.add(str(how["padding"]))
        assert {"same", "valid", "1"} < padded

    def test_one_axis(self):
        signal, kernel = INPUT[:, :, 0], WEIGHT[:, :, :, 0]
        how = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}
        result = qconv.conv1d(signal, kernel, BIAS, **how, shots=None)
        tall = classical.conv2d(
            signal[:, :, :, np.newaxis],
            kernel[:, :, :, np.newaxis],
            BIAS,
            stride=(2, 1),
            padding=(1, 0),
            dilation=(2, 1),
            groups=2,
        )
        np.testing.assert_allclose(result.image, tall[..., 0], rtol=0, atol=1e-11)
        names = {register.name for circuit in result.circuits for register in circuit.qregs}
        assert names == {"kernel_channel", "kernel_column"}

    def test_one_axis_padded_to_the_same_size(self):
        result = qconv.conv1d(INPUT[0, :, 0], WEIGHT[:, :, :, 0], padding="same", groups=2)
        assert result.image.shape == (6, 8)

    def test_a_single_image(self):
        one = qconv.conv2d(INPUT[0], WEIGHT, BIAS, **HOW, seed=3)
        many = qconv.conv2d(INPUT[:1], WEIGHT, BIAS, **HOW, seed=3)
        assert one.image.shape == many.image.shape[1:]
        assert np.array_equal(one.image, many.image[0])
        assert np.array_equal(one.stderr, many.stderr[0])

    def test_an_empty_batch(self):
        result = qconv.conv2d(INPUT[:0], WEIGHT, BIAS, **HOW, seed=3)
        assert (
            result.image.shape
            == result.stderr.shape
            == (0, *classical.conv2d(INPUT, WEIGHT, BIAS, **HOW).shape[1:])
        )
        assert result.circuits == ()
        assert result.total_shots == 0
        assert "0 x 6" in str(result)

    def test_numbers_of_a_single_element_count_for_all_axes(self):
        one = qconv.conv2d(INPUT, WEIGHT, stride=(2,), padding=[1], groups=2, shots=None)
        two = qconv.conv2d(INPUT, WEIGHT, stride=2, padding=np.array([1, 1]), groups=2, shots=None)
        assert np.array_equal(one.image, two.image)
        single = qconv.conv2d(INPUT, WEIGHT, stride=np.array(2), padding=1, groups=2, shots=None)
        assert np.array_equal(single.image, two.image)

    @pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e290])
    def test_scales(self, scale):
        result = qconv.conv2d(INPUT * scale, WEIGHT, groups=2, shots=7, seed=1)
        plain = qconv.conv2d(INPUT, WEIGHT, groups=2, shots=7, seed=1)
        np.testing.assert_allclose(result.image, plain.image * scale, rtol=1e-9, atol=0)
        np.testing.assert_allclose(result.stderr, plain.stderr * scale, rtol=1e-6, atol=0)


class TestComplex:
    """Kernels are not conjugated, as in PyTorch: the layer is linear in input and weight."""

    X, W, B = INPUT * (1 - 0.5j) + 0.3j, WEIGHT * np.exp(1j * np.arange(2)), BIAS * (2 + 1j)
    KINDS = list(itertools.product((False, True), repeat=3))[1:]

    @pytest.mark.parametrize("kinds", KINDS, ids=str)
    def test_parts(self, kinds):
        arrays = zip((self.X, self.W, self.B), kinds, strict=True)
        given = [array if wide else array.real for array, wide in arrays]
        exact = classical.conv2d(*given, **HOW)
        x, w, b = given

        def of(one, other):
            return classical.conv2d(one.real, other.real, **HOW)

        expected = of(x, w) - of(x.imag, w.imag) + 1j * (of(x.imag, w) + of(x, w.imag))
        np.testing.assert_allclose(exact, expected + b[:, None, None], rtol=0, atol=1e-12)
        for method in (PLAIN, BASELINE):
            result = qconv.conv2d(*given, **HOW, shots=None, method=method)
            assert result.image.dtype == result.stderr.dtype == np.complex128
            np.testing.assert_allclose(result.image, exact, rtol=0, atol=1e-11)
            measured = qconv.conv2d(*given, **HOW, shots=100, seed=1, method=method)
            assert measured.covariance.shape == exact.shape
            assert classical.compare(measured, exact).agrees

    def test_one_axis_and_one_image(self):
        signal, kernel = self.X[0, :, 0], self.W[:, :, :, 0]
        result = qconv.conv1d(signal, kernel, groups=2, shots=None)
        tall = classical.conv2d(signal[..., None], kernel[..., None], groups=2)
        np.testing.assert_allclose(result.image, tall[..., 0], rtol=0, atol=1e-11)

    def test_empty_sums_and_files(self, tmp_path):
        nothing = qconv.conv2d(self.X[:0], WEIGHT, groups=2, seed=3)
        assert nothing.image.dtype == np.complex128
        assert nothing.covariance.shape == nothing.image.shape
        first, second = (qconv.conv2d(self.X, self.W, groups=2, shots=9, seed=s) for s in (1, 2))
        first.save(tmp_path / "layer.npz")
        assert np.array_equal(
            (qconv.load(tmp_path / "layer.npz") + second).image, (first + second).image
        )
        once = qconv.conv2d(self.X, self.W, groups=2, tolerance=5.0, seed=1)
        for _ in range(2):
            told = {"tolerance": 5.0, "seed": 1, "checkpoint": tmp_path / "run.npz"}
            kept = qconv.conv2d(self.X, self.W, groups=2, **told)
            assert np.array_equal(kept.image, once.image)
        assert max(once.stderr.real.max(), once.stderr.imag.max()) < 7

    def test_method_of_real_numbers(self):
        class Real(type(PLAIN)):
            takes_complex = False

        with pytest.raises(TypeError, match=r"input: expected real numbers for .*Real"):
            qconv.conv2d(INPUT, self.W, groups=2, method=Real())


class TestCircuits:
    def test_one_for_each_output_channel(self):
        result = qconv.conv2d(INPUT, WEIGHT, BIAS, **HOW, shots=10, seed=1, method=PLAIN)
        assert len(result.circuits) == 6
        for circuit, kernel in zip(result.circuits, WEIGHT, strict=True):
            assert {register.name: register.size for register in circuit.qregs} == {
                "kernel_channel": 1,
                "kernel_row": 2,
                "kernel_column": 1,
            }
            state = Statevector(circuit.remove_final_measurements(inplace=False))
            expected = np.zeros((2, 4, 2))
            expected[:, :3] = np.abs(kernel) / np.abs(kernel).sum()
            np.testing.assert_allclose(state.probabilities(), expected.ravel(), atol=1e-12)
        assert result.total_shots == 10 * result.image.size
        assert result.oracle_calls == result.total_shots
        assert result.success_probability == 1

    def test_as_every_kernel(self):
        """The gates are those of `encode_amplitudes`, and of `convolve` with the same kernel."""
        kernel = WEIGHT[0, 0]
        (circuit,) = qconv.conv2d(INPUT[:, :1], WEIGHT[:1, :1], shots=1).circuits
        alone = qconv.convolve(INPUT[0, 0], kernel, shots=1).circuits[0]
        assert [item.name for item in circuit] == [item.name for item in alone]
        amplitudes = np.sqrt(np.abs(kernel) / np.abs(kernel).sum())
        gates = qconv.encode_amplitudes(amplitudes).num_nonlocal_gates()
        assert qconv.resources(circuit).two_qubit_gates == gates

    def test_a_channel_of_zeros_needs_none(self):
        weight = WEIGHT.copy()
        weight[[1, 4]] = 0
        result = qconv.conv2d(INPUT, weight, BIAS, **HOW, shots=10, seed=1)
        assert len(result.circuits) == 4
        assert result.total_shots == 10 * result.image[:, :4].size
        for channel in (1, 4):
            assert (result.image[:, channel] == BIAS[channel]).all()
            assert not result.stderr[:, channel].any()
        assert result.stderr[:, [0, 2, 3, 5]].all()

    def test_nothing_but_zeros(self):
        result = qconv.conv2d(INPUT, np.zeros_like(WEIGHT), BIAS, **HOW, shots=10, seed=1)
        assert result.circuits == ()
        assert (result.total_shots, result.success_probability) == (0, 1)
        other = qconv.conv2d(INPUT, np.zeros_like(WEIGHT), BIAS, **HOW, shots=10, seed=2)
        assert np.array_equal((result + other).image, result.image)

    def test_a_baseline_leaves_centres_out(self):
        weight = WEIGHT[:, :, :, :1].copy()
        weight[2] = 0
        weight[2, :, 1] = 1  # only the centres are nonzero
        result = qconv.conv2d(INPUT, weight, groups=2, shots=10, seed=1, method=BASELINE)
        exact = classical.conv2d(INPUT, weight, groups=2)
        np.testing.assert_allclose(result.image[:, 2], exact[:, 2], atol=1e-12)
        assert not result.stderr[:, 2].any()
        state = Statevector(result.circuits[0].remove_final_measurements(inplace=False))
        reached = state.probabilities().reshape(2, 4) > 1e-12
        assert reached.tolist() == [[True, False, True, False]] * 2


def distribution_of(kernel, array, shots, **how):
    """Return exact moments of one sample of an output channel at every output."""
    flat = kernel.ravel()
    total = np.abs(flat).sum()
    samples = total * np.sign(flat)[:, None] * windows_of(array, kernel, **how)
    return Moments(samples, np.abs(flat) / total)


class TestDistribution:
    @pytest.mark.parametrize("shots", [8, 40])
    @pytest.mark.parametrize("path", ["drawn", "measured"])
    def test_errors_are_as_stated(self, shots, path):
        """Few shots (drawn one by one) and many (counts), drawn from probabilities and measured."""
        rng = np.random.default_rng(5)
        array, weight = rng.random((24, 3, 14, 14)), rng.normal(size=(2, 3, 3, 3))
        how = {"stride": 2, "padding": 1, "dilation": 1}
        backend = AerSimulator() if path == "measured" else None
        sampling = {"shots": shots, "seed": 1, "backend": backend, "method": PLAIN}
        result = qconv.conv2d(array, weight, **how, **sampling)
        for channel, kernel in enumerate(weight):
            moments = distribution_of(kernel, array, shots, **how)
            part = qconv.Convolution(
                image=result.image[:, channel],
                stderr=result.stderr[:, channel],
                shots=shots,
                total_shots=1,
                circuits=(),
            )
            assert_honest(part, moments, shots)

    def test_what_is_drawn(self):
        """One shot identifies the position, of 27, that each output drew."""
        rng = np.random.default_rng(6)
        weight = rng.random((1, 3, 3, 3)) + 0.1
        weight /= weight.sum()
        kinds = np.arange(27.0).reshape(3, 3, 3)
        array = np.tile(kinds, (1, 1, 60, 60))  # every window of stride 3 contains each label once
        result = qconv.conv2d(array, weight, stride=3, shots=1, seed=2, method=PLAIN)
        labels = np.round(result.image).astype(int)
        assert np.allclose(labels, result.image, atol=1e-9)
        counts = np.bincount(labels.ravel(), minlength=27)
        assert_distribution(counts, weight.ravel())

    @pytest.mark.parametrize("baseline", [False, True])
    def test_same_distribution_as_the_twin(self, baseline):
        """Two shots of a coarse input: values of all outputs, by qconv and by the reference."""
        array = np.random.default_rng(7).integers(0, 5, size=(200, 2, 12, 12)).astype(float)
        array[:] = array[:1]
        weight = np.array([[[[1, 0, -2]], [[1, 3, 0]]]], dtype=float)
        how, method = {"shots": 2, "seed": 3}, qconv.Collapse(baseline=baseline)
        ours = np.round(qconv.conv2d(array, weight, method=method, **how).image * 8).ravel()
        twin = classical.stochastic_conv2d(array, weight, baseline=baseline, **how)
        theirs = np.round(twin.image * 8).ravel()
        values = np.unique(np.concatenate([ours, theirs]))
        assert len(values) > 10
        counts = [
            np.bincount(np.searchsorted(values, part), minlength=len(values))
            for part in (ours, theirs)
        ]
        assert_same_distribution(*counts)

    def test_coverage(self):
        """The variance of z is within 1 +- 0.02, and 95 % intervals cover 95 +- 0.5 %.

        Over 200,000 nearly normal z-scores, the variance has a standard deviation of 0.0032 and the
        coverage one of 0.05 %. Six and ten of them are allowed: false alarms below 1e-8.
        """
        rng = np.random.default_rng(8)
        array, weight = rng.random((128, 2, 20, 20)), rng.normal(size=(4, 2, 3, 3))
        result = qconv.conv2d(array, weight, padding=1, shots=100, seed=9)
        exact = classical.conv2d(array, weight, padding=1)
        z = (result.image - exact) / result.stderr
        assert z.size > 200_000
        assert abs(np.mean(z**2) - 1) < 0.02
        low, high = result.interval(0.95)
        assert abs(np.mean((low <= exact) & (exact <= high)) - 0.95) < 0.005
        report = classical.compare(result, exact)
        assert report.agrees

    def test_channels_are_independent(self):
        """For equal kernels and images, errors are uncorrelated within six standard deviations."""
        array = np.tile(np.random.default_rng(9).random((1, 1, 30, 30)), (8, 1, 1, 1))
        weight = np.ones((2, 1, 3, 3))
        result = qconv.conv2d(array, weight, shots=10, seed=1)
        z = (result.image - classical.conv2d(array, weight)) / result.stderr
        n = z[:, 0].size
        assert abs(np.mean(z[:, 0] * z[:, 1])) < 6 / math.sqrt(n)
        assert abs(np.mean(z[0] * z[1])) < 6 / math.sqrt(n / 4)
        assert result.independent

    def test_shared_shots(self):
        result = qconv.conv2d(INPUT, WEIGHT, BIAS, **HOW, shots=500, method=SHARED, seed=1)
        exact = classical.conv2d(INPUT, WEIGHT, BIAS, **HOW)
        assert result.total_shots == 6 * 500
        assert not result.independent
        z = (result.image - exact) / result.stderr
        assert 0.05 < np.mean(z**2) < 6  # six channels, each with one measured kernel

    @pytest.mark.parametrize("order", [1, -1])
    def test_independent_if_all_channels_are(self, order):
        """A channel with one position is exact; the other has the error of a calibration."""
        noise = NoiseModel()
        noise.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
        weight = np.zeros((2, 4, 2, 2))
        weight[0], weight[1, 0, 0, 0] = 1.0, 1.0
        how = {"shots": 500, "seed": 1, "backend": AerSimulator(noise_model=noise)}
        how["mitigation"] = qconv.ReadoutMitigation(shots=200)
        assert not qconv.conv2d(INPUT, weight[::order], **how).independent
        assert qconv.conv2d(INPUT, weight[1:], **how).independent

    def test_success_counts_channels_by_their_executions(self):
        """A tolerance gives the larger kernel's channel more executions; noise discards some."""
        noise = NoiseModel()
        noise.add_all_qubit_readout_error(ReadoutError([[0.9, 0.1], [0.1, 0.9]]))
        weight = np.zeros((2, 4, 3, 1))
        weight[0], weight[1, 0, :2] = 3.0, 0.5  # 12 of 16 states are positions; 2 of 2
        how = {"tolerance": 2.0, "seed": 1, "backend": AerSimulator(noise_model=noise)}
        both = qconv.conv2d(INPUT, weight, **how)
        kept = int(np.sum(both.shots))
        assert both.success_probability == pytest.approx(kept / both.total_shots, rel=1e-12)
        assert 0.5 < both.success_probability < 0.99

    def test_a_baseline_pays_where_images_are_smooth(self):
        ramp = np.add.outer(np.linspace(0, 1, 32), np.linspace(3, 4, 32))
        array = np.stack([ramp, 10 - ramp])[np.newaxis]
        weight = np.random.default_rng(3).normal(size=(3, 2, 3, 3))
        plain, better = (
            qconv.conv2d(array, weight, shots=100, seed=4, method=method)
            for method in (PLAIN, BASELINE)
        )
        assert np.mean(better.stderr**2) < 1e-3 * np.mean(plain.stderr**2)
        z = (better.image - classical.conv2d(array, weight)) / better.stderr
        assert abs(np.mean(z**2) - 1) < 6 * math.sqrt(3 / z.size)


class TestBackends:
    @pytest.mark.parametrize(
        "backend", [AerSimulator(), StatevectorSampler()], ids=lambda b: type(b).__name__
    )
    def test_any(self, backend):
        result = qconv.conv2d(INPUT, WEIGHT, BIAS, **HOW, shots=50, seed=1, backend=backend)
        exact = classical.conv2d(INPUT, WEIGHT, BIAS, **HOW)
        assert np.mean(((result.image - exact) / result.stderr) ** 2) == pytest.approx(1, abs=0.2)

    def test_noise_costs_executions_and_moves_the_mean(self):
        noise = NoiseModel()
        noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx", "cz"])
        noise.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
        backend = AerSimulator(noise_model=noise)
        result = qconv.conv2d(INPUT, WEIGHT, groups=2, shots=400, seed=1, backend=backend)
        assert result.total_shots > 1.05 * 400 * result.image.size
        assert result.success_probability < 0.95
        z = (result.image - classical.conv2d(INPUT, WEIGHT, groups=2)) / result.stderr
        assert np.mean(z**2) > 1.5

    def test_one_job_limit(self):
        result = qconv.conv2d(
            INPUT, WEIGHT, groups=2, shots=20, seed=1, backend=AerSimulator(), job_shots=1000
        )
        assert result.total_shots == 20 * result.image.size

    def test_exact_needs_a_distribution(self):
        with pytest.raises(ValueError, match="shots: expected an integer with this backend"):
            qconv.conv2d(INPUT, WEIGHT, groups=2, shots=None, backend=StatevectorSampler())


class TestSeeds:
    @pytest.mark.parametrize("shots", [5, 60])
    def test_same_bytes_on_any_number_of_threads(self, shots, monkeypatch):
        array = np.random.default_rng(1).random((30, 2, 28, 28))
        found = []
        for threads in ("1", "2", "3"):
            monkeypatch.setenv("QCONV_NUM_THREADS", threads)
            result = qconv.conv2d(array, WEIGHT, padding=1, shots=shots, seed=11)
            found.append(result.image.tobytes() + result.stderr.tobytes())
        assert found[0] == found[1] == found[2]

    def test_other_seeds_other_numbers(self):
        first, second = (qconv.conv2d(INPUT, WEIGHT, groups=2, seed=seed) for seed in (1, 2))
        assert not np.array_equal(first.image, second.image)
        both = first + second
        assert both.shots == 2048
        assert both.total_shots == 2 * first.total_shots
        with pytest.raises(ValueError, match="same seed"):
            first + qconv.conv2d(INPUT, WEIGHT, groups=2, seed=1)

    @pytest.mark.parametrize(
        "change", [{"bias": BIAS}, {"stride": 2}, {"weight": WEIGHT * 2}, {"input": INPUT + 1}]
    )
    def test_other_layers_do_not_add_up(self, change):
        how = {"input": INPUT, "weight": WEIGHT, "groups": 2, "shots": 5}
        first = qconv.conv2d(**how, seed=1)
        with pytest.raises(ValueError, match="only results of the same"):
            first + qconv.conv2d(**how | change, seed=2)

    def test_saved_and_loaded(self, tmp_path):
        result = qconv.conv2d(INPUT, WEIGHT, BIAS, **HOW, shots=10, seed=1)
        result.save(tmp_path / "layer.npz")
        loaded = qconv.Convolution.load(tmp_path / "layer.npz")
        assert loaded.image.tobytes() == result.image.tobytes()
        assert len(loaded.circuits) == 6
        assert (loaded + qconv.conv2d(INPUT, WEIGHT, BIAS, **HOW, shots=10, seed=2)).shots == 20


REFUSED = {
    "no places": ({"input": INPUT[0, 0]}, "input: expected 4 axes"),
    "five axes": ({"input": INPUT[None]}, "input: expected 4 axes"),
    "weight of three axes": ({"weight": WEIGHT[0]}, "weight: expected 4 axes"),
    "channels": ({"groups": 1}, "input: expected 2 channels for a weight"),
    "groups": ({"groups": 4, "weight": WEIGHT[:, :1]}, "groups: expected a divisor of the 6"),
    "no groups": ({"groups": 0}, "groups: expected an integer >= 1"),
    "bias": ({"bias": BIAS[:5]}, "bias: expected one number for each of 6"),
    "bias of two axes": ({"bias": BIAS[:, None]}, "bias: expected one number for each of 6"),
    "stride 0": ({"stride": 0}, "stride: expected an integer >= 1"),
    "stride of three": ({"stride": (1, 1, 1)}, "stride: expected 1 or 2 integers"),
    "dilation 0": ({"dilation": (1, 0)}, "dilation: expected an integer >= 1"),
    "negative padding": ({"padding": -1}, "padding: expected an integer >= 0"),
    "unknown padding": ({"padding": "full"}, "padding: expected one of 'same', 'valid'"),
    "same, strided": ({"padding": "same", "stride": 2}, "padding: 'same' requires stride 1"),
    "too large": ({"dilation": 6}, "weight: expected a kernel no larger than the padded"),
    "NaN": ({"input": np.where(INPUT > 2, np.nan, INPUT)}, "input: expected finite numbers"),
    "infinite": ({"weight": np.where(WEIGHT > 1, np.inf, WEIGHT)}, "weight: expected finite"),
    "NaN in bias": ({"bias": BIAS * np.nan}, "bias: expected finite numbers"),
    "no channels": ({"input": INPUT[:, :0]}, "input: expected at least one entry"),
    "overflow": ({"input": INPUT * 1e300, "weight": WEIGHT * 1e10}, "input: products"),
    "no shots": ({"shots": 0}, "shots: expected an integer >= 1"),
    "negative seed": ({"seed": -1}, "seed: expected an integer >= 0"),
}

OF_ANOTHER_TYPE = {
    "words": ({"weight": "edge"}, "weight: expected an array of real numbers"),
    "bytes": ({"stride": b"\x01\x01"}, "stride: expected an integer"),
    "half a pixel": ({"stride": 1.5}, "stride: expected an integer"),
    "true": ({"padding": True}, "padding: expected an integer"),
    "half a group": ({"groups": 2.0}, "groups: expected an integer"),
    "some": ({"method": None}, "method: expected a method such as"),
    "whole images": ({"method": qconv.Fourier()}, "hold only the kernel, .* got Fourier"),
    "an option of the method": (
        {"shared": True},
        "shared: is an option of the method, not of the function; write method=qconv.Collapse",
    ),
    "progress": ({"progress": 1}, "progress: expected True or False"),
    "backend": ({"backend": "aer"}, "backend: expected"),
    "job_shots": ({"job_shots": 1.5}, "job_shots: expected an integer"),
}


class TestErrors:
    @pytest.mark.parametrize("case", REFUSED)
    def test_values(self, case):
        change, message = REFUSED[case]
        with pytest.raises(ValueError, match=message):
            qconv.conv2d(**{"input": INPUT, "weight": WEIGHT, "groups": 2} | change)

    @pytest.mark.parametrize("case", OF_ANOTHER_TYPE)
    def test_types(self, case):
        change, message = OF_ANOTHER_TYPE[case]
        with pytest.raises(TypeError, match=message):
            qconv.conv2d(**{"input": INPUT, "weight": WEIGHT, "groups": 2} | change)

    def test_too_large_for_memory(self):
        array = np.broadcast_to(np.float32(1), (10**7, 1, 400, 400))
        with pytest.raises(ValueError, match=r"input of shape .* too large"):
            qconv.conv2d(array, np.ones((1, 1, 3, 3)))

    def test_too_large_with_its_padding(self):
        with pytest.raises(ValueError, match=r"input of shape .* too large"):
            qconv.conv2d(INPUT, WEIGHT, groups=2, padding=10**6)
