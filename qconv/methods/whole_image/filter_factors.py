"""Factors of transfer functions that take few gates: quadratic phases, and products over the axes.

A general transfer function on ``n`` position qubits is one diagonal on ``n + 1`` qubits, which
takes ``2**(n + 1) - 2`` CX. Many transfer functions have more structure:

* A phase that is a quadratic polynomial of the frequency takes controlled phases alone. Examples
  are free propagation, and the linear phase of a displaced kernel.
* Without this phase, the transfer function is often real. A rotation of the flag, multiplexed by
  the ``n`` qubits, then takes at most ``2**n`` CX (Moettoenen et al. 2004, quant-ph/0407010).
* If the real factor is a product over the axes, each axis has its own flag and its own rotation.
  For 256 x 256 pixels, two rotations with 256 CX each take the place of one with 65,536 CX. An
  execution succeeds if all flags read 0.

The factors are recognised from the numbers. They reproduce the transfer function up to rounding.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Qubit

from qconv.circuits._complex import plain_circuit
from qconv.circuits._orthogonal import multiplexed_ry
from qconv.circuits.fourier import reversed_bits
from qconv.circuits.phases import (
    append_products,
    few_bits,
    phases_at,
    polynomial_phases,
    quadratic_terms,
    wrapped,
)
from qconv.circuits.registers import FLAG_ROTATION, BoxedRotation, append_large, large_rotation

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Differences of factors that are rounding errors.
_ROUNDING = 1e-10

#: Magnitudes above this value have phases that are accurate enough to determine a polynomial.
_CLEAR = 1e-3

#: Number of basis states, drawn at random, that reject most wrong phases before all states are
#: computed. With fewer or more states, the search only takes longer.
_TRIED = 1024

#: Maximum number of controls of a rotation whose gates are built one by one.
_BUILT = 11


@dataclass(frozen=True, eq=False)
class FilterFactors:
    """Quadratic phase and multiplexed rotations whose product is a transfer function."""

    phases: dict[int, float]
    """Coefficients of the phase in radians, by the mask of their position qubits."""
    rotations: list[tuple[int, _Array]]
    """First position qubit of each multiplexed rotation, and its real factor for each value of its
    qubits, from -1 to 1."""

    @classmethod
    def of(cls, transfer: _Spectrum) -> FilterFactors | None:
        """Find the factors of a transfer function.

        Args:
            transfer: Factors in the order of the position qubits, one axis of ``2**bits`` entries
                per register, with largest magnitude 1.

        Returns:
            The factors; None if the phase is not quadratic up to signs.
        """
        flat = transfer.ravel()
        if flat.real.min() >= -_ROUNDING and np.abs(flat.imag).max() <= _ROUNDING:
            return cls({}, _rotations(transfer.real))
        n = flat.size.bit_length() - 1
        some = np.random.default_rng(0).integers(flat.size, size=_TRIED)
        for multiple in (1, 2):  # twice the phase, if signs are left to the rotations
            for likely in (_by_bits, _by_frequency):
                terms = likely(transfer, multiple)
                phases = {mask: angle / multiple for mask, angle in terms.items()}
                tried = flat[some] * np.exp(-1j * phases_at(phases, some))
                if not _is_real(tried, signed=multiple == 2):
                    continue
                turned = flat * np.exp(-1j * polynomial_phases(phases, n))
                if _is_real(turned, signed=multiple == 2):
                    return cls(phases, _rotations(turned.real.reshape(transfer.shape)))
        return None

    def append_phases(self, circuit: QuantumCircuit, qubits: list[Qubit]) -> None:
        """Append the phases to the position qubits."""
        places = {qubit: place for place, qubit in enumerate(circuit.qubits)}
        products = {}
        for mask, angle in self.phases.items():
            own = (qubit for bit, qubit in enumerate(qubits) if mask >> bit & 1)
            products[tuple(places[qubit] for qubit in own)] = angle
        append_products(circuit, products)

    def append_rotations(
        self,
        circuit: QuantumCircuit,
        qubits: list[Qubit],
        flags: list[Qubit],
        *,
        undo: bool,
        boxed: bool,
    ) -> None:
        """Append the rotation of each flag, from ``|0>``, or undo them.

        With ``boxed``, the angles of large rotations stay arrays, for circuits whose gates are only
        counted.
        """
        for (first, real), flag in zip(self.rotations, flags, strict=True):
            own = qubits[first : first + real.size.bit_length() - 1]
            angles = 2 * np.arccos(np.clip(real, -1, 1))
            if len(own) > _BUILT:
                angles = -angles if undo else angles
                rotation = BoxedRotation(angles) if boxed else large_rotation(angles)
                rotation.name = FLAG_ROTATION
                append_large(circuit, rotation, [flag, *own])
                continue
            n = len(own)
            gates = multiplexed_ry(angles.reshape((2,) * n), range(n), n)
            built = plain_circuit(gates, n + 1)
            circuit.compose(built.inverse() if undo else built, [flag, *own], inplace=True)


def _is_real(values: _Spectrum, *, signed: bool) -> bool:
    """Return whether numbers are real up to rounding and, unless ``signed``, not negative."""
    positive = signed or values.real.min() >= -_ROUNDING
    return bool(positive and np.abs(values.imag).max() <= _ROUNDING)


def _by_bits(transfer: _Spectrum, multiple: int) -> dict[int, float]:
    """Return a likely phase of a power, from the phases of states with at most two bits set."""
    n = transfer.size.bit_length() - 1
    values = transfer.ravel()[few_bits(n)] ** multiple
    return quadratic_terms(np.angle(values), np.abs(values) > _CLEAR, n)


def _by_frequency(transfer: _Spectrum, multiple: int) -> dict[int, float]:
    """Return a likely phase of a power, quadratic in the frequency, from the phases at the peak.

    Let the peak be at the frequency ``p``. The phase is ``c_0 + b (f - p) + c (f - p)**2 / 2``
    along each axis, with a product of the differences for each pair of axes.
    """
    orders = [reversed_bits(size.bit_length() - 1) for size in transfer.shape]
    ordered = transfer[np.ix_(*orders)]
    peak = np.unravel_index(np.argmax(np.abs(ordered)), ordered.shape)

    def angle(*steps: int) -> float:
        place = tuple((p + s) % n for p, s, n in zip(peak, steps, ordered.shape, strict=True))
        return float(np.angle(ordered[place] ** multiple))

    n = transfer.size.bit_length() - 1
    states = np.unravel_index(few_bits(n), transfer.shape)
    unit = np.eye(ordered.ndim, dtype=int)
    start = angle(*np.zeros(ordered.ndim, dtype=int))
    total = np.full(states[0].shape, start)
    apart = []
    for axis, (size, first) in enumerate(zip(ordered.shape, peak, strict=True)):
        signed = np.fft.fftfreq(size, 1 / size)
        along = signed[orders[axis][states[axis]]] - signed[first]  # bits reversed twice
        apart.append(along)
        after, before = angle(*unit[axis]), angle(*-unit[axis])
        bend = wrapped(after - 2 * start + before)
        total = total + wrapped(after - start - bend / 2) * along + bend * along**2 / 2
    for one, other in itertools.combinations(range(ordered.ndim), 2):
        both = angle(*(unit[one] + unit[other])) - angle(*unit[one]) - angle(*unit[other])
        total = total + wrapped(both + start) * apart[one] * apart[other]
    return quadratic_terms(total, np.ones(total.size, dtype=np.bool_), n)


def _rotations(real: _Array) -> list[tuple[int, _Array]]:
    """Return one rotation per axis if a real factor is a product over the axes; otherwise one."""
    axes = _product(real) or [real.ravel()]
    rotations, first = [], int(math.log2(real.size))
    for factor in axes:
        first -= factor.size.bit_length() - 1
        if np.abs(factor - 1).max() > _ROUNDING:
            rotations.append((first, factor))
    return rotations


def _product(real: _Array) -> list[_Array] | None:
    """Return one factor per axis, with largest magnitude 1; None if there are no such factors."""
    peak = np.unravel_index(np.argmax(np.abs(real)), real.shape)
    factors, product = [], np.array(real[peak])
    for axis in range(real.ndim):
        along = real[tuple(slice(None) if i == axis else p for i, p in enumerate(peak))]
        factors.append(along / real[peak])
        product = np.multiply.outer(product, factors[-1])
    factors[0] = factors[0] * real[peak]
    return factors if np.abs(product - real).max() <= _ROUNDING else None
