"""Addition of a kernel's offset to a pixel's position, with few CX.

============  ========  =========================================================================
family        ancillas  number of CX
============  ========  =========================================================================
``ripple``    yes       see :func:`adder_cost`: for three offsets and ``n >= 3`` position bits
                        ``7n - 9`` with ``n - 3`` ancillas; measured: ``4n - 3`` with ``n - 2``
                        ancillas and a depth of ``2n + 1`` CX
``fourier``   none      quadratic in ``n``: ``2 * n**2 + 2n - 4`` for three offsets and ``n >= 2``
``mcx``       none      the most, because its gates have up to ``n`` controls. It only permutes
                        basis states, so simulators that support such gates run it fastest.
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
"""Names of the adder families."""

_COUNTED = ("ripple", "fourier")


def offset_adder(
    num_bits: int, num_offsets: int, *, family: str = "ripple", measured: bool = False
) -> QuantumCircuit:
    """Add an offset to a position, ``position = (position + offset) mod 2**num_bits``.

    The registers are ``position``, ``offset`` and, if the circuit needs ancillas, ``ancilla``. The
    last is an ``AncillaRegister``, which must be in ``|0>`` at the start. Each register has its
    lowest bit first. The offset register has ``(num_offsets - 1).bit_length()`` qubits. Only its
    first ``num_bits`` qubits have an effect.

    For offsets of ``num_offsets`` or more, the effect of the circuit is unspecified, which makes
    the circuit cheaper.

    Args:
        num_bits: Number of position bits, at least 1.
        num_offsets: Number of offsets, at least 2; the offset is in ``0..num_offsets-1``.
        family: ``"ripple"`` for the fewest CX, with ancillas; ``"fourier"`` for a quantum Fourier
            transform, or ``"mcx"`` for multi-controlled X gates, both without ancillas. See
            :func:`choose_family`.
        measured: False for a circuit that is exact on any superposition, including phases, and
            returns the ancillas to ``|0>``. True if position and offset are measured next: the
            outcome probabilities are exact, but basis states acquire phases, and the ancillas do
            not return to ``|0>``. The ripple family then needs fewer CX; the others are unchanged.

    Returns:
        The circuit, without measurement. The ripple family has H, S, T, their inverses and CX. The
        fourier family has H, CZ and controlled phase gates. The mcx family has X gates with one or
        more controls.

    Raises:
        TypeError: If ``num_bits`` or ``num_offsets`` is not an integer, or ``measured`` is not a
            bool.
        ValueError: If ``num_bits`` is below 1, ``num_offsets`` is below 2, or ``family`` is
            unknown.

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
        for low, addend in enumerate(used):  # each increments from its bit upwards
            for high in reversed(range(low, num_bits)):
                circuit.mcx([addend, *position[low:high]], position[high])
    else:
        exclusive = 1 < width <= num_bits and _is_power_of_two(num_offsets - 1)
        Ripple(circuit, list(position), used, exclusive=exclusive, measured=measured).append()
    return circuit


def adder_cost(
    num_bits: int, num_offsets: int, *, family: str = "ripple", measured: bool = False
) -> int:
    """Count the CX of :func:`offset_adder` after transpiling to ``rz, sx, x, cx``.

    With ``n = num_bits`` and ``m`` offset bits, the ripple family has, for ``n >= 2``:

    ==================================  ===================  ==================
    offsets                             coherent             measured
    ==================================  ===================  ==================
    any, ``n <= m``                     ``10n - 14``         ``6n - 7``
    any but the line below, ``n > m``   ``7n + 3m - 12``     ``4n + 2m - 6``
    ``2**(m-1) + 1 >= 3``, ``n > m``    ``7n + 3m - 15``     ``4n + 2m - 7``
    ==================================  ===================  ==================

    and 1 for ``n = 1``. It needs no ancillas for ``n <= 2``. For ``n >= 3``, a measured adder needs
    ``n - 2`` ancillas. A coherent one needs ``n - 2`` for 2 offsets, ``n - 3`` for 3,
    ``max(n - m, 1)`` for any other ``2**(m-1) + 1``, and ``max(n - m - 1, 1)`` otherwise.

    The fourier family has ``2n(n-1)`` CX for the two transforms. Offset bit ``j`` adds one CX, and
    two more for each position bit above ``j``.

    Args:
        num_bits: As in :func:`offset_adder`.
        num_offsets: As in :func:`offset_adder`.
        family: ``"ripple"`` or ``"fourier"``.
        measured: As in :func:`offset_adder`.

    Returns:
        The number of CX.

    Raises:
        TypeError: If :func:`offset_adder` rejects the type of an argument.
        ValueError: If :func:`offset_adder` rejects an argument, or ``family`` is ``"mcx"``.
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
    """Choose the adder family for a backend.

    On simulators each qubit is costly, so the family has no ancillas. On devices each CX is costly.

    Args:
        backend: A backend, a sampler, or None for qconv's own simulator. It is not checked.
        exact: Whether the backend is a noiseless state vector simulator that supports gates with
            many controls.

    Returns:
        ``"mcx"`` if ``exact``; otherwise ``"ripple"`` for a ``BackendV2`` with a coupling map, and
        ``"fourier"`` for anything else.
    """
    if exact:
        return "mcx"
    device = isinstance(backend, BackendV2) and backend.coupling_map is not None
    return "ripple" if device else "fourier"


def _checked_sizes(num_bits: int, num_offsets: int) -> tuple[int, int]:
    """Return both numbers as ``int``, or raise if one is invalid."""
    return (
        _checks.whole_number(num_bits, "num_bits", 1),
        _checks.whole_number(num_offsets, "num_offsets", 2),
    )


def _is_power_of_two(number: int) -> bool:
    """Return whether a positive number is a power of two."""
    return number & (number - 1) == 0


def _add_by_fourier(circuit: QuantumCircuit, position: list[Qubit], offset: list[Qubit]) -> None:
    """Append the transform without swaps, phases for the offset, and the inverse transform."""
    transform = fourier_transform(len(position))
    circuit.compose(transform, position, inplace=True)
    for high, bit in enumerate(position):
        for low, addend in enumerate(offset[: high + 1]):
            if low == high:
                circuit.cz(addend, bit)
            else:
                circuit.cp(math.pi / 2 ** (high - low), addend, bit)
    circuit.compose(transform.inverse(), position, inplace=True)
