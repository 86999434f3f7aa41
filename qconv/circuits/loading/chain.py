"""The chain of qubits: fine structure at its ends, coarse structure in its middle.

An image has little entanglement between its rows and its columns at coarse scales, and even less
at fine scales. Neighbours on the chain are therefore qubits of one axis at neighbouring scales.
In the middle, the coarsest qubits of two axes are neighbours. For an image the order is: finest row
... coarsest row, coarsest column ... finest column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qconv.circuits._gates import Array

#: Maximum number of qubits at the coarsest scale, at which the search starts.
_COARSEST = 12


def arms(bits: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the qubits of both arms of the chain, each from coarse to fine.

    Qubits are numbered from the most significant bit of the first axis to the least significant
    bit of the last axis. The axes with qubits take turns: the first, third, ... are in the first
    arm, the others in the second arm. If only one axis has qubits, they are all in the second arm.

    Args:
        bits: Number of qubits per axis.
    """
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    used = [axis for axis, count in enumerate(bits) if count]
    for turn, axis in enumerate(used):
        arm = found[(turn + 1) % 2 if len(used) == 1 else turn % 2]
        start = sum(bits[:axis])
        arm += [(level, start + level) for level in range(bits[axis])]
    first, second = ([qubit for _, qubit in sorted(arm)] for arm in found)
    return first, second


def chain(bits: Sequence[int]) -> list[int]:
    """Return the qubits in the order of the chain, numbered as in :func:`arms`."""
    first, second = arms(bits)
    return [*reversed(first), *second]


def scales(bits: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the numbers of qubits per axis at each scale, the coarsest scale first.

    From one scale to the next coarser scale, each of the longest axes is halved.
    """
    found = [tuple(bits)]
    while sum(found[0]) > _COARSEST:
        longest = max(found[0])
        found.insert(0, tuple(count - (count == longest) for count in found[0]))
    return found


def on_chain(padded: Array, bits: Sequence[int]) -> Array:
    """Return the normalised amplitudes of an array at a scale, in the order of the chain.

    Args:
        padded: Array whose axes have powers of two as lengths.
        bits: Number of qubits per axis at the scale. Blocks of elements are averaged. If all
            averages vanish, one element of each block is taken instead.
    """
    blocks = padded.reshape([n for b, size in zip(bits, padded.shape, strict=True)
                             for n in (2**b, size // 2**b)])  # fmt: skip
    state = blocks.sum(tuple(range(1, 2 * padded.ndim, 2)))
    if np.abs(state).max() < 1e-12 * np.abs(padded).max():
        state = blocks[(slice(None), 0) * padded.ndim]
    if not state.any():
        state = np.ones_like(state)
    state = state.reshape((2,) * sum(bits)).transpose(chain(bits)).ravel()
    normalised: Array = state / np.sqrt(np.sum(state**2))
    return normalised
