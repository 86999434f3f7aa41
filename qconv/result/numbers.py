"""Numbers and strings of results: root mean squares, weights in sums, shots in words."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from scipy.special import ndtri

from qconv._checks import Numbers, real_number
from qconv.circuits.registers import BOXES


def larger_part(stderr: Numbers) -> NDArray[np.float64]:
    """Return real errors unchanged, or the larger of both parts of complex ones."""
    return stderr if stderr.dtype.kind != "c" else np.maximum(stderr.real, stderr.imag)


def root_mean_square(numbers: Numbers) -> float:
    """Return the root mean square magnitude of numbers of any scale; 0 for an empty array."""
    numbers = np.abs(numbers) if numbers.dtype.kind == "c" else numbers
    largest = float(np.abs(numbers).max(initial=0))  # so that no square over- or underflows
    return largest * float(np.sqrt(np.mean(np.square(numbers / largest)))) if largest else 0.0


def root_of_squares(one: Numbers, other: Numbers) -> Numbers:
    """Return the square root of the sum of squares, without over- or underflow.

    For complex numbers, real and imaginary parts are treated separately.
    """
    if one.dtype.kind == "c":
        real = root_of_squares(one.real, other.real)
        return np.asarray(real + 1j * root_of_squares(one.imag, other.imag))
    exponents = np.frexp(np.maximum(one, other))[1]
    unit = np.ldexp(1.0, np.clip(exponents, -1000, 1000))
    return np.asarray(np.sqrt(np.square(one / unit) + np.square(other / unit)) * unit)


def deviations(level: float) -> float:
    """Return half the width of a confidence interval, in standard errors of a normal distribution.

    Raises:
        TypeError: If ``level`` is not a number.
        ValueError: If ``level`` is not between 0 and 1.
    """
    level = real_number(level, "level")
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {level!r}")
    return float(ndtri((1 + level) / 2))


def in_words(shots: int | NDArray[np.int64] | None) -> str:
    """Describe the shots of all pixels in a few words."""
    if shots is None:
        return "exact expectation"
    if isinstance(shots, np.ndarray):
        return f"{shots.min():,} to {shots.max():,}" if shots.size else "0"
    return f"{shots:,}"


def contents(circuit: QuantumCircuit) -> bytes:
    """Return a digest of the registers, gates and parameters of a circuit, to compare circuits."""
    digest = hashlib.blake2b(repr(circuit.qregs).encode(), digest_size=16)
    digest.update(_gates(circuit))
    return digest.digest()


def _gates(circuit: QuantumCircuit) -> bytes:
    """Return a digest of the gates and parameters of a circuit, those in boxes included."""
    digest = hashlib.blake2b(digest_size=16)
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    boxes: dict[int, bytes] = {}
    for item in circuit:
        digest.update(repr((item.name, [index[qubit] for qubit in item.qubits])).encode())
        for part in [item.params] if len(item.params) > 3 else item.params:
            digest.update(np.asarray(part).astype(np.complex128).tobytes())
        if item.name in BOXES:
            box = id(item.operation)
            if box not in boxes:
                boxes[box] = _gates(item.operation.definition)
            digest.update(boxes[box])
    return digest.digest()


def shares(one: Any, other: Any) -> tuple[Any, Any]:
    """Return the weights of two results in their sum, in proportion to shots or information.

    Args:
        one: Shots of the first result: a number, or an array with one number per pixel.
        other: Shots of the second result.
    """
    nothing = 0.5 * (one + other == 0)  # pixels without shots are exact in both results
    total = np.where(one + other == 0, 1, one + other)
    return one / total + nothing, other / total + nothing
