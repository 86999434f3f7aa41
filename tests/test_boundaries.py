"""Boundaries by all of their names, against ``numpy.pad`` and ``scipy.ndimage``.

tests/benchmarks/test_boundaries.py compares some thousand further cases.
"""

import numpy as np
import pytest

import classical
import qconv
from classical.convolution import BOUNDARIES as REFERENCE
from classical.convolution import SYNONYMS
from qconv.grid import BOUNDARIES, OTHER_NAMES, PAD_MODES
from tests.boundaries import METHODS, NAMES, by_ndimage, by_numpy, check, random_case

LETTERS = np.array([1.0, 2, 3, 4])


@pytest.mark.parametrize("part", range(4))
def test_random_cases(part):
    assert sum(check(seed) for seed in range(40 * part, 40 * (part + 1))) > 30


def test_all_names_are_tried():
    assert set(NAMES) == set(BOUNDARIES) == {*REFERENCE, *SYNONYMS}
    assert SYNONYMS == OTHER_NAMES
    assert {name: NAMES[name][0] for name in REFERENCE} == PAD_MODES


@pytest.mark.parametrize(
    ("boundary", "before", "after"),
    [
        ("reflect", [4, 3, 2, 1], [4, 3, 2, 1]),
        ("mirror", [3, 4, 3, 2], [3, 2, 1, 2]),
        ("nearest", [1, 1, 1, 1], [4, 4, 4, 4]),
        ("wrap", [1, 2, 3, 4], [1, 2, 3, 4]),
        ("constant", [9, 9, 9, 9], [9, 9, 9, 9]),
    ],
)
def test_by_hand(boundary, before, after):
    """Kernels of one position return the pixels before and after the image."""
    for function in (qconv.convolve, classical.convolve):
        how = {"shots": None} if function is qconv.convolve else {}
        impulse = np.zeros(9)
        impulse[[0, 8]] = 1, 100
        seen = function(LETTERS, impulse, "same", boundary, cval=9, **how)
        image = seen if function is classical.convolve else seen.image
        np.testing.assert_allclose(image, np.add(np.multiply(before, 100), after), atol=1e-9)


@pytest.mark.parametrize("boundary", NAMES)
@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize(
    ("shape", "kernel_shape"), [((1,), (5,)), ((1, 4), (3, 3)), ((2, 1, 3), (3, 1, 4))]
)
def test_axes_of_length_one(method, boundary, shape, kernel_shape):
    rng = np.random.default_rng(3)
    image, kernel = rng.random(shape), rng.normal(size=kernel_shape)
    expected = by_ndimage(image, kernel, boundary, 0.5)
    where = {"mode": "same", "boundary": boundary, "cval": 0.5}
    seen = qconv.convolve(image, kernel, method=method, shots=None, **where)
    np.testing.assert_allclose(seen.image, expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(classical.convolve(image, kernel, **where), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(200, 240))
def test_reference(seed):
    image, kernel, _, where = random_case(seed)
    value = where.get("cval", where.get("fillvalue"))
    expected = by_numpy(image, kernel, where["mode"], where["boundary"], value)
    if expected is not None:
        seen = classical.convolve(image, kernel, **where)
        np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-12)


def test_names_give_the_same_shots():
    image, kernel = np.arange(20.0).reshape(4, 5), [[1, 2, 1]]
    how = {"mode": "same", "shots": 10}
    for name, meaning in OTHER_NAMES.items():
        one = qconv.convolve(image, kernel, boundary=name, seed=1, **how)
        two = qconv.convolve(image, kernel, boundary=meaning, seed=1, **how)
        assert np.array_equal(one.image, two.image)
        more = qconv.convolve(image, kernel, boundary=meaning, seed=2, **how)
        assert (one + more).shots == 20
