"""Templates found by measuring: against the exact reference, on coins, with every method."""

from functools import cache

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2
from qiskit_aer import AerSimulator

import classical
import qconv
from qconv import _memory
from qconv.matching import template as matching
from qconv.matching.posterior import from_counts
from tests.chance import assert_distribution

FILTERS = ("phase", "correlation", "normalized")

#: Some of the 22 coins of `tests.benchmarks.test_matching`.
COINS = [
    (slice(16, 72), slice(305, 365)),
    (slice(105, 145), slice(317, 356)),
    (slice(178, 217), slice(25, 63)),
    (slice(248, 289), slice(335, 381)),
]


def case(shapes=((20, 27), (5, 6)), seed=0, at=(9, 13)):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=shapes[0])
    place = tuple(slice(start, start + h) for start, h in zip(at, shapes[1], strict=False))
    return image, image[place] + 0.1 * rng.normal(size=shapes[1])


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize(
    "shapes",
    [((20, 27), (5, 6)), ((16, 16), (16, 16)), ((50,), (7,)), ((9, 11), (1, 4)), ((8, 8), (3, 8))],
    ids=str,
)
@pytest.mark.parametrize("signed", [True, False])
def test_exact_map(filter_name, shapes, signed):
    image, template = case(shapes, at=(0, 0) if shapes[0] == shapes[1] else (3, 0))
    expected = classical.match_template(image, template, filter=filter_name)
    match = qconv.match_template(
        image, template, filter=filter_name, shots=None, method=qconv.Fourier(signed=signed)
    )
    expected = expected if signed else np.abs(expected)
    np.testing.assert_allclose(match.map, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    similar = classical.match_template(image, template, filter="normalized")
    assert match.position == np.unravel_index(similar.argmax(), similar.shape)
    assert np.isclose(match.similarity, similar.max(), atol=1e-9)
    assert match.certainty > 0.99
    if len(match.candidates) == match.map.size or (filter_name == "normalized" and signed):
        assert match.certainty == 1
    assert match.shots is None
    assert (match.stderr == 0).all()
    assert np.isclose(match.success_probability, 1) or filter_name != "phase"


METHODS = {
    "fourier": qconv.Fourier(),
    "interference": qconv.Interference(),
    "interference, magnitudes": qconv.Interference(signed=False),
    "diffusion": qconv.Diffusion(),
    "collapse": qconv.Collapse(),
    "collapse, shared": qconv.Collapse(shared=True),
    "collapse, baseline": qconv.Collapse(baseline=True),
    "estimation": qconv.AmplitudeEstimation((0, 1, 2)),
    "blocks of particles": qconv.Blocks(qconv.Diffusion(), "overlap-save", 12),
    "blocks": qconv.Blocks(qconv.Fourier(), "overlap-save", 9),
}


@pytest.mark.slow
@pytest.mark.parametrize("filter_name", FILTERS[1:])
@pytest.mark.parametrize("name", METHODS)
def test_every_method(filter_name, name):
    method = METHODS[name]
    image, template = case()
    options = {"filter": filter_name, "method": method}
    expected = classical.match_template(image, template, filter=filter_name)
    expected = expected if getattr(method, "signed", True) else np.abs(expected)
    exact = qconv.match_template(image, template, shots=None, **options)
    np.testing.assert_allclose(exact.map, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    shots = 2_000_000
    match = qconv.match_template(image, template, shots=shots, seed=1, **options)
    assert match.position == (9, 13)
    assert 0 <= match.certainty <= 1
    assert 0.99 * shots < match.shots <= shots
    known = match.stderr > 0
    scores = ((match.map - expected)[known] / match.stderr[known]) ** 2
    if name == "interference, magnitudes":
        scores = scores[expected[known] > 0.1 * expected.max()]  # square roots of large counts
    if name != "collapse, shared":  # its errors are correlated
        # mean of at least 100 squares, each of variance 2 at most: 6.5 standard deviations
        assert abs(scores.mean() - 1) < 6.5 * np.sqrt(2 / scores.size)
    assert np.abs(scores).max() < 6.5**2


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0, 40])
@pytest.mark.parametrize("box", COINS, ids=lambda box: f"{box[0].start}")
def test_coins(coins, noise, box):
    """Certainties exceed 0.9999, except 0.97 for the last coin with noise 40."""
    seen = coins + noise * np.random.default_rng(1).normal(size=coins.shape)
    match = qconv.match_template(seen, coins[box], seed=2)
    assert np.abs(np.subtract(match.position, [side.start for side in box])).max() <= 1
    assert match.certainty > 0.5
    assert match.success_probability == 1
    assert match.circuits[0].num_qubits == 18
    assert match.map.shape == tuple(np.subtract(seen.shape, coins[box].shape) + 1)


def test_the_distribution_of_the_places():
    """The position of a shot is distributed as the square of the exact map."""
    image, template = case(((16, 16), (4, 4)), at=(5, 7))
    match = qconv.match_template(image, template, shots=200_000, seed=3)
    window = qconv.match_template(image, template, shots=None).map
    # the energy by which the circuit divides the amplitudes
    energy = 200_000 * match.count_unit.flat[0] ** 2
    counts = match.counts
    np.testing.assert_allclose(counts, (match.map / match.count_unit) ** 2)
    p = window**2 / energy
    assert_distribution([*counts.ravel(), 200_000 - counts.sum()], [*p.ravel(), 1 - p.sum()])


def test_what_is_measured_is_the_place():
    """Any simulator that runs the result's circuit counts positions."""
    image, template = case(((16, 16), (9, 9)), at=(5, 7))
    match = qconv.match_template(image, template, shots=1000, seed=3)
    counts = AerSimulator().run(match.circuits[0], shots=1000).result().get_counts()
    leading = int(max(counts, key=counts.get), 2)
    assert divmod(leading, 16) == match.position == (5, 7)
    assert [register.name for register in match.circuits[0].qregs] == ["column", "row"]


def test_counts():
    image, template = case()
    for filter_name in FILTERS:
        match = qconv.match_template(image, template, filter=filter_name, shots=5000, seed=1)
        assert match.counts.dtype == np.int64
        assert 0 < match.counts.sum() <= 5000
    assert qconv.match_template(image, template, shots=None).counts is None
    assert qconv.match_template(image, template, shots=50, method=qconv.Fourier()).counts is None


def test_sound():
    """A tenth of a second in three seconds, with noise as loud as the signal."""
    rng = np.random.default_rng(4)
    sound = np.convolve(rng.normal(size=24_000), np.exp(-np.arange(40) / 6), mode="same")
    loud = sound + sound.std() * rng.normal(size=sound.size)
    for start in (0, 7_001, 23_200):
        match = qconv.match_template(loud, sound[start : start + 800], seed=start)
        assert match.position == (start,)
        assert match.certainty > 0.9


def test_seeds(coins):
    one, two, other = (
        qconv.match_template(coins, coins[COINS[1]], shots=2000, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one.map, two.map)
    assert not np.array_equal(one.map, other.map)
    assert one.certainty == two.certainty


def test_backends():
    image, template = case(((16, 16), (6, 6)), at=(3, 8))
    exact = qconv.match_template(image, template, shots=None)
    for backend in (AerSimulator(), BackendSamplerV2(backend=AerSimulator())):
        match = qconv.match_template(image, template, shots=4000, backend=backend, seed=1)
        assert match.position == exact.position == (3, 8)
        assert match.shots == 4000
        assert match.success_probability == 1
        high = exact.map > 0.3 * exact.map.max()
        assert np.abs((match.map - exact.map) / match.stderr)[high].max() < 6.5


def test_certainty_rises_with_shots(coins):
    noisy = coins + 30 * np.random.default_rng(5).normal(size=coins.shape)
    sure = [
        np.mean(
            [
                qconv.match_template(noisy, coins[COINS[2]], shots=shots, seed=seed).certainty
                for seed in range(2)
            ]
        )
        for shots in (100, 30_000)
    ]
    assert sure[0] < 0.8
    assert sure[1] > 0.99


def test_text():
    image, template = case()
    match = qconv.match_template(image, template, shots=500, seed=1)
    assert str(match).splitlines()[0].split() == ["position", "9,", "13"]
    assert f"{match.similarity:.4f}, among {len(match.candidates)} compared positions" in str(match)
    assert "500" in str(match)
    assert "exact expectation" in str(qconv.match_template(image, template, shots=None))


def test_one_place():
    image, _ = case()
    match = qconv.match_template(image, image, shots=10, seed=1)
    assert match.position == (0, 0)
    assert match.certainty == 1


@pytest.fixture(scope="module")
def photographs(camera, coins):
    """``camera``, and a cat with a blurred background, both with 256 x 256 grey levels."""
    from skimage import color, data, transform

    cat = transform.resize(color.rgb2gray(data.chelsea()), (256, 256), anti_aliasing=True)
    return camera, 255 * cat


@pytest.mark.parametrize("side", [8, 16, 32])
def test_exact_copies(photographs, side):
    """Most templates of 8 x 8 pixels are found, also in sky and blurred parts; larger ones all."""
    rng = np.random.default_rng(side)
    for photograph in photographs:
        place = tuple(rng.integers(256 - side, size=2))
        match = qconv.match_template(
            photograph, photograph[tuple(slice(k, k + side) for k in place)], seed=1
        )
        if side > 8 or match.certainty > 0.95:
            assert match.position == place
            assert np.isclose(match.similarity, 1)
            assert match.certainty == 1
        assert len(match.candidates) == len(match.similarities) >= max(200, 2 * 256**2 // side**2)


def test_candidates():
    image, template = case()
    exact = classical.match_template(image, template, filter="normalized")
    for filter_name in FILTERS:
        for method in (qconv.Fourier(), qconv.Fourier(signed=False)):
            match = qconv.match_template(
                image, template, filter=filter_name, method=method, shots=5000, seed=1
            )
            assert match.position == tuple(match.candidates[0])
            assert match.similarity == match.similarities[0] == match.similarities.max()
            similar = exact[tuple(match.candidates.T)]
            np.testing.assert_allclose(match.similarities, similar, atol=1e-9)
            assert len(np.unique(match.candidates, axis=0)) == len(match.candidates)


def test_an_inverted_copy_is_no_match():
    """In magnitudes, it ranks as high as the template until the classical check."""
    rng = np.random.default_rng(6)
    image = rng.normal(size=(64, 64))
    template = image[10:30, 20:40].copy()
    image[40:60, 5:25] = -2 * template
    match = qconv.match_template(image + 0.2 * rng.normal(size=image.shape), template, seed=1)
    assert match.position == (10, 20)
    assert match.counts[40, 5] > match.counts.mean() + 5
    away = qconv.match_template(image[32:], template, seed=1)
    assert away.similarity < 0.5


@pytest.mark.parametrize("shots", [None, 1, 300])
@pytest.mark.parametrize("filter_name", FILTERS)
def test_odd_pictures(filter_name, shots):
    """Flat regions, single pixels, rows, whole images: no warning, whatever NumPy's settings."""
    rng = np.random.default_rng(8)
    saturated = np.minimum(rng.normal(size=(24, 30)).cumsum(axis=0), 0.5)
    single, dot = np.zeros((20, 20)), np.zeros((5, 4))
    single[12, 7] = dot[2, 1] = 1
    steps = np.repeat([0.0, 1e-9, 1.0], 10)
    cases = [
        (saturated, saturated[3:11, 5:13]),
        (saturated, saturated),
        (saturated, saturated[4:5, 2:9]),
        (saturated, saturated[:, 3:4]),
        (single, dot),
        (single, single[3:, 2:]),
        (steps, steps[5:15]),
        (1e-300 * single, dot),
        (np.array([0.0, 1.0]), np.array([1.0, 0.0])),
    ]
    with np.errstate(all="raise"):
        for image, template in cases:
            match = qconv.match_template(image, template, filter=filter_name, shots=shots, seed=1)
            assert np.isfinite(match.map).all()
            assert 0 <= match.certainty <= 1
            assert -1 <= match.similarity <= 1
            if shots is None and image is saturated:
                assert np.isclose(match.similarity, 1)
            assert np.isfinite(classical.match_template(image, template, filter=filter_name)).all()


@cache
def unscaled():
    """Return results in the original units, by filter and shots."""
    image, template = case()
    return {
        (name, shots): qconv.match_template(image, template, filter=name, shots=shots, seed=1)
        for name in FILTERS
        for shots in (None, 3000)
    }


@pytest.mark.parametrize("scale", [1e-300, 1e-155, 1e-100, 1.0, 1e80, 1e160, 1e300])
def test_units_make_no_difference(scale):
    image, template = case()
    plain = unscaled()
    for filter_name in FILTERS:
        if filter_name == "correlation" and not 1e-100 <= scale <= 1e80:
            continue  # products exceed the range of floating point
        for shots in (None, 3000):
            options = {"filter": filter_name, "shots": shots, "seed": 1}
            one = plain[filter_name, shots]
            two = qconv.match_template(scale * image, scale * template, **options)
            assert one.position == two.position
            assert np.isclose(one.certainty, two.certainty, rtol=1e-6)
    exact = classical.match_template(image, template, filter="normalized")
    again = classical.match_template(scale * image, template, filter="normalized")
    np.testing.assert_allclose(again, exact, atol=1e-9)


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize(
    ("image", "template", "kind", "message"),
    [
        (np.eye(4), np.eye(5), ValueError, r"template: expected a shape no larger than the image"),
        (np.eye(4), np.eye(5)[:2], ValueError, r"template: .* no larger than the image, \(4, 4\)"),
        (
            np.eye(4),
            np.ones((2, 2)),
            ValueError,
            "template: expected at least two different values, got 1.0",
        ),
        (
            np.ones((4, 4)),
            np.eye(2),
            ValueError,
            "image: expected at least two different values, got 1.0",
        ),
        (np.eye(4), np.arange(3), ValueError, "template: expected as many axes as the image, 2"),
        (np.zeros((2, 2, 2)), np.eye(2), ValueError, "image: expected 1 or 2 axes, got 3"),
        (np.array([1, np.nan]), np.arange(2), ValueError, "image: expected finite numbers"),
        (np.arange(3), np.array([1, np.inf]), ValueError, "template: expected finite numbers"),
        (np.zeros((0, 3)), np.eye(2), ValueError, "image: expected at least one entry"),
        (1j * np.eye(4), np.eye(2), TypeError, "image: expected real numbers, got complex"),
        (np.eye(4), "coin.png", TypeError, "template: expected an array of real numbers, got str"),
    ],
)
def test_wrong_arrays(image, template, kind, message, filter_name):
    with pytest.raises(kind, match=message):
        qconv.match_template(image, template, filter=filter_name)


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"filter": "blur"}, ValueError, "filter: expected one of 'phase', 'correlation', 'norm"),
        ({"shots": 0}, ValueError, "shots: expected an integer >= 1, got 0"),
        ({"shots": 10.5}, TypeError, "shots: expected an integer"),
        ({"method": qconv.Collapse()}, ValueError, r"method: expected qconv.Fourier\(...\)"),
        ({"method": "fourier"}, TypeError, "method: expected a method such as"),
        ({"method": "fourier", "filter": "correlation"}, TypeError, "method: expected a method"),
        ({"seed": -1}, ValueError, "seed: expected an integer >= 0, got -1"),
        ({"backend": "aer"}, TypeError, "backend: expected None"),
        (
            {"method": qconv.Collapse(), "filter": "correlation", "shots": 30},
            ValueError,
            r"shots: expected at least 352 for 352 positions with Collapse.*, got 30; qconv.F",
        ),
        (
            {
                "method": qconv.AmplitudeEstimation((0, 1)),
                "filter": "correlation",
                "shots": 703,
            },
            ValueError,
            "shots: expected at least 704 for 352 positions with AmplitudeEstimation",
        ),
        ({"method": qconv.Fourier}, TypeError, "method: expected a method such as"),
        (
            {"method": qconv.Fourier(padding="both")},
            ValueError,
            "with padding 'auto' for the filter",
        ),
    ],
)
def test_wrong_options(wrong, kind, message):
    image, template = case()
    with pytest.raises(kind, match=message):
        qconv.match_template(image, template, **wrong)


def test_nothing_along_the_templates_axes():
    rows = np.outer(np.arange(6.0), np.ones(5))
    with pytest.raises(ValueError, match="image: expected values that vary along the template's"):
        qconv.match_template(rows, np.eye(3)[:1])


def test_too_large_for_the_memory(monkeypatch):
    with pytest.raises(ValueError, match="GiB"):
        qconv.match_template(
            np.random.default_rng(0).random((300, 300)),
            np.random.default_rng(1).random((200, 200)),
            filter="correlation",
            method=qconv.Interference(),
        )
    image, template = case()
    monkeypatch.setattr(_memory, "available_memory", lambda: 2**16)
    with pytest.raises(
        ValueError, match=r"image of shape \(20, 27\), in a circuit of 10 qubits, is"
    ):
        qconv.match_template(image, template)


def test_places_of_different_norms_are_weighed_by_what_one_shot_stands_for(monkeypatch):
    """Expected counts are in proportion to the squared norm of a window; 0 if the norm is 0."""
    image = np.random.default_rng(3).random((12, 14)) * np.linspace(0.1, 3, 14)
    image[:5, :5] = 2.0
    seen = []

    def remembered(counts, exposure):
        seen.append((counts, exposure))
        return from_counts(counts, exposure)

    monkeypatch.setattr(matching, "from_counts", remembered)
    match = qconv.match_template(image, image[6:9, 8:11], filter="normalized", shots=500, seed=1)
    ((counts, exposure),) = seen
    np.testing.assert_array_equal(counts, match.counts)
    lit = match.count_unit > 0
    assert (exposure[~lit] == 0).all()
    assert 0 < lit.sum() < lit.size
    product = exposure[lit] * match.count_unit[lit] ** 2
    np.testing.assert_allclose(product, product[0], rtol=1e-9)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    norms = windows.std(axis=(2, 3))
    np.testing.assert_allclose(np.sqrt(exposure / exposure.max()), norms / norms.max(), atol=1e-7)


class TestChannels:
    IMAGE = np.random.default_rng(3).random((20, 26, 3))
    TEMPLATE = IMAGE[4:12, 7:17] + 0.2 * np.random.default_rng(4).random((8, 10, 3))

    def scores(self):
        """Pearson's coefficient of all pixels of all channels, at every position."""
        windows = np.lib.stride_tricks.sliding_window_view(self.IMAGE, self.TEMPLATE.shape)
        flat = windows.reshape(13, 17, -1)
        own = self.TEMPLATE.ravel() - self.TEMPLATE.mean()
        flat = flat - flat.mean(axis=2, keepdims=True)
        return flat @ own / np.linalg.norm(flat, axis=2) / np.linalg.norm(own)

    @pytest.mark.parametrize("filter", FILTERS)
    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_are_compared_together(self, filter, axis):
        image, template = (np.moveaxis(part, -1, axis) for part in (self.IMAGE, self.TEMPLATE))
        where = {"filter": filter, "channel_axis": axis}
        found = qconv.match_template(image, template, shots=3000, seed=1, **where)
        exact = qconv.match_template(image, template, shots=None, **where)
        reference = classical.match_template(image, template, **where)
        np.testing.assert_allclose(exact.map, np.abs(reference), atol=1e-9 * reference.max())
        if filter == "normalized":
            np.testing.assert_allclose(reference, self.scores(), atol=1e-9)
        for match in (found, exact):
            assert match.position == (4, 7)
            assert match.similarity == pytest.approx(self.scores().max(), abs=1e-12)
            assert match.map.shape == match.stderr.shape == (13, 17)
            assert match.candidates.shape[1] == 2
            assert len(match.circuits) == 1
        assert found.counts.shape == found.count_unit.shape == (13, 17)

    def test_of_a_recording(self):
        sound = np.random.default_rng(5).random((200, 2))
        match = qconv.match_template(sound, sound[50:80], channel_axis=1, shots=500, seed=1)
        assert match.position == (50,)

    def test_wrong(self):
        with pytest.raises(ValueError, match="as many channels as the image, 3, got 2"):
            qconv.match_template(self.IMAGE, self.TEMPLATE[..., :2], channel_axis=-1)
        with pytest.raises(ValueError, match="for a colour image, add channel_axis=-1"):
            qconv.match_template(self.IMAGE, self.TEMPLATE)
        with pytest.raises(ValueError, match="1 or 2 axes besides the channels, got 3"):
            qconv.match_template(self.IMAGE[None], self.TEMPLATE[None], channel_axis=-1)
        with pytest.raises(ValueError, match="channel_axis: expected an axis from -3 to 2"):
            qconv.match_template(self.IMAGE, self.TEMPLATE, channel_axis=3)
