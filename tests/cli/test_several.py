"""Several pictures in one call: files, directories, stacks and volumes."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage

import qconv
from qconv.cli import main, several

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (4, 12, 14)).astype(np.uint8)
CALL = ("--kernel", "gaussian", "--shots", "20", "--seed", "7")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory with four pictures in the directory ``in``."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    for number, pixels in enumerate(PICTURES):
        Image.fromarray(pixels).save(f"in/{number}.png")
    return tmp_path


def listing(folder="."):
    return sorted(os.listdir(folder))


def alone(pixels, seed, kernel="gaussian"):
    """Return the result of one library call."""
    kernel = qconv.named_kernel(kernel) if isinstance(kernel, str) else kernel
    where = {"mode": "same", "boundary": "symm", "shots": 20, "seed": seed}
    method = qconv.Collapse(baseline=True)
    return qconv.convolve(pixels.astype(float), kernel, method=method, **where)


class TestDirectories:
    def test_each_has_a_seed_of_its_own(self, capsys):
        options = ["--out-dir", "out", "--format", "npy", "--stderr", "errors"]
        assert main(["in", *CALL, *options]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out.startswith(f"4 pictures: {20 * PICTURES.size:,} executions in ")
        assert listing("out") == listing("errors") == ["0.npy", "1.npy", "2.npy", "3.npy"]
        for number, pixels in enumerate(PICTURES):
            expected = alone(pixels, 7 + number)
            assert np.array_equal(np.load(f"out/{number}.npy"), expected.image)
            assert np.array_equal(np.load(f"errors/{number}.npy"), expected.stderr)
            assert f"out/{number}.npy (float64)" in out
            assert f"errors/{number}.npy (float64), seed {7 + number}" in out

    def test_names_and_formats(self):
        Image.fromarray(PICTURES[0]).save("in/photo.jpg")
        tifffile.imwrite("in/deep.tif", PICTURES[0].astype(np.uint16))
        assert main(["in", *CALL, "--out-dir", "out", "--stderr", "e", "--quiet"]) == 0
        stems = ["0", "1", "2", "3"]
        assert listing("out") == [*(f"{stem}.png" for stem in stems), "deep.tif", "photo.png"]
        assert listing("e") == [*(f"{stem}.tif" for stem in stems), "deep.tif", "photo.tif"]

    def test_other_files_are_counted(self, capsys):
        Path("in/notes.txt").write_text("a note")
        Path("in/.hidden.png").write_text("hidden")
        os.mkdir("in/sub")
        assert main(["in", *CALL, "--out-dir", "out", "--quiet"]) == 0
        assert capsys.readouterr().err == "qconv: in: 1 other file ignored\n"
        assert len(listing("out")) == 4

    def test_files_and_directories(self):
        Image.fromarray(PICTURES[0]).save("more.png")
        assert main(["more.png", *CALL, "in", "--out-dir", "out", "--quiet"]) == 0
        assert listing("out") == ["0.png", "1.png", "2.png", "3.png", "more.png"]

    def test_one_picture(self):
        assert main(["in/0.png", *CALL, "--out-dir", "out", "--quiet"]) == 0
        assert listing("out") == ["0.png"]

    def test_kinds_that_differ(self):
        """Sizes, colours and types differ from picture to picture."""
        np.save("in/row.npy", RNG.normal(size=(1, 40)))
        np.save("in/stack.npy", RNG.normal(size=(2, 9, 8)))
        Image.fromarray(RNG.integers(0, 256, (9, 8, 3)).astype(np.uint8)).save("in/colour.png")
        assert main(["in", *CALL, "--out-dir", "out", "--quiet"]) == 0
        assert np.load("out/row.npy").shape == (1, 40)
        assert np.load("out/stack.npy").shape == (2, 9, 8)
        with Image.open("out/colour.png") as picture:
            assert picture.mode == "RGB"


class TestFailures:
    def test_the_rest_goes_through(self, capsys):
        Path("in/bad.png").write_text("no picture")
        Path("in/worse.png").write_bytes(b"")
        np.save("in/nan.npy", np.full((5, 5), np.nan))
        assert main(["in", "missing.png", *CALL, "--out-dir", "out"]) == 1
        out, err = capsys.readouterr()
        assert err.count("\n") == 1
        assert err.startswith("qconv: 4 of 8 pictures failed: ")
        for wanted in (
            "in/bad.png (not a readable picture: file is text)",
            "in/worse.png (not a readable picture: file is empty)",
            "missing.png (no such file)",
            "in/nan.npy (image: ",
        ):
            assert wanted in err, err
        assert out.startswith("4 pictures: ")
        assert listing("out") == ["0.png", "1.png", "2.png", "3.png"]

    def test_all(self, capsys):
        for name in os.listdir("in"):
            Path("in", name).write_text("no picture")
        assert main(["in", *CALL, "--out-dir", "out"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        names = ", ".join(f"in/{number}.png" for number in range(4))
        reason = "not a readable picture: file is text"
        assert err == f"qconv: 4 of 4 pictures failed: {names} ({reason})\n"

    def test_many(self, capsys):
        for number in range(20):
            Path(f"in/bad{number:02}.png").write_text("no picture")
        assert main(["in", *CALL, "--out-dir", "out", "--quiet"]) == 1
        err = capsys.readouterr().err
        assert "20 of 24 pictures failed" in err
        assert "in/bad07.png and 12 more (not a readable picture: file is text)" in err

    def test_interrupted(self, monkeypatch, capsys):
        original = several._one

        def interrupted(job, source, paths, seed):
            if source.endswith("2.png"):
                raise KeyboardInterrupt
            return original(job, source, paths, seed)

        monkeypatch.setattr(several, "_one", interrupted)
        assert main(["in", *CALL, "--out-dir", "out"]) == 130
        wanted = "qconv: interrupted; 2 of 4 pictures were written\n"
        assert capsys.readouterr() == ("", wanted)
        assert listing("out") == ["0.png", "1.png"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["in"], "--out-dir: expected a directory for the results of 4 pictures"),
            (["in/0.png", "in/1.png"], "--out-dir: expected a directory for the results of 2"),
            (["in", "--out-dir", "in"], "--out-dir: 'in/0.png' exists; --overwrite replaces it"),
            (["in", "--out-dir", "in", "--overwrite"], "0.png' is an input picture"),
            (["in", "--out-dir", "a/b"], "--out-dir: No such file or directory: 'a/b'"),
            (["in", "--out-dir", "in/0.png"], "--out-dir: File exists: 'in/0.png'"),
            (["in", "in/0.png", "--out-dir", "out"], "'out/0.png' would hold the results of both"),
            (
                ["in", "--out-dir", "out", "--stderr", "out", "--format", "tif"],
                "would hold the results of both",
            ),
            (["in", "--out-dir", "out", "--figure", "f.png"], "--figure: cannot be combined"),
            (["in", "--out-dir", "out", "--checkpoint", "c"], "--checkpoint: cannot be combined"),
            (["in", "--out-dir", "out", "--format", "gif"], "--format: invalid choice"),
            (["in/0.png", "--out", "o.npy", "--format", "tif"], "the format of 'o.npy', got tif"),
            (["in/0.png", "--out", "in"], "--out: expected a file, got the directory 'in'"),
            (["in/0.png", "--out", "in/0.png/"], "--out: "),
            ([""], "IMAGE: expected a file name, got ''"),
            (["in", "--out-dir", "out", "--shots", "0"], "4 of 4 pictures failed: in/0.png, in/1"),
        ],
    )
    def test_refused(self, arguments, message, capsys):
        before = listing("in")
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert message in err
        assert listing("in") == before


class TestStacks:
    def test_slices(self, capsys):
        tifffile.imwrite("in.tif", PICTURES, photometric="minisblack")
        assert main(["in.tif", *CALL, "--stderr", "e.tif"]) == 0
        out = capsys.readouterr().out
        assert "input 4 x 12 x 14" in out
        assert "wrote result.tif (float32) and standard errors to e.tif (float32)" in out
        where = {"mode": "same", "boundary": "symm", "shots": 20, "seed": 7, "axes": (1, 2)}
        expected = qconv.convolve(PICTURES.astype(float), qconv.named_kernel("gaussian"), **where)
        seen, errors = tifffile.imread("result.tif"), tifffile.imread("e.tif")
        assert np.array_equal(seen, expected.image.astype(np.float32))
        assert np.array_equal(errors, expected.stderr.astype(np.float32))

    @pytest.mark.parametrize("kind", ["tif", "npy", "imagej", "colour columns"])
    def test_volume(self, kind, capsys):
        volume = PICTURES.astype(np.float32) * 16
        name = "in.npy" if kind in ("npy", "colour columns") else "in.tif"
        if kind == "colour columns":  # three columns, which could be mistaken for colours
            volume = volume[:, :, :3]
        if name == "in.npy":
            np.save(name, volume)
        else:
            how = {"imagej": True} if kind == "imagej" else {}
            tifffile.imwrite(name, volume, photometric="minisblack", **how)
        kernel = RNG.random((3, 3, 3))
        np.save("k.npy", kernel)
        options = ["--volume", "--kernel", "k.npy", "--exact", "--out", "out.npy"]
        assert main([name, *options]) == 0
        expected = ndimage.convolve(volume.astype(float), kernel, mode="reflect")
        np.testing.assert_allclose(np.load("out.npy"), expected, rtol=1e-9)
        assert "agrees with the exact convolution" in capsys.readouterr().out

    def test_a_volume_at_each_time(self):
        stack = RNG.random((2, 3, 4, 9, 8)).astype(np.float32)
        tifffile.imwrite("in.tif", stack, imagej=True, metadata={"axes": "TZCYX"})
        kernel = RNG.random((3, 3, 3))
        np.save("k.npy", kernel)
        options = ["--volume", "--kernel", "k.npy", "--exact", "--out", "out.tif", "--quiet"]
        assert main(["in.tif", *options]) == 0
        with tifffile.TiffFile("out.tif") as file:
            assert file.series[0].axes == "TZCYX"
            seen = file.asarray()
        for time in range(2):
            for channel in range(4):
                part = stack[time, :, channel].astype(float)
                expected = ndimage.convolve(part, kernel, mode="reflect")
                np.testing.assert_allclose(seen[time, :, channel], expected, rtol=1e-6)

    def test_checkpoint(self):
        np.save("in.npy", PICTURES[:2])
        options = ["--checkpoint", "c.npz", "--out", "out.npy", "--quiet"]
        assert main(["in.npy", *CALL, *options]) == 0
        assert "c.npz" in listing()
