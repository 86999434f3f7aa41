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
from qconv.circuits.phases import append_products, polynomial_phases, quadratic_phase, wrapped
from qconv.circuits.registers import FLAG_ROTATION, BoxedRotation, append_large, large_rotation

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Differences of factors that are rounding errors.
_ROUNDING = 1e-10

#: Magnitudes above this value have phases that are accurate enough to determine a polynomial.
_CLEAR = 1e-3

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
        every = np.ones(flat.size, dtype=np.bool_)
        for multiple in (1, 2):  # twice the phase, if signs are left to the rotations
            doubled = transfer**multiple
            for likely in (_by_bits(doubled), _by_frequency(doubled)):
                phases = None if likely is None else quadratic_phase(likely, every)
                if phases is None:
                    continue
                phases = {mask: angle / multiple for mask, angle in phases.items()}
                turned = flat * np.exp(-1j * polynomial_phases(phases, flat.size.bit_length() - 1))
                negative = multiple == 1 and turned.real.min() < -_ROUNDING
                if not negative and np.abs(turned.imag).max() <= _ROUNDING:
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

        ``boxed`` keeps the angles of large rotations as arrays, for circuits that are counted.
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


def _by_bits(transfer: _Spectrum) -> _Array | None:
    """Return a likely phase, from the phases of states with at most two bits set."""
    flat = transfer.ravel()
    phases = quadratic_phase(np.angle(flat), np.abs(flat) > _CLEAR)
    return None if phases is None else polynomial_phases(phases, flat.size.bit_length() - 1)


def _by_frequency(transfer: _Spectrum) -> _Array | None:
    """Return a likely phase, quadratic in the frequency, from the phases around the peak.

    Let the peak be at the frequency ``p``. The phase is ``c_0 + b (f - p) + c (f - p)**2 / 2``
    along each axis, with a product of the differences for each pair of axes.
    """
    orders = [reversed_bits(size.bit_length() - 1) for size in transfer.shape]
    ordered = transfer[np.ix_(*orders)]  # reversing the bits twice restores the order
    peak = np.unravel_index(np.argmax(np.abs(ordered)), ordered.shape)

    def angle(*steps: int) -> float:
        place = tuple((p + s) % n for p, s, n in zip(peak, steps, ordered.shape, strict=True))
        return float(np.angle(ordered[place]))

    unit = np.eye(ordered.ndim, dtype=int)
    start = angle(*np.zeros(ordered.ndim, dtype=int))
    total = np.full(ordered.shape, start)
    apart = []
    for axis, (size, first) in enumerate(zip(ordered.shape, peak, strict=True)):
        signed = np.fft.fftfreq(size, 1 / size)
        others = [other for other in range(ordered.ndim) if other != axis]
        along = np.expand_dims(signed - signed[first], others)
        apart.append(along)
        after, before = angle(*unit[axis]), angle(*-unit[axis])
        bend = wrapped(after - 2 * start + before)
        total = total + wrapped(after - start - bend / 2) * along + bend * along**2 / 2
    for one, other in itertools.combinations(range(ordered.ndim), 2):
        both = angle(*(unit[one] + unit[other])) - angle(*unit[one]) - angle(*unit[other])
        total = total + wrapped(both + start) * apart[one] * apart[other]
    return np.asarray(total[np.ix_(*orders)].ravel())


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
