"""One angle from damped powers: errors against their standard errors, for several noises.

Run with ``python tests/benchmarks/test_damped.py RUNS``.
"""

import sys

import numpy as np
import pytest

from tests.estimation.test_damped import study

#: ``alpha``, ``mu``, ``v`` and the excess.
NOISES = [
    (0.0, 0.0, 0.5, 0.0),
    (0.01, 0.02, 0.5, 0.0),
    (0.08, 0.1, 0.45, 0.05),
    (0.2, 0.3, 0.5, 0.0),
    (0.3, 0.3, 0.6, 0.1),
]
CALLS = (1000, 10_000)


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_intervals(noise):
    """The mean of z^2 over 60 runs has a standard deviation of 0.18."""
    errors, stderr, reliable = study(60, 3000, noise, seed=1)
    z = (errors / stderr)[reliable > 0]
    assert np.mean(z**2) < 1.1 + 4 * 0.18
    assert np.abs(z).max() < 6


if __name__ == "__main__":
    print("alpha, mu, v, excess      calls   z^2    coverage  furthest  reliable  RMSE     sampled")
    for noise in NOISES:
        for calls in CALLS:
            errors, stderr, reliable = study(int(sys.argv[1]), calls, noise, seed=1)
            z = errors / stderr
            sampled = np.sqrt(1 / 6 / calls)  # mean of p (1 - p)
            inside, rmse = np.mean(np.abs(z) < 1.96), np.sqrt(np.mean(errors**2))
            print(
                f"{noise!s:<25} {calls:<7,} {np.mean(z**2):<6.2f} {inside:<9.3f} "
                f"{np.abs(z).max():<9.1f} {reliable.mean():<9.2f} {rmse:<8.4f} {sampled:.4f}",
                flush=True,
            )
