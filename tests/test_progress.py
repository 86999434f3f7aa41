"""Progress bars go to standard error, and do not affect results."""

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


WHOLE = [
    (qconv.Diffusion(), ["building a circuit", "simulating a circuit of 8 qubits"]),
    (qconv.AmplitudeEstimation((0, 1)), ["simulating a circuit of", "circuit"]),
    (qconv.Blocks(qconv.Fourier(), "overlap-save", 6), ["simulating a circuit of 6 qubits", "/"]),
]


@pytest.mark.parametrize(("method", "words"), WHOLE, ids=lambda value: str(value)[:12])
@pytest.mark.parametrize("backend", [None, AerSimulator()], ids=["drawn", "measured"])
def test_whole_images_show_signs_of_life(method, words, backend, capsys):
    image = np.random.default_rng(0).random((4, 4))
    how = {"method": method, "mode": "same", "boundary": "wrap", "shots": 20, "seed": 1}
    quiet = qconv.convolve(image, EDGE, backend=backend, **how)
    assert capsys.readouterr() == ("", "")
    shown = qconv.convolve(image, EDGE, backend=backend, progress=True, **how)
    out, err = capsys.readouterr()
    assert out == ""
    for word in words if backend is None else ["shot"]:
        assert word in err
    assert np.array_equal(quiet.image, shown.image)
