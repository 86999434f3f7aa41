"""One amplitude: the package's estimations beside published ones, in one run.

Run with ``python tests/benchmarks/test_peers.py RUNS``. The suite runs fewer.
"""

import sys

import pytest

from tests.benchmarks.peers.adapters.amplitudes import PEERS
from tests.benchmarks.peers.jobs.one_amplitude import run

CALLS = (300, 1000, 3000, 10_000, 30_000)


@pytest.mark.parametrize("calls", [1000, 10_000])
def test_better_than_peers(calls):
    found = {peer.name: run(peer.jobs["amplitude"], "amplitude", [calls], 500)[0] for peer in PEERS}
    assert all(0.9 * calls < row["calls"] < 1.1 * calls for row in found.values())
    products = {name: row["product"] for name, row in found.items()}
    adaptive, schedule = (products.pop(peer.name) for peer in PEERS if peer.kind == "own")
    assert adaptive < min(products.values())
    products.pop("BIQAE")  # adaptive; as accurate as the fixed schedule, apart from gross errors
    assert schedule < min(products.values())
    assert all(found[peer.name]["furthest"] < 8 for peer in PEERS if peer.kind == "own")


if __name__ == "__main__":
    print("calls    estimation             RMSE x calls  95 % x calls  root: 95 %  furthest")
    for calls in CALLS:
        for peer in PEERS:
            row = run(peer.jobs["amplitude"], "amplitude", [calls], int(sys.argv[1]))[0]
            print(
                f"{row['calls']:<8,.0f} {peer.name:<22} {row['product']:<13.2f} "
                f"{row['most']:<13.1f} {row['root_most']:<11.1f} "
                f"{row.get('furthest', float('nan')):.1f}",
                flush=True,
            )
