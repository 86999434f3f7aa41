"""Whole-image methods on backends and samplers, their circuits, and rejected arguments."""

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import SamplerV2

import classical
import qconv
from qconv import _memory
from qconv.convolution import plan
from tests.cases import EDGE

IMAGE = np.random.default_rng(0).random((4, 3))
KERNEL = np.array([[1.0, -2.0], [0.5, 0.0]])
METHODS = [
    qconv.Diffusion(),
    qconv.Diffusion(adder="classical"),
    qconv.Diffusion(steps=2),
    qconv.Interference(),
    qconv.Interference(signed=False),
    qconv.Fourier(),
    qconv.Fourier(signed=False),
]


def noisy():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
    return AerSimulator(noise_model=model)


def device(num_qubits):
    """Return a noisy device in a line; its noise model, built in each run, has few qubit pairs."""
    return GenericBackendV2(num_qubits, coupling_map=CouplingMap.from_line(num_qubits), seed=1)


IDEAL = {
    "AerSimulator": AerSimulator,
    "density matrices": lambda: AerSimulator(method="density_matrix"),
    "matrix product states": lambda: AerSimulator(method="matrix_product_state"),
    "StatevectorSampler": lambda: StatevectorSampler(seed=np.random.default_rng(1)),
    "SamplerV2": SamplerV2,
}
NOISY = {
    "AerSimulator with noise": noisy,
    "device": lambda: device(12),
}


def truth(method, image=IMAGE, kernel=KERNEL, **where):
    expected = classical.diffuse(image, kernel, getattr(method, "steps", 1), **where)
    return expected if getattr(method, "signed", True) else np.abs(expected)


@pytest.mark.slow
@pytest.mark.parametrize("make", IDEAL.values(), ids=IDEAL)
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_ideal(make, method):
    """Every pixel is within 6.5 standard errors.

    The false-alarm rate of all pixels together is 1e-9 if counts are large.
    """
    result = qconv.convolve(
        IMAGE, KERNEL, method=method, shots=2000, mode="same", backend=make(), seed=1
    )
    assert result.total_shots == 2000 * IMAGE.size
    off = np.abs(result.image - truth(method, mode="same"))
    # a magnitude of 0 has a bias of about the root of half a count
    assert (off < 6.5 * result.stderr).all()
    assert abs(result.success_probability - result.expected_success) < 6.5 * result.success_stderr


@pytest.mark.parametrize("make", NOISY.values(), ids=NOISY)
@pytest.mark.parametrize("method", METHODS[::3], ids=str)
def test_noisy(make, method):
    """Noise changes the result by less than the picture's range; its expectation is known."""
    image = np.array([1.0, 5.0, 2.0, 0.0])
    where = {"method": method, "mode": "same", "boundary": "wrap", "backend": make(), "seed": 1}
    result = qconv.convolve(image, [1.0, 2.0], shots=2000, **where)
    expected = classical.convolve(image, [1.0, 2.0], mode="same", boundary="wrap")
    error = np.abs(result.image - expected).max()
    assert 0 < error < np.ptp(expected)
    exact = qconv.convolve(image, [1.0, 2.0], shots=None, **where)
    assert (np.abs(result.image - exact.image) < 7 * result.stderr + 1e-9).all()
    assert np.abs(exact.image - expected).max() > 1e-3


def test_results_of_different_circuits_with_noise_do_not_add_up():
    where = {"shots": 10, "mode": "same", "boundary": "wrap", "backend": noisy()}
    image = np.array([1.0, 5.0, 2.0, 0.0])
    one, two, three = (
        qconv.convolve(image, [1, 2], method=qconv.Diffusion(adder), seed=seed, **where)
        for seed, adder in enumerate(["ripple", "ripple", "fourier"])
    )
    assert (one + two).shots == 20
    with pytest.raises(ValueError, match="boundary and noise can be added"):
        one + three


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_too_few_qubits(method):
    with pytest.raises(ValueError, match="qubits"):
        qconv.convolve(IMAGE, KERNEL, method=method, shots=5, backend=GenericBackendV2(3))


def registers(method, image=IMAGE, **how):
    result = qconv.convolve(image, KERNEL, method=method, shots=5, seed=1, **how)
    return {register.name: register.size for register in result.circuits[0].qregs}


class TestCircuits:
    def test_registers(self):
        axes = {"column": 2, "row": 3}
        kernel = {"kernel_column": 1, "kernel_row": 1}
        both = {f"{name}_2": 1 for name in kernel}
        assert registers(METHODS[0]) == {**axes, **kernel}
        assert registers(METHODS[1]) == {**axes, **kernel}
        assert registers(METHODS[2]) == {"column": 3, "row": 3, **kernel, **both}
        assert registers(METHODS[3]) == {**axes, **kernel, "reference": 1}
        assert registers(METHODS[4]) == {**axes, **kernel}
        assert registers(METHODS[5]) == {**axes, "reference": 1, "flag": 1}
        assert registers(METHODS[6]) == {**axes, "flag": 1}

    def test_ancillas_only_where_gates_count(self):
        assert "ancilla_0" in registers(METHODS[0], backend=device(16))
        assert "ancilla_0" in registers(qconv.Interference(adder="ripple"))

    @pytest.mark.slow
    def test_a_photograph_takes_the_qubits_of_its_pixels_and_few_more(self, camera):
        for method, others in zip(METHODS, [4, 4, 8, 5, 4, 2, 1], strict=True):
            if method.__dict__.get("steps") == 2:
                continue
            result = qconv.convolve(
                camera, EDGE, method=method, shots=None, mode="same", boundary="wrap"
            )
            assert result.circuits[0].num_qubits == 16 + others

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_saved_and_loaded(self, method, tmp_path):
        result = qconv.convolve(IMAGE, KERNEL, method=method, shots=20, seed=1)
        result.save(tmp_path / "r.npz")
        loaded = qconv.Convolution.load(tmp_path / "r.npz")
        before, after = result.circuits[0], loaded.circuits[0]
        assert [item.name for item in after] == [item.name for item in before]
        assert after.qregs == before.qregs
        if not isinstance(method, qconv.Fourier):  # its diagonal is loaded as its definition
            assert after == before
        assert np.array_equal(loaded.image, result.image)
        for name in ("success_probability", "success_stderr", "expected_success", "quantity"):
            assert getattr(loaded, name) == getattr(result, name)

    def test_gates_of_diffusion(self):
        """8 x 8 pixels, edge, gates of the preparation of the image included."""
        image = np.random.default_rng(0).random((8, 8)) + 0.2
        where = {"mode": "same", "boundary": "wrap"}
        laid_out = plan(image, EDGE, method=qconv.Diffusion(), **where)
        whole = laid_out.on_device().prepared.costliest.build()
        assert qconv.resources(whole).two_qubit_gates <= 65
        assert laid_out.cost.two_qubit_gates <= 65
        assert laid_out.cost.bounds == {}
        ran = qconv.convolve(
            image, EDGE, shots=1, method=qconv.Diffusion(), backend=device(12), **where
        )
        assert qconv.resources(ran.circuits[0]).two_qubit_gates <= 65

    @pytest.mark.slow
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_the_device_circuit_is_the_one_that_runs_there(self, method):
        """The circuits are equal apart from the preparation of the image."""
        laid_out = plan(IMAGE, KERNEL, method=method)
        counted = laid_out.on_device().prepared.costliest.build()
        prepared, *shell = counted
        assert prepared.name == "prepare_amplitudes"
        ran = qconv.convolve(IMAGE, KERNEL, shots=1, method=method, backend=device(16)).circuits[0]
        assert [r for r in ran.qregs if "ancilla" not in r.name] == [
            r for r in counted.qregs if "ancilla" not in r.name
        ]
        kinds = [item.operation.name for item in shell]
        assert [item.operation.name for item in ran if item.name not in ("barrier", "measure")][
            -len(kinds) :
        ] == kinds
        assert len(kinds) > 4


class TestRefused:
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_too_large_for_the_memory(self, method, monkeypatch):
        monkeypatch.setattr(_memory, "available_memory", lambda: 2**20)
        with pytest.raises(
            ValueError, match=r"image of shape \(100, 100\), in a circuit of \d+ qu"
        ):
            qconv.convolve(np.ones((100, 100)), KERNEL, method=method, shots=1)

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_too_many_shots(self, method):
        with pytest.raises(ValueError, match="shots: expected at most 46116860184273 for 100000 "):
            qconv.convolve(np.ones(100000), [1.0], method=method, shots=10**14)

    def test_particles_are_not_negative(self):
        with pytest.raises(ValueError, match=r"image: expected values >= 0 for Diff.*, got -0\.5"):
            qconv.convolve([1, -0.5], [1], method=qconv.Diffusion())
        with pytest.raises(ValueError, match=r"fillvalue: expected a number >= 0 .*, got -2"):
            qconv.convolve([1, 2], [1, 1], method=qconv.Diffusion(), fillvalue=-2)

    @pytest.mark.parametrize("steps", [0, -1])
    def test_steps(self, steps):
        with pytest.raises(ValueError, match=f"steps: expected an integer >= 1, got {steps}"):
            qconv.Diffusion(steps=steps)

    @pytest.mark.parametrize("steps", [1.5, "2", True, None])
    def test_kinds_of_steps(self, steps):
        with pytest.raises(TypeError, match="steps: expected"):
            qconv.Diffusion(steps=steps)

    @pytest.mark.parametrize("make", [qconv.Diffusion, qconv.Interference])
    def test_adders(self, make):
        with pytest.raises(ValueError, match=r"adder: expected .*ripple.*, got 'carry'"):
            make(adder="carry")
        with pytest.raises(ValueError, match="adder: expected"):
            qconv.Interference(adder="classical")

    @pytest.mark.parametrize("make", [qconv.Interference, qconv.Fourier])
    @pytest.mark.parametrize("signed", [1, "yes", None])
    def test_signed(self, make, signed):
        with pytest.raises(TypeError, match="signed: expected"):
            make(signed=signed)


class TestNothing:
    """If no shot can succeed, the result is zero, with a warning, and nothing runs."""

    def check(self, image, kernel, method, message, shots=10):
        with pytest.warns(RuntimeWarning, match=message):
            result = qconv.convolve(
                image, kernel, method=method, shots=shots, mode="same", boundary="wrap", seed=1
            )
        assert (result.image == 0).all()
        assert (result.stderr == 0).all()
        assert result.circuits == ()
        assert result.success_probability == result.expected_success == 0
        assert result.total_shots == (0 if shots is None else shots * image.size)
        return result

    @pytest.mark.parametrize("method", METHODS, ids=str)
    @pytest.mark.parametrize("shots", [10, None])
    def test_black(self, method, shots):
        self.check(np.zeros((5, 4)), KERNEL, method, "image: zero everywhere", shots)

    @pytest.mark.parametrize("method", METHODS[3:], ids=str)
    @pytest.mark.parametrize("level", [1.0, 1e-200, 37.7])
    def test_constant(self, method, level, tmp_path):
        result = self.check(np.full((8, 8), level), EDGE, method, "the success probability is 0")
        result.save(tmp_path / "r.npz")
        assert qconv.Convolution.load(tmp_path / "r.npz").circuits == ()
        assert "success probability" in str(result)

    def test_diffusion_of_a_constant_is_no_exception(self):
        result = qconv.convolve(
            np.ones((8, 8)), EDGE, method=qconv.Diffusion(), mode="same", boundary="wrap", seed=1
        )
        assert result.success_probability == 1
        assert abs(result.image.mean()) < 6.5 * result.stderr.mean() / 8
