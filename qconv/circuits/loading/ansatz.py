"""Ansatz for approximate loading: an RY on every qubit, then CZ blocks.

A block is a CZ on a pair of qubits, followed by an RY on each of the two. Every block adds one CX
and two angles. Blocks are inserted and removed by :func:`Ansatz.inserted` and
:func:`Ansatz.removed`. An RY before an inserted block, or of a removed block, is merged into the
previous RY on the same qubit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qconv.circuits._gates import Array, Gates, cz, ry

Pair = tuple[int, int]
Pairs = tuple[Pair, ...]


@dataclass(frozen=True, eq=False)
class Ansatz:
    """Circuit of RY and CZ gates with given angles."""

    pairs: Pairs
    """Qubits of each CZ, in ascending order, the first gate first."""
    angles: Array
    """Angles in radians: one per qubit, then two per CZ."""

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return len(self.angles) - 2 * len(self.pairs)

    @property
    def first(self) -> Array:
        """Angles before the first CZ, one per qubit."""
        return self.angles[: self.num_qubits]

    @property
    def turns(self) -> Array:
        """Angles after each CZ, shape ``(len(pairs), 2)``."""
        return self.angles[self.num_qubits :].reshape(-1, 2)

    def with_angles(self, angles: Array) -> Ansatz:
        """Return the same gates with other angles."""
        return Ansatz(self.pairs, angles)

    def inserted(self, slot: int, pair: Pair, before: Array, after: Array) -> Ansatz:
        """Insert a CZ.

        Args:
            slot: Number of CZ gates before the new one.
            pair: Qubits of the new CZ.
            before: Angles of an RY on each of the two qubits before the new CZ.
            after: Angles of an RY on each of the two qubits after the new CZ.
        """
        first, turns = self._merged(slot, pair, before)
        turns = np.insert(turns, slot, after, axis=0)
        pairs = (*self.pairs[:slot], pair, *self.pairs[slot:])
        return Ansatz(pairs, np.concatenate([first, turns.ravel()]))

    def removed(self, index: int, turns: Array) -> Ansatz:
        """Replace a CZ and the two RY that follow it by an RY of ``turns`` on each qubit."""
        first, all_turns = self._merged(index, self.pairs[index], turns)
        rest = np.delete(all_turns, index, axis=0)
        pairs = (*self.pairs[:index], *self.pairs[index + 1 :])
        return Ansatz(pairs, np.concatenate([first, rest.ravel()]))

    def lifted(self, before: int, after: int) -> Ansatz:
        """Add qubits in ``|+>`` before the first qubit and after the last qubit."""
        plus = np.pi / 2
        angles = np.concatenate([np.full(before, plus), self.first, np.full(after, plus)])
        pairs = tuple((first + before, second + before) for first, second in self.pairs)
        return Ansatz(pairs, np.concatenate([angles, self.turns.ravel()]))

    def _merged(self, slot: int, pair: Pair, extra: Array) -> tuple[Array, Array]:
        """Add angles to the last RY on each qubit of a pair before a slot."""
        first, turns = self.first.copy(), self.turns.copy()
        for qubit, angle in zip(pair, extra, strict=True):
            earlier = [k for k in range(slot) if qubit in self.pairs[k]]
            if earlier:
                turns[earlier[-1], self.pairs[earlier[-1]].index(qubit)] += angle
            else:
                first[qubit] += angle
        return first, turns

    def gates(self) -> Gates:
        """List the gates. Qubits are numbered like the qubits of the ansatz."""
        gates = [ry(angle, qubit) for qubit, angle in enumerate(self.first)]
        for pair, turns in zip(self.pairs, self.turns, strict=True):
            gates.append(cz(*pair))
            gates += [ry(angle, qubit) for qubit, angle in zip(pair, turns, strict=True)]
        return gates
