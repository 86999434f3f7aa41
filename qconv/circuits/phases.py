"""Phases of basis states: polynomials of the bits, and diagonals where a polynomial costs more.

Every function of ``n`` bits is a polynomial with one coefficient per product of bits. Here the
function is a phase, so coefficients count modulo 2 pi. A product of two bits is one controlled
phase gate, which takes two CX. A linear phase, such as the phase of a displacement, therefore takes
no CX. A quadratic phase, such as the phase of free propagation, takes ``n (n - 1)`` CX or fewer. A
general diagonal takes ``2**n - 2`` CX (Bullock and Markov 2004, quant-ph/0303039). Coefficients are
found from the phases themselves, so wrapped phases are recognised too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit.library import DiagonalGate

from qconv._checks import Numbers
from qconv.circuits.signs import sign_flips

_Array = NDArray[np.float64]

#: Coefficients below this value, in radians, are rounding errors.
_ROUNDING = 1e-9


def phase_gates(factors: Numbers, *, controlled: bool = False) -> QuantumCircuit:
    """Multiply basis states by phase factors, or by signs if the factors are real.

    Args:
        factors: Number of magnitude 1 for each basis state, ``2**n`` numbers; 0 where the phase
            does not matter.
        controlled: True for a circuit with a control as its first qubit. False for a circuit
            without a control, up to a common phase.

    Returns:
        A circuit of ``n`` qubits, after the control if there is one.
    """
    if factors.dtype.kind != "c":
        return sign_flips(factors, controlled=controlled)
    n = (len(factors) - 1).bit_length()
    terms = phase_polynomial(np.angle(factors), factors != 0)
    circuit = QuantumCircuit(controlled + n, name="phases")
    products = {
        (*range(controlled), *(controlled + bit for bit in range(n) if term >> bit & 1)): angle
        for term, angle in terms.items()
    }
    if sum(2 ** len(qubits) - 2 for qubits in products if qubits) > 2**circuit.num_qubits - 2:
        angles = polynomial_phases(terms, n)
        diagonal = np.exp(1j * (np.outer(angles, [0, 1]).ravel() if controlled else angles))
        circuit.append(DiagonalGate(diagonal.tolist()), circuit.qubits)
        return circuit
    append_products(circuit, products)
    return circuit


def append_products(circuit: QuantumCircuit, products: Mapping[tuple[int, ...], float]) -> None:
    """Append a phase for each product of qubits; the empty product is a common phase."""
    for qubits, angle in products.items():
        if not qubits:
            circuit.global_phase += angle
        elif len(qubits) == 1:
            circuit.p(angle, qubits[0])
        elif len(qubits) == 2:
            circuit.cp(angle, *qubits)
        else:
            circuit.mcp(angle, list(qubits[:-1]), qubits[-1])


def phase_polynomial(angles: _Array, known: NDArray[np.bool_] | None = None) -> dict[int, float]:
    """Return the coefficients of a phase as a polynomial of the bits, modulo 2 pi.

    Args:
        angles: Phase of each basis state in radians, ``2**n`` numbers.
        known: Whether the phase of each basis state matters; None if all matter. Phases that do not
            matter are chosen such that their product of bits is not needed.

    Returns:
        Coefficients other than 0, from -pi to pi, by the mask of their bits.
    """
    n = (len(angles) - 1).bit_length()
    coefficients = wrapped(np.array(angles, dtype=np.float64))
    if known is None or known.all():
        for bit in range(n):
            pairs = coefficients.reshape(-1, 2, 2**bit)
            pairs[:, 1] = wrapped(pairs[:, 1] - pairs[:, 0])
    else:
        for state in sorted(range(len(angles)), key=int.bit_count):
            below = [part for part in _proper_subsets(state) if coefficients[part]]
            rest = coefficients[state] - sum(coefficients[part] for part in below)
            coefficients[state] = wrapped(rest) if known[state] else 0.0
    terms = np.flatnonzero(np.abs(coefficients) > _ROUNDING)
    return {int(term): float(coefficients[term]) for term in terms}


def polynomial_phases(terms: Mapping[int, float], n: int) -> _Array:
    """Return the phase of each basis state from the coefficients of its polynomial."""
    angles = np.zeros(2**n)
    for term, angle in terms.items():
        angles[term] = angle
    for bit in range(n):
        pairs = angles.reshape(-1, 2, 2**bit)
        pairs[:, 1] += pairs[:, 0]
    return angles


def phases_at(terms: Mapping[int, float], states: NDArray[np.intp]) -> _Array:
    """Return the phases of some basis states; `polynomial_phases` returns all phases."""
    phases = np.zeros(states.shape)
    for mask, angle in terms.items():
        phases += angle * ((states & mask) == mask)
    return phases


def wrapped(angles: Any) -> Any:
    """Return angles modulo 2 pi, from -pi to pi: a number, or an array of any shape."""
    return angles - 2 * math.pi * np.round(angles / (2 * math.pi))


def _proper_subsets(mask: int) -> list[int]:
    """Return the masks of all proper subsets of a set of bits."""
    found, part = [], mask
    while part:
        part = (part - 1) & mask
        found.append(part)
    return found


def few_bits(n: int) -> list[int]:
    """Return the masks of at most two of ``n`` bits, fewest bits first."""
    bits = [1 << bit for bit in range(n)]
    return [0, *bits, *(a | b for a, b in itertools.combinations(bits, 2))]


def quadratic_terms(angles: _Array, known: NDArray[np.bool_], n: int) -> dict[int, float]:
    """Return the polynomial of products of at most two bits that has given phases, modulo 2 pi.

    Args:
        angles: Phase of each basis state of `few_bits` in radians.
        known: Whether the phase of each of these states matters.
        n: Number of bits.

    Returns:
        Coefficients other than 0, from -pi to pi, by the mask of their bits.
    """
    terms: dict[int, float] = {}
    for mask, angle, matters in zip(few_bits(n), angles, known, strict=True):
        rest = angle - sum(found for part, found in terms.items() if part & mask == part)
        terms[mask] = float(wrapped(rest)) if matters else 0.0
    return {mask: angle for mask, angle in terms.items() if abs(angle) > _ROUNDING}
