"""Gate lists for real orthogonal matrices, exact up to rounding.

Two qubits: an ``SO(4)`` matrix is a pair of unit quaternions. With ``J = [[0, -1], [1, 0]]``, the
matrices ``1, J(x)1, Z(x)J, X(x)J`` (left) and ``1, 1(x)J, J(x)Z, J(x)X`` (right) are two commuting
copies of the quaternions. ``exp(a J(x)1)`` and ``exp(a 1(x)J)`` are RY rotations; ``exp(b Z(x)J)``
and ``exp(b J(x)Z)`` are RY rotations between two CZ. The Euler angles of the two quaternions
therefore give every ``SO(4)`` matrix as RY, CZ, RY, CZ, RY on both qubits: 2 CX. Vatan and Williams
2004, arXiv:quant-ph/0308006, need the same number of CX; here all gates are real.

Three qubits: the cosine-sine decomposition and the demultiplexing of the quantum Shannon
decomposition (Shende, Bullock and Markov 2006, arXiv:quant-ph/0406176), with real factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from qconv.circuits._gates import TOLERANCE, Array, Gate, Gates, cz, ry, two_qubit_count

_J = np.array([[0.0, -1.0], [1.0, 0.0]])
_X = np.array([[0.0, 1.0], [1.0, 0.0]])
_Z = np.diag([1.0, -1.0])
_1 = np.eye(2)
_LEFT = np.array([np.eye(4), np.kron(_J, _1), np.kron(_Z, _J), np.kron(_J @ _Z, _J)])
_RIGHT = np.array([np.eye(4), np.kron(_1, _J), np.kron(_J, _Z), np.kron(_J, _J @ _Z)])
_ASSOCIATE = np.einsum("aij,bjk->ikab", _LEFT, _RIGHT).reshape(16, 16) / 4
_SMALL = 1e-6


# ---------------------------------------------------------------- two qubits: quaternion pairs


def _to_quaternions(matrix: Array) -> tuple[Array, Array]:
    """Write an ``SO(4)`` matrix as ``left(p) @ right(q)`` with unit quaternions ``p``, ``q``."""
    associate = (matrix.ravel() @ _ASSOCIATE).reshape(4, 4)  # the rank-1 matrix p q^T
    row, column = np.unravel_index(np.argmax(np.abs(associate)), (4, 4))
    p, q = associate[:, column], associate[row]
    p, q = p / np.linalg.norm(p), q / np.linalg.norm(q)
    return p * np.sign(p @ associate @ q), q


def _quaternion_rows(matrices: Array) -> tuple[Array, Array]:
    """Apply :func:`_to_quaternions`, up to signs, to many matrices; one quaternion per row."""
    associates = matrices.reshape(-1, 16) @ _ASSOCIATE
    rows, columns = np.divmod(np.argmax(np.abs(associates), axis=1), 4)
    each, associates = np.arange(len(matrices)), associates.reshape(-1, 4, 4)
    p, q = associates[each, :, columns], associates[each, rows]
    return tuple(x / np.linalg.norm(x, axis=1)[:, None] for x in (p, q))


def _from_quaternions(p: Array, q: Array) -> Array:
    """Return ``left(p) @ right(q)``, shape ``(4, 4)``."""
    product: Array = np.tensordot(p, _LEFT, 1) @ np.tensordot(q, _RIGHT, 1)
    return product


def _euler_angles(p: Array) -> tuple[float, float, float]:
    """Return ``a, b, c`` of a unit quaternion ``exp(a i) exp(b j) exp(c i)``."""
    total, difference = np.arctan2(p[1], p[0]), np.arctan2(p[3], p[2])
    middle = np.arctan2(np.hypot(p[2], p[3]), np.hypot(p[0], p[1]))
    if middle < TOLERANCE:
        return total, 0.0, 0.0
    return (total + difference) / 2, middle, (total - difference) / 2


def _rotation_to_axis(p: Array) -> tuple[Array, float]:
    """Return ``v`` and ``a`` of a unit quaternion ``v exp(a i) v*``."""
    sine = float(np.linalg.norm(p[1:]))
    if sine < TOLERANCE and p[0] > 0:
        return np.array([1.0, 0.0, 0.0, 0.0]), 0.0
    axis = p[1:] / sine if sine > 0 else np.array([1.0, 0.0, 0.0])
    sign = 1.0 if axis[0] >= 0 else -1.0
    axis = axis * sign
    v = np.array([1 + axis[0], 0.0, -axis[2], axis[1]])  # 1 + axis . i + i x axis
    return v / np.linalg.norm(v), sign * float(np.arctan2(sine, p[0]))


def two_qubit_rotation(matrix: Array, first: int, second: int) -> Gates:
    """Decompose an ``SO(4)`` matrix into 2 CZ, or none if it is a tensor product.

    ``first`` is the more significant qubit.
    """
    local = _tensor_factors(matrix)
    if local is not None:
        return _one_qubit(local[0], first) + _one_qubit(local[1], second)
    p, q = _to_quaternions(matrix)
    (a1, b2, c1), (a2, b1, c2) = _euler_angles(p), _euler_angles(q)
    middle = [cz(first, second), ry(2 * b1, first), ry(2 * b2, second), cz(first, second)]
    before, after = [ry(2 * c1, first), ry(2 * c2, second)], [ry(2 * a1, first), ry(2 * a2, second)]
    return [*before, *middle, *after]


def _tensor_factors(matrix: Array) -> tuple[Array, Array] | None:
    """Split a ``(4, 4)`` matrix into orthogonal ``(2, 2)`` tensor factors; None if impossible."""
    blocks = matrix.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
    row, column = np.unravel_index(np.argmax(np.abs(blocks)), (4, 4))
    first, second = blocks[:, column], blocks[row]
    first = first * np.sqrt(2) / np.linalg.norm(first)
    second = second / first[row]
    if np.linalg.norm(np.outer(first, second) - blocks) > TOLERANCE:
        return None
    return first.reshape(2, 2), second.reshape(2, 2)


def _one_qubit(matrix: Array, qubit: int) -> Gates:
    """Decompose an ``O(2)`` matrix into an optional Z and an RY."""
    reflection = [Gate("z", (qubit,))] if np.linalg.det(matrix) < 0 else []
    return [*reflection, ry(2 * np.arctan2(matrix[1, 0], matrix[0, 0]), qubit)]


def complete(columns: Array) -> Array:
    """Complete orthonormal columns, shape ``(n, r)``, to an orthogonal matrix ``(n, n)``."""
    full: Array = np.linalg.qr(columns, mode="complete")[0]
    full[:, : columns.shape[1]] = columns
    return full


# ------------------------------------------------------------------------- multiplexed rotations


def walsh_angles(angles: Array) -> Array:
    """Transform angles per control value into angles per control parity.

    ``angles[x] = sum_m result[m] * (-1)**popcount(x & m)``; both have shape ``(2,) * controls``.
    """
    return walsh_rows(angles.reshape(1, -1)).reshape(angles.shape)


def walsh_rows(angles: Array) -> Array:
    """Transform each row of a matrix as :func:`walsh_angles` does."""
    result = angles
    for axis in range(angles.shape[1].bit_length() - 1):
        before = result.reshape(len(angles), 2**axis, 2, -1)
        result = np.empty(before.shape)
        np.add(before[:, :, 0], before[:, :, 1], out=result[:, :, 0])
        np.subtract(before[:, :, 0], before[:, :, 1], out=result[:, :, 1])
    shares: Array = result.reshape(angles.shape) / angles.shape[1]
    return shares


def parity_path(angles: Array) -> NDArray[np.int64]:
    """Order the parities with a nonzero angle of :func:`walsh_angles` by the Gray code, 0 last.

    Parities are bit masks; the first control is the most significant bit. If all parities are
    present, each step along them and then to 0 flips one bit, which is one CZ.
    """
    gray = np.arange(angles.size, dtype=np.int64)
    gray = (gray ^ (gray >> 1))[::-1]
    return gray[np.abs(angles.ravel()[gray]) > TOLERANCE / 10]


def path_cost(path: NDArray[np.int64]) -> int:
    """Count the CZ gates of a multiplexed rotation of a qubit in ``|0>`` along a parity path."""
    steps = path ^ np.append(path[1:], 0)
    return int(np.bitwise_count(steps).sum())


def multiplexed_ry(angles: Array, controls: Sequence[int], target: int) -> Gates:
    """Rotate a qubit in ``|0>`` by an angle for each value of the controls, in radians.

    The circuit has at most ``2**controls - 1`` CZ (Moettoenen et al. 2004, arXiv:quant-ph/0407010).
    It is mirrored: the gate that closes the Gray code acts first, on ``|0>``, and is dropped.
    Controls and parities without effect cost nothing.
    """
    rotations = walsh_angles(angles)
    return _walk(rotations.ravel(), parity_path(rotations).tolist(), controls, target)


def _walk(angles: Array, path: list[int], controls: Sequence[int], target: int) -> Gates:
    """Rotate at each parity of the path, with CZ between them, and return to parity 0."""
    gates: Gates = []
    bits = [1 << i for i in reversed(range(len(controls)))]
    for mask, following in pairwise([*path, 0]):
        gates.append(ry(angles[mask], target))
        flips = mask ^ following
        gates += [
            cz(control, target) for control, bit in zip(controls, bits, strict=True) if flips & bit
        ]
    return gates


def multiplexed_rotation(first: Array, second: Array, control: int, pair: Sequence[int]) -> Gates:
    """Apply ``first`` where ``control`` is 0, or ``second`` where it is 1: at most 8 CZ.

    ``first`` and ``second`` are ``SO(4)`` matrices on a pair of qubits, the more significant qubit
    first. They are demultiplexed: ``first = V T W`` and ``second = V T^-1 W``, where ``T`` is a
    product of two RY. Then ``first second^T = V T^2 V^T``, which is one rotation of axes per
    quaternion.
    """
    (v_left, a), (v_right, b) = map(_rotation_to_axis, _to_quaternions(first @ second.T))
    if abs(a) + abs(b) < TOLERANCE:
        return two_qubit_rotation(first, *pair)
    outer = _from_quaternions(v_left, v_right)
    half = np.array([[np.cos(t / 2), np.sin(t / 2), 0, 0] for t in (a, b)])
    inner = _from_quaternions(*half).T @ outer.T @ first
    gates = two_qubit_rotation(inner, *pair)
    for qubit, angle in zip(pair, (a, b), strict=True):
        if abs(angle) > TOLERANCE:
            gates += [cz(control, qubit), ry(angle, qubit), cz(control, qubit)]
    return gates + two_qubit_rotation(outer, *pair)


# -------------------------------------------------------------------- two qubits: isometries


def two_qubit_isometry(subspace: Array, pair: tuple[int, int]) -> tuple[int, Gates, Array]:
    """Map one of two qubits, the other in ``|0>``, onto a plane of two-qubit states.

    One CZ suffices if the plane has an orthogonal basis of product states with orthogonal factors
    on one qubit. That qubit is then the input, and a multiplexed rotation acts on the other.
    Otherwise, two CZ are needed.

    Args:
        subspace: Orthonormal basis of the plane, shape ``(4, 2)``.
        pair: The two qubits, the more significant first.

    Returns:
        The input qubit, the gates, and the images of its ``|0>`` and ``|1>``, shape ``(4, 2)``.
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
    rotation = complete(subspace)
    rotation[:, -1] *= np.sign(np.linalg.det(rotation))
    return pair[1], two_qubit_rotation(rotation, *pair), subspace


def _product_states(subspace: Array) -> Array:
    """Find the two product states in the plane of ``u`` and ``v``: ``det(x u + y v) = 0``.

    Return them as matrices, shape ``(2, 2, 2)``; shape ``(0, 2, 2)`` if there are not two.
    """
    u, v = planes = subspace.T.reshape(2, 2, 2)
    a, c = np.linalg.det(u), np.linalg.det(v)
    b = u[0, 0] * v[1, 1] + v[0, 0] * u[1, 1] - u[0, 1] * v[1, 0] - v[0, 1] * u[1, 0]
    discriminant = b * b - 4 * a * c
    if discriminant < TOLERANCE:
        return np.zeros((0, 2, 2))
    root = -(b + np.copysign(np.sqrt(discriminant), b)) / 2
    weights = np.array([[root, a], [c, root]])  # a x^2 + b x y + c y^2 = 0, without cancellation
    weights /= np.linalg.norm(weights, axis=1)[:, None]
    states: Array = np.tensordot(weights, planes, 1)
    return states


# ------------------------------------------------------------------------------- three qubits


def three_qubit_isometry(columns: Array, qubits: Sequence[int]) -> tuple[Gates, Array]:
    """Map the last ``k`` of three qubits, the others in ``|0>``, onto a subspace.

    The columns are decomposed as ``(A0 (+) A1) [C; S] B``. ``C`` and ``S`` are a rotation of the
    first qubit, multiplexed by the other qubits. ``A0`` and ``A1`` are rotations of the other
    qubits, selected by the first qubit. The returned gates do not include ``B``, which the
    preparation of the input must include.

    Args:
        columns: Orthonormal basis of the subspace, shape ``(8, 2**k)``, ``k`` 1 or 2.
        qubits: The three qubits, the most significant first.

    Returns:
        The gates, with at most 9 CZ (``k = 1``) or 11 CZ (``k = 2``), and the images of the input
        basis states, shape ``(8, 2**k)``.
    """
    rank = columns.shape[1]
    upper, lower, cosines, sines = _cosines_and_sines(columns)
    basis = np.vstack([upper[:, :rank] * cosines, lower[:, :rank] * sines])
    num_inputs = rank.bit_length() - 1
    angles = 2 * np.arctan2(sines, cosines).reshape((2,) * num_inputs)
    gates = multiplexed_ry(angles, qubits[3 - num_inputs :], qubits[0])
    return gates + multiplexed_rotation(upper, lower, qubits[0], qubits[1:]), basis


def _cosines_and_sines(columns: Array) -> tuple[Array, Array, Array, Array]:
    """Decompose orthonormal columns, shape ``(..., 8, 2**k)``, as ``(A0 (+) A1) [C; S] B``.

    Return ``A0`` and ``A1``, of determinant 1, and the diagonals of ``C`` and ``S``.
    """
    rank = columns.shape[-1]
    upper, cosines, mixing = np.linalg.svd(columns[..., :4, :])
    rest = columns[..., 4:, :] @ mixing.swapaxes(-1, -2)
    lower, triangle = np.linalg.qr(
        rest[..., ::-1], mode="complete"
    )  # longest column first, for accuracy
    sines = np.diagonal(triangle, axis1=-2, axis2=-1)[..., ::-1].copy()
    lower[..., :rank] = lower[..., :rank][..., ::-1].copy()
    for side, values in ((upper, cosines), (lower, sines)):
        sign = np.where(np.linalg.det(side) < 0, -1.0, 1.0)
        side[..., -1] *= sign[..., None]
        if rank == 4:
            values[..., -1] *= sign
    return upper, lower, cosines, sines


def three_qubit_isometry_costs(subspaces: Sequence[Array]) -> list[int]:
    """Count the CZ of :func:`three_qubit_isometry` for many subspaces at once.

    A generic subspace needs the maximum number. For the others, the gates are built and counted.
    """
    costs = np.zeros(len(subspaces), dtype=np.int64)
    for rank, most in ((2, 1 + 8), (4, 3 + 8)):
        if chosen := [i for i, columns in enumerate(subspaces) if columns.shape[1] == rank]:
            costs[chosen] = most * _generic(np.array([subspaces[i] for i in chosen]))
    return [
        two_qubit_count(three_qubit_isometry(columns, range(3))[0]) if cost == 0 else cost
        for columns, cost in zip(subspaces, costs.tolist(), strict=True)
    ]


def _generic(columns: Array) -> NDArray[np.bool_]:
    """Return whether no rotation is small and no two-qubit rotation nearly local, per subspace."""
    upper, lower, cosines, sines = _cosines_and_sines(columns)
    turns = walsh_rows(2 * np.arctan2(sines, cosines))
    generic: NDArray[np.bool_] = np.all(np.abs(turns) > _SMALL, axis=1)
    sides = zip(
        _quaternion_rows(upper @ lower.swapaxes(1, 2)), _quaternion_rows(upper), strict=True
    )
    for total, part in sides:
        axis = total[:, 1:]
        generic &= np.hypot(axis[:, 1], axis[:, 2]) > _SMALL  # the outer rotation is not local
        length = np.maximum(np.linalg.norm(axis, axis=1), _SMALL)
        axis = axis * (np.copysign(1.0, axis[:, 0]) / length)[:, None]
        scalar = (1 + axis[:, 0]) * part[:, 0] - axis[:, 2] * part[:, 2] + axis[:, 1] * part[:, 3]
        first = (1 + axis[:, 0]) * part[:, 1] + axis[:, 2] * part[:, 3] + axis[:, 1] * part[:, 2]
        share = np.hypot(scalar, first) / np.sqrt(2 + 2 * axis[:, 0])
        generic &= (share > _SMALL) & (share < 1 - _SMALL)  # nor the inner one
    return generic


def three_qubit_rotation(matrix: Array, *qubits: int) -> Gates:
    """Decompose an ``SO(8)`` matrix into at most 19 CZ; the most significant qubit is first.

    ``matrix = (A0 (+) A1) [[C, -S], [S, C]] (B0 (+) B1)``. ``B1`` absorbs the CZ that closes the
    middle multiplexed rotation.
    """
    outer, angles, inner = scipy.linalg.cossin(matrix, p=4, q=4, separate=True)
    cosines, sines = np.cos(angles), np.sin(angles)
    outer_signs, inner_signs = (
        [np.sign(np.linalg.det(m)) for m in side] for side in (outer, inner)
    )
    for i in (0, 1):  # determinant 1 everywhere; the four signs multiply to 1
        outer[i][:, 0] *= outer_signs[i]
        inner[i][0] *= inner_signs[i]
    cosines[0] *= outer_signs[0] * inner_signs[0]
    sines[0] *= outer_signs[1] * inner_signs[0]
    rotations = walsh_angles(2 * np.arctan2(sines, cosines).reshape(2, 2))
    path = parity_path(rotations).tolist()
    start = path[0] if path else 0
    parity = np.array([(-1.0) ** (x & start).bit_count() for x in range(4)])
    before = multiplexed_rotation(inner[0], parity[:, None] * inner[1], qubits[0], qubits[1:])
    middle = _walk(rotations.ravel(), path, qubits[1:], qubits[0])
    return before + middle + multiplexed_rotation(outer[0], outer[1], qubits[0], qubits[1:])
