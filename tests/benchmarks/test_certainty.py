"""Whether the certainty of a match is right as often as it says; prints tables.

    python -m pytest tests/benchmarks/test_certainty.py -s

Maps of the phase-only matched filter: of all photographs that scikit-image carries, with templates
of 16 x 16 to 64 x 64 pixels cut from anywhere, and noise of a standard deviation of 1 to 60 grey
levels (none for a quarter) added to the photograph; and of coloured noise, 4096 samples, with
templates of 200. Each map is measured twice, with 100 to 30,000 shots, logarithmically uniform,
drawn from the exact law. An answer is right if the leading place is the one of the largest
probability.
"""

import itertools
import time

import numpy as np
import pytest
from scipy import fft, ndimage
from skimage import data
from skimage.color import rgb2gray

import classical
from qconv.matching.posterior import leading_estimate, leading_place
from tests.benchmarks.timing import seconds

PICTURES = (
    "astronaut brick camera chelsea clock coffee coins grass gravel moon page text".split()  # noqa: SIM905
)
PHOTOGRAPHS, SIGNALS, TIMES = 15_000, 4_000, 2
BINS = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.93, 0.97, 0.99, 1 + 1e-9)


def picture(name):
    """Grey levels from 0 to 255."""
    found = getattr(data, name)()
    return 255 * rgb2gray(found) if found.ndim == 3 else found.astype(float)


def varied(array, sides):
    """Less its local means, as in `classical.match_template`."""
    around = [max(3, 2 * (h // 8) + 1) for h in sides]
    return array - ndimage.uniform_filter(array, around, mode="reflect")


def law(image, template):
    """Probability of each place, as by `classical.match_template`, with a real transform."""
    sides = [1 << (length - 1).bit_length() for length in image.shape]
    x, t = (varied(array, template.shape) for array in (image, template))
    spectrum = fft.rfftn(t, sides)
    size = np.abs(spectrum)
    heard = size > 1e-12 * size.max()
    phases = np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1)
    found = fft.irfftn(fft.rfftn(x, sides) * phases, sides)
    places = zip(image.shape, template.shape, strict=True)
    return found[tuple(slice(n - h + 1) for n, h in places)] ** 2 / np.sum(x**2)


def measured(probabilities, shots, rng):
    """Counts at each place; the rest lands elsewhere."""
    edges = np.cumsum(probabilities)
    places = np.searchsorted(edges, rng.random(shots), side="right")
    return np.bincount(places, minlength=edges.size + 1)[: edges.size]


def noise(rng, least, most):
    return 0.0 if rng.random() < 0.25 else np.exp(rng.uniform(np.log(least), np.log(most)))


def cut(array, sides, rng):
    """A part of an array, from anywhere."""
    corner = [rng.integers(n - h + 1) for n, h in zip(array.shape, sides, strict=True)]
    return array[tuple(slice(c, c + h) for c, h in zip(corner, sides, strict=True))]


def photograph(pictures, rng):
    name = PICTURES[rng.integers(len(PICTURES))]
    side = rng.choice([256, 512])
    clean = cut(pictures[name], [min(side, n) for n in pictures[name].shape], rng)
    template = np.zeros(1)
    while np.ptp(template) == 0:
        template = cut(clean, [rng.integers(16, 65)] * 2, rng)
    return name, clean + noise(rng, 1, 60) * rng.normal(size=clean.shape), template


def signal(rng):
    """Noise with a spectrum that falls with some power of the frequency, at most the square."""
    frequencies = np.maximum(np.fft.rfftfreq(4096), 1 / 4096)
    colour = frequencies ** -rng.uniform(0, 1)
    clean = np.fft.irfft(np.fft.rfft(rng.normal(size=4096)) * colour)
    clean /= clean.std()
    return "signal", clean + noise(rng, 0.1, 10) * rng.normal(size=4096), cut(clean, [200], rng)


@pytest.fixture(scope="module")
def trials():
    """Name, certainty and whether it was right, of each."""
    rng = np.random.default_rng(20)
    pictures = {name: picture(name) for name in PICTURES}
    found, start = [], time.perf_counter()
    for number in range(PHOTOGRAPHS + SIGNALS):
        name, image, template = photograph(pictures, rng) if number < PHOTOGRAPHS else signal(rng)
        probabilities = law(image, template)
        for _ in range(TIMES):
            shots = int(np.exp(rng.uniform(np.log(100), np.log(30_000))))
            place, certainty = leading_place(measured(probabilities, shots, rng))
            found.append((name, certainty, place == probabilities.argmax()))
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


def test_law_is_that_of_the_reference():
    rng = np.random.default_rng(21)
    image, template = rng.normal(size=(50, 61)), rng.normal(size=(17, 28))
    exact = classical.match_template(image, template) ** 2
    expected = exact / np.sum(varied(image, template.shape) ** 2)
    np.testing.assert_allclose(law(image, template), expected, rtol=0, atol=1e-14)


def test_calibration(trials):
    """Goal: of the answers given with 95 %, 93 to 97 % are right, over at least 400.

    With these and with other random numbers together 94.5 % of 2363 were; one run has a standard
    deviation of 0.7 %, so that a change of seeds, or of NumPy's streams, makes about one of fifty
    runs miss the goal.
    """
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
    these = (said >= 0.93) & (said <= 0.97)
    share = right[these].mean()
    print(
        f"\n{these.sum()} answers given with 0.93 to 0.97, on average {said[these].mean():.4f}: "
        f"{share:.4f} are right (goal 0.93 to 0.97, over at least 400)"
    )
    assert right[said > 0.99].mean() > 0.999
    assert these.sum() >= 400
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize(("shots", "goal"), [(10_000, 50), (1_000_000, 300)])
def test_time(shots, goal):
    rng = np.random.default_rng(22)
    image = picture("camera")
    probabilities = law(image, image[50:66, 60:76])
    counts = measured(probabilities, shots, rng)
    exposure = rng.lognormal(sigma=1.5, size=counts.shape)
    lit = rng.poisson(shots * probabilities.ravel() * exposure / exposure.mean())
    root = np.sqrt(probabilities)
    stderr = np.full(root.shape, root.std())
    estimate = root + stderr * rng.normal(size=root.shape)
    print(f"\n{root.size:,} places, {shots:,} shots: median of 9 calls (goal {goal} ms)")
    for label, call in (
        ("counts", lambda: leading_place(counts)),
        ("counts with exposures", lambda: leading_place(lit, exposure)),
        ("estimates", lambda: leading_estimate(estimate, stderr)),
    ):
        median = 1e3 * np.median([seconds(call) for _ in range(9)])
        print(f"  {label:24}{median:7.1f} ms")
        assert median < 2 * goal
