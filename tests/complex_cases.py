"""Random complex convolutions, correlations and filters, and the results of SciPy and NumPy."""

import numpy as np
from scipy import signal

import classical
import qconv
from tests.boundaries import NAMES, SIDES, by_numpy
from tests.cases import MODES, close

METHODS = {
    "collapse": qconv.Collapse(),
    "baseline": qconv.Collapse(baseline=True),
    "shared": qconv.Collapse(shared=True),
    "fourier": qconv.Fourier(),
    "fourier amplified": qconv.Fourier(amplify=1),
    "fourier padded": qconv.Fourier(padding="both"),
    "interference": qconv.Interference(),
    "interference amplified": qconv.Interference(amplify="auto"),
    "estimation": qconv.AmplitudeEstimation(powers=(0, 1)),
    "estimation local": qconv.AmplitudeEstimation(powers=(0, 1), range="local"),
    "blocks": qconv.Blocks(qconv.Fourier(), "overlap-add", 14),
    "blocks saved": qconv.Blocks(qconv.Interference(), "overlap-save", 18),
    "magnitudes": qconv.Fourier(signed=False),
    "magnitudes by shifts": qconv.Interference(signed=False),
}


def numbers(shape, seed, kind="complex"):
    """Return normally distributed random numbers, complex or real."""
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(size=(2, *shape))
    return real + 1j * imaginary if kind == "complex" else real


def random_case(seed):
    """Draw a verb, an image, a kernel, the name of a method, and arguments of the verb.

    Image, kernel or both are complex. A third of the fill values are 0, a third complex.
    """
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 4))
    pixels, positions = SIDES[axes]
    kinds = [("complex", "complex"), ("real", "complex"), ("complex", "real")][rng.integers(3)]
    image = numbers(rng.integers(1, pixels + 1, axes), (seed, 1), kinds[0])
    kernel = numbers(rng.integers(1, positions + 1, axes), (seed, 2), kinds[1])
    where = {"mode": str(rng.choice(MODES)), "boundary": str(rng.choice(list(NAMES)))}
    where["fillvalue"] = [0, 1.5, complex(2, -1)][rng.integers(3)]
    verb = str(rng.choice(["convolve", "correlate"]))
    return verb, image, kernel, str(rng.choice(list(METHODS))), where


def exact(verb, image, kernel, mode, boundary, fillvalue):
    """Convolve or correlate by SciPy; None if the shapes do not allow it."""
    image = image.astype(np.complex128)  # numpy.pad pads an image with values of its own type
    if verb == "convolve":
        return by_numpy(image, kernel, mode, boundary, fillvalue)
    turned = np.conj(np.flip(kernel))
    if mode == "valid":
        # SciPy exchanges image and kernel, which reverses and conjugates the result
        possible = by_numpy(image, turned, mode, boundary, fillvalue)
        return None if possible is None else signal.correlate(image, kernel, mode, "direct")
    full = by_numpy(image, turned, "full", boundary, fillvalue)
    if mode == "full":
        return full
    later = image.ndim == 2  # in correlate2d, but not in correlate
    starts = [(h - 1 + later) // 2 for h in kernel.shape]
    return full[tuple(slice(s, s + n) for s, n in zip(starts, image.shape, strict=True))]


def check(seed):
    """Compare one random case; return the name of its method, or None if it is impossible."""
    verb, image, kernel, name, where = random_case(seed)
    expected = exact(verb, image, kernel, **where)
    if expected is None:
        return None
    method = METHODS[name]
    result = getattr(qconv, verb)(image, kernel, method=method, shots=None, **where)
    reference = getattr(classical, verb)(image, kernel, **where)
    close(reference, expected)
    close(result.image, np.abs(expected) if "magnitudes" in name else expected)
    return name


def check_filter(seed):
    """Compare one random transfer function of a random image."""
    rng = np.random.default_rng(seed)
    axes = int(rng.integers(1, 4))
    shape = tuple(rng.integers(1, {1: 20, 2: 9, 3: 4}[axes], axes))
    image, transfer = numbers(shape, (seed, 3)), numbers(shape, (seed, 4))
    transfer /= np.abs(transfer).max()
    method = [qconv.Fourier(), qconv.Fourier(amplify=1)][rng.integers(2)]
    expected = np.fft.ifftn(np.fft.fftn(image) * transfer)
    result = qconv.filter_frequencies(image, transfer, shots=None, method=method)
    close(result.image, expected)
    close(classical.filter_frequencies(image, transfer), expected)
