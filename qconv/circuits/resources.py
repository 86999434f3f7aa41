"""Costs of a circuit: qubits, two-qubit gates, depths and an estimate of its T gates."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from qiskit import AncillaRegister, QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.providers import BackendV2
from qiskit.transpiler import PassManager, generate_preset_pass_manager

from qconv.circuits.registers import append_again

PLAIN_BASIS = ("rz", "sx", "x", "cx")
"""Basis gates for counting if no backend is given."""

ROTATION_PRECISION = 1e-10
"""Distance, in operator norm, of each rotation from its approximation in the T-count estimate."""

T_PER_ROTATION = math.ceil(3 * math.log2(1 / ROTATION_PRECISION))
"""T gates of one rotation about Z, 100: Ross and Selinger 2016, arXiv:1403.2975."""

_SEED = 20160331
_FREE = {"measure", "reset", "barrier", "delay", "global_phase"}


@dataclass(frozen=True)
class Resources:
    """The cost of a circuit after transpiling.

    Measurements, resets, barriers and save instructions are not counted. ``str`` returns a table.

    Attributes:
        qubits: Number of qubits of the circuit, plus the other qubits of the backend that routing
            uses.
        ancillas: Number of the circuit's qubits in an ``AncillaRegister`` or in a register whose
            name starts with ``ancilla``. They are included in ``qubits``.
        two_qubit_gates: Number of gates on two qubits, or on more if the backend has such gates.
        two_qubit_depth: Length of the longest chain of two-qubit gates.
        depth: Length of the longest chain of gates of any kind.
        t_count: Estimated number of T gates. A rotation about Z costs 0 at multiples of pi/2, 1 at
            odd multiples of pi/4, and otherwise :data:`T_PER_ROTATION`. This fixed precision is
            independent of the use of the circuit. `qconv.Cost.fault_tolerant` derives the precision
            from the error budget of an answer, which takes far fewer T gates.

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
        """Return a table of two columns, with one row per field."""
        names = [f.name.replace("_", " ").replace("two ", "two-") for f in fields(self)]
        labels = [*names[:-1], f"T gates (rotations to {ROTATION_PRECISION:.0e})"]
        values = [f"{getattr(self, f.name):,}" for f in fields(self)]
        left, right = max(map(len, labels)), max(map(len, values))
        rows = zip(labels, values, strict=True)
        return "\n".join(f"{label:<{left}}  {value:>{right}}" for label, value in rows)


def resources(circuit: QuantumCircuit, backend: BackendV2 | None = None) -> Resources:
    """Compute the cost of a circuit in basis gates or on a backend.

    Qiskit's preset pass manager transpiles the circuit twice with a fixed seed: at level 2, and at
    level 0, which only translates. The result with fewer two-qubit gates is counted, but always the
    smaller number of T gates. Level 2 can have more T gates, because it adds rotations about Z when
    it resynthesises gates.

    Args:
        circuit: Circuit without free parameters.
        backend: Backend to transpile for; None for ``rz, sx, x, cx`` with all pairs of qubits
            connected.

    Returns:
        The cost.

    Raises:
        TypeError: If ``circuit`` is not a ``QuantumCircuit``, or ``backend`` is not a
            ``BackendV2``.
        ValueError: If the circuit has free parameters or more qubits than the backend.

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
    bare = circuit.copy_empty_like()
    for item in circuit.data:
        if not item.name.startswith("save_"):  # Aer's instructions, which no basis can translate
            append_again(bare, item)
    candidates = [_transpile(bare, backend, level) for level in (2, 0)]
    compiled = min(candidates, key=_two_qubit_gates)
    plain = candidates if backend is None else [_transpile(c, None, 1) for c in candidates]
    two_qubit_depth, depth = _depths(compiled)
    ancillas = [
        register
        for register in circuit.qregs
        if isinstance(register, AncillaRegister) or register.name.startswith("ancilla")
    ]
    return Resources(
        qubits=_used_qubits(circuit, compiled),
        ancillas=len({qubit for register in ancillas for qubit in register}),
        two_qubit_gates=_two_qubit_gates(compiled),
        two_qubit_depth=two_qubit_depth,
        depth=depth,
        t_count=min(map(_t_count, plain)),
    )


def _check(circuit: QuantumCircuit, backend: BackendV2 | None) -> None:
    """Raise if an argument of :func:`resources` is invalid."""
    if not isinstance(circuit, QuantumCircuit):
        raise TypeError(f"circuit: expected a QuantumCircuit, got {type(circuit).__name__}")
    if backend is not None and not isinstance(backend, BackendV2):
        raise TypeError(f"backend: expected a BackendV2 or None, got {type(backend).__name__}")
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise ValueError(f"circuit: expected a circuit without free parameters, got {names}")
    available = None if backend is None else backend.num_qubits
    if available is not None and circuit.num_qubits > available:
        raise ValueError(
            f"circuit: expected at most the backend's {available} qubits, got {circuit.num_qubits}"
        )


def _transpile(circuit: QuantumCircuit, backend: BackendV2 | None, level: int) -> QuantumCircuit:
    """Transpile for a backend, or to the basis gates if it is None."""
    if backend is None:
        return in_basis(circuit, PLAIN_BASIS, level)
    return generate_preset_pass_manager(level, backend, seed_transpiler=_SEED).run(circuit)


def in_basis(circuit: QuantumCircuit, basis: Sequence[str], level: int) -> QuantumCircuit:
    """Transpile to basis gates with a fixed seed; all pairs of qubits are connected."""
    return _passes(tuple(basis), level, threading.get_ident()).run(circuit)


@cache
def _passes(basis: tuple[str, ...], level: int, thread: int) -> PassManager:
    """Return a pass manager for basis gates, one per thread because passes hold state."""
    return generate_preset_pass_manager(level, basis_gates=list(basis), seed_transpiler=_SEED)


def _is_gate(item: CircuitInstruction) -> bool:
    """Return whether an instruction is a gate, not a measurement, barrier or similar."""
    return item.name not in _FREE


def _two_qubit_gates(circuit: QuantumCircuit) -> int:
    """Count the gates on two or more qubits."""
    return int(circuit.num_nonlocal_gates())


def _depths(circuit: QuantumCircuit) -> tuple[int, int]:
    """Return the lengths of the longest chains of gates on two or more qubits, and of any gates.

    ``QuantumCircuit.depth`` gives the same numbers; it takes several times as long.
    """
    chains = dict.fromkeys((*circuit.qubits, *circuit.clbits), 0)
    two_qubit_chains = dict(chains)
    for item in circuit.data:  # faster than the circuit's own iterator
        gate, qubits, clbits = _is_gate(item), item.qubits, item.clbits
        if len(qubits) == 1 and not clbits:
            chains[qubits[0]] += gate
            continue
        bits = (*qubits, *clbits)
        for levels, counts in ((chains, gate), (two_qubit_chains, gate and len(qubits) > 1)):
            longest = max((levels[bit] for bit in bits), default=0) + counts
            for bit in bits:
                levels[bit] = longest
    return max(two_qubit_chains.values(), default=0), max(chains.values(), default=0)


def _used_qubits(circuit: QuantumCircuit, compiled: QuantumCircuit) -> int:
    """Count the qubits of a circuit and all other qubits with gates in its compiled form."""
    gates = filter(_is_gate, compiled.data)
    touched = {qubit for item in gates for qubit in item.qubits}
    if compiled.layout is None:
        own = set(range(circuit.num_qubits))
    else:
        own = set(compiled.layout.initial_index_layout()[: circuit.num_qubits])
    return len({compiled.find_bit(qubit).index for qubit in touched} | own)


def _t_count(circuit: QuantumCircuit) -> int:
    """Estimate the T gates of a circuit in the basis gates."""
    angles = [float(item.params[0]) for item in circuit.data if item.name == "rz"]
    eighths = np.array(angles) / (math.pi / 4)
    exact = np.abs(eighths - np.rint(eighths)) * (math.pi / 4) <= ROTATION_PRECISION
    return int(np.where(exact, np.rint(eighths) % 2, T_PER_ROTATION).sum())
