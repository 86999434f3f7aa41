"""Certainty of a match: from the map and the classical check, against hand computation."""

import math

import numpy as np
import pytest

import classical
from qconv.matching.posterior import Evidence, _shares, from_counts, from_estimates
from qconv.matching.standardise import noise_variance
from qconv.matching.verification import Comparison, Look, _leading, certainty, looked_at
from tests.chance import ALARM

_RARE = math.log(2 / ALARM)

#: Tolerance of the mean certainty, because the background is learnt and not known.
LEARNT = 0.03


def by_map(evidence):
    """Return the leading position, and the probability that it is the match, from the map alone."""
    place = int(evidence.standing.argmax())
    return place, evidence.odds[place] / evidence.odds.sum()


def by_counts(counts, exposure=None):
    return by_map(from_counts(np.asarray(counts, dtype=float), exposure))


def by_estimates(estimate, stderr):
    return by_map(from_estimates(estimate, stderr))


def sparse(places, seen):
    """Return counts that are 0 except at some positions."""
    counts = np.zeros(places)
    counts[list(seen)] = list(seen.values())
    return counts


# ------------------------------------------------------------------------------------- counts


@pytest.mark.parametrize("shape", [(7,), (3, 4)])
@pytest.mark.parametrize("count", [0, 1, 25])
def test_equal_counts_leave_it_open(shape, count):
    counts = np.full(shape, float(count))
    for exposure in (None, np.full(shape, 2.0)):
        place, share = by_counts(counts, exposure)
        assert place == 0
        assert np.isclose(share, 1 / counts.size)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_single_place(count):
    assert by_counts(np.array([[count]])) == (0, 1.0)
    assert by_counts(np.array([[count]]), np.array([[2.0]])) == (0, 1.0)


def test_one_count_is_no_proof():
    """A single count must be at some position."""
    place, share = by_counts(sparse(1000, {77: 1}))
    assert place == 77
    assert share < 0.005
    assert by_counts(sparse(1000, {77: 1}), np.linspace(1, 2, 1000))[1] < 0.01


@pytest.mark.parametrize("shots", [1, 2, 3, 5, 10])
def test_a_handful_of_counts_is_not_trusted(shots):
    """If the brightest of 20,000 positions has one per cent, a few counts rarely identify it.

    Two counts at a position that is not the brightest: at most 45 pairs, each with a probability
    given by the sum of squares of the others, below 2e-4 (45 * 2e-4 in the worst of the 50 runs).
    """
    rng = np.random.default_rng(shots)
    p = rng.chisquare(1, 20_000)
    p[123] = 0.01 * p.sum()
    p /= p.sum()
    said = [by_counts(rng.multinomial(shots, p))[1] for _ in range(50)]
    assert np.mean(said) < 0.12


@pytest.mark.parametrize("tied", [2, 3, 10])
@pytest.mark.parametrize("count", [5, 500])
def test_tied_leaders_share(tied, count):
    counts = sparse(2000, dict.fromkeys(range(50, 50 + tied), count))
    place, share = by_counts(counts)
    assert place == 50
    assert share < 1.001 / tied
    assert np.ptp(from_counts(counts).odds[50 : 50 + tied]) == 0


@pytest.mark.parametrize("exposed", [False, True])
def test_odds_rise_with_the_count(exposed):
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.5, 4000).astype(float)
    exposure = np.ones(4000) if exposed else None
    found = []
    for leader in (5, 8, 12, 18, 30):
        counts[1234] = leader
        place, share = by_counts(counts, exposure)
        found.append(share)
    assert place == 1234
    assert found == sorted(found)
    assert found[0] < 0.5
    assert found[-1] > 0.95


def test_a_heavy_tail_makes_less_sure():
    """The same leading position is less certain if the next positions are close."""
    rng = np.random.default_rng(3)
    quiet = rng.poisson(0.3, 3000).astype(float)
    quiet[0] = 16
    busy = quiet.copy()
    busy[1:40] = 12
    assert by_counts(quiet)[1] > 0.95 > 0.5 > by_counts(busy)[1]


def test_the_leader_is_no_evidence_of_background():
    """A background learnt from all positions would have a tail as high as the leading position."""
    counts = sparse(10_000, dict.fromkeys(range(100, 200), 1) | dict.fromkeys(range(10, 15), 2))
    counts[5] = 6
    assert by_counts(counts)[1] > 0.9


@pytest.mark.parametrize("parts", [4, 80])
def test_half_a_place_is_supposed_unseen(parts):
    """If positions identify their component, weights are in proportion to the positions plus ``b``.

    The maximum of ``sum((n_k + b) log(s_k))`` over weights of sum 1 is at
    ``s_k = (n_k + b) / sum``, where ``b`` is half a position divided among the components.
    """
    number = np.arange(float(parts)) ** 2
    expected = (number + 0.5 / parts) / (number.sum() + 0.5)
    np.testing.assert_allclose(_shares(np.eye(parts), number), expected, rtol=1e-3)


def test_integers_shapes_and_repetition_make_no_difference():
    counts = np.random.default_rng(4).poisson(0.7, (40, 50))
    before = counts.copy()
    answers = {by_counts(counts), by_counts(counts.astype(float).ravel())}
    answers |= {by_counts(counts), by_counts(counts.reshape(2, 10, 100))}
    assert len(answers) == 1
    np.testing.assert_array_equal(counts, before)


# ---------------------------------------------------------------------------------- exposures


def test_equal_exposures_make_no_difference():
    counts = np.random.default_rng(5).poisson(0.7, (40, 50)).astype(float)
    counts[3, 4] = 9
    place, share = by_counts(counts)
    for exposure in (1.0, 37.5):
        same, again = by_counts(counts, np.full((40, 50), exposure))
        assert same == place
        assert again == pytest.approx(share, abs=1e-6)


def test_units_of_exposures_make_no_difference():
    rng = np.random.default_rng(6)
    exposure = rng.lognormal(size=3000)
    counts = rng.poisson(exposure).astype(float)
    first, second = (by_counts(counts, unit * exposure) for unit in (1, 1e-7))
    assert first[0] == second[0]
    assert first[1] == pytest.approx(second[1], abs=1e-6)


def test_rates_are_ranked_not_counts():
    """The largest count is at the position with the largest exposure."""
    exposure = np.ones((20, 30))
    exposure[:, 10:] = 100
    counts = np.where(exposure > 1, 100.0, 1.0)
    counts[2, 20] = 130
    counts[5, 5] = 40
    place, share = by_counts(counts, exposure)
    assert place == 5 * 30 + 5
    assert share > 0.9
    assert by_counts(counts)[0] == 2 * 30 + 20


def test_dark_places_never_lead():
    counts, exposure = np.ones(50), np.ones(50)
    counts[[3, 9]] = 30, 12
    exposure[3], exposure[4] = 0, 1e-9
    evidence = from_counts(counts, exposure)
    assert evidence.standing.argmax() == evidence.odds.argmax() == 9
    assert (evidence.odds[[3, 4]] == 0).all()


# ---------------------------------------------------------------------------------- estimates


def test_exact_values_are_ranked():
    values = np.random.default_rng(7).normal(size=(30, 40))
    evidence = from_estimates(values, np.zeros((30, 40)))
    assert (np.argsort(evidence.standing) == np.argsort(values.ravel())).all()
    assert np.isfinite(evidence.odds).all()


@pytest.mark.parametrize("value", [0.0, 4.0])
@pytest.mark.parametrize("stderr", [0.0, 1.0])
def test_equal_estimates_leave_it_open(value, stderr):
    place, share = by_estimates(np.full((2, 3), value), np.full((2, 3), stderr))
    assert place == 0
    assert np.isclose(share, 1 / 6)


def test_single_estimate():
    assert by_estimates(np.array([-5.0]), np.array([2.0])) == (0, 1.0)


def test_largest_not_strongest():
    estimate, stderr = np.full(100, -0.1), np.full(100, 0.1)
    estimate[[20, 30]] = -50, 3
    place, share = by_estimates(estimate, stderr)
    assert place == 30
    assert share > 0.95


def test_inaccurate_estimates_do_not_lead():
    """The largest of many errors is not a match; a smaller but accurate estimate is."""
    rng = np.random.default_rng(8)
    stderr = np.where(np.arange(2000) < 1000, 10.0, 0.1)
    estimate = stderr * rng.normal(size=2000)
    estimate[1500] = 5
    assert estimate.argmax() < 1000
    assert by_estimates(estimate, stderr)[0] == 1500


def test_smaller_errors_make_surer():
    values = np.random.default_rng(9).normal(size=3000)
    values[700] = 7
    noise = np.random.default_rng(10).normal(size=3000)
    found = [by_estimates(values + s * noise, np.full(3000, s)) for s in (1.5, 0.5, 0.1)]
    assert [place for place, _ in found[1:]] == [700, 700]
    assert [share for _, share in found] == sorted(share for _, share in found)


# ------------------------------------------------------------------------------- calibration


def assert_calibrated(trials):
    """The number of right answers agrees with the certainties, over all and above 0.8.

    The sum of ``right - certainty`` has the variance ``sum certainty (1 - certainty)`` at most;
    Bernstein's inequality.
    """
    said, right = np.array(trials, dtype=float).T
    for least in (0.0, 0.8):
        these = said >= least
        variance = float(np.sum(said[these] * (1 - said[these])))
        tolerance = math.sqrt(2 * variance * _RARE) + _RARE / 3 + LEARNT * these.sum()
        off = float(np.sum(right[these] - said[these]))
        assert abs(off) <= tolerance, f"{off:.1f} +- {tolerance:.1f} of {these.sum()}"
    assert np.mean(said > 0.9) > 0.2
    assert np.mean(said < 0.5) > 0.2


def amplitudes(rng, places):
    """Return a background of mixed normal variances with one match, and the match's position."""
    found = np.sqrt(rng.choice([0.05, 1.0], places, p=[0.7, 0.3])) * rng.normal(size=places)
    match = rng.integers(places)
    found[match] = rng.uniform(0, 15)
    return found, match


@pytest.mark.slow
def test_counts_are_calibrated():
    rng, trials = np.random.default_rng(11), []
    for _ in range(600):
        true, match = amplitudes(rng, 400)
        place, share = by_counts(rng.poisson(true**2 / 2))
        trials.append((share, place == match))
    assert_calibrated(trials)


def test_estimates_are_calibrated():
    rng, trials = np.random.default_rng(12), []
    for _ in range(150):
        true, match = amplitudes(rng, 200)
        place, share = by_estimates(true + rng.normal(size=200), np.ones(200))
        trials.append((share, place == match))
    assert_calibrated(trials)


# ----------------------------------------------------------------------------------- the look


@pytest.mark.parametrize("shapes", [((20, 30), (6, 5)), ((9, 8), (1, 3)), ((50,), (4,))])
def test_similarity_is_the_normalised_correlation(shapes):
    rng = np.random.default_rng(13)
    image, template = (100 + rng.normal(size=shape) for shape in shapes)
    image[:7] = 3
    expected = classical.match_template(image, template, filter="normalized")
    places = np.argwhere(np.ones(expected.shape, dtype=bool))
    found = Comparison(1e200 * image, 1e-200 * template).similarities(places)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-9)


def test_places_that_stand_out_alike_are_taken_from_everywhere():
    standing = np.zeros(1000)
    standing[[3, 500]] = 2, 1
    places = _leading(standing, 11)
    assert places.size == np.unique(places).size == 11
    assert {3, 500} <= set(places.tolist())
    assert np.diff(np.sort(places[2:])).max() < 150
    assert _leading(standing, 1000).size == _leading(standing, 5000).size == 1000


def test_the_look_goes_uphill():
    """On a smooth image, the search reaches the most similar position from any start."""
    image = np.add.outer(np.sin(np.arange(40) / 12), np.cos(np.arange(50) / 15)) ** 3
    image += 1e-3 * np.random.default_rng(14).normal(size=image.shape)
    template = image[12:30, 17:35]
    standing = np.zeros((23, 33))
    standing[:9, :23] = 1  # 207 positions, all at least two away
    look = looked_at(image, template, Evidence(standing.ravel(), standing.ravel()))
    assert tuple(look.places[0]) == (12, 17)
    assert np.isclose(look.similarities[0], 1)
    assert (np.diff(look.similarities) <= 0).all()
    assert len(np.unique(look.places, axis=0)) == len(look.places) > 200


def seen(similarities, step=10):
    """Return a classical check at distant positions along a line."""
    places = step * np.arange(len(similarities))[:, None]
    return Look(places, np.array(similarities, dtype=float))


EVEN = Evidence(np.ones(1000), np.zeros(1000))


def test_certainty_by_hand():
    """Ten and one of 40 values: S = 10 * 0.1, f = 10/40 * 10/1 * (1 + (1 - 0.2) / 1)^-11."""
    z = np.r_[1.0, np.full(10, 0.3), np.full(30, 0.2)]
    density = 10 / 40 * 10 * 1.8**-11
    own = 7 + 2 * 3  # the answer and its neighbours
    odds = np.ones(1000)
    odds[:3] = 3, 7, 3
    look = Look(1 + 10 * np.arange(41)[:, None], np.tanh(z))
    ratio = 1 / (2 * density)
    expected = own * ratio / (own * ratio + (1000 - 43))
    found = certainty(look, Evidence(odds, odds), (1000,), (8,))
    assert np.isclose(found, expected, rtol=1e-9)


def test_nothing_is_more_similar_than_a_copy():
    assert certainty(seen([1, 0.99, 0.98]), EVEN, (1000,), (8,)) == 1
    assert certainty(seen([1, 1, 0.98]), EVEN, (1000,), (8,)) == 0.5
    assert certainty(seen([1, 1, 0.98], step=1), EVEN, (1000,), (8,)) == 1  # a neighbour


def test_where_everything_was_looked_at():
    assert certainty(seen([0.3, 0.2, -0.1], step=1), EVEN, (3,), (8,)) == 1
    apart = Look(np.array([[0], [2], [1]]), np.array([0.3, 0.3, 0.2]))
    assert certainty(apart, EVEN, (3,), (8,)) == 0.5


def test_certainty_rises_with_the_similarity_and_the_odds():
    background = np.linspace(0.5, 0, 50)
    found = [certainty(seen([s, *background]), EVEN, (1000,), (8,)) for s in (0.51, 0.6, 0.7, 0.9)]
    assert found == sorted(found)
    assert found[0] < 0.05
    assert found[-1] > 0.9
    odds = np.ones(1000)
    odds[0] = 1e6
    assert certainty(seen([0.51, *background]), Evidence(odds, odds), (1000,), (8,)) > 0.99


def test_without_a_background_odds_are_all():
    odds = np.ones(1000)
    odds[0] = 500
    for similar in ([0.5], [0.5, 0.4, 0.3], [0.5, *[0.0] * 30]):
        look = seen(similar)
        expected = 501 / (501 + 999 - len(similar))  # one of the others is a neighbour
        assert np.isclose(certainty(look, Evidence(odds, odds), (1000,), (8,)), expected)


def test_noise_is_told_from_slow_changes():
    rng = np.random.default_rng(15)
    slow = 10 * np.add.outer(np.sin(np.arange(80) / 20), np.cos(np.arange(90) / 25))
    for deviation in (0.1, 1):
        noise = deviation * rng.normal(size=slow.shape)
        assert np.isclose(noise_variance(slow + noise, [3, 3]), deviation**2, rtol=0.2)
        assert np.isclose(noise_variance(slow + noise, [1, 3]), deviation**2, rtol=0.2)
    assert noise_variance(np.eye(2), [3, 3]) == 0
