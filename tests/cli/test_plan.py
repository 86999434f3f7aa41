"""The command ``qconv plan``, as a person types it."""

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


def test_a_kernel_of_ones_own(tmp_path, capsys):
    """The numbers of a named kernel in a file give the same table."""
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
