"""The mathematics of the interactive page, in a real browser, compared with the library.

Every statistical assertion has the false-alarm rate `chance.ALARM`, 1e-9.
"""

import json

import numpy as np
import pytest
from scipy import stats

import classical
import qconv
from tests.chance import ALARM, assert_distribution
from tests.cli.test_explore import exporter

WHERE = {"mode": "same", "boundary": "symm"}
RNG = np.random.default_rng(2024)

#: Named kernels, and random kernels of any sign, with zeros and with very different magnitudes.
KERNELS = {name: qconv.named_kernel(call, **options) for name, call, options in exporter().KERNELS}
KERNELS |= {f"random {i}": RNG.normal(size=(3, 3)) for i in range(3)}
KERNELS |= {
    f"holes {i}": RNG.integers(-3, 4, (3, 3)) * (RNG.random((3, 3)) < 0.6) for i in range(3)
}
KERNELS["random 5 x 5"] = RNG.normal(size=(5, 5))
KERNELS["far apart"] = RNG.choice([-1, 1], (3, 3)) * 10.0 ** RNG.integers(-4, 5, (3, 3))
KERNELS["centre alone"] = np.array([[0, 0, 0], [0, -2.5, 0], [0, 0, 0]])
KERNELS = {name: np.asarray(kernel, float) for name, kernel in KERNELS.items()}

PICTURES = {
    "noise": RNG.integers(0, 256, (13, 17)),
    "one pixel": np.array([[77]]),
    "row": RNG.integers(0, 256, (1, 9)),
    "flat with a step": np.repeat([[20, 20, 20, 21, 240]], 4, axis=0),
    "reals": RNG.random((8, 5)),
}
PICTURES = {name: np.asarray(picture, float) for name, picture in PICTURES.items()}

BASELINES = pytest.mark.parametrize("baseline", [False, True], ids=["plain", "baseline"])


@pytest.fixture(scope="module")
def page(browser, page_url):
    """Open the page, only for its mathematics."""
    page = browser.new_page()
    page.goto(page_url)
    page.evaluate("Explore.ready")
    yield page
    page.close()


def as_picture(image):
    return {"height": image.shape[0], "width": image.shape[1], "data": image.ravel().tolist()}


def encoded(kernel, baseline):
    """Return the propagator that the circuit of `Collapse` encodes."""
    whole = qconv.Propagator.from_kernel(kernel)
    centre = tuple(length // 2 for length in kernel.shape)
    if baseline and 0 < whole.probabilities[centre] < 1:
        return whole.excluding(centre)
    return whole


@BASELINES
@pytest.mark.parametrize("kernel", KERNELS)
def test_propagators(kernel, baseline, page):
    k = KERNELS[kernel]
    found = page.evaluate("([k, b]) => Maths.encoded(k, b)", [k.ravel().tolist(), baseline])
    wanted = encoded(k, baseline)
    np.testing.assert_allclose(found["p"], wanted.probabilities.ravel(), rtol=1e-12, atol=0)
    np.testing.assert_allclose(found["w"], wanted.weights.ravel(), rtol=1e-12, atol=0)


STATISTICS = """
([picture, kernel, baseline]) => {
  const windows = Maths.windows(picture, kernel, baseline);
  const expected = windows.p.flatMap((p) => Array(windows.pixels).fill(1000 * p));
  const mean = (_, i) => Maths.estimate(windows, expected, 1000, i);
  return {
    deviation: Array.from(Maths.deviation(windows)),
    exact: Array.from(Maths.convolve(picture, kernel)),
    means: Array.from(windows.first, mean),
  };
}"""


@BASELINES
@pytest.mark.parametrize("kernel", KERNELS)
def test_standard_errors_and_convolutions(kernel, baseline, page):
    """Standard errors equal the library's; exact for counts proportional to probabilities."""
    k, method = KERNELS[kernel], qconv.Collapse(baseline=baseline)
    given = [[as_picture(image), k.ravel().tolist(), baseline] for image in PICTURES.values()]
    statistics = page.evaluate(f"(all) => all.map({STATISTICS})", given)
    for image, found in zip(PICTURES.values(), statistics, strict=True):
        arrays = {name: np.reshape(values, image.shape) for name, values in found.items()}
        result = qconv.convolve(image, k, method=method, shots=1000, seed=1, **WHERE)
        stderr = arrays["deviation"] / np.sqrt(1000)
        np.testing.assert_allclose(stderr, result.stderr, rtol=1e-12, atol=0)
        exact = classical.convolve(image, k, **WHERE)
        atol = 1e-12 * np.abs(k).sum() * image.max()
        for name in ("exact", "means"):
            np.testing.assert_allclose(arrays[name], exact, rtol=0, atol=atol)


def test_flat_windows_are_exactly_certain(page):
    """Flat windows give exactly 0, because deviations from the first sample are summed."""
    flat = as_picture(np.full((6, 7), 0.1))
    for kernel, baseline in (("emboss", True), ("box", False), ("gaussian", False)):
        given = [flat, KERNELS[kernel].ravel().tolist(), baseline]
        assert set(page.evaluate(STATISTICS, given)["deviation"]) == {0}


def chi_square(counts, probabilities):
    """Test counts against probabilities; outcomes expected fewer than ten times are pooled."""
    counts, expected = np.ravel(counts).astype(float), np.ravel(probabilities) * np.sum(counts)
    assert not counts[expected == 0].any()
    rare = expected < 10
    counts = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    if len(counts) > 1:
        value = float(((counts - expected) ** 2 / expected).sum())
        assert stats.chi2.sf(value, len(counts) - 1) > ALARM


@BASELINES
@pytest.mark.parametrize("kernel", ["emboss", "gaussian", "random 5 x 5", "holes 0", "far apart"])
@pytest.mark.parametrize("each", [1, 10, 1000, 1_000_000])
def test_a_million_shots_follow_the_distribution(each, kernel, baseline, page):
    """Shots are drawn one by one, a few at a time, and as binomial counts."""
    script = """
    ([kernel, baseline, each]) => {
      const random = Maths.generator(each), counts = Array(kernel.length).fill(0);
      const {p} = Maths.encoded(kernel, baseline);
      for (let n = 0; n < 1e6; n += each) Maths.addShots(random, p, each, counts, 0, 1);
      return counts;
    }"""
    k = KERNELS[kernel]
    counts = page.evaluate(script, [k.ravel().tolist(), baseline, each])
    assert sum(counts) == 1_000_000
    probabilities = encoded(k, baseline).probabilities
    assert_distribution(counts, probabilities)
    chi_square(counts, probabilities)


@pytest.mark.parametrize(("n", "p"), [(5, 0.3), (40, 0.02), (40, 0.5), (100, 0.1), (1000, 0.98)])
def test_binomial_counts_have_their_distribution(n, p, page):
    binomial_counts_have_their_distribution(n, p, page)


@pytest.mark.parametrize("n", [1000, 1_000_000])
@pytest.mark.parametrize("mean", [3, 9.9, 10.1, 30, 333])
def test_binomial_counts_have_their_distribution_on_both_sides_of_a_change(n, mean, page):
    """The sampler uses inversion for means below ten, and rejection above."""
    binomial_counts_have_their_distribution(n, mean / n, page)


def binomial_counts_have_their_distribution(n, p, page):
    """Compare the whole distribution."""
    script = """
    ([n, p]) => {
      const random = Maths.generator(5);
      return JSON.stringify(Array.from({length: 100000}, () => Maths.binomial(random, n, p)));
    }"""
    drawn = np.array(json.loads(page.evaluate(script, [n, p])))
    assert drawn.min() >= 0
    assert drawn.max() <= n
    step = max(1, int(np.sqrt(n * p * (1 - p)) / 10))
    edges = np.arange(drawn.min() - 1, drawn.max() + step, step)
    probabilities = np.diff(np.concatenate([[0], stats.binom.cdf(edges, n, p), [1]]))
    counts = np.histogram(drawn, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
    chi_square(counts, probabilities)


def test_errors_are_as_large_as_stated(page):
    """For the page's own picture, the mean square of errors in standard errors is 1."""
    script = """
    () => {
      const {windows, deviation, exact} = Collapse.setting(), {p, pixels} = windows;
      const random = Maths.generator(3), counts = new Float64Array(p.length * pixels);
      for (let i = 0; i < pixels; i++) Maths.addShots(random, p, 1000, counts, i, pixels);
      const error = (i) => Maths.estimate(windows, counts, 1000, i) - exact[i];
      const inErrors = (d, i) => (d ? (error(i) * Math.sqrt(1000)) / d : 0);
      return JSON.stringify(Array.from(deviation, inErrors));
    }"""
    z = np.array(json.loads(page.evaluate(script)))
    z = z[z != 0]
    assert len(z) > 10_000
    far = stats.norm.isf(ALARM / 2)
    # z**2 has the variance 2 + (kurtosis - 3) / 1000; the second term is far below 0.1.
    assert abs((z**2).mean() - 1) < far * np.sqrt(2.1 / len(z))
    assert abs(z.mean()) < far / np.sqrt(len(z))


@pytest.mark.parametrize("steps", [0, 1, 5])
@pytest.mark.parametrize("kernel", ["box", "gaussian", "drift"])
def test_particles_follow_the_distribution_of_diffusion(kernel, steps, page):
    """Convolution on a torus in several steps, for every kernel without negative entries."""
    k = np.array([[0, 1, 0], [0, 2, 5], [0, 0, 1.0]]) if kernel == "drift" else KERNELS[kernel]
    image = PICTURES["noise"]
    script = """
    ([picture, kernel, steps]) => {
      const random = Maths.generator(steps), {height, width, data} = picture;
      const particles = Maths.scatter(random, picture, 1000000);
      for (let t = 0; t < steps; t++) Maths.move(random, particles, kernel, height, width);
      const counts = Array(data.length).fill(0);
      for (const pixel of particles.pixel) counts[pixel]++;
      let square = 0, exact = data;
      const {down, right, variance} = Maths.stepMoments(kernel), {p} = Maths.propagator(kernel);
      for (let i = 0; i < 1000000; i++) {
        const y = particles.down[i] - steps * down, x = particles.right[i] - steps * right;
        square += y * y + x * x;
      }
      for (let t = 0; t < steps; t++) {
        exact = Maths.convolve({height, width, data: exact}, p, Maths.wrapped);
      }
      return {counts, exact: Array.from(exact), square: square / 1000000, variance};
    }"""
    found = page.evaluate(script, [as_picture(image), k.ravel().tolist(), steps])
    exact = image
    for _ in range(steps):
        exact = classical.convolve(exact, k / k.sum(), mode="same", boundary="wrap")
    np.testing.assert_allclose(found["exact"], exact.ravel(), rtol=1e-12)
    assert_distribution(found["counts"], exact / image.sum())
    chi_square(found["counts"], exact / image.sum())
    # Each square is at most 2 (2 steps)**2: Hoeffding's inequality for their mean.
    off = abs(found["square"] - steps * found["variance"])
    assert off <= 8 * steps**2 * np.sqrt(np.log(2 / ALARM) / 2e6)
