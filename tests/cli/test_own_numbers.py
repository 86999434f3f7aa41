"""Pictures keep their numbers: the command writes the numbers that it read, or reports changes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

import qconv
from qconv.cli import main
from qconv.visualization import figures
from qconv.visualization.pictures import GreyScale, read_picture
from qconv.visualization.writing import Form, write_numbers

RNG = np.random.default_rng(0)
SHAPE = (12, 14)

#: Integer types, with the largest number that the picture contains.
DEPTHS = {
    "1 bit": (bool, 1),
    "8 bits": (np.uint8, 255),
    "10 bits": (np.uint16, 1023),
    "12 bits": (np.uint16, 4095),
    "14 bits": (np.uint16, 16383),
    "16 bits": (np.uint16, 65535),
    "32 bits": (np.uint32, 2**32 - 1),
    "signed 8 bits": (np.int8, 127),
    "signed 16 bits": (np.int16, 32767),
    "signed 32 bits": (np.int32, 2**31 - 1),
    "float16": (np.float16, 4080),
    "float32": (np.float32, 1),
    "float64": (np.float64, -1),
}

#: Arguments of tifffile for each kind of TIFF.
TIFFS = {
    "plain": {},
    "tiled": {"tile": (16, 16)},
    "big": {"bigtiff": True},
    "ome": {"ome": True},
    "imagej": {"imagej": True},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory, and a small file instead of the figure."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figures, "result_figure", lambda *args, **how: None)
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: path.write_bytes(b"a figure"))
    return tmp_path


def numbers(depth, shape):
    """Return numbers of a type, including the smallest and the largest."""
    dtype, most = DEPTHS[depth]
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return RNG.random(shape) > 0.5
    if dtype.kind == "f":
        return (most * RNG.random(shape) if most > 0 else RNG.normal(size=shape)).astype(dtype)
    least = -most - 1 if dtype.kind == "i" else 0
    found = RNG.integers(least, most, shape, dtype=dtype, endpoint=True)
    found.flat[:2] = least, most
    return found


def call(capsys, *arguments):
    """Run the command with the identity; return what it printed."""
    status = main([*arguments, "--kernel", "identity", "--exact"])
    out, err = capsys.readouterr()
    return status, out, err


def cases(kinds, depths):
    colours = ((), (3,))
    return [(kind, depth, colour) for kind in kinds for depth in depths for colour in colours]


class TestSameNumbersBack:
    """With the identity kernel and ``--exact``, the written file equals the file that was read."""

    @pytest.mark.parametrize("how", ["", "input"])
    @pytest.mark.parametrize(("kind", "depth", "colour"), cases(TIFFS, DEPTHS), ids=str)
    def test_tiff(self, kind, depth, colour, how, capsys):
        pixels = numbers(depth, SHAPE + colour)
        if kind == "imagej" and (
            pixels.dtype not in ("u1", "u2", "f4") or (colour and pixels.dtype != "u1")
        ):
            return  # ImageJ has no others
        if depth == "1 bit" and (colour or kind in ("tiled", "ome")):
            return  # tifffile writes no others
        if kind == "ome" and depth == "float16":
            return
        more = {"photometric": "rgb" if colour else "minisblack", **TIFFS[kind]}
        tifffile.imwrite("in.tif", pixels, **more)
        options = ["--out-type", how] if how else []
        status, out, err = call(capsys, "in.tif", "--out", "out.tif", *options)
        assert (status, err) == (0, "")
        assert "clipped" not in out
        seen = read_picture("out.tif")
        wanted = np.result_type(pixels.dtype, np.float32) if how == "" else pixels.dtype
        assert seen.dtype == wanted
        assert f"({pixels.dtype}" in out
        channels = seen.numbers if seen.axes.endswith("S") or not colour else None
        found = np.moveaxis(seen.numbers, 0, -1) if channels is None else channels
        np.testing.assert_array_equal(found.astype(pixels.dtype), pixels)

    @pytest.mark.parametrize("kind", ["npy", "npz"])
    @pytest.mark.parametrize("depth", DEPTHS)
    @pytest.mark.parametrize("colour", [(), (3,)])
    def test_numpy(self, kind, depth, colour, capsys):
        pixels = numbers(depth, SHAPE + colour)
        (np.savez if kind == "npz" else np.save)(f"in.{kind}", pixels)
        assert call(capsys, f"in.{kind}", "--out", f"out.{kind}")[0] == 0
        seen = np.load("out.npy") if kind == "npy" else qconv.load("out.npz").image
        np.testing.assert_allclose(seen, pixels.astype(float), rtol=1e-12)
        if kind == "npy":
            options = ["--out", "same.npy", "--out-type", "input"]
            assert call(capsys, "in.npy", *options)[0] == 0
            assert np.load("same.npy").dtype == pixels.dtype
            np.testing.assert_array_equal(np.load("same.npy"), pixels)

    @pytest.mark.parametrize("depth", ["8 bits", "10 bits", "12 bits", "14 bits", "16 bits"])
    @pytest.mark.parametrize("colour", [(), (3,)])
    def test_png(self, depth, colour, capsys):
        pixels = numbers(depth, SHAPE + colour)
        png("in.png", pixels)
        status, out, err = call(capsys, "in.png", "--out", "out.png")
        assert (status, err) == (0, "")
        bits = 8 if pixels.dtype == np.uint8 else 16
        assert f"wrote out.png ({bits} bits, black 0, white {2**bits - 1})" in out
        seen = read_picture("out.png")
        assert seen.dtype == pixels.dtype
        np.testing.assert_array_equal(seen.numbers, pixels)

    @pytest.mark.parametrize("how", ["", "input"])
    def test_one_bit_png(self, how, capsys):
        pixels = numbers("1 bit", SHAPE)
        Image.fromarray(pixels).save("in.png")
        options = ["--out-type", how] if how else []
        out = call(capsys, "in.png", "--out", "out.png", *options)[1]
        assert ("(bool)" if how else "(8 bits, black 0, white 1)") in out
        np.testing.assert_array_equal(read_picture("out.png").numbers > 0, pixels)

    @pytest.mark.parametrize("most", [1, 15, 255, 1023, 4095, 65535])
    @pytest.mark.parametrize("colour", [(), (3,)])
    @pytest.mark.parametrize("letters", [False, True])
    def test_portable_maps(self, most, colour, letters, capsys):
        pixels = RNG.integers(0, most, (*SHAPE, *colour), endpoint=True)
        pixels.flat[:2] = 0, most
        kind = (2 if letters else 5) + bool(colour)
        body = pixels.astype(">u2" if most > 255 else "u1").tobytes()
        body = " ".join(map(str, pixels.flat)).encode() if letters else body
        Path("in.ppm").write_bytes(f"P{kind}\n14 12\n{most}\n".encode() + body)
        assert call(capsys, "in.ppm", "--out", "out.ppm")[0] == 0
        seen = read_picture("out.ppm")
        assert seen.white == most
        np.testing.assert_array_equal(seen.numbers, pixels)


def png(name, pixels):
    """Write a PNG of any depth and colour, with Pillow if it supports them."""
    if pixels.dtype == np.uint8 or pixels.ndim == 2:
        Image.fromarray(pixels).save(name)
        return
    form = Form(".png", pixels.dtype)
    write_numbers(Path(name), pixels.astype(float), form, axes="YXS")


class TestSaid:
    """One line reports each change of the numbers."""

    @pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "pgm"])
    @pytest.mark.parametrize("depth", ["float32", "signed 16 bits", "32 bits"])
    def test_scale_of_grey_levels(self, ending, depth, capsys):
        pixels = numbers(depth, SHAPE)
        tifffile.imwrite("in.tif", pixels)
        out = call(capsys, "in.tif", "--out", f"out.{ending}")[1]
        bits = 16 if ending in ("png", "pgm") else 8
        assert f"wrote out.{ending} ({bits} bits, black " in out
        seen = read_picture(f"out.{ending}").numbers
        if ending != "jpg":
            scale = GreyScale(min(0.0, float(pixels.min())), 1.0 if depth == "float32" else 0)
            if depth == "float32":
                shown = scale.apply(pixels) * (2**bits - 1)
                assert np.abs(seen - shown).max() <= 0.5

    def test_twelve_bits_in_a_jpeg(self, capsys):
        """White is the largest number of 12 bits, so the picture is not nearly black."""
        pixels = (np.add.outer(np.arange(48), np.arange(48)) * 43).astype(np.uint16)
        tifffile.imwrite("in.tif", pixels)
        out = call(capsys, "in.tif", "--out", "out.jpg")[1]
        assert "values 0 to 4042 (uint16, 12 bits)" in out
        assert "(8 bits, black 0, white 4095; lossy)" in out
        assert np.abs(read_picture("out.jpg").numbers - pixels / 4095 * 255).max() < 9

    def test_clipping_is_counted(self, capsys):
        pixels = numbers("8 bits", SHAPE)
        np.save("in.npy", pixels)
        np.save("k.npy", [[-1.0]])
        options = ["--kernel", "k.npy", "--exact", "--out", "out.npy", "--out-type", "uint8"]
        assert main(["in.npy", *options]) == 0
        count = np.count_nonzero(pixels)
        assert f"(uint8; {count} of 168 values clipped)" in capsys.readouterr().out
        assert main(["in.npy", *options, "--overwrite", "--quiet"]) == 0
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"qconv: wrote out.npy (uint8; {count} of 168 values clipped)")

    def test_rounding_is_said(self, capsys):
        np.save("in.npy", RNG.random(SHAPE) * 9)
        out = call(capsys, "in.npy", "--out", "o.tif", "--out-type", "int16")[1]
        assert "o.tif (int16, rounded)" in out

    @pytest.mark.parametrize(("profile", "said"), [("sRGB", False), ("XYZ", True)])
    def test_colour_profiles(self, profile, said, capsys):
        data = ImageCms.ImageCmsProfile(ImageCms.createProfile(profile)).tobytes()
        Image.fromarray(numbers("8 bits", (*SHAPE, 3))).save("in.png", icc_profile=data)
        err = call(capsys, "in.png")[2]
        assert ("is not applied, and is missing in the result" in err) == said
        assert err.count("\n") == said

    @pytest.mark.parametrize(
        ("alpha", "said"), [(255, "is opaque and omitted"), (9, "transparency is blended")]
    )
    def test_transparency(self, alpha, said, capsys):
        pixels = np.dstack([numbers("8 bits", (*SHAPE, 3)), np.full(SHAPE, alpha, np.uint8)])
        Image.fromarray(pixels).save("in.png")
        err = call(capsys, "in.png")[2]
        assert said in err
        assert err.count("\n") == 1

    def test_further_values_and_negatives(self, capsys):
        four = numbers("8 bits", (*SHAPE, 4))
        tifffile.imwrite("in.tif", four, photometric="rgb", extrasamples=["unspecified"])
        assert "1 further value per pixel is omitted" in call(capsys, "in.tif")[2]
        tifffile.imwrite("in.tif", four[..., 0], photometric="miniswhite")
        err = call(capsys, "in.tif", "--out", "b.tif")[2]
        assert "0 is white in the file; the numbers are inverted" in err

    @pytest.mark.parametrize("ending", ["png", "pgm"])
    def test_nan_in_integers(self, ending, folder):
        """A single shot gives no standard error."""
        np.save("in.npy", RNG.random((5, 5)))
        form = Form.of(f".{ending}", read_picture("in.npy"), None)
        with pytest.raises(ValueError, match="uint16 cannot hold NaN; expected a floating-point"):
            write_numbers(folder / "out", np.array([[np.nan, 1]]), form, axes="YX")
        assert not (folder / "out").exists()


class TestFilesThatDiffer:
    def test_printing_colours(self, capsys):
        Image.fromarray(numbers("8 bits", (*SHAPE, 3))).convert("CMYK").save("in.tif")
        err = call(capsys, "in.tif", "--out", "out.tif")[2]
        said = "CMYK colours are converted to red, green and blue"
        assert err == f"qconv: IMAGE: in.tif: {said}\n"

    @pytest.mark.parametrize(
        ("arrays", "said"),
        [({}, "none"), ({"a": np.ones(SHAPE), "b": np.ones(SHAPE)}, "a, b")],
    )
    def test_archives(self, arrays, said, capsys):
        np.savez("in.npz", **arrays)
        status, _, err = call(capsys, "in.npz")
        assert status == 2
        assert err == f"qconv: IMAGE: in.npz: expected an archive with one array, got {said}\n"

    @pytest.mark.parametrize("ending", ["tif", "npy", "pgm"])
    def test_format_without_out(self, ending, capsys):
        Image.fromarray(numbers("8 bits", SHAPE)).save("in.png")
        status, out, _ = call(capsys, "in.png", "--format", ending)
        assert status == 0
        assert f"wrote result.{ending} (" in out


class TestSixtyFourBits:
    """The integers that NumPy makes without a type, up to 2**53."""

    @pytest.mark.parametrize("dtype", ["int64", "uint64", ">i8", ">u8"])
    @pytest.mark.parametrize("ending", ["npy", "tif"])
    def test_input(self, dtype, ending, capsys):
        pixels = RNG.integers(0, 2**40, SHAPE).astype(dtype)
        np.save("in.npy", pixels)
        status, out, err = call(capsys, "in.npy", "--out", f"out.{ending}", "--out-type", "input")
        assert (status, err) == (0, "")
        name = np.dtype(dtype).name
        assert f" ({name}" in out.splitlines()[1]
        assert f"wrote out.{ending} ({name})" in out
        seen = np.load("out.npy") if ending == "npy" else tifffile.imread("out.tif")
        assert seen.dtype == name
        np.testing.assert_array_equal(seen, pixels)

    def test_ends(self):
        form = Form(".npy", np.dtype(np.int64))
        said = write_numbers(Path("o.npy"), np.array([[-(2.0**70), 2.0**63]]), form, axes="YX")
        assert said == "int64; 2 of 2 values clipped"
        np.testing.assert_array_equal(np.load("o.npy"), [[-(2**63), 2**63 - 1024]])


class TestMetadata:
    def test_imagej(self):
        stack = numbers("12 bits", (3, *SHAPE))
        metadata = {"unit": "um", "spacing": 2.5, "axes": "ZYX", "Labels": ["a", "b", "c"]}
        how = {"resolution": (3.1, 3.2), "metadata": metadata}
        tifffile.imwrite("in.tif", stack, imagej=True, **how)
        assert main(["in.tif", "--exact", "--out", "out.tif", "--quiet"]) == 0
        with tifffile.TiffFile("out.tif") as file:
            assert file.is_imagej
            assert file.series[0].axes == "ZYX"
            assert file.imagej_metadata["unit"] == "um"
            assert file.imagej_metadata["spacing"] == 2.5
            assert file.imagej_metadata["Labels"] == ["a", "b", "c"]
            assert file.pages[0].resolution == pytest.approx((3.1, 3.2))

    def test_ome(self):
        stack = numbers("16 bits", (2, 3, *SHAPE))
        metadata = {"axes": "CZYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "nm"}
        metadata |= {"PhysicalSizeZ": 1.5, "Channel": {"Name": ["DAPI", "GFP"]}}
        tifffile.imwrite("in.ome.tif", stack, metadata=metadata)
        assert main(["in.ome.tif", "--exact", "--out", "out.tif", "--quiet"]) == 0
        with tifffile.TiffFile("out.tif") as file:
            assert file.is_ome
            assert file.series[0].axes == "CZYX"
            text = file.ome_metadata
        for wanted in ('PhysicalSizeX="0.25"', 'PhysicalSizeXUnit="nm"', 'Name="GFP"'):
            assert wanted in text

    @pytest.mark.parametrize("ending", ["out.tif", "stderr"])
    def test_resolution(self, ending):
        how = {"resolution": (300, 150), "resolutionunit": "INCH"}
        tifffile.imwrite("in.tif", numbers("8 bits", SHAPE), **how)
        options = ["--out", "out.tif", "--stderr", "e.tif", "--quiet", "--shots", "5"]
        assert main(["in.tif", *options]) == 0
        with tifffile.TiffFile("e.tif" if ending == "stderr" else ending) as file:
            page = file.pages[0]
            assert page.resolution == (300, 150)
            assert page.resolutionunit == 2


class TestErrorBars:
    def expected(self, pixels):
        return qconv.convolve(
            pixels.astype(float),
            qconv.named_kernel("gaussian"),
            shots=9,
            seed=7,
            mode="same",
            boundary="symm",
            method=qconv.Collapse(baseline=True),
        )

    CALL = ("in.tif", "--kernel", "gaussian", "--shots", "9", "--seed", "7", "--quiet")

    def test_files(self, capsys):
        pixels = numbers("12 bits", SHAPE)
        tifffile.imwrite("in.tif", pixels)
        expected = self.expected(pixels)
        options = ["--out", "out.tif", "--stderr"]
        for name in ("e.tif", "e.npy", "e.png", "e.pgm"):
            assert main([*self.CALL, *options, name, "--overwrite"]) == 0
        assert np.array_equal(tifffile.imread("out.tif"), expected.image.astype(np.float32))
        assert np.array_equal(tifffile.imread("e.tif"), expected.stderr.astype(np.float32))
        assert np.array_equal(np.load("e.npy"), expected.stderr)
        levels = expected.stderr / expected.stderr.max() * 65535
        for name in ("e.png", "e.pgm"):
            assert np.abs(read_picture(name).numbers - levels).max() <= 0.5

    def test_whole_result(self):
        pixels = numbers("12 bits", SHAPE)
        tifffile.imwrite("in.tif", pixels)
        expected = self.expected(pixels)
        assert main([*self.CALL, "--out", "out.npz"]) == 0
        seen = qconv.load("out.npz")
        assert np.array_equal(seen.image, expected.image)
        assert np.array_equal(seen.stderr, expected.stderr)
        assert (seen.total_shots, seen.shots) == (expected.total_shots, 9)

    def test_whole_result_in_colour(self):
        tifffile.imwrite("in.tif", numbers("8 bits", (*SHAPE, 3)), photometric="rgb")
        assert main([*self.CALL, "--out", "out.npz"]) == 0
        seen = qconv.load("out.npz")
        assert seen.image.shape == seen.stderr.shape == (*SHAPE, 3)
        assert seen.total_shots == 9 * 3 * 12 * 14
        other = (*self.CALL[:-2], "8", "--quiet")
        assert main([*other, "--out", "more.npz"]) == 0
        assert (seen + qconv.load("more.npz")).shots == 18


@pytest.mark.skipif(os.name != "posix", reason="the shell of Unix")
class TestPipes:
    @pytest.mark.slow
    @pytest.mark.parametrize("ending", ["png", "tif", "npy", "ppm"])
    def test_in_and_out(self, ending):
        pixels = numbers("16 bits", (*SHAPE, 3))
        form = Form(f".{ending}", pixels.dtype)
        write_numbers(Path(f"in.{ending}"), pixels.astype(float), form, axes="YXS")
        done = subprocess.run(
            [sys.executable, "-m", "qconv", "-", "--kernel", "identity", "--exact", "--out", "-"],
            input=Path(f"in.{ending}").read_bytes(),
            capture_output=True,
            timeout=60,
            check=True,
        )
        Path(f"out.{ending}").write_bytes(done.stdout)
        np.testing.assert_array_equal(read_picture(f"out.{ending}").numbers, pixels)
        assert b"wrote /dev/stdout" in done.stderr
        assert not {"result.png", "-"} & set(os.listdir())

    def test_chosen_format(self):
        tifffile.imwrite("in.tif", numbers("16 bits", SHAPE))
        command = f"{sys.executable} -m qconv - --exact --format npy --out - --quiet"
        with open("in.tif", "rb") as file:
            done = subprocess.run(
                command.split(), stdin=file, capture_output=True, timeout=60, check=True
            )
        assert done.stdout.startswith(b"\x93NUMPY")
        assert done.stderr == b""
