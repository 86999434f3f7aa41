"""Fit of the ansatz to a target: angles by L-BFGS, places of the CZ gates by exchanges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy  # loads scipy.optimize, which is slow to import, only if it is used

from qconv.circuits._gates import Array
from qconv.circuits.loading.ansatz import Ansatz, Pair, Pairs
from qconv.circuits.loading.metric import natural_steps
from qconv.circuits.loading.overlap import Overlap
from qconv.circuits.loading.placement import with_cz, without_cz

_ROUND = 50  # iterations with the same natural coordinates
_SMALLEST_GAIN = 1e-9  # of the overlap in a round, below which a fit ends
_MEMORY = 20  # pairs of steps and gradients that L-BFGS keeps
_SPREAD = 0.3  # standard deviation of the angles of a start, in radians


def random_start(pairs: Pairs, num_qubits: int, rng: np.random.Generator) -> Ansatz:
    """Return an ansatz with small random angles."""
    return Ansatz(pairs, rng.normal(0.0, _SPREAD, num_qubits + 2 * len(pairs)))


def refine(ansatz: Ansatz, target: Array, iterations: int) -> tuple[Ansatz, float]:
    """Increase the overlap with a target by L-BFGS.

    Args:
        ansatz: Start.
        target: Amplitudes of norm 1.
        iterations: Maximum number of iterations.

    Returns:
        The ansatz with other angles, and its overlap.
    """
    identity = np.eye(len(ansatz.angles))
    return _maximised(Overlap(ansatz.pairs, target), ansatz, identity, iterations)


def polish(ansatz: Ansatz, target: Array, rounds: int) -> tuple[Ansatz, float]:
    """Increase the overlap with a target by L-BFGS in natural coordinates.

    The last fit of a search converges in fewer iterations in these coordinates.

    Args:
        ansatz: Start.
        target: Amplitudes of norm 1.
        rounds: Maximum number of times that the coordinates are chosen.

    Returns:
        The ansatz with other angles, and its overlap.
    """
    overlap = Overlap(ansatz.pairs, target)
    value, _ = overlap.value_and_gradient(ansatz.angles)
    for _ in range(rounds):
        earlier = value
        ansatz, value = _maximised(overlap, ansatz, natural_steps(ansatz), _ROUND)
        if value - earlier < _SMALLEST_GAIN:
            break
    return ansatz, value


def _maximised(
    overlap: Overlap, ansatz: Ansatz, steps: Array, iterations: int
) -> tuple[Ansatz, float]:
    """Maximise an overlap by L-BFGS, whose coordinates multiply the columns of ``steps``."""

    def angles(coordinates: Array) -> Array:
        moved: Array = ansatz.angles + np.einsum("ij,j->i", steps, coordinates)
        return moved

    def negated(coordinates: Array) -> tuple[float, Array]:
        value, gradient = overlap.value_and_gradient(angles(coordinates))
        return -value, -np.einsum("i,ij->j", gradient, steps)

    options = {
        "maxiter": iterations,
        "maxfun": 2 * iterations,
        "maxcor": _MEMORY,
        "ftol": 1e-14,
        "gtol": 1e-8,
    }
    start = np.zeros_like(ansatz.angles)
    found = scipy.optimize.minimize(negated, start, jac=True, method="L-BFGS-B", options=options)
    return ansatz.with_angles(angles(found.x)), -float(found.fun)


def remove_one(ansatz: Ansatz, target: Array, weight: Callable[[int], Array]) -> Ansatz:
    """Remove the CZ whose removal decreases the overlap the least.

    Args:
        ansatz: Ansatz with at least one CZ.
        target: Amplitudes of norm 1.
        weight: Function that returns as many random factors as its argument states; each factor
            multiplies one loss.
    """
    value, environments = Overlap(ansatz.pairs, target).block_environments(ansatz.angles)
    overlaps, turns = without_cz(environments)
    index = int(np.argmin((value - overlaps) * weight(len(overlaps))))
    return ansatz.removed(index, turns[index])


def insert_one(
    ansatz: Ansatz, target: Array, allowed: Sequence[Pair], weight: Callable[[int], Array]
) -> Ansatz:
    """Insert the CZ that increases the overlap the most.

    Args:
        ansatz: Ansatz.
        target: Amplitudes of norm 1.
        allowed: Pairs of qubits for the new CZ.
        weight: Function that returns as many random factors as its argument states; each factor
            multiplies one gain in overlap.
    """
    overlap = Overlap(ansatz.pairs, target)
    value, _ = overlap.value_and_gradient(ansatz.angles)
    places, environments = overlap.candidates(ansatz.angles, allowed)
    overlaps, before, after = with_cz(environments)
    best = int(np.argmax(np.maximum(overlaps - value, 0.0) * weight(len(overlaps))))
    slot, pair = places[best]
    return ansatz.inserted(slot, pair, before[best], after[best])
