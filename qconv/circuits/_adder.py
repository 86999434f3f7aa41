"""The ripple adder: carries computed from the lowest bit up, and uncomputed on the way down.

Carries come from relative-phase Toffoli gates of 3 CX (Maslov 2016, arXiv:1508.03273), not 6. In
a coherent circuit each stands beside its own inverse with nothing but controls on its qubits in
between, so the relative phases cancel. A measured circuit leaves phases and carries as they are.

==========================  ==================================  ==============================
part                        coherent                            measured
==========================  ==================================  ==============================
bit 0                       3 up, 3 and 1 down; 1 ancilla       3 and 1; 1 ancilla
bit with an addend          5 up, 5 down (Cuccaro et al. 2004)  6; 1 ancilla
bit with a carry only       3 up, 3 and 1 down; 1 ancilla       3 and 1; 1 ancilla
last two, with an addend    8; and 1 for an addend of the last  6; the same 1
last two, with a carry      5 (Peres gate)                      4
==========================  ==================================  ==============================

Where the highest offset is a power of two, ``2**k``, no lower bit of the offset is set along with
its bit ``k``. So a carry into bit ``k`` and that bit of the offset exclude each other: one control
stands for both, and bit ``k`` has a carry only. A coherent circuit makes the offset's own bit that
control, and restores it.
"""

from __future__ import annotations

from collections.abc import Sequence

from qiskit import AncillaRegister, QuantumCircuit
from qiskit.circuit import AncillaQubit, Qubit

Qubits = Sequence[Qubit]


class Ripple:
    """Appends a ripple adder to a circuit, and the ancillas that it needs as a last register.

    Args:
        circuit: To which to append.
        position: The bits to add to, the lowest first.
        offset: The bits to add, the lowest first, not more than those of ``position``.
        top_excludes_carry: No offset has its highest bit set and a lower one too.
        measured: Leave phases, and garbage in the ancillas.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        position: Qubits,
        offset: Qubits,
        *,
        top_excludes_carry: bool,
        measured: bool,
    ) -> None:
        self.circuit = circuit
        self.position = list(position)
        self.offset = list(offset)
        self.measured = measured
        self.exclusive = top_excludes_carry and len(self.offset) > 1
        self.ancillas: list[AncillaQubit] = []

    def append(self) -> None:
        """Append the gates, then name the ancillas."""
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
        """Add three bits or more: carries up, then sums and carries down."""
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
        """Add the offset's bits from ``index`` up and a carry, leaving the carry as it was."""
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
        """Add three bits or more, carries up only."""
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
        """Add one control bit."""
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
        """Add a bit, a carry and, if there is one, the offset's next bit to the last two bits."""
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


def relative_toffoli(circuit: QuantumCircuit, a: Qubit, b: Qubit, target: Qubit) -> None:
    """Append a Toffoli gate times phases; it is its own inverse. 3 CX.

    ``b`` has one CX and ``a`` two: where ``b`` is a carry that comes late, a chain is shorter.
    """
    circuit.h(target)
    circuit.t(target)
    circuit.cx(a, target)
    circuit.tdg(target)
    circuit.cx(b, target)
    circuit.t(target)
    circuit.cx(a, target)
    circuit.tdg(target)
    circuit.h(target)


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
    """Append ``a = maj(a, b, carry)`` and ``b ^= a``, ``carry ^= a``, times phases. 5 CX."""
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

    Between the Hadamard gates the majority is a phase of parities, each a multiple of pi/4; the
    order in which to make them was found by exhaustive search, and no order has fewer CX.
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
    """Append ``target ^= maj(a, b, carry)``, then ``b ^= a ^ carry``, times phases. 6 CX."""
    circuit.cx(a, b)
    relative_majority(circuit, a, b, carry, target)
    circuit.cx(carry, b)


def relative_majority(
    circuit: QuantumCircuit, a: Qubit, a_xor_b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append ``target ^= maj(a, b, carry)``, times phases, ``a ^ b`` being at hand. 4 CX.

    Between the Hadamard gates the target turns about Z by the sum of five angles. Each CX changes
    the sign of those before it, and for every value of the controls they add up to pi times the
    majority, which is ``carry if a ^ b else a``. Found by numerical search.
    """
    circuit.h(target)
    circuit.t(target)
    circuit.cx(a_xor_b, target)
    circuit.t(target)
    circuit.cx(a, target)
    circuit.sdg(target)
    circuit.cx(carry, target)
    circuit.t(target)
    circuit.cx(a_xor_b, target)
    circuit.tdg(target)
    circuit.h(target)


def undo_relative_majority(
    circuit: QuantumCircuit, a: Qubit, a_xor_b: Qubit, carry: Qubit, target: Qubit
) -> None:
    """Append the inverse of :func:`relative_majority`. 4 CX."""
    circuit.h(target)
    circuit.t(target)
    circuit.cx(a_xor_b, target)
    circuit.tdg(target)
    circuit.cx(carry, target)
    circuit.s(target)
    circuit.cx(a, target)
    circuit.tdg(target)
    circuit.cx(a_xor_b, target)
    circuit.tdg(target)
    circuit.h(target)
