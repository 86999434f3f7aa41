"""Chances: flag probabilities of all pixels, from which errors are predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qconv.methods.amplitude_estimation.scale import Scale
from qconv.methods.amplitude_estimation.schedule import Schedule, simulated_excess, variance
from qconv.methods.cutting import Block
from qconv.planning.problem import Problem

_Array = NDArray[np.float64]

#: Number of blocks whose errors are simulated, spread evenly over the image. Errors exceed their
#: bound by a factor that varies little between blocks (`test_four_blocks_stand_for_all`).
_EXAMPLES = 4


@dataclass(frozen=True, eq=False)
class Chances:
    """Flag probabilities of all pixels at power 0, which do not depend on the shots."""

    probability: _Array
    """Probability of each output pixel."""
    unit: _Array
    """Difference of outputs between the probabilities 0 and 1, by output pixel."""
    examples: Sequence[_Array]
    """Probabilities of all pixels of some blocks."""

    @classmethod
    def of(
        cls, plan: Problem, blocks: Sequence[Block], scale_of: Callable[[int], Scale]
    ) -> Chances:
        """Compute the probabilities of a plan that is cut into blocks, each with a scale."""
        kernel = plan.propagator.effective_kernel
        exact, probability, unit = np.zeros((3, *plan.grid.output_shape))
        whole = tuple(slice(0, length) for length in plan.grid.output_shape)
        for position in zip(*np.nonzero(kernel), strict=True):
            exact += kernel[position] * plan.grid.view(plan.padded, position, whole)
        chosen = np.linspace(0, len(blocks), min(len(blocks), _EXAMPLES), endpoint=False)
        examples = []
        for number, block in enumerate(blocks):
            scale = scale_of(number)
            found = scale.probability(block, exact)
            probability[block.outputs] = block.expand(found)
            unit[block.outputs] = scale.errors(block, np.ones(block.counts))
            if number in chosen.astype(np.intp):
                examples.append(found)
        return cls(probability, unit, examples)

    def errors(self, schedule: Schedule, excess: float | None = None) -> _Array:
        """Predict the standard error of every output pixel.

        Args:
            schedule: Powers and their shots.
            excess: Factor between mean square errors and their bound; None to simulate it.
        """
        if excess is None:
            excess = simulated_excess(schedule, self.examples)
        return np.asarray(self.unit * np.sqrt(variance(schedule, self.probability, excess)))
