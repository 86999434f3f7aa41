"""Calibration of the certainty of a match; prints tables.

    python -m pytest tests/benchmarks/test_certainty.py -s

The phase-only matched filter is applied to parts of 256 x 256 pixels of all photographs in
scikit-image. Templates are squares of 8 to 64 pixels at random positions, and noise of 0, 10, 20 or
40 grey levels is added to the photograph. Coloured noise of 4096 samples with templates of 200
samples is searched too. The number of shots is log-uniform from 300 to 30,000. Shots are drawn from
the exact distribution; the classical check follows. An answer is right if no position in the image
that is more than one step away has a larger normalised correlation. About ten minutes.
"""

import itertools
import time

import numpy as np
import pytest
from scipy import fft
from skimage import data
from skimage.color import rgb2gray

import classical
from qconv.matching.posterior import from_counts, from_estimates
from qconv.matching.standardise import standardised, window_of
from qconv.matching.verification import certainty, looked_at
from tests.benchmarks.timing import seconds

PICTURES = (
    "astronaut brick camera chelsea clock coffee coins grass gravel moon page text".split()  # noqa: SIM905
)
PHOTOGRAPHS, SIGNALS = 6_000, 2_000
SIDES, NOISES = (8, 12, 16, 24, 32, 48, 64), (0, 10, 20, 40)
BINS = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.93, 0.97, 0.99, 1 + 1e-9)
SAME = 1e-9


def picture(name):
    """Grey levels from 0 to 255."""
    found = getattr(data, name)()
    return 255 * rgb2gray(found) if found.ndim == 3 else found.astype(float)


def outcome_probabilities(image, template):
    """Return the probability of each position, like `classical.match_template`, by real FFT."""
    sides = [1 << (length - 1).bit_length() for length in image.shape]
    window = window_of(template)
    x, t = (standardised(array, window, "array") for array in (image, template))
    spectrum = fft.rfftn(t, sides)
    size = np.abs(spectrum)
    heard = size > 1e-9 * size.max()
    phases = np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1)
    found = fft.irfftn(fft.rfftn(x, sides) * phases, sides)
    places = zip(image.shape, template.shape, strict=True)
    return found[tuple(slice(n - h + 1) for n, h in places)] ** 2 / np.sum(x**2)


def measured(probabilities, shots, rng):
    """Draw counts at each position; all other shots end elsewhere."""
    edges = np.cumsum(probabilities)
    places = np.searchsorted(edges, rng.random(shots), side="right")
    counts = np.bincount(places, minlength=edges.size + 1)[: edges.size]
    return counts.reshape(probabilities.shape)


def answer(image, template, shots, rng):
    """Return the certainty of a match, and whether a search everywhere gives the same position."""
    probabilities = outcome_probabilities(image, template)
    evidence = from_counts(measured(probabilities, shots, rng).astype(float))
    look = looked_at(image, template, evidence)
    said = certainty(look, evidence, probabilities.shape, template.shape)
    everywhere = classical.match_template(image, template, filter="normalized")
    everywhere[tuple(slice(max(0, k - 1), k + 2) for k in look.places[0])] = -1
    return said, everywhere.max() <= look.similarities[0] + SAME


def cut(array, sides, rng):
    """Return a part of an array at a random position."""
    corner = [rng.integers(n - h + 1) for n, h in zip(array.shape, sides, strict=True)]
    return array[tuple(slice(c, c + h) for c, h in zip(corner, sides, strict=True))]


def photograph(pictures, rng):
    name = PICTURES[rng.integers(len(PICTURES))]
    clean = cut(pictures[name], [min(256, n) for n in pictures[name].shape], rng)
    template = np.zeros(1)
    while np.ptp(template) == 0:
        template = cut(clean, [rng.choice(SIDES)] * 2, rng)
    noise = NOISES[rng.integers(len(NOISES))]
    return name, clean + noise * rng.normal(size=clean.shape), template


def signal(rng):
    """Return noise whose spectrum falls with a power of the frequency, at most the square."""
    frequencies = np.maximum(np.fft.rfftfreq(4096), 1 / 4096)
    colour = frequencies ** -rng.uniform(0, 1)
    clean = np.fft.irfft(np.fft.rfft(rng.normal(size=4096)) * colour)
    clean /= clean.std()
    noise = 0.0 if rng.random() < 0.25 else np.exp(rng.uniform(np.log(0.1), np.log(10)))
    return "signal", clean + noise * rng.normal(size=4096), cut(clean, [200], rng)


@pytest.fixture(scope="module")
def trials():
    """Return name, certainty and correctness of each answer."""
    rng = np.random.default_rng(23)
    pictures = {name: picture(name) for name in PICTURES}
    found, start = [], time.perf_counter()
    for number in range(PHOTOGRAPHS + SIGNALS):
        name, image, template = photograph(pictures, rng) if number < PHOTOGRAPHS else signal(rng)
        shots = int(np.exp(rng.uniform(np.log(300), np.log(30_000))))
        found.append((name, *answer(image, template, shots, rng)))
    print(f"\n{len(found):,} trials in {time.perf_counter() - start:.0f} s")
    names, said, right = zip(*found, strict=True)
    return np.array(names), np.array(said), np.array(right, dtype=float)


def reliability(label, said, right):
    print(f"\n{label}: {said.size:,} trials, Brier score {np.mean((said - right) ** 2):.4f}")
    print("  certainty       trials     said    right")
    for low, high in itertools.pairwise(BINS):
        these = (said >= low) & (said < high)
        if these.any():
            print(
                f"  {low:.2f} to {min(high, 1):.2f}{these.sum():10,}"
                f"{said[these].mean():9.4f}{right[these].mean():9.4f}"
            )


def test_distribution_is_that_of_the_reference():
    rng = np.random.default_rng(21)
    image, template = rng.normal(size=(50, 61)), rng.normal(size=(17, 28))
    exact = classical.match_template(image, template) ** 2
    expected = exact / np.sum(standardised(image, window_of(template), "image") ** 2)
    np.testing.assert_allclose(outcome_probabilities(image, template), expected, rtol=0, atol=1e-12)


def test_calibration(trials):
    """Goals: certain answers are calibrated; less certain answers are correct at least as often."""
    names, said, right = trials
    reliability("all", said, right)
    reliability("photographs", said[names != "signal"], right[names != "signal"])
    reliability("signals", said[names == "signal"], right[names == "signal"])
    parts = ((0, 0.2), (0.2, 0.6), (0.6, 0.9), (0.9, 0.99), (0.99, 1))
    print("\n" + 10 * " " + "".join(f"{low:6} to {high:<11}" for low, high in parts))
    for name in (*PICTURES, "signal"):
        row = ""
        for low, high in parts:
            these = (names == name) & (said >= low) & ((said < high) | (high == 1))
            row += f"{these.sum():6}"
            row += (
                f" {said[these].mean():.3f} {right[these].mean():.3f}" if these.any() else 12 * " "
            )
            row += "  "
        print(f"{name:10}{row}")
    copies = said == 1
    for least, most in ((0.8, 0.95), (0.95, 1)):
        these = (said >= least) & (said < most)
        wanted, share = said[these].mean(), right[these].mean()
        allowed = 0.03 + 3 * np.sqrt(wanted * (1 - wanted) / these.sum())
        print(
            f"\n{these.sum()} answers given with {least} to {most}, on average {wanted:.4f}: "
            f"{share:.4f} are right (goal: within {allowed:.3f})"
        )
        assert these.sum() >= 100
        assert abs(share - wanted) <= allowed
    assert right[copies].all()
    assert right[said > 0.95].mean() > 0.98
    assert right.mean() > said.mean()


@pytest.mark.parametrize(("shots", "goal"), [(10_000, 100), (1_000_000, 300)])
def test_time(shots, goal):
    rng = np.random.default_rng(22)
    image = picture("camera")
    probabilities = outcome_probabilities(image, image[50:66, 60:76])
    counts = measured(probabilities, shots, rng)
    exposure = rng.lognormal(sigma=1.5, size=counts.shape)
    lit = rng.poisson(shots * probabilities * exposure / exposure.mean())
    root = np.sqrt(probabilities)
    stderr = np.full(root.shape, root.std())
    estimate = root + stderr * rng.normal(size=root.shape)
    template = image[50:66, 60:76]
    evidence = from_counts(counts)
    look = looked_at(image, template, evidence)
    print(f"\n{root.size:,} places, {shots:,} shots: median of 9 calls (goal {goal} ms)")
    for label, call in (
        ("counts", lambda: from_counts(counts)),
        ("counts with exposures", lambda: from_counts(lit, exposure)),
        ("estimates", lambda: from_estimates(estimate, stderr)),
        ("look", lambda: looked_at(image, template, evidence)),
        ("certainty", lambda: certainty(look, evidence, counts.shape, template.shape)),
    ):
        median = 1e3 * np.median([seconds(call) for _ in range(9)])
        print(f"  {label:24}{median:7.1f} ms")
        assert median < 2 * goal
