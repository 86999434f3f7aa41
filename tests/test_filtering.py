"""Frequency filters in a circuit, compared with classical filters by NumPy's FFT."""

import numpy as np
import pytest

import classical
import qconv
from tests.cases import close

SHAPES = [(16,), (7,), (8, 8), (8, 16), (6, 5), (1, 9), (4, 2, 4), (3, 2, 2)]


def picture(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def masks(shape):
    return {
        "low": classical.low_pass(shape, 1.5),
        "high": classical.high_pass(shape, 1),
        "band": classical.band_pass(shape, 0.5, 2.5),
        "gaussian": classical.gaussian_pass(shape, 2.0),
        "all": np.ones(shape),
        "half": np.full(shape, -0.5),
    }


def phases(shape, seed=1):
    """Return a random transfer function of a real filter, with largest magnitude 1."""
    transfer = np.fft.fftn(picture(shape, seed))
    return transfer / np.abs(transfer).max()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", masks((2,)))
def test_masks(shape, name):
    image, mask = picture(shape), masks(shape)[name]
    expected = classical.filter_frequencies(image, mask)
    result = qconv.filter_frequencies(image, mask, shots=None)
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-12)
    magnitudes = qconv.filter_frequencies(
        image, mask, method=qconv.Fourier(signed=False), shots=None
    )
    np.testing.assert_allclose(magnitudes.image, np.abs(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_phases(shape):
    image, transfer = picture(shape), phases(shape)
    expected = classical.filter_frequencies(image, transfer)
    close(qconv.filter_frequencies(image, transfer, shots=None).image, expected, 1e-12)


def test_a_kernel_is_its_transfer_function(small_camera):
    kernel = qconv.named_kernel("emboss")
    transfer = classical.transfer_function(kernel, small_camera.shape)
    scale = np.abs(transfer).max()
    result = qconv.filter_frequencies(small_camera, transfer / scale, shots=None)
    where = {"mode": "same", "boundary": "wrap"}
    close(scale * result.image, classical.convolve(small_camera, kernel, **where))


def test_powers_of_two_need_no_margin(small_camera):
    mask = classical.low_pass((64, 64), 12)
    assert qconv.filter_frequencies(small_camera, mask, shots=1).circuits[0].num_qubits == 12 + 2
    mask = classical.low_pass((64, 63), 12)
    odd = qconv.filter_frequencies(small_camera[:, :63], mask, shots=1)
    assert odd.circuits[0].num_qubits > 14


@pytest.mark.parametrize("seed", range(3))
def test_shots(small_camera, seed):
    """Mean of z**2 over 4096 pixels of 500 counts and more: within 6.5 standard deviations."""
    mask = classical.gaussian_pass((64, 64), 10)
    result = qconv.filter_frequencies(small_camera, mask, shots=1000, seed=seed)
    z = (result.image - classical.filter_frequencies(small_camera, mask)) / result.stderr
    assert abs(np.mean(z**2) - 1) < 6.5 * np.sqrt(2.01 / z.size)
    assert abs(np.mean(z)) < 6.5 / 64
    away = result.success_probability - result.expected_success
    assert abs(away) < 6.5 * result.success_stderr


def test_success_is_the_energy_that_passes():
    image = picture((16, 16))
    mask = classical.low_pass((16, 16), 3)
    result = qconv.filter_frequencies(image, mask, method=qconv.Fourier(signed=False), shots=None)
    kept = np.abs(np.fft.fftn(image) * mask) ** 2
    assert np.isclose(result.success_probability, kept.sum() / np.sum(image**2) / image.size)


def test_nothing_passes():
    with pytest.warns(RuntimeWarning, match="the success probability is 0"):
        result = qconv.filter_frequencies(np.ones((8, 8)), classical.high_pass((8, 8), 0))
    assert (result.image == 0).all()
    with pytest.warns(RuntimeWarning, match="the success probability is 0"):
        result = qconv.filter_frequencies(picture((8, 8)), np.zeros((8, 8)))
    assert result.circuits == ()


@pytest.mark.parametrize("shape", [(4, 8), (5, 6)])
def test_channels_and_stacks(shape):
    image = np.random.default_rng(1).random((2, *shape, 3))
    transfer = classical.low_pass(shape, 1.5)
    where = {"axes": (1, 2), "channel_axis": -1}
    result = qconv.filter_frequencies(image, transfer, shots=None, **where)
    wide = transfer[None, ..., None]
    expected = np.fft.ifft2(np.fft.fft2(image, axes=(1, 2)) * wide, axes=(1, 2)).real
    np.testing.assert_allclose(result.image, expected, atol=1e-12)
    assert result.channel_axis == 3
    with pytest.raises(ValueError, match=r"shape of the axes that are filtered, \(2, 4\), got"):
        qconv.filter_frequencies(np.ones((2, 4, 3)), np.ones((2, 4, 3)), axes=(0, 1))


class TestRefused:
    @pytest.mark.parametrize(
        ("transfer", "message"),
        [
            (np.ones((4, 3)), r"transfer: expected the shape of the image, \(4, 4\), got \(4, 3\)"),
            (np.full((4, 4), 1.001), r"transfer: expected magnitudes of at most 1, got 1\.001"),
            (np.full((4, 4), 0.8 + 0.8j), "transfer: expected magnitudes of at most 1"),
            (np.full((4, 4), np.nan), "transfer: expected finite numbers"),
            (np.full((4, 4), 1j * np.inf), "transfer: expected finite numbers"),
            (np.ma.array(np.eye(4), mask=np.eye(4)), "transfer: .* masked entries, got 4 masked"),
            (np.ma.array(np.eye(4) + 0j, mask=np.eye(4)), "transfer: .* masked .* got 4 masked"),
        ],
    )
    def test_transfer(self, transfer, message):
        with pytest.raises(ValueError, match=message):
            qconv.filter_frequencies(picture((4, 4)), transfer)

    def test_kinds(self):
        with pytest.raises(TypeError, match="image"):
            qconv.filter_frequencies(np.full((4, 4), "a"), np.ones((4, 4)))
        with pytest.raises((TypeError, ValueError), match="transfer"):
            qconv.filter_frequencies(picture((4, 4)), np.full((4, 4), "a"))
        with pytest.raises(ValueError, match="shots"):
            qconv.filter_frequencies(picture((4, 4)), np.ones((4, 4)), shots=0)


def test_a_caller_who_has_numpy_raise():
    """Products that vanish are correct, whatever floating-point settings the caller chose."""
    image = np.outer([1.0, 1e-200, 0, 3], [1, 1e-150])
    transfer = np.full(image.shape, 1e-300)
    expected = qconv.filter_frequencies(image, transfer, shots=50, seed=1)
    with np.errstate(all="raise"):
        seen = qconv.filter_frequencies(image, transfer, shots=50, seed=1)
        other = qconv.filter_frequencies(image, transfer, shots=9, seed=2)
        assert str(seen + other)
        assert np.isfinite(seen.interval()[0]).all()
    assert np.array_equal(seen.image, expected.image)
