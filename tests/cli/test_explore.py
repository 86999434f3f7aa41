"""The interactive page: its data from the library, and the command that opens it."""

import base64
import importlib.util
import json
import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qconv.cli import explore, main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "explore"
KINDS = ("plain", "baseline")


def exporter():
    """Import the script that writes the page's data as a module."""
    spec = importlib.util.spec_from_file_location("explore_export", ROOT / "docs/explore_export.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def committed(name):
    """Read the array that a data file of the page assigns: JSON except for names and commas."""
    text = (FOLDER / name).read_text()
    body = re.sub(r",\n\];\n$", "\n]", text[text.index("= [") + 2 :])
    return json.loads(re.sub(r"(?<=[{ ])(name|height|width|grey):", r'"\1":', body))


NAMES = exporter().KERNELS


@pytest.fixture(scope="module")
def kernels():
    return {kernel["name"]: kernel for kernel in committed("kernels.js")}


@pytest.fixture(scope="module")
def today():
    return {kernel["name"]: kernel for kernel in exporter().named_kernels()}


def test_every_kernel_is_there(kernels, today):
    assert list(kernels) == list(today) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_kernels_and_distributions_are_the_librarys(name, kernels, today):
    np.testing.assert_allclose(kernels[name]["kernel"], today[name]["kernel"], rtol=1e-12)
    for kind in KINDS:
        for key in ("p", "w"):
            is_, should_be = kernels[name][kind][key], today[name][kind][key]
            np.testing.assert_allclose(is_, should_be, rtol=1e-12, atol=0)


def prepared(gates):
    """Return the amplitudes that exported gates prepare, shape ``(4, 4)``: kernel rows, columns."""
    circuit = QuantumCircuit(4)
    for name, qubits, *parameters in gates:
        getattr(circuit, name)(*parameters, *qubits)
    return Statevector(circuit).data.reshape(4, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_gates_are_the_librarys(name, kind, kernels, today):
    """The circuits are the same; angles may differ by the rounding of the linear algebra.

    If another version of the linear algebra finds another circuit, it has the same number of CZ,
    and the committed circuit still prepares the state.
    """
    is_, should_be = kernels[name][kind], today[name][kind]
    assert {gate[0] for gate in is_["gates"]} <= {"ry", "h", "x", "z", "cz"}
    amplitudes = prepared(is_["gates"])
    wanted = np.sqrt(np.reshape(should_be["p"], (3, 3)))
    sign = np.sign(amplitudes[:3, :3].real.sum())
    np.testing.assert_allclose(sign * amplitudes[:3, :3], wanted, rtol=0, atol=1e-12)
    assert np.abs(amplitudes[3]).max() < 1e-12
    assert np.abs(amplitudes[:, 3]).max() < 1e-12
    layout = [[gate[:2] for gate in found["gates"]] for found in (is_, should_be)]
    if layout[0] != layout[1]:
        cz = [[name for name, _ in gates].count("cz") for gates in layout]
        assert cz[0] == cz[1]


def test_photographs_are_scikit_images():
    today = exporter().photographs()
    kept = {photo["name"]: photo for photo in committed("photos.js")}
    assert list(kept) == list(today) == ["camera", "coins", "astronaut"]
    for name, photo in kept.items():
        grey = np.frombuffer(base64.b64decode(photo["grey"]), np.uint8)
        pixels = grey.reshape(photo["height"], photo["width"]).astype(int)
        assert pixels.shape == (128, 128)
        assert np.abs(pixels - today[name]).max() <= 1, name  # colours may be rounded differently


def test_small_and_without_a_network():
    files = list(FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) <= 2**20
    for path in files:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import |WebSocket", text), path
        if path.name not in ("kernels.js", "photos.js"):
            assert len(text.splitlines()) <= 400, path


def test_the_command_prints_a_page(capsys):
    assert main(["explore", "--print"]) == 0
    out, err = capsys.readouterr()
    page = Path(out.removesuffix("\n"))
    assert page.name == "index.html"
    assert "Explore" in page.read_text()
    assert err == ""


@pytest.mark.parametrize("found", [True, False])
def test_the_command_opens_the_page(found, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or found)
    assert main(["explore"]) == 0
    out, _ = capsys.readouterr()
    assert opened == out.splitlines()[:1]
    assert opened[0] in [(place / "index.html").as_uri() for place in explore.PLACES]
    assert ("no browser" in out) is not found


def test_the_command_says_that_the_page_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(explore, "PLACES", (tmp_path / "explore",))
    assert main(["explore"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "found none" in err


def test_the_command_prefers_the_installed_page(capsys, monkeypatch, tmp_path):
    installed, source = explore.PLACES
    assert installed.parts[-2:] == ("qconv", "explore")
    assert source.parts[-2:] == ("docs", "explore")
    places = tmp_path / "installed", tmp_path / "source"
    monkeypatch.setattr(explore, "PLACES", places)
    for place in reversed(places):
        place.mkdir()
        (place / "index.html").write_text("")
        assert main(["explore", "--print"]) == 0
        assert capsys.readouterr().out == f"{place / 'index.html'}\n"


def test_the_command_takes_no_more(capsys):
    assert main(["explore", "photo.png"]) == 2
    assert "photo.png" in capsys.readouterr().err
