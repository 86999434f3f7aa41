"""Judging random numbers with a known false-alarm rate.

Every statistical assertion of these tests fails for correct code with a probability of at most
``ALARM``, unless a test states its own rate. The tolerance is computed from the shots by
inequalities that hold for every sample size, not by normal approximations. There are fewer than 500
such assertions, and assertions with their own rates add 4e-7. A change of seeds, or of NumPy's
streams, therefore raises a false alarm with a probability below 1e-6.
"""

import math

import numpy as np
from scipy import stats

ALARM = 1e-9

#: Logarithm of the probability of a two-sided false alarm, used by `bounded`.
_RARE = math.log(2 / ALARM)


def distribution_bound(counts, probabilities):
    """Bound the probability that counts deviate at least this much from their distribution.

    For ``k`` outcomes and ``n`` draws, the relative entropy ``D`` of the frequencies to the
    distribution exceeds ``d`` with probability at most ``exp(-n d) (e n d / (k - 1))**(k - 1)`` (if
    ``n d`` is at least ``k - 1``): Agrawal, Finite-sample concentration of the multinomial in
    relative entropy, IEEE Trans. Inf. Theory 66 (2020) 6297, arXiv:1904.02291.
    """
    counts = np.asarray(counts, dtype=float).ravel()
    p = np.asarray(probabilities, dtype=float).ravel()
    assert counts.shape == p.shape
    assert abs(p.sum() - 1) < 1e-9
    n = counts.sum()
    assert n > 0
    if (counts[p <= 0] > 0).any():
        return 0.0
    seen = counts > 0
    distance = float(np.sum(counts[seen] * np.log(counts[seen] / (n * p[seen]))))
    freedom = int(np.count_nonzero(p > 0)) - 1
    if distance <= freedom or freedom == 0:
        return 1.0
    return math.exp(freedom * (1 + math.log(distance / freedom)) - distance)


def assert_distribution(counts, probabilities):
    """Check that counts of outcomes are draws from these probabilities."""
    bound = distribution_bound(counts, probabilities)
    found = np.asarray(counts)
    assert bound > ALARM, f"the counts {found} contradict their distribution: {bound:.1g}"


def assert_same_distribution(first, second):
    """Check that two histograms have the same distribution: chi-square of a table of two rows.

    The test is asymptotic, so outcomes with an expected count below 50 in either histogram are
    pooled.
    """
    table = np.array([np.ravel(first), np.ravel(second)], dtype=float)
    share = table.sum(axis=1).min() / table.sum()
    rare = table.sum(axis=0) * share < 50
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    table = table[:, table.sum(axis=0) * share >= 50]
    assert table.shape[1] > 1, "too few draws to compare"
    pvalue = stats.chi2_contingency(table, correction=False).pvalue
    assert pvalue > ALARM, f"the two distributions differ: p = {pvalue:.1g}"


def window_samples(image, kernel, boundary="symm"):
    """Return the contribution of each position of an odd kernel to each pixel, in mode same.

    For `Propagator.from_kernel` and true convolution, by definition, padded by NumPy.

    Returns:
        Samples ``(positions, pixels)`` and probabilities ``(positions,)``.
    """
    reach = [h // 2 for h in kernel.shape]
    rule = {"symm": "symmetric", "wrap": "wrap", "fill": "constant"}[boundary]
    padded = np.pad(image, [(r, r) for r in reach], mode=rule)
    views = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    seen = views.reshape(image.size, kernel.size).T[::-1]  # true convolution flips the kernel
    flat = kernel.ravel()
    total = np.abs(flat).sum()
    return total * np.sign(flat)[:, None] * seen, np.abs(flat) / total


def baseline_samples(image, kernel, boundary="symm"):
    """Return `window_samples` with a baseline: differences from the centre, which is excluded."""
    kernel_without = kernel.copy()
    kernel_without[tuple(h // 2 for h in kernel.shape)] = 0
    samples, p = window_samples(image, kernel_without, boundary)
    ones, _ = window_samples(np.ones_like(image), kernel_without, boundary)
    return samples - ones * image.ravel(), p


class Moments:
    """Exact moments of one sample at every pixel, and what follows for errors of the mean."""

    def __init__(self, samples, p):
        self.mean = p @ samples
        deviation = samples - self.mean
        self.variance = p @ deviation**2
        self.noisy = self.variance > 1e-20 * np.abs(samples).max() ** 2
        deviation, variance = deviation[:, self.noisy], self.variance[self.noisy]
        self.kurtosis = p @ deviation**4 / variance**2
        self.largest = np.abs(deviation[p > 0]).max(axis=0) ** 2 / variance


def mean_square_tolerance(moments, shots, weights=None):
    """Return the tolerance of ``sum w z**2 / sum w`` about 1, for independent pixels.

    ``z`` is the error of a mean of ``shots`` samples, divided by its standard error. The variance
    of ``z**2`` is exactly ``2 + (kurtosis - 3) / shots``. The tail of ``z**2`` is sub-gamma. Its
    scale is at most the scale of one squared sample (``largest / 3``, divided by shots) plus the
    scale of a squared normal variable (2). Bernstein's inequality: Boucheron, Lugosi and Massart,
    Concentration Inequalities, section 2.4.
    """
    w = np.ones(moments.kurtosis.size) if weights is None else weights
    w = w / w.sum()
    variance = float(np.sum(w**2 * (2 + (moments.kurtosis - 3) / shots)))
    scale = float(np.max(w * (2 + moments.largest / shots)))
    return math.sqrt(2 * variance * _RARE) + scale * _RARE


def frequency_tolerance(p, total):
    """Bound the relative error of frequencies of ``total`` draws, by Bernstein's inequality."""
    rare = _RARE + math.log(len(p))
    least = p[p > 0].min() * total
    return math.sqrt(2 * rare / least) + 2 * rare / (3 * least)


def assert_honest(result, moments, shots, *, stderr_rtol=1e-9):
    """Check that errors are as large as the standard errors, and exactly 0 where nothing is random.

    Args:
        result: Image and standard error.
        moments: Moments of one sample at every pixel.
        shots: Shots of each pixel, independent of the shots of other pixels.
        stderr_rtol: Relative tolerance of the standard error; larger than rounding if it was
            estimated from the shots.
    """
    image, stderr = result.image.ravel(), result.stderr.ravel()
    scale = max(float(np.abs(moments.mean).max()), 1e-300)
    quiet = ~moments.noisy
    np.testing.assert_allclose(image[quiet], moments.mean[quiet], rtol=0, atol=1e-12 * scale)
    assert (stderr[quiet] <= 1e-9 * scale).all()
    expected = np.sqrt(moments.variance / shots)[moments.noisy]
    np.testing.assert_allclose(stderr[moments.noisy], expected, rtol=stderr_rtol, atol=1e-9 * scale)
    if moments.noisy.any():
        z = (image - moments.mean)[moments.noisy] / expected
        mean_square = float(np.mean(z**2))
        tolerance = mean_square_tolerance(moments, shots)
        assert abs(mean_square - 1) <= tolerance, f"mean z^2 = {mean_square:.4f} +- {tolerance:.2g}"


# ---------------------------------------------- images whose values identify the drawn position


def labels(height, width):
    """Return an image of the numbers 0 to 8; every 3 x 3 window contains each number once."""
    assert height % 3 == 0
    assert width % 3 == 0
    rows, columns = np.ogrid[:height, :width]
    return (3 * (rows % 3) + columns % 3).astype(float)


def drawn_positions(seen):
    """Return the kernel position (0 to 8) that a correlation on `labels` drew, per pixel."""
    number = np.rint(seen).astype(int)
    assert (number == seen).all()
    rows, columns = np.ogrid[: seen.shape[0], : seen.shape[1]]
    return 3 * ((number // 3 - rows + 1) % 3) + (number % 3 - columns + 1) % 3


def drawn_counts(image, shots):
    """Return how often each of 9 positions was drawn at each pixel.

    Args:
        image: Mean over shots of ``(shots + 1) ** label``, where the label is that of the drawn
            pixel.
        shots: Shots of each pixel; ``(shots + 1)**9`` must be below ``2**53 / 100``.

    Returns:
        Counts ``(9, height, width)``.
    """
    base = shots + 1
    assert base**9 < 2**53 / 100
    rest = np.rint(image * shots).astype(np.int64)
    assert (np.abs(image * shots - rest) < 0.1).all()
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    counts = np.zeros((9, height, width), dtype=int)
    for number in range(9):
        position = 3 * ((number // 3 - rows + 1) % 3) + (number % 3 - columns + 1) % 3
        counts[position, rows, columns] = rest % base
        rest //= base
    assert not rest.any()
    return counts
