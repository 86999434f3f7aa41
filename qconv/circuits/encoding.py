"""Preparation of amplitudes as a quantum circuit with few CX.

A kernel's propagator becomes a state whose amplitudes are the square roots of its probabilities.
For real amplitudes, RY and CZ suffice, and each CZ costs one CX. The following candidates are
applied recursively, and the candidate with the fewest CX is chosen:

========================================  =======================  =============================
candidate                                 number of CX             requirement
========================================  =======================  =============================
product                                   sum of the factors       groups of unentangled qubits
Schmidt, two qubits to one                1 or 2, and the rest     rank 2 against the rest
Schmidt, three qubits to one or two       9 or 11, and the rest    rank 2, or 3 and 4
mirror symmetry                           flips - 1, and the rest  unchanged by flipping qubits
Schmidt, half against half                7 (2|2), 44 (3|3)        none
numerical fit, four qubits                5 or 6                   a start that converges
one multiplexed RY, the last of a tree    ``2**(n-1)-1``, or less  none
========================================  =======================  =============================

Two qubits need at most 1 CX, three 3, four 6 (7 if the fit does not converge), five 17 and six 44.
A 3x3 kernel needs at most 6 CX. A box or a Gaussian needs 2, one per axis. Edge, Laplacian and
sharpen need 3. Along each axis, their vectors lie in the plane spanned by ``(0, 1, 0)`` and
``(1, 0, 1)``, so each axis needs one CX, and the core of the decomposition needs one. A separable
5x5 or 7x7 kernel needs 6. An array of rank 2 needs 15 up to 8x8, and 37 up to 16x16.

Qiskit's ``StatePreparation`` (Iten et al. 2016, arXiv:1501.06911) generally needs ``2**n - n - 1``
CX, the cost of the whole tree.

Complex amplitudes are prepared factor by factor where they are separable. Otherwise, their
magnitudes are prepared as above, followed by their phases, or ``StatePreparation`` is used,
whichever takes fewer CX.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit, QuantumRegister

from qconv._checks import number_array, numpy_defaults
from qconv.circuits._complex import complex_circuit, plain_circuit
from qconv.circuits._gates import Gates
from qconv.circuits._preparation import prepare

#: Amplitudes below this fraction of the largest one count as 0: their products would underflow.
_VANISHES = 1e-50

_DEFAULT_NAMES = {1: ("column",), 2: ("row", "column"), 3: ("plane", "row", "column")}


@numpy_defaults
def encode_amplitudes(
    amplitudes: ArrayLike, *, names: Sequence[str] | None = None
) -> QuantumCircuit:
    """Encode an array as the amplitudes of a quantum state, with few CX.

    Each axis is padded with zeros to a power of two and becomes one quantum register. An axis of
    length 1 needs no qubit and gets no register. The last axis has the first register. Index ``i``
    of the (little-endian) statevector is therefore element ``i`` of the padded array in C order. An
    array of one element becomes one qubit in ``|0>``.

    The module docstring lists the candidate circuits. Circuits are cached by content; each call
    returns its own copy.

    Args:
        amplitudes: Real or complex array with at least one axis and one nonzero element. Only
            the ratios of its elements matter, because the array is normalised.
        names: Names of the registers, one per axis, first axis first. With None, the names are
            ``("column",)``, ``("row", "column")`` or ``("plane", "row", "column")``. With more than
            three axes, they are ``"axis_0"``, ``"axis_1"`` and so on.

    Returns:
        A circuit without measurement. For real amplitudes, its gates are RY, H, X, Z and CZ. From
        ``|0...0>`` it prepares the normalised padded array as its statevector, with an accuracy of
        1e-12 and up to a global phase. Amplitudes below 1e-50 of the largest one count as 0.
        Transpiling it to ``rz, sx, x, cx`` turns each CZ into one CX.

    Raises:
        TypeError: If ``amplitudes`` is not numeric, or ``names`` is not a list or tuple of strings.
        ValueError: If ``amplitudes`` has no axis or no nonzero element, or has masked, NaN or
            infinite elements; or if ``names`` does not match the axes.

    Example:
        >>> from qiskit.quantum_info import Statevector
        >>> import qconv
        >>> circuit = qconv.encode_amplitudes([[3, 0], [0, 4]])
        >>> [register.name for register in circuit.qregs]
        ['column', 'row']
        >>> Statevector(circuit).probabilities().round(6)  # in the order of the array
        array([0.36, 0.  , 0.  , 0.64])
        >>> qconv.resources(circuit).two_qubit_gates
        1
    """
    array = number_array(amplitudes, "amplitudes")
    if array.ndim == 0:
        raise ValueError("amplitudes: expected at least one axis, got a scalar")
    if not array.any():
        raise ValueError("amplitudes: expected at least one entry other than 0, got all zeros")
    checked_names = register_names(names, array.ndim)
    scaled = array / np.abs(array).max()  # prevents squares from overflowing
    scaled[np.abs(scaled) < _VANISHES] = 0
    state = scaled / np.linalg.norm(scaled) + 0.0
    return _encode(state.shape, state.tobytes(), state.dtype.char, checked_names).copy()


def register_names(names: Sequence[str] | None, num_axes: int) -> tuple[str, ...]:
    """Return one register name per axis, or raise if ``names`` is invalid."""
    if names is None:
        numbered = tuple(f"axis_{axis}" for axis in range(num_axes))
        return _DEFAULT_NAMES.get(num_axes, numbered)
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        raise TypeError(f"names: expected a list or tuple of strings, got {names!r}")
    if len(names) != num_axes:
        raise ValueError(f"names: expected {num_axes} names, one per axis, got {len(names)}")
    if len(set(names)) != num_axes or not all(names):
        raise ValueError(f"names: expected distinct, non-empty names, got {tuple(names)}")
    return tuple(names)


@lru_cache(maxsize=128)
def _encode(
    shape: tuple[int, ...], content: bytes, kind: str, names: tuple[str, ...]
) -> QuantumCircuit:
    """Build the circuit of a normalised array from shape, bytes, type and register names."""
    sizes = [(length - 1).bit_length() for length in shape]
    padded = np.zeros([2**size for size in sizes], kind)
    padded[tuple(slice(length) for length in shape)] = np.frombuffer(content, kind).reshape(shape)
    if kind == "d":
        return circuit_of(prepare(padded.reshape((2,) * sum(sizes))), sizes, names)
    circuit = _without_gates(sizes, names)
    if padded.size > 1:
        circuit.compose(complex_circuit(padded.ravel()), inplace=True)
    return circuit


def circuit_of(gates: Gates, sizes: Sequence[int], names: Sequence[str]) -> QuantumCircuit:
    """Write a gate list as a circuit with one register per axis, the last axis first.

    Args:
        gates: Gates on qubits that are numbered like the axes of the state tensor.
        sizes: Number of qubits per axis. An axis without qubits gets no register.
        names: Name of the register per axis.
    """
    circuit = _without_gates(sizes, names)
    if sum(sizes):
        circuit.compose(plain_circuit(gates, sum(sizes)), inplace=True)
    return circuit


def _without_gates(sizes: Sequence[int], names: Sequence[str]) -> QuantumCircuit:
    """Return a circuit with one register per axis, or one qubit if no axis has a qubit."""
    registers = [QuantumRegister(n, name) for n, name in zip(sizes, names, strict=True) if n]
    if not registers:
        return QuantumCircuit(QuantumRegister(1, names[-1]), name="amplitudes")
    return QuantumCircuit(*reversed(registers), name="amplitudes")
