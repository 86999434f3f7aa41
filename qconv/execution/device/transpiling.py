"""Transpiling: circuits in a backend's gates, on the best of its qubits.

A preset pass manager runs with several seeds. Among the resulting circuits, the circuit with the
fewest expected errors is returned. The expectation uses the error rates that the backend reports
for its gates and its readout.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target, generate_preset_pass_manager
from qiskit.transpiler.exceptions import TranspilerError
from qiskit_aer import AerSimulator

from qconv.execution.device.backends import is_statevector, known_to_aer

#: Maximum number of seeds, and maximum total number of gates over all seeds but the first.
_SEEDS, _GATES_TRIED = 8, 1000

#: Maximum number of seeds until one succeeds: on a device that lacks gates or couplings of some
#: qubits, each seed places the circuit elsewhere.
_TRIES = 20

#: Error rates of one-qubit and of two-qubit instructions without a reported rate.
_UNREPORTED = (1e-4, 1e-2)


def ready(circuit: QuantumCircuit, backend: BackendV2) -> QuantumCircuit:
    """Return the circuit in the backend's gates, on its qubits.

    Raises:
        ValueError: If the backend has too few qubits, or would simulate the circuit incorrectly.
    """
    _require_whole_blocks(circuit, backend)
    if is_statevector(backend):
        return known_to_aer(circuit)
    if backend.num_qubits is not None and circuit.num_qubits > backend.num_qubits:
        raise ValueError(
            f"backend: expected at least {circuit.num_qubits} qubits for this circuit, got "
            f"{backend.num_qubits}"
        )
    target = backend.target  # Aer rebuilds it at each access
    found = _first(circuit, target)
    if target.build_coupling_map() is None:
        return found
    seeds = range(min(_SEEDS, _GATES_TRIED // max(found.size(), 1)))
    candidates = [found]
    for seed in seeds:
        with suppress(TranspilerError):  # other seeds place the circuit on other qubits
            candidates.append(_transpiled(circuit, target, 3, seed))
    return min(candidates, key=lambda candidate: expected_failures(candidate, target))


def _first(circuit: QuantumCircuit, target: Target) -> QuantumCircuit:
    """Return the circuit from the first seed that succeeds.

    Raises:
        ValueError: If no seed succeeds.
    """
    for seed in range(_TRIES):
        try:
            return _transpiled(circuit, target, 2, seed)
        except TranspilerError as error:
            reason = error
    cause = " ".join(reason.message.split())
    raise ValueError(
        f"backend: the circuit cannot be transpiled for this backend: {cause}"
    ) from reason


def _transpiled(circuit: QuantumCircuit, target: Target, level: int, seed: int) -> QuantumCircuit:
    """Transpile with one seed; raise a ``TranspilerError`` if no gates or qubits suit."""
    manager = generate_preset_pass_manager(level, target=target, seed_transpiler=seed)
    return manager.run(circuit)


def expected_failures(circuit: QuantumCircuit, target: Target) -> float:
    """Return minus the logarithm of the probability that no error occurs in a circuit."""
    total = 0.0
    for item in circuit:
        if item.name in ("barrier", "delay"):
            continue
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        known = target.get(item.name) or {}
        rate = getattr(known.get(qubits), "error", None)
        if rate is None:
            rate = _UNREPORTED[min(len(qubits), 2) - 1]
        total -= float(np.log1p(-min(rate, 0.999)))
    return total


def _require_whole_blocks(circuit: QuantumCircuit, backend: BackendV2) -> None:
    """Raise if Aer's cache blocking has blocks smaller than the state.

    Aer then initialises wrong states, applies some gates of many qubits incorrectly, and sometimes
    crashes.
    """
    if not isinstance(backend, AerSimulator) or not backend.options.blocking_enable:
        return
    block = backend.options.blocking_qubits
    if block is not None and block < circuit.num_qubits:
        raise ValueError(
            f"backend: expected blocking_qubits >= {circuit.num_qubits} (qubits of the circuit) or "
            f"blocking_enable=False, got blocking_qubits={block}; Aer would give wrong results"
        )
