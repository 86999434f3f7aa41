"""Splitting a histogram at random has the same distribution as shuffling its shots."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.pixel_counts import split_histogram
from tests.chance import assert_distribution, assert_same_distribution


def exact_distribution(histogram, sizes):
    """Return the probability of every table (groups, outcomes) with these margins."""
    rows = [
        [c for c in itertools.product(*(range(h + 1) for h in histogram)) if sum(c) == size]
        for size in sizes
    ]
    ways = math.prod(map(math.factorial, [*histogram, *sizes])) / math.factorial(sum(histogram))
    distribution = {}
    for table in itertools.product(*rows):
        if all(
            sum(column) == h for column, h in zip(zip(*table, strict=True), histogram, strict=True)
        ):
            distribution[table] = ways / math.prod(math.factorial(c) for row in table for c in row)
    assert math.isclose(sum(distribution.values()), 1)
    return distribution


@pytest.mark.parametrize(
    ("histogram", "sizes"),
    [([3, 2, 1], [2, 1, 3]), ([2, 2], [1, 1, 1, 1]), ([4, 0, 1], [0, 2, 3]), ([1, 1, 1], [3, 0])],
)
def test_exact_probabilities(histogram, sizes):
    distribution = exact_distribution(histogram, sizes)
    rng = np.random.default_rng(1)
    h = np.array(histogram)
    seen = Counter(tuple(map(tuple, split_histogram(h, sizes, rng).tolist())) for _ in range(4_000))
    assert set(seen) <= set(distribution)
    assert_distribution([seen[table] for table in distribution], list(distribution.values()))


def test_shuffling():
    histogram, sizes = np.array([5, 3, 2, 6]), [3, 1, 5, 4, 3]
    rng = np.random.default_rng(2)
    shots = np.repeat(np.arange(4), histogram)
    cuts = np.cumsum(sizes)[:-1]

    def shuffled():
        hands = np.split(rng.permutation(shots), cuts)
        return np.array([np.bincount(hand, minlength=4) for hand in hands])

    dealt = [split_histogram(histogram, sizes, rng) for _ in range(4_000)]
    mixed = [shuffled() for _ in range(4_000)]
    for group, outcome in itertools.product(range(5), range(4)):
        one, other = (
            np.bincount([t[group, outcome] for t in ts], minlength=7) for ts in (dealt, mixed)
        )
        if np.count_nonzero(one) > 1:
            assert_same_distribution(one, other)
    # Two groups of different branches are compared jointly, which tests their dependence.
    one, other = (
        np.bincount([7 * t[0, 0] + t[4, 0] for t in ts], minlength=49) for ts in (dealt, mixed)
    )
    assert_same_distribution(one, other)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=6),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
)
def test_every_shot_is_dealt_once(histogram, groups, seed):
    rng = np.random.default_rng(seed)
    h = np.array(histogram)
    sizes = rng.multinomial(h.sum(), np.full(groups, 1 / groups))
    hands = split_histogram(h, sizes, rng)
    assert hands.shape == (groups, h.size)
    assert (hands >= 0).all()
    assert hands.sum(axis=0).tolist() == histogram
    assert hands.sum(axis=1).tolist() == sizes.tolist()


def test_same_generator_same_deal():
    h, sizes = np.array([50, 30, 20]), [25] * 4
    one, other = (split_histogram(h, sizes, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)


def test_nothing_changes_for_the_caller():
    h, sizes = np.array([3, 4]), np.array([2, 5])
    split_histogram(h, sizes, np.random.default_rng(3))
    assert h.tolist() == [3, 4]
    assert sizes.tolist() == [2, 5]


@pytest.mark.parametrize("sizes", [[], [1, 2], [10], [3, 5]])
def test_sums_that_differ(sizes):
    with pytest.raises(ValueError, match=r"sizes: expected a sum of 7, got"):
        split_histogram(np.array([3, 4]), sizes, np.random.default_rng(3))


def test_close_to_a_billion():
    hands = split_histogram(
        np.array([400_000_000, 599_999_999]), [999_999_998, 1], np.random.default_rng(4)
    )
    assert hands.sum(axis=1).tolist() == [999_999_998, 1]


def test_only_counts_that_tell_have_a_name():
    """Equal counts identify a run only if two independent runs hardly ever coincide."""
    assert Histogram.empty().name is None
    assert Histogram(np.array([3]), np.array([10**6])).name is None  # every run would give this
    assert Histogram(np.array([0, 1]), np.array([500, 500])).name is None  # one in 40
    rng = np.random.default_rng(1)
    many = [Histogram(np.arange(64), rng.multinomial(10**6, np.ones(64) / 64)) for _ in range(3)]
    assert len({histogram.name for histogram in many}) == 3
    assert None not in {histogram.name for histogram in many}
    assert Histogram(np.arange(64), many[0].counts.copy()).name == many[0].name
    assert Histogram(np.arange(1, 65), many[0].counts).name != many[0].name
