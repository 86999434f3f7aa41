"""The command ``qconv plan``, as a person types it."""

import numpy as np
from skimage.io import imsave

from qconv.cli import main


def test_a_colour_picture_is_planned_by_its_brightness(tmp_path, capsys):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (8, 8)).astype(np.uint8)
    coloured = np.stack([grey, grey, grey], axis=2)
    coloured[0, 0] = (30, 60, 90)
    grey[0, 0] = 60
    printed = []
    for name, pixels in (("grey", grey), ("colour", coloured)):
        imsave(tmp_path / f"{name}.png", pixels, check_contrast=False)
        assert main(["plan", str(tmp_path / f"{name}.png"), "--executions", "1000"]) == 0
        printed.append(capsys.readouterr().out.splitlines()[1:])
    assert printed[0] == printed[1]
