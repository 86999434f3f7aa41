"""One amplitude: error times calls, standard errors and the largest deviation, for many runs.

Run with ``python tests/benchmarks/test_amplitude.py RUNS``; 100,000 runs take hours on two cores.
"""

import sys

import numpy as np
import pytest

from qconv.estimation.amplitude import adaptive, by_schedule
from tests.estimation.test_amplitude import study

#: Estimation, goal for RMSE times calls, and number of runs in the benchmark suite.
_GOALS = ((by_schedule, 3.3, 20_000), (adaptive, 2.4, 2000))
_CALLS = (300, 1000, 3000, 10_000, 30_000)


def _row(how, runs, calls):
    """Estimate in blocks of runs that fit in memory."""
    squares, scores = [], []
    for number, start in enumerate(range(0, runs, 2000)):
        size = min(2000, runs - start)
        product, z = study(how, size, calls, seed=[calls, number])
        squares.append(size * product**2)
        scores.append(z)
    z = np.concatenate(scores)
    return np.sqrt(sum(squares) / runs), np.mean(z**2), np.mean(np.abs(z) < 1.96), np.abs(z).max()


@pytest.mark.parametrize(("how", "goal", "runs"), _GOALS)
@pytest.mark.parametrize("calls", [1000, 10_000])
def test_amplitude(how, goal, runs, calls):
    product, squares, coverage, furthest = _row(how, runs, calls)
    assert product < goal * 1.05
    assert 0.75 < squares < 1.1
    assert 0.94 < coverage < 0.975
    assert furthest < 8


if __name__ == "__main__":
    print("estimation   calls     RMSE x calls   mean of z^2   coverage   furthest")
    for how, _, _ in _GOALS:
        for calls in _CALLS:
            product, squares, coverage, furthest = _row(how, int(sys.argv[1]), calls)
            print(
                f"{how.__name__:<12} {calls:<9,} {product:<14.2f} {squares:<13.3f} "
                f"{coverage:<10.4f} {furthest:.1f}",
                flush=True,
            )
