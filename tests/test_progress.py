"""Progress bars go to standard error, and change nothing."""

import numpy as np
import pytest
from qiskit_aer import AerSimulator

import qconv
from tests.cases import EDGE, random_integers

IMAGE = random_integers((70, 80), 0)


@pytest.mark.parametrize("how", [{}, {"shots": None}, {"backend": AerSimulator(), "shots": 20}])
def test_same_bytes(how, capsys):
    quiet = qconv.convolve(IMAGE, EDGE, seed=1, **how)
    assert capsys.readouterr() == ("", "")
    shown = qconv.convolve(IMAGE, EDGE, seed=1, progress=True, **how)
    out, err = capsys.readouterr()
    assert out == ""
    assert "tile" in err
    if "backend" in how:
        assert "shot" in err
    assert np.array_equal(quiet.image, shown.image)
