"""Rotations with angles from a table: QROM and SELECT-SWAP, for fault-tolerant machines.

Toffoli gates look up an angle for every basis state of ``k`` address qubits (Babbush et al. 2018,
arXiv:1805.03662). The angle is added to a phase gradient, which rotates the target. The look-up is
then undone. With spare qubits, a look-up reads several entries, and controlled swaps select one of
them (Low, Kliuchnikov and Schaeffer 2018, arXiv:1812.00954).

Some Toffoli gates only undo a conjunction. A machine replaces them by measurements, at no cost
(Gidney 2018, arXiv:1709.06648). They have the label ``UNDONE``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import AncillaRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Qubit
from qiskit.circuit.library import CCXGate, CSwapGate

from qconv._checks import real_array, whole_number

#: Label of Toffoli gates that a machine replaces by measurements.
UNDONE = "undone"


@dataclass(frozen=True)
class TableCost:
    """Cost of rotations with angles from tables."""

    toffolis: int
    """Number of Toffoli gates, including controlled swaps and additions."""
    spare_qubits: int
    """Number of qubits besides the address qubits and the target."""


def table_cost(address: Sequence[int], bits: int, spare: int = 0) -> TableCost:
    """Count the Toffoli gates of rotations with angles from tables.

    Args:
        address: Number of address qubits of each rotation.
        bits: Number of bits of an angle.
        spare: Maximum number of qubits for entries that are read at the same time.
    """
    toffolis = width = ancillas = 0
    for qubits, times in Counter(address).items():
        swaps = min(range(qubits + 1), key=lambda m: _look_up(qubits, bits, m, spare))
        toffolis += times * (2 * int(_look_up(qubits, bits, swaps, spare)) + bits)
        width = max(width, bits * 2**swaps)
        ancillas = max(ancillas, qubits - swaps - 1, bits - 1)
    return TableCost(toffolis, width + bits + ancillas)  # one register is the phase gradient


def _look_up(qubits: int, bits: int, swaps: int, spare: int) -> float:
    """Count the Toffoli gates of one look-up; infinite if it needs too many spare qubits."""
    entries = 2**swaps
    if swaps and bits * (entries - 1) > spare:
        return math.inf
    return float(max(0, (1 << (qubits - swaps)) - 2) + bits * (entries - 1))


def angle_bits(rotations: int, error: float) -> int:
    """Return the bits of an angle for which rounded rotations are off by at most an error.

    Args:
        rotations: Number of rotations, one after the other.
        error: Distance of their product from the exact one, in operator norm.
    """
    return max(1, math.ceil(math.log2(math.pi * rotations / error)))


def encode_by_tables(amplitudes: ArrayLike, bits: int, swaps: int = 0) -> QuantumCircuit:
    """Build the circuit that prepares real amplitudes with angles from tables.

    The circuit runs on a simulator: a controlled rotation for each bit of the angle takes the place
    of the addition to the phase gradient. Both have the same effect.

    Args:
        amplitudes: Real amplitudes, ``2**n`` of them, not all zero.
        bits: Number of bits of an angle; angles are rounded to multiples of ``2 pi / 2**bits``.
        swaps: Binary logarithm of the number of entries that a look-up reads at the same time.

    Returns:
        Circuit on ``n`` qubits in the register ``data``, and ancillas that end in ``|0>``.

    Raises:
        ValueError: If the number of amplitudes is not a power of two, or if all of them are zero.
    """
    vector = real_array(amplitudes, "amplitudes").ravel()
    n = vector.size.bit_length() - 1
    if vector.size != 2**n or n == 0 or not vector.any():
        raise ValueError(
            f"amplitudes: expected 2, 4, 8, ... numbers that are not all 0, got {vector.size}"
        )
    whole_number(bits, "bits", 1)
    data = QuantumRegister(n, "data")
    entries = [AncillaRegister(bits, f"ancilla_angle_{i}") for i in range(2**swaps)]
    circuit = QuantumCircuit(data, *entries)
    if n > 2:
        circuit.add_register(AncillaRegister(n - 2, "ancilla_unary"))
    unary = [] if n <= 2 else list(circuit.qregs[-1])
    for level, angles in enumerate(_angles(vector)):
        numbers = np.rint(angles / (2 * math.pi) * 2**bits).astype(np.int64) % 2**bits
        address = [data[n - 1 - i] for i in range(level)][::-1]  # lowest bit first
        table = _Table(numbers, address, [list(entry) for entry in entries], unary, swaps)
        target = data[n - 1 - level]
        table.append(circuit, undo=False)
        for bit, qubit in enumerate(entries[0]):
            circuit.cry(2 * math.pi * 2.0 ** (bit + 1 - bits), qubit, target)
        table.append(circuit, undo=True)
    return circuit


def _angles(vector: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield half the angle of each rotation about Y, level by level, the highest qubit first."""
    norms = [vector]
    while norms[-1].size > 1:
        norms.append(np.hypot(*norms[-1].reshape(-1, 2).T))
    # one norm per value of the qubits above a level; the two of a pair differ in the lowest qubit
    for below in norms[-2::-1]:
        low, high = below.reshape(-1, 2).T
        yield np.arctan2(high, low)


@dataclass(frozen=True)
class _Table:
    """One look-up: numbers for every value of the address qubits."""

    numbers: NDArray[np.int64]
    address: list[Qubit]
    entries: list[list[Qubit]]
    unary: list[Qubit]
    swaps: int

    def append(self, circuit: QuantumCircuit, *, undo: bool) -> None:
        """Append the look-up into the first entry, or its inverse."""
        swaps = min(self.swaps, len(self.address))
        part = circuit.copy_empty_like()
        selected, rest = self.address[:swaps], self.address[swaps:][::-1]
        rows = self.numbers.reshape(-1, 2**swaps)
        if rest:
            first, *others = rest
            part.x(first)
            self._walk(part, first, others, rows[: len(rows) // 2], 0)
            part.x(first)
            self._walk(part, first, others, rows[len(rows) // 2 :], 0)
        else:
            self._load(part, None, rows[0])
        for bit, control in enumerate(selected):
            for i in range(0, 2**swaps, 2 ** (bit + 1)):
                pairs = zip(self.entries[i], self.entries[i + 2**bit], strict=True)
                for one, other in pairs:
                    part.append(CSwapGate(), [control, one, other])
        circuit.compose(
            part.reverse_ops() if undo else part, inplace=True
        )  # all gates undo themselves

    def _walk(
        self,
        circuit: QuantumCircuit,
        control: Qubit,
        address: list[Qubit],
        rows: NDArray[np.int64],
        depth: int,
    ) -> None:
        """Append the look-up of rows where the control reads 1, highest address qubit first."""
        if not address:
            self._load(circuit, control, rows[0])
            return
        qubit, *others = address
        both, half = self.unary[depth], len(rows) // 2
        circuit.x(qubit)
        circuit.append(CCXGate(), [control, qubit, both])
        circuit.x(qubit)
        self._walk(circuit, both, others, rows[:half], depth + 1)
        circuit.cx(control, both)
        self._walk(circuit, both, others, rows[half:], depth + 1)
        circuit.append(CCXGate(label=UNDONE), [control, qubit, both])

    def _load(self, circuit: QuantumCircuit, control: Qubit | None, row: NDArray[np.int64]) -> None:
        """Append the writing of one row of entries where the control reads 1."""
        for number, entry in zip(row, self.entries, strict=False):
            for bit, qubit in enumerate(entry):
                if int(number) >> bit & 1:
                    if control is None:
                        circuit.x(qubit)
                    else:
                        circuit.cx(control, qubit)
