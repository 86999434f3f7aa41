"""qiskit-algorithms: its classes IAE and MLAE, on circuits of one qubit.

The package reports ``k x shots``. Here, a circuit of the Grover power ``k`` counts as ``2 k + 1``
calls. On one qubit, the Grover operator is a rotation by twice the angle.
"""

import math

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from tests.benchmarks.peers.peer import Peer

PART = 10  # estimates 1 in this many probabilities, because it runs whole circuits
SHOTS = 100


def _problem(p):
    from qiskit_algorithms import EstimationProblem

    preparation, reflection = QuantumCircuit(1), QuantumCircuit(1)
    preparation.ry(2 * math.asin(math.sqrt(p)), 0)
    reflection.ry(4 * math.asin(math.sqrt(p)), 0)
    return EstimationProblem(preparation, objective_qubits=[0], grover_operator=reflection)


def _calls_of(powers):
    return SHOTS * sum(2 * power + 1 for power in powers)


def iterative(p, calls, seed):
    """IAE with 100 shots per round, with the accuracy ``44 / calls``."""
    from qiskit_algorithms import IterativeAmplitudeEstimation

    found = []
    for number, one in enumerate(p[: len(p) // PART]):
        sampler = StatevectorSampler(default_shots=SHOTS, seed=seed + number)
        method = IterativeAmplitudeEstimation(44 / calls, 0.05, sampler=sampler)
        result = method.estimate(_problem(one))
        low, high = result.confidence_interval
        found.append((result.estimation, (high - low) / 2 / 1.96, _calls_of(result.powers[1:])))
    return np.array(found).T


def maximum_likelihood(p, calls, seed):
    """MLAE with powers 0, 1, 2, 4, ... and 100 shots each."""
    from qiskit_algorithms import MaximumLikelihoodAmplitudeEstimation

    number = 1
    while _calls_of([0, *(2**j for j in range(number + 1))]) <= calls:
        number += 1
    found = []
    for place, one in enumerate(p[: len(p) // PART]):
        sampler = StatevectorSampler(default_shots=SHOTS, seed=seed + place)
        method = MaximumLikelihoodAmplitudeEstimation(number, sampler=sampler)
        result = method.estimate(_problem(one))
        low, high = method.compute_confidence_interval(result, 0.05, kind="fisher")
        used = _calls_of([0, *(2**j for j in range(number))])
        found.append((result.estimation, (high - low) / 2 / 1.96, used))
    return np.array(found).T


def _peer(name, function):
    source = f"package qiskit-algorithms, {name}; circuits run"
    return Peer(
        f"qiskit-algorithms, {name}",
        source,
        {"amplitude": function},
        "qiskit-algorithms",
        seconds=500,
    )


PEERS = [_peer("IAE", iterative), _peer("MLAE", maximum_likelihood)]
