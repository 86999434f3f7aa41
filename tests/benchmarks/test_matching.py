"""How often templates are found: every coin under noise, excerpts of a melody; prints tables.

    python -m pytest tests/benchmarks/test_matching.py -s

A coin is right if its place is, exactly or within a pixel along both axes; an excerpt within two
samples. Certainties are printed beside the part that is right. About six minutes.
"""

import numpy as np

import classical
import qconv
from tests.benchmarks.melody import RATE, minuet

SHOTS = 10_000
COIN_GOALS = {
    0: "100 % within a pixel, 95 % exactly",
    20: "95 % within a pixel",
    40: "90 % within a pixel",
}
SEEDS = range(5)
WIDTHS = (13, 14, 13, 14)


def brightest(scores):
    return np.unravel_index(np.abs(scores).argmax(), scores.shape)


def test_coins(coins, boxes):
    print(f"\n{len(boxes)} coins, {SHOTS:,} shots, {len(SEEDS)} seeds: part that is found")
    print("noise        exactly  within a pixel  map's maximum  mean certainty   goal")
    for noise, goal in COIN_GOALS.items():
        away, maximum, certainty = [], [], []
        for seed in SEEDS:
            seen = coins + noise * np.random.default_rng(seed).normal(size=coins.shape)
            for number, box in enumerate(boxes):
                match = qconv.match_template(
                    seen, coins[box], shots=SHOTS, seed=1000 * seed + number
                )
                away.append(max(abs(p - s.start) for p, s in zip(match.position, box, strict=True)))
                exact = classical.match_template(seen, coins[box])
                maximum.append(match.position == brightest(exact))
                certainty.append(match.certainty)
                assert np.isclose(match.success_probability, 1)
        away = np.array(away)
        shares = [np.mean(part) for part in (away == 0, away <= 1, maximum, certainty)]
        columns = "".join(
            f"{100 * share:{width}.1f} %" for share, width in zip(shares, WIDTHS, strict=True)
        )
        print(f"{noise:<5}{columns}   {goal}")
        assert shares[0] >= {0: 1, 20: 1, 40: 0.99}[noise]


def test_melody():
    count, seeds = 20, range(3)
    print(f"\n{count} excerpts of 1 s in 60 s at {RATE} Hz, 0 dB, {SHOTS:,} shots (goal: all)")
    print("seed   within 2 samples   exact map's maximum   certainty: mean, least")
    for seed in seeds:
        rng = np.random.default_rng(seed)
        recording = minuet(seed)
        heard = recording + rng.normal(0, recording.std(), recording.shape)
        starts = rng.integers(0, len(recording) - RATE, count)
        found, exact, certainty = [], [], []
        for number, start in enumerate(starts):
            excerpt = recording[start : start + RATE]
            match = qconv.match_template(heard, excerpt, shots=SHOTS, seed=1000 * seed + number)
            assert match.circuits[0].num_qubits == 19
            found.append(match.position[0])
            exact.append(brightest(classical.match_template(heard, excerpt))[0])
            certainty.append(match.certainty)
        print(
            f"{seed:<4}{np.sum(np.abs(found - starts) <= 2):12} of {count}"
            f"{np.sum(np.abs(exact - starts) <= 2):16} of {count}"
            f"{100 * np.mean(certainty):17.1f} %, {100 * np.min(certainty):.1f} %"
        )
        assert (np.abs(found - starts) <= 2).all()
