"""What the command adds to convolving, and colours and large pictures to the same pixels.

python -m pytest tests/benchmarks/test_pictures.py -s
"""

import os
import sys
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

import qconv
from tests.benchmarks.timing import spread

EDGE = qconv.named_kernel("edge")
WHERE = {"method": qconv.Collapse(baseline=True), "shots": 100, "mode": "same", "boundary": "symm"}


def cpu(call):
    """CPU time of a call in seconds, of all threads."""
    start = time.process_time()
    call()
    return time.process_time() - start


def run(*arguments):
    """CPU time in seconds and peak memory in MiB of the command ``qconv`` in a new process."""
    words = [sys.executable, "-m", "qconv", *map(str, arguments), "--quiet"]
    _, status, usage = os.wait4(os.spawnv(os.P_NOWAIT, sys.executable, words), 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def test_folder_of_pictures(tmp_path):
    """200 pictures of 512 x 512, extrapolated from calls of 4, 8 and 16, which are on a line."""
    camera, numbers = data.camera(), (1, 4, 8, 16)
    folders = {number: tmp_path / str(number) for number in numbers}
    for number, folder in folders.items():
        folder.mkdir()
        for place in range(number):
            Image.fromarray(np.roll(camera, place, 0)).save(folder / f"{place}.png")
    image = camera.astype(float)
    qconv.convolve(image, EDGE, seed=1, **WHERE)
    ratios, bent, memory = [], [], dict.fromkeys(numbers, 0.0)
    for turn in range(3):
        alone = cpu(lambda: [qconv.convolve(image, EDGE, seed=1, **WHERE) for _ in range(8)]) / 8
        took = {}
        for number, folder in folders.items():
            out = tmp_path / f"out-{number}-{turn}"
            took[number], peak = run(folder, "--shots", 100, "--out-dir", out)
            memory[number] = max(memory[number], peak)
        slope, start = np.polyfit(numbers[1:], [took[number] for number in numbers[1:]], 1)
        bent.append((start + 8 * slope) / took[8])
        ratios.append((start + 200 * slope) / (200 * alone))
    print(
        f"\nfolder of 200 pictures of 512 x 512, 100 shots: {spread(ratios)} times the CPU time of "
        f"200 calls of qconv.convolve; line over call of 8: {spread(bent)}; peak memory of "
        + ", ".join(f"{number}: {peak:.0f} MiB" for number, peak in memory.items())
    )
    assert np.median(ratios) < 1.2
    assert memory[16] < 1.15 * memory[1]


@pytest.mark.parametrize("shots", [1, 100])
def test_colours_in_one_call(shots):
    """A colour photograph against one call on the same number of pixels, and three calls."""
    photograph = data.astronaut().astype(float)
    wide = np.concatenate(np.moveaxis(photograph, -1, 0), axis=1)
    how = WHERE | {"shots": shots}
    calls = {
        "channel_axis": lambda: qconv.convolve(photograph, EDGE, channel_axis=-1, seed=1, **how),
        "wide": lambda: qconv.convolve(wide, EDGE, seed=1, **how),
        "three": lambda: [
            qconv.convolve(photograph[..., c], EDGE, seed=c, **how) for c in range(3)
        ],
    }
    for call in calls.values():
        call()
    took = [{name: cpu(call) for name, call in calls.items()} for _ in range(9)]
    for other in ("wide", "three"):
        ratios = [each["channel_axis"] / each[other] for each in took]
        print(f"\n{shots} shots: colours by channel_axis over {other}: {spread(ratios)}")
    assert np.median([each["channel_axis"] / each["wide"] for each in took]) < 1.2


def test_four_million_pixels(tmp_path):
    """2000 x 2000 pixels: CPU time per pixel against 512 x 512, and the command's memory."""
    small = data.camera()
    large = np.tile(small, (4, 4))[:2000, :2000]
    per_pixel = []
    for _ in range(3):
        parts = [cpu(lambda: qconv.convolve(small, EDGE, seed=1, **WHERE)) for _ in "1234"]
        whole = cpu(lambda: qconv.convolve(large, EDGE, seed=1, **WHERE))
        per_pixel.append(whole / large.size / (np.mean(parts) / small.size))
    Image.fromarray(large).save(tmp_path / "large.png")
    took, peak = run(tmp_path / "large.png", "--shots", 100, "--out", tmp_path / "out.tif")
    print(
        f"\n2000 x 2000, 100 shots: {spread(per_pixel[1:])} times the CPU time per pixel of 512 x "
        f"512; the command takes {took:.1f} s of CPU and {peak:.0f} MiB"
    )
    assert np.median(per_pixel[1:]) < 1.3
