"""Search for a circuit: starts, exchange of CZ gates, and refinement from coarse to fine scales.

Every step has a fixed number of iterations, so that the result depends on the seed only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qconv.circuits._gates import Array
from qconv.circuits.loading.ansatz import Ansatz, Pair
from qconv.circuits.loading.chain import arms, on_chain, scales
from qconv.circuits.loading.fit import insert_one, polish, random_start, refine, remove_one
from qconv.circuits.loading.placement import layers

_STARTS, _START_ITERATIONS = 3, 500
_TRIAL_EXCHANGES = 12  # for each start, before the best one is chosen
_EXCHANGES, _EXCHANGE_ITERATIONS = 36, 200
_LIFTED_EXCHANGES = 9  # if finer scales follow
_PATIENCE = 15  # exchanges in a row without an improvement, after which no more are tried
_RANDOMNESS = 0.5  # standard deviation of the logarithm of random factors in the choice of gates
_GROWTH = 4  # CZ gates that are inserted before the angles are refined
_GROWTH_ITERATIONS = 15
_FINER = 0.08  # share of the CZ gates that each finer scale adds
_FINER_ITERATIONS = 500
_LAST_ROUNDS = 15
_QUICK_EXCESS = 1.4  # infidelity of a single start in units of the infidelity after the search
_ATTEMPTS = 6  # exchanges per attempt with one CZ more or one less
_PRUNING_FAILURES = 3
_EXACT = 1e-12  # infidelity at which a search ends


@dataclass(frozen=True, eq=False)
class Search:
    """Search for circuits that load one array."""

    padded: Array
    """Array whose axes have powers of two as lengths."""
    line: bool
    """Whether CZ gates act on neighbours of the chain only."""
    rng: np.random.Generator
    """Generator of all random numbers."""

    @property
    def bits(self) -> tuple[int, ...]:
        """Number of qubits per axis."""
        return tuple(size.bit_length() - 1 for size in self.padded.shape)

    def best(self, count: int) -> tuple[Ansatz, float]:
        """Return the best circuit found with ``count`` CZ gates, and its overlap."""
        every = scales(self.bits)
        added = round(_FINER * count)
        coarse = max(count - added * (len(every) - 1), 0)
        ansatz, overlap = self._coarsest(every[0], coarse, finer=len(every) > 1)
        for bits, finer in pairwise(every):
            old, new = arms(bits), arms(finer)
            ansatz = ansatz.lifted(*(len(b) - len(a) for a, b in zip(old, new, strict=True)))
            target = on_chain(self.padded, finer)
            wanted = count - added * (len(every) - 1 - every.index(finer))
            ansatz = self._grown(ansatz, target, wanted)
            ansatz, overlap = refine(ansatz, target, _FINER_ITERATIONS)
        return ansatz, overlap

    def fewest(self, fidelity: float, most: int) -> tuple[Ansatz, float]:
        """Return the circuit with the fewest CZ gates found that reaches a fidelity.

        Args:
            fidelity: Squared overlap to reach.
            most: Maximum number of CZ gates.

        Returns:
            The circuit and its overlap, which is smaller than required if ``most`` gates do not
            suffice.
        """
        ansatz, overlap = self.best(self._estimate(fidelity, most))
        target = on_chain(self.padded, self.bits)
        while overlap**2 < fidelity and len(ansatz.pairs) < most:
            more = self._grown(ansatz, target, len(ansatz.pairs) + 1)
            ansatz, overlap = self._towards(fidelity, more, target)
        failures = 0
        while ansatz.pairs and failures < _PRUNING_FAILURES:
            fewer = remove_one(ansatz, target, self._weights)
            found = self._towards(fidelity, fewer, target)
            if found[1] ** 2 >= fidelity:
                ansatz, overlap = found
            else:
                failures += 1
        return ansatz, overlap

    def _towards(self, fidelity: float, ansatz: Ansatz, target: Array) -> tuple[Ansatz, float]:
        """Refine a circuit and exchange a few CZ gates until it reaches a fidelity."""
        ansatz, overlap = refine(ansatz, target, _EXCHANGE_ITERATIONS)
        for _ in range(_ATTEMPTS if len(scales(self.bits)) == 1 else 1):
            if overlap**2 >= fidelity:
                break
            ansatz, overlap = self._exchanged(ansatz, overlap, target)
        return ansatz, overlap

    def _estimate(self, fidelity: float, most: int) -> int:
        """Estimate the number of CZ gates for a fidelity from single starts."""
        count = 0
        while count < most:
            _, overlap = self._quick(count)
            if 1 - overlap**2 <= _QUICK_EXCESS * (1 - fidelity):
                break
            count = min(most, max(count + 2, count * 5 // 4))
        return count

    def _quick(self, count: int) -> tuple[Ansatz, float]:
        """Fit one start at the coarsest scale, lifted to the finest scale."""
        every = scales(self.bits)
        ansatz, _ = self._start(every[0], count, on_chain(self.padded, every[0]))
        old, new = arms(every[0]), arms(self.bits)
        ansatz = ansatz.lifted(*(len(b) - len(a) for a, b in zip(old, new, strict=True)))
        return refine(ansatz, on_chain(self.padded, self.bits), _GROWTH_ITERATIONS)

    def _start(self, bits: Sequence[int], count: int, target: Array) -> tuple[Ansatz, float]:
        """Fit layers of CZ gates from small random angles."""
        num_qubits, middle = sum(bits), max(len(arms(bits)[0]) - 1, 0)
        pairs = layers(num_qubits, middle, count) if num_qubits > 1 else ()
        return refine(random_start(pairs, num_qubits, self.rng), target, _START_ITERATIONS)

    def _coarsest(self, bits: Sequence[int], count: int, *, finer: bool) -> tuple[Ansatz, float]:
        """Return the best circuit at the coarsest scale."""
        target = on_chain(self.padded, bits)
        starts = [self._start(bits, count, target) for _ in range(_STARTS)]
        tried = [self._improved(*start, target, _TRIAL_EXCHANGES) for start in starts]
        ansatz, overlap = max(tried, key=lambda found: found[1])
        exchanges = _LIFTED_EXCHANGES if finer else _EXCHANGES
        ansatz, overlap = self._improved(ansatz, overlap, target, exchanges)
        return (ansatz, overlap) if finer else polish(ansatz, target, _LAST_ROUNDS)

    def _improved(
        self, ansatz: Ansatz, overlap: float, target: Array, exchanges: int
    ) -> tuple[Ansatz, float]:
        """Exchange CZ gates a number of times, or until no exchange helps."""
        failures = 0
        for _ in range(exchanges):
            before = overlap
            ansatz, overlap = self._exchanged(ansatz, overlap, target)
            failures = failures + 1 if overlap == before else 0
            if failures == _PATIENCE:
                break
        return ansatz, overlap

    def _exchanged(self, ansatz: Ansatz, overlap: float, target: Array) -> tuple[Ansatz, float]:
        """Move one CZ to another place, if that increases the overlap."""
        if not ansatz.pairs or 1 - overlap**2 < _EXACT:
            return ansatz, overlap
        fewer = remove_one(ansatz, target, self._weights)
        other = insert_one(fewer, target, self._allowed(ansatz.num_qubits), self._weights)
        found = refine(other, target, _EXCHANGE_ITERATIONS)
        return found if found[1] > overlap else (ansatz, overlap)

    def _grown(self, ansatz: Ansatz, target: Array, count: int) -> Ansatz:
        """Insert CZ gates until there are ``count``."""
        allowed = self._allowed(ansatz.num_qubits)
        while len(ansatz.pairs) < count:
            ansatz, _ = refine(ansatz, target, _GROWTH_ITERATIONS)
            for _ in range(min(_GROWTH, count - len(ansatz.pairs))):
                ansatz = insert_one(ansatz, target, allowed, np.ones)
        return ansatz

    def _weights(self, count: int) -> Array:
        """Draw random factors for the choice of gates."""
        return np.exp(self.rng.normal(0.0, _RANDOMNESS, count))

    def _allowed(self, num_qubits: int) -> list[Pair]:
        """List the pairs of qubits on which CZ gates may act."""
        reach = 1 if self.line else num_qubits
        return [
            (a, b) for a in range(num_qubits) for b in range(a + 1, num_qubits) if b <= a + reach
        ]
