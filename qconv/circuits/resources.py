"""What a circuit costs: qubits, two-qubit gates, depths and an estimate of its T gates."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, fields
from functools import cache

from qiskit import AncillaRegister, QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.providers import BackendV2
from qiskit.transpiler import PassManager, generate_preset_pass_manager

PLAIN_BASIS = ("rz", "sx", "x", "cx")
"""The gates that circuits are counted in where no backend is named."""

ROTATION_PRECISION = 1e-10
"""Distance (operator norm) to which the T-count estimate approximates each rotation."""

T_PER_ROTATION = math.ceil(3 * math.log2(1 / ROTATION_PRECISION))
"""T gates of one such rotation about Z, 100: Ross and Selinger 2016, arXiv:1403.2975."""

_SEED = 20160331
_FREE = {"measure", "reset", "barrier", "delay", "global_phase"}


@dataclass(frozen=True)
class Resources:
    """The cost of a circuit after transpiling.

    Measurements, resets, barriers and save instructions do not count. ``str`` gives a table.

    Attributes:
        qubits: Qubits of the circuit, and any others of the backend that routing uses.
        ancillas: Qubits of the circuit in an ``AncillaRegister`` or a register whose name starts
            with ``ancilla``; part of ``qubits``.
        two_qubit_gates: Gates on two qubits (or more, where the backend has such gates).
        two_qubit_depth: Longest chain of these.
        depth: Longest chain of gates of any kind.
        t_count: Estimate of the T gates: a rotation about Z costs 0 at multiples of pi/2, 1 at odd
            multiples of pi/4, otherwise :data:`T_PER_ROTATION`.

    Example:
        >>> import qconv
        >>> cost = qconv.resources(qconv.offset_adder(num_bits=4, num_offsets=3))
        >>> cost.qubits, cost.ancillas, cost.two_qubit_gates
        (7, 1, 19)
    """

    qubits: int
    ancillas: int
    two_qubit_gates: int
    two_qubit_depth: int
    depth: int
    t_count: int

    def __str__(self) -> str:
        """Return a table of two columns, one line per field."""
        notes = {"t_count": f"T gates (rotations to {ROTATION_PRECISION:.0e})"}
        labels = [
            notes.get(f.name, f.name.replace("_", " ").replace("two ", "two-"))
            for f in fields(self)
        ]
        values = [f"{getattr(self, f.name):,}" for f in fields(self)]
        left, right = max(map(len, labels)), max(map(len, values))
        rows = zip(labels, values, strict=True)
        return "\n".join(f"{label:<{left}}  {value:>{right}}" for label, value in rows)


def resources(circuit: QuantumCircuit, backend: BackendV2 | None = None) -> Resources:
    """Count what a circuit costs on the plain basis or on a backend.

    The circuit is transpiled by Qiskit's preset pass manager at level 2 with a fixed seed, and at
    level 0, which merely translates; the one with fewer two-qubit gates counts. For the T gates,
    the one with fewer T gates does: level 2 spends rotations about Z where it resynthesises.

    Args:
        circuit: Without free parameters.
        backend: For whose target to transpile; None for ``rz, sx, x, cx`` with every pair of
            qubits connected.

    Returns:
        The cost.

    Raises:
        TypeError: ``circuit`` is not a ``QuantumCircuit``, or ``backend`` not a ``BackendV2``.
        ValueError: The circuit has free parameters, or more qubits than the backend.

    Example:
        >>> import qconv
        >>> print(qconv.resources(qconv.encode_amplitudes([[1, 2, 1], [2, 4, 2], [1, 2, 1]])))
        qubits                          4
        ancillas                        0
        two-qubit gates                 2
        two-qubit depth                 1
        depth                          11
        T gates (rotations to 1e-10)  600
    """
    _check(circuit, backend)
    bare = _without_saves(circuit)
    candidates = [_transpile(bare, backend, level) for level in (2, 0)]
    compiled = min(candidates, key=_two_qubit_gates)
    plain = candidates if backend is None else [_transpile(c, None, 1) for c in candidates]
    return Resources(
        qubits=_used_qubits(circuit, compiled),
        ancillas=_ancillas(circuit),
        two_qubit_gates=_two_qubit_gates(compiled),
        two_qubit_depth=compiled.depth(_is_two_qubit_gate),
        depth=compiled.depth(_is_gate),
        t_count=min(map(_t_count, plain)),
    )


def _check(circuit: QuantumCircuit, backend: BackendV2 | None) -> None:
    """Raise if the arguments of :func:`resources` are not what they must be."""
    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(f"circuit: expected a QuantumCircuit, got {type(circuit).__name__}")
    if backend is not None and not isinstance(backend, BackendV2):
        raise TypeError(f"backend: expected a BackendV2 or None, got {type(backend).__name__}")
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise ValueError(f"circuit: expected no free parameters, got {names}")
    available = None if backend is None else backend.num_qubits
    if available is not None and circuit.num_qubits > available:
        raise ValueError(
            f"circuit: expected at most the backend's {available} qubits, got {circuit.num_qubits}"
        )


def _without_saves(circuit: QuantumCircuit) -> QuantumCircuit:
    """Copy a circuit without Aer's save instructions, which no basis can translate."""
    bare = circuit.copy_empty_like()
    for item in circuit:
        if not item.name.startswith("save_"):
            bare.append(item)
    return bare


def _transpile(circuit: QuantumCircuit, backend: BackendV2 | None, level: int) -> QuantumCircuit:
    """Transpile for a backend, or to the plain basis."""
    if backend is None:
        return _plain_passes(level, threading.get_ident()).run(circuit)
    return generate_preset_pass_manager(level, backend, seed_transpiler=_SEED).run(circuit)


@cache
def _plain_passes(level: int, thread: int) -> PassManager:
    """What transpiles to the plain basis; a thread's own, as passes note what they found."""
    basis = list(PLAIN_BASIS)
    return generate_preset_pass_manager(level, basis_gates=basis, seed_transpiler=_SEED)


def _is_gate(item: CircuitInstruction) -> bool:
    """Tell gates from measurements, barriers and the like."""
    return item.name not in _FREE


def _is_two_qubit_gate(item: CircuitInstruction) -> bool:
    """Tell whether an instruction is a gate on two qubits or more."""
    return _is_gate(item) and len(item.qubits) > 1


def _two_qubit_gates(circuit: QuantumCircuit) -> int:
    """Count the gates on two qubits or more."""
    return sum(map(_is_two_qubit_gate, circuit))


def _used_qubits(circuit: QuantumCircuit, compiled: QuantumCircuit) -> int:
    """Count the qubits of a circuit and the others that its compiled form has gates on."""
    touched = {
        compiled.find_bit(q).index for item in compiled if _is_gate(item) for q in item.qubits
    }
    if compiled.layout is None:
        own = set(range(circuit.num_qubits))
    else:
        own = set(compiled.layout.initial_index_layout()[: circuit.num_qubits])
    return len(touched | own)


def _ancillas(circuit: QuantumCircuit) -> int:
    """Count the qubits in registers for ancillas."""
    registers = [
        register
        for register in circuit.qregs
        if isinstance(register, AncillaRegister) or register.name.startswith("ancilla")
    ]
    return len({qubit for register in registers for qubit in register})


def _t_count(circuit: QuantumCircuit) -> int:
    """Estimate the T gates of a circuit on the plain basis."""
    return sum(_t_gates(item.params[0]) for item in circuit if item.name == "rz")


def _t_gates(angle: float) -> int:
    """Estimate the T gates of a rotation about Z by ``angle`` radians."""
    eighths = float(angle) / (math.pi / 4)
    if abs(eighths - round(eighths)) * math.pi / 4 > ROTATION_PRECISION:
        return T_PER_ROTATION
    return round(eighths) % 2
