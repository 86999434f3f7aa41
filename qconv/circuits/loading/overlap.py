"""Overlap of the ansatz with a target state, its gradient, and environments of two-qubit gates.

A state is a flat array of ``2**n`` amplitudes whose qubits are in some order, the layout. A block
is one matrix product of a 4x4 matrix with the state, if its two qubits are neighbours in the
layout. Blocks of a chain of qubits alternate between two layouts, with the left or the right half
of the chain first. The state is rearranged only where the next block needs another layout.

The gradient takes one pass forward through the circuit, which stores the state before each block,
and one pass back with the target. The environment of a block is a 4x4 matrix ``E``. The overlap
is ``sum(E * G)``, where ``G`` is the matrix of the block. The environment gives the derivatives
with respect to the two angles of the block.

Sums over whole states are computed by ``einsum``, because libraries of linear algebra round large
products differently with different numbers of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from qconv.circuits._gates import Array
from qconv.circuits.loading.ansatz import Pair, Pairs

#: Signs of a CZ on the basis states of its two qubits.
CZ = np.array([1.0, 1.0, 1.0, -1.0])

#: Minimum length of the contiguous runs of amplitudes that a block multiplies.
_SHORTEST_RUN = 16

#: Maximum number of CZ in a row on one pair of qubits.
_MOST_REPEATS = 2

_Move = tuple[list[int], list[int]]
Slot = tuple[int, Pair]


class Overlap:
    """Overlap of a target with the states of one placement of CZ gates, as a function of angles."""

    def __init__(self, pairs: Pairs, target: Array) -> None:
        """Choose the layouts of all blocks.

        Args:
            pairs: Qubits of each CZ, in ascending order.
            target: Amplitudes of norm 1. The first qubit has the most significant bit.
        """
        self.pairs = pairs
        self.num_qubits = target.size.bit_length() - 1
        self._half = self.num_qubits // 2
        self._orders = [list(range(self.num_qubits)), *_layouts(pairs, self.num_qubits)]
        steps = list(pairwise(self._orders))
        self._moves = [_move(before, after) for before, after in steps]
        self._returns = [_move(after, before) for before, after in steps]
        self._states = np.empty((len(pairs) + 1, target.size))
        self._inputs = [
            state.reshape(2 ** order.index(pair[0]), 4, -1)
            for state, order, pair in zip(self._states, self._orders[1:], pairs, strict=False)
        ]
        self._target = _rearranged(target, _move(self._orders[0], self._orders[-1]))
        self._first_costate = self._target
        self._buffers = np.empty((2, target.size))

    def value_and_gradient(self, angles: Array) -> tuple[float, Array]:
        """Return the overlap and its derivatives with respect to the angles."""
        value, gradient, _ = self._passes(angles)
        return value, gradient

    def block_environments(self, angles: Array) -> tuple[float, Array]:
        """Return the overlap and the environment of each CZ with its two RY, ``(len, 4, 4)``."""
        value, _, environments = self._passes(angles)
        return value, environments

    def _passes(self, angles: Array) -> tuple[float, Array, Array]:
        """Return overlap, gradient and environments from one pass forward and one back."""
        left, right = _halves(angles[: self.num_qubits], self._half)
        blocks, by_first, by_second = _matrices(angles[self.num_qubits :])
        self._forward(np.multiply.outer(left, right).ravel(), blocks)
        value = float(np.einsum("i,i->", self._states[-1], self._target))
        environments = np.empty_like(blocks)
        for k, costate in self._back(blocks):
            _environment(costate, self._inputs[k], environments[k])
        costate = self._first_costate.reshape(left.size, right.size)
        gradient = np.empty_like(angles)
        on_left, on_right = (turned(x, range(x.size.bit_length() - 1)) for x in (left, right))
        gradient[: self._half] = on_left @ np.einsum("ij,j->i", costate, right)
        gradient[self._half : self.num_qubits] = on_right @ np.einsum("i,ij->j", left, costate)
        gradient[self.num_qubits :: 2] = np.einsum("kij,kij->k", environments, by_first)
        gradient[self.num_qubits + 1 :: 2] = np.einsum("kij,kij->k", environments, by_second)
        return value, gradient, environments

    def _forward(self, state: Array, blocks: Array) -> None:
        """Store the state before each block, in the layout of the block, and the last state."""
        last = len(self.pairs) - 1
        if last < 0 or self._moves[0] is None:
            self._states[0] = state
        else:
            _copy(state, self._moves[0], self._states[0])
        for k, (block, source) in enumerate(zip(blocks, self._inputs, strict=True)):
            move = None if k == last else self._moves[k + 1]
            output = self._states[k + 1] if move is None else self._buffers[0]
            np.matmul(block, source, out=output.reshape(source.shape))
            if move is not None:
                _copy(output, move, self._states[k + 1])

    def _back(self, blocks: Array) -> Iterator[tuple[int, Array]]:
        """Apply the inverse of the circuit to the target, block by block.

        Yield the number of each block, the last block first, and the costate after this block, in
        the shape and layout of the block's input. At the end, ``_first_costate`` is the costate
        before all blocks.
        """
        spare, costate = self._buffers
        current = self._target
        for k in range(len(self.pairs) - 1, -1, -1):
            after = current.reshape(self._inputs[k].shape)
            yield k, after
            np.matmul(blocks[k].T, after, out=spare.reshape(after.shape))
            if (move := self._returns[k]) is None:
                spare, costate = costate, spare
            else:
                _copy(spare, move, costate)
            current = costate
        self._first_costate = current

    def candidates(self, angles: Array, allowed: Sequence[Pair]) -> tuple[list[Slot], Array]:
        """Return the places where a CZ can be inserted, and the environment at each place.

        A place is a slot (the number of earlier CZ gates) and a pair of qubits. A CZ commutes with
        blocks on other qubits. A slot is therefore listed only with pairs that share a qubit with
        the block before the slot. A third CZ in a row on the same pair would be useless, because
        two CZ with RY gates generate every real rotation of two qubits.

        Args:
            angles: Angles of the circuit.
            allowed: Pairs to consider.

        Returns:
            The places, and their environments, shape ``(len(places), 4, 4)``.
        """
        left, right = _halves(angles[: self.num_qubits], self._half)
        blocks, _, _ = _matrices(angles[self.num_qubits :])
        self._forward(np.multiply.outer(left, right).ravel(), blocks)
        places: list[Slot] = []
        found: list[Array] = []

        def look(slot: int, costate: Array, layout: Sequence[int]) -> None:
            before = self.pairs[slot - 1] if slot else range(self.num_qubits)
            for pair in allowed:
                touches = pair[0] in before or pair[1] in before
                if touches and _repeats(self.pairs, slot, pair) < _MOST_REPEATS:
                    move = _move(layout, [*pair, *(q for q in layout if q not in pair)])
                    rows = [_rearranged(x, move) for x in (costate, self._states[slot])]
                    places.append((slot, pair))
                    found.append(rows[0].reshape(4, -1) @ rows[1].reshape(4, -1).T)

        count = len(self.pairs)
        look(count, self._target, self._orders[-1])
        for k, after in self._back(blocks):
            look(k, (blocks[k].T @ after).ravel(), self._orders[k + 1])
        return places, np.array(found)


def _repeats(pairs: Pairs, slot: int, pair: Pair) -> int:
    """Count the CZ on a pair next to a slot, with no other CZ on its qubits between them."""
    count = 0
    for direction in (reversed(pairs[:slot]), pairs[slot:]):
        for other in direction:
            if other == pair:
                count += 1
            elif pair[0] in other or pair[1] in other:
                break
    return count


def _environment(costate: Array, state: Array, out: Array) -> None:
    """Sum the outer products of costate and state, both of shape ``(lead, 4, run)``."""
    if len(state) == 1:
        np.matmul(costate[0], state[0].T, out=out)
    else:
        np.matmul(costate, state.transpose(0, 2, 1)).sum(0, out=out)


def _layouts(pairs: Pairs, num_qubits: int) -> Iterator[list[int]]:
    """Yield the layout of each block, which is the layout of the previous block if possible."""
    half = num_qubits // 2
    left_first = list(range(num_qubits))
    right_first = left_first[half:] + left_first[:half]
    layout = left_first
    for pair in pairs:
        choices = (layout, left_first, right_first)
        rest = [qubit for qubit in layout if qubit not in pair]
        layout = next((order for order in choices if _suits(order, pair)), [*pair, *rest])
        yield layout


def _suits(layout: Sequence[int], pair: Pair) -> bool:
    """Return whether a block on a pair of neighbours in a layout multiplies long runs."""
    place = layout.index(pair[0])
    run = 2 ** (len(layout) - place - 2) if place + 2 <= len(layout) else 0
    return layout[place + 1 : place + 2] == [pair[1]] and (place == 0 or run >= _SHORTEST_RUN)


def _move(source: Sequence[int], layout: Sequence[int]) -> _Move | None:
    """Return shape and axes that rearrange a state, with runs merged; None if unchanged."""
    axes = [source.index(qubit) for qubit in layout]
    runs: list[list[int]] = []
    for axis in axes:
        if runs and runs[-1][-1] + 1 == axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    if len(runs) <= 1:
        return None
    ordered = sorted(runs)
    return [2 ** len(run) for run in ordered], [ordered.index(run) for run in runs]


def _copy(state: Array, move: _Move, out: Array) -> None:
    """Write a rearranged state to ``out``."""
    view = state.reshape(move[0]).transpose(move[1])
    np.copyto(out.reshape(view.shape), view)


def _rearranged(state: Array, move: _Move | None) -> Array:
    """Return a rearranged state, flat."""
    return state if move is None else state.reshape(move[0]).transpose(move[1]).ravel()


def _halves(first: Array, half: int) -> tuple[Array, Array]:
    """Return the product states of both halves of the qubits after their first RY."""
    return product_state(first[:half]), product_state(first[half:])


def product_state(angles: Array) -> Array:
    """Return the state after an RY on every qubit, one angle per qubit."""
    state = np.ones(1)
    for cosine, sine in zip(np.cos(angles / 2), np.sin(angles / 2), strict=True):
        state = np.multiply.outer(state, [cosine, sine]).ravel()
    return state


def turned(state: Array, qubits: Sequence[int]) -> Array:
    """Differentiate a state by the angle of an RY per qubit, shape ``(len(qubits), size)``."""
    found = np.empty((len(qubits), state.size))
    for qubit, row in zip(qubits, found, strict=True):
        halves = state.reshape(2**qubit, 2, -1)
        view = row.reshape(halves.shape)
        np.multiply(halves[:, 1], -0.5, out=view[:, 0])
        np.multiply(halves[:, 0], 0.5, out=view[:, 1])
    return found


def _matrices(angles: Array) -> tuple[Array, Array, Array]:
    """Return the matrices of all blocks and their derivatives with respect to both angles."""
    halves = angles.reshape(-1, 2) / 2
    cosines, sines = np.cos(halves), np.sin(halves)
    turns = np.array([[cosines, -sines], [sines, cosines]]).transpose(3, 2, 0, 1)
    slopes = np.array([[-sines, -cosines], [cosines, -sines]]).transpose(3, 2, 0, 1) / 2
    return (
        _products(turns[0], turns[1]),
        _products(slopes[0], turns[1]),
        _products(turns[0], slopes[1]),
    )


def _products(first: Array, second: Array) -> Array:
    """Return the matrices of CZ gates that are followed by a matrix on each qubit."""
    product = first[:, :, None, :, None] * second[:, None, :, None, :]
    blocks: Array = product.reshape(-1, 4, 4) * CZ
    return blocks
