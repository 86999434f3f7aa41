"""Problems: what was asked for, as a method sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qconv.circuits.arithmetic import choose_family
from qconv.execution.device.backends import is_ideal, is_statevector, noise_name
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.pixel_counts import Each
from qconv.execution.seeds import stream_name
from qconv.grid import Grid
from qconv.planning.allocation import Tolerance
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.making import made

#: Maximum number of executions: NumPy counts in 64 bits.
_MOST = 2**62


class _Applied(Protocol):
    """What a problem must know of its method."""

    @property
    def steps(self) -> int:
        """Number of times that the kernel is applied."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A convolution, checked and laid out: all that a method may read of a `Plan`."""

    image: NDArray[np.float64]
    """Image, shape ``grid.image_shape``."""
    propagator: Propagator
    """Kernel as probabilities and weights."""
    grid: Grid
    """Which image pixels each output pixel sees, after all steps."""
    method: _Applied
    """How to convolve."""
    shots: int | None
    """Shots per output pixel; None for the exact expectation."""
    sampling: Sampling
    """Backend, seed and whatever else says how circuits are measured."""
    tolerance: Tolerance | None = None
    """Requested error, from which the shots follow; None if shots were requested."""
    each: NDArray[np.int64] | None = None
    """Shots of each output pixel where they differ, shape ``grid.output_shape``; ``shots`` is then
    about their mean. None where all pixels have ``shots``."""
    total: int | None = None
    """Executions of circuits that hold the whole image; None for ``shots`` per pixel."""
    counted: bool = False
    """Whether circuits are made for counting their gates as on a device, not for a simulator."""
    part_of: str = ""
    """Name of the whole that this plan is a part of, such as a layer; its own image is then not
    hashed. Empty for a whole."""

    @cached_property
    def padded(self) -> NDArray[np.float64]:
        """The image with its margins, contiguous."""
        return np.ascontiguousarray(self.grid.pad(self.image))

    @cached_property
    def largest(self) -> float:
        """Largest magnitude in the image."""
        repeated = (slice(0, 1) if step == 0 else slice(None) for step in self.image.strides)
        once = self.image[tuple(repeated)]  # an image that stands for a Dask array is one number
        return max(float(once.max()), -float(once.min()))

    @property
    def seed(self) -> np.random.SeedSequence:
        """Root of all random streams."""
        return self.sampling.seed

    @property
    def ideal(self) -> bool:
        """Whether the backend is an ideal simulator."""
        return is_ideal(self.sampling.backend)

    @property
    def native(self) -> bool:
        """Whether circuits may hold arrays as instructions, as a state-vector simulator takes."""
        return is_statevector(self.sampling.backend) and not self.counted

    @property
    def simulated(self) -> bool:
        """Whether circuits are simulated without noise here, so that their states must fit."""
        return self.ideal and not self.counted

    @property
    def adder(self) -> str:
        """The family of adders that suits where the circuits run."""
        if self.counted:
            return "ripple"
        backend = self.sampling.backend
        return choose_family(backend, exact=is_statevector(backend))

    @property
    def whole_shots(self) -> int | None:
        """Executions of a circuit that holds the whole image; None for the exact expectation.

        Raises:
            ValueError: They are too many to count.
        """
        if self.shots is None or self.total is not None:
            return None if self.shots is None else self.total
        if self.shots * self.grid.pixels > _MOST:
            raise ValueError(
                f"shots: expected at most {_MOST // self.grid.pixels} for {self.grid.pixels} "
                f"output pixels, got {self.shots}"
            )
        return self.shots * self.grid.pixels

    @property
    def shots_of_pixels(self) -> Each:
        """Shots of each output pixel: one number, or an array; 0 for the exact expectation."""
        return (self.shots or 0) if self.each is None or self.shots is None else self.each

    def shots_that_came(self, planned: int, came: int) -> int | None:
        """Shots for each output pixel, where a backend gave more or fewer than planned.

        Args:
            planned: Executions.
            came: Executions that came back.
        """
        if self.shots is None or planned == came:
            return self.shots
        return max(1, round(self.shots * came / planned))

    @property
    def streams(self) -> frozenset[str]:
        """Name of the random stream, empty where nothing is random."""
        return frozenset() if self.shots is None else frozenset({stream_name(self.seed)})

    @cached_property
    def quantity(self) -> str:
        """Digest of what is to be estimated: image, kernel, geometry, noise."""
        made = hashlib.blake2b(repr(self.grid).encode(), digest_size=16)
        made.update(self.part_of.encode() or np.ascontiguousarray(self.image).data)
        made.update(np.ascontiguousarray(self.propagator.effective_kernel).data)
        made.update(str(self.method.steps).encode())
        made.update(noise_name(self.sampling.backend).encode())
        mitigation = self.sampling.mitigation
        made.update(b"" if mitigation is None else mitigation.name.encode())
        return made.hexdigest()

    def result(
        self,
        image: NDArray[np.float64],
        stderr: NDArray[np.float64],
        outcomes: Sequence[Outcomes],
        *,
        variant: str = "",
        **more: Any,
    ) -> Convolution:
        """A result with everything filled in that follows from plan and outcomes.

        Args:
            image: The estimate, shape ``grid.output_shape``.
            stderr: Its standard error, same shape.
            outcomes: What it was estimated from.
            variant: Tells quantities apart that are estimated from the same plan.
            more: ``success_probability``, ``diagnostics`` or any other field or property of a
                `Convolution`, or other values of the same.

        Raises:
            ValueError: ``image`` or ``stderr`` has another shape.
        """
        noise = "" if self.ideal else repr(self.method)  # does not treat methods alike
        fields: dict[str, Any] = {
            "shots": self.shots_that_came(
                sum(part.program.executions or 0 for part in outcomes),
                sum(part.executions for part in outcomes),
            ),
            "total_shots": sum(part.total_shots + part.calibration_shots for part in outcomes),
            "oracle_calls": sum(part.oracle_calls for part in outcomes),
            "quantity": f"{self.quantity}{variant}{noise}",
            "streams": frozenset().union(*(part.streams for part in outcomes)),
        }
        for name, array in (("image", image), ("stderr", stderr)):
            if np.shape(array) != self.grid.output_shape:
                raise ValueError(
                    f"{name}: expected the shape {self.grid.output_shape}, got {np.shape(array)}"
                )
        if "circuits" not in more:  # which take time to build
            fields["circuits"] = tuple(part.circuit for part in outcomes)
        return made(image=image, stderr=stderr, **(fields | more))
