"""Interference: copies of the image, displaced by the kernel's positions, cancel or add up.

Let ``S = sum_j |k_j|``. ``V`` prepares ``sum_j sqrt(|k_j| / S) |j>`` on the kernel registers. An
adder maps ``|x> |j>`` to ``|x + j> |j>``. ``D`` applies the sign of ``k_j`` to ``|j>``. The circuit

    V,  adder,  D,  V^dagger

is applied to ``sum_x I_x |x> |0> / |I|``. The component with all kernel registers 0 is then

    sum_y (k * I)(y) / (S |I|)  |y> |0>.

This is a linear combination of displaced images (Childs and Wiebe 2012, arXiv:1202.5822, section
2), with its weights divided equally between ``V`` and ``V^dagger``. The probability of reading 0 in
all kernel registers is the success probability ``|k * I|**2 / (S**2 |I|**2)``. Amplitudes of
opposite sign cancel before anything is measured. With an edge kernel, no amplitude remains where a
picture is flat, so no shot is spent there.

A measurement of the position gives squared amplitudes, without signs. A reference qubit gives the
signs. Where the reference qubit is 1, the position registers hold the image. Where it is 0, they
hold a uniform superposition of all basis states, with amplitude ``u``. Displacements do not change
the uniform superposition, so only ``D`` needs a control. A final Hadamard gate lets the branches
interfere: ``P(0, y) - P(1, y) = u (k * I)(y) / (S |I|)``; see ``CoherentReadOut``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister

from qconv._checks import one_of
from qconv.circuits.amplification.rounds import append_flip
from qconv.circuits.arithmetic import FAMILIES
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.loading.preparation import EXACT, Preparation
from qconv.circuits.phases import phase_gates
from qconv.circuits.registers import (
    append_mirror,
    append_shift,
    axis_registers,
    kernel_registers,
    mirror_registers,
    on_kernel_states,
    on_ring,
    qubits_of,
)
from qconv.methods.whole_image.coherent import CoherentMethod, Filtered, PreparedCoherent
from qconv.methods.whole_image.encoded_image import EncodedImage
from qconv.planning.method import Prepared
from qconv.planning.problem import Problem
from qconv.propagator import phase_factors

_Spectrum = NDArray[np.complex128]

ADDERS = ("auto", *FAMILIES)


@dataclass(frozen=True, repr=False)
class Interference(CoherentMethod):
    """Interference of displaced copies of the image: the whole image in one circuit.

    Args:
        signed: True for a linear, unbiased read-out of signed values, which uses a reference qubit.
            The standard error is nearly uniform. With False, only the magnitudes of the values are
            read. Magnitudes are biased where counts are small. The standard error of magnitudes is
            smaller by a factor between ``sqrt(2)`` (for a small success probability) and 2 (for a
            success probability near 1).
        adder: Adder that displaces the copies. ``"auto"`` selects one that suits the backend.
            ``"ripple"`` (fewest gates, with ancillas), ``"fourier"`` and ``"mcx"`` (both without
            ancillas) are the families of `qconv.offset_adder`.
        amplify: Number of rounds of amplitude amplification; 0 for no amplification. Each round
            adds two oracle calls per execution and raises the fraction of successful executions.
            ``"auto"`` selects the number of rounds (at most 32) and the weight of the reference
            qubit. This choice minimises the error for a given number of oracle calls, as predicted
            from image and kernel. The scale of the result is not predicted but measured.
        read_out: Estimator of signed values. ``"linear"`` is unbiased. ``"root"`` is close to the
            maximum likelihood estimate. With amplification and a few hundred or more shots per
            pixel, ``"root"`` has about half the variance of ``"linear"``. ``"root"`` is biased
            where counts are small.
        preparation: Preparation of the image: ``"exact"``, or a `qconv.ApproximatePreparation` with
            far fewer gates. `Convolution.loading_bias` is the error that it causes.

    Raises:
        TypeError: If ``signed`` is not a bool, or ``amplify`` is neither an integer nor a string.
        ValueError: If ``amplify`` is negative or an unknown string, ``read_out`` or ``adder`` is
            unknown, or ``read_out`` is ``"root"`` without ``signed``.

    Source:
        Childs and Wiebe 2012, arXiv:1202.5822, section 2 (linear combinations of unitaries);
        Brassard, Hoyer, Mosca and Tapp, Contemporary Mathematics 305, 53 (2002),
        quant-ph/0005055, section 2 (rounds of amplification).

    Example:
        >>> import qconv
        >>> step = [1.0, 1, 1, 1, 9, 9, 9, 9]
        >>> where = {"mode": "same", "boundary": "wrap", "method": qconv.Interference()}
        >>> result = qconv.convolve(step, [1, -2, 1], shots=None, **where)
        >>> result.image.round(6) + 0.0  # no -0
        array([ 8.,  0.,  0.,  8., -8.,  0.,  0., -8.])
        >>> round(result.expected_success, 3)
        0.049
        >>> method = qconv.Interference(amplify="auto")
        >>> result = qconv.convolve(step, [1, -2, 1], shots=None, **{**where, "method": method})
        >>> round(result.expected_success, 3)  # includes the reference
        0.812
    """

    signed: bool = True
    adder: str = "auto"
    amplify: int | str = 0
    read_out: str = "linear"
    preparation: Preparation = EXACT

    def __post_init__(self) -> None:
        one_of(self.adder, "adder", ADDERS)
        self._check_options()

    def prepare(self, plan: Problem) -> Prepared[Any]:
        """Return the `Prepared` object (circuits and their decoding) for one plan."""
        return self._prepared(plan, lambda own, part: PreparedInterference(self, own, part=part))


@dataclass(frozen=True, eq=False)
class PreparedInterference(PreparedCoherent[Interference]):
    """The circuit that superposes displaced copies of one plan's image."""

    nothing: ClassVar[str] = "constant wherever the kernel, which sums to 0, is applied"

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the values of the image."""
        return int(self._shell().num_qubits)

    @property
    def _label_qubits(self) -> int:
        kernels = len(qubits_of(kernel_registers(self.plan.propagator.shape)))
        return self.method.signed + sum(self.encoded.layout.mirrored) + kernels

    def _encode(self) -> EncodedImage:
        """Encode the image as amplitudes."""
        signed = self.method.signed
        others = signed + len(qubits_of(kernel_registers(self.plan.propagator.shape)))
        return EncodedImage.of(self.plan, others, others, prepared=signed, mirror=self.mirror)

    @property
    def _transfer(self) -> _Spectrum:
        return self.encoded.transfer(self.encoded.kernel[0])

    def _reference_transfer(self) -> _Spectrum:
        magnitudes = np.abs(self.encoded.kernel[0])
        return self.encoded.transfer(magnitudes / magnitudes.sum())

    def _filter_exactly(self) -> Filtered:
        kernel, _ = self.encoded.kernel
        return self._through(self._transfer, float(np.abs(kernel).sum()))

    def _shell(self) -> QuantumCircuit:
        """Return the circuit that superposes displaced copies, without preparing the image.

        Its registers are ``row`` and ``column``, ``reference`` if signed, ``mirror_row`` and
        ``mirror_column`` of mirrored axes, ``kernel_row`` and ``kernel_column``, and ``ancilla_0``
        if the adders need it.
        """
        shell = self._displaced()
        shell.compose(self._merged(shell), inplace=True)
        if self.method.signed:
            self._append_interference(shell, _reference(shell))
        return shell

    def _displaced(self) -> QuantumCircuit:
        """Return the circuit that makes a copy for each state of the kernel registers."""
        encoded = self.encoded
        kernel, _ = encoded.kernel
        position, kernels = axis_registers(encoded.layout.bits), kernel_registers(kernel.shape)
        reference = [QuantumRegister(1, "reference")] * self.method.signed
        mirrors = mirror_registers(encoded.layout.mirrored)
        registers = *position.values(), *reference, *mirrors.values(), *kernels.values()
        shell = QuantumCircuit(*registers)
        append_mirror(shell, position, mirrors)
        prepared = encode_amplitudes(np.sqrt(np.abs(kernel)))
        shell.compose(prepared, qubits_of(kernels), inplace=True)
        family = encoded.family(self.method.adder)
        ring = on_ring(position, mirrors)
        append_shift(shell, ring, kernels, kernel.shape, family=family)
        return shell

    def _merged(self, shell: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit that merges the copies with their signs into kernel registers 0."""
        kernel, _ = self.encoded.kernel
        merged = shell.copy_empty_like()
        kernels = qubits_of(kernel_registers(kernel.shape))
        amplitudes = np.sqrt(np.abs(kernel))
        signs = phase_factors(kernel)
        if self.method.signed:
            turns = phase_gates(on_kernel_states(signs).ravel(), controlled=True)
            merged.compose(turns, [*_reference(shell), *kernels], inplace=True)
        else:
            amplitudes = signs.conj() * amplitudes
        merged.compose(encode_amplitudes(amplitudes).inverse(), kernels, inplace=True)
        return merged

    def _reflect(self, circuit: QuantumCircuit) -> None:
        displaced = self._displaced()
        merged = self._merged(displaced)
        kernels = qubits_of(kernel_registers(self.plan.propagator.shape))
        whole = displaced.compose(merged)
        append_flip(whole, kernels, kernels)
        whole.compose(merged.inverse(), inplace=True)
        whole.compose(displaced.inverse(), inplace=True)
        circuit.compose(whole, inplace=True, copy=False)


def _reference(circuit: QuantumCircuit) -> QuantumRegister:
    """Return the register of the reference qubit."""
    return next(register for register in circuit.qregs if register.name == "reference")
