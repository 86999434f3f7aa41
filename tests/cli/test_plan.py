"""The command ``qconv plan``, as users type it."""

import numpy as np
import pytest
from skimage.io import imsave
from tifffile import imwrite

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


def test_a_file_that_starts_with_a_dash(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    imsave("-a.png", np.eye(4, dtype=np.uint8), check_contrast=False)
    call = ["plan", "--executions", "100", "--method", "collapse"]
    assert main([*call, "-a.png"]) == 2
    assert "write './-a.png'" in capsys.readouterr().err
    for right in (["./-a.png"], ["--", "-a.png"]):
        assert main([*call, *right]) == 0
        assert capsys.readouterr().out.startswith("input 4 x 4")


class TestStacks:
    @pytest.fixture
    def stack(self, tmp_path):
        stack = np.random.default_rng(4).integers(0, 256, (3, 6, 8)).astype(np.uint8)
        imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
        return stack, ["plan", str(tmp_path / "stack.tif"), "--tolerance", "50"]

    @pytest.mark.parametrize("name", ["collapse", "fourier"])
    def test_slices(self, stack, capsys, name):
        """The executions are those of all slices, each planned alone."""
        pixels, call = stack
        assert main([*call, "--method", name]) == 0
        head, _, _, row, _ = capsys.readouterr().out.splitlines()
        assert head == "input 3 x 6 x 8, kernel edge, slice by slice"
        method = qconv.Collapse() if name == "collapse" else qconv.Fourier()
        how = {"method": method, "mode": "same", "boundary": "symm", "tolerance": 50}
        plans = [qconv.plan(each, qconv.named_kernel("edge"), **how) for each in pixels]
        assert f" {sum(sum(plan.executions) for plan in plans):,} " in row

    def test_volume(self, stack, capsys):
        pixels, call = stack
        assert main([*call, "--volume", "--method", "collapse"]) == 0
        head, _, _, row, _ = capsys.readouterr().out.splitlines()
        assert head == "input 3 x 6 x 8, kernel edge"
        kernel = qconv.named_kernel("edge", ndim=3)
        plan = qconv.plan(
            pixels, kernel, method=qconv.Collapse(), mode="same", boundary="symm", tolerance=50
        )
        assert f" {sum(plan.executions):,} " in row

    def test_what_is_refused(self, stack, tmp_path, capsys):
        _, call = stack
        energy = ["--observable", "energy", "--method", "fourier"]
        for wrong, told in (
            ([*call, *energy], "got a stack of 3 x 6 x 8; use one slice, or --volume"),
            (["estimate", call[1]], "got a stack of 3 x 6 x 8; use one slice, or --volume"),
            ([*call, call[1]], f"got '{call[1]}'; give one picture per call"),
            (["plan", str(tmp_path), "--tolerance", "5"], "is not a picture but a directory"),
        ):
            assert main(wrong) == 2
            assert told in capsys.readouterr().err


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
