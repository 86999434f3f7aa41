"""Transfer functions against their formulas, and against SciPy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage, signal

import qconv
from qconv import transfer


def filtered(image, factors):
    return np.fft.ifftn(np.fft.fftn(image) * factors)


def test_gaussian():
    image = np.random.default_rng(1).random((64, 64))
    expected = ndimage.gaussian_filter(image, 3.0, mode="wrap", truncate=8)
    assert np.abs(filtered(image, transfer.gaussian((64, 64), 3.0)) - expected).max() < 1e-6
    assert np.array_equal(transfer.gaussian((5, 6), (0, 0)), np.ones((5, 6)))


def test_shift():
    image = np.random.default_rng(2).random((8, 9))
    assert np.allclose(
        filtered(image, transfer.shift((8, 9), (2, -3))), np.roll(image, (2, -3), (0, 1))
    )


def test_free_particle_spreads_as_the_schroedinger_equation_says():
    """A Gaussian of width s has the width s sqrt(1 + (t / (2 m s^2))^2) after the time t."""
    x = np.arange(512.0) - 256
    wave = np.exp(-(x**2) / (4 * 8.0**2)).astype(complex)
    for time, mass in ((100.0, 1.0), (100.0, 2.0), (-100.0, 1.0)):
        later = np.abs(filtered(wave, transfer.free_particle((512,), time, mass))) ** 2
        width = np.sqrt((later * x**2).sum() / later.sum())
        assert abs(width - 8 * np.sqrt(1 + (time / (2 * mass * 64)) ** 2)) < 1e-6


def test_fresnel_is_the_integral():
    """The diffraction integral over the slit, in the near field."""
    n, pixel, wavelength, distance = 1024, 1e-5, 5e-7, 0.05
    x = (np.arange(n) - n // 2) * pixel
    slit = (np.abs(x) < 1e-3).astype(complex)
    field = filtered(slit, transfer.fresnel((n,), distance, wavelength, pixel))
    phase = np.exp(1j * np.pi / (wavelength * distance) * (x[:, None] - x[None]) ** 2)
    integral = phase @ slit * pixel / np.sqrt(1j * wavelength * distance)
    middle = slice(n // 2 - 50, n // 2 + 50)
    assert np.abs(np.abs(field) - np.abs(integral))[middle].max() < 0.05
    assert np.allclose(np.abs(transfer.fresnel((6, 7), 1.0, 1.0)), 1)


@pytest.mark.parametrize("length", [15, 16])
def test_hilbert(length):
    x = np.random.default_rng(3).normal(size=length)
    analytic = x + 1j * filtered(x, transfer.hilbert(length)).real
    assert np.abs(analytic - signal.hilbert(x)).max() < 1e-12


def test_riesz():
    total = sum(np.abs(transfer.riesz((9, 11), axis)) ** 2 for axis in (0, 1))
    total[0, 0] += 1
    assert np.allclose(total, 1)
    image = np.random.default_rng(4).random((9, 8))
    for axis in (0, 1):
        assert np.abs(filtered(image, transfer.riesz((9, 8), axis)).imag).max() < 1e-12


def test_gabor_responds_to_its_texture():
    rows, columns = np.mgrid[:64, :64]
    for theta in (0.0, np.pi / 2, np.pi / 4):
        wave = np.cos(2 * np.pi * 0.25 * (columns * np.cos(theta) + rows * np.sin(theta)))
        own = np.abs(filtered(wave, transfer.gabor((64, 64), 0.25, theta, sigma=6)))[32, 32]
        other = np.abs(filtered(wave, transfer.gabor((64, 64), 0.25, theta + 1.5, sigma=6)))[32, 32]
        assert own > 0.4
        assert other < 0.01


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: transfer.fresnel((8, 8, 8, 8), 1, 1), ValueError, "shape: expected 1 or 2 or 3"),
        (lambda: transfer.fresnel(8, 1, 1), TypeError, "shape: expected a sequence of integers"),
        (lambda: transfer.fresnel((8,), 1, 0), ValueError, "wavelength: expected a number > 0"),
        (lambda: transfer.shift((8, 8), 1), ValueError, "offset: expected one number per axis, 2"),
        (lambda: transfer.gaussian((8,), -1), ValueError, "sigma: expected numbers >= 0, got -1"),
        (lambda: transfer.gabor((8, 8), 0.6, sigma=1), ValueError, "frequency: expected a number"),
        (lambda: transfer.gabor((8,), 0.1, sigma=1), ValueError, "shape: expected 2 axes, got 1"),
        (lambda: transfer.riesz((8,), 1), ValueError, "axis: expected an integer <= 0, got 1"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_every_execution_of_a_unitary_filter_succeeds():
    rng = np.random.default_rng(5)
    field = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
    for factors in (
        transfer.fresnel((8, 8), 7.0, 0.5),
        transfer.free_particle((8, 8), 2.0),
        transfer.shift((8, 8), (0.5, 1.25)),
    ):
        result = qconv.filter_frequencies(field, factors, shots=None)
        assert abs(result.success_probability - 1) < 1e-12
        assert np.abs(result.image - filtered(field, factors)).max() < 1e-12
