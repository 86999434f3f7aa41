"""Preparation of a complex state with few CX, see :mod:`qconv.circuits.encoding`.

Separable states are prepared factor by factor. Two qubits take one CX. For more qubits there are
two candidates: the magnitudes as a real state, followed by the phases; and Qiskit's isometry with
``2**n - n - 1`` CX (Iten et al. 2016, arXiv:1501.06911). The candidate with fewer CX is chosen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import StatePreparation
from qiskit.synthesis import OneQubitEulerDecomposer

from qconv.circuits._gates import Gates
from qconv.circuits._preparation import prepare
from qconv.circuits.phases import phase_gates

_EULER = OneQubitEulerDecomposer("U")

_State = NDArray[np.complex128]

#: Rounding error of amplitudes.
_ROUNDING = 1e-12

#: Maximum number of qubits for which both candidates are built and their gates counted.
_COUNTED = 10


def real_circuit(state: NDArray[np.float64]) -> QuantumCircuit:
    """Return the circuit that prepares a real state of norm 1, shape ``(2,) * n``."""
    return plain_circuit(prepare(state), state.ndim)


def plain_circuit(gates: Gates, n: int) -> QuantumCircuit:
    """Return the circuit of a list of gates on ``n`` qubits; the last qubit is the lowest bit."""
    circuit = QuantumCircuit(n)
    for name, qubits, angle in gates:
        if name == "phase":
            circuit.global_phase += angle
            continue
        parameters = [angle] if name in ("rx", "ry", "rz") else []
        getattr(circuit, name)(*parameters, *(n - 1 - qubit for qubit in qubits))
    return circuit


def complex_circuit(state: _State) -> QuantumCircuit:
    """Return the circuit that prepares a complex state of norm 1, up to a common phase.

    Args:
        state: Amplitudes, ``2**n`` numbers; the first qubit of the circuit is the lowest bit.
    """
    largest = state[np.argmax(np.abs(state))]
    turned = state * (largest.conj() / abs(largest))
    n = state.size.bit_length() - 1
    if np.abs(turned.imag).max() < _ROUNDING:
        return real_circuit(turned.real.reshape((2,) * n))
    if n == 1:
        return _one_qubit(state)
    for low in range(1, n):
        matrix = state.reshape(-1, 2**low)
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        if values[1] < _ROUNDING:
            circuit = QuantumCircuit(n)
            circuit.compose(complex_circuit(right[0]), range(low), inplace=True)
            circuit.compose(complex_circuit(left[:, 0]), range(low, n), inplace=True)
            return circuit
    if n == 2:
        return _two_qubits(state)
    apart = _apart(state, n)
    if n > _COUNTED:
        return apart if _few(apart) else _isometry(state, n)
    return min((apart, _isometry(state, n)), key=_cx_count)


def _one_qubit(state: _State) -> QuantumCircuit:
    """Prepare one qubit by a rotation and a phase."""
    circuit = QuantumCircuit(1)
    circuit.ry(2 * np.arctan2(abs(state[1]), abs(state[0])), 0)
    circuit.p(float(np.angle(state[1] * state[0].conj())), 0)
    return circuit


def _two_qubits(state: _State) -> QuantumCircuit:
    """Prepare two qubits with one CX: Schmidt coefficients, a copy, a gate on each qubit."""
    left, values, right = np.linalg.svd(state.reshape(2, 2))
    circuit = QuantumCircuit(2)
    circuit.ry(2 * np.arctan2(values[1], values[0]), 0)
    circuit.cx(0, 1)
    for qubit, gate in ((0, right.T), (1, left)):
        circuit.compose(_EULER(gate), [qubit], inplace=True)
    return circuit


def _apart(state: _State, n: int) -> QuantumCircuit:
    """Prepare magnitudes, then phases."""
    circuit = real_circuit(np.abs(state).reshape((2,) * n))
    sizes = np.abs(state)
    phases = np.divide(state, sizes, out=np.zeros_like(state), where=sizes > _ROUNDING)
    circuit.compose(phase_gates(phases), inplace=True)
    return circuit


def _isometry(state: _State, n: int) -> QuantumCircuit:
    """Prepare a state by Qiskit's isometry, in gates that every simulator supports."""
    circuit = QuantumCircuit(n)
    circuit.append(StatePreparation((state / np.linalg.norm(state)).tolist()), range(n))
    return transpile(circuit, basis_gates=["cx", "u", "p"], optimization_level=1)


def _few(circuit: QuantumCircuit) -> bool:
    """Return whether the phases of a circuit are products of few bits, not a general diagonal."""
    return "diagonal" not in circuit.count_ops()


def _cx_count(circuit: QuantumCircuit) -> int:
    """Return the number of CX after translation to one- and two-qubit gates."""
    made = transpile(circuit, basis_gates=["cx", "u"], optimization_level=1)
    return int(made.num_nonlocal_gates())
