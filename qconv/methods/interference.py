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
branches interfere, and ``P(0, y) - P(1, y) = u (k * I)(y) / (S |I|)``; see `qconv.whole.read_out`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit, QuantumRegister

from qconv._checks import boolean, one_of
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
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.whole import Scene, read_out, superposed, vanishes

_Array = NDArray[np.float64]

ADDERS = ("auto", *FAMILIES)


@dataclass(frozen=True)
class Interference:
    """Let displaced copies of the image interfere: the whole image in one circuit.

    Args:
        signed: True for a linear and unbiased read-out with the sign, by a reference qubit; its
            standard error is about the same everywhere. False reads magnitudes, with a standard
            error smaller by ``sqrt(2)`` and a bias where counts are small.
        adder: What displaces the copies. ``"auto"`` takes the adder that suits where the circuit
            runs; ``"ripple"`` (fewest gates, with ancillas), ``"fourier"`` and ``"mcx"`` (none)
            are those of `qconv.offset_adder`.

    Raises:
        TypeError: ``signed`` is not a bool.
        ValueError: ``adder`` is unknown.
    """

    signed: bool = True
    adder: str = "auto"

    def __post_init__(self) -> None:
        boolean(self.signed, "signed")
        one_of(self.adder, "adder", ADDERS)

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuit and turn the counts of its cells into amplitudes."""
        others = self.signed + len(qubits_of(kernel_registers(problem.propagator.shape)))
        scene = Scene.of(problem, others, measured=others, prepared=self.signed)
        if scene.unit == 0:
            return scene.nothing("image: zero everywhere")
        kernel = scene.cells.added(problem.propagator.effective_kernel)
        bound = float(np.abs(kernel).sum())
        transfer = scene.transfer(kernel)
        if vanishes(scene, transfer, bound):
            return scene.nothing("image: constant where the kernel, which sums to 0, sees it")
        shell = self._shell(scene, kernel, scene.family(self.adder))
        measured = shell.num_qubits - shell.num_ancillas
        amplitudes = superposed(scene.content, signed=self.signed)
        circuit = scene.with_image(shell, amplitudes, measured)
        labels = measured - scene.cells.num_qubits
        return read_out(scene, self, circuit, labels, transfer, bound, signed=self.signed)

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """What follows the image's preparation where gates count: to be counted, not run."""
        scene = Scene.of(problem)
        kernel = scene.cells.added(problem.propagator.effective_kernel)
        return self._shell(scene, kernel, "ripple" if self.adder == "auto" else self.adder)

    def num_qubits(self, problem: Problem) -> int:
        """Qubits of the circuit that `estimate` would run."""
        scene = Scene.of(problem)
        kernel = scene.cells.added(problem.propagator.effective_kernel)
        return int(self._shell(scene, kernel, scene.family(self.adder)).num_qubits)

    def _shell(self, scene: Scene, kernel: _Array, family: str) -> QuantumCircuit:
        """The circuit that superposes displaced copies, without the preparation of the image.

        Registers ``row`` and ``column``, ``reference`` if signed, ``kernel_row`` and
        ``kernel_column``, ``ancilla_0`` if the adders need it.
        """
        position, kernels = axis_registers(scene.cells.bits), kernel_registers(kernel.shape)
        reference = QuantumRegister(1, "reference")
        shell = QuantumCircuit(*position.values(), *[reference] * self.signed, *kernels.values())
        encoded = encode_amplitudes(np.sqrt(np.abs(kernel)))
        shell.compose(encoded, qubits_of(kernels), inplace=True)
        append_shift(shell, position, kernels, kernel.shape, family=family)
        if self.signed:
            signs = sign_flips(on_kernel_states(np.sign(kernel)).ravel())
            shell.compose(signs, [reference[0], *qubits_of(kernels)], inplace=True)
            shell.compose(encoded.inverse(), qubits_of(kernels), inplace=True)
            shell.h(reference)
        else:
            signed = np.sign(kernel) * np.sqrt(np.abs(kernel))
            shell.compose(encode_amplitudes(signed).inverse(), qubits_of(kernels), inplace=True)
        return shell
