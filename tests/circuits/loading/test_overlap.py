"""Overlaps, gradients and environments against plain simulation."""

from itertools import pairwise

import numpy as np
import pytest

from qconv.circuits._gates import simulate
from qconv.circuits.loading.ansatz import Ansatz
from qconv.circuits.loading.overlap import Overlap
from qconv.circuits.loading.placement import layers, with_cz, without_cz

RNG = np.random.default_rng(20261129)


def random_pairs(num_qubits, count):
    picks = [sorted(RNG.choice(num_qubits, 2, replace=False)) for _ in range(count)]
    return tuple((int(a), int(b)) for a, b in picks)


def random_target(num_qubits):
    target = RNG.normal(size=2**num_qubits)
    return target / np.linalg.norm(target)


def simulated(ansatz, target):
    return float(simulate(ansatz.gates(), ansatz.num_qubits).real.ravel() @ target)


CASES = [
    (1, ()),
    (2, ()),
    (2, ((0, 1),)),
    (3, ((0, 2), (0, 1), (0, 1), (1, 2))),
    (7, random_pairs(7, 15)),
    (8, layers(8, 3, 25)),
    (9, layers(9, 0, 25)),
    (9, layers(9, 7, 30)),
]


@pytest.mark.parametrize(("num_qubits", "pairs"), CASES)
def test_value_and_gradient(num_qubits, pairs):
    target = random_target(num_qubits)
    ansatz = Ansatz(pairs, RNG.uniform(-np.pi, np.pi, num_qubits + 2 * len(pairs)))
    overlap = Overlap(pairs, target)
    value, gradient = overlap.value_and_gradient(ansatz.angles)
    assert value == pytest.approx(simulated(ansatz, target), abs=1e-14)
    # A rotation by 2 pi negates the state, so pi more gives twice the derivative.
    for index in range(len(ansatz.angles)):
        shifted = ansatz.angles + np.pi * (np.arange(len(ansatz.angles)) == index)
        exact = simulated(ansatz.with_angles(shifted), target) / 2
        assert gradient[index] == pytest.approx(exact, abs=1e-14)


@pytest.mark.parametrize(("num_qubits", "pairs"), CASES[3:6])
def test_removal(num_qubits, pairs):
    """The overlap after a removal equals the prediction, and no other angles are better."""
    target = random_target(num_qubits)
    ansatz = Ansatz(pairs, RNG.uniform(-np.pi, np.pi, num_qubits + 2 * len(pairs)))
    _, environments = Overlap(pairs, target).block_environments(ansatz.angles)
    values, turns = without_cz(environments)
    for index, value in enumerate(values):
        fewer = ansatz.removed(index, turns[index])
        assert len(fewer.pairs) == len(pairs) - 1
        assert simulated(fewer, target) == pytest.approx(value, abs=1e-13)
        others = ansatz.removed(index, RNG.uniform(-np.pi, np.pi, 2))
        assert simulated(others, target) < value


@pytest.mark.parametrize(("num_qubits", "pairs"), CASES[1:6])
def test_insertion(num_qubits, pairs):
    """The overlap after an insertion equals the prediction, and is not smaller than before."""
    target = random_target(num_qubits)
    ansatz = Ansatz(pairs, RNG.uniform(-np.pi, np.pi, num_qubits + 2 * len(pairs)))
    allowed = [(a, b) for b in range(num_qubits) for a in range(b)]
    places, environments = Overlap(pairs, target).candidates(ansatz.angles, allowed)
    assert len(places) == len(set(places)) == len(environments)
    assert {pair for _, pair in places} == set(allowed)
    values, before, after = with_cz(environments)
    for index in range(0, len(places), 7):
        more = ansatz.inserted(*places[index], before[index], after[index])
        assert len(more.pairs) == len(pairs) + 1
        assert simulated(more, target) == pytest.approx(values[index], abs=1e-13)
    assert values.max() > simulated(ansatz, target)


def test_insertion_finds_the_best_angles():
    """For a single CZ, no angles on a fine grid are better."""
    environment = RNG.normal(size=(4, 4))
    value, _, _ = with_cz(environment[None])
    angles = np.arange(0, 2 * np.pi, np.pi / 8) / 2
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])
    both = np.einsum("abi,cdj->ijacbd", turns, turns).reshape(-1, 4, 4)
    grid = np.einsum("ij,gik,k,hkj->gh", environment, both, [1, 1, 1, -1], both, optimize=True)
    assert grid.max() <= value[0] + 1e-12
    assert grid.max() > 0.9 * value[0]


def test_lifted():
    """New qubits are in ``|+>``, placed before and after the existing qubits."""
    pairs = layers(4, 1, 7)
    ansatz = Ansatz(pairs, RNG.uniform(-np.pi, np.pi, 4 + 14))
    small = simulate(ansatz.gates(), 4).real.ravel()
    large = simulate(ansatz.lifted(1, 2).gates(), 7).real.ravel()
    plus = np.full(2, np.sqrt(0.5))
    np.testing.assert_allclose(
        large, np.kron(plus, np.kron(small, np.kron(plus, plus))), atol=1e-14
    )


def test_layers_are_on_neighbours_and_reach_the_ends():
    pairs = layers(8, 3, 40)
    assert len(pairs) == 40
    assert all(b == a + 1 for a, b in pairs)
    assert set(pairs[-7:]) == {(a, a + 1) for a in range(7)}
    assert pairs[-7] == (3, 4)


def test_layers_get_shorter_but_not_trivial():
    """For any number of layers, the first are about half as long as the last."""
    for count in (12, 100, 400):
        pairs = layers(12, 5, count)
        repeated = [pair for pair, other in pairwise(pairs) if pair == other]
        assert len(repeated) <= 1
        middles = [index for index, pair in enumerate(pairs) if pair == (5, 6)]
        lengths = np.diff([*middles, count])
        assert lengths[-1] == 11
        assert count < 100 or 4 <= lengths[1] <= 7


def test_no_third_cz_in_a_row():
    pairs = ((0, 1), (2, 3), (0, 1), (1, 2))
    overlap = Overlap(pairs, random_target(4))
    places, _ = overlap.candidates(np.zeros(12), [(0, 1), (1, 2)])
    assert {slot for slot, pair in places if pair == (0, 1)} == {4}
    assert {slot for slot, pair in places if pair == (1, 2)} == {0, 1, 2, 3, 4}
