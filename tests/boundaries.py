"""Random convolutions with every name of a boundary, and the results of SciPy and NumPy."""

import numpy as np
from scipy import ndimage, signal

import qconv
from tests.cases import MODES

#: Each name, with its mode in ``numpy.pad`` and in ``scipy.ndimage``.
NAMES = {
    "fill": ("constant", "constant"),
    "constant": ("constant", "constant"),
    "grid-constant": ("constant", "grid-constant"),
    "pad": ("constant", "constant"),
    "wrap": ("wrap", "wrap"),
    "circular": ("wrap", "wrap"),
    "grid-wrap": ("wrap", "grid-wrap"),
    "symm": ("symmetric", "reflect"),
    "symmetric": ("symmetric", "reflect"),
    "reflect": ("symmetric", "reflect"),
    "grid-mirror": ("symmetric", "grid-mirror"),
    "mirror": ("reflect", "mirror"),
    "nearest": ("edge", "nearest"),
    "edge": ("edge", "nearest"),
}

METHODS = [
    qconv.Collapse(),
    qconv.Collapse(baseline=True),
    qconv.Diffusion(),
    qconv.Interference(),
    qconv.Fourier(),
    qconv.AmplitudeEstimation((0, 1)),
    qconv.Blocks(qconv.Fourier(), "overlap-add", 14),
    qconv.Blocks(qconv.Diffusion(), "overlap-save", 16),
]

#: Maximum number of pixels and of kernel positions along an axis, by the number of axes.
SIDES = {1: (14, 30), 2: (6, 9), 3: (3, 4)}


def random_case(seed):
    """Draw an image, a kernel, and the arguments of `qconv.convolve` for them."""
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 4))
    pixels, positions = SIDES[axes]
    image = rng.random(rng.integers(1, pixels + 1, axes))
    kernel = rng.normal(size=rng.integers(1, positions + 1, axes))
    where = {"mode": str(rng.choice(MODES)), "boundary": str(rng.choice(list(NAMES)))}
    where[str(rng.choice(["fillvalue", "cval"]))] = float(rng.choice([0, rng.random()]))
    return image, kernel, METHODS[rng.integers(len(METHODS))], where


def by_numpy(image, kernel, mode, boundary, value):
    """Convolve an image that ``numpy.pad`` has extended; None if the shapes do not allow it."""
    margins = [(h - 1, h - 1) for h in kernel.shape]
    pad_mode = NAMES[boundary][0]
    if mode == "valid":
        pairs = list(zip(image.shape, kernel.shape, strict=True))
        if any(h > n for n, h in pairs) and any(n > h for n, h in pairs):
            return None
        return signal.convolve(image, kernel, "valid", "direct")
    given = {"constant_values": value} if pad_mode == "constant" else {}
    padded = np.pad(image, margins, mode=pad_mode, **given)
    full = signal.convolve(padded, kernel, "valid", "direct")
    if mode == "full":
        return full
    starts = [(h - 1) // 2 for h in kernel.shape]
    return full[tuple(slice(s, s + n) for s, n in zip(starts, image.shape, strict=True))]


def by_ndimage(image, kernel, boundary, value):
    """Compute the convolution of mode ``same``; None where SciPy 1.17 reads a wrong pixel.

    For ``reflect``, ``ndimage.convolve`` differs from ``ndimage.convolve1d`` and from ``numpy.pad``
    if a kernel reaches four or more lengths of the image. The origin moves the centre of an even
    kernel to where ``scipy.signal`` puts it.
    """
    far = any(h >= 8 * n for n, h in zip(image.shape, kernel.shape, strict=True))
    if far and NAMES[boundary][0] == "symmetric":
        return None
    origin = [-1 if h % 2 == 0 else 0 for h in kernel.shape]
    return ndimage.convolve(image, kernel, mode=NAMES[boundary][1], cval=value, origin=origin)


def check(seed):
    """Compare one random case; return whether it is possible."""
    image, kernel, method, where = random_case(seed)
    value = where.get("cval", where.get("fillvalue"))
    expected = by_numpy(image, kernel, where["mode"], where["boundary"], value)
    if expected is None:
        return False
    result = qconv.convolve(image, kernel, method=method, shots=None, **where)
    np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-9, err_msg=str(seed))
    if where["mode"] == "same":
        expected = by_ndimage(image, kernel, where["boundary"], value)
    if expected is not None:
        np.testing.assert_allclose(result.image, expected, rtol=0, atol=1e-9, err_msg=str(seed))
    return True
