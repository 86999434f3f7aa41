"""NumPy's settings for overflow and underflow, chosen by the caller, do not affect results."""

import numpy as np
import pytest

import classical
import qconv
from tests.cases import EDGE

RNG = np.random.default_rng(0)
IMAGES = {
    "plain": RNG.integers(0, 256, (6, 7)).astype(float),
    "tiny": RNG.random((6, 6)) * 1e-300,
    "mixed": 10.0 ** RNG.uniform(-300, 100, (6, 6)),
}
KERNELS = {"edge": EDGE, "tiny": EDGE * 1e-300, "mixed": np.array([[1e-300, 1, -1e-200]])}
METHODS = [
    qconv.Collapse(),
    qconv.Collapse(baseline=True),
    qconv.Diffusion(steps=2),
    qconv.Interference(),
    qconv.Fourier(signed=False),
    qconv.AmplitudeEstimation(powers=(0, 1)),
    qconv.Blocks(qconv.Fourier(), "overlap-add", 12),
]
WORK = {
    f"{type(method).__name__} {number}": lambda image, kernel, method=method: [
        part
        for shots in (None, 20)
        for plan in [qconv.plan(image, kernel, method=method, shots=shots, seed=1)]
        for result in [plan.run()]
        for part in (result.image, result.stderr, str(result), str(plan.cost))
    ]
    for number, method in enumerate(METHODS)
} | {
    "match": lambda image, kernel: [
        str(qconv.match_template(image, image[1:3, 1:4], filter=name, shots=100, seed=1))
        for name in ("phase", "correlation", "normalized")
    ],
    "encode": lambda image, kernel: qconv.encode_amplitudes(image).num_qubits,
    "softmax": lambda image, kernel: qconv.Propagator.softmax(kernel, 1e-300).probabilities,
    "classical": lambda image, kernel: [
        classical.convolve(image, kernel),
        classical.fourier_convolve(image, kernel),
        classical.diffuse(image, kernel, 2),
        classical.match_template(image, image[1:3, 1:4]),
        classical.conv2d(image[None], kernel[None, None], padding="same"),
    ],
}


#: Two of three combinations of image, kernel and work; all pairs are included.
CASES = [
    (work, image, kernel)
    for i, work in enumerate(WORK)
    for j, image in enumerate(IMAGES)
    for k, kernel in enumerate(KERNELS)
    if (i + j + k) % 3
]


@pytest.mark.parametrize(("work", "image", "kernel"), CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_raising(work, image, kernel):
    expected = WORK[work](IMAGES[image], KERNELS[kernel])
    with np.errstate(all="raise"):
        seen = WORK[work](IMAGES[image], KERNELS[kernel])
    np.testing.assert_equal(seen, expected)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_fill_values_beyond_floating_point(method):
    how = {"method": method, "boundary": "fill", "fillvalue": 1e308}
    with pytest.raises(ValueError, match="fillvalue: products with the kernel exceed"):
        qconv.plan(np.ones((4, 5)), [[1, 2, 1]], **how)


def test_colours_need_their_axis():
    with pytest.raises(ValueError, match="for a colour image, add channel_axis=-1"):
        qconv.convolve(np.ones((4, 5, 3)), EDGE)
