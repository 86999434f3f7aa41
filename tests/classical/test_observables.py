"""Single numbers of a picture."""

import numpy as np
import pytest

import classical


def test_against_loops():
    rng = np.random.default_rng(5)
    picture, weights = rng.normal(size=(2, 4, 5))
    region = (slice(1, 3), slice(2, 5))
    inside = [(y, x) for y in range(1, 3) for x in range(2, 5)]
    values = [picture[place] for place in inside]
    assert np.isclose(classical.energy(picture, region), sum(value**2 for value in values))
    assert np.isclose(classical.total(picture, region), sum(values))
    assert np.isclose(classical.mean(picture, region), sum(values) / len(values))
    pairs = zip(picture.flat, weights.flat, strict=True)
    assert np.isclose(classical.overlap(picture, weights), sum(p * w for p, w in pairs))


def test_energy_of_complex_numbers():
    assert classical.energy([3 + 4j, 1j]) == 26


def test_sums_of_complex_numbers():
    picture, weights = np.array([3 + 4j, 1j]), np.array([1j, 2])
    assert classical.total(picture) == 3 + 5j
    assert classical.mean(picture, slice(1, 2)) == 1j
    assert classical.overlap(picture, weights) == -1j * (3 + 4j) + 2j


def test_shapes_differ():
    with pytest.raises(ValueError, match="weights: expected the shape"):
        classical.overlap([1, 2], [1, 2, 3])
