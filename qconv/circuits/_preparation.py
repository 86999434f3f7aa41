"""Preparation of a real state with few CX: the candidates, and the search among them.

Every candidate takes qubits off a state and leaves a smaller one to prepare first. See
:mod:`qconv.circuits.encoding` for the table of candidates and costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    complete_rotation,
    multiplexed_ry,
    parity_path,
    path_cost,
    three_qubit_isometry,
    three_qubit_rotation,
    two_qubit_rotation,
    walsh_angles,
)
from qconv.circuits._simplify import simplify

_LARGEST_VERIFIED = 10
_LARGEST_SUBSETS = 8


class Step(NamedTuple):
    """A way to take qubits off a state.

    Attributes:
        cost: CZ gates of the step.
        kept: Qubits on which ``rest`` lives.
        rest: The state to prepare first, shape ``(2,) * len(kept)``.
        gates: Builds the gates that follow.
    """

    cost: int
    kept: tuple[int, ...]
    rest: Array
    gates: Callable[[], Gates]


def prepare(state: Array) -> Gates:
    """Prepare a real state with the fewest CZ among the candidates.

    Args:
        state: Shape ``(2,) * n``, norm 1.

    Returns:
        Gates on qubits ``0..n-1``, qubit 0 the first axis. Exact to 1e-12 up to the global sign.
    """
    gates = simplify(_prepare(state))
    if state.ndim <= _LARGEST_VERIFIED and _error(gates, state) > 5 * TOLERANCE:
        gates = simplify(_tree(state))  # ill-conditioned by nearly equal roots or singular values
    return gates


def _error(gates: Gates, state: Array) -> float:
    """Return the largest error of an amplitude, up to the global sign."""
    reached = simulate(gates, state.ndim)
    return float(min(np.abs(reached - state).max(), np.abs(reached + state).max()))


def _prepare(state: Array) -> Gates:
    """Choose the candidate for a state by its number of qubits."""
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
    """Choose the candidate with the fewest CZ."""
    return min(map(simplify, candidates), key=two_qubit_count)


def _follow(step: Step) -> Gates:
    """Prepare what a step leaves, then take the step."""
    return relabel(_prepare(step.rest), step.kept) + step.gates()


# ------------------------------------------------------------------------------------ products


def _matrix(state: Array, rows: Sequence[int]) -> Array:
    """Reshape a state to a matrix: the qubits ``rows`` against the others, both in order."""
    matrix: Array = np.moveaxis(state, rows, range(len(rows))).reshape(2 ** len(rows), -1)
    return matrix


def _others(qubits: Sequence[int], num_qubits: int) -> tuple[int, ...]:
    """Return the qubits that are not in ``qubits``."""
    return tuple(q for q in range(num_qubits) if q not in qubits)


def _groups(n: int) -> Iterator[tuple[int, ...]]:
    """List the groups of qubits to be tried as product factors, the smallest first.

    All of them for few qubits; for many, runs of neighbours, which include every axis.
    """
    for size in range(1, n // 2 + 1 if n <= _LARGEST_SUBSETS else n):
        if n <= _LARGEST_SUBSETS:
            yield from combinations(range(n), size)
        else:
            yield from (tuple(range(i, i + size)) for i in range(n - size + 1))


def _product_split(state: Array) -> tuple[tuple[tuple[int, ...], Array], ...] | None:
    """Find two groups of qubits that the state is a product of, each with its state."""
    for group in _groups(state.ndim):
        matrix = _matrix(state, group)
        row, column = np.unravel_index(np.argmax(np.abs(matrix)), matrix.shape)
        first = matrix[:, column] / np.linalg.norm(matrix[:, column])
        second = (
            matrix[row] / np.linalg.norm(matrix[row]) * np.sign(first[row] * matrix[row, column])
        )
        if np.linalg.norm(matrix - np.outer(first, second)) < TOLERANCE:
            rest = _others(group, state.ndim)
            return (group, first.reshape((2,) * len(group))), (
                rest,
                second.reshape((2,) * len(rest)),
            )
    return None


def _entangled_pair(state: Array) -> Gates:
    """Prepare two qubits with 1 CZ: Schmidt coefficients, a copy, a rotation of each."""
    left, values, right = np.linalg.svd(state)
    values = _rotations_only(left, right.T, values)
    first, second = (2 * np.arctan2(side[1, 0], side[0, 0]) for side in (left, right.T))
    core = [ry(2 * np.arctan2(values[1], values[0]), 0), *_copy(0, 1)]
    return [*core, ry(first, 0), ry(second, 1)]


def _copy(source: int, target: int) -> Gates:
    """Flip ``target`` where ``source`` is 1, a CX: on ``|0>`` it copies the bit."""
    return [ry(-np.pi / 2, target), cz(source, target), ry(np.pi / 2, target)]


def _rotations_only(left: Array, right: Array, values: Array) -> Array:
    """Make the determinants of both Schmidt bases 1, in place; returns the signed coefficients."""
    values = values.copy()
    for side in (left, right):
        if np.linalg.det(side) < 0:
            side[:, -1] *= -1
            values[-1] *= -1
    return values


# --------------------------------------------------------------------- compressing a few qubits


def _pair_steps(state: Array) -> Iterator[Step]:
    """Replace two qubits of Schmidt rank 2 against the rest by one: 1 or 2 CZ."""
    for pair in combinations(range(state.ndim), 2):
        matrix = _matrix(state, pair)
        basis, values, _ = np.linalg.svd(matrix, full_matrices=False)
        if np.sum(values > TOLERANCE) > 2:
            continue
        kept, gates, basis = _pair_isometry(basis[:, :2], pair)
        rest_qubits = _others(pair, state.ndim)
        rest = (basis.T @ matrix).reshape((2,) * (1 + len(rest_qubits)))
        yield Step(two_qubit_count(gates), (kept, *rest_qubits), rest, gates.copy)


def _pair_isometry(subspace: Array, pair: tuple[int, int]) -> tuple[int, Gates, Array]:
    """Map one of two qubits, the other in ``|0>``, onto a plane of two-qubit states.

    One CZ if the plane has an orthogonal basis of product states with orthogonal factors on one
    qubit: that qubit carries the input, the other is a multiplexed rotation. Two otherwise.

    Args:
        subspace: Orthonormal basis, shape ``(4, 2)``.
        pair: The qubits, the more significant first.

    Returns:
        The qubit that carries the input, the gates, and the states that its ``|0>`` and ``|1>``
        are mapped to, shape ``(4, 2)``.
    """
    products = _product_states(subspace)
    for carrier in range(2 * bool(len(products))):
        factors = np.swapaxes(products, 1, 2) if carrier else products  # [state, carrier, other]
        own = np.linalg.svd(factors)[0][:, :, 0]
        if abs(own[0] @ own[1]) > TOLERANCE:
            continue
        own = np.array([own[0], [-own[0][1], own[0][0]]])
        other = np.einsum("ic,ico->io", own, factors)
        other /= np.linalg.norm(other, axis=1)[:, None]
        angles = 2 * np.arctan2(other[:, 1], other[:, 0])
        source, target = pair[carrier], pair[1 - carrier]
        gates = multiplexed_ry(angles, [source], target)
        gates.append(ry(2 * np.arctan2(own[0, 1], own[0, 0]), source))
        states = np.einsum("ic,io->oci" if carrier else "ic,io->coi", own, other)
        return source, gates, states.reshape(4, 2)
    return pair[1], two_qubit_rotation(complete_rotation(subspace), *pair), subspace


def _product_states(subspace: Array) -> Array:
    """Find the product states in a plane, where the determinant of ``x u + y v`` is 0.

    Args:
        subspace: Orthonormal basis ``u, v``, shape ``(4, 2)``.

    Returns:
        Two of them as matrices, shape ``(2, 2, 2)``, or none if there are not two.
    """
    u, v = subspace.T.reshape(2, 2, 2)
    a, c = np.linalg.det(u), np.linalg.det(v)
    b = u[0, 0] * v[1, 1] + v[0, 0] * u[1, 1] - u[0, 1] * v[1, 0] - v[0, 1] * u[1, 0]
    discriminant = b * b - 4 * a * c
    if discriminant < TOLERANCE:
        return np.zeros((0, 2, 2))
    root = -(b + np.copysign(np.sqrt(discriminant), b)) / 2
    weights = np.array([[root, a], [c, root]])  # a x^2 + b x y + c y^2 = 0, without cancellation
    weights /= np.linalg.norm(weights, axis=1)[:, None]
    states: Array = np.einsum("iw,wrc->irc", weights, np.array([u, v]))
    return states


def _triple_steps(state: Array) -> Iterator[Step]:
    """Replace three qubits of Schmidt rank 2 (9 CZ) or 3 and 4 (11 CZ) by one or two."""
    for triple in combinations(range(state.ndim), 3):
        matrix = _matrix(state, triple)
        basis, values, _ = np.linalg.svd(matrix, full_matrices=False)
        rank = int(np.sum(values > TOLERANCE))
        if rank > 4:
            continue
        rank = 2 if rank <= 2 else 4
        basis = complete(basis[:, :4])[:, :rank] if basis.shape[1] < rank else basis[:, :rank]
        rest_qubits = _others(triple, state.ndim)
        for i in range(3):
            order = (i, *_others((i,), 3))
            turned = _matrix(basis.reshape(2, 2, 2, rank), order).reshape(8, rank)
            qubits = [triple[j] for j in order]
            gates, mapped = three_qubit_isometry(turned, qubits)
            inputs = qubits[1:] if rank == 4 else qubits[2:]
            rest = (mapped.T @ _matrix(state, qubits)).reshape(
                (2,) * (len(inputs) + len(rest_qubits))
            )
            yield Step(two_qubit_count(gates), (*inputs, *rest_qubits), rest, gates.copy)


# ------------------------------------------------------------------------ taking one qubit off


def _rotation_step(state: Array, qubit: int) -> Step:
    """Take one qubit off as a rotation multiplexed by the others: at most ``2**(n-1) - 1`` CZ."""
    others = _others((qubit,), state.ndim)
    zero, one = np.moveaxis(state, qubit, 0)
    known = np.hypot(zero, one) > TOLERANCE / 10
    sign = np.where(np.where(zero == 0, one, zero) < 0, -1.0, 1.0)
    angles, controls = _needed_controls(2 * np.arctan2(sign * one, sign * zero), known, others)
    return Step(
        path_cost(parity_path(walsh_angles(angles))),
        others,
        sign * np.hypot(zero, one),
        lambda: multiplexed_ry(angles, controls, qubit),
    )


def _needed_controls(
    angles: Array, known: np.ndarray, controls: Sequence[int]
) -> tuple[Array, list[int]]:
    """Remove controls that make no difference, choosing angles where the state has no amplitude.

    Args:
        angles: Per control value, shape ``(2,) * len(controls)``.
        known: Where the angle matters, same shape.
        controls: Qubits.

    Returns:
        Angles per value of the remaining controls, and these.
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
    """Take one qubit off a state that flipping some qubits leaves as it is, or negates.

    One qubit of the flipped ones, halfway between 0 and 1, controls the flip of the others: 1 CZ
    each. Symmetric kernels whose lengths are powers of two are such states.
    """
    indices, flat = np.arange(state.size), state.ravel()
    masks = range(1, state.size) if state.ndim <= _LARGEST_SUBSETS else ()
    for mask in sorted(masks, key=int.bit_count):
        sign = 1.0 if flat @ flat[indices ^ mask] > 0 else -1.0
        if np.linalg.norm(flat[indices ^ mask] - sign * flat) < TOLERANCE:
            first, *others = (q for q in range(state.ndim) if mask >> (state.ndim - 1 - q) & 1)
            gates = [ry(sign * np.pi / 2, first)]
            for other in others:
                gates += _copy(first, other)
            rest = np.sqrt(2) * np.take(state, 0, first)
            yield Step(len(others), _others((first,), state.ndim), rest, gates.copy)
            return


def _tree(state: Array) -> Gates:
    """Prepare a state by multiplexed rotations only, the last qubit last."""
    if state.ndim == 0:
        return []
    step = _rotation_step(state, state.ndim - 1)
    return _tree(step.rest) + step.gates()


# -------------------------------------------------------------------- four qubits and more


def _four_qubits(state: Array) -> Gates:
    """Try every step; a numerical fit where 5 or 6 CZ would be fewer."""
    steps = [*_pair_steps(state), *_mirror_steps(state)]
    steps += [_rotation_step(state, qubit) for qubit in range(4)]
    candidates = [_follow(step) for step in steps if step.cost < 6]
    candidates += [_schmidt(state, (0, other), two_qubit_rotation) for other in (1, 2, 3)]
    best = _fewest(candidates)
    for cost in (5, 6):
        if two_qubit_count(best) > cost:
            best = fit_four_qubits(state, cost) or best
    return best


def _many_qubits(state: Array) -> Gates:
    """Take the step that costs least per qubit removed; three against three also by Schmidt."""
    steps = [*_pair_steps(state), *_mirror_steps(state)]
    if state.ndim <= 6:
        steps += _triple_steps(state)
    steps += [_rotation_step(state, qubit) for qubit in range(state.ndim)]
    best = min(steps, key=lambda step: step.cost / (state.ndim - step.rest.ndim))
    candidates = [_follow(best)]
    if state.ndim == 6 and best.cost > 6:
        candidates.append(_schmidt(state, (0, 1, 2), _three_qubit_rotation))
    return _fewest(candidates)


def _three_qubit_rotation(matrix: Array, *qubits: int) -> Gates:
    return three_qubit_rotation(matrix, qubits)


def _schmidt(state: Array, left: tuple[int, ...], rotate: Callable[..., Gates]) -> Gates:
    """Prepare two halves: Schmidt coefficients on one, a copy to the other, a rotation of each.

    At most ``1 + 2 + 2 + 2`` CZ for two qubits against two, ``3 + 3 + 19 + 19`` for three.

    Args:
        state: Shape ``(2,) * n``, ``n`` even.
        left: Half of the qubits.
        rotate: Decomposes a rotation of half of the qubits.
    """
    right = _others(left, state.ndim)
    u, values, vt = np.linalg.svd(_matrix(state, left))
    v = vt.T.copy()
    values = _rotations_only(u, v, values).reshape((2,) * len(left))
    gates = relabel(_prepare(values), left)
    for source, target in zip(left, right, strict=True):
        gates += _copy(source, target)
    return gates + rotate(u, *left) + rotate(v, *right)
