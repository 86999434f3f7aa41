"""The command ``qconv match``, as users type it."""

import numpy as np
import pytest
from skimage.io import imread, imsave

import qconv
from qconv.cli import main
from qconv.cli.match import parser
from qconv.matching import figure as drawing
from qconv.visualization import figures as plotting
from qconv.visualization.pictures import boxed

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8)
PLACE = (11, 23)
PART = PHOTO[11:27, 23:41]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory with a picture and a part of it."""
    monkeypatch.chdir(tmp_path)
    imsave("photo.png", PHOTO, check_contrast=False)
    imsave("part.png", PART, check_contrast=False)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Replace the figure by a small file; other tests draw figures with all kinds of options."""
    monkeypatch.setattr(drawing, "match_figure", lambda *args, **how: None)
    monkeypatch.setattr(plotting, "save_figure", lambda figure, path: path.write_bytes(b"a figure"))


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def refused(capsys, *arguments):
    """Return the only line of the error message."""
    assert main(["match", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("qconv: ")
    assert err.count("\n") == 1
    return err


def test_without_arguments(folder, capsys):
    assert main(["match", "--seed", "7"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert files(folder) == ["match-figure.png", "match.png", "part.png", "photo.png"]
    assert "54 x 57 pixels searched for in 303 x 384, seed 7: 10,000 executions in" in out
    assert "row 93, column 242" in out
    assert "the same position" in out
    assert "success probability       1.000000" in out
    assert "preparing the image: at most 262,125 more two-qubit gates" in out
    marked = imread("match.png")
    assert marked.shape == (303, 384, 3)
    assert (marked[92, 242:299] == (255, 30, 30)).all()
    assert (imread("match-figure.png").std(axis=(0, 1)) > 10).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--exact"],
        ["--noise", "10"],
        ["--filter", "correlation", "--shots", "1000000"],
        ["--filter", "normalized", "--shots", "1000000"],
        ["--filter", "normalized", "--exact"],
    ],
    ids=" ".join,
)
def test_a_part_of_a_colour_picture(options, capsys):
    assert main(["match", "photo.png", "part.png", "--seed", "1", *options]) == 0
    out = capsys.readouterr().out
    assert f"row {PLACE[0]}, column {PLACE[1]}" in out
    assert imread("match.png").shape == (40, 50, 3)


@pytest.mark.usefixtures("quick")
def test_the_same_as_in_python(capsys):
    from skimage.color import rgb2gray

    from qconv.visualization.pictures import read_picture

    assert main(["match", "photo.png", "part.png", "--seed", "5", "--shots", "300"]) == 0
    image, template = (rgb2gray(read_picture(name).numbers) for name in ("photo.png", "part.png"))
    match = qconv.match_template(image, template, shots=300, seed=np.random.default_rng(5))
    assert match.percent in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_a_seed_repeats_every_byte(folder):
    written = []
    for name in ("a.png", "b.png"):
        assert main(["match", "photo.png", "part.png", "--seed", "3", "--out", name]) == 0
        written.append((folder / name).read_bytes())
    assert written[0] == written[1]


@pytest.mark.usefixtures("quick")
def test_quiet(capsys):
    assert main(["match", "photo.png", "part.png", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_help(capsys):
    for command, wanted in ((["match", "--help"], "--noise"), (["--help"], "qconv match")):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 0
        out = capsys.readouterr().out
        assert wanted in out
        assert max(map(len, out.splitlines())) <= 100
    for line in parser().epilog.splitlines()[1:]:
        parser().parse_args(line.split("qconv match")[1].split("   ")[0].split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png"], "TEMPLATE: expected a second picture"),
        (["photo.png", "no.png"], "TEMPLATE: no such file: no.png"),
        (["no.png", "part.png"], "IMAGE: no such file: no.png"),
        (
            ["part.png", "photo.png"],
            "template: expected a shape no larger than the image, (16, 18)",
        ),
        (["photo.png", "flat.png"], "template: expected at least two different values, got 9"),
        (["flat.png", "flat.png"], "image: expected at least two different values, got 9"),
        (["photo.png", "part.png", "--shots", "0"], "shots: expected an integer >= 1, got 0"),
        (["photo.png", "part.png", "--shots", "x"], "--shots: invalid int value"),
        (
            ["photo.png", "part.png", "--shots", "9", "--exact"],
            "--shots: cannot be combined with --exact",
        ),
        (["photo.png", "part.png", "--noise", "-3"], "--noise: expected a number >= 0, got -3"),
        (["photo.png", "part.png", "--noise", "nan"], "--noise: expected a number >= 0, got nan"),
        (["photo.png", "part.png", "--seed", "-1"], "--seed: expected an integer >= 0"),
        (["photo.png", "part.png", "--filter", "x"], "--filter: invalid choice"),
        (["photo.png", "part.png", "--out", "part.png"], "--out: 'part.png' exists; --overwrite"),
        (
            ["photo.png", "part.png", "--out", "part.png", "--overwrite"],
            "--out: 'part.png' is the template",
        ),
        (
            ["photo.png", "part.png", "--figure", "photo.png", "--overwrite"],
            "--figure: 'photo.png' is the large picture",
        ),
        (["photo.png", "part.png", "--out", "a.npy"], "--out: expected a name ending in .png"),
        (["photo.png", "part.png", "--kernel", "edge"], "unrecognized arguments: --kernel edge"),
    ],
)
def test_refused(arguments, message, folder, capsys):
    imsave("flat.png", np.full((9, 9), 9, np.uint8), check_contrast=False)
    before = files(folder)
    assert message in refused(capsys, *arguments)
    assert files(folder) == before


def test_the_error_names_the_command(capsys):
    assert "(qconv match --help lists the options)" in refused(capsys, "--what")


@pytest.mark.parametrize(
    ("corner", "shape"), [((5, 6), (3, 4)), ((0, 0), (20, 30)), ((19, 29), (1, 1))]
)
def test_boxes_lie_around(corner, shape):
    picture = RNG.integers(0, 255, (20, 30)).astype(float)
    marked = boxed(picture, corner, shape)
    red = (marked == (255, 30, 30)).all(axis=2)
    assert red.any()
    inside = tuple(slice(first, first + side) for first, side in zip(corner, shape, strict=True))
    if corner == (5, 6):
        assert not red[inside].any()
        assert red.sum() == 2 * (3 + 2) + 2 * 4
    assert np.array_equal(marked[~red][:, 0], picture[~red])
