"""The convolution layer: against loops, SciPy and PyTorch; the distribution of sampled layers.

Seeds are fixed. Where a test compares a statistic with a limit, an honest implementation with
another seed would fail with probability ALARM; there are fewer than 40 such comparisons here.
"""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from classical import conv2d, stochastic_conv2d

ALARM = 1e-9


def pairs(value):
    return value if isinstance(value, tuple) else (value, value)


def by_loops(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Compute the layer by definition, pixel by pixel; None if no output exists."""
    (count, _, height, width), (outputs, channels, kh, kw) = x.shape, w.shape
    (sr, sc), (dr, dc) = pairs(stride), pairs(dilation)
    before = after = (0, 0)
    if padding == "same":
        zeros = (dr * (kh - 1), dc * (kw - 1))
        before = tuple(z // 2 for z in zeros)
        after = tuple(-(-z // 2) for z in zeros)
        if (sr, sc) != (1, 1):
            return None
    elif padding != "valid":
        before = after = pairs(padding)
    rows = len(range(0, height + before[0] + after[0] - dr * (kh - 1), sr))
    columns = len(range(0, width + before[1] + after[1] - dc * (kw - 1), sc))
    if not rows or not columns:
        return None
    y = np.zeros((count, outputs, rows, columns))
    for n, o, r, s in np.ndindex(y.shape):
        group = o * groups // outputs
        y[n, o, r, s] = 0 if bias is None else bias[o]
        for c, i, j in np.ndindex(channels, kh, kw):
            row, column = r * sr + i * dr - before[0], s * sc + j * dc - before[1]
            if 0 <= row < height and 0 <= column < width:
                y[n, o, r, s] += w[o, c, i, j] * x[n, group * channels + c, row, column]
    return y


def configuration(rng, largest=7):
    """Draw a random layer, whose shapes may not match: input, weight and options."""
    groups = int(rng.integers(1, 4))
    channels, outputs = rng.integers(1, 4, 2)
    x = rng.normal(size=(*rng.integers(0, 3, 1), groups * channels, *rng.integers(1, largest, 2)))
    w = rng.normal(size=(groups * outputs, channels, *rng.integers(1, 5, 2)))
    options = {
        name: pair[0] if rng.random() < 0.4 else pair
        for name, low, high in (("stride", 1, 4), ("padding", 0, 4), ("dilation", 1, 4))
        for pair in [tuple(rng.integers(low, high, 2).tolist())]
    }
    word = rng.choice(["", "", "valid", "same"])
    if word:
        options["padding"] = str(word)
    if word == "same" and rng.random() < 0.8:
        options["stride"] = 1
    bias = rng.normal(size=len(w)) if rng.random() < 0.5 else None
    if rng.random() < 0.3 and len(x):
        x = x[0]
    return x, w, bias, {**options, "groups": groups}


def allclose(actual, expected):
    """Assert equality up to a rounding error of the largest value."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float64
    scale = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * scale)


class TestExact:
    def test_by_hand(self):
        x = [[[1, 2, 3], [4, 5, 6]], [[10, 20, 30], [40, 50, 60]]]
        w = [[[[1, 0], [0, -1]], [[0, 1], [0, 0]]]]
        np.testing.assert_array_equal(conv2d(x, w, [100]), [[[116, 126]]])
        # Zeros around the input; every second row and column.
        strided = conv2d(x, w, stride=2, padding=1)
        np.testing.assert_array_equal(strided, [[[-1, -3], [40, 5 + 60]]])

    @settings(max_examples=150)
    @given(st.integers(0, 2**32))
    def test_by_loops(self, seed):
        x, w, bias, options = configuration(np.random.default_rng(seed))
        batch = x if x.ndim == 4 else x[None]
        expected = by_loops(batch, w, bias, **options)
        if expected is None:
            with pytest.raises(
                ValueError, match=r"stride: expected 1 for|weight: expected a kernel"
            ):
                conv2d(x, w, bias, **options)
        else:
            allclose(conv2d(x, w, bias, **options), expected if x.ndim == 4 else expected[0])

    @pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (4, 4), (5, 2)])
    def test_one_channel_is_scipys_correlation(self, kernel):
        rng = np.random.default_rng(1)
        x, w = rng.normal(size=(8, 9)), rng.normal(size=kernel)
        for padding, mode in (((kernel[0] - 1, kernel[1] - 1), "full"), ("valid", "valid")):
            expected = signal.correlate2d(x, w, mode=mode)
            allclose(conv2d(x[None], w[None, None], padding=padding)[0], expected)
        # Dilation inserts zeros between the entries; for even sizes, SciPy's "same" starts one
        # pixel later.
        wide = np.zeros((2 * kernel[0] - 1, 3 * kernel[1] - 2))
        wide[::2, ::3] = w
        full = signal.correlate2d(x, wide, mode="full")
        cut = tuple(slice(h - 1 - (h - 1) // 2, None) for h in wide.shape)
        same = conv2d(x[None], w[None, None], padding="same", dilation=(2, 3))[0]
        allclose(same, full[cut][:8, :9])

    def test_extra_zero_of_same_is_at_the_end(self):
        np.testing.assert_array_equal(
            conv2d([[[1, 2, 3]]], [[[[1, 10]]]], padding="same"), [[[21, 32, 3]]]
        )

    def test_empty_batch(self):
        w, empty = np.ones((4, 2, 3, 3)), np.zeros((0, 4, 5, 6))
        assert conv2d(empty, w, np.ones(4), groups=2, padding=1).shape == (0, 4, 5, 6)
        assert conv2d(np.zeros((0, 2, 0, 6)), w, padding=2).shape == (0, 4, 2, 8)
        sample = stochastic_conv2d(empty, w, groups=2, seed=1)
        assert sample.image.shape == sample.stderr.shape == (0, 4, 3, 4)

    def test_arguments_are_left_alone(self):
        rng = np.random.default_rng(2)
        given = rng.random((1, 2, 5, 5)), rng.random((3, 2, 2, 2)), rng.random(3)
        copies = [array.copy() for array in given]
        conv2d(*given)
        stochastic_conv2d(*given, baseline=True, seed=3)
        for array, copy in zip(given, copies, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_pytorch(self):
        torch = pytest.importorskip("torch")
        rng = np.random.default_rng(3)
        agreed, refused = 0, 0
        for _ in range(200):
            x, w, bias, options = configuration(rng, largest=12)
            tensors = [None if a is None else torch.from_numpy(a) for a in (x, w, bias)]
            try:
                with warnings.catch_warnings():  # a padded copy for padding "same"
                    warnings.simplefilter("ignore")
                    expected = torch.nn.functional.conv2d(*tensors, **options).numpy()
            except RuntimeError:
                refused += 1
                with pytest.raises(ValueError, match="expected"):
                    conv2d(x, w, bias, **options)
                continue
            agreed += 1
            allclose(conv2d(x, w, bias, **options), expected)
        assert agreed > 120
        assert refused > 5


def one_shot(x, w, baseline):
    """Return probability and value of every draw for one channel, without padding and stride."""
    _, kh, kw = w.shape
    rows, columns = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    middle = (kh - 1) // 2, (kw - 1) // 2
    p, values = [], []
    for c, i, j in np.ndindex(w.shape):
        if not (baseline and (i, j) == middle):
            p.append(abs(w[c, i, j]))
            known = x[:, c, middle[0] :, middle[1] :][:, :rows, :columns] if baseline else 0
            seen = x[:, c, i : i + rows, j : j + columns]
            values.append(np.sign(w[c, i, j]) * (seen - known))
    return np.array(p) / sum(p), np.array(values) * sum(p)


class TestDistribution:
    @pytest.mark.parametrize("baseline", [False, True])
    def test_every_position_is_drawn_as_often_as_its_weight_says(self, baseline):
        # One shot per pixel; its value identifies the drawn position.
        w = np.array([[[1.0, -2], [3, 4]], [[5, 6], [-7, 0.5]]])
        tile = np.array([[[0.0, 1], [2, 3]], [[0, 5], [6, 7]]])
        sample = stochastic_conv2d(
            np.tile(tile, (1, 50, 60)), w[None], stride=2, shots=1, seed=4, baseline=baseline
        )
        drawn = np.abs(w)
        if baseline:
            drawn[:, 0, 0] = 0
        p, values = drawn.ravel() / drawn.sum(), drawn.sum() * np.sign(w).ravel() * tile.ravel()
        seen = [np.isclose(sample.image, v).sum() for v in values[p > 0]]
        p, values = p[p > 0], values[p > 0]
        if not baseline:  # both channels have a 0 at the same position: one value, two positions
            zero = values == 0
            seen = [*np.array(seen)[~zero], seen[0]]
            p = np.append(p[~zero], p[zero].sum())
        assert sum(seen) == sample.image.size == 3000
        assert stats.chisquare(seen, p * 3000).pvalue > ALARM

    @pytest.mark.parametrize("baseline", [False, True])
    def test_errors_are_as_large_as_they_say(self, baseline):
        rng = np.random.default_rng(5)
        x, bias = rng.random((3, 4, 60, 61)), rng.normal(size=4)
        w = rng.uniform(1, 2, (4, 2, 3, 2)) * rng.choice([-1, 1], (4, 2, 3, 2))
        shots = 40
        sample = stochastic_conv2d(x, w, bias, groups=2, shots=shots, baseline=baseline, seed=6)
        exact = conv2d(x, w, bias, groups=2)
        assert sample.shots == shots
        for o in range(4):
            p, values = one_shot(x[:, 2 * (o // 2) :][:, :2], w[o], baseline)
            p = p[:, None, None, None]
            off = values - (p * values).sum(axis=0)
            variance, fourth = (p * off**2).sum(axis=0), (p * off**4).sum(axis=0)
            z = (sample.image[:, o] - exact[:, o]) / np.sqrt(variance / shots)
            limit = stats.norm.isf(ALARM / 2) / np.sqrt(z.size)
            assert abs(z.mean()) < limit
            # z^2 has mean 1 and variance E z^4 - 1 = 2 + (excess of one shot) / shots.
            spread = np.sqrt(np.mean(2 + (fourth / variance**2 - 3) / shots))
            assert abs(np.mean(z**2) - 1) < limit * spread
            # Frequencies within r of p: variance within r + r^2 of itself, as in test_sampling.
            total = shots * z.size
            r = stats.norm.isf(ALARM / 2 / p.size) * np.sqrt(1 / (p.min() * total))
            tolerance = (r + r**2) * total / (total - 1) + 1 / total
            assert tolerance < 0.06
            np.testing.assert_allclose(sample.stderr[:, o] ** 2 * shots, variance, rtol=tolerance)

    @pytest.mark.parametrize("baseline", [False, True])
    def test_strides_dilations_paddings_and_groups(self, baseline):
        rng = np.random.default_rng(9)
        for _ in range(30):
            x, w, bias, options = configuration(rng)
            if by_loops(x if x.ndim == 4 else x[None], w, bias, **options) is None:
                continue
            # All weights are on one position, so nothing is random.
            position = tuple(rng.integers(w.shape[1:]))
            single = np.zeros_like(w)
            single[:, *position] = w[:, *position]
            exact = conv2d(x, single, bias, **options)
            sample = stochastic_conv2d(
                x, single, bias, **options, shots=2, baseline=baseline, seed=10
            )
            allclose(sample.image, exact)
            np.testing.assert_array_equal(sample.stderr, np.zeros(exact.shape))


class TestNoNoise:
    @pytest.mark.parametrize("baseline", [False, True])
    def test_flat_input(self, baseline):
        w = np.random.default_rng(11).random((3, 2, 3, 3))
        x = np.full((2, 6, 7), 0.3)
        if baseline:
            x[1], w[:, 1] = -0.8, -w[:, 1]
        sample = stochastic_conv2d(x, w, [1, 2, 3], shots=5, baseline=baseline, seed=12)
        np.testing.assert_array_equal(sample.stderr, np.zeros((3, 4, 5)))
        np.testing.assert_allclose(sample.image, conv2d(x, w, [1, 2, 3]), rtol=1e-14)

    @pytest.mark.parametrize("baseline", [False, True])
    def test_channel_of_zeros_is_its_bias(self, baseline):
        rng = np.random.default_rng(13)
        x, w = rng.random((2, 2, 5, 5)), rng.random((3, 2, 2, 2))
        w[1] = 0
        sample = stochastic_conv2d(x, w, [1, 2, 3], shots=5, baseline=baseline, seed=14)
        assert (sample.image[:, 1] == 2).all()
        assert (sample.stderr[:, 1] == 0).all()
        assert (sample.stderr[:, [0, 2]] > 0).all()

    def test_kernel_of_one_pixel_leaves_nothing_to_draw_from_the_baseline(self):
        rng = np.random.default_rng(15)
        x, w = rng.random((2, 3, 5, 5)), rng.normal(size=(4, 3, 1, 1))
        sample = stochastic_conv2d(x, w, shots=1, baseline=True, seed=16)
        allclose(sample.image, conv2d(x, w))
        np.testing.assert_array_equal(sample.stderr, np.zeros((2, 4, 5, 5)))
        assert (stochastic_conv2d(x, w, seed=16).stderr > 0).all()

    def test_baseline_has_less_noise_on_a_smooth_input(self):
        x = np.add.outer(np.linspace(0, 1, 20), np.linspace(0, 2, 20)) + 5
        w = np.ones((1, 1, 3, 3))
        plain = stochastic_conv2d(x[None], w, seed=17).stderr
        assert (stochastic_conv2d(x[None], w, baseline=True, seed=17).stderr < plain).mean() == 1


def test_one_draw_in_all_has_no_standard_error():
    sample = stochastic_conv2d([[[1.0, 2]]], [[[[1.0, 1]]], [[[0, 3]]]], shots=1, seed=18)
    assert sample.image[0] in (2.0, 4.0)
    assert np.isnan(sample.stderr[0]).all()
    assert (sample.image[1].item(), sample.stderr[1].item()) == (6, 0)


def test_the_same_seed_repeats_and_another_does_not():
    rng = np.random.default_rng(19)
    x, w = rng.random((1, 2, 6, 6)), rng.random((2, 2, 3, 3))

    def draw(seed):
        return stochastic_conv2d(x, w, shots=3, seed=seed).image

    np.testing.assert_array_equal(draw(1), draw(np.int64(1)))
    np.testing.assert_array_equal(draw(1), draw(np.random.default_rng(1)))
    assert (draw(1) != draw(2)).any()
    assert (draw(None) != draw(None)).any()


NUMBER = "expected an integer >= 1 or a pair of them, got"
ZEROS = "padding: expected an integer >= 0 or a pair of them, 'valid' or 'same', got"
X, W = np.ones((1, 4, 5, 5)), np.ones((6, 2, 3, 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"input": np.ones((5, 5))}, ValueError, "input: expected 4 axes (N, C, H, W) or 3 (C, H"),
        ({"input": np.ones((1,) * 5)}, ValueError, "got 5 (shape (1, 1, 1, 1, 1))"),
        ({"input": X[:, :3]}, ValueError, "input: expected 4 channels (groups 2, weight of shape"),
        ({"input": X[:, :, :0]}, ValueError, "input: expected at least one row and column, got"),
        ({"input": X[0, :, :0], "padding": 3}, ValueError, "input: expected at least one row"),
        ({"input": X[:, :0]}, ValueError, "input: expected 4 channels"),
        ({"input": X * np.nan}, ValueError, "input: expected finite numbers, got 100"),
        ({"input": "x"}, TypeError, "input: expected an array of numbers, got str"),
        ({"weight": W[0]}, ValueError, "weight: expected 4 axes (O, C / groups, kh, kw), got 3"),
        ({"weight": W[:0]}, ValueError, "weight: expected at least one entry"),
        ({"weight": W[:, :, :0]}, ValueError, "weight: expected at least one entry"),
        ({"weight": W * np.inf}, ValueError, "weight: expected finite numbers"),
        ({"dilation": 3}, ValueError, "weight: expected a kernel no larger than the padded input"),
        ({"dilation": 3}, ValueError, "(5, 5), got a kernel that covers (7, 7) pixels"),
        ({"input": X[:0, :, :2]}, ValueError, "weight: expected a kernel no larger than the pa"),
        ({"bias": np.ones(4)}, ValueError, "bias: expected one number per output channel, shape"),
        ({"bias": np.ones((6, 1))}, ValueError, "bias: expected one number per output channel"),
        ({"bias": 1.0}, ValueError, "(6,), got shape ()"),
        ({"bias": [np.nan] * 6}, ValueError, "bias: expected finite numbers"),
        ({"bias": "x"}, TypeError, "bias: expected an array of numbers"),
        ({"groups": 4}, ValueError, "groups: expected a divisor of the number of output channels"),
        ({"groups": 0}, ValueError, "groups: expected an integer >= 1, got 0"),
        ({"groups": 1.0}, TypeError, "groups: expected an integer >= 1, got 1.0"),
        ({"groups": (1, 1)}, TypeError, "groups: expected an integer >= 1, got (1, 1)"),
        ({"stride": 0}, ValueError, f"stride: {NUMBER} 0"),
        ({"stride": (1, -1)}, ValueError, f"stride: {NUMBER} (1, -1)"),
        ({"stride": (1, 2, 3)}, ValueError, f"stride: {NUMBER} (1, 2, 3)"),
        ({"stride": ()}, ValueError, f"stride: {NUMBER} ()"),
        ({"stride": 1.0}, TypeError, f"stride: {NUMBER} 1.0"),
        ({"stride": None}, TypeError, f"stride: {NUMBER} None"),
        ({"stride": True}, TypeError, f"stride: {NUMBER} True"),
        ({"stride": "same"}, TypeError, f"stride: {NUMBER} 'same'"),
        ({"dilation": 0}, ValueError, f"dilation: {NUMBER} 0"),
        ({"dilation": [1, 1.5]}, TypeError, f"dilation: {NUMBER} [1, 1.5]"),
        ({"padding": -1}, ValueError, f"{ZEROS} -1"),
        ({"padding": (1, 2, 3)}, ValueError, f"{ZEROS} (1, 2, 3)"),
        ({"padding": None}, TypeError, f"{ZEROS} None"),
        ({"padding": "full"}, ValueError, "padding: expected one of 'valid', 'same', got 'full'"),
        ({"padding": "same", "stride": (1, 2)}, ValueError, "stride: expected 1 for padding 'sam"),
    ],
)
def test_errors_name_the_argument(options, error, message):
    arguments = {"input": X, "weight": W, "groups": 2, **options}
    for layer in (conv2d, stochastic_conv2d):
        with pytest.raises(error, match=re.escape(message)):
            layer(**arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"input": X * 1j}, TypeError, "input: expected real numbers, got complex ones"),
        ({"weight": W * 1j}, TypeError, "weight: expected real numbers, got complex ones"),
        ({"bias": [1j] * 6}, TypeError, "bias: expected real numbers, got complex ones"),
        ({"shots": 0}, ValueError, "shots: expected an integer >= 1, got 0"),
        ({"shots": 1.5}, TypeError, "shots: expected an integer >= 1, got 1.5"),
        ({"seed": "x"}, TypeError, "seed: expected an integer >= 0, a SeedSequence, a Gen"),
        ({"seed": -1}, ValueError, "seed: expected an integer >= 0, got -1"),
        ({"baseline": 1}, TypeError, "baseline: expected True or False, got 1"),
    ],
)
def test_errors_of_the_draws(options, error, message):
    with pytest.raises(error, match=message):
        stochastic_conv2d(**{"input": X, "weight": W, "groups": 2, **options})


@pytest.mark.filterwarnings("ignore:overflow")
def test_weights_of_any_size():
    x = np.random.default_rng(20).random((1, 4, 4))
    sample = stochastic_conv2d(x, [[[[1e200, 1e-200]]]], shots=3, seed=21)
    np.testing.assert_allclose(sample.image, 1e200 * x[:, :, :-1], rtol=1e-14)
    with pytest.raises(ValueError, match="weight: expected a finite sum of magnitudes, got inf"):
        stochastic_conv2d(x, [[[[1e308, 1e308]]]])
