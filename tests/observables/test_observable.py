"""Observables: their weights, and errors for unsuitable regions."""

import numpy as np
import pytest

import qconv


def test_weights():
    mask = np.array([[True, False], [True, True]])
    assert qconv.Total(mask).weights((2, 2)).tolist() == [[1, 0], [1, 1]]
    assert np.allclose(qconv.Mean(mask).weights((2, 2)), mask / 3)
    assert qconv.Energy((slice(1, 2),)).weights((2, 2)).tolist() == [[0, 0], [1, 1]]
    assert qconv.Overlap([1, -2]).weights((2,)).tolist() == [1, -2]
    assert qconv.Energy().quadratic
    assert not qconv.Mean().quadratic


@pytest.mark.parametrize(
    ("region", "error", "message"),
    [
        (slice(5, 9), ValueError, "at least one pixel"),
        ((slice(0, 1),) * 3, ValueError, "at most 2 slices"),
        (np.ones((3, 2), bool), ValueError, "shape of the result"),
        ((1, 2), TypeError, "slices or an array of bools"),
        ("all", TypeError, "slices or an array of bools"),
    ],
)
def test_unsuitable_regions(region, error, message):
    with pytest.raises(error, match=f"region: .*{message}"):
        qconv.Total(region).weights((2, 2))


@pytest.mark.parametrize("radii", [(2, 1), (-1, 1), (1, 1)])
def test_unsuitable_bands(radii):
    with pytest.raises(ValueError, match="high: expected a number above low"):
        qconv.Band(*radii)


def test_unsuitable_weights():
    with pytest.raises(ValueError, match="weights: expected the shape of the result"):
        qconv.Overlap([1, 2]).weights((3,))


@pytest.mark.parametrize(
    ("observable", "text"),
    [
        (qconv.Energy(), "Energy"),
        (qconv.Mean((slice(1, 3), slice(None, 4, 2))), "Mean[1:3, :4:2]"),
        (qconv.Total(slice(2, None)), "Total[2:]"),
        (qconv.Total(np.array([True, False, True])), "Total, a mask of 2 pixels"),
        (qconv.Overlap([1, 2]), "Overlap"),
        (qconv.Band(0, 2.5), "Band(0, 2.5)"),
    ],
    ids=str,
)
def test_texts(observable, text):
    assert str(observable) == text
