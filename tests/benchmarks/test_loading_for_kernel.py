"""Loading fitted to the kernel that follows: possible gain; prints the errors after filters.

    OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_loading_for_kernel.py -s

Each circuit of `encode_image` is compared with two others of the same number of CX. In the first,
the angles are fitted anew, to the smallest error after the filter, whatever the fidelity of the
image. The second loads the filtered image itself, so that no filter follows. Errors are relative to
the filtered image, after multiplication by the best common factor, because the norms of the states
do not determine this factor. The search exchanges fewer CZ gates than usual, which changes little
here.
"""

import numpy as np
import pytest
from scipy.optimize import minimize

import qconv
from qconv.circuits.loading import search
from qconv.circuits.loading.chain import chain, on_chain
from qconv.circuits.loading.overlap import Overlap
from tests.benchmarks.test_loading import picture

SIZE, BITS = 64, (6, 6)
ORDER = chain(BITS)
ITERATIONS = 1500
EXCHANGES = 12
CASES = [("camera", 100), ("coins", 100), ("astronaut", 100)]


def squared_transfer(kernel):
    """Squared modulus of the transfer function at the frequencies of `numpy.fft.rfft2`."""
    padded = np.zeros((SIZE, SIZE))
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    return np.abs(np.fft.rfft2(padded)) ** 2


def filtered(amplitudes, power):
    """Multiply the spectrum of amplitudes in the order of the chain."""
    image = amplitudes.reshape((2,) * 12).transpose(np.argsort(ORDER)).reshape(SIZE, SIZE)
    image = np.fft.irfft2(np.fft.rfft2(image) * power, s=(SIZE, SIZE))
    return image.reshape((2,) * 12).transpose(ORDER).ravel()


class FilteredOverlap(Overlap):
    """Cosine of the angle between the filtered states of circuit and image."""

    def __init__(self, pairs, image, power):
        super().__init__(pairs, np.ones_like(image))
        layout = self._orders[-1]
        self._to_chain = np.argsort(layout)
        self._layout = layout
        self._power = power
        self._image = image
        self._wanted = filtered(image, power)
        self._norm = np.sqrt(image @ self._wanted)

    def _forward(self, state, blocks):
        """The target of the linear overlap is replaced by the derivative of the cosine."""
        super()._forward(state, blocks)
        found = self._states[-1].reshape((2,) * 12).transpose(self._to_chain).ravel()
        through = filtered(found, self._power)
        norm = np.sqrt(found @ through)
        self.cosine = found @ self._wanted / (norm * self._norm)
        slope = (self._wanted / self._norm - self.cosine * through / norm) / norm
        slope = slope.reshape((2,) * 12).transpose(self._layout)
        self._target = self._first_costate = np.ascontiguousarray(slope).ravel()
        self.fidelity = (found @ self._image) ** 2

    def error(self, angles):
        """Return the relative error after the filter, and its gradient."""
        _, gradient = self.value_and_gradient(angles)
        error = np.sqrt(1 - self.cosine**2)
        return error, -self.cosine / error * gradient


@pytest.mark.parametrize(("name", "count"), CASES)
def test_gain(name, count, monkeypatch):
    monkeypatch.setattr(search, "_TRIAL_EXCHANGES", 0)
    monkeypatch.setattr(search, "_EXCHANGES", EXCHANGES)
    image = picture(name, SIZE)
    amplitudes = on_chain(image, BITS)
    start, overlap = search.Search(image, False, np.random.default_rng(1)).best(count)
    print(f"\n{name}, {count} CX, fidelity {overlap**2:.4f}")
    for kernel in ("gaussian", "edge"):
        power = squared_transfer(qconv.named_kernel(kernel))
        by_filter = FilteredOverlap(start.pairs, amplitudes, power)
        before, _ = by_filter.error(start.angles)
        options = {"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "maxcor": 20, "ftol": 1e-12}
        fit = minimize(by_filter.error, start.angles, jac=True, method="L-BFGS-B", options=options)
        after, _ = by_filter.error(fit.x)
        target = filtered(amplitudes, np.sqrt(power))
        target = target / np.linalg.norm(target)
        whole = target.reshape((2,) * 12).transpose(np.argsort(ORDER)).reshape(SIZE, SIZE)
        _, direct = search.Search(whole, False, np.random.default_rng(1)).best(count)
        print(
            f"  {kernel:8} {before:.1%} off; angles for the filter {after:.1%}, fidelity "
            f"{by_filter.fidelity:.3f}; filtered image itself {np.sqrt(1 - direct**2):.1%}"
        )
        assert after <= before
