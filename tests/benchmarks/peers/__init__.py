"""Peers: all methods on the same picture, kernel and number of executions, by one command.

    python3.12 -m venv .venv-peers
    .venv-peers/bin/pip install -r tests/benchmarks/peers/requirements.txt
    OMP_NUM_THREADS=1 .venv-peers/bin/python -m tests.benchmarks.peers

A peer is a file in `adapters`, a job is a file in `jobs`. Each pair runs in a separate process with
a time limit. The command writes tables, JSON and figures, and the page of the documentation.
"""
