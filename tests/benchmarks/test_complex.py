"""Complex numbers: many random cases, and the errors of real and imaginary part of every method.

    python -m pytest tests/benchmarks/test_complex.py -s

Random cases take about eight minutes, the errors about ten.
"""

from collections import Counter

import numpy as np
import pytest
from scipy import signal

import qconv
from tests.complex_cases import METHODS, check, check_filter, numbers

#: Methods, each with its shots per pixel.
SHOTS = {
    "collapse": 500,
    "baseline": 500,
    "fourier": 1000,
    "fourier amplified": 1000,
    "interference": 1000,
    "interference amplified": 1000,
    "estimation": 400,
    "estimation local": 400,
    "blocks": 1000,
    "blocks saved": 1000,
}

#: Random images; each has independent errors.
RUNS = 20


def test_many():
    compared = Counter(map(check, range(1500)))
    missing = compared.pop(None)
    print(f"{compared.total()} cases equal to 1e-10 of the scale, {missing} do not exist")
    for name, count in compared.items():
        print(f"{name:<24}{count}")
    assert compared.total() > 1000
    assert set(compared) == set(METHODS)
    for seed in range(300):
        check_filter(seed)


def squares(name):
    """Return z^2 of real and imaginary part, and chi-square of both; 20 runs of 1,024 pixels."""
    image, kernel = numbers((32, 32), 1), numbers((3, 3), 2)
    where = {"mode": "same", "boundary": "wrap"}
    expected = signal.convolve2d(image, kernel, **where)
    found = []
    for seed in range(RUNS):
        how = {"shots": SHOTS[name], "seed": seed, "method": METHODS[name]}
        result = qconv.convolve(image, kernel, **where, **how)
        error, a, b = result.image - expected, result.stderr.real, result.stderr.imag
        correlation = result.covariance / (a * b)
        u, v = error.real / a, error.imag / b
        chi = (u**2 - 2 * correlation * u * v + v**2) / (1 - correlation**2)
        found.append([u**2, v**2, chi / 2])
    return np.array(found)


@pytest.mark.parametrize("name", SHOTS)
def test_errors(name):
    """Means of z^2 of both parts are 1 within 0.02, and of chi-square of both parts 2.

    The standard deviation of a mean of 20,480 values is 0.01 for z^2 and 0.007 for half of
    chi-square. Five of them are allowed (rate 6e-7 each).
    """
    real, imaginary, both = squares(name).mean(axis=(0, 2, 3))
    print(f"{name:<24} real {real:.4f}, imaginary {imaginary:.4f}, chi-square / 2 {both:.4f}")
    assert abs(real - 1) < 0.05
    assert abs(imaginary - 1) < 0.05
    assert abs(both - 1) < 0.035
