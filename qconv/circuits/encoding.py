"""Amplitudes to a quantum circuit with the fewest CX.

The propagator of a kernel becomes a state whose amplitudes are the square roots of its
probabilities. All amplitudes are real, so RY and CZ suffice, and a CZ costs one CX. The circuit is
chosen by counting CX among these candidates, applied recursively:

========================================  =======================  =============================
candidate                                 CX                       what it needs
========================================  =======================  =============================
product                                   sum of the factors       groups of qubits unentangled
Schmidt, two qubits to one                1 or 2, and the rest     rank 2 against the rest
Schmidt, three qubits to one or two       9 or 11, and the rest    rank 2, or 3 and 4
mirror symmetry                           flips - 1, and the rest  unchanged by flipping qubits
Schmidt, half against half                7 (2|2), 44 (3|3)        nothing
numerical fit, four qubits                5 or 6                   converges (no start may)
one multiplexed RY, the last of a tree    ``2**(n-1)-1``, or less  nothing
========================================  =======================  =============================

So two qubits need at most 1 CX, three 3, four 6 (7 where the fit does not converge), five 17, six
44. In kernels of 3x3: 2 for a box or a Gaussian (each axis is 1), 3 for edge, Laplacian and sharpen
(a core of 1, and each axis 1, for its plane is spanned by ``(0, 1, 0)`` and ``(1, 0, 1)``), 6 for
any. A separable 5x5 or 7x7 needs 6.

Qiskit's ``StatePreparation`` (Iten et al. 2016, arXiv:1501.06911) needs ``2**n - n - 1`` in
general, the cost of the whole tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from qiskit import QuantumCircuit, QuantumRegister

from qconv._checks import numpy_defaults, real_array
from qconv.circuits._gates import Array
from qconv.circuits._preparation import prepare

_DEFAULT_NAMES = {1: ("column",), 2: ("row", "column"), 3: ("plane", "row", "column")}


@numpy_defaults
def encode_amplitudes(
    amplitudes: ArrayLike, *, names: Sequence[str] | None = None
) -> QuantumCircuit:
    """Encode a real array as the amplitudes of a quantum state, with few CX.

    Each axis is padded with zeros to a power of two and becomes one quantum register; an axis of
    length 1 needs no qubit and gets no register. The registers stand in the circuit last axis
    first, so that index ``i`` of the (little-endian) statevector is element ``i`` of the padded
    array in C order. An array of one element becomes one qubit in ``|0>``.

    The module's docstring lists the candidates among which the circuit is chosen. Circuits are
    cached by content; each call returns its own copy.

    Args:
        amplitudes: Real array, any shape with at least one axis and one nonzero element, any sign
            and unit. It is normalised: only ratios matter.
        names: One register name per axis, the first axis first. Default ``("column",)``,
            ``("row", "column")`` or ``("plane", "row", "column")``, for more axes ``"axis_0"``,
            ``"axis_1"`` and so on.

    Returns:
        A circuit of RY, H, X, Z and CZ gates, without measurement, whose statevector from
        ``|0...0>`` is the normalised padded array, to 1e-12 and up to a global sign. It has as
        many CZ as it has CX after transpiling to ``rz, sx, x, cx``.

    Raises:
        TypeError: ``amplitudes`` is not real, or ``names`` is not a list or tuple of
            strings.
        ValueError: ``amplitudes`` has no axis or no element, is masked, NaN or infinite somewhere
            or zero everywhere, or ``names`` does not fit the axes.

    Example:
        >>> from qiskit.quantum_info import Statevector
        >>> import qconv
        >>> circuit = qconv.encode_amplitudes([[3, 0], [0, 4]])
        >>> [register.name for register in circuit.qregs]
        ['column', 'row']
        >>> Statevector(circuit).probabilities().round(6)  # in the array's own order
        array([0.36, 0.  , 0.  , 0.64])
        >>> qconv.resources(circuit).two_qubit_gates
        1
    """
    array = _checked_amplitudes(amplitudes)
    checked_names = _checked_names(names, array.ndim)
    scaled = array / np.abs(array).max()  # first, so that no square overflows or underflows
    state = scaled / np.linalg.norm(scaled) + 0.0
    return _encode(state.shape, state.tobytes(), checked_names).copy()


def _checked_amplitudes(amplitudes: ArrayLike) -> Array:
    """Return the amplitudes as an array of floats, or say what is wrong with them."""
    array = real_array(amplitudes, "amplitudes")
    if array.ndim == 0:
        raise ValueError("amplitudes: expected at least one axis, got a scalar")
    if not array.any():
        raise ValueError("amplitudes: expected an entry other than 0, got all zeros")
    return array


def _checked_names(names: Sequence[str] | None, num_axes: int) -> tuple[str, ...]:
    """Return one register name per axis, or say what is wrong with them."""
    if names is None:
        numbered = tuple(f"axis_{axis}" for axis in range(num_axes))
        return _DEFAULT_NAMES.get(num_axes, numbered)
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        raise TypeError(f"names: expected a list or tuple of strings, got {names!r}")
    if len(names) != num_axes:
        raise ValueError(f"names: expected one for each axis, {num_axes}, got {len(names)}")
    if len(set(names)) != num_axes or not all(names):
        raise ValueError(f"names: expected different ones, none empty, got {tuple(names)}")
    return tuple(names)


@lru_cache(maxsize=128)
def _encode(shape: tuple[int, ...], content: bytes, names: tuple[str, ...]) -> QuantumCircuit:
    """Build the circuit of a normalised array from its shape, its bytes and its axes' names."""
    sizes = [(length - 1).bit_length() for length in shape]
    padded = np.zeros([2**size for size in sizes])
    padded[tuple(slice(length) for length in shape)] = np.frombuffer(content).reshape(shape)
    num_qubits = sum(sizes)
    if num_qubits == 0:
        return QuantumCircuit(QuantumRegister(1, names[-1]), name="amplitudes")
    registers = [QuantumRegister(n, name) for n, name in zip(sizes, names, strict=True) if n]
    circuit = QuantumCircuit(*reversed(registers), name="amplitudes")
    for name, qubits, angle in prepare(padded.reshape((2,) * num_qubits)):
        if name == "phase":
            circuit.global_phase += angle
            continue
        parameters = [angle] if name in ("rx", "ry", "rz") else []
        getattr(circuit, name)(*parameters, *(num_qubits - 1 - qubit for qubit in qubits))
    return circuit
