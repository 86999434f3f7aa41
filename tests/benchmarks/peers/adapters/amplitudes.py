"""Estimations of one amplitude, from their papers (in `published_amplitudes`) and of qconv."""

import numpy as np

from qconv.estimation.amplitude import adaptive, by_schedule
from tests.benchmarks.peers import published_amplitudes as published
from tests.benchmarks.peers.peer import Peer


def _own(how):
    def estimated(p, calls, seed):
        parts = [_block(how, part, calls, [seed, n]) for n, part in enumerate(_blocks(p))]
        return np.concatenate(parts, axis=1)

    return estimated


def _blocks(p):
    """Split runs into blocks that fit in memory."""
    return np.split(p, range(1000, len(p), 1000))


def _block(how, p, calls, seed):
    rng, angles, used = np.random.default_rng(seed), np.arcsin(np.sqrt(p)), np.zeros(len(p))

    def measure(powers, shots):
        used[:] += (2 * powers + 1) * shots
        return rng.binomial(shots, np.sin((2 * powers + 1) * angles) ** 2)

    return np.array([*how(measure, len(p), calls).estimate(), used])


def _runs(function, p, request, seed):
    rng = np.random.default_rng(seed)
    return np.array([function(one, request, rng) for one in p], dtype=float).T


def _by_calls(function):
    return lambda p, calls, seed: _runs(function, p, calls, seed)


def _by_accuracy(function):
    def estimated(p, calls, seed):
        accuracy = 5 / calls
        for _ in range(4):  # accuracy that needs this number of calls on average
            accuracy *= _runs(function, p[:300], accuracy, 1)[2].mean() / calls
        return _runs(function, p, accuracy, seed)

    return estimated


def _peer(name, source, function):
    return Peer(name, f"{source}, from the paper; outcomes drawn", {"amplitude": function})


PEERS = [
    Peer("qconv, adaptive", "this package", {"amplitude": _own(adaptive)}, kind="own"),
    Peer("qconv, fixed schedule", "this package", {"amplitude": _own(by_schedule)}, kind="own"),
    _peer("IQAE", "npj Quantum Information 7, 52 (2021)", _by_accuracy(published.iterative)),
    _peer("BIQAE", "arXiv:2507.23074", _by_accuracy(published.bayesian_iterative)),
    _peer("ChebAE", "Quantum 7, 937 (2023)", _by_accuracy(published.chebyshev)),
    _peer("MLAE", "arXiv:1904.10246", _by_calls(published.maximum_likelihood)),
    _peer("CSAE", "arXiv:2405.14697", _by_calls(published.signal_processing)),
]
