"""Signs of marked basis states of several registers: rectangles by comparators, others by a table.

Marked states are a *rectangle* if they are a product of one interval per register. An interval is a
pattern of the high bits if its length is a power of two and its first number is a multiple of the
length. For any other interval, two comparators with constants compute an ancilla and later
uncompute it. A comparator with ``n`` bits is a chain of at most ``n - 1`` carries (Cuccaro et al.
2004, quant-ph/0410184), here of relative-phase Toffoli gates, whose phases cancel when the chain is
undone. Rectangles thus take a number of gates that is linear in the qubits. Any other set of marked
states takes a diagonal, a table of ``2**n`` signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit import AncillaRegister, QuantumCircuit
from qiskit.circuit import Qubit

from qconv.circuits.amplification.rounds import append_flip
from qconv.circuits.registers import BoxedDiagonal, append_large, large_diagonal


@dataclass(frozen=True)
class Interval:
    """Numbers ``low <= x < high`` of a register."""

    low: int
    """First number."""
    high: int
    """Number after the last one."""

    @property
    def length(self) -> int:
        """Number of numbers."""
        return self.high - self.low

    @property
    def is_pattern(self) -> bool:
        """Whether the interval is a pattern of the high bits."""
        return self.length & (self.length - 1) == 0 and self.low % self.length == 0


@dataclass(frozen=True, eq=False)
class Marks:
    """Marked basis states of the first qubits of a circuit, whose signs are flipped."""

    marked: NDArray[np.bool_]
    """Whether each basis state is marked, shape ``(2**qubits,)``."""
    bits: tuple[int, ...]
    """Qubits of each register, the lowest first."""
    native: bool
    """Whether a simulator takes the diagonal of signs as one instruction."""
    counted: bool = False
    """Whether the gates of the circuit are only counted."""

    @cached_property
    def intervals(self) -> list[Interval] | None:
        """Interval of each register; None if the marked states are not a rectangle."""
        cells = self.marked.reshape([2**bits for bits in reversed(self.bits)])
        found, count = [], 1
        for axis in reversed(range(cells.ndim)):
            others = tuple(i for i in range(cells.ndim) if i != axis)
            used = np.flatnonzero(cells.any(axis=others))
            if not used.size or used[-1] - used[0] + 1 != used.size:
                return None
            found.append(Interval(int(used[0]), int(used[-1]) + 1))
            count *= used.size
        return found if count == self.marked.sum() else None

    @property
    def _compared(self) -> list[tuple[int, Interval]]:
        """Registers whose intervals need comparators."""
        return [(i, part) for i, part in enumerate(self.intervals or []) if not part.is_pattern]

    @property
    def ancillas(self) -> int:
        """Number of ancillas that the gates need."""
        if self.native or not self._compared:
            return 0
        return len(self._compared) + max(self.bits[i] - 1 for i, _ in self._compared)

    def make_room(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit after adding the ancillas that it lacks."""
        missing = self.ancillas - circuit.num_ancillas
        if missing > 0:
            circuit.add_register(AncillaRegister(missing, f"ancilla_{circuit.num_ancillas}"))
        return circuit

    def append(self, circuit: QuantumCircuit) -> None:
        """Append a flip of the signs of the marked states, up to a common sign.

        Args:
            circuit: Circuit with the ancillas of `make_room`, all of them in ``|0>``.
        """
        qubits = circuit.qubits[: sum(self.bits)]
        if self.native or self.intervals is None:
            marked, kept = self._reduced(qubits)
            signs = np.where(marked, -1.0 + 0j, 1.0 + 0j)
            make = BoxedDiagonal if self.counted else large_diagonal
            if kept:
                append_large(circuit, make(signs), kept)
            return
        free = list(circuit.ancillas)
        controls, zeros = list[Qubit](), list[Qubit]()
        inside = circuit.copy_empty_like()
        start = 0
        for bits, part in zip(self.bits, self.intervals, strict=True):
            register, start = qubits[start : start + bits], start + bits
            if part.is_pattern:
                shift = part.length.bit_length() - 1
                controls += register[shift:]
                zeros += [q for i, q in enumerate(register[shift:], shift) if not part.low >> i & 1]
                continue
            controls.append(free.pop(0))
            if part.high == 2**bits:
                inside.x(controls[-1])
            for bound in (part.low, part.high):
                if 0 < bound < 2**bits:
                    _append_below(inside, register, bound, controls[-1], free)
        if not controls:  # all states are marked
            return
        circuit.compose(inside, inplace=True)
        append_flip(circuit, controls, zeros)
        circuit.compose(inside.inverse(), inplace=True)

    def _reduced(self, qubits: Sequence[Qubit]) -> tuple[NDArray[np.bool_], list[Qubit]]:
        """Return the marks as a function of the qubits on which they depend, and these qubits."""
        marked, kept = self.marked, list[Qubit]()
        for qubit in qubits:
            halves = marked.reshape(-1, 2, 1 << len(kept))  # higher qubits, the qubit, kept qubits
            if np.array_equal(halves[:, 0], halves[:, 1]):
                marked = halves[:, 0].ravel()
            else:
                kept.append(qubit)
        return marked, kept


def _append_below(
    circuit: QuantumCircuit, register: Sequence[Qubit], bound: int, flag: Qubit, free: list[Qubit]
) -> None:
    """Append a flip of a flag where a register holds a number below a constant.

    ``x >= bound`` is the carry of ``x + 2**n - bound``. Low bits at which the constant is 0 have no
    carry. Every further bit gives the carry AND or OR the bit.
    """
    added = 2 ** len(register) - bound
    first = (added & -added).bit_length() - 1
    chain = circuit.copy_empty_like()
    carry, unused = register[first], iter(free)
    for i in range(first + 1, len(register)):
        target = next(unused)
        if added >> i & 1:  # OR, by the rule of De Morgan
            chain.x([carry, register[i], target])
        chain.rccx(carry, register[i], target)
        if added >> i & 1:
            chain.x([carry, register[i]])
        carry = target
    circuit.compose(chain, inplace=True)
    circuit.x(flag)
    circuit.cx(carry, flag)
    circuit.compose(chain.inverse(), inplace=True)
