"""Approximate loading of an image with few CX.

Exact loading of an image needs about one CX per pixel. Photographs are loaded approximately
with far fewer: 64x64 pixels with 100 CX at fidelities of 0.95 to 0.99. The circuit is an RY on
every qubit, and blocks of a CZ and two RY. Its angles and the places of its CZ gates are optimised
for the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit

from qconv._checks import (
    numpy_defaults,
    one_of,
    real_array,
    real_number,
    require_seed,
    whole_number,
)
from qconv.circuits._gates import Array, Gates, relabel, simulate
from qconv.circuits._simplify import simplify
from qconv.circuits.encoding import circuit_of, encode_amplitudes, register_names
from qconv.circuits.loading.chain import chain
from qconv.circuits.loading.search import Search
from qconv.circuits.resources import resources

#: Maximum number of qubits.
_LARGEST = 16

#: Maximum number of CZ gates of the search for a fidelity.
_MOST = 1000


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A circuit that loads an image approximately, and its errors.

    Compare ``fidelity`` with ``constant_fidelity``, the fidelity of an image without any detail: a
    constant image often has a high fidelity.

    Attributes:
        circuit: Circuit of RY, CZ and similar gates, without measurement, with the registers
            of `encode_amplitudes`.
        image: Image that the circuit loads, in the units and with the shape of the original image.
        fidelity: Squared overlap of the loaded state with the exact state.
        constant_fidelity: Squared overlap of a constant image with the exact state.
        two_qubit_gates: Number of CX after transpiling to ``rz, sx, x, cx``.
        depth: Depth after transpiling to ``rz, sx, x, cx``.
        line: Indices of the circuit's qubits in the order of the chain. With ``coupling="line"``,
            all two-qubit gates act on neighbours in this order.

    Example:
        >>> import qconv
        >>> loaded = qconv.encode_image([[4, 3, 2, 1], [1, 2, 3, 5]], two_qubit_gates=2, seed=1)
        >>> loaded.fidelity > loaded.constant_fidelity
        True
    """

    circuit: QuantumCircuit = field(repr=False)
    image: NDArray[np.float64] = field(repr=False)
    fidelity: float
    constant_fidelity: float
    two_qubit_gates: int
    depth: int
    line: tuple[int, ...] = field(repr=False)


@numpy_defaults
def encode_image(
    image: ArrayLike,
    *,
    two_qubit_gates: int | None = None,
    fidelity: float | None = None,
    coupling: str = "all",
    seed: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> LoadedImage:
    """Load an image, a signal or a volume approximately, with few CX.

    Give either the number of CX or the fidelity. A search optimises the angles and the places of
    the CX for this image. It takes less than a minute for 64x64 pixels and 100 CX. Larger images
    are first loaded at coarser scales. The exact circuit of `encode_amplitudes` is returned if it
    has few enough CX.

    A small error of the loaded image can be a large error after a filter: at a fidelity of 0.986,
    a photograph's edges are lost. Filter ``image`` of the result to see the error.

    Args:
        image: Real array of any sign, not all zero. Each axis is padded with zeros to a power of
            two. The padded array has at most ``2**16`` elements.
        two_qubit_gates: Maximum number of CX.
        fidelity: Minimum fidelity, greater than 0 and less than 1.
        coupling: ``"all"`` if CX may act on any pair of qubits. ``"line"`` if CX may act only
            on neighbours in a line of qubits; no swaps are needed.
        seed: Seed of the search. With the same seed, the result is the same on one machine. None
            takes a random seed.

    Returns:
        The circuit, its fidelity, and the image that it loads.

    Raises:
        TypeError: If an argument has the wrong type, or if both or neither of ``two_qubit_gates``
            and ``fidelity`` are given.
        ValueError: If the image is all zero, too large, or has masked, NaN or infinite elements;
            if another argument is out of range; or if the fidelity is not reached.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> y, x = np.mgrid[:8, :8]
        >>> image = np.exp(-np.hypot(y - 4, x - 3) / 2)
        >>> loaded = qconv.encode_image(image, two_qubit_gates=8, seed=1)
        >>> loaded.two_qubit_gates, loaded.fidelity > 0.97, loaded.image.shape
        (8, True, (8, 8))
    """
    array = _checked_image(image)
    two_qubit_gates, fidelity = check_loading(two_qubit_gates, fidelity, coupling)
    require_seed(seed)
    sizes = [(length - 1).bit_length() for length in array.shape]
    scaled = array / np.abs(array).max()  # prevents squares from overflowing or underflowing
    padded = np.pad(scaled, [(0, 2**n - m) for n, m in zip(sizes, array.shape, strict=True)])
    exact = encode_amplitudes(padded)
    cost = exact.num_nonlocal_gates()
    usable = coupling == "all" or _neighbours_only(exact, _line(sizes))
    if usable and cost <= (two_qubit_gates or 0):
        return _loaded(array, exact)
    search = Search(padded, coupling == "line", np.random.default_rng(seed))
    if fidelity is None:
        ansatz, _ = search.best(two_qubit_gates or 0)
    else:
        most = min(cost, _MOST)
        ansatz, overlap = search.fewest(fidelity, most)
        reached = overlap**2 >= fidelity
        if usable and (not reached or cost <= len(ansatz.pairs)):
            return _loaded(array, exact)
        if not reached:
            raise ValueError(
                f"fidelity: expected at most {overlap**2:.4f}, reached with {most} CX, got "
                f"{fidelity}; encode_amplitudes is exact, with {cost} CX between any two qubits"
            )
    gates = simplify(relabel(ansatz.gates(), chain(sizes)))
    return _loaded(array, circuit_of(gates, sizes, register_names(None, array.ndim)), gates)


def _checked_image(image: ArrayLike) -> Array:
    """Return an image with at most 16 qubits and elements of at most 1, or raise."""
    array = real_array(image, "image")
    if array.ndim == 0:
        raise ValueError("image: expected at least one axis, got a scalar")
    if not array.any():
        raise ValueError("image: expected at least one entry other than 0, got all zeros")
    num_qubits = sum((length - 1).bit_length() for length in array.shape)
    if num_qubits > _LARGEST:
        raise ValueError(
            f"image: expected at most {2**_LARGEST} elements after padding each axis to a power "
            f"of two, got {2**num_qubits}"
        )
    return array


def check_loading(
    two_qubit_gates: object, fidelity: object, coupling: object
) -> tuple[int | None, float | None]:
    """Return the number of CX and the fidelity, one of which is None, or raise."""
    if (two_qubit_gates is None) == (fidelity is None):
        found = "both" if fidelity is not None else "neither"
        raise TypeError(f"two_qubit_gates, fidelity: expected one of the two, got {found}")
    one_of(coupling, "coupling", ("all", "line"))
    if fidelity is not None:
        return None, _checked_fidelity(fidelity)
    return whole_number(two_qubit_gates, "two_qubit_gates", 0), None


def _checked_fidelity(fidelity: object) -> float:
    """Return a fidelity between 0 and 1, or raise."""
    number = real_number(fidelity, "fidelity")
    if not 0 < number < 1:
        raise ValueError(f"fidelity: expected a number between 0 and 1, got {fidelity!r}")
    return number


def _line(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of a circuit's qubits in the order of the chain."""
    return tuple(sum(sizes) - 1 - qubit for qubit in chain(sizes))


def _neighbours_only(circuit: QuantumCircuit, line: Sequence[int]) -> bool:
    """Return whether all gates on two qubits act on neighbours in a line."""
    pairs = [[line.index(circuit.find_bit(q).index) for q in item.qubits] for item in circuit]
    return all(max(places) - min(places) <= 1 for places in pairs)


def _loaded(array: Array, circuit: QuantumCircuit, gates: Gates | None = None) -> LoadedImage:
    """Evaluate a circuit that loads an image, exactly if its gates are not given."""
    largest = np.abs(array).max()
    scaled = array / largest
    norm = float(np.linalg.norm(scaled))
    sizes = [(length - 1).bit_length() for length in array.shape]
    image, fidelity = array.copy(), 1.0
    if gates is not None:
        inside = tuple(map(slice, array.shape))
        state = simulate(gates, sum(sizes)).reshape([2**n for n in sizes])[inside]
        overlap = complex(np.vdot(state, scaled)) / norm
        image = (state * (overlap / abs(overlap))).real * norm * largest
        fidelity = abs(overlap) ** 2
    cost = resources(circuit)
    return LoadedImage(
        circuit=circuit,
        image=image,
        fidelity=fidelity,
        constant_fidelity=float(scaled.sum() / norm) ** 2 / scaled.size,
        two_qubit_gates=cost.two_qubit_gates,
        depth=cost.depth,
        line=_line(sizes),
    )
