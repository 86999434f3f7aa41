"""Ripple adder: carries are computed from the lowest bit upwards, and uncomputed downwards.

Relative-phase Toffoli gates of 3 CX (Maslov 2016, arXiv:1508.03273) compute the carries; a Toffoli
gate would need 6 CX. In a coherent circuit, each such gate is paired with its inverse. Between a
gate and its inverse, their qubits are used as controls only, so the relative phases cancel. In a
measured circuit, the phases and the carries remain.

==========================  ===================================  ==============================
bit                         CX of a coherent circuit             CX of a measured circuit
==========================  ===================================  ==============================
bit 0                       3 up, 3 + 1 down; 1 ancilla          3 + 1; 1 ancilla
bit with an addend          5 up, 5 down (Cuccaro et al. 2004)   6; 1 ancilla
bit with a carry only       3 up, 3 + 1 down; 1 ancilla          3 + 1; 1 ancilla
last two, with an addend    8, plus 1 if the last has an addend  6, plus 1 if the last has one
last two, with a carry      5 (Peres gate)                       4
==========================  ===================================  ==============================

If the highest offset is a power of two, ``2**k``, an offset with bit ``k`` set has no lower bit
set. Bit ``k`` then gets no carry, so one control can represent both the carry and the offset's bit.
In the table, such a bit counts as a bit with a carry only. In a coherent circuit, this control is
the offset's own qubit, which is restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qiskit import AncillaRegister, QuantumCircuit
from qiskit.circuit import AncillaQubit, Qubit

Qubits = Sequence[Qubit]


@dataclass(eq=False)
class Ripple:
    """Builder that appends a ripple adder to a circuit, with its ancillas as the last register."""

    circuit: QuantumCircuit
    """Circuit to append to."""
    position: Qubits
    """Bits of the position that the offset is added to, lowest first."""
    offset: Qubits
    """Bits to add, lowest first; at most as many as in ``position``."""
    exclusive: bool
    """Whether no offset has its highest bit set together with a lower bit."""
    measured: bool
    """Whether phases, and garbage in the ancillas, may remain."""
    ancillas: list[AncillaQubit] = field(default_factory=list)
    """Ancillas used so far."""

    def append(self) -> None:
        """Append the gates, then the register of ancillas."""
        if len(self.position) == 1 or len(self.offset) == 1:
            self._increment(self.offset[0], self.position)
        elif len(self.position) == 2:
            self.circuit.cx(self.offset[1], self.position[1])
            self._half_add_last(self.offset[0], *self.position)
        elif self.measured:
            self._measured()
        else:
            self._coherent()
        if self.ancillas:
            self.circuit.add_register(AncillaRegister(name="ancilla", bits=self.ancillas))

    def _coherent(self) -> None:
        """Add to three or more bits: compute carries upwards, then sums and carries downwards."""
        first, bit = self.offset[0], self.position[0]
        in_place = self.exclusive and len(self.offset) == 2
        carry = self.offset[1] if in_place else self._ancilla()
        relative_toffoli(self.circuit, first, bit, carry)
        if in_place:
            self._increment(carry, self.position[1:])
        else:
            self._add_above(1, carry)
        relative_toffoli(self.circuit, first, bit, carry)
        self.circuit.cx(first, bit)

    def _add_above(self, index: int, carry: Qubit) -> None:
        """Add the offset's bits from ``index`` upwards and a carry, and restore the carry."""
        circuit, addend, bit = self.circuit, self.offset[index], self.position[index]
        if index == len(self.position) - 2:
            self._add_last(addend, bit, carry)
            return
        if self.exclusive and index == len(self.offset) - 2:
            circuit.cx(addend, bit)
            relative_majority(circuit, addend, bit, carry, self.offset[-1])
            self._increment(self.offset[-1], self.position[index + 1 :])
            undo_relative_majority(circuit, addend, bit, carry, self.offset[-1])
            circuit.cx(carry, bit)
            return
        majority(circuit, addend, bit, carry)
        if index < len(self.offset) - 1:
            self._add_above(index + 1, addend)
        else:
            self._increment(addend, self.position[index + 1 :])
        unmajority_and_add(circuit, addend, bit, carry)

    def _measured(self) -> None:
        """Add to three or more bits; compute carries upwards only."""
        circuit, carry = self.circuit, self._ancilla()
        relative_toffoli(circuit, self.offset[0], self.position[0], carry)
        circuit.cx(self.offset[0], self.position[0])
        num_full = len(self.offset) - self.exclusive
        for index in range(1, num_full):
            if index == len(self.position) - 2:
                self._add_last(self.offset[index], self.position[index], carry)
                return
            higher = self._ancilla()
            relative_full_add(circuit, self.offset[index], self.position[index], carry, higher)
            carry = higher
        if self.exclusive:
            circuit.cx(self.offset[-1], carry)
        self._increment(carry, self.position[num_full:])

    def _increment(self, control: Qubit, bits: Qubits) -> None:
        """Add one control bit to ``bits``."""
        carries = [control]
        for bit in bits[:-2]:
            carries.append(self._ancilla())
            relative_toffoli(self.circuit, bit, carries[-2], carries[-1])
            if self.measured:
                self.circuit.cx(carries[-2], bit)
        if len(bits) == 1:
            self.circuit.cx(control, bits[0])
            return
        self._half_add_last(carries[-1], *bits[-2:])
        if self.measured:
            return
        for index in reversed(range(len(bits) - 2)):
            relative_toffoli(self.circuit, bits[index], carries[index], carries[index + 1])
            self.circuit.cx(carries[index], bits[index])

    def _half_add_last(self, control: Qubit, bit: Qubit, last: Qubit) -> None:
        """Add a control bit to the last two bits."""
        if self.measured:
            relative_toffoli(self.circuit, bit, control, last)
            self.circuit.cx(control, bit)
        else:
            peres(self.circuit, control, bit, last)

    def _add_last(self, addend: Qubit, bit: Qubit, carry: Qubit) -> None:
        """Add a bit, a carry and, if present, the offset's next bit to the last two bits."""
        last = self.position[-1]
        if len(self.offset) == len(self.position):
            self.circuit.cx(self.offset[-1], last)
        full_add = relative_full_add if self.measured else exact_full_add
        full_add(self.circuit, addend, bit, carry, last)

    def _ancilla(self) -> AncillaQubit:
        """Return a new qubit in ``|0>``."""
        self.ancillas.append(AncillaQubit())
        self.circuit.add_bits(self.ancillas[-1:])
        return self.ancillas[-1]


def _on_target(circuit: QuantumCircuit, target: Qubit, *steps: str | Qubit) -> None:
    """Append gates on a target between two Hadamard gates.

    A string names a gate on the target; a qubit is the control of a CX.
    """
    circuit.h(target)
    for step in steps:
        if isinstance(step, str):
            getattr(circuit, step)(target)
        else:
            circuit.cx(step, target)
    circuit.h(target)


def relative_toffoli(circuit: QuantumCircuit, a: Qubit, b: Qubit, target: Qubit) -> None:
    """Append a Toffoli gate up to relative phases, which is its own inverse. 3 CX.

    ``b`` controls one CX and ``a`` controls two. A chain is therefore shorter if ``b`` is the qubit
    that is ready last: the carry.
    """
    _on_target(circuit, target, "t", a, "tdg", b, "t", a, "tdg")


def peres(circuit: QuantumCircuit, a: Qubit, b: Qubit, target: Qubit) -> None:
    """Append ``target ^= a & b``, then ``b ^= a``, without relative phases. 5 CX."""
    circuit.h(target)
    circuit.cx(b, target)
    circuit.tdg(target)
    circuit.cx(a, target)
    circuit.t(target)
    circuit.cx(b, target)
    circuit.tdg(target)
    circuit.cx(a, target)
    circuit.t([a, b, target])
    circuit.h(target)
    circuit.cx(a, b)
    circuit.tdg(b)


def majority(circuit: QuantumCircuit, a: Qubit, b: Qubit, carry: Qubit) -> None:
    """Append ``a = maj(a, b, carry)`` and ``b ^= a``, ``carry ^= a``, up to phases. 5 CX."""
    circuit.cx(a, b)
    circuit.cx(a, carry)
    relative_toffoli(circuit, b, carry, a)


def unmajority_and_add(circuit: QuantumCircuit, a: Qubit, b: Qubit, carry: Qubit) -> None:
    """Append the inverse of :func:`majority`, then ``b ^= a ^ carry``. 5 CX."""
    relative_toffoli(circuit, b, carry, a)
    circuit.cx(a, carry)
    circuit.cx(carry, b)


def exact_full_add(
    circuit: QuantumCircuit, a: Qubit, b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append ``target ^= maj(a, b, carry)``, then ``b ^= a ^ carry``, without phases. 8 CX.

    Between the Hadamard gates, the majority is a sum of phases of parities, multiples of pi/4. The
    order of the parities was found by exhaustive search: no order has fewer CX.
    """
    circuit.h(target)
    circuit.s(target)
    circuit.t([a, b, carry])
    circuit.cx(a, b)
    circuit.cx(a, target)
    circuit.tdg(target)  # target ^ a
    circuit.cx(b, target)
    circuit.tdg(target)  # target ^ b
    circuit.cx(a, target)
    circuit.cx(carry, target)
    circuit.t(target)  # target ^ a ^ b ^ carry
    circuit.cx(b, target)
    circuit.tdg(target)  # target ^ carry
    circuit.cx(carry, b)
    circuit.tdg(b)  # a ^ b ^ carry
    circuit.cx(carry, target)
    circuit.h(target)


def relative_full_add(
    circuit: QuantumCircuit, a: Qubit, b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append ``target ^= maj(a, b, carry)``, then ``b ^= a ^ carry``, up to phases. 6 CX."""
    circuit.cx(a, b)
    relative_majority(circuit, a, b, carry, target)
    circuit.cx(carry, b)


def relative_majority(
    circuit: QuantumCircuit, a: Qubit, a_xor_b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append ``target ^= maj(a, b, carry)``, up to phases, given ``a ^ b``. 4 CX.

    Between the Hadamard gates, five rotations turn the target about Z. Each CX flips the signs of
    the angles before it. For every value of the controls the angles add up to pi times the
    majority, which is ``carry if a ^ b else a``. The angles were found by numerical search.
    """
    _on_target(circuit, target, "t", a_xor_b, "t", a, "sdg", carry, "t", a_xor_b, "tdg")


def undo_relative_majority(
    circuit: QuantumCircuit, a: Qubit, a_xor_b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append the inverse of :func:`relative_majority`. 4 CX."""
    _on_target(circuit, target, "t", a_xor_b, "tdg", carry, "s", a, "tdg", a_xor_b, "tdg")
