"""The command ``qconv``, as users type it."""

import gc
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import classical
import qconv
from qconv.cli import main
from qconv.cli.convolve_options import parser
from qconv.kernels import KERNEL_NAMES, kernel_options
from qconv.visualization import figures as plotting
from tests.cases import BOUNDARIES, convolve2d

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 14)).astype(np.uint8)
COLOUR = RNG.integers(0, 256, (12, 14, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory with a small grey picture, ``in.png``."""
    monkeypatch.chdir(tmp_path)
    save("in.png", GREY)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Replace the figure by a small file; `TestWhole` draws figures with all kinds of options."""
    monkeypatch.setattr(plotting, "result_figure", lambda *args, **how: None)
    monkeypatch.setattr(plotting, "save_figure", lambda figure, path: path.write_bytes(b"a figure"))


def save(name, pixels, **how):
    from PIL import Image

    mode = how.pop("mode", None)
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(name, **how)


def tiff(name, pixels):
    import tifffile

    tifffile.imwrite(name, pixels, photometric="minisblack")


def read(name):
    import skimage.io

    return skimage.io.imread(name)


def listing(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def measured(*arguments):
    """Return the measured picture with all digits."""
    assert main([*arguments, "--out", "out.npy", "--overwrite", "--quiet"]) == 0
    return np.load("out.npy")


class TestWhole:
    """In these tests nothing is replaced, so they draw the figure."""

    def test_without_arguments(self, folder, capsys):
        os.remove("in.png")
        assert main(["--shots", "20"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert sorted(path.name for path in folder.iterdir()) == ["result-figure.png", "result.png"]
        assert read("result.png").shape == (512, 512)
        assert read("result.png").dtype == np.uint8
        figure = read("result-figure.png")
        assert figure.shape[0] > 600
        assert figure.shape[1] > 900
        assert np.ptp(figure) > 100
        assert "512 x 512" in out
        assert f"{20 * 512 * 512:,} executions" in out
        for wanted in ("RMSE", "two-qubit gates", "seed", "wrote result.png", " s\n"):
            assert wanted.lower() in out.lower()

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["grey", "colour", "constant", "one pixel", "row"])
    def test_figure(self, name):
        pixels = {
            "grey": GREY,
            "colour": COLOUR,
            "constant": np.full((9, 9), 100, np.uint8),
            "one pixel": np.full((1, 1), 7, np.uint8),
            "row": GREY[:1],
        }[name]
        save("in.png", pixels)
        assert main(["in.png", "--shots", "10"]) == 0
        assert read("result.png").shape == pixels.shape
        assert read("result-figure.png").size > 0

    @pytest.mark.slow
    @pytest.mark.parametrize("ending", ["pdf", "svg", "jpg"])
    def test_kinds_of_figures(self, ending):
        assert main(["in.png", "--figure", f"f.{ending}", "--shots", "1", "--kernel", "box"]) == 0
        first = {"pdf": b"%PDF", "svg": b"<?xml", "jpg": b"\xff\xd8"}[ending]
        with open(f"f.{ending}", "rb") as file:
            assert file.read(8).startswith(first)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "options",
        [
            ["--exact"],
            ["--shared"],
            ["--no-baseline"],
            ["--softmax", "1"],
            ["--kernel", "identity"],
            ["--method", "diffusion", "--kernel", "box", "--steps", "2"],
            ["--method", "interference"],
            ["--method", "fourier"],
            ["--method", "estimation", "--mode", "full"],
            ["--kernel", "kernel.csv", "--mode", "valid"],
        ],
        ids=" ".join,
    )
    def test_figure_of_options(self, options):
        np.savetxt("kernel.csv", [[1, 2.5, 3e-1, -1]], delimiter=",")
        shots = [] if "--exact" in options else ["--shots", "5"]
        assert main(["in.png", *shots, *options]) == 0
        assert read("result-figure.png").size > 0


@pytest.mark.usefixtures("quick")
class TestPictures:
    def expected(self, pixels):
        return qconv.convolve(
            np.asarray(pixels, dtype=float),
            qconv.named_kernel("edge"),
            shots=5,
            mode="same",
            boundary="symm",
            seed=7,
            method=qconv.Collapse(baseline=True),
            channel_axis=None if np.ndim(pixels) == 2 else -1,
        ).image

    def check(self, name, pixels, atol=1e-9):
        """The file has these grey levels."""
        seen = measured(name, "--shots", "5", "--seed", "7")
        assert seen.shape == np.shape(pixels)
        np.testing.assert_allclose(seen, self.expected(pixels), atol=atol)
        if seen.ndim == 3:
            identity = measured(name, "--kernel", "identity")
            assert identity.shape == seen.shape

    def identity(self, name, pixels, atol=1e-9):
        seen = measured(name, "--kernel", "identity", "--size", "1")
        np.testing.assert_allclose(seen, np.asarray(pixels, dtype=float), atol=atol)

    def test_grey(self):
        self.check("in.png", GREY)
        self.identity("in.png", GREY)

    def test_colour(self):
        save("in.png", COLOUR)
        self.check("in.png", COLOUR)
        self.identity("in.png", COLOUR)

    def test_channels_have_shots_of_their_own(self):
        save("in.png", np.dstack([GREY] * 3))
        seen = measured("in.png", "--shots", "5", "--seed", "7")
        assert not np.array_equal(seen[:, :, 0], seen[:, :, 1])
        assert not np.array_equal(seen[:, :, 1], seen[:, :, 2])

    def test_transparency_is_blended_onto_white(self):
        alpha = np.full((12, 14, 1), 51, np.uint8)
        save("rgba.png", np.concatenate([COLOUR, alpha], axis=2))
        self.identity("rgba.png", 0.2 * COLOUR + 0.8 * 255)
        save("la.png", np.dstack([GREY, alpha[:, :, 0]]))
        self.identity("la.png", 0.2 * GREY + 0.8 * 255)

    def test_opaque(self):
        save("rgba.png", COLOUR, mode="RGBA")
        self.identity("rgba.png", COLOUR)

    def test_sixteen_bits(self):
        pixels = RNG.integers(0, 65536, (12, 14)).astype(np.uint16)
        save("deep.png", pixels)
        self.check("deep.png", pixels)
        self.identity("deep.png", pixels)
        tiff("deep.tif", pixels)
        self.identity("deep.tif", pixels)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_floating_point_is_taken_as_it_is(self, dtype):
        pixels = RNG.normal(size=(12, 14)).astype(dtype)
        tiff("in.tif", pixels)
        self.identity("in.tif", pixels)

    def test_one_bit(self):
        save("one.png", GREY > 128)
        self.identity("one.png", GREY > 128)

    def test_palette(self):
        from PIL import Image

        Image.fromarray(COLOUR).convert("P").save("in.png")
        with Image.open("in.png") as picture:
            expected = np.asarray(picture.convert("RGB"))
        self.identity("in.png", expected)

    def test_palette_with_transparency(self):
        from PIL import Image

        indices = (GREY % 4).astype(np.uint8)
        picture = Image.fromarray(indices, mode=None).convert("L").convert("P")
        picture.save("in.png", transparency=0)
        with Image.open("in.png") as picture:
            rgba = np.asarray(picture.convert("RGBA")).astype(float)
        opacity = rgba[:, :, 3:] / 255
        self.identity("in.png", rgba[:, :, :3] * opacity + 255 * (1 - opacity))

    def test_jpeg(self):
        save("in.jpg", COLOUR)
        self.identity("in.jpg", read("in.jpg"))

    def test_gif_of_one_picture(self):
        # "any format scikit-image reads": the most common GIF is a still picture.
        save("in.gif", GREY)
        seen = measured("in.gif", "--kernel", "identity")
        assert seen.shape[:2] == GREY.shape

    def test_cmyk_is_not_transparency(self):
        from PIL import Image

        smooth = np.full((16, 16, 3), (200, 40, 40), np.uint8)
        Image.fromarray(smooth).convert("CMYK").save("in.jpg", quality=95)
        with Image.open("in.jpg") as picture:
            expected = np.asarray(picture.convert("RGB"))
        self.identity("in.jpg", expected, atol=2)

    def test_upside_down_suffix(self):
        save("IN.PNG", GREY)
        self.identity("IN.PNG", GREY)

    def test_name_with_spaces_and_accents(self):
        save("ein süßes Bild.png", GREY)
        self.identity("ein süßes Bild.png", GREY)


@pytest.mark.usefixtures("quick")
class TestOutputs:
    @pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "PNG"])
    @pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
    def test_kinds(self, ending, pixels):
        save("in.png", pixels)
        assert main(["in.png", "--out", f"out.{ending}", "--kernel", "box", "--shots", "9"]) == 0
        seen = read(f"out.{ending}")
        assert seen.shape[:2] == GREY.shape
        assert seen.dtype == (np.float32 if ending.startswith("tif") else np.uint8)
        assert os.path.exists("out-figure.png")

    def test_brightness_is_kept(self):
        assert main(["in.png", "--kernel", "identity"]) == 0
        assert np.array_equal(read("result.png"), GREY)

    def test_npy_is_the_call_of_the_library(self):
        seen = measured("in.png", "--shots", "50", "--seed", "7", "--kernel", "sobel-x")
        expected = qconv.convolve(
            GREY.astype(float),
            qconv.named_kernel("sobel-x"),
            shots=50,
            mode="same",
            boundary="symm",
            seed=7,
            method=qconv.Collapse(baseline=True),
        )
        np.testing.assert_allclose(seen, expected.image, rtol=0, atol=1e-9)

    def test_seed_repeats_to_the_byte(self, folder):
        images = []
        for seed in ("7", "7", "8"):
            assert main(["in.png", "--seed", seed, "--out", "o.npy", "--overwrite", "--quiet"]) == 0
            images.append((folder / "o.npy").read_bytes())
        assert images[0] == images[1] != images[2]
        assert main(["in.png", "--seed", "0", "--out", "o.npy", "--overwrite", "--quiet"]) == 0

    def test_fresh_seed_is_told_and_repeats(self, capsys):
        assert main(["in.png", "--out", "one.npy"]) == 0
        seed = re.search(r"seed (\d+)", capsys.readouterr().out)[1]
        assert main(["in.png", "--out", "two.npy", "--seed", seed]) == 0
        assert np.array_equal(np.load("one.npy"), np.load("two.npy"))
        assert main(["in.png", "--out", "three.npy"]) == 0
        assert not np.array_equal(np.load("one.npy"), np.load("three.npy"))

    def test_quiet_prints_nothing(self, capsys):
        assert main(["in.png", "--quiet"]) == 0
        assert capsys.readouterr() == ("", "")

    def test_overwrite(self, folder):
        before = folder / "result.png"
        before.write_text("precious")
        assert main(["in.png"]) == 2
        assert before.read_text() == "precious"
        assert main(["in.png", "--overwrite"]) == 0
        assert before.read_bytes().startswith(b"\x89PNG")

    def test_only_two_files(self, folder):
        assert main(["in.png"]) == 0
        assert set(listing(folder)) == {"in.png", "result.png", "result-figure.png"}
        assert not [path for path in folder.iterdir() if path.is_dir()]

    def test_other_folders(self, folder):
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        assert main(["in.png", "--out", "a/x.png", "--figure", str(folder / "b" / "y.png")]) == 0
        assert [p.name for p in (folder / "a").iterdir()] == ["x.png"]
        assert [p.name for p in (folder / "b").iterdir()] == ["y.png"]

    def test_a_failure_while_drawing_writes_nothing(self, folder, monkeypatch, capsys):
        def full(figure, path):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(plotting, "save_figure", full)
        before = listing(folder)
        assert main(["in.png"]) == 2
        assert "No space left" in capsys.readouterr().err
        assert listing(folder) == before
        assert [path.name for path in folder.iterdir()] == ["in.png"]

    def test_interrupted(self, folder, monkeypatch, capsys):
        def interrupted(*args, **how):
            raise KeyboardInterrupt

        monkeypatch.setattr(qconv, "convolve", interrupted)
        assert main(["in.png"]) == 130
        out, err = capsys.readouterr()
        assert (out, err) == ("", "qconv: interrupted; nothing was written\n")
        assert [path.name for path in folder.iterdir()] == ["in.png"]


@pytest.mark.usefixtures("quick")
class TestKernels:
    @pytest.mark.parametrize("name", [name for name in KERNEL_NAMES if name[-2:] != "-z"])
    def test_names(self, name):
        seen = measured("in.png", "--kernel", name, "--exact")
        expected = self.exact(qconv.named_kernel(name))
        np.testing.assert_allclose(seen, expected, atol=1e-9)

    @pytest.mark.parametrize(
        ("arguments", "name", "options"),
        [
            (["gaussian:sigma=2,size=9"], "gaussian", {"sigma": 2, "size": 9}),
            (["gaussian", "--sigma", "1.5"], "gaussian", {"sigma": 1.5}),
            (
                ["gaussian-x:truncate=2.5", "--sigma", "2"],
                "gaussian-x",
                {"sigma": 2, "truncate": 2.5},
            ),
            (["motion:angle=-30", "--size", "7"], "motion", {"angle": -30, "size": 7}),
            (["unsharp: sigma = 2 , amount = .5"], "unsharp", {"sigma": 2, "amount": 0.5}),
        ],
    )
    def test_options(self, arguments, name, options):
        seen = measured("in.png", "--kernel", *arguments, "--exact")
        kernel = qconv.named_kernel(name, **options)
        np.testing.assert_allclose(seen, self.exact(kernel), atol=1e-9)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["sobel"], "--kernel: .*, got 'sobel'; perhaps sobel-x or sobel-y or sobel-z?"),
            (
                ["sobel-x:sigma=2"],
                "--kernel: unexpected option 'sigma' of sobel-x; it has no options",
            ),
            (
                ["gaussian:sgma=2"],
                "--kernel: .* 'sgma' of gaussian; expected size, sigma, truncate",
            ),
            (["gaussian:sigma=x"], "--kernel: sigma: expected a number, got 'x'"),
            (["gausian:sigma=2"], "--kernel: .*, got 'gausian'; perhaps gaussian?"),
            (
                ["gaussian,sigma=2"],
                "--kernel: expected a colon before the options of gaussian, got 'gaussian,sigma=2'",
            ),
            (
                ["mine.csv:size=3"],
                "--kernel: expected no options after the file 'mine.csv', got 'size=3'",
            ),
            (["gaussian:sigma=1,sigma=2"], "--kernel: sigma is given twice in 'sigma=1,sigma=2'"),
            (["box:ndim=2"], "--kernel: unexpected option 'ndim' of box; expected size"),
            (["gaussian:sigma=2", "--sigma", "3"], "--sigma: already set to 2 by --kernel"),
            (["box", "--sigma", "3"], "--sigma: unexpected option 'sigma' of box; expected size"),
            (["k.csv", "--sigma", "3"], "--sigma: applies only to named kernels, but .* 'k.csv'"),
            (["sobel-z"], "--kernel: ndim: expected at least 3 for sobel-z, got 2"),
        ],
    )
    def test_wrong_options(self, arguments, message, capsys):
        assert main(["in.png", "--kernel", *arguments, "--exact"]) == 2
        assert re.fullmatch(f"qconv: {message}\n".replace("?", r"\?"), capsys.readouterr().err)

    @staticmethod
    def exact(kernel, mode="same", boundary="symm", fillvalue=0):
        return convolve2d(GREY.astype(float), kernel, mode, boundary, fillvalue)

    @pytest.mark.parametrize("name", ["identity", "box", "gaussian", "edge"])
    @pytest.mark.parametrize("size", [1, 5, 7])
    def test_sizes(self, name, size):
        if (name, size) == ("edge", 1):
            return  # all-zero kernels: see TestWrong
        seen = measured("in.png", "--kernel", name, "--size", str(size), "--exact")
        np.testing.assert_allclose(seen, self.exact(qconv.named_kernel(name, size)), atol=1e-9)

    @pytest.mark.parametrize(
        ("name", "text", "kernel"),
        [
            ("k.csv", "1,2\n3,-4\n", [[1, 2], [3, -4]]),
            ("k.csv", "1, 2.5 ,3e-1\n", [[1, 2.5, 0.3]]),
            ("k.CSV", "1\n2\n3\n", [[1], [2], [3]]),
            ("k.txt", "1 2\n3\t-4\n", [[1, 2], [3, -4]]),
            ("k.txt", "# a comment\n1 2 1\n", [[1, 2, 1]]),
            ("k.txt", "5\n", [[5]]),
            ("k.txt", "1 2\r\n3 4\r\n", [[1, 2], [3, 4]]),
            # Kernels from spreadsheets: byte order mark, quotes, tabs, semicolons, empty cells.
            ("k.csv", "\ufeff1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
            ("k.txt", "\ufeff1 2\n3 4", [[1, 2], [3, 4]]),
            ("k.csv", "1;2\n3;4\n", [[1, 2], [3, 4]]),
            ("k.txt", "1;2\n3;4\n", [[1, 2], [3, 4]]),
            ("k.csv", "\ufeff1,5;-2\r\n,25;4e-1\r\n;\r\n", [[1.5, -2], [0.25, 0.4]]),
            ("k.csv", "0.5;2.\n.5;4\n", [[0.5, 2], [0.5, 4]]),
            ("k.csv", "1;2;\n3;4;\n", [[1, 2], [3, 4]]),
            ("k.csv", "1,2,\n3,4,,\n,,,\n\n", [[1, 2], [3, 4]]),
            ("k.csv", '"1","2"\n"3","4"\n', [[1, 2], [3, 4]]),
            ("k.csv", '"1,5";"2"\n"3";"4"\n', [[1.5, 2], [3, 4]]),
            ("k.txt", '"1" "2"\n', [[1, 2]]),
            ("k.csv", "1\t2\n3\t4\n", [[1, 2], [3, 4]]),
            ("k.tsv", "1\t2\t\n3\t4\t\n", [[1, 2], [3, 4]]),
            ("k.tsv", "1,5\t2\n3\t4\n", [[1.5, 2], [3, 4]]),
            ("k.txt", "1,\t2\n3,\t4\n", [[1, 2], [3, 4]]),
            ("k.txt", "1, 2\n3, 4\n", [[1, 2], [3, 4]]),
            ("k.csv", "sep=;\n1;2\n", [[1, 2]]),
            ("k.csv", "\u22121;2\n", [[-1, 2]]),
            ("k.csv", "1,2 # left, right\n", [[1, 2]]),
            ("k.csv", "\n\n1,2\n\n3,4\n", [[1, 2], [3, 4]]),
        ],
    )
    def test_text_files(self, folder, name, text, kernel):
        (folder / name).write_text(text, newline="", encoding="utf-8")
        seen = measured("in.png", "--kernel", name, "--exact")
        np.testing.assert_allclose(seen, self.exact(np.array(kernel, dtype=float)), atol=1e-9)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
    def test_encodings(self, folder, encoding):
        (folder / "k.csv").write_text("# gr\u00f6\u00dfer\n1;2\n3;4\n", encoding=encoding)
        seen = measured("in.png", "--kernel", "k.csv", "--exact")
        np.testing.assert_allclose(seen, self.exact(np.array([[1.0, 2], [3, 4]])), atol=1e-9)

    @pytest.mark.parametrize("dtype", [float, int, np.float32, np.uint8, bool])
    def test_npy_files(self, dtype):
        kernel = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
        np.save("k.npy", kernel)
        seen = measured("in.png", "--kernel", "k.npy", "--exact")
        np.testing.assert_allclose(seen, self.exact(kernel.astype(float)), atol=1e-9)

    @pytest.mark.parametrize("mode", ["full", "same", "valid"])
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_modes_and_boundaries(self, mode, boundary):
        where = ["--mode", mode, "--boundary", boundary, "--exact"]
        where += ["--fillvalue", "100"] if boundary == "fill" else []
        seen = measured("in.png", "--kernel", "sharpen", *where)
        expected = self.exact(qconv.named_kernel("sharpen"), mode, boundary, 100)
        np.testing.assert_allclose(seen, expected, atol=1e-9)

    def test_kernel_larger_than_the_picture_changes_places_with_it(self):
        seen = measured("in.png", "--kernel", "box", "--size", "15", "--mode", "valid", "--exact")
        assert seen.shape == (4, 2)

    def test_softmax(self):
        seen = measured("in.png", "--softmax", "2.5", "--exact")
        kernel = qconv.Propagator.softmax(qconv.named_kernel("edge"), 2.5).effective_kernel
        np.testing.assert_allclose(seen, self.exact(kernel), atol=1e-9)

    def test_shared(self, capsys):
        assert main(["in.png", "--shared", "--shots", "30"]) == 0
        assert "30 executions" in capsys.readouterr().out

    def test_shots_as_a_float(self, capsys):
        assert main(["in.png", "--shared", "--shots", "3e1"]) == 0
        assert "30 executions" in capsys.readouterr().out

    def test_cval(self):
        where = ["--exact", "--kernel", "sharpen", "--boundary"]
        one = measured("in.png", *where, "fill", "--fillvalue", "30")
        save("in.png", GREY)
        two = measured("in.png", *where, "constant", "--cval", "30")
        np.testing.assert_array_equal(one, two)

    def test_exact_needs_no_executions(self, capsys):
        assert main(["in.png", "--exact"]) == 0
        assert " 0 executions" in capsys.readouterr().out

    def test_baseline(self):
        save("in.png", np.full((9, 9), 100, np.uint8))
        assert (measured("in.png", "--shots", "5") == 0).all()
        assert np.ptp(measured("in.png", "--shots", "5", "--no-baseline")) > 100

    @pytest.mark.parametrize("method", ["diffusion", "interference", "fourier", "estimation"])
    @pytest.mark.parametrize("mode", ["full", "same", "valid"])
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_methods(self, method, mode, boundary):
        where = ["--mode", mode, "--boundary", boundary, "--exact"]
        where += ["--fillvalue", "100"] if boundary == "fill" else []
        seen = measured("in.png", "--kernel", "sharpen", "--method", method, *where)
        expected = self.exact(qconv.named_kernel("sharpen"), mode, boundary, 100)
        np.testing.assert_allclose(seen, expected, atol=1e-9)

    def test_steps(self):
        seen = measured(
            *["in.png", "--kernel", "sobel-x", "--method", "diffusion", "--steps", "3", "--exact"]
        )
        kernel = qconv.named_kernel("sobel-x")
        expected = classical.diffuse(GREY, kernel, 3, boundary="symm")
        np.testing.assert_allclose(seen, expected, atol=1e-9)

    @pytest.mark.parametrize(
        ("method", "gates", "pixels"),
        [("diffusion", 48, 8), ("interference", 96, 9), ("fourier", 310, 9)],
    )
    def test_reports_of_methods(self, method, gates, pixels, capsys):
        save("in.png", COLOUR)
        options = ["--method", method, "--boundary", "fill", "--shots", "500", "--seed", "3"]
        assert main(["in.png", *options]) == 0
        out = capsys.readouterr().out
        assert f"{3 * 500 * 12 * 14:,} executions" in out
        assert "RMSE x square root of 500 oracle calls per pixel" in out
        tables = dict(re.findall(r"^  (\S.*?)  +(\S.*)$", out, re.MULTILINE))
        value, stderr = map(float, tables["measured"].split(" +- "))
        assert abs(value - float(tables["predicted"])) < 6.2 * stderr  # false alarms: 6e-10
        assert 0 < int(tables["two-qubit gates"]) <= gates
        assert (
            f"preparing the image: at most {2**pixels - pixels - 1:,} more two-qubit gates" in out
        )
        assert "the diagonal" not in out  # a rotation, which replaces it, is counted

    def test_success_of_all_channels(self, capsys):
        save("in.png", COLOUR)
        call = ["in.png", "--method", "fourier", "--seed", "1", "--kernel", "gaussian"]
        assert main([*call, "--shots", "30"]) == 0
        out = capsys.readouterr().out
        parts = [
            qconv.plan(
                COLOUR[..., c], qconv.named_kernel("gaussian"), "same", "symm",
                method=qconv.Fourier(), shots=30,
            ).cost.expected_success
            for c in range(3)
        ]  # fmt: skip
        assert f"predicted  {np.mean(parts):.6f}" in out
        assert f"{30 * COLOUR.size:,} executions" in out

    def test_estimation(self, capsys):
        save("in.png", COLOUR)
        options = ["--powers", "0", "2", "1", "--range", "local", "--shots", "50", "--seed", "3"]
        arguments = ["in.png", "--kernel", "gaussian", "--method", "estimation", *options]
        assert main([*arguments, "--out", "out.npy"]) == 0
        seen = np.load("out.npy")
        exact = [
            classical.convolve(
                channel, qconv.named_kernel("gaussian"), mode="same", boundary="symm"
            )
            for channel in np.moveaxis(COLOUR.astype(float), 2, 0)
        ]
        assert np.sqrt(np.mean((seen - np.dstack(exact)) ** 2)) < 10
        out = capsys.readouterr().out
        assert f"{3 * 3 * 50 * 12 * 14:,} executions" in out
        assert f"RMSE x square root of {50 * (1 + 3 + 5)} oracle calls per pixel" in out
        assert re.search(r"reliable standard errors\n  \d+\.\d % of the pixels", out)
        # Qubits of position and kernel: 4 for each axis of 12 x 14, 2 for each axis of the kernel.
        assert f"rotating by the image: at most {3 * 2**12:,} more two-qubit gates" in out
        assert "preparing the image" not in out

    def test_nothing_succeeds(self, capsys):
        save("in.png", np.full((9, 9, 3), 100, np.uint8))
        assert main(["in.png", "--method", "interference"]) == 0
        out, err = capsys.readouterr()
        assert err.count("\n") == 1
        assert re.match("qconv: image: .*success probability is 0", err)
        assert not read("result.png").std()
        assert "predicted  0.000000" in out

    def test_huge_and_tiny_kernels(self, folder):
        for number, factor in enumerate((1e-200, 1e200, 1e300)):
            np.save("k.npy", factor * qconv.named_kernel("sharpen"))
            arguments = ["in.png", "--kernel", "k.npy", "--out", f"{number}.png", "--seed", "1"]
            assert main(arguments) == 0
        for name in ("1.png", "2.png"):  # a level halfway between two may be rounded differently
            assert np.abs(read("0.png").astype(int) - read(name)).max() <= 1


def files_for_wrong_input(folder):
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "in.png").read_bytes()[:60])
    (folder / "sub").mkdir()
    (folder / "exists.png").write_text("precious")
    np.savez("archive.npz", a=np.ones((3, 3)))
    os.rename("archive.npz", "archive.npy")
    (folder / "zip.npy").write_bytes(b"PK\x03\x04 and no more")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("1,2,3")
    (folder / "empty.csv").write_text("")
    (folder / "blank.txt").write_text("\n\n")
    (folder / "header.csv").write_text("left,right\n1,2\n")
    (folder / "ragged.csv").write_text("1,2\n3\n")
    (folder / "marks.csv").write_text("1,5;2.5\n3;4\n")
    (folder / "hole.csv").write_text("1,,2\n3,4,5\n")
    (folder / "nan.csv").write_text("1,nan\n")
    (folder / "inf.txt").write_text("1 inf\n")
    (folder / "zeros.csv").write_text("0,0\n0,0\n")
    (folder / "binary.txt").write_bytes(bytes(range(256)))
    (folder / "wide.csv").write_text("1," * 40 + "1\n")
    np.save("cube.npy", np.ones((2, 2, 2)))
    np.save("row.npy", np.ones(3))
    np.save("objects.npy", np.array([[{}]]), allow_pickle=True)
    np.save("words.npy", np.array([["a"]]))
    np.save("none.npy", np.ones((0, 3)))
    tiff("nan.tif", np.full((5, 5), np.nan, np.float32))
    tiff("complex.tif", np.ones((5, 5), np.complex64))
    tiff("pages.tif", np.ones((3, 6, 7), np.float32))
    tiff("stack.tif", np.ones((5, 6, 7), np.float32))


WRONG = {
    # picture
    "missing.png": "IMAGE: .*missing.png",
    "sub": "IMAGE: .*sub",
    "text.png": "IMAGE: text.png is not a readable picture",
    "empty.png": "IMAGE: empty.png is not a readable picture",
    "cut.png": "IMAGE: cut.png is not a readable picture",
    "pages.tif --out pages.png": "--out: expected a .tif, .npy or .npz file for a stack, got .png",
    "pages.tif --figure f.png": "--figure: expected one picture or one volume, got a stack",
    "nan.tif": "(image|IMAGE): .*NaN",
    "complex.tif": "IMAGE: .*real",
    "in.png --volume": "--volume: expected a stack of pictures, got one of 12 x 14",
    "exists.png": "IMAGE: exists.png is not a readable picture",
    "in.png in.png": "--out-dir: expected a directory for the results of 2 pictures",
    "sub --out-dir sub": "IMAGE: no pictures in the directory 'sub'",
    "in.png --out-dir new --out x.png": "--out: cannot be combined with --out-dir",
    "macth": "expected a picture or a command, got 'macth'; did you mean 'match'",
    "in.png --exact --stderr e.tif": "--stderr: cannot be combined with --exact",
    "in.png --stderr e.npz": "--stderr: expected a name ending in",
    "in.png --stderr result.png": "--stderr: expected a file other than --out",
    "in.png --out-type float32": "--out-type: expected one of bool, uint8, uint16 for .png files",
    "in.png --out o.npz --out-type uint8": "--out-type: a .npz file holds float64 numbers",
    # kernel
    "in.png --kernel blur": "--kernel: expected one of identity, .*got 'blur'",
    "in.png --kernel Edge": "--kernel: expected one of",
    "in.png --kernel kernel.jpg": "--kernel: expected one of .*a file ending in .npy, .csv, .txt",
    "in.png --kernel missing.csv": "--kernel: no such file: 'missing.csv'",
    "in.png --kernel archive.npy": "--kernel: 'archive.npy'",
    "in.png --kernel zip.npy": "--kernel: 'zip.npy'",
    "in.png --kernel empty.npy": "--kernel: 'empty.npy'",
    "in.png --kernel text.npy": "--kernel: 'text.npy'",
    "in.png --kernel empty.csv": "kernel: .*empty",
    "in.png --kernel blank.txt": "kernel: .*",
    "in.png --kernel header.csv": "--kernel: 'header.csv' is not an array of numbers",
    "in.png --kernel ragged.csv": "--kernel: 'ragged.csv' is not an array of numbers",
    "in.png --kernel marks.csv": "'marks.csv' is not an array of numbers .both points and commas",
    "in.png --kernel hole.csv": "'hole.csv' is not an array of numbers .expected a number, got ''",
    "in.png --kernel binary.txt": "--kernel: 'binary.txt' is not an array of numbers",
    "in.png --kernel nan.csv": "kernel: expected finite numbers",
    "in.png --kernel inf.txt": "kernel: expected finite numbers",
    "in.png --kernel zeros.csv": "kernel: expected at least one entry other than 0",
    "in.png --kernel cube.npy": r"--kernel: expected 2 axes in 'cube.npy', got shape \(2, 2, 2\)",
    "in.png --kernel row.npy": r"--kernel: expected 2 axes in 'row.npy', got shape \(3,\)",
    "in.png --kernel objects.npy": "--kernel: 'objects.npy' is not an array of numbers",
    "in.png --kernel words.npy": "kernel: expected an array of real numbers",
    "in.png --kernel none.npy": "kernel: .*(at least one entry|none.npy)",
    "in.png --kernel box --size 2": "size: expected an odd number",
    "in.png --kernel box --size 0": "size: expected an integer >= 1, got 0",
    "in.png --kernel box --size three": "--size: invalid int value: 'three'",
    "in.png --kernel box --size 100001": "size",
    "in.png --kernel edge --size 1": "kernel: expected at least one entry other than 0",
    "in.png --kernel sobel-x --size 5": "--size: unexpected option 'size' of sobel-x; it has no",
    "in.png --kernel nan.csv --size 3": "--size: applies only to named kernels, but --kernel is",
    "in.png --kernel wide.csv --mode valid --size 3": "--size: applies only to named kernels",
    # numbers
    "in.png --shots 0": "shots: expected an integer >= 1, got 0",
    "in.png --shots -5": "shots: expected an integer >= 1, got -5",
    "in.png --shots 1.5": "--shots: invalid int value: '1.5'",
    "in.png --shots 1e400": "--shots: invalid int value: '1e400'",
    "in.png --shots nan": "--shots: invalid int value: 'nan'",
    "in.png --mode reflect": "--mode: .*; for values outside the image, write --boundary reflect",
    "in.png --boundary periodic": "--boundary: .*, got 'periodic'; write --boundary wrap",
    "in.png --cval 3": "--cval: requires --boundary fill, got symm",
    "in.png --boundary fill --cval 3 --fillvalue 3": "--cval: cannot be combined with --fillvalue",
    "in.png --shots many": "--shots: invalid int value: 'many'",
    "in.png --shots 1000000000000000000000": "shots: expected",
    "in.png --seed -1": "seed: expected an integer >= 0, got -1",
    "in.png --seed 1.5": "--seed: invalid int value: '1.5'",
    "in.png --softmax 0": "(softmax|temperature): expected a number > 0, got 0",
    "in.png --softmax -2": "(softmax|temperature): expected a number > 0, got -2",
    "in.png --softmax nan": "(softmax|temperature): expected",
    "in.png --softmax warm": "--softmax: invalid float value: 'warm'",
    "in.png --boundary fill --fillvalue nan": "fillvalue: expected a finite number, got nan",
    "in.png --boundary fill --fillvalue white": "--fillvalue: invalid float value: 'white'",
    # words
    "in.png --method grover": "--method: invalid choice: 'grover'",
    "in.png --mode half": "--mode: expected one of .full., .same., .valid., got .half.",
    "in.png --boundary mirrored": "--boundary: expected one of .fill., .wrap., .* got .mirrored.",
    "in.png --bogus": "unrecognized arguments: --bogus",
    "in.png --shots": "--shots: expected one argument",
    "in.png --kernel wide.csv --mode valid": "mode: 'valid' requires",
    # options that would have no effect
    "in.png --exact --shots 5": "--shots: cannot be combined with --exact, which takes no shots",
    "in.png --shots 1000 --exact": "--shots: cannot be combined with --exact",  # the default
    "in.png --exact --shared": "--shared: cannot be combined with --exact",
    "in.png --exact --tolerance 5": "--tolerance: cannot be combined with --exact",
    "in.png --exact --allocation optimal": "--allocation: cannot be combined with --exact",
    "in.png --tolerance 5 --shots 7": "--tolerance: determines the shots",
    "in.png --tolerance 0": "tolerance: expected a number above 0, got 0.0",
    "in.png --mitigation readout": "--mitigation: requires --backend",
    "in.png --fillvalue 9": "--fillvalue: requires --boundary fill, got symm",
    "in.png --fillvalue 0 --boundary wrap": "--fillvalue: requires --boundary fill, got wrap",
    # options of other methods
    "in.png --steps 2": "--steps: requires --method diffusion, got collapse",
    "in.png --method fourier --steps 1": "--steps: requires --method diffusion, got",
    "in.png --method fourier --shared": "--shared: requires --method collapse, got fourier",
    "in.png --method diffusion --baseline": "--baseline: requires --method collapse, got diffusion",
    "in.png --method diffusion --no-baseline": "--baseline: requires --method collapse",
    "in.png --method fourier --range local": "--range: requires --method estimation, got fourier",
    "in.png --powers 1 2": "--powers: requires --method estimation, got collapse",
    "in.png --method estimation --powers 1 1": "powers: expected one or more distinct powers",
    "in.png --method estimation --powers -1": "--powers: expected an integer >= 0, with or",
    "in.png --method estimation --powers few": "--powers: expected an integer >= 0, with or",
    "in.png --method estimation --powers 1:2:3": "as in 4:10, or auto, got '1:2:3'",
    "in.png --method estimation --powers auto 2": "--powers: auto chooses the powers",
    "in.png --method estimation --powers 0:9 2": "powers: expected every item to be a pair",
    "in.png --method estimation --powers 0:9 --shots 5": "--shots: cannot be combined",
    "in.png --method estimation --powers 0:9 --tolerance 5": "--tolerance: cannot be",
    "in.png --method estimation --powers": "--powers: expected at least one argument",
    "in.png --method estimation --range wide": "--range: invalid choice: 'wide'",
    "in.png --method estimation --steps 2": "--steps: requires --method diffusion, got",
    "in.png --method diffusion --steps 0": "steps: expected an integer >= 1, got 0",
    "in.png --method diffusion --steps two": "--steps: invalid int value: 'two'",
    "nan.tif --method diffusion": "(image|IMAGE): .*NaN",
    "in.png --method diffusion --boundary fill --fillvalue -1": "fillvalue: expected a number >= 0",
    "in.png --method interference --shots 10000000000000000000": "shots: expected",
    # outputs
    "in.png --out result": "--out: expected a name ending in .png",
    "in.png --out result.gif": "--out: expected a name ending in .png",
    "in.png --out missing/result.png": "--out: no such directory: 'missing'",
    "in.png --out in.png/result.png": "--out: no such directory: 'in.png'",
    "in.png --out sub": "--out: expected",
    "in.png --out exists.png": "--out: 'exists.png' exists; --overwrite replaces it",
    "in.png --figure exists.png": "--figure: 'exists.png' exists; --overwrite replaces it",
    "in.png --figure figure.gif": "--figure: expected",
    "in.png --figure missing/figure.png": "--figure: no such directory: 'missing'",
    "in.png --out in.png": "--out: 'in.png' ",
    "in.png --out in.png --overwrite": "--out: 'in.png' is the input picture",
    "in.png --out sub/../in.png --overwrite": "--out: .* is the input picture",
    "in.png --figure in.png --overwrite": "--figure: 'in.png' is the input picture",
    "in.png --out x.png --figure x.png": "--figure: expected a file other than --out",
    "in.png --out x.png --figure ./x.png": "--figure: expected a file other than --out",
    "in.png --out x.png --figure sub/../x.png": "--figure: expected a file other than --out",
    "in.png --kernel row.npy --out row.npy --overwrite": "row.npy",
    "missing.png --out exists.png --overwrite": "IMAGE: .*missing.png",
}


@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # imageio leaves bad files open
class TestWrong:
    @staticmethod
    def refused(arguments, message, folder, capsys):
        before = listing(folder)
        gc.freeze()  # so that only objects from this call are collected
        status = main(arguments)
        gc.collect()  # so that warnings appear here, not in the next test
        gc.unfreeze()
        assert status == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("qconv: ")
        assert err.count("\n") == 1
        assert err.endswith("\n")
        assert len(err) < 400
        assert re.search(message, err)
        assert "Errno" not in err, "an error number says nothing to a person"
        assert listing(folder) == before
        assert [path.name for path in folder.iterdir() if path.is_dir()] == ["sub"]

    @pytest.mark.parametrize("line", WRONG)
    def test_one_line_and_nothing_written(self, line, folder, capsys):
        files_for_wrong_input(folder)
        self.refused(line.split(), WRONG[line], folder, capsys)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["in.png", "--out", ""], "--out: expected"),
            (["in.png", "--kernel", ""], "--kernel: expected one of"),
            ([""], "IMAGE: "),
            (["in\nput.png"], "IMAGE: .*in put.png"),
            (["in.png", "--out", "x" * 300 + ".png"], "--out: "),
        ],
    )
    def test_odd_words(self, arguments, message, folder, capsys):
        files_for_wrong_input(folder)
        self.refused(arguments, message, folder, capsys)

    def test_the_kernel_file_is_no_output(self, folder, capsys):
        files_for_wrong_input(folder)
        np.save("k.npy", qconv.named_kernel("box"))
        arguments = ["in.png", "--kernel", "k.npy", "--out", "k.npy", "--overwrite"]
        self.refused(arguments, "--out: .*k.npy.* is the kernel", folder, capsys)

    def test_absolute_and_relative_name_of_one_file(self, folder, capsys):
        files_for_wrong_input(folder)
        arguments = ["in.png", "--out", "x.png", "--figure", str(folder / "x.png")]
        self.refused(arguments, "--figure: expected a file other than --out", folder, capsys)

    def test_a_link_to_the_input(self, folder, capsys):
        files_for_wrong_input(folder)
        os.symlink("in.png", "link.png")
        arguments = ["in.png", "--out", "link.png", "--overwrite"]
        self.refused(arguments, "--out: 'link.png' is the input picture", folder, capsys)

    def test_too_large_for_the_memory(self, folder, capsys, monkeypatch):
        files_for_wrong_input(folder)
        monkeypatch.setattr("qconv._memory.available_memory", lambda: 1000)
        self.refused(["in.png"], "too large: needs about", folder, capsys)

    def test_wrong_number_of_threads(self, folder, capsys, monkeypatch):
        files_for_wrong_input(folder)
        monkeypatch.setenv("QCONV_NUM_THREADS", "many")
        self.refused(["in.png"], "QCONV_NUM_THREADS: expected", folder, capsys)


class TestHelp:
    def test_mentions_every_option(self, capsys):
        with pytest.raises(SystemExit) as raised:
            main(["--help"])
        assert raised.value.code == 0
        text = capsys.readouterr().out
        options = [action for action in parser()._actions if action.option_strings]
        assert len(options) > 12
        for action in options:
            assert all(option in text for option in action.option_strings)
            assert action.help
        for name in KERNEL_NAMES:
            assert name in text or f"{name[:-2]}-x, -y, -z" in text
            assert all(option in text for option in kernel_options(name) if option != "ndim")
        assert "IMAGE" in text
        assert max(map(len, text.splitlines())) <= 100

    def test_defaults_are_told(self, capsys):
        defaults = vars(parser().parse_args([]))
        with pytest.raises(SystemExit):
            main(["--help"])
        text = " ".join(capsys.readouterr().out.split())
        assert "default: result.png" in text
        for name in ("kernel", "mode", "boundary"):
            assert f"default: {defaults[name]}" in text, name
        assert "shots per pixel (default: 1000)" in text

    def test_version(self, capsys):
        with pytest.raises(SystemExit) as raised:
            main(["--version"])
        assert raised.value.code == 0
        assert capsys.readouterr().out == f"qconv {qconv.__version__}\n"


class TestProcess:
    """A few calls in separate processes, without pytest."""

    @staticmethod
    def call(*arguments, **how):
        return subprocess.run(
            [sys.executable, "-m", "qconv", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **how,
        )

    @pytest.mark.slow
    def test_right(self, folder):
        done = self.call("in.png", "--shots", "10", "--out", "o.npy")
        assert (done.returncode, done.stderr) == (0, "")
        assert "wrote o.npy" in done.stdout
        assert np.load("o.npy").shape == GREY.shape

    @pytest.mark.parametrize(
        "arguments",
        [["in.png", "--kernel", "empty.csv"], ["--bogus"]],  # from `WRONG`, and from argparse
    )
    def test_wrong(self, folder, arguments):
        (folder / "empty.csv").write_text("")
        done = self.call(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("qconv: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert set(listing(folder)) == {"in.png", "empty.csv"}

    @pytest.mark.slow
    def test_same_seed_in_two_processes_on_one_thread_and_two(self, folder, monkeypatch, quick):
        """One call in a new process, one in this process."""
        save("in.png", RNG.integers(0, 256, (150, 101)).astype(np.uint8))  # several tiles
        arguments = ["in.png", "--seed", "7", "--shots", "3", "--quiet", "--out"]
        monkeypatch.setenv("QCONV_NUM_THREADS", "1")
        done = self.call(*arguments, "1.npy")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        monkeypatch.setenv("QCONV_NUM_THREADS", "2")
        assert main([*arguments, "2.npy"]) == 0
        assert (folder / "1.npy").read_bytes() == (folder / "2.npy").read_bytes()

    @pytest.mark.slow
    def test_a_reader_that_goes_away(self, folder):
        pipe = subprocess.Popen(
            [sys.executable, "-m", "qconv", "in.png"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pipe.stdout.close()
        assert pipe.stderr.read() == ""
        pipe.stderr.close()
        assert pipe.wait(60) == 0
        assert os.path.exists("result.png")


@pytest.mark.usefixtures("quick")
class TestBlocksAndPadding:
    @pytest.mark.parametrize("scheme", ["overlap-add", "overlap-save"])
    @pytest.mark.parametrize("method", ["diffusion", "interference", "fourier"])
    def test_blocks(self, method, scheme, capsys):
        options = ["--method", method, "--blocks", scheme, "--qubits", "11", "--exact"]
        assert main(["in.png", *options]) == 0
        assert "agrees" in capsys.readouterr().out

    @pytest.mark.parametrize("padding", ["auto", "both", "kernel", "wrapped"])
    def test_padding(self, padding, capsys):
        save("in.png", GREY[:8, :8])
        options = ["--method", "fourier", "--padding", padding, "--boundary", "wrap"]
        assert main(["in.png", "--exact", *options]) == 0
        assert "agrees" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--qubits", "12"], "--qubits: requires --blocks"),
            (["--blocks", "overlap-add"], "--blocks: requires --method diffusion, interf"),
            (
                ["--method", "fourier", "--blocks", "overlap-add", "--qubits", "3"],
                "qubits: expected at least",
            ),
            (
                ["--method", "diffusion", "--padding", "both"],
                "--padding: requires --method fourier",
            ),
            (
                ["--method", "fourier", "--padding", "kernel", "--mode", "full"],
                "padding: 'kernel' has only 16 basis states along axis 1",
            ),
        ],
    )
    def test_refused(self, options, message, capsys):
        assert main(["in.png", *options]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.usefixtures("_small_picture")
class TestBackend:
    """`--backend`, by name."""

    @pytest.fixture
    def _small_picture(self, tmp_path, monkeypatch):
        import skimage.io

        monkeypatch.chdir(tmp_path)
        skimage.io.imsave("in.png", np.arange(48, dtype=np.uint8).reshape(6, 8))

    def test_aer(self, capsys):
        assert main(["in.png", "--backend", "aer", "--seed", "1", "--shots", "5"]) == 0
        assert "240 executions" in capsys.readouterr().out

    def test_unknown(self, tmp_path, capsys):
        assert main(["in.png", "--backend", "nowhere"]) == 2
        assert "--backend: expected one of aer" in capsys.readouterr().err
        assert not (tmp_path / "result.png").exists()

    def test_a_fake_backend(self, capsys):
        pytest.importorskip("qiskit_ibm_runtime", reason="fake backends are an extra")
        for name in ("manila", "fake_manila"):
            call = ["in.png", "--backend", name, "--seed", "1", "--shots", "50", "--overwrite"]
            assert main(call) == 0
        assert "executions" in capsys.readouterr().out
        assert main(["in.png", "--backend", "manilla", "--overwrite"]) == 2
        assert "marrakesh" in capsys.readouterr().err


class TestTolerance:
    def test_a_colour_picture_counts_the_shots_of_all_colours(self, tmp_path, capsys):
        from skimage.io import imsave

        rng = np.random.default_rng(5)
        picture = (rng.random((6, 5, 3)) * [40, 120, 250]).astype(np.uint8)
        imsave(tmp_path / "in.png", picture, check_contrast=False)
        out = str(tmp_path / "out.npy")
        call = [str(tmp_path / "in.png"), "--tolerance", "9", "--seed", "7", "--out", out]
        assert main(call) == 0
        printed = capsys.readouterr().out
        executions = int(printed.split(" executions")[0].split(": ")[-1].replace(",", ""))
        (average,) = [line for line in printed.splitlines() if "shots per pixel" in line]
        mean = float(average.split(", ")[-1].split()[0])
        assert mean == pytest.approx(executions / picture.size, rel=1e-3)
        assert "tolerance (grey levels)\n  9, reached (largest standard error " in printed
