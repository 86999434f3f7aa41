"""Published estimations of one amplitude, as classical simulations of their outcomes.

Each function is written from the paper that it names. Circuits are replaced by binomial draws with
the success probabilities of the circuits. A circuit of the Grover power ``m`` counts as ``2 m + 1``
oracle calls, also if the paper counts differently. All functions estimate the probability ``p``.
Their docstrings state whether the accuracy refers to ``p`` or to ``sqrt(p)``. They return the
estimate, its standard error (None if the paper states neither an error nor an interval), and the
number of oracle calls. The standard error of an interval of 95 % is half of its width, divided by
1.96.
"""

import math

import numpy as np
from scipy.linalg import matmul_toeplitz
from scipy.special import betaincinv, digamma, polygamma

#: Probability that an interval misses the true value, for all peers that state an interval.
MISSES = 0.05

_NORMAL = 1.96  # half-width of a 95 % interval, in standard errors


def _beta_interval(successes, failures, misses):
    """Return the ends of the central interval of a beta distribution; exact for counts of 0."""
    low = betaincinv(successes[0], failures[0], misses / 2) if successes[0] > 0 else 0.0
    high = betaincinv(successes[1], failures[1], 1 - misses / 2) if failures[1] > 0 else 1.0
    return low, high


def _clopper_pearson(hits, shots, misses):
    """Exact interval of a probability (Clopper and Pearson 1934)."""
    rest = shots - hits
    return _beta_interval((hits, hits + 1), (rest + 1, rest), misses)


def _next_power(low, high, factor):
    """Return the largest ``2 m + 1`` with all angles on one branch, if at least ``2 factor``.

    The squared sine of ``f t`` is monotonic between multiples of a quarter turn.
    """
    wanted = int(math.pi / 2 / (high - low))
    wanted -= 1 - wanted % 2
    while wanted >= 2 * factor:
        quarter = math.pi / 2 / wanted
        if low // quarter == high // quarter or high / quarter == low // quarter + 1:
            return wanted
        wanted -= 2
    return factor


def _angles(chances, factor, low):
    """Return the angles whose ``sin(f t)**2`` are ``chances``, on the branch that holds ``low``."""
    branch = int(low * factor / (math.pi / 2) + 1e-9)
    turned = np.arcsin(np.sqrt(np.clip(chances, 0, 1)))
    turned = turned if branch % 2 == 0 else math.pi / 2 - turned
    return np.sort((branch * math.pi / 2 + turned) / factor)


def iterative(p, accuracy, rng, shots=100):
    """IQAE: Grinko, Gacon, Zoufal and Woerner, npj Quantum Information 7, 52 (2021), algorithm 1.

    Intervals by Clopper and Pearson, 100 shots per round. The accuracy refers to p.
    """
    rounds = math.ceil(math.log2(math.pi / (8 * accuracy))) + 1
    truth = math.asin(math.sqrt(p))
    low, high, factor, calls, hits, measured = 0.0, math.pi / 2, 1, 0, 0, 0
    while math.sin(high) ** 2 - math.sin(low) ** 2 > 2 * accuracy:
        following = _next_power(low, high, factor)
        if following != factor:
            factor, hits, measured = following, 0, 0
        hits += rng.binomial(shots, math.sin(factor * truth) ** 2)
        measured, calls = measured + shots, calls + factor * shots
        interval = _clopper_pearson(hits, measured, MISSES / rounds)
        low, high = _angles(interval, factor, low)
    ends = math.sin(low) ** 2, math.sin(high) ** 2
    return sum(ends) / 2, (ends[1] - ends[0]) / 2 / _NORMAL, calls


def bayesian_iterative(p, accuracy, rng, shots=10):
    """BIQAE: Li, Vidwans, Wang and Soley, arXiv:2507.23074, with beta distributions.

    IQAE with the posterior of one power as the prior of the next one. The posterior of a power is a
    beta distribution. Its quantiles are transformed to the next power. The maximum-likelihood beta
    distribution of the results is the new prior. The accuracy refers to p.
    """
    rounds = math.ceil(math.log2(math.pi / (8 * accuracy))) + 1
    truth = math.asin(math.sqrt(p))
    low, high, factor, calls = 0.0, math.pi / 2, 1, 0
    a, b = 0.5, 0.5
    places = (np.arange(200) + 0.5) / 200
    while math.sin(high) ** 2 - math.sin(low) ** 2 > 2 * accuracy:
        following = _next_power(low, high, factor)
        if following != factor:
            angles = _angles(betaincinv(a, b, places), factor, low)
            factor = following
            a, b = _beta_like(np.sin(factor * angles) ** 2)
        hits = rng.binomial(shots, math.sin(factor * truth) ** 2)
        a, b, calls = a + hits, b + shots - hits, calls + factor * shots
        low, high = _angles(_beta_interval((a, a), (b, b), MISSES / rounds), factor, low)
    ends = math.sin(low) ** 2, math.sin(high) ** 2
    return sum(ends) / 2, (ends[1] - ends[0]) / 2 / _NORMAL, calls


def _beta_like(samples):
    """Return the maximum-likelihood beta distribution of samples, by Newton's method."""
    samples = np.clip(samples, 1e-12, 1 - 1e-12)
    mean, variance = samples.mean(), samples.var()
    found = (mean * (1 - mean) / variance - 1) * np.array([mean, 1 - mean])
    logs = np.array([np.log(samples).mean(), np.log1p(-samples).mean()])
    for _ in range(20):
        slope = digamma(found.sum()) - digamma(found) + logs
        step = np.linalg.solve(polygamma(1, found.sum()) - np.diag(polygamma(1, found)), -slope)
        found = np.where(found + step > 0, found + step, found / 2)
    return found


def chebyshev(p, accuracy, rng, shots=100, early=8.0):
    """ChebAE: Rall and Fuller, Quantum 7, 937 (2023), section 3.

    The outcome probability is the square of a Chebyshev polynomial of ``sqrt(p)``, of any degree; a
    degree is its number of oracle calls. A new degree is at least twice the old one. Single shots
    replace batches of 100 when the accuracy is nearly reached. The accuracy refers to the root.
    """
    rounds = max(1, math.ceil(math.log2(1 / (2 * accuracy))))
    misses = MISSES / rounds
    widest = np.diff(_clopper_pearson(shots // 2, shots, misses))[0] / 2
    truth = math.acos(math.sqrt(p))
    low, high, degree, calls, hits, measured = 0.0, math.pi / 2, 1, 0, 0, 0
    while math.cos(low) - math.cos(high) > 2 * accuracy:
        following = int(math.pi / 2 / (high - low)) if high > low else degree
        while following >= 2 * degree:
            if int(2 * following * low / math.pi) == int(2 * following * high / math.pi):
                degree, hits, measured = following, 0, 0
                break
            following -= 1
        rise = abs(math.cos(degree * high) ** 2 - math.cos(degree * low) ** 2)
        near = widest * (math.cos(low) - math.cos(high)) < early * accuracy * rise
        batch = 1 if near else shots
        hits += rng.binomial(batch, math.cos(degree * truth) ** 2)
        measured, calls = measured + batch, calls + degree * batch
        ends = 1 - np.array(_clopper_pearson(hits, measured, misses))
        branch = int(2 * degree * low / math.pi + 1e-9)
        first, last = _angles(ends, degree, (branch + 0.5) * math.pi / 2 / degree)
        low, high = max(low, first), min(high, last)
        if low >= high:  # the intervals contradict each other: the requested accuracy is stated
            low = high = (low + high) / 2
    ends = math.cos(high), math.cos(low)
    middle, half = (ends[0] + ends[1]) / 2, max((ends[1] - ends[0]) / 2, accuracy)
    return middle**2, 2 * middle * half / _NORMAL, calls


def maximum_likelihood(p, calls, rng, shots=100):
    """MLAE: Suzuki et al., Quantum Information Processing 19, 75 (2020).

    Powers 0, 1, 2, 4, ..., each with the same number of shots, 100 or what the calls allow. The
    standard error follows from the Fisher information. The likelihood is a function of p.
    """
    factors = [1, 3]
    while shots * sum([*factors, 2 * (factors[-1] - 1) + 1]) <= calls:
        factors.append(2 * (factors[-1] - 1) + 1)
    factors = np.array(factors)
    shots = calls // factors.sum()
    truth = math.asin(math.sqrt(p))
    hits = rng.binomial(shots, np.sin(factors * truth) ** 2)

    def likeliest(angles):
        chances = np.clip(np.sin(np.outer(factors, angles)) ** 2, 1e-15, 1 - 1e-15)
        return angles[np.argmax(hits @ np.log(chances) + (shots - hits) @ np.log1p(-chances))]

    step = math.pi / 2 / (40 * factors[-1])
    angle = likeliest(np.arange(step / 2, math.pi / 2, step))
    angle = likeliest(np.linspace(max(angle - step, 0), min(angle + step, math.pi / 2), 201))
    deviation = 1 / math.sqrt(4 * shots * (factors.astype(float) ** 2).sum())
    stderr = math.hypot(math.sin(2 * angle) * deviation, math.cos(2 * angle) * deviation**2)
    return math.sin(angle) ** 2, stderr, int(shots * factors.sum())


def signal_processing(p, calls, rng, scale=3.5, tried=8):
    """CSAE: Labib, Clader, Stamatopoulos and Zeng, arXiv:2405.14697.

    The shots of the powers 0, 1, 2, 4, ... decrease linearly with the index of the power; power 0
    has twice as many. ``exp(2 i f t)`` is known up to the sign of its imaginary part. Products of
    the measured powers give the signal of an array of sensors; the angle is the direction of the
    wave, by ESPRIT. The signs are taken from the most likely angles. Among the resulting
    directions, the most likely is the estimate. The accuracy refers to the root; no error is
    stated. ``scale`` is the best one of 1.5, 2.5, 3.5, 5 and 8. The authors count a Grover
    iteration as one query, which is two oracle calls.
    """
    number = 2
    while (_signal_shots(number + 1, scale) * _signal_factors(number + 1)).sum() <= calls:
        number += 1
    factors = _signal_factors(number)
    shots = _signal_shots(number, scale)
    shots = (shots * (calls / (shots * factors).sum())).astype(int)
    truth = math.asin(math.sqrt(p))
    hits = rng.binomial(shots, np.sin(factors * truth) ** 2)

    def likelihood(angles):
        chances = np.clip(np.sin(np.outer(factors, angles)) ** 2, 1e-15, 1 - 1e-15)
        return hits @ np.log(chances) + (shots - hits) @ np.log1p(-chances)

    grid = (np.arange(8 * factors[-1]) + 0.5) / (8 * factors[-1]) * math.pi / 2
    candidates, seen = [], set()
    for angle in grid[np.argsort(-likelihood(grid))]:
        signs = tuple(np.sign(np.sin(2 * factors * angle)))
        if signs not in seen:
            seen.add(signs)
            candidates.append(_direction(factors, 1 - 2 * hits / shots, np.array(signs)))
        if len(seen) == tried:
            break
    candidates = np.array(candidates)
    angle = candidates[np.argmax(likelihood(candidates))]
    return math.sin(angle) ** 2, None, int((shots * factors).sum())


def _signal_factors(number):
    """Factors ``2 m + 1`` of the powers 0, 1, 2, 4 and so on."""
    return 2 * np.concatenate(([0], 2 ** np.arange(number - 1))) + 1


def _signal_shots(number, scale):
    """Shots of each power."""
    shots = np.ceil(scale * (number - np.arange(number)))
    shots[0] *= 2
    return shots


def _direction(factors, cosines, signs):
    """Return the angle by ESPRIT, from the cosines and the signs of the sines of ``2 f t``."""
    signal = cosines + 1j * signs * np.sqrt(np.maximum(1 - cosines**2, 0))
    waves = {int(power): value for power, value in zip(factors // 2, signal, strict=True)}
    # Differences of powers, then their sums: a wave exp(4 i m t) at all m up to the largest power.
    reached = {0: 1.0 + 0j}
    for power, value in sorted(waves.items()):
        step = value * np.conj(waves[0])
        reached |= {
            place + power: wave * step
            for place, wave in reached.items()
            if place + power not in reached
        }
    column = np.array([reached[place] for place in range(len(reached))])
    vector = column / np.linalg.norm(column)
    for _ in range(30):  # the largest eigenvector of the covariance of the array
        vector = matmul_toeplitz((column, column.conj()), vector)
        vector /= np.linalg.norm(vector)
    turn = np.angle(np.vdot(vector[:-1], vector[1:]))  # 4 t, up to whole turns
    angles = (turn + 2 * math.pi * np.arange(-1, 3)) / 4
    inside = angles[(angles >= -0.1) & (angles <= math.pi / 2 + 0.1)]
    fit = np.cos(2 * np.outer(inside, factors)) @ cosines
    return float(np.clip(inside[np.argmax(fit)], 0, math.pi / 2))
