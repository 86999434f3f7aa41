"""Preparation of a real state with few CX: candidates, and the search among them.

Every candidate removes qubits from a state and leaves a smaller state, which is prepared first. See
:mod:`qconv.circuits.encoding` for the table of candidates and costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import combinations
from typing import NamedTuple

import numpy as np

from qconv.circuits._fit import fit_four_qubits
from qconv.circuits._gates import (
    TOLERANCE,
    Array,
    Gates,
    cz,
    relabel,
    ry,
    simulate,
    two_qubit_count,
)
from qconv.circuits._orthogonal import (
    complete,
    multiplexed_ry,
    parity_path,
    path_cost,
    three_qubit_isometry,
    three_qubit_isometry_costs,
    three_qubit_rotation,
    two_qubit_isometry,
    two_qubit_rotation,
    walsh_angles,
    walsh_rows,
)
from qconv.circuits._simplify import simplify

_LARGEST_VERIFIED = 10
_LARGEST_SUBSETS = 8
_PROBES = 64


class Step(NamedTuple):
    """One way to remove qubits from a state."""

    cost: int
    """Number of CZ gates of the step."""
    kept: tuple[int, ...]
    """Qubits of the remaining state."""
    take: Callable[[], tuple[Array, Gates]]
    """Function that returns the remaining state, shape ``(2,) * len(kept)``, and the gates that
    follow its preparation."""


def prepare(state: Array) -> Gates:
    """Prepare a real state with the fewest CZ among the candidates.

    Args:
        state: State of norm 1, shape ``(2,) * n``.

    Returns:
        Gates on qubits ``0..n-1``, exact to 1e-12 up to a global sign. Qubit 0 is the first axis.
    """
    gates = simplify(_prepare(state))
    if state.ndim <= _LARGEST_VERIFIED:
        reached = simulate(gates, state.ndim)
        error = min(np.abs(reached - state).max(), np.abs(reached + state).max())
        if error > 5 * TOLERANCE:  # ill-conditioned: nearly equal roots or singular values
            gates = simplify(_tree(state))
    return gates


def _prepare(state: Array) -> Gates:
    """Prepare a state without simplifying the gates; its number of qubits selects candidates."""
    if state.ndim <= 1:
        return [ry(2 * np.arctan2(state[1], state[0]), 0)] if state.ndim else []
    split = _product_split(state)
    if split is not None:
        (left, first), (right, second) = split
        return relabel(_prepare(first), left) + relabel(_prepare(second), right)
    if state.ndim == 2:
        return _entangled_pair(state)
    if state.ndim == 3:
        return _fewest(_follow(step) for step in _pair_steps(state))
    return _four_qubits(state) if state.ndim == 4 else _many_qubits(state)


def _fewest(candidates: Iterable[Gates]) -> Gates:
    """Return the candidate with the fewest CZ."""
    every = list(candidates)
    return min(map(simplify, every), key=two_qubit_count) if len(every) > 1 else every[0]


def _follow(step: Step) -> Gates:
    """Prepare the state that remains after a step, then append the gates of the step."""
    rest, gates = step.take()
    return relabel(_prepare(rest), step.kept) + gates


# ------------------------------------------------------------------------------------ products


def _matrix(state: Array, rows: Sequence[int]) -> Array:
    """Reshape a state to a matrix; the rows are the qubits ``rows``, the columns the others."""
    axes = (*rows, *_others(rows, state.ndim))
    return state.transpose(axes).reshape(2 ** len(rows), -1)


def _others(qubits: Sequence[int], num_qubits: int) -> tuple[int, ...]:
    """Return the qubits that are not in ``qubits``."""
    return tuple(q for q in range(num_qubits) if q not in qubits)


@lru_cache(maxsize=32)
def _groups(n: int) -> list[tuple[int, ...]]:
    """List the groups of qubits to try as product factors, the smallest first.

    For few qubits, all groups are tried. For many qubits, only runs of neighbours are tried, which
    include every axis.
    """
    if n > _LARGEST_SUBSETS:
        return [tuple(range(i, i + size)) for size in range(1, n) for i in range(n - size + 1)]
    return [group for size in range(1, n // 2 + 1) for group in combinations(range(n), size)]


def _may_split(state: Array) -> Iterator[tuple[int, ...]]:
    """List the groups for which sampled 2x2 minors with the largest amplitude all vanish."""
    groups, flat = _groups(state.ndim), state.ravel()
    bits = 1 << np.arange(state.ndim)[::-1]
    inside = np.array([bits[list(group)].sum() for group in groups])[:, None]
    largest = np.argmax(np.abs(flat))
    probes = np.arange(flat.size)[:: -(-flat.size // _PROBES)]
    mixed = flat[probes & inside | largest & ~inside] * flat[probes & ~inside | largest & inside]
    minors = np.abs(mixed - flat[largest] * flat[probes]).max(1)
    return (groups[i] for i in np.flatnonzero(minors < 10 * TOLERANCE))


def _product_split(state: Array) -> tuple[tuple[tuple[int, ...], Array], ...] | None:
    """Find two groups of qubits with separate states; None if no such groups are found."""
    for group in _may_split(state):
        matrix = _matrix(state, group)
        row, column = np.unravel_index(np.argmax(np.abs(matrix)), matrix.shape)
        first = matrix[:, column] / np.linalg.norm(matrix[:, column])
        second = (
            matrix[row] / np.linalg.norm(matrix[row]) * np.sign(first[row] * matrix[row, column])
        )
        if np.linalg.norm(matrix - np.outer(first, second)) < TOLERANCE:
            rest = _others(group, state.ndim)
            factors = first.reshape((2,) * len(group)), second.reshape((2,) * len(rest))
            return (group, factors[0]), (rest, factors[1])
    return None


def _entangled_pair(state: Array) -> Gates:
    """Prepare two qubits with 1 CZ: Schmidt coefficients, a copy, a rotation of each qubit."""
    left, values, right = np.linalg.svd(state)
    values = _rotations_only(left, right.T, values)
    first, second = (2 * np.arctan2(side[1, 0], side[0, 0]) for side in (left, right.T))
    core = [ry(2 * np.arctan2(values[1], values[0]), 0), *_copy(0, 1)]
    return [*core, ry(first, 0), ry(second, 1)]


def _copy(source: int, target: int) -> Gates:
    """Flip ``target`` where ``source`` is 1: a CX, which copies the bit to a target in ``|0>``."""
    return [ry(-np.pi / 2, target), cz(source, target), ry(np.pi / 2, target)]


def _rotations_only(left: Array, right: Array, values: Array) -> Array:
    """Make both Schmidt bases rotations, in place, and return the signed coefficients."""
    values = values.copy()
    for side in (left, right):
        if np.linalg.det(side) < 0:
            side[:, -1] *= -1
            values[-1] *= -1
    return values


# --------------------------------------------------------------------- compressing a few qubits


def _of_low_rank(
    state: Array, size: int, rank: int
) -> Iterator[tuple[tuple[int, ...], Array, Array, int]]:
    """Yield qubits, matrix, basis and rank of groups of low Schmidt rank against the rest."""
    groups = list(combinations(range(state.ndim), size))
    matrices = [_matrix(state, group) for group in groups]
    squares = np.linalg.eigvalsh([matrix @ matrix.T for matrix in matrices])[:, -rank - 1]
    for group, matrix, square in zip(groups, matrices, squares, strict=True):
        if square < TOLERANCE:  # a rough test: squares of vanishing singular values are far less
            basis, values, _ = np.linalg.svd(matrix, full_matrices=False)
            if (found := int(np.sum(values > TOLERANCE))) <= rank:
                yield group, matrix, basis, found


def _pair_steps(state: Array) -> Iterator[Step]:
    """Replace two qubits of Schmidt rank 2 against the rest by one qubit: 1 or 2 CZ."""
    for (first, second), matrix, basis, _ in _of_low_rank(state, 2, 2):
        kept, gates, mapped = two_qubit_isometry(basis[:, :2], (first, second))
        rest_qubits = _others((first, second), state.ndim)
        rest = (mapped.T @ matrix).reshape((2,) * (1 + len(rest_qubits)))
        yield Step(two_qubit_count(gates), (kept, *rest_qubits), partial(_built, rest, gates))


def _built(rest: Array, gates: Gates) -> tuple[Array, Gates]:
    """Return the state and gates of a step that was built to determine its cost."""
    return rest, gates


def _triple_steps(state: Array) -> Iterator[Step]:
    """Replace three qubits by one (Schmidt rank 2, 9 CZ) or by two (rank 3 or 4, 11 CZ)."""
    subspaces: list[tuple[list[int], Array]] = []
    for triple, _, basis, rank in _of_low_rank(state, 3, 4):
        rank = 2 if rank <= 2 else 4
        basis = complete(basis[:, :4])[:, :rank] if basis.shape[1] < rank else basis[:, :rank]
        for i in range(3):
            order = (i, *_others((i,), 3))
            columns = _matrix(basis.reshape(2, 2, 2, rank), order).reshape(8, rank)
            subspaces.append(([triple[j] for j in order], columns))
    costs = three_qubit_isometry_costs([columns for _, columns in subspaces])
    for (qubits, columns), cost in zip(subspaces, costs, strict=True):
        inputs = qubits[1:] if columns.shape[1] == 4 else qubits[2:]
        kept = (*inputs, *_others(qubits, state.ndim))
        yield Step(cost, kept, partial(_take_triple, state, columns, qubits))


def _take_triple(state: Array, columns: Array, qubits: Sequence[int]) -> tuple[Array, Gates]:
    """Return the state without the first of three qubits, and the isometry that restores it."""
    gates, mapped = three_qubit_isometry(columns, qubits)
    rest = mapped.T @ _matrix(state, qubits)
    return rest.reshape((2,) * (rest.size.bit_length() - 1)), gates


# ------------------------------------------------------------------------ removing one qubit


def _rotation_steps(state: Array) -> list[Step]:
    """Remove each qubit as a rotation multiplexed by the others: at most ``2**(n-1) - 1`` CZ."""
    n = state.ndim
    zero, one = np.stack([_matrix(state, [qubit]) for qubit in range(n)], 1)
    lengths = np.hypot(zero, one)
    sign = np.where(np.where(zero == 0, one, zero) < 0, -1.0, 1.0)
    angles = 2 * np.arctan2(sign * one, sign * zero).reshape((n,) + (2,) * (n - 1))
    known = (lengths > TOLERANCE / 10).reshape(angles.shape)
    rests = (sign * lengths).reshape(angles.shape)
    generic = _all_controls_needed(angles, known)
    steps = []
    for qubit in range(n):
        turns, others = np.where(known[qubit], angles[qubit], 0.0), _others((qubit,), n)
        controls: Sequence[int] = others
        if not generic[qubit]:
            turns, controls = _needed_controls(angles[qubit], known[qubit], others)
        cost = path_cost(parity_path(walsh_angles(turns)))
        take = partial(_take_rotation, rests[qubit], turns, controls, qubit)
        steps.append(Step(cost, others, take))
    return steps


def _take_rotation(
    rest: Array, angles: Array, controls: Sequence[int], qubit: int
) -> tuple[Array, Gates]:
    """Return the state without one qubit, and the multiplexed rotation of this qubit."""
    return rest, multiplexed_ry(angles, controls, qubit)


def _all_controls_needed(angles: Array, known: np.ndarray) -> np.ndarray:
    """Return for each rotation whether :func:`_needed_controls` would remove no control."""
    needed = np.ones(len(angles), dtype=bool)
    for axis in range(1, angles.ndim):
        differ = np.abs(np.diff(angles, axis=axis)) > TOLERANCE / 10
        both = known.take([0], axis) & known.take([1], axis)
        needed &= np.any((differ & both).reshape(len(angles), -1), axis=1)
    return needed


def _needed_controls(
    angles: Array, known: np.ndarray, controls: Sequence[int]
) -> tuple[Array, list[int]]:
    """Remove controls without effect; return the angles for the other controls, and these controls.

    ``known`` marks the angles that matter; the others, where the state vanishes, may have any
    value.
    """
    needed = list(controls)
    axis = 0
    while axis < len(needed):
        (zero, one), (in_zero, in_one) = np.moveaxis(angles, axis, 0), np.moveaxis(known, axis, 0)
        if np.any(np.abs(zero - one)[in_zero & in_one] > TOLERANCE / 10):
            axis += 1
            continue
        angles, known = np.where(in_zero, zero, one), in_zero | in_one
        del needed[axis]
    return np.where(known, angles, 0.0), needed


def _mirror_steps(state: Array) -> Iterator[Step]:
    """Remove one qubit of a state that flipping some qubits leaves unchanged or negates.

    One of the flipped qubits is prepared halfway between 0 and 1 and controls the flips of the
    others: 1 CZ each. Symmetric kernels whose lengths are powers of two are such states.
    """
    if state.ndim > _LARGEST_SUBSETS:
        return
    indices, flat = np.arange(state.size), state.ravel()
    overlaps = walsh_rows(walsh_rows(flat[None] * state.size) ** 2)[0]  # of flat[i], flat[i ^ mask]
    masks = np.flatnonzero(np.abs(overlaps[1:]) > 1 - 10 * TOLERANCE) + 1
    for mask in sorted(masks.tolist(), key=int.bit_count):
        sign = 1.0 if overlaps[mask] > 0 else -1.0
        if np.linalg.norm(flat[indices ^ mask] - sign * flat) < TOLERANCE:
            first, *others = (q for q in range(state.ndim) if mask >> (state.ndim - 1 - q) & 1)
            gates = [ry(sign * np.pi / 2, first)]
            for other in others:
                gates += _copy(first, other)
            rest = np.sqrt(2) * np.take(state, 0, first)
            kept = _others((first,), state.ndim)
            yield Step(len(others), kept, partial(_built, rest, gates))
            return


def _tree(state: Array) -> Gates:
    """Prepare a state by multiplexed rotations alone, the last qubit last."""
    if state.ndim == 0:
        return []
    rest, gates = _rotation_steps(state)[-1].take()
    return _tree(rest) + gates


# -------------------------------------------------------------------- four qubits and more


def _four_qubits(state: Array) -> Gates:
    """Try every step, and a numerical fit if 5 or 6 CZ would be fewer."""
    steps = [*_pair_steps(state), *_mirror_steps(state)]
    steps += _rotation_steps(state)
    candidates = [_follow(step) for step in steps if step.cost < 6]
    candidates += [_schmidt(state, (0, other), two_qubit_rotation) for other in (1, 2, 3)]
    best = _fewest(candidates)
    for cost in (5, 6):
        if two_qubit_count(best) > cost:
            best = fit_four_qubits(state, cost) or best
    return best


def _many_qubits(state: Array) -> Gates:
    """Choose the step of least cost per removed qubit, and try alternatives.

    Six qubits have Schmidt halves as an alternative. With seven or eight qubits, the cheapest step
    on three qubits may lead to more gates later, so the cheapest other step is followed too.
    """

    def cost_per_qubit(step: Step) -> float:
        return step.cost / (state.ndim - len(step.kept))

    few = [*_pair_steps(state), *_mirror_steps(state)]
    triples = list(_triple_steps(state)) if state.ndim <= _LARGEST_SUBSETS else []
    rotations = _rotation_steps(state)
    best = min([*few, *triples, *rotations], key=cost_per_qubit)
    candidates = [_follow(best)]
    if state.ndim > 6 and triples:
        candidates.append(_follow(min([*few, *rotations], key=cost_per_qubit)))
    if state.ndim == 6 and best.cost > 6:
        candidates.append(_schmidt(state, (0, 1, 2), three_qubit_rotation))
    return _fewest(candidates)


def _schmidt(state: Array, left: tuple[int, ...], rotate: Callable[..., Gates]) -> Gates:
    """Prepare two halves: Schmidt coefficients on one, a copy to the other, a rotation of each.

    Two qubits per half need at most ``1 + 2 + 2 + 2`` CZ, three ``3 + 3 + 19 + 19``. ``rotate``
    decomposes a rotation of half of the qubits.
    """
    right = _others(left, state.ndim)
    u, values, vt = np.linalg.svd(_matrix(state, left))
    v = vt.T.copy()
    values = _rotations_only(u, v, values).reshape((2,) * len(left))
    gates = relabel(_prepare(values), left)
    for source, target in zip(left, right, strict=True):
        gates += _copy(source, target)
    return gates + rotate(u, *left) + rotate(v, *right)
