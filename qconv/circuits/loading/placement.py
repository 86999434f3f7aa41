"""Placement of CZ gates: layers on a chain of qubits, and the best places to add or remove one.

To rate a place, only the angles next to the CZ are optimised, given the environment ``E`` of its
pair. All other angles stay fixed. The overlap is ``sum(E * G)`` for a matrix ``G`` on the pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from qconv.circuits._gates import Array
from qconv.circuits.loading.ansatz import Pair, Pairs
from qconv.circuits.loading.overlap import CZ

#: Length of the first layer in units of the length of the last layer.
_TAPER = 0.5

_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
_SIDES = np.array([[np.kron(a, b) for b in (np.eye(2), _TURN)] for a in (np.eye(2), _TURN)])
"""Kronecker products whose combinations by cosines and sines are two RY, axes ``a, b, i, j``."""

_AROUND_CZ = np.einsum("abij,j,cdjk->abcdik", _SIDES, CZ, _SIDES)
"""Such products around a CZ: axes ``a, b`` for the RY after it, ``c, d`` for the RY before it."""

_GRID = np.stack(np.meshgrid(*[np.arange(4) * np.pi / 4] * 2, indexing="ij"), -1).reshape(-1, 2)
_KEPT = 2  # starts from the grid that are refined
_ROUNDS = 6


def layers(num_qubits: int, middle: int, count: int) -> Pairs:
    """Place CZ gates in layers on a chain, from its middle to both ends.

    The last layer reaches both ends. Earlier layers are shorter, so that they act on the qubits
    near the middle, which have the coarse structure of the image.

    Args:
        num_qubits: Length of the chain, at least 2.
        middle: First qubit of the pair in the middle.
        count: Number of CZ gates.
    """
    outwards: list[Pair] = [(middle, middle + 1)]
    for distance in range(1, num_qubits):
        if distance <= middle:
            outwards.append((middle - distance, middle - distance + 1))
        if middle + distance + 1 < num_qubits:
            outwards.append((middle + distance, middle + distance + 1))
    found: list[Pair] = []
    steps = np.ceil(2 * count / ((1 + _TAPER) * len(outwards)))
    layer = 0
    while len(found) < count:
        taper = 1 - (1 - _TAPER) * min(layer / steps, 1)
        length = min(max(1, round(taper * len(outwards))), count - len(found))
        found = [*_by_arm(outwards[:length], middle), *found]
        layer += 1
    return tuple(found)


def _by_arm(layer: Sequence[Pair], middle: int) -> Iterator[Pair]:
    """Yield the pairs of a layer, the left arm before the right arm."""
    yield from (pair for pair in layer if pair[0] <= middle)
    yield from (pair for pair in layer if pair[0] > middle)


def without_cz(environments: Array) -> tuple[Array, Array]:
    """Return the largest overlap without the CZ, and the angles of the two RY in its place.

    Args:
        environments: Environments of CZ gates with the RY that follow, shape ``(count, 4, 4)``.

    Returns:
        The overlaps, shape ``(count,)``, and the angles, shape ``(count, 2)``.
    """
    value, half_angles = _largest(np.einsum("sij,abij->sab", environments, _SIDES))
    return value, 2 * half_angles


def with_cz(environments: Array) -> tuple[Array, Array, Array]:
    """Return the largest overlap with one more CZ, and the angles before and after it.

    Args:
        environments: Environments of the pairs, shape ``(count, 4, 4)``.

    Returns:
        The overlaps, shape ``(count,)``, and the angles before and after the CZ, both of shape
        ``(count, 2)``. They are a local maximum from the best points of a grid.
    """
    form = np.einsum("sik,abcdik->sabcd", environments, _AROUND_CZ).reshape(-1, 4, 4)
    trial = _pairs(_GRID)
    value, _ = _largest((form @ trial.T).swapaxes(1, 2).reshape(len(form), -1, 2, 2))
    best = np.argsort(-value, axis=1, kind="stable")[:, :_KEPT]
    before = _GRID[best]
    for _ in range(_ROUNDS):
        _, after = _largest(_half(form, before))
        value, before = _largest(_half(form.swapaxes(1, 2), after))
    first = np.argmax(value, axis=1)[:, None]
    chosen = [np.take_along_axis(x, first[..., None], 1)[:, 0] for x in (before, after)]
    return np.take_along_axis(value, first, 1)[:, 0], 2 * chosen[0], 2 * chosen[1]


def _pairs(half_angles: Array) -> Array:
    """Return the products of cosines and sines of two angles, shape ``(..., 4)``."""
    vectors = np.stack([np.cos(half_angles), np.sin(half_angles)], -1)
    products: Array = vectors[..., 0, :, None] * vectors[..., 1, None, :]
    return products.reshape(*half_angles.shape[:-1], 4)


def _half(form: Array, half_angles: Array) -> Array:
    """Contract the second axis of each form, leaving 2x2 forms of the other two angles."""
    forms: Array = np.einsum("sij,sgj->sgi", form, _pairs(half_angles))
    return forms.reshape(*forms.shape[:2], 2, 2)


def _largest(form: Array) -> tuple[Array, Array]:
    """Return the largest value of ``x @ form @ y`` over unit vectors, and their angles.

    The value is the largest singular value, from a sum and a difference of angles.
    """
    a, b, c, d = form[..., 0, 0], form[..., 0, 1], form[..., 1, 0], form[..., 1, 1]
    difference, total = np.arctan2(c - b, a + d), np.arctan2(b + c, a - d)
    value = (np.hypot(a + d, c - b) + np.hypot(a - d, b + c)) / 2
    return value, np.stack([(total + difference) / 2, (total - difference) / 2], -1)
