"""Numbers and texts of results: errors of roots, weights in sums, shots in words."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

#: Mean square error that is stated for the root of a count of 0, 1, 2 and so on.
#:
#: The error of a root is not 1/2 where few shots are expected: it is 0.67, 0.64, 0.59 and 0.56 for
#: means of 1, 2, 3 and 4, its bias included. These numbers, found by linear programming, have the
#: right mean under Poisson's law: within 1 % of the mean square error for every mean from 1 on, and
#: above it for smaller ones, where no number for a count of 0 can be right for all.
_ROOT_ERRORS = (0.3633, 0.6121, 0.431, 0.25, 0.25, 0.2612, 0.2723, 0.2835, 0.2771, 0.2707)


def root_error(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square error that is stated for the roots of counts; 1/4 if they are large.

    Args:
        counts: Whole numbers as floats, any shape.
    """
    large = np.maximum(counts, len(_ROOT_ERRORS))
    square = 0.25 + 7 / (64 * large) - 0.1498 / large**2
    few = counts < len(_ROOT_ERRORS)
    square[few] = np.array(_ROOT_ERRORS)[counts[few].astype(np.intp)]
    return square


def root_mean_square(numbers: NDArray[np.float64]) -> float:
    """Of numbers of any scale; 0 of none."""
    largest = float(np.abs(numbers).max(initial=0))  # so that no square over- or underflows
    return largest * float(np.sqrt(np.mean(np.square(numbers / largest)))) if largest else 0.0


def in_words(shots: int | NDArray[np.int64] | None) -> str:
    """Shots of every pixel in a few words."""
    if shots is None:
        return "exact expectation"
    if isinstance(shots, np.ndarray):
        return f"{shots.min(initial=0):,} to {shots.max(initial=0):,}"
    return f"{shots:,}"


def contents(circuit: QuantumCircuit) -> bytes:
    """Digest of a circuit's registers, gates and numbers; Qiskit would compare them one by one."""
    digest = hashlib.blake2b(repr(circuit.qregs).encode(), digest_size=16)
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    for item in circuit:
        digest.update(repr((item.name, [index[qubit] for qubit in item.qubits])).encode())
        for part in [item.params] if len(item.params) > 3 else item.params:
            digest.update(np.asarray(part).astype(np.complex128).tobytes())
    return digest.digest()


def shares(one: Any, other: Any) -> tuple[Any, Any]:
    """Return the weights of two results in their sum, in proportion to shots or the like.

    Args:
        one: Shots of the first result: one number, or an array of those of each pixel.
        other: Shots of the second result.
    """
    nothing = 0.5 * (one + other == 0)  # nothing varies without shots
    total = np.where(one + other == 0, 1, one + other)
    return one / total + nothing, other / total + nothing
