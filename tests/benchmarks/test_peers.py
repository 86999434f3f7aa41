"""One amplitude: the package's estimations beside published ones, in one run.

Run with ``python tests/benchmarks/test_peers.py RUNS``. The suite runs fewer.
"""

import sys

import numpy as np
import pytest

from qconv.estimation.amplitude import adaptive, by_schedule
from tests.benchmarks import peers

CALLS = (300, 1000, 3000, 10_000, 30_000)

#: The package's estimations.
OWN = {"adaptive": adaptive, "schedule": by_schedule}

#: Peers that take a number of calls, and peers that take an accuracy: their functions, and the
#: number that their accuracy stands for.
BY_CALLS = {"MLAE": (peers.maximum_likelihood, "p"), "CSAE": (peers.signal_processing, "root")}
BY_ACCURACY = {
    "IQAE": (peers.iterative, "p"),
    "BIQAE": (peers.bayesian_iterative, "p"),
    "ChebAE": (peers.chebyshev, "root"),
}


def own(how, p, calls, seed):
    """Estimate all probabilities; return estimates, standard errors and calls."""
    rng, angles, used = np.random.default_rng(seed), np.arcsin(np.sqrt(p)), np.zeros(len(p))

    def measure(powers, shots):
        used[:] += (2 * powers + 1) * shots
        return rng.binomial(shots, np.sin((2 * powers + 1) * angles) ** 2)

    return *how(measure, len(p), calls).estimate(), used


def peer(function, p, request, seed):
    """Estimate all probabilities; return estimates, standard errors (or nan) and calls."""
    rng = np.random.default_rng(seed)
    return np.array([function(one, request, rng) for one in p], dtype=float).T


def accuracy_for(function, p, calls):
    """Return the accuracy at which a peer needs a number of calls on average."""
    accuracy = 5 / calls
    for _ in range(4):
        accuracy *= peer(function, p[:300], accuracy, 1)[2].mean() / calls
    return accuracy


def rows(runs, calls):
    """Yield name, accuracy, estimates, standard errors and calls of all estimations."""
    p = np.random.default_rng(calls).random(runs)
    for name, how in OWN.items():
        blocks = [own(how, part, calls, [calls, n]) for n, part in enumerate(_blocks(p))]
        yield name, "p", p, *np.concatenate(blocks, axis=1)
    for name, (function, kind) in BY_CALLS.items():
        yield name, kind, p, *peer(function, p, calls, calls)
    for name, (function, kind) in BY_ACCURACY.items():
        yield name, kind, p, *peer(function, p, accuracy_for(function, p, calls), calls)


def _blocks(p):
    """Split runs into blocks that fit in memory."""
    return np.split(p, range(1000, len(p), 1000))


def figures(p, found, stderr, used):
    """Return calls, RMSE x calls, 95 % error x calls, that of the root, and furthest run."""
    calls, error = used.mean(), np.abs(found - p)
    root = np.abs(np.sqrt(np.clip(found, 0, 1)) - np.sqrt(p))
    most = [np.quantile(each, 0.95) * calls for each in (error, root)]
    return calls, np.sqrt(np.mean(error**2)) * calls, *most, (error / stderr).max()


@pytest.mark.parametrize("calls", [1000, 10_000])
def test_better_than_peers(calls):
    found = {name: figures(*rest) for name, _, *rest in rows(500, calls)}
    products = {name: product for name, (_, product, *_) in found.items()}
    assert all(0.9 * calls < used < 1.1 * calls for used, *_ in found.values())
    published = {name: product for name, product in products.items() if name not in OWN}
    assert products["adaptive"] < min(published.values())
    published.pop("BIQAE")  # adaptive; as accurate as the fixed schedule, apart from gross errors
    assert products["schedule"] < min(published.values())
    assert all(found[name][-1] < 8 for name in OWN)


if __name__ == "__main__":
    print("estimation  accuracy of  calls    RMSE x calls  95 % x calls  root: 95 %  furthest")
    for calls in CALLS:
        for name, kind, *rest in rows(int(sys.argv[1]), calls):
            used, product, most, root, furthest = figures(*rest)
            print(
                f"{name:<11} {kind:<12} {used:<8,.0f} {product:<13.2f} {most:<13.1f} "
                f"{root:<11.1f} {furthest:.1f}",
                flush=True,
            )
