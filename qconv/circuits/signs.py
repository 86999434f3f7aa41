"""Signs of basis states by phase gates, one per term of a polynomial over the bits."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

_Bits = NDArray[np.uint8]


def sign_flips(signs: NDArray[np.float64], *, controlled: bool = True) -> QuantumCircuit:
    """Multiply basis states by their signs, controlled by a first qubit.

    The signs are ``(-1)**f``, with a polynomial ``f`` of the bits over GF(2). The degree of ``f``
    is the lowest that reproduces all signs that matter. Each product of ``d`` bits becomes one Z
    with ``d`` controls, including the first qubit.

    Args:
        signs: Sign of each basis state, ``2**n`` numbers: negative, positive, or 0 where the sign
            does not matter.
        controlled: False for a circuit without the first qubit, up to a common sign.

    Returns:
        A circuit of ``1 + n`` qubits: the control, then the qubits of the basis states.
    """
    n = (len(signs) - 1).bit_length()
    circuit = QuantumCircuit(controlled + n, name="signs")
    matters = np.flatnonzero(signs)
    wanted = (signs[matters] < 0).astype(np.uint8)
    if not wanted.any():
        return circuit
    for bits in _products(n, matters, wanted):
        qubits = [*range(controlled), *(controlled + bit for bit in bits)]
        if not qubits:
            continue
        if len(qubits) == 1:
            circuit.z(qubits[0])
        elif len(qubits) == 2:
            circuit.cz(*qubits)
        elif len(qubits) == 3:
            circuit.ccz(*qubits)
        else:
            circuit.mcp(math.pi, qubits[:-1], qubits[-1])
    return circuit


def _products(n: int, states: NDArray[np.intp], wanted: _Bits) -> list[tuple[int, ...]]:
    """Return the bits of each product of the polynomial of lowest degree with given values.

    If there are several such polynomials, one with products of low degree is preferred.
    """
    for degree in range(n + 1):
        terms = [
            term for size in range(degree + 1) for term in itertools.combinations(range(n), size)
        ]
        bits = (states[:, None] >> np.arange(n)) & 1
        table = np.array([bits[:, list(term)].all(axis=1) for term in terms], dtype=np.uint8).T
        solution = _solve(table, wanted)
        if solution is not None:
            return [term for term, used in zip(terms, solution, strict=True) if used]
    raise AssertionError("every function of bits is a polynomial of all degrees")


def _solve(table: _Bits, wanted: _Bits) -> _Bits | None:
    """Solve linear equations over GF(2) with all free unknowns 0; None if there is no solution."""
    rows = np.column_stack([table, wanted])
    pivots: list[int] = []
    for column in range(table.shape[1]):
        below = np.flatnonzero(rows[len(pivots) :, column])
        if not len(below):
            continue
        pivot = len(pivots)
        rows[[pivot, pivot + below[0]]] = rows[[pivot + below[0], pivot]]
        others = np.flatnonzero(rows[:, column])
        rows[others[others != pivot]] ^= rows[pivot]
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    if rows[len(pivots) :, -1].any():
        return None
    solution = np.zeros(table.shape[1], dtype=np.uint8)
    solution[pivots] = rows[: len(pivots), -1]
    return solution
