"""Amplitude estimation: one circuit for each Grover power sharpens every pixel at once.

With the image mapped to ``[0, 1]``, a flag qubit reads 1 at position ``x`` with the probability

    a(x) = sum_v p_v s_v(I(x + v)),    p_v = |k_v| / S,  S = sum |k|,

``s_v(u) = u`` where the kernel is positive and ``1 - u`` where it is negative, so that

    y = low sum_v k_v + (high - low) (S a - sum_{k_v < 0} |k_v|).

``m`` Grover steps, which leave the position alone, turn ``a = sin(t)**2`` into ``sin((2 m + 1) t)**2``:
each shot then tells ``(2 m + 1)**2`` times as much about ``t``, for ``2 m + 1`` times the cost, so that
errors fall almost as the inverse of the cost instead of its root. The angle of each pixel is the most
likely one, over all powers.

The position is uniform, so a pixel's share of the shots is itself random. Large images are cut into
tiles with circuits of their own; every tile sees a margin as wide as the kernel, so that its
probabilities are exactly those that the whole would have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import one_of, whole_number
from qconv.circuits.arithmetic import choose_family
from qconv.circuits.grover import Amplifier
from qconv.circuits.registers import kernel_registers, qubits_of
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
        range: What is mapped to ``[0, 1]``: with ``"global"`` the range of all pixels that are seen;
            with ``"local"`` that of the pixels that each output sees, which is narrower where an
            image is smooth and shrinks the error as much, but needs an angle for each pixel and
            kernel position.

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
        tiles = _tiles(problem.grid, kernel.shape, local=self.range == "local")
        if is_ideal(problem.backend):
            qubits = sum(tiles[0].bits) + len(qubits_of(kernel_registers(kernel.shape))) + 1
            require_room(qubits, sum(tiles[0].bits) + 1, qubits, problem.grid.image_shape)
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

    def device_circuit(self, problem: Problem) -> QuantumCircuit:
        """The circuit of the highest power where gates count: to be counted, not run."""
        kernel = _added(problem.grid, problem.propagator.effective_kernel)
        tile = _tiles(problem.grid, kernel.shape, local=self.range == "local")[0]
        scale = _Scale.of(problem, tile, kernel, self.range)
        angles = scale.angles(problem, tile, kernel)
        amplifier = Amplifier(tile.counts, kernel, angles, native=False, family="ripple")
        return amplifier.circuit(self.powers[-1])

    def _estimate_tile(
        self,
        problem: Problem,
        number: int,
        tile: _Tile,
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
            misses, hits = tile.read(born_probabilities(circuit, backend, measured=amplifier.measured))
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


# --------------------------------------------------------------------------------------- tiles


@dataclass(frozen=True)
class _Tile:
    """A block of output pixels and the positions that stand for them."""

    outputs: tuple[slice, ...]
    bits: tuple[int, ...]
    counts: tuple[int, ...]
    """Positions in superposition, per axis: one for each output; with wrap, some serve several."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Output pixels per axis."""
        return tuple(part.stop - part.start for part in self.outputs)

    @property
    def pixels(self) -> int:
        """Output pixels."""
        return math.prod(self.shape)

    @property
    def distinct(self) -> bool:
        """Whether every output pixel has a position of its own."""
        return self.counts == self.shape

    def read(self, outcomes: _Array) -> _Array:
        """Misses and hits ``(2, *counts)`` from all outcomes, the flag their highest bit."""
        cells = outcomes.reshape(2, *(2**bits for bits in self.bits))
        return cells[(slice(None), *map(slice, self.counts))]

    def expand(self, numbers: NDArray[np.generic]) -> NDArray[np.generic]:
        """Output pixels from one number for each position."""
        places = [np.arange(n) % count for n, count in zip(self.shape, self.counts, strict=True)]
        return numbers.reshape(self.counts)[np.ix_(*places)]


def _added(grid: Grid, kernel: _Array) -> _Array:
    """The kernel in the order of displacements from an output pixel to the padded one it reads."""
    return np.flip(kernel) if grid.flipped else kernel


def _tiles(grid: Grid, kernel: tuple[int, ...], *, local: bool) -> list[_Tile]:
    """Cut the output so that circuits fit, with as few basis states altogether as possible."""
    room = (_MOST_QUBITS_JOINT if local else _MOST_QUBITS) - 1
    room -= len(qubits_of(kernel_registers(kernel)))
    choices = list(itertools.product(*(_sizes(grid, axis) for axis in range(len(kernel)))))
    smallest = min(sum(bits for _, bits in choice) for choice in choices)
    fitting = [c for c in choices if sum(bits for _, bits in c) <= max(room, smallest)]

    def states(choice: Sequence[tuple[int, int]]) -> int:
        pairs = zip(choice, grid.output_shape, strict=True)
        return math.prod(-(-outputs // length) * 2**bits for (length, bits), outputs in pairs)

    best = min(fitting, key=states)
    bits = tuple(bits for _, bits in best)
    if not any(bits):
        bits = (*bits[:-1], 1)
    blocks = [
        [slice(start, min(start + length, outputs)) for start in range(0, outputs, length)]
        for (length, _), outputs in zip(best, grid.output_shape, strict=True)
    ]
    return [
        _Tile(part, bits, tuple(min(s.stop - s.start, 2**b) for s, b in zip(part, bits, strict=True)))
        for part in itertools.product(*blocks)
    ]


def _sizes(grid: Grid, axis: int) -> list[tuple[int, int]]:
    """Lengths that a tile may have along an axis, and the qubits that each needs."""
    outputs, reach = grid.output_shape[axis], grid.kernel_shape[axis] - 1
    pixels = grid.image_shape[axis]
    if grid.boundary == "wrap" and pixels & (pixels - 1) == 0:
        whole = pixels.bit_length() - 1
    else:
        whole = (outputs + reach - 1).bit_length()
    parts = [(2**bits - reach, bits) for bits in range(whole) if 2**bits > reach]
    return [(outputs, whole), *((length, bits) for length, bits in parts if length < outputs)]


# --------------------------------------------------------------------------------------- ranges


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
    def of(cls, problem: Problem, tile: _Tile, kernel: _Array, kind: str) -> _Scale:
        """The range of all pixels, or of those that each output of a tile sees."""
        total, size = float(kernel.sum()), float(np.abs(kernel).sum())
        if kind == "global":
            low, high = problem.padded.min(), problem.padded.max()
            return cls(np.array(low), np.array(high - low), total, size, local=False)
        views = [_view(problem.padded, tile, v) for v in np.argwhere(kernel)]
        low, high = np.minimum.reduce(views), np.maximum.reduce(views)
        return cls(low, high - low, total, size, local=True)

    def angles(self, problem: Problem, tile: _Tile, kernel: _Array) -> _Array:
        """Half the rotation of the flag; of every cell, or every kernel position and cell."""
        cells = tuple(2**bits for bits in tile.bits)
        if not self.local:
            lattice = np.zeros(cells)
            starts = [part.start for part in tile.outputs]
            seen = problem.padded[tuple(map(slice, starts, map(sum, zip(starts, cells, strict=True))))]
            lattice[tuple(map(slice, seen.shape))] = self._angle(seen)
            return lattice
        shape = [1 << (length - 1).bit_length() for length in kernel.shape]
        if not any(length > 1 for length in shape):
            shape[-1] = 2
        lattice = np.zeros((*shape, *cells))
        for v in np.argwhere(kernel):
            angle = self._angle(_view(problem.padded, tile, v))
            where = (*v, *map(slice, tile.counts))
            lattice[where] = angle if kernel[tuple(v)] > 0 else math.pi / 2 - angle
        return lattice

    def _angle(self, seen: _Array) -> _Array:
        """The angle whose squared sine is a pixel's place in the range."""
        place = np.zeros_like(seen)
        np.divide(seen - self.low, self.width, out=place, where=self.width > 0)
        return np.arcsin(np.sqrt(np.clip(place, 0, 1)))

    def found(
        self,
        tile: _Tile,
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


def _view(padded: _Array, tile: _Tile, displacement: Sequence[int]) -> _Array:
    """What a displacement shows to each position of a tile."""
    return padded[
        tuple(
            slice(part.start + v, part.start + v + count)
            for part, v, count in zip(tile.outputs, displacement, tile.counts, strict=True)
        )
    ]
