"""Plans: one convolution, checked and laid out: its circuits, its cost, ready to run or decode."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import boolean, numpy_defaults
from qconv.circuits.arithmetic import choose_family
from qconv.execution.checkpoint.checkpoint import digest
from qconv.execution.checkpoint.resume import without_address
from qconv.execution.device.backends import is_ideal, is_statevector, noise_name
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.outcomes.split import Each
from qconv.execution.seeds import stream_name
from qconv.grid import Grid
from qconv.planning.allocation import Tolerance
from qconv.planning.cost import Cost, cost_of
from qconv.planning.counts import gathered
from qconv.planning.method import Method, Prepared
from qconv.planning.running import run_or_resume
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.making import made
from qconv.result.numbers import in_words

#: Maximum number of executions: NumPy counts in 64 bits.
_MOST = 2**62


@dataclass(frozen=True, eq=False)
class Plan:
    """A convolution that is ready to run here, or anywhere else; made by `qconv.plan`.

    ``print(plan)`` shows what it will cost. Either call `run`; or run `circuits`, as often as
    `executions` says, on a machine of your own, and give what was counted to `decode`.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 3], method=qconv.Collapse(), shots=1000, seed=7)
        >>> plan.decode([{"0": 992, "1": 3008}]).image.shape  # counts from any machine, any day
        (4,)
    """

    image: NDArray[np.float64]
    """Image, shape ``grid.image_shape``."""
    propagator: Propagator
    """Kernel as probabilities and weights."""
    grid: Grid
    """Which image pixels each output pixel sees, after all steps."""
    method: Method
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

    # ------------------------------------------------------------------------------ to be used

    @cached_property
    def prepared(self) -> Prepared[Any]:
        """The method's work for this plan."""
        return self.method.prepare(self)

    @cached_property
    @numpy_defaults
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """The circuits that would run, before transpiling: measured, with named registers."""
        return tuple(program.circuit() for program in self.prepared.programs)

    @cached_property
    @numpy_defaults
    def executions(self) -> tuple[int, ...]:
        """Number of executions of each of `circuits`; 0 for the exact expectation.

        On a device whose noise gives outcomes that the ideal circuit never gives, `Collapse` needs
        more, see `decode`.
        """
        return tuple(program.executions or 0 for program in self.prepared.programs)

    @cached_property
    @numpy_defaults
    def cost(self) -> Cost:
        """Cost of running the plan: qubits, gates, executions, and the expected error."""
        return cost_of(self.prepared, self.on_device().prepared)

    @numpy_defaults
    def run(
        self, progress: bool = False, checkpoint: str | os.PathLike[str] | None = None
    ) -> Convolution:
        """Run the circuits and decode their outcomes.

        Args:
            progress: Show progress bars (needs tqdm).
            checkpoint: As in `qconv.convolve`.

        Returns:
            The estimate with its standard error.

        Raises:
            TypeError: If ``checkpoint`` is not a path.
            ValueError: If the work would not fit in memory, or not on the backend; or if the
                checkpoint is damaged, or belongs to another call.
            RuntimeError: If a backend failed.
        """
        return run_or_resume(
            self.prepared,
            self._call,
            self._resumed,
            progress=boolean(progress, "progress"),
            checkpoint=checkpoint,
        )

    def _resumed(self, seed: np.random.SeedSequence, shots: int | None) -> Prepared[Any]:
        """The work for the same call with the seed and shots that a checkpoint leaves to do."""
        sampling = replace(self.sampling, seed=seed)
        again = self.prepared.again(replace(self, sampling=sampling, shots=shots, each=None))
        return again.again(again.allot())

    def _call(self) -> dict[str, str]:
        """Digests of what the result depends on besides shots and sampling, by name."""
        propagator = self.propagator
        return {
            "image": digest(self.image),
            "kernel": digest(propagator.probabilities, propagator.weights),
            "geometry": repr(self.grid),
            "method": without_address(repr(self.method)),
            "tolerance": repr(self.tolerance),
        }

    @numpy_defaults
    def decode(self, counts: Any) -> Convolution:
        """The estimate that counts give, wherever and whenever they were gathered.

        Args:
            counts: One item for each of `circuits`, in their order: counts by bit strings (with or
                without spaces), by hexadecimal texts or by whole numbers; a ``BitArray``; or the
                ``data`` of one. In place of a list: a ``PrimitiveResult``, a ``Result``, or a
                single item where there is one circuit. All shots count, so more of them than
                `executions` says give a smaller error where the method can use them. Runs must be
                independent of each other: a noisy Aer simulator gives shot ``i + 1`` of one seed
                as shot ``i`` of the next one.

        Returns:
            The estimate with its standard error; as noise is not excluded, standard errors rest on
            what was counted, not on the ideal circuit.

        Raises:
            TypeError: A count is no whole number.
            ValueError: The plan is for the exact expectation; there are more or fewer items than
                circuits; outcomes have another number of bits; shots are too few; or they are to
                be corrected for readout errors that were not given.
        """
        if self.shots is None:
            raise ValueError("shots: expected a whole number to decode counts, got None (exact)")
        programs = list(self.prepared.programs)
        found = gathered(programs, counts, self.seed, self.sampling.mitigation)
        return self.prepared.decode(iter(found))

    def __str__(self) -> str:
        rows = [
            ("method", repr(self.method)),
            ("image", " x ".join(map(str, self.grid.image_shape))),
            ("kernel", " x ".join(map(str, self.propagator.shape))),
            ("output pixels", " x ".join(map(str, self.grid.output_shape))),
            ("shots a pixel", in_words(self.shots if self.each is None else self.each)),
        ]
        return "\n".join([*(f"{name:<26}{text}" for name, text in rows), str(self.cost)])

    # --------------------------------------------------------------------- for methods to use

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

    def on_device(self) -> Plan:
        """Return the same plan with circuits that are made for counting them as on a device."""
        return replace(self, counted=True)

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
