"""Coordinates in which a step changes the state equally in every direction.

Some combinations of angles hardly change the state, and others change it much. L-BFGS takes many
iterations to learn this. The metric ``G = J.T @ J`` contains this information, where the columns of
``J`` are the derivatives of the state with respect to the angles. In coordinates ``u`` with
``angles = start + W.T @ u`` and ``W @ (G + damping) @ W.T = 1``, a fit takes far fewer iterations.

The metric is computed and inverted in small tiles, because libraries round products of large
matrices differently with different numbers of threads.

Source: J. Stokes, J. Izaac, N. Killoran, G. Carleo, Quantum natural gradient, Quantum 4, 269
(2020): the metric. Its use as a preconditioner of L-BFGS is the project's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.circuits._gates import Array
from qconv.circuits.loading.ansatz import Ansatz, Pair
from qconv.circuits.loading.overlap import product_state, turned

#: Number that is added to the diagonal of the metric, so that no step is too large.
_DAMPING = 0.02

#: Number of CZ gates whose derivatives are propagated through the rest of the circuit together.
_TOGETHER = 16

_TILE = 32  # rows and columns of a tile
_DEPTH = 256  # amplitudes that one product of tiles sums over

Columns = NDArray[np.float32]


def natural_steps(ansatz: Ansatz) -> Array:
    """Return the matrix ``W.T`` whose columns are steps of the angles, shape ``(angles, angles)``.

    Args:
        ansatz: Circuit with the angles at which the metric is evaluated.
    """
    size = len(ansatz.angles)
    tiles = -(-size // _TILE)
    unused = np.zeros((2**ansatz.num_qubits, tiles * _TILE - size), np.float32)
    columns = np.concatenate([*_derivatives(ansatz), unused], axis=1).reshape(-1, tiles, _TILE)
    damped = _DAMPING * _identity(tiles)
    for start in range(0, len(columns), _DEPTH):
        part = columns[start : start + _DEPTH].transpose(1, 0, 2)
        damped += part.swapaxes(1, 2)[:, None] @ part
    factor = _inverse_factor(damped).transpose(0, 2, 1, 3).reshape(tiles * _TILE, -1)
    return factor[:size, :size].T


def _derivatives(ansatz: Ansatz) -> Iterator[Columns]:
    """Yield the derivatives of the state with respect to the angles, a few columns at a time."""
    pairs, turns = ansatz.pairs, ansatz.turns
    state = product_state(ansatz.first)
    columns = turned(state, range(ansatz.num_qubits)).T.astype(np.float32, order="C")
    for pair, turn in zip(pairs, turns, strict=True):
        columns = _after_block(columns, pair, turn)
    yield columns
    for start in range(0, len(pairs), _TOGETHER):
        born = pairs[start : start + _TOGETHER]
        columns = np.zeros((state.size, 2 * len(born)), np.float32)
        for place, (pair, turn) in enumerate(zip(pairs[start:], turns[start:], strict=True)):
            columns = _after_block(columns, pair, turn)
            if place < len(born):
                state = _after_block(state[:, None], pair, turn)[:, 0]
                columns[:, 2 * place : 2 * place + 2] = turned(state, pair).T
        yield columns


def _after_block(columns: NDArray[Any], pair: Pair, turn: Array) -> NDArray[Any]:
    """Apply a CZ and the RY that follow it to each column, overwriting ``columns``."""
    first, second = pair
    view = columns.reshape(2**first, 2, 2 ** (second - first - 1), 2, -1)
    np.negative(view[:, 1, :, 1], out=view[:, 1, :, 1])
    for qubit, angle in zip(pair, turn, strict=True):
        c, s = np.cos(angle / 2), np.sin(angle / 2)
        rotation = np.array([[c, -s], [s, c]], columns.dtype)
        columns = (rotation @ columns.reshape(2**qubit, 2, -1)).reshape(columns.shape)
    return columns


def _identity(tiles: int) -> Array:
    """Return the identity in tiles, shape ``(tiles, tiles, _TILE, _TILE)``."""
    return np.eye(tiles)[:, :, None, None] * np.eye(_TILE)


def _inverse_factor(matrix: Array) -> Array:
    """Return the lower triangular ``W`` with ``W @ matrix @ W.T = 1``, all matrices in tiles.

    Elimination turns ``matrix`` and the identity beside it into an upper triangle and ``W``.
    """
    tiles = len(matrix)
    both = np.concatenate([matrix, _identity(tiles)], axis=1)
    for k in range(tiles):
        used = slice(k, tiles + k + 1)  # the other tiles are zero or no longer needed
        both[k, used] = np.linalg.inv(np.linalg.cholesky(both[k, k])) @ both[k, used]
        multiples = both[k, k + 1 : tiles].swapaxes(1, 2)[:, None]
        both[k + 1 :, used] -= multiples @ both[k, used]
    return both[:, tiles:]
