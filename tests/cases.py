"""Images, kernels and geometries, including edge cases, shared by parametrised tests."""

import numpy as np
from scipy import signal

MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm", "mirror", "nearest")

EDGE = np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])

#: (image shape, kernel shape): one pixel, even kernels, kernels larger than the image along one or
#: both axes, rows and columns, prime sizes, more than one tile.
SHAPES = {
    "one pixel, one position": ((1, 1), (1, 1)),
    "one pixel": ((1, 1), (3, 3)),
    "one position": ((5, 7), (1, 1)),
    "even kernel": ((6, 5), (2, 2)),
    "even and odd": ((5, 6), (4, 3)),
    "odd and even": ((7, 4), (3, 2)),
    "kernel larger": ((3, 4), (5, 6)),
    "kernel larger, same parity": ((3, 3), (7, 7)),
    "kernel taller": ((3, 9), (5, 2)),
    "kernel wider": ((9, 3), (2, 5)),
    "several turns": ((2, 3), (11, 13)),
    "one pixel, many turns": ((1, 1), (8, 9)),
    "row by row": ((1, 11), (1, 4)),
    "column by column": ((11, 1), (4, 1)),
    "row by column": ((1, 7), (3, 1)),
    "prime sizes": ((13, 17), (7, 5)),
    "as large as the kernel": ((4, 5), (4, 5)),
    "several tiles": ((67, 131), (3, 2)),
}


def random_integers(shape, seed):
    """Small integers of both signs as floats, not all zero: sums of products are exact."""
    values = np.random.default_rng(seed).integers(-9, 10, size=shape).astype(float)
    values.flat[0] = values.flat[0] or 3.0
    return values


def close(actual, expected, rtol=1e-10):
    """Assert equality up to rounding, relative to the largest expected value."""
    assert actual.shape == expected.shape
    scale = float(np.abs(expected).max()) or 1.0
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * scale)


def convolve2d(image, kernel, mode="full", boundary="fill", fillvalue=0):
    """``scipy.signal.convolve2d``, with the boundaries of ``numpy.pad`` that SciPy lacks."""
    pad_mode = {"mirror": "reflect", "nearest": "edge"}.get(boundary)
    if pad_mode is None:
        return signal.convolve2d(image, kernel, mode, boundary, fillvalue)
    if mode == "valid":
        return signal.convolve2d(image, kernel, mode)
    margins = [(h - 1, h - 1) for h in np.shape(kernel)]
    full = signal.convolve2d(np.pad(image, margins, mode=pad_mode), kernel, "valid")
    if mode == "full":
        return full
    starts = [(h - 1) // 2 for h in np.shape(kernel)]
    pixels = zip(starts, np.shape(image), strict=True)
    return full[tuple(slice(start, start + n) for start, n in pixels)]


def correlate2d(image, kernel, mode="full", boundary="fill", fillvalue=0):
    """``scipy.signal.correlate2d``, with the boundaries of ``numpy.pad`` that SciPy lacks."""
    if boundary not in ("mirror", "nearest"):
        return signal.correlate2d(image, kernel, mode, boundary, fillvalue)
    if mode != "same":
        return convolve2d(image, np.flip(kernel), mode, boundary)
    full = convolve2d(image, np.flip(kernel), "full", boundary)
    pixels = zip(np.shape(kernel), np.shape(image), strict=True)
    return full[tuple(slice(h // 2, h // 2 + n) for h, n in pixels)]


def correlate_nd(image, kernel, mode="full", boundary="fill", fillvalue=0):
    """`correlate2d` with the centre of ``scipy.signal.correlate``, as for one and three axes."""
    if mode != "same":
        return correlate2d(image, kernel, mode, boundary, fillvalue)
    full = correlate2d(image, kernel, "full", boundary, fillvalue)
    pixels = zip(np.shape(kernel), np.shape(image), strict=True)
    return full[tuple(slice((h - 1) // 2, (h - 1) // 2 + n) for h, n in pixels)]
