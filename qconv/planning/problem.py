"""Problems: the part of a plan that methods read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, largest_magnitude
from qconv.circuits.arithmetic import choose_family
from qconv.execution.device.backends import is_ideal, is_statevector, noise_name
from qconv.execution.device.expected import expected_readout
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.pixel_counts import Each
from qconv.execution.outcomes.readout import Readout
from qconv.execution.seeds import stream_name
from qconv.grid import Grid
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution, made
from qconv.result.tolerance import Tolerance

#: Maximum number of executions, because NumPy counts in 64 bits.
_MOST = 2**62


class _Applied(Protocol):
    """The attributes of a method that a problem reads."""

    @property
    def signed(self) -> bool:
        """Whether estimates have signs or phases."""

    @property
    def steps(self) -> int:
        """Number of times that the kernel is applied."""

    @property
    def loads_exactly(self) -> bool:
        """Whether circuits load the image exactly."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Checked convolution: the attributes of a `Plan` that methods may read."""

    image: Numbers
    """Image, real or complex, shape ``grid.image_shape``."""
    propagator: Propagator
    """Kernel as probabilities and weights."""
    grid: Grid
    """Geometry of the convolution, as after all steps of the method."""
    method: _Applied
    """Method of convolution."""
    shots: int | None
    """Shots per output pixel; None for the exact expectation."""
    sampling: Sampling
    """Backend, seed and other options of measurement."""
    tolerance: Tolerance | None = None
    """Requested error, which determines the shots; None if shots were requested."""
    each: NDArray[np.int64] | None = None
    """Shots of each output pixel, shape ``grid.output_shape``; their mean, rounded, is ``shots``.
    None if all pixels have ``shots``."""
    total: int | None = None
    """Total number of executions of circuits that hold the whole image; None for ``shots`` per
    pixel."""
    growth: float = 1.0
    """Number of executions for which methods choose their options, relative to this plan's number.
    It differs from 1 if the plan adds shots to a result, so that all counts can be added."""
    totals: tuple[int, ...] = ()
    """Total number of executions of each element of a batch; empty if it follows from ``total`` or
    ``shots``."""
    counted: bool = False
    """Whether circuits are built as a device would run them, to be counted or exported."""
    part_of: str = ""
    """Name of the whole, such as a layer, if this plan is a part; otherwise empty. In the digest
    `quantity`, this name takes the place of the image."""

    @cached_property
    def padded(self) -> Numbers:
        """Contiguous image with its margins, shape ``grid.padded_shape``."""
        return np.ascontiguousarray(self.grid.pad(self.image))

    @cached_property
    def largest(self) -> float:
        """Largest magnitude of the image."""
        repeated = (slice(0, 1) if step == 0 else slice(None) for step in self.image.strides)
        once = self.image[tuple(repeated)]  # a Dask array's placeholder repeats one number
        return largest_magnitude(once)

    @property
    def is_complex(self) -> bool:
        """Whether the image or the kernel is complex."""
        return self.image.dtype.kind == "c" or self.propagator.is_complex

    @property
    def result_type(self) -> type[np.float64] | type[np.complex128]:
        """Type of the result's numbers; magnitudes of complex numbers are real."""
        return np.complex128 if self.is_complex and self.method.signed else np.float64

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
        """Whether circuits may contain instructions that only a state-vector simulator runs."""
        return is_statevector(self.sampling.backend) and not self.counted

    @property
    def simulated(self) -> bool:
        """Whether circuits are simulated without noise, so that their states must fit in memory."""
        return self.ideal and not self.counted

    @property
    def adder(self) -> str:
        """Family of adders that suits the backend."""
        if self.counted:
            return "ripple"
        backend = self.sampling.backend
        return choose_family(backend, exact=is_statevector(backend))

    @property
    def whole_shots(self) -> int | None:
        """Executions of a circuit that holds the whole image; None for the exact expectation.

        Raises:
            ValueError: If there are more executions than 64 bits can count.
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
        """Shots of each output pixel: an integer, or an array; 0 for the exact expectation."""
        return (self.shots or 0) if self.each is None or self.shots is None else self.each

    def expected_readout(self, bits: int) -> Readout | None:
        """Return the readout errors that counts of ``bits`` bits will be corrected for.

        None without correction, or if nothing is known about the backend's readout.
        """
        return expected_readout(self.sampling, bits)

    def shots_that_came(self, planned: int, came: int) -> int | None:
        """Return the shots per output pixel if a backend ran more or fewer executions than planned.

        Args:
            planned: Planned executions.
            came: Executions that the backend returned.
        """
        if self.shots is None or planned == came:
            return self.shots
        return max(1, round(self.shots * came / planned))

    @property
    def streams(self) -> frozenset[str]:
        """Name of the random stream; empty for the exact expectation."""
        return frozenset() if self.shots is None else frozenset({stream_name(self.seed)})

    @cached_property
    def quantity(self) -> str:
        """Digest of the estimated quantity: image, kernel, geometry, noise and loading error."""
        made = hashlib.blake2b(repr(self.grid).encode(), digest_size=16)
        made.update(self.part_of.encode() or np.ascontiguousarray(self.image).data)
        made.update(np.ascontiguousarray(self.propagator.effective_kernel).data)
        made.update(str(self.method.steps).encode())
        made.update(noise_name(self.sampling.backend).encode())
        made.update(b"" if self.method.loads_exactly else repr(self.method).encode())
        mitigation = self.sampling.mitigation
        made.update(b"" if mitigation is None else mitigation.name.encode())
        return made.hexdigest()

    def result(
        self,
        image: Numbers,
        stderr: Numbers,
        outcomes: Sequence[Outcomes],
        *,
        variant: str = "",
        **more: Any,
    ) -> Convolution:
        """Make a result, with the fields that follow from plan and outcomes.

        Args:
            image: Estimate, shape ``grid.output_shape``.
            stderr: Standard error of the estimate, same shape.
            outcomes: Outcomes that the estimate was computed from.
            variant: String that distinguishes quantities estimated from the same plan.
            more: Other fields or properties of a `Convolution`, such as ``success_probability`` or
                ``diagnostics``. They take precedence over the fields that follow from the plan.

        Raises:
            ValueError: If ``image`` or ``stderr`` has a different shape.
        """
        noise = "" if self.ideal else repr(self.method)  # its error depends on the method
        fields: dict[str, Any] = {
            "shots": self.shots_that_came(
                sum(part.program.executions or 0 for part in outcomes),
                sum(part.executions for part in outcomes),
            ),
            "total_shots": sum(part.total_shots + part.calibration_shots for part in outcomes),
            "oracle_calls": sum(part.oracle_calls for part in outcomes),
            "quantity": f"{self.quantity}{variant}{noise}",
            "streams": frozenset().union(*(part.streams for part in outcomes)),
            "tolerance": None if self.tolerance is None else self.tolerance.written,
            "channel_axis": self.grid.channel_axis,
        }
        for name, array in (("image", image), ("stderr", stderr)):
            if np.shape(array) != self.grid.output_shape:
                raise ValueError(
                    f"{name}: expected the shape {self.grid.output_shape}, got {np.shape(array)}"
                )
        if "circuits" not in more:  # circuits take time to build
            fields["circuits"] = tuple(part.circuit for part in outcomes)
        return made(image=image, stderr=stderr, **(fields | more))
