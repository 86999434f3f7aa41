"""Cost of a network's layer, as ratios measured in one run, and the accuracy of its errors.

python -m pytest tests/benchmarks/test_layer.py -s
"""

import tracemalloc

import numpy as np
import pytest

import classical
import qconv
from tests.benchmarks.timing import ratios, seconds, spread

#: Every position is sampled with the propagator's probability, as by NumPy here.
PLAIN = qconv.Collapse()


def layer(images, channels, side, outputs, seed=1):
    """A batch of random images and random 3x3 kernels."""
    rng = np.random.default_rng(seed)
    array = rng.random((images, channels, side, side))
    return array, rng.normal(size=(outputs, channels, 3, 3))


def with_numpy(array, weight, shots, rng):
    """The same draws by NumPy alone, single-threaded, and their weighted sum."""
    padded = np.pad(array, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    values = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, weight[0].size)
    output = np.empty((len(values), len(weight)))
    for channel, kernel in enumerate(weight):
        total = np.abs(kernel).sum()
        counts = rng.multinomial(shots, np.abs(kernel).ravel() / total, size=len(values))
        output[:, channel] = np.einsum("ij,ij,j->i", counts, values, np.sign(kernel).ravel())
        output[:, channel] *= total / shots
    return output


@pytest.mark.parametrize(
    ("shape", "goal"), [((64, 1, 28, 16), 1.2), ((64, 16, 14, 32), 1.0)], ids=["1-16", "16-32"]
)
def test_against_numpy(shape, goal):
    """With new weights in every call, circuits are built and simulated again."""
    rng, weights = np.random.default_rng(3), iter(range(100))

    def ours():
        array, weight = layer(*shape, seed=next(weights))
        return qconv.conv2d(array, weight, padding=1, shots=100, seed=1, method=PLAIN)

    def numpys():
        array, weight = layer(*shape, seed=1)
        return with_numpy(array, weight, 100, rng)

    measured = ratios(ours, numpys, 5)
    print(
        f"\n{shape[0]} images {shape[2]} x {shape[2]}, {shape[1]} -> {shape[3]} channels, 3x3, 100 "
        f"shots: whole call / numpy's multinomial and sum = {spread(measured)} (goal {goal})"
    )
    assert np.median(measured) < goal


def test_memory():
    array, weight = layer(64, 16, 14, 32)
    output = 8 * 64 * 32 * 14 * 14
    chunk = 8 * 4096 * 144  # samples of 144 positions at the pixels of one tile
    qconv.conv2d(array, weight, padding=1, shots=100, seed=1, method=PLAIN)
    tracemalloc.start()
    qconv.conv2d(array, weight, padding=1, shots=100, seed=1, method=PLAIN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"\n64 images 14 x 14, 16 -> 32 channels: peak {peak / 2**20:.1f} MiB, output "
        f"{output / 2**20:.1f} MiB, windows of a chunk {chunk / 2**20:.1f} MiB; "
        f"peak / (output + windows) = {peak / (output + chunk):.2f} (goal 4)"
    )
    assert peak < 4 * (output + chunk)
    assert peak < 4 * output + chunk


def test_size_of_mnist():
    """7,000 images; 70,000 take ten times as long, because the time is linear in the images."""
    array, weight = layer(7000, 1, 28, 1)
    call = {"shots": 1024, "seed": 1, "method": PLAIN}
    qconv.conv2d(array[:10], weight, **call)
    few = min(seconds(lambda: qconv.conv2d(array[:700], weight, **call)) for _ in range(3))
    many = min(seconds(lambda: qconv.conv2d(array, weight, **call)) for _ in range(3))
    print(
        f"\n28 x 28, one 3x3 filter, 1,024 shots: 7,000 images {many:.1f} s, which is "
        f"{many / few:.1f} times as long as 700; 70,000 images: {10 * many:.0f} s (goal 120)"
    )
    assert 10 * many < 120
    assert many / few < 11


def test_errors_are_honest():
    array, weight = layer(64, 3, 30, 8)
    exact = classical.conv2d(array, weight, stride=2, padding=1, dilation=2)
    for shots in (10, 100):
        result = qconv.conv2d(
            array, weight, stride=2, padding=1, dilation=2, shots=shots, seed=shots
        )
        z = (result.image - exact) / result.stderr
        low, high = result.interval(0.95)
        covered = np.mean((low <= exact) & (exact <= high))
        print(
            f"\n{shots} shots, {z.size:,} outputs: variance of z {z.var():.4f} (1 +- 0.02), "
            f"95 % intervals cover {100 * covered:.2f} % (95 +- 0.5)"
        )
        assert abs(z.var() - 1) < 0.02
        assert abs(covered - 0.95) < 0.005
