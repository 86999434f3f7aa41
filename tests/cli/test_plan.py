"""The command ``qconv plan``, as users type it."""

import numpy as np
import pytest
from skimage.io import imsave

import qconv
from qconv.cli import main


def test_a_colour_picture_is_planned_by_its_luminance(tmp_path, capsys):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (8, 8)).astype(np.uint8)
    coloured = np.stack([grey, grey, grey], axis=2)
    coloured[0, 0] = (80, 0, 0)
    grey[0, 0] = 17  # 0.2125 * 80
    printed = []
    for name, pixels in (("grey", grey), ("colour", coloured)):
        imsave(tmp_path / f"{name}.png", pixels, check_contrast=False)
        assert main(["plan", str(tmp_path / f"{name}.png"), "--executions", "1000"]) == 0
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0][0] == "input 8 x 8, kernel edge"
    assert printed[1][0] == "input 8 x 8 (luminance), kernel edge"
    assert printed[0][1:] == printed[1][1:]


@pytest.mark.slow
def test_a_kernel_of_ones_own(tmp_path, capsys):
    """The entries of a named kernel in a file give the same table."""
    picture = tmp_path / "small.png"
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8)).astype(np.uint8)
    imsave(picture, pixels, check_contrast=False)
    np.savetxt(tmp_path / "mine.csv", qconv.named_kernel("sharpen"), delimiter=";")
    printed = []
    for kernel in ("sharpen", str(tmp_path / "mine.csv")):
        assert main(["plan", str(picture), "--tolerance", "20", "--kernel", kernel]) == 0
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0][0].endswith("kernel sharpen")
    assert printed[1][0].endswith("kernel mine.csv")
    assert printed[0][1:] == printed[1][1:]


@pytest.mark.parametrize("kernel", ["sharp", "none.csv"])
def test_a_kernel_that_is_not_there(kernel, capsys):
    assert main(["plan", "--tolerance", "5", "--kernel", kernel]) == 2
    assert "--kernel: " in capsys.readouterr().err


class TestExport:
    @pytest.fixture
    def picture(self, tmp_path):
        path = tmp_path / "small.png"
        pixels = np.random.default_rng(1).integers(0, 256, (8, 8)).astype(np.uint8)
        imsave(path, pixels, check_contrast=False)
        return str(path)

    def test_a_circuit(self, picture, tmp_path, capsys):
        file = tmp_path / "a.qasm"
        how = ["plan", picture, "--executions", "1000", "--method", "collapse"]
        assert main([*how, "--export", str(file)]) == 0
        assert file.read_text().startswith("OPENQASM 3")
        shown = capsys.readouterr().out
        assert f"exported 1 circuit to {file}\nexecutions: 960" in shown
        assert shown.count("Collapse") == 1  # this method alone
        before = file.read_bytes()
        assert main([*how, "--export", str(file)]) == 2
        assert "--overwrite replaces it" in capsys.readouterr().err
        assert main([*how, "--export", str(file), "--overwrite"]) == 0
        assert file.read_bytes() == before

    @pytest.mark.slow
    def test_several_circuits(self, picture, tmp_path, capsys):
        how = ["plan", picture, "--tolerance", "50", "--method", "estimation"]
        assert main([*how, "--export", str(tmp_path / "a.qasm2")]) == 0
        files = sorted(path.name for path in tmp_path.glob("*.qasm2"))
        assert f"exported {len(files)} circuits" in capsys.readouterr().out
        assert len(files) > 1
        (tmp_path / files[0]).unlink()  # the other files must not be replaced
        assert main([*how, "--export", str(tmp_path / "a.qasm2")]) == 2
        assert main([*how, "--export", str(tmp_path / "a.qpy")]) == 0
        assert sorted(path.name for path in tmp_path.glob("*.qpy")) == ["a.qpy"]

    def test_the_price_of_an_answer(self, picture, capsys):
        how = ["plan", picture, "--executions", "6400", "--method", "fourier"]
        assert main([*how, "--fault-tolerant"]) == 0
        shown = capsys.readouterr().out
        assert "error budget              0.01\n" in shown
        assert "executions                6,400\n" in shown
        assert "assumptions" in shown
        assert main([*how, "--fault-tolerant", "0.1"]) == 0
        assert "error budget              0.1\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--export", "a.qasm"], "--export: requires --method"),
            (["--fault-tolerant"], "--fault-tolerant: requires --method"),
            (["--fault-tolerant", "2", "--method", "collapse"], "--fault-tolerant: expected a n"),
            (["--fault-tolerant", "--method", "collapse"], "--method collapse: needs at least"),
            (["--export", "a.txt", "--method", "collapse"], "--export: expected a name ending in"),
        ],
    )
    def test_refused(self, words, message, capsys):
        assert main(["plan", "--executions", "1000", *words]) == 2
        assert message in capsys.readouterr().err
