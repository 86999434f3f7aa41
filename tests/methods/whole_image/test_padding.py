"""Padding schemes of the Fourier circuit, and unitary filters."""

import numpy as np
import pytest
from scipy import signal

import classical
import qconv
from qconv.convolution import plan
from qconv.methods.whole_image.register_layout import PADDINGS
from tests.cases import BOUNDARIES, MODES, close, convolve2d, correlate2d

KERNEL_ONLY = ("kernel", "wrapped")


def case(shape=(16, 8), kernel=(3, 4), seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=kernel)


def through(image, kernel, padding, *, verb=qconv.convolve, signed=True, **where):
    method = qconv.Fourier(signed=signed, padding=padding)
    return verb(image, kernel, method=method, shots=None, **where)


@pytest.mark.parametrize("padding", ["auto", "both"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("verb", ["convolve", "correlate"])
def test_those_that_always_fit(padding, mode, boundary, verb):
    image, kernel = case()
    where = {"mode": mode, "boundary": boundary}
    expected = {"convolve": convolve2d, "correlate": correlate2d}[verb](image, kernel, **where)
    close(through(image, kernel, padding, verb=getattr(qconv, verb), **where).image, expected)


@pytest.mark.parametrize("padding", KERNEL_ONLY)
@pytest.mark.parametrize("verb", ["convolve", "correlate"])
@pytest.mark.parametrize(
    ("shape", "where"),
    [
        ((16, 8), {"mode": "same", "boundary": "wrap"}),
        ((16, 8), {"mode": "full", "boundary": "wrap"}),
        ((16, 8), {"mode": "valid", "boundary": "fill"}),
        ((13, 6), {"mode": "valid", "boundary": "symm"}),
        ((13, 5), {"mode": "same", "boundary": "fill"}),  # zeros up to the next power of two
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_the_kernel_alone(padding, verb, shape, where, signed):
    image, kernel = case(shape)
    expected = getattr(signal, f"{verb}2d")(image, kernel, **where)
    result = through(image, kernel, padding, verb=getattr(qconv, verb), signed=signed, **where)
    close(result.image, expected if signed else np.abs(expected))
    sizes = {r.name: r.size for r in result.circuits[0].qregs}
    assert sizes["row"] == 4
    assert sizes["column"] == 3


def test_where_the_result_lies_on_the_cells():
    """With 'kernel', the result is displaced by the centre; with 'wrapped', it is not."""
    image, kernel = case()
    where = {"mode": "same", "boundary": "wrap"}
    for padding in KERNEL_ONLY:
        method = qconv.Fourier(signed=False, padding=padding)
        problem = plan(image, kernel, method=method, **where)
        cells = _raw_cells(method, problem)
        scheme = classical.fourier_convolve(image, kernel, padding=padding)
        scale = cells.max() / np.abs(scheme).max()
        np.testing.assert_allclose(cells, scale * np.abs(scheme), atol=1e-12)


def _raw_cells(method, problem):
    """Return the amplitudes of all basis states for flag 0, as the circuit prepares them."""
    from qiskit.quantum_info import Statevector

    circuit = problem.run().circuits[0].remove_final_measurements(inplace=False)
    bare = circuit.copy_empty_like()
    content = problem.image / np.linalg.norm(problem.image)
    for item in circuit:
        if item.operation.name not in ("initialize", "barrier"):
            bare.append(item)
    start = np.zeros(2**bare.num_qubits, dtype=complex)
    start[: content.size] = content.ravel()
    state = Statevector(start).evolve(bare)
    return np.abs(state.data[: content.size]).reshape(content.shape)


@pytest.mark.parametrize("verb", ["convolve", "correlate"])
def test_none(verb):
    image, kernel = case((8, 4), (8, 4))
    where = {"mode": "same", "boundary": "wrap"}
    expected = getattr(signal, f"{verb}2d")(image, kernel, **where)
    result = through(image, kernel, "none", verb=getattr(qconv, verb), **where)
    close(result.image, expected)


@pytest.mark.parametrize("padding", PADDINGS)
def test_sampled(padding):
    """3,072 z-scores; 6.9 standard deviations, at most one false alarm in 6e7 tests."""
    image, kernel = case((16, 64), (16, 64) if padding == "none" else (5, 3))
    where = {"mode": "same", "boundary": "wrap"}
    exact = classical.convolve(image, kernel, **where)
    result = qconv.convolve(
        image, kernel, method=qconv.Fourier(padding=padding), shots=3000, seed=4, **where
    )
    assert np.abs((result.image - exact) / result.stderr).max() < 6.9


@pytest.mark.parametrize("padding", KERNEL_ONLY)
@pytest.mark.parametrize(
    ("shape", "kernel", "where", "message"),
    [
        (
            (16, 8),
            (3, 3),
            {},
            "has only 16 basis states along axis 0, so some of the 18 outputs",
        ),
        ((16, 8), (3, 3), {"mode": "same"}, "boundary 'fill' would wrap around; expected 'both'"),
        (
            (16, 8),
            (1, 3),
            {"mode": "same", "boundary": "symm"},
            "along axis 1, so some of the 8 outputs",
        ),
        (
            (13, 16),
            (5, 3),
            {"mode": "same", "boundary": "wrap"},
            "has only 16 basis states along axis",
        ),
        ((4, 4), (5, 3), {"mode": "same", "boundary": "wrap"}, "pads the kernel to the image's"),
    ],
)
def test_refused(padding, shape, kernel, where, message):
    image, k = case(shape, kernel)
    with pytest.raises(ValueError, match=f"padding: '{padding}' .*{message}"):
        through(image, k, padding, **where)


def test_none_needs_one_shape():
    image, kernel = case((8, 8), (3, 3))
    with pytest.raises(ValueError, match=r"padding: 'none' requires a kernel of the image's shape"):
        through(image, kernel, "none", mode="same", boundary="wrap")
    with pytest.raises(ValueError, match=r"padding: 'none' has .* would wrap around"):
        through(image, image, "none", mode="same", boundary="fill")
    with pytest.raises(ValueError, match="padding: expected one of 'auto', 'both', 'kernel'"):
        qconv.Fourier(padding="zero")


# ----------------------------------------------------------------------------- unitary filters


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("shape", [(16,), (8, 4), (2, 4, 4)])
def test_phases_need_no_flag(signed, shape):
    rng = np.random.default_rng(1)
    image, noise = rng.normal(size=(2, *shape))
    phases = np.exp(1j * np.angle(np.fft.fftn(noise)))
    expected = classical.filter_frequencies(image, phases)
    method = qconv.Fourier(signed=signed)
    result = qconv.filter_frequencies(image, phases, method=method, shots=None)
    close(result.image, expected if signed else np.abs(expected))
    assert "flag" not in [register.name for register in result.circuits[0].qregs]
    assert np.isclose(result.success_probability, 1, atol=1e-12)
    sampled = qconv.filter_frequencies(image, phases, method=method, shots=4000, seed=2)
    assert sampled.expected_success == pytest.approx(1)
    if signed:
        # at most 64 pixels: a false alarm in 2e8
        assert np.abs((sampled.image - expected) / sampled.stderr).max() < 6.5
    else:
        assert sampled.success_probability == 1


def test_a_displacement_needs_no_flag():
    image, _ = case()
    kernel = np.zeros((3, 3))
    kernel[0, 2] = -2.5
    where = {"mode": "same", "boundary": "wrap"}
    result = through(image, kernel, "auto", **where)
    close(result.image, convolve2d(image, kernel, **where))
    assert result.circuits[0].num_qubits == 8  # 7 for the position, one for the reference


def test_nearly_unitary_is_not():
    image, _ = case()
    mask = np.ones(image.shape)
    mask[3, 2] = mask[-3, -2] = 1 - 1e-6
    result = qconv.filter_frequencies(image, mask, shots=None)
    assert result.circuits[0].qregs[-1].name == "flag"
    close(result.image, classical.filter_frequencies(image, mask))
