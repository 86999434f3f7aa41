"""Problems: one convolution to be estimated, checked and laid out, ready for any method."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qconv._threads import for_each
from qconv.execution import Backend, noise_name, stream_name
from qconv.grid import Grid
from qconv.propagator import Propagator


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that a method needs to know, all of it valid."""

    image: NDArray[np.float64]
    """The image, its shape that of ``grid.image_shape``."""
    propagator: Propagator
    """The kernel as probabilities and weights."""
    grid: Grid
    """Which image pixels each output pixel sees, after all steps."""
    steps: int
    """How often the propagator is applied."""
    shots: int | None
    """Shots for each output pixel; None for the exact expectation."""
    backend: Backend
    """Where circuits run; None is the ideal Aer simulator."""
    seed: np.random.SeedSequence
    """Root of all randomness of this call."""
    progress: bool
    """Whether to show a progress bar."""
    total: int | None = None
    """Executions of circuits that hold the whole image; None for ``shots`` a pixel."""

    @cached_property
    def padded(self) -> NDArray[np.float64]:
        """The image with its margins, contiguous."""
        return np.ascontiguousarray(self.grid.pad(self.image))

    @property
    def streams(self) -> frozenset[str]:
        """Name of the random stream, empty where nothing is random."""
        return frozenset() if self.shots is None else frozenset({stream_name(self.seed)})

    @property
    def quantity(self) -> str:
        """Digest of what is to be estimated: image, kernel, geometry, noise."""
        digest = hashlib.blake2b(repr(self.grid).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.image).data)
        digest.update(np.ascontiguousarray(self.propagator.effective_kernel).data)
        digest.update(str(self.steps).encode())
        digest.update(noise_name(self.backend).encode())
        return digest.hexdigest()

    def for_each_tile(self, work: Callable[[int], None]) -> None:
        """Call ``work`` with the number of every tile of the output, on all cores."""
        for_each(work, len(self.grid.tiles), progress=self.progress)
