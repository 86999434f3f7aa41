"""Jobs: what all peers do with the same input.

A file declares `NAME`, `TEXT` (what is done and how), `CASES`, `COLUMNS` and `run`.
"""

from tests.benchmarks.peers.jobs import filters, one_amplitude

JOBS = [filters, one_amplitude]
