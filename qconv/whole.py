"""Whole images: what the methods that hold a whole image in one circuit have in common."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv.cells import Cells
from qconv.circuits.arithmetic import choose_family
from qconv.circuits.registers import prepare
from qconv.execution import is_ideal, is_statevector
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.tally import Labels, Tally, executions, linear, magnitude, require_room, tally

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

#: Success probabilities below this are rounding errors.
_NOTHING = 1e-26


@dataclass(frozen=True, eq=False)
class Scene:
    """A problem's image on its cells, in units of its brightest pixel."""

    problem: Problem
    cells: Cells
    content: _Array
    """One number for every basis state of the position registers, largest magnitude 1 (or 0)."""
    unit: float
    """Largest magnitude of the image with its margins."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        others: int = 0,
        measured: int = 0,
        prepared: int = 0,
        padding: str = "auto",
    ) -> Scene:
        """Lay out a problem's image.

        Args:
            problem: The problem.
            others: How many qubits its circuit will have at least besides the position's, if it
                will be run.
            measured: How many of these will be measured, at least.
            prepared: How many of these will be prepared together with the image.
            padding: One of `qconv.cells.PADDINGS`.

        Raises:
            ValueError: It would not fit in memory, or ``padding`` does not suit the problem.
        """
        cells = Cells(problem.grid, padding)
        if is_ideal(problem.backend):
            n = cells.num_qubits
            require_room(n + others, n + measured, n + prepared, problem.grid.image_shape)
        content = cells.content(problem.image)
        unit = max(float(content.max()), -float(content.min()))
        if unit > 0:
            content /= unit
        return cls(problem, cells, content, unit)

    def family(self, adder: str) -> str:
        """The family of adders, if ``adder`` leaves the choice."""
        backend = self.problem.backend
        exact = is_statevector(backend)
        return choose_family(backend, exact=exact) if adder == "auto" else adder

    def with_image(
        self, shell: QuantumCircuit, amplitudes: _Array, measured: int
    ) -> QuantumCircuit:
        """A circuit that first prepares amplitudes on as many of its first qubits as they need.

        Raises:
            ValueError: It would not fit in memory.
        """
        backend = self.problem.backend
        qubits = shell.qubits[: amplitudes.size.bit_length() - 1]
        if is_ideal(backend):
            shape = self.problem.grid.image_shape
            require_room(shell.num_qubits, measured, len(qubits), shape)
        circuit = shell.copy_empty_like()
        prepare(circuit, amplitudes.ravel(), qubits, native=is_statevector(backend))
        circuit.compose(shell, inplace=True, copy=False)
        return circuit

    def transfer(self, kernel: _Array) -> _Spectrum:
        """Transfer function on the cells' lattice of a kernel in the order of what is added."""
        lattice = np.zeros(self.cells.shape)
        axes = zip(kernel.shape, self.cells.shape, self.cells.origin, strict=True)
        places = np.ix_(*((np.arange(h) - origin) % size for h, size, origin in axes))
        np.add.at(lattice, places, kernel)
        return np.fft.fftn(lattice)

    def through(self, transfer: _Spectrum) -> _Array:
        """The exact content of the cells that are read, after a filter."""
        filtered = np.fft.ifftn(np.fft.fftn(self.content) * transfer).real
        return np.asarray(self.cells.read(filtered.ravel()))

    def in_units(self, numbers: _Array, factor: float) -> _Array:
        """Numbers times ``factor`` and the brightest pixel.

        Raises:
            ValueError: They leave the range of floating point.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            product = np.asarray(numbers * factor * self.unit)
        if not np.isfinite(product).all():
            raise ValueError(
                "image: expected products with the kernel below 1.8e308, got larger ones; scale one"
            )
        return product

    def result(
        self,
        method: object,
        counted: Tally,
        estimate: tuple[_Array, _Array],
        factor: float,
        *,
        expected: float,
        gain: float = 1.0,
        offset: float = 0.0,
        variant: str = "",
    ) -> Convolution:
        """The result.

        Args:
            method: What estimated it.
            counted: What it was estimated from.
            estimate: Numbers and standard errors of the cells that are read.
            factor: Their unit, relative to the brightest pixel.
            expected: Success probability, predicted.
            gain: The success probability is ``gain`` times the part of the executions that was kept
                plus ``offset``.
            offset: See ``gain``.
            variant: Tells quantities apart that are estimated from the same problem.
        """
        problem = self.problem
        noise = "" if is_ideal(problem.backend) else repr(method)  # does not treat methods alike
        image, stderr = (self.cells.outputs(self.in_units(part, factor)) for part in estimate)
        return Convolution(
            image=image,
            stderr=stderr,
            shots=problem.shots,
            total_shots=counted.executions,
            circuits=(counted.circuit,),
            success_probability=gain * counted.kept + offset,
            success_stderr=gain * counted.kept_stderr,
            expected_success=min(max(expected, 0.0), 1.0),
            oracle_calls=counted.executions,
            independent=self.cells.distinct,
            quantity=f"{problem.quantity}{variant}{noise}",
            streams=counted.streams,
        )

    def nothing(self, why: str) -> Convolution:
        """The result where no execution would be of use: zero, and nothing is run.

        Warns with a ``RuntimeWarning`` that says why.
        """
        warnings.warn(
            f"{why}: the success probability is 0; the result is zero, no circuit was run",
            RuntimeWarning,
            stacklevel=4,
        )
        shape = self.problem.grid.output_shape
        return Convolution(
            image=np.zeros(shape),
            stderr=np.zeros(shape),
            shots=self.problem.shots,
            total_shots=executions(self.problem),
            circuits=(),
            success_probability=0.0,
            expected_success=0.0,
            independent=self.cells.distinct,
            quantity=self.problem.quantity,
            streams=self.problem.streams,
        )


def superposed(content: _Array, *, signed: bool) -> _Array:
    """Amplitudes of an image; or of a uniform state (reference 0) and it (reference 1), evenly."""
    image = content.ravel() / np.linalg.norm(content)
    if not signed:
        return image
    uniform = np.full(image.size, 1 / math.sqrt(image.size))
    return np.concatenate([uniform, image])


def read_out(
    scene: Scene,
    method: object,
    circuit: QuantumCircuit,
    label_qubits: int,
    transfer: _Spectrum,
    bound: float,
    *,
    signed: bool,
) -> Convolution:
    """Estimate what a coherent circuit made of an image's amplitudes.

    The circuit leaves, where its label's qubits other than the reference read 0, the amplitude
    ``a = y / (bound |I|)`` on each cell, with ``y`` the filtered image. With a reference qubit,
    which comes first in the label, a uniform amplitude ``u`` interferes with it:

        P(0, cell) = (u + a)**2 / 4,    P(1, cell) = (u - a)**2 / 4,

    whose difference ``u a`` is linear, and signed. Without one, ``P = a**2`` gives the magnitude.

    Args:
        scene: The image.
        method: What built the circuit.
        circuit: Position registers, the label's qubits, any ancillas.
        label_qubits: Qubits of the label, reference included.
        transfer: Exact transfer function on the lattice, to predict the success probability.
        bound: By what the transfer function was divided.
        signed: Whether there is a reference qubit.
    """
    classes = np.full(2**label_qubits, -1)
    classes[: 1 + signed] = range(1 + signed)
    counted = tally(scene.problem, scene.cells, circuit, Labels(label_qubits, classes))
    norm = float(np.linalg.norm(scene.content))
    expected = float(np.sum((scene.through(transfer) / (bound * norm)) ** 2))
    factor = bound * norm
    if not signed:
        return scene.result(
            method,
            counted,
            magnitude(counted),
            factor,
            expected=expected,
            variant=" magnitude",
        )
    cells = scene.content.size
    estimate = linear(counted, np.array([1.0, -1.0]) * math.sqrt(cells))
    return scene.result(
        method,
        counted,
        estimate,
        factor,
        expected=expected,
        gain=2.0,
        offset=-scene.cells.num_read / cells,
    )


def vanishes(scene: Scene, transfer: _Spectrum, bound: float) -> bool:
    """Whether a filter leaves nothing of the image where it is read, but for rounding."""
    left = np.sum(np.square(scene.through(transfer) / bound))
    return bool(left <= _NOTHING * np.sum(np.square(scene.content)))
