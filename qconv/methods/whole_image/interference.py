"""Interference: copies of the image, displaced by the kernel's positions, cancel or add up.

With ``S = sum_j |k_j|``, ``V`` preparing ``sum_j sqrt(|k_j| / S) |j>`` on the kernel registers, an
adder ``|x> |j> -> |x + j> |j>`` and the sign ``D`` of ``k_j`` on ``|j>``, the circuit

    V,  adder,  D,  V^dagger

takes ``sum_x I_x |x> |0> / |I|`` to a state whose part with all kernel registers 0 is

    sum_y (k * I)(y) / (S |I|)  |y> |0>:

a linear combination of displaced images (Childs and Wiebe 2012, arXiv:1202.5822, section 2), its
weights split evenly between ``V`` and ``V^dagger``. The probability to read 0 is the success
probability ``|k * I|**2 / (S**2 |I|**2)``. Amplitudes of either sign meet before anything is
measured, so that where a picture is flat an edge kernel leaves nothing, and no shot is wasted on
it.

Measuring the position gives squares of amplitudes. The sign comes from a reference: a qubit that
holds the image's branch at 1 and a uniform superposition ``u`` of all cells at 0. Displacements do
not change the uniform branch, so only ``D`` needs a control. At the end a Hadamard gate lets the
branches interfere, and ``P(0, y) - P(1, y) = u (k * I)(y) / (S |I|)``; see `CoherentReadOut`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import Qubit

from qconv._checks import boolean, one_of
from qconv.circuits.amplification.rounds import Rounds, append_flip
from qconv.circuits.arithmetic import FAMILIES
from qconv.circuits.encoding import encode_amplitudes
from qconv.circuits.registers import (
    append_shift,
    axis_registers,
    kernel_registers,
    on_kernel_states,
    qubits_of,
)
from qconv.circuits.signs import sign_flips
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.methods.whole_image.amplification import check_amplify, check_read_out
from qconv.methods.whole_image.encoded_image import EncodedImage, PreparedImage
from qconv.methods.whole_image.read_outs import CoherentReadOut, ReadOut, read_out_of, superposed
from qconv.planning.method import Method, Prediction
from qconv.planning.problem import Problem
from qconv.result.convolution import Convolution

ADDERS = ("auto", *FAMILIES)


@dataclass(frozen=True)
class Interference(Method):
    """Let displaced copies of the image interfere: the whole image in one circuit.

    Args:
        signed: True for a linear and unbiased read-out with the sign, by a reference qubit; its
            standard error is about the same everywhere. False reads magnitudes, with a standard
            error smaller by ``sqrt(2)`` and a bias where counts are small.
        adder: What displaces the copies. ``"auto"`` takes the adder that suits where the circuit
            runs; ``"ripple"`` (fewest gates, with ancillas), ``"fourier"`` and ``"mcx"`` (none)
            are those of `qconv.offset_adder`.
        amplify: Rounds of amplitude amplification, each of which costs two more oracle calls an
            execution and raises the part of them that succeeds; ``"auto"`` for as many, at most
            32, and as little of the reference, as give the least error for the oracle calls. 0 for
            none. The picture and the kernel predict how many that are; the result's scale is
            measured.
        read_out: Of a signed result. ``"linear"`` is unbiased. ``"root"``, nearly the most likely
            value, has about half the variance once it is amplified, from some hundred shots a
            pixel on, and a bias where counts are small.

    Raises:
        TypeError: ``signed`` is not a bool, or ``amplify`` no whole number.
        ValueError: ``amplify`` is negative; ``read_out`` is unknown, or ``"root"`` of magnitudes;
            ``adder`` is unknown.

    Source:
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
        >>> round(result.expected_success, 3)  # the reference's part included
        0.809
    """

    signed: bool = True
    adder: str = "auto"
    amplify: int | str = 0
    read_out: str = "linear"

    whole_image: ClassVar[bool] = True

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")
        one_of(self.adder, "adder", ADDERS)
        check_amplify(self.amplify)
        check_read_out(self.read_out, signed=self.signed)

    @property
    def corrects_readout(self) -> bool:
        """Whether counts can be corrected: not where roots of them are read."""
        return self.signed and self.read_out == "linear"

    def prepare(self, plan: Problem) -> PreparedInterference:
        """Return the work for one plan."""
        return PreparedInterference(self, plan)


@dataclass(frozen=True, eq=False)
class PreparedInterference(PreparedImage[Interference]):
    """The circuit that superposes displaced copies of one plan's image."""

    @cached_property
    def programs(self) -> list[Program]:
        """The circuit; none where all copies cancel."""
        encoded, read = self.encoded, self._read_out
        if encoded.unit == 0 or read.vanishes:
            return []
        made, signed = read.amplification, self.method.signed
        return [
            encoded.program(
                self._shell,
                lambda: superposed(encoded.content, signed=signed, weight=made.weight),
                encoded.layout.num_qubits + self._label_qubits,
                rounds=Rounds(
                    made.rounds,
                    lambda circuit: circuit.compose(self._reflection, inplace=True, copy=False),
                ),
            )
        ]

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Turn the counts of the cells into amplitudes."""
        if self.encoded.unit == 0:
            return self.encoded.nothing("image: zero everywhere")
        if self._read_out.vanishes:
            return self.encoded.nothing(
                "image: constant where the kernel, which sums to 0, sees it"
            )
        return self._read_out.decode(next(outcomes), self._label_qubits)

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the circuit, whatever the image shows."""
        return int(self._shell().num_qubits)

    def predict(self) -> Prediction:
        """Predict the success probability and the standard error of every pixel."""
        return self._read_out.predict()

    @property
    def _label_qubits(self) -> int:
        """Number of measured qubits besides the position's."""
        shape = self.plan.propagator.shape
        return self.method.signed + len(qubits_of(kernel_registers(shape)))

    def _encode(self) -> EncodedImage:
        """Encode the image as amplitudes."""
        others = self._label_qubits
        return EncodedImage.of(self.plan, others, measured=others, prepared=self.method.signed)

    @cached_property
    def _read_out(self) -> ReadOut:
        """How the circuit's outcomes are read."""
        encoded, method = self.encoded, self.method
        kernel, gain = encoded.kernel
        transfer = encoded.transfer(kernel)
        bound = float(np.abs(kernel).sum())
        read = CoherentReadOut(encoded, encoded.through(transfer), bound, method.signed, gain)
        return read_out_of(read, transfer, method.amplify, method.read_out)

    def _shell(self) -> QuantumCircuit:
        """The circuit that superposes displaced copies, without the preparation of the image.

        Registers ``row`` and ``column``, ``reference`` if signed, ``kernel_row`` and
        ``kernel_column``, ``ancilla_0`` if the adders need it.
        """
        shell = self._displaced()
        shell.compose(self._merged(shell), inplace=True)
        if self.method.signed:
            shell.h(_qubits(shell, "reference"))
        return shell

    def _displaced(self) -> QuantumCircuit:
        """The copies, one for each state of the kernel registers."""
        encoded = self.encoded
        kernel, _ = encoded.kernel
        position, kernels = axis_registers(encoded.layout.bits), kernel_registers(kernel.shape)
        reference = [QuantumRegister(1, "reference")] * self.method.signed
        shell = QuantumCircuit(*position.values(), *reference, *kernels.values())
        prepared = encode_amplitudes(np.sqrt(np.abs(kernel)))
        shell.compose(prepared, qubits_of(kernels), inplace=True)
        family = encoded.family(self.method.adder)
        append_shift(shell, position, kernels, kernel.shape, family=family)
        return shell

    def _merged(self, shell: QuantumCircuit) -> QuantumCircuit:
        """What merges the copies, with their signs, where the kernel registers will read 0."""
        kernel, _ = self.encoded.kernel
        merged = shell.copy_empty_like()
        kernels = qubits_of(kernel_registers(kernel.shape))
        if not self.method.signed:
            signed = np.sign(kernel) * np.sqrt(np.abs(kernel))
            merged.compose(encode_amplitudes(signed).inverse(), kernels, inplace=True)
            return merged
        signs = sign_flips(on_kernel_states(np.sign(kernel)).ravel())
        merged.compose(signs, [*_qubits(shell, "reference"), *kernels], inplace=True)
        prepared = encode_amplitudes(np.sqrt(np.abs(kernel)))
        merged.compose(prepared.inverse(), kernels, inplace=True)
        return merged

    @cached_property
    def _reflection(self) -> QuantumCircuit:
        """All of it, the sign of the kernel registers' 0, and all of it undone."""
        displaced = self._displaced()
        merged = self._merged(displaced)
        kernels = qubits_of(kernel_registers(self.plan.propagator.shape))
        whole = displaced.compose(merged)
        append_flip(whole, kernels, kernels)
        whole.compose(merged.inverse(), inplace=True)
        whole.compose(displaced.inverse(), inplace=True)
        return whole


def _qubits(circuit: QuantumCircuit, name: str) -> list[Qubit]:
    """The qubits of a circuit's register."""
    return [qubit for register in circuit.qregs if register.name == name for qubit in register]
