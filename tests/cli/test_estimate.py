"""The commands ``qconv estimate`` and ``qconv plan --observable``, as users type them."""

import numpy as np
import pytest
from skimage.io import imsave

import qconv
from qconv.cli import main

PIXELS = np.random.default_rng(1).integers(0, 256, (8, 8)).astype(np.uint8)
WHERE = {"mode": "same", "boundary": "wrap"}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "small.png"
    imsave(path, PIXELS, check_contrast=False)
    return str(path)


def test_a_number(picture, capsys):
    words = ["--boundary", "wrap", "--shots", "500", "--seed", "3"]
    assert main(["estimate", picture, *words]) == 0
    edges = qconv.named_kernel("edge")
    how = {"method": qconv.Fourier(), "shots": 500, "seed": 3}
    expected = qconv.estimate(PIXELS.astype(float), edges, qconv.Energy(), **how, **WHERE)
    head = "input 8 x 8, kernel edge, seed 3"
    assert capsys.readouterr().out == f"{head}\n\n{expected}\n"


def test_several_numbers_of_a_region(picture, capsys):
    words = ["--kernel", "gaussian", "--method", "collapse", "--exact", "--region", "2:5,:4"]
    words += ["--observable", "mean", "--observable", "total"]
    assert main(["estimate", picture, *words]) == 0
    shown = capsys.readouterr().out
    assert "Mean[0:4, :4]" not in shown
    assert "Mean[2:5, 0:4]" in shown
    assert "Total[2:5, 0:4]" in shown


def test_short_names_in_a_table(picture, capsys):
    words = ["--observable", "mean", "--observable", "total", "--exact"]
    assert main(["estimate", picture, *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["observable", "Mean", "Total"]


def test_relative_tolerances_and_bands(picture, capsys):
    words = ["--boundary", "wrap", "--observable", "band:1:3", "--relative", "0.1"]
    assert main(["estimate", picture, "--estimator", "schedule", *words]) == 0
    assert "Band(1, 3)" in capsys.readouterr().out


def test_a_plan(picture, tmp_path, capsys):
    file = tmp_path / "a.qasm"
    words = ["--executions", "300", "--method", "fourier", "--observable", "energy"]
    words += ["--boundary", "wrap", "--export", str(file)]
    assert main(["plan", picture, *words]) == 0
    shown = capsys.readouterr().out
    assert "observable                Energy\n" in shown
    assert "oracle calls              300\n" in shown
    assert f"exported 1 circuit to {file}" in shown
    assert shown.endswith("\n")
    assert file.read_text().startswith("OPENQASM 3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["estimate", "--observable", "edges"], "expected energy, total, mean or band"),
        (["estimate", "--observable", "band:3:1"], "0 <= LOW < HIGH"),
        (["estimate", "--region", "1-3"], "expected slices such as"),
        (["estimate", "--shots", "5", "--exact"], "expected one of --shots"),
        (["estimate", "--shots", "5", "--relative", "0"], "expected one of --shots"),
        (["plan", "--executions", "9", "--observable", "mean"], "--observable: requires --method"),
    ],
)
def test_refused(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err
