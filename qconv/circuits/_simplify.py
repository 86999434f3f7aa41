"""Simplification of gate lists until a transpiler cannot remove any more gates.

A preparation concatenates blocks. At their boundaries, rotations add up and CZ pairs may cancel.
The number of CZ in a simplified list equals the number of CX after Qiskit's transpiler.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qconv.circuits._gates import TOLERANCE, Gate, Gates, cz, ry


def simplify(gates: Iterable[Gate]) -> Gates:
    """Rewrite a gate list on ``|0...0>`` without adding any CZ, up to a global sign.

    Rotations about Y are merged. A CZ on a qubit still in ``|0>`` is dropped. A CZ pair cancels or
    becomes one CZ if the rotations between its gates allow this.
    """
    current = _merge(gates)
    while (merged := _merge_one_pair(current)) is not None:
        current = _merge(merged)
    return _name_first_gates(current)


def _merge(gates: Iterable[Gate]) -> Gates:
    """Merge rotations about Y and drop gates without effect."""
    result: list[Gate | None] = []
    newest_ry: dict[int, int] = {}  # qubit -> index of its newest gate, if it is an ry
    touched: set[int] = set()
    for gate in gates:
        if gate.name in ("cz", "z") and not touched.issuperset(gate.qubits):
            continue
        if gate.name == "ry":
            (qubit,) = gate.qubits
            before = newest_ry.pop(qubit, None)
            if before is not None:
                gate = ry(gate.angle + (result[before] or gate).angle, qubit)
                result[before] = None
            angle = np.pi - (np.pi - gate.angle) % (2 * np.pi)  # up to a global sign
            gate = ry(angle, qubit)
            if abs(angle) < TOLERANCE / 10:
                continue
            newest_ry[qubit] = len(result)
        else:
            for qubit in gate.qubits:
                newest_ry.pop(qubit, None)
        touched.update(gate.qubits)
        result.append(gate)
    return [gate for gate in result if gate is not None]


def _merge_one_pair(gates: Gates) -> Gates | None:
    """Rewrite the first CZ pair that needs fewer CZ, or return None."""
    for start, gate in enumerate(gates):
        if gate.name != "cz":
            continue
        found = _rotations_until_same(gates, start)
        if found is None:
            continue
        end, between = found
        replacement = _rewrite_pair(
            gate.qubits, {gates[i].qubits[0]: gates[i].angle for i in between}
        )
        if replacement is not None:
            kept = [gates[i] for i in range(start + 1, end) if i not in between]
            return [*gates[:start], *replacement, *kept, *gates[end + 1 :]]
    return None


def _rotations_until_same(gates: Gates, start: int) -> tuple[int, list[int]] | None:
    """Find the next CZ on the same pair with only rotations about Y in between.

    Diagonal gates on qubits of the pair without rotations commute and are ignored. Return the
    indices of the CZ and of the rotations, or None if there is no such CZ.
    """
    pair = gates[start].qubits
    between: list[int] = []
    rotated: set[int] = set()
    crossed: set[int] = set()
    for index in range(start + 1, len(gates)):
        name, qubits, _ = gates[index]
        if qubits == pair:
            return index, between
        shared = set(pair).intersection(qubits)
        if not shared:
            continue
        if name == "ry":
            between.append(index)
            rotated |= shared
        elif name in ("cz", "z", "rz"):
            crossed |= shared
        else:
            return None
        if rotated & crossed:
            return None
    return None


def _rewrite_pair(pair: tuple[int, ...], angles: dict[int, float]) -> Gates | None:
    """Rewrite CZ, RY on both qubits, CZ with at most one CZ; return None if impossible.

    CZ RY(t) CZ is the rotation ``exp(-i t/2 Y(x)Z)``. For multiples of pi, it is a product of
    one-qubit gates. For odd multiples of pi/2, it is locally equivalent to one CZ.
    """
    quarters = {qubit: angles.get(qubit, 0.0) / (np.pi / 2) for qubit in pair}
    turns = {qubit: round(value) for qubit, value in quarters.items()}
    if any(abs(quarters[q] - turns[q]) > TOLERANCE for q in pair) or all(
        turn % 2 for turn in turns.values()
    ):
        return None
    gates: Gates = []
    for qubit, other in (pair, pair[::-1]):
        turn = turns[qubit]
        if turn % 2 == 0:
            gates.append(ry(turn * np.pi / 2, qubit))
            gates += [Gate("z", (other,))] if turn % 4 == 2 else []
            continue
        sign = 1.0 if turn % 4 == 1 else -1.0
        gates += [
            Gate("rx", (qubit,), np.pi / 2),
            cz(qubit, other),
            Gate("rz", (qubit,), sign * np.pi / 2),
            Gate("rz", (other,), sign * np.pi / 2),
            Gate("rx", (qubit,), -np.pi / 2),
            Gate("phase", (), sign * np.pi / 4),
        ]
    return gates


def _name_first_gates(gates: Gates) -> Gates:
    """Write the first rotation of a qubit as X or H if it acts like this gate on ``|0>``."""
    result: Gates = []
    seen: set[int] = set()
    for gate in gates:
        if gate.name == "ry" and gate.qubits[0] not in seen:
            if abs(gate.angle - np.pi) < 1e-15:
                gate = Gate("x", gate.qubits)
            elif abs(gate.angle - np.pi / 2) < 1e-15:
                gate = Gate("h", gate.qubits)
        seen.update(gate.qubits)
        result.append(gate)
    return result
