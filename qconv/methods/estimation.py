"""Amplitude estimation: one circuit for each Grover power sharpens every pixel at once.

With the image mapped to ``[0, 1]``, a flag qubit reads 1 at position ``x`` with probability

    a(x) = sum_v p_v s_v(I(x + v)),    p_v = |k_v| / S,  S = sum |k|,

``s_v(u) = u`` where the kernel is positive and ``1 - u`` where it is negative, so that

    y = low sum_v k_v + (high - low) (S a - sum_{k_v < 0} |k_v|).

``m`` Grover steps, which leave the position alone, turn ``a = sin(t)**2`` into
``sin((2 m + 1) t)**2``: each shot then tells ``(2 m + 1)**2`` times as much about ``t``, for
``2 m + 1`` times the cost, so that errors fall almost as the inverse of the cost instead of its
root. The angle of each pixel is the most likely one, over all powers.

The position is uniform, so a pixel's share of the shots is itself random. Large images are cut into
tiles with circuits of their own; every tile sees a margin as wide as the kernel, so that its
probabilities are exactly those that the whole would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv.circuits.arithmetic import choose_family
from qconv.circuits.grover import Amplifier
from qconv.circuits.registers import kernel_registers, kernel_states, qubits_of
from qconv.execution import (
    ShotLog,
    append_measurement,
    born_probabilities,
    derived,
    is_ideal,
    is_statevector,
    measured_counts,
    saved_probabilities,
)
from qconv.grid import Grid
from qconv.likelihood import most_likely
from qconv.problem import Problem
from qconv.result import Convolution
from qconv.tally import drawn, require_room
from qconv.tiles import Tile, cut

_Array = NDArray[np.float64]

RANGES = ("global", "local")

#: Most qubits of one circuit: larger images are cut into tiles.
_MOST_QUBITS = 21

#: The same for angles that depend on position and kernel together, which become long lists.
_MOST_QUBITS_JOINT = 17


@dataclass(frozen=True)
class AmplitudeEstimation:
    """Estimate every pixel's amplitude by maximum likelihood over several Grover powers.

    Args:
        powers: Grover steps of each circuit, different whole numbers from 0 on. ``shots`` are for
            each pixel and each power.
        range: What is mapped to ``[0, 1]``: with ``"global"`` the range of the whole image and its
            margins; with ``"local"`` that of the pixels that each output sees, which is narrower
            where an image is smooth and shrinks the error as much, but needs an angle for each
            pixel and kernel position.

    Raises:
        TypeError: A power is not a whole number, or they are no sequence.
        ValueError: There are no powers, one is negative or there twice, or ``range`` is unknown.

    Source:
        Suzuki et al., Quantum Inf. Process. 19, 75 (2020), section 2; Brassard et al., Contemp.
        Math. 305, 53 (2002), section 2 (amplitude amplification).
    """

    powers: Sequence[int] = (0, 1, 2, 4, 8, 16)
    range: str = "global"

    def __post_init__(self) -> None:
        if isinstance(self.powers, str) or not hasattr(self.powers, "__iter__"):
            raise TypeError(f"powers: expected a sequence of whole numbers, got {self.powers!r}")
        powers = tuple(whole_number(power, "powers", 0) for power in self.powers)
        if not powers or len(set(powers)) < len(powers):
            raise ValueError(f"powers: expected at least one, all different, got {powers}")
        object.__setattr__(self, "powers", tuple(sorted(powers)))
        one_of(self.range, "range", RANGES)

    def estimate(self, problem: Problem) -> Convolution:
        """Run the circuits of every tile and find every pixel's most likely angle."""
        kernel = _added(problem.grid, problem.propagator.effective_kernel)
        tiles = self._tiles(problem.grid, kernel.shape)
        if is_ideal(problem.backend):
            position = sum(tiles[0].bits)
            qubits = position + _others(kernel.shape)
            require_room(qubits, position + 1, qubits, problem.grid.image_shape)
        image, stderr = np.empty((2, *problem.grid.output_shape))
        reliable = np.ones(problem.grid.output_shape, dtype=bool)
        circuits: tuple[QuantumCircuit, ...] = ()
        log = ShotLog()
        for number, tile in enumerate(tiles):
            scale = _Scale.of(problem, tile, kernel, self.range)
            found = self._estimate_tile(problem, number, tile, scale, kernel, log)
            image[tile.outputs], stderr[tile.outputs], reliable[tile.outputs] = found.parts
            circuits = circuits or found.circuits
        shots = (problem.shots or 0) * problem.grid.pixels
        return Convolution(
            image=image,
            stderr=stderr,
            shots=problem.shots,
            total_shots=shots * len(self.powers),
            circuits=circuits,
            oracle_calls=shots * sum(2 * power + 1 for power in self.powers),
            independent=all(tile.distinct for tile in tiles),
            reliable=reliable,
            quantity=f"{problem.quantity} {self.powers} {self.range}",
            streams=problem.streams | log.names,
        )

    def _tiles(self, grid: Grid, kernel: tuple[int, ...]) -> list[Tile]:
        """Tiles whose circuits are as large as they may be."""
        joint = self.range == "local"
        room = (_MOST_QUBITS_JOINT if joint else _MOST_QUBITS) - _others(kernel)
        return cut(grid, room, margins=not joint)

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """The circuit of the highest power where gates count: to be counted, not run."""
        kernel = _added(problem.grid, problem.propagator.effective_kernel)
        tile = self._tiles(problem.grid, kernel.shape)[0]
        scale = _Scale.of(problem, tile, kernel, self.range)
        angles = scale.angles(problem, tile, kernel)
        amplifier = Amplifier(tile.counts, kernel, angles, native=False, family="ripple")
        return amplifier.circuit(self.powers[-1])

    def _estimate_tile(
        self,
        problem: Problem,
        number: int,
        tile: Tile,
        scale: _Scale,
        kernel: _Array,
        log: ShotLog,
    ) -> _Found:
        """Outputs, standard errors and reliability of one tile, and the circuits that ran."""
        backend = problem.backend
        exact = is_statevector(backend)
        amplifier = Amplifier(
            tile.counts,
            kernel,
            scale.angles(problem, tile, kernel),
            native=exact,
            family=choose_family(backend, exact=exact),
        )
        total = (problem.shots or 0) * tile.pixels
        if problem.shots is None:
            circuit = amplifier.circuit(0)
            born = born_probabilities(circuit, backend, measured=amplifier.measured)
            misses, hits = tile.read(born)
            probability = hits / (hits + misses)
            nothing = np.zeros_like(probability)
            return scale.found(tile, probability, nothing, nothing == 0, (circuit,))
        if backend is None:
            ran = [amplifier.saving(self.powers)]
            saved = saved_probabilities(ran[0], backend, measured=amplifier.measured)
            counts = [
                drawn(derived(problem.seed, number, power), tile.read(saved[str(power)]), total)
                for power in self.powers
            ]
        else:
            ran = [amplifier.circuit(power) for power in self.powers]
            counts = []
            for power, circuit in zip(self.powers, ran, strict=True):
                append_measurement(circuit, amplifier.measured)
                seed = derived(problem.seed, number, power)
                seen = measured_counts(circuit, total, backend, seed, log=log)
                dense = np.bincount(seen[0], seen[1], 2**amplifier.measured)
                counts.append(tile.read(dense))
        table = np.array(counts).reshape(len(self.powers), 2, -1)
        estimates = most_likely(table[:, 1], table[:, 0], self.powers)
        return scale.found(
            tile, np.sin(estimates.angles) ** 2, estimates.stderr, estimates.reliable, tuple(ran)
        )


def _others(kernel: tuple[int, ...]) -> int:
    """How many qubits a circuit has besides the position's: the kernel's and the flag."""
    return len(qubits_of(kernel_registers(kernel))) + 1


def _added(grid: Grid, kernel: _Array) -> _Array:
    """The kernel in the order of displacements from an output pixel to the padded one it reads."""
    return np.flip(kernel) if grid.flipped else kernel


@dataclass(frozen=True, eq=False)
class _Found:
    """What a tile gave."""

    parts: tuple[_Array, _Array, NDArray[np.bool_]]
    circuits: tuple[QuantumCircuit, ...]


@dataclass(frozen=True, eq=False)
class _Scale:
    """How pixels are mapped to ``[0, 1]``, and probabilities back to outputs."""

    low: _Array
    """What becomes 0: one number, or one for each position."""
    width: _Array
    """The width of the range, 0 where there is nothing to estimate; same shape."""
    total: float
    """Sum of the kernel."""
    size: float
    """Sum of its magnitudes."""
    local: bool

    @classmethod
    def of(cls, problem: Problem, tile: Tile, kernel: _Array, kind: str) -> _Scale:
        """The range of all pixels, or of those that each output of a tile sees."""
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if kind == "global":
            low, high = problem.padded.min(), problem.padded.max()
            return cls(np.array(low), np.array(high - low), total, size, local=False)
        views = [tile.view(problem.padded, v) for v in zip(*np.nonzero(kernel), strict=True)]
        low, high = np.minimum.reduce(views), np.maximum.reduce(views)
        return cls(low, high - low, total, size, local=True)

    def angles(self, problem: Problem, tile: Tile, kernel: _Array) -> _Array:
        """Half the rotation of the flag; of every cell, or every kernel position and cell."""
        cells = tuple(2**bits for bits in tile.bits)
        if not self.local:
            lattice = np.zeros(cells)
            starts = [part.start for part in tile.outputs]
            ends = [start + length for start, length in zip(starts, cells, strict=True)]
            seen = problem.padded[tuple(map(slice, starts, ends))]
            lattice[tuple(map(slice, seen.shape))] = self._angle(seen)
            return lattice
        lattice = np.zeros((*kernel_states(kernel.shape), *cells))
        for v in zip(*np.nonzero(kernel), strict=True):
            angle = self._angle(tile.view(problem.padded, v))
            where = (*v, *map(slice, tile.counts))
            lattice[where] = angle if kernel[v] > 0 else math.pi / 2 - angle
        return lattice

    def _angle(self, seen: _Array) -> _Array:
        """The angle whose squared sine is a pixel's place in the range."""
        place = np.zeros_like(seen)
        np.divide(seen - self.low, self.width, out=place, where=self.width > 0)
        return np.arcsin(np.sqrt(np.clip(place, 0, 1)))

    def found(
        self,
        tile: Tile,
        probability: _Array,
        stderr: _Array,
        reliable: NDArray[np.bool_],
        circuits: tuple[QuantumCircuit, ...],
    ) -> _Found:
        """Outputs of a tile from the flag's probabilities."""
        p, error, sure = (a.reshape(tile.counts) for a in (probability, stderr, reliable))
        negative = (self.size - self.total) / 2
        image = self.low * self.total + self.width * (self.size * p - negative)
        error = self.width * self.size * error
        sure = sure | (self.width == 0)
        return _Found((tile.expand(image), tile.expand(error), tile.expand(sure)), circuits)
