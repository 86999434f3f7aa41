"""Addition of a kernel's offset to a pixel's position, with few CX.

============  ========  =========================================================================
family        ancillas  CX
============  ========  =========================================================================
``ripple``    yes       see :func:`adder_cost`: for three offsets and ``n >= 3`` position bits
                        ``7n - 9`` with ``n - 3`` ancillas, measured ``4n - 3`` with ``n - 2``
                        and a depth of ``2n + 1`` CX
``fourier``   none      quadratic in ``n``: ``2 * n**2 + 2n - 4`` for three offsets and ``n >= 2``
``mcx``       none      most of all, as its gates have up to ``n`` controls; but it merely permutes
                        basis states, so a simulator that knows such gates runs it fastest
============  ========  =========================================================================

References: Cuccaro et al. 2004, arXiv:quant-ph/0410184 (ripple); Draper 2000,
arXiv:quant-ph/0008033 (fourier); Maslov 2016, arXiv:1508.03273 (relative-phase Toffoli gates).
"""

from __future__ import annotations

import math

from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Qubit
from qiskit.providers import BackendV2

from qconv import _checks
from qconv.circuits._adder import Ripple
from qconv.circuits.fourier import fourier_transform

FAMILIES = ("ripple", "fourier", "mcx")
"""The families of adders."""

_COUNTED = ("ripple", "fourier")


def offset_adder(
    num_bits: int, num_offsets: int, *, family: str = "ripple", measured: bool = False
) -> QuantumCircuit:
    """Add an offset to a position, ``position = (position + offset) mod 2**num_bits``.

    The registers are ``position``, ``offset`` and, only where the circuit needs ancillas,
    ``ancilla``, an ``AncillaRegister`` that has to be ``|0>`` at the start. The lowest bit of each
    comes first. The offset has as many qubits as its highest value, ``num_offsets - 1``, has bits.
    Where these are more than ``num_bits``, the higher ones do nothing.

    What the circuit does to offsets of ``num_offsets`` or more is unspecified: it is cheaper for
    not having to add them.

    Args:
        num_bits: Bits of the position, at least 1.
        num_offsets: The offset is in ``0..num_offsets-1``; at least 2.
        family: ``"ripple"`` for the fewest CX, with ancillas; ``"fourier"`` for none, with a
            quantum Fourier transform; ``"mcx"`` for none, with multi-controlled X gates. See
            :func:`choose_family`.
        measured: False for a circuit that is right on any superposition, phases included, and
            returns the ancillas to ``|0>``. True where position and offset are measured right
            after: the probabilities of their outcomes are right, but basis states get phases and
            leave garbage in the ancillas. This needs fewer CX in the ripple family, and makes no
            difference in the others.

    Returns:
        The circuit, without measurement: of H, S, T, their inverses and CX (ripple), of H, CZ and
        controlled phase gates (fourier), or of X gates with one control and more (mcx).

    Raises:
        TypeError: ``num_bits`` or ``num_offsets`` is not a whole number, or ``measured`` not a
            truth value.
        ValueError: ``num_bits`` is below 1, ``num_offsets`` below 2, or ``family`` unknown.

    Example:
        >>> import qconv
        >>> adder = qconv.offset_adder(num_bits=5, num_offsets=3)  # adds 0, 1 or 2, modulo 32
        >>> [(register.name, register.size) for register in adder.qregs]
        [('position', 5), ('offset', 2), ('ancilla', 2)]
        >>> qconv.resources(adder).two_qubit_gates
        26
    """
    num_bits, num_offsets = _checked_sizes(num_bits, num_offsets)
    family = _checks.one_of(family, "family", FAMILIES)
    measured = _checks.boolean(measured, "measured")
    width = (num_offsets - 1).bit_length()
    position, offset = QuantumRegister(num_bits, "position"), QuantumRegister(width, "offset")
    circuit = QuantumCircuit(position, offset, name="offset_adder")
    used = list(offset)[:num_bits]
    if family == "fourier":
        _add_by_fourier(circuit, list(position), used)
    elif family == "mcx":
        _add_by_mcx(circuit, list(position), used)
    else:
        exclusive = 1 < width <= num_bits and _is_power_of_two(num_offsets - 1)
        Ripple(circuit, list(position), used, exclusive=exclusive, measured=measured).append()
    return circuit


def adder_cost(
    num_bits: int, num_offsets: int, *, family: str = "ripple", measured: bool = False
) -> int:
    """Tell how many CX :func:`offset_adder` has after transpiling to ``rz, sx, x, cx``.

    With ``n = num_bits`` and ``m`` bits of the offset, the ripple family has, for ``n >= 2``:

    ==================================  ===================  ==================
    offsets                             coherent             measured
    ==================================  ===================  ==================
    any, ``n <= m``                     ``10n - 14``         ``6n - 7``
    any but the line below, ``n > m``   ``7n + 3m - 12``     ``4n + 2m - 6``
    ``2**(m-1) + 1 >= 3``, ``n > m``    ``7n + 3m - 15``     ``4n + 2m - 7``
    ==================================  ===================  ==================

    and 1 for ``n = 1``. It needs no ancillas for ``n <= 2``. For ``n >= 3`` it needs ``n - 2``
    where measured; coherent ``n - 2`` for 2 offsets, ``n - 3`` for 3, ``max(n - m, 1)`` for any
    other ``2**(m-1) + 1`` and ``max(n - m - 1, 1)`` otherwise.

    The fourier family has ``2n(n-1)`` CX for the two transforms, and for the offset's bit ``j`` one
    CX and two for each position bit above ``j``.

    Args:
        num_bits: As in :func:`offset_adder`.
        num_offsets: As in :func:`offset_adder`.
        family: ``"ripple"`` or ``"fourier"``.
        measured: As in :func:`offset_adder`.

    Returns:
        The number of CX.

    Raises:
        TypeError: As :func:`offset_adder`.
        ValueError: As :func:`offset_adder`.
    """
    num_bits, num_offsets = _checked_sizes(num_bits, num_offsets)
    family = _checks.one_of(family, "family", _COUNTED)
    measured = _checks.boolean(measured, "measured")
    width = (num_offsets - 1).bit_length()
    if family == "fourier":
        used = min(width, num_bits)
        rotations = sum(min(bit, used) for bit in range(num_bits))
        return 2 * num_bits * (num_bits - 1) + 2 * rotations + used
    if num_bits == 1:
        return 1
    if num_bits <= width:
        return 6 * num_bits - 7 if measured else 10 * num_bits - 14
    exclusive = width > 1 and _is_power_of_two(num_offsets - 1)
    if measured:
        return 4 * num_bits + 2 * width - 6 - exclusive
    return 7 * num_bits + 3 * width - 12 - 3 * exclusive


def choose_family(backend: object, *, exact: bool) -> str:
    """Choose the family of adders for where a circuit is to run.

    Simulators pay for qubits, so they get a family without ancillas; devices pay for CX.

    Args:
        backend: A backend, a sampler, or None for the project's own simulator; not checked.
        exact: Whether it simulates the state vector, free of noise, and knows gates of many
            controls.

    Returns:
        ``"mcx"`` if ``exact``, otherwise ``"ripple"`` for a ``BackendV2`` with a coupling map and
        ``"fourier"`` for anything else.
    """
    if exact:
        return "mcx"
    device = isinstance(backend, BackendV2) and backend.coupling_map is not None
    return "ripple" if device else "fourier"


def _checked_sizes(num_bits: int, num_offsets: int) -> tuple[int, int]:
    """Return both as ``int``, or say what is wrong with them."""
    return (
        _checks.whole_number(num_bits, "num_bits", 1),
        _checks.whole_number(num_offsets, "num_offsets", 2),
    )


def _is_power_of_two(number: int) -> bool:
    """Tell whether a positive number is a power of two."""
    return number & (number - 1) == 0


def _add_by_fourier(circuit: QuantumCircuit, position: list[Qubit], offset: list[Qubit]) -> None:
    """Append the transform without swaps, the offset as phases, and the inverse transform."""
    transform = fourier_transform(len(position))
    circuit.compose(transform, position, inplace=True)
    for high, bit in enumerate(position):
        for low, addend in enumerate(offset[: high + 1]):
            if low == high:
                circuit.cz(addend, bit)
            else:
                circuit.cp(math.pi / 2 ** (high - low), addend, bit)
    circuit.compose(transform.inverse(), position, inplace=True)


def _add_by_mcx(circuit: QuantumCircuit, position: list[Qubit], offset: list[Qubit]) -> None:
    """Append, for each bit of the offset, an increment from that bit up, the highest bit first."""
    for low, addend in enumerate(offset):
        for high in reversed(range(low, len(position))):
            circuit.mcx([addend, *position[low:high]], position[high])
