"""Jobs: what all peers do with the same input.

A file declares `NAME`, `TEXT` (what is done and how), `CASES`, `COLUMNS` and `run`.
"""

from tests.benchmarks.peers.jobs import filters, layer, loading, one_amplitude, published

JOBS = [filters, loading, layer, one_amplitude, published]
