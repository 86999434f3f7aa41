"""Transpiling: circuits in a backend's own gates, on the best of its qubits.

A preset pass manager is run with several seeds, and the circuit with the fewest errors is kept, by
the rates that the backend reports of its gates and of its readout.
"""

from __future__ import annotations

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit.transpiler import Target, generate_preset_pass_manager
from qiskit_aer import AerSimulator

from qconv.execution.device.backends import is_statevector, known_to_aer

#: Seeds that are tried with circuits of few gates, and gates that are transpiled at most for more
#: seeds than one.
_SEEDS, _GATES_TRIED = 8, 1000

#: Error rates of instructions on one and on two qubits whose rate a backend does not report.
_UNREPORTED = (1e-4, 1e-2)


def ready(circuit: QuantumCircuit, backend: BackendV2) -> QuantumCircuit:
    """The circuit in the backend's own gates, on its own qubits.

    Raises:
        ValueError: The backend has too few qubits, or would simulate the circuit wrongly.
    """
    _require_whole_blocks(circuit, backend)
    if is_statevector(backend):
        return known_to_aer(circuit)
    if backend.num_qubits is not None and circuit.num_qubits > backend.num_qubits:
        raise ValueError(
            f"backend: expected at least {circuit.num_qubits} qubits for this circuit, got "
            f"{backend.num_qubits}"
        )
    target = backend.target  # which Aer makes anew whenever it is asked for
    found = _transpiled(circuit, target, 2, 0)
    if target.build_coupling_map() is None:
        return found
    seeds = range(min(_SEEDS, _GATES_TRIED // max(found.size(), 1)))
    return min(
        [found, *(_transpiled(circuit, target, 3, seed) for seed in seeds)],
        key=lambda candidate: expected_failures(candidate, target),
    )


def _transpiled(circuit: QuantumCircuit, target: Target, level: int, seed: int) -> QuantumCircuit:
    manager = generate_preset_pass_manager(level, target=target, seed_transpiler=seed)
    return manager.run(circuit)


def expected_failures(circuit: QuantumCircuit, target: Target) -> float:
    """Minus the logarithm of the chance that nothing goes wrong, by a backend's own rates.

    Args:
        circuit: In the backend's gates, on its qubits.
        target: Of the backend: error rates of its gates and of its measurements.
    """
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
    """Refuse Aer's cache blocking where a block is smaller than the state.

    It then sets wrong states (``initialize``), applies some gates of many qubits wrongly, and
    sometimes crashes.
    """
    if not isinstance(backend, AerSimulator) or not backend.options.blocking_enable:
        return
    block = backend.options.blocking_qubits
    if block is not None and block < circuit.num_qubits:
        raise ValueError(
            f"backend: expected blocking_qubits >= {circuit.num_qubits}, qubits of the circuit, "
            f"or blocking_enable=False, got {block}: Aer would give wrong results"
        )
