"""Seeds are reproducible: the same counts on every machine and with every version of NumPy.

Digests cover a hundred thousand draws or more, because a change of NumPy's algorithms may affect
one draw in a million. Results are pinned to 1e-12 of their scale, beyond which processors round
differently.
"""

import hashlib

import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

import qconv
from qconv.execution.outcomes.pixel_counts import drawn_counts, split_histogram
from qconv.execution.seeds import random_state
from qconv.execution.simulate.draws import drawn, multinomial, multinomial_each
from qconv.execution.simulate.noise import executions_until
from tests.cases import EDGE, random_integers
from tests.chance import assert_distribution, assert_same_distribution

SEED = np.random.SeedSequence(7)
PROBABILITIES = np.array([1, 2, 4, 8, 16, 32, 64, 1]) / 128
READOUT = NoiseModel()
READOUT.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.04, 0.96]]))


def digest(*arrays):
    made = hashlib.blake2b(digest_size=8)
    for array in arrays:
        made.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return made.hexdigest()


def of_hands(shots, pixels=40_000):
    """Return a digest of the counts of a tile's pixels, or of the outcome of each shot."""
    tiles = [(slice(0, pixels),)]
    hands = drawn_counts(PROBABILITIES, tiles, [0], shots, SEED)
    return digest(*(h.picks if h.counts is None else h.counts for _, h in hands(0)))


def dealt():
    sizes = np.arange(4_000) % 90
    histogram = multinomial(random_state(SEED), int(sizes.sum()), PROBABILITIES)
    return digest(split_histogram(histogram, sizes, np.random.default_rng(SEED)))


def executions():
    each = [(10, 0.9), (10**6, 0.5), (10**9, 0.01), (7, 1.0)]
    return digest([executions_until(kept, success, SEED) for kept, success in each * 50])


DRAWS = {
    "one shot after the other": (lambda: of_hands(3), "b7c9484db6c89be6"),
    "few counts of every pixel": (lambda: of_hands(20), "1da7b6fef08ff71c"),
    "counts of every pixel": (lambda: of_hands(1000), "e561dab20fee9a21"),
    "many counts of every pixel": (lambda: of_hands(10**9, 2_000), "c1d867282f476433"),
    "different shots": (lambda: of_hands(np.arange(40_000) % 2_000), "59e988230670548e"),
    "different, few shots": (lambda: of_hands(np.arange(40_000) % 5), "3008a759d79d8b8d"),
    "a large law": (
        lambda: digest(drawn(SEED, np.arange(200_000) / 2e10, 10**9)),
        "1eb6894ff80c961c",
    ),
    "a large law, few shots": (
        lambda: digest(drawn(SEED, np.arange(200_000) % 3 / 2e5, 10**5)),
        "9ed7ece954d703b5",
    ),
    "dealt": (dealt, "6a1cec704dbf65ff"),
    "executions": (executions, "463fcf5859ab4dc7"),
}


@pytest.mark.parametrize(("draw", "pinned"), DRAWS.values(), ids=DRAWS)
def test_counts_are_the_same_everywhere(draw, pinned):
    assert draw() == pinned


IMAGE = random_integers((9, 7), 3) + 10
CALLS = {
    "collapse": {"method": qconv.Collapse()},
    "baseline": {"method": qconv.Collapse(baseline=True)},
    "shared": {"method": qconv.Collapse(shared=True)},
    "optimal": {"method": qconv.Collapse(allocation="optimal")},
    "tolerance": {"method": qconv.Collapse(), "tolerance": 3.0},
    "diffusion": {"method": qconv.Diffusion(steps=2)},
    "interference": {"method": qconv.Interference()},
    "magnitudes": {"method": qconv.Interference(signed=False)},
    "fourier": {"method": qconv.Fourier()},
    "amplified": {"method": qconv.Fourier(amplify=2, read_out="root")},
    "estimation": {"method": qconv.AmplitudeEstimation()},
    "powers": {"method": qconv.AmplitudeEstimation(powers=[0, 1, 3])},
    "blocks": {"method": qconv.Blocks(qconv.Interference(), qubits=10)},
    "noise": {
        "method": qconv.Collapse(),
        "backend": AerSimulator(noise_model=READOUT),
        "mitigation": "readout",
    },
}
#: Sums of the image and of the standard errors, and the second pixel of each.
RESULTS = {
    "collapse": [842.7200000000001, -18.826666666666668, 551.9522418279392, 4.79131158104612],
    "baseline": [765.7866666666667, -20.96, 150.4784797090534, 2.672701504720146],
    "shared": [167.3066666666666, -27.946666666666665, 551.9522418279392, 4.79131158104612],
    "optimal": [786.32385437844, -26.63414634146342, 544.4395199588179, 6.480270244289539],
    "tolerance": [785.1869343190881, -20.699738903394262, 188.97665256504143, 2.998476549649664],
    "diffusion": [131083.1746031746, 920.5841269841271, 7932.999702194067, 86.94396014926167],
    "interference": [765.354334412059, -13.99034804839248, 473.41953366809145, 6.181930179531836],
    "magnitudes": [2332.8213331885427, 14.142315205265344, 340.5679677085552, 6.329449709377708],
    "fourier": [751.1582459511901, -22.837185784875956, 370.50340512524775, 5.437901398341837],
    "amplified": [773.9904978738773, -18.41965071021177, 282.66636305014885, 4.4097489231311995],
    "estimation": [796.4911576501173, -19.08795057391742, 14.305336352686721, 0.23522312160855377],
    "powers": [792.672546720642, -20.730396516572547, 75.29242446860728, 1.0920337657044472],
    "blocks": [777.1773607252014, -43.331256603601766, 732.8056444014798, 10.917293599135599],
    "noise": [700.4810951282329, -14.418683075278501, 611.3877247716321, 5.173051083796926],
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_the_same_everywhere(name):
    kernel = np.abs(EDGE) if name == "diffusion" else EDGE
    shots = {} if "tolerance" in CALLS[name] else {"shots": 300}
    how = shots | CALLS[name]
    result = qconv.convolve(IMAGE, kernel, seed=7, mode="same", **how)
    found = [f(a) for a in (result.image, result.stderr) for f in (np.sum, lambda a: a[0, 1])]
    np.testing.assert_allclose(found, RESULTS[name], rtol=1e-12)


class TestDifferentShots:
    """Conditional binomial draws have the distribution of a multinomial draw."""

    def test_distribution(self):
        shots = np.arange(1, 20_001) % 7
        counts = multinomial_each(random_state(SEED), shots, PROBABILITIES)
        assert (counts.sum(axis=1) == shots).all()
        assert_distribution(counts.sum(axis=0), PROBABILITIES)
        pairs = counts[shots == 2]
        twice = [int((pairs[:, j] == 2).sum()) for j in range(len(PROBABILITIES))]
        assert_distribution(
            [*twice, len(pairs) - sum(twice)], [*PROBABILITIES**2, 1 - np.sum(PROBABILITIES**2)]
        )

    def test_like_numpy(self):
        shots = np.full(20_000, 50)
        own = multinomial_each(random_state(SEED), shots, PROBABILITIES)
        numpy = np.random.default_rng(8).multinomial(50, PROBABILITIES, size=20_000)
        for outcome in (0, 3, 6):
            one, other = (np.bincount(c[:, outcome], minlength=51) for c in (own, numpy))
            assert_same_distribution(one, other)

    def test_impossible_outcomes_and_no_shots(self):
        p = np.array([0, 0.5, 0, 0.5, 0])
        counts = multinomial_each(random_state(SEED), np.array([0, 1, 1000]), p)
        assert counts.sum(axis=1).tolist() == [0, 1, 1000]
        assert not counts[:, p == 0].any()

    def test_impossible_outcomes_use_no_randomness(self):
        p = np.array([0, 0.25, 0, 0.75, 0])
        one = multinomial(random_state(SEED), 1000, p)
        other = multinomial(random_state(SEED), 1000, p[p > 0])
        assert one[p > 0].tolist() == other.tolist()
        assert not one[p == 0].any()
