"""Fraction of templates found: parts of photographs, every coin, excerpts of a melody; tables.

    python -m pytest tests/benchmarks/test_matching.py -s

A coin is found if its position is right, exactly or within one pixel along both axes. An excerpt is
found if its position is right within two samples. A part of a photograph is found if its position
is right within one pixel, or if the answer is as similar as the right position. Certainties are
printed beside the fraction of right answers. About a quarter of an hour.

Photographs have 256 x 256 grey levels from 0 to 255: ``camera`` is averaged over 2 x 2 pixels,
``chelsea`` (by ``rgb2gray``) and ``coins`` are resized by ``skimage.transform.resize`` with
``anti_aliasing=True``. Parts of photographs are squares at random positions; constant parts are
drawn again.
"""

import numpy as np
import pytest
from skimage import color, data, transform

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
SIDES = (8, 12, 16, 24, 32, 48)
CUTS, SURE_CUTS, ABSENT = 24, 40, 200
SAME = 1e-9


@pytest.fixture(scope="module")
def photographs(camera, coins):
    greys = {"chelsea": color.rgb2gray(data.chelsea()), "coins": coins / 255}
    resized = {
        name: 255 * transform.resize(grey, (256, 256), anti_aliasing=True)
        for name, grey in greys.items()
    }
    return {"camera": camera, **resized}


def cut(photograph, sides, rng):
    """Return a part that is not constant, and its random position."""
    while True:
        place = tuple(
            int(rng.integers(n - h + 1)) for n, h in zip(photograph.shape, sides, strict=True)
        )
        part = photograph[tuple(slice(p, p + h) for p, h in zip(place, sides, strict=True))]
        if np.ptp(part):
            return part, place


def similarity(image, template, place):
    """Return the normalised correlation at a position."""
    part = image[tuple(slice(p, p + h) for p, h in zip(place, template.shape, strict=True))]
    return float(np.corrcoef(part.ravel(), template.ravel())[0, 1])


def judged(image, template, place, seed):
    """Return the match, whether its position is right, and whether it is similar enough."""
    match = qconv.match_template(image, template, shots=SHOTS, seed=seed)
    near = np.abs(np.subtract(match.position, place)).max() <= 1
    return match, near, match.similarity >= similarity(image, template, place) - SAME


def test_exact_copies(photographs):
    """Goal: all templates of 12 x 12 and larger, and 70 % of those of 8 x 8, are found."""
    print(f"\n{CUTS} cuts without noise, {SHOTS:,} shots: found (goal: all; of 8 x 8, 70 %)")
    print("side   " + "".join(f"{name:>12}" for name in photographs))
    missed = {}
    for side in SIDES:
        row = ""
        for number, (name, photograph) in enumerate(photographs.items()):
            rng = np.random.default_rng([side, number])
            found = 0
            for seed in range(CUTS):
                template, place = cut(photograph, (side, side), rng)
                _, near, alike = judged(photograph, template, place, seed)
                found += near or alike
            row += f"{found:6} of {CUTS}"
            missed[side, name] = 1 - found / CUTS
        print(f"{side:<7}{row}")
    assert all(part <= (0.3 if side == 8 else 0) for (side, _), part in missed.items())


def test_sure_answers(photographs):
    """Goal: in every picture, at most 5 % of the answers with certainty above 0.95 are wrong."""
    print(f"\n{SURE_CUTS} cuts at each noise, {SHOTS:,} shots")
    print("picture    side  noise   right place   not less similar   > 95 % sure   of these wrong")
    for number, (name, photograph) in enumerate(photographs.items()):
        for side in SIDES:
            sure, wrong = 0, 0
            for noise in (0, 10, 20, 40):
                rng = np.random.default_rng([side, number, noise, 1])
                trials = []
                for seed in range(SURE_CUTS):
                    template, place = cut(photograph, (side, side), rng)
                    seen = photograph + noise * rng.normal(size=photograph.shape)
                    match, near, alike = judged(seen, template, place, seed)
                    trials.append((near, near or alike, match.certainty > 0.95))
                near, fine, certain = np.array(trials).T
                print(
                    f"{name:<11}{side:4}{noise:7}{near.sum():14}{fine.sum():19}{certain.sum():14}"
                    f"{np.sum(certain & ~fine):17}"
                )
                sure, wrong = sure + certain.sum(), wrong + np.sum(certain & ~fine)
            assert sure < 40 or wrong <= 0.05 * sure


def test_absent_templates(photographs, coins, boxes):
    """Goal: 95 % of templates from elsewhere are less similar than every coin in the picture."""
    print(f"\n{ABSENT} templates of 56 x 56 from the other photographs, in that of the coins")
    print(
        "noise   coins: least similarity   absent: median, largest   below every coin (goal 95 %)"
    )
    for noise in COIN_GOALS:
        rng = np.random.default_rng([noise, 2])
        seen = coins + noise * rng.normal(size=coins.shape)
        present = [
            judged(seen, coins[box], [side.start for side in box], seed)
            for seed, box in enumerate(boxes)
        ]
        true = min(match.similarity for match, near, _ in present if near)
        assert all(near for _, near, _ in present) or noise
        others = [photographs[name] for name in ("camera", "chelsea")]
        absent = np.array(
            [
                qconv.match_template(
                    seen, cut(others[seed % 2], (56, 56), rng)[0], shots=SHOTS, seed=seed
                ).similarity
                for seed in range(ABSENT)
            ]
        )
        share = np.mean(absent < true)
        print(
            f"{noise:<8}{true:24.3f}{np.median(absent):20.3f}, {absent.max():.3f}"
            f"{100 * share:25.1f} %"
        )
        assert share >= 0.95


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
