"""Plans: one convolution, checked and laid out: its circuits, its cost, ready to run or decode."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import boolean, numpy_defaults
from qconv._threads import for_each
from qconv.circuits.arithmetic import choose_family
from qconv.execution.backends import Backend, is_ideal, is_statevector, noise_name
from qconv.execution.checkpoint import Checkpoint, digest
from qconv.execution.continuing import continued, how_measured, without_address
from qconv.execution.dealing import Each
from qconv.execution.outcomes import Outcomes
from qconv.execution.readout import ReadoutMitigation
from qconv.execution.run import run
from qconv.execution.seeds import stream_name
from qconv.grid import Grid
from qconv.planning.allocation import Tolerance
from qconv.planning.budget import Noisy, with_bias
from qconv.planning.cost import Cost, cost_of
from qconv.planning.counts import gathered
from qconv.planning.method import Method
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.making import made
from qconv.result.numbers import in_words

_T = TypeVar("_T")

#: Most executions: NumPy counts in 64 bits.
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
    """The image, its shape that of ``grid.image_shape``."""
    propagator: Propagator
    """The kernel as probabilities and weights."""
    grid: Grid
    """Which image pixels each output pixel sees, after all steps."""
    method: Method
    """How to convolve."""
    shots: int | None
    """Shots for each output pixel; None for the exact expectation."""
    backend: Backend
    """Where circuits run; None is the ideal Aer simulator."""
    seed: np.random.SeedSequence
    """Root of all randomness of this call."""
    job_shots: int | None = None
    """Most shots of a job; None for as many as the backend says."""
    mitigation: ReadoutMitigation | None = None
    """How counts are corrected for readout errors; None for not at all."""
    tolerance: Tolerance | None = None
    """The error that was asked for, from which the shots follow; None for none."""
    each: NDArray[np.int64] | None = None
    """Shots of every output pixel where they differ, shape ``grid.output_shape``; ``shots`` is then
    about their mean."""
    total: int | None = None
    """Executions of circuits that hold the whole image; None for ``shots`` a pixel."""
    counted: bool = False
    """Whether circuits are made to be counted as on a device, not to run on a simulator."""
    progress: bool = False
    """Whether to show progress bars."""
    any_seed: bool = False
    """Whether no seed was given, so that that of a checkpoint serves."""
    kept: Checkpoint | None = field(default=None, repr=False)
    """What was gathered before, and where to keep what is; None for nowhere."""
    memory: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    """What was worked out before, see `once`."""

    # ------------------------------------------------------------------------------ to be used

    @cached_property
    @numpy_defaults
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """The circuits that would run, before transpiling: measured, with named registers."""
        return tuple(program.circuit() for program in self.method.build(self))

    @cached_property
    @numpy_defaults
    def executions(self) -> tuple[int, ...]:
        """How often each of `circuits` is to run; 0 for the exact expectation.

        On a device whose noise makes outcomes that the ideal circuit never gives, `Collapse` needs
        more, see `decode`.
        """
        return tuple(program.executions or 0 for program in self.method.build(self))

    @cached_property
    @numpy_defaults
    def cost(self) -> Cost:
        """What running the plan costs: qubits, gates, executions, and the error to be expected."""
        return cost_of(self)

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
            TypeError: ``checkpoint`` is no path.
            ValueError: The work would not fit in memory, or not on the backend; the checkpoint is
                damaged, or another call's.
            RuntimeError: A backend failed.
        """
        plan = replace(self, progress=boolean(progress, "progress"))

        def work(
            kept: Checkpoint | None, seed: np.random.SeedSequence, shots: int | None
        ) -> Convolution:
            if kept is None:
                return plan._run()
            again = replace(plan, kept=kept, seed=seed, shots=shots, each=None, memory={})
            return again.method.allot(again)._run()

        call = self._call
        return continued(checkpoint, call, self.seed, self.shots, work, any_seed=self.any_seed)

    def _run(self) -> Convolution:
        result, outcomes = self._decoded()
        return with_bias(
            result,
            outcomes,
            noisy=lambda: replace(self, shots=None, kept=None, progress=False)._decoded()[0],
            ideal=lambda: self._ideal()._decoded()[0],
        )

    def _decoded(self) -> tuple[Convolution, Noisy]:
        """What running gives, and the outcomes that it was estimated from."""
        outcomes = Noisy(
            run(
                self.method.build(self),
                self.backend,
                streams=self.streams,
                job_shots=self.job_shots,
                mitigation=self.mitigation,
                known=self.once(Noisy, dict),
                progress=self.progress,
                kept=self.kept,
            )
        )
        return self.method.decode(self, outcomes), outcomes

    def _ideal(self) -> Plan:
        """The exact expectation of the same without noise."""
        quiet = replace(self, backend=None, mitigation=None, kept=None, progress=False, memory={})
        return replace(quiet, shots=None)

    def _call(self) -> dict[str, str]:
        """Digests of what the result depends on but seed and shots, by name."""
        propagator = self.propagator
        return {
            "image": digest(self.image),
            "kernel": digest(propagator.probabilities, propagator.weights),
            "geometry": repr(self.grid),
            "method": without_address(repr(self.method)),
            "tolerance": repr(self.tolerance),
            **how_measured(self.backend, self.job_shots, self.mitigation),
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
        programs = list(self.method.build(self))
        found = gathered(programs, counts, self.seed, self.mitigation)
        return self.method.decode(self, iter(found))

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

    @property
    def largest(self) -> float:
        """The largest magnitude in the image."""
        return self.once("largest", lambda: max(float(self.image.max()), -float(self.image.min())))

    @property
    def native(self) -> bool:
        """Whether circuits may hold arrays as instructions, as a state-vector simulator takes."""
        return is_statevector(self.backend) and not self.counted

    @property
    def simulated(self) -> bool:
        """Whether circuits are simulated without noise here, so that their states must fit."""
        return is_ideal(self.backend) and not self.counted

    @property
    def adder(self) -> str:
        """The family of adders that suits where the circuits run."""
        if self.counted:
            return "ripple"
        return choose_family(self.backend, exact=is_statevector(self.backend))

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
        digest = hashlib.blake2b(repr(self.grid).encode(), digest_size=16)
        digest.update(self.once("image", lambda: _content(self.image)))
        digest.update(np.ascontiguousarray(self.propagator.effective_kernel).data)
        digest.update(str(self.method.steps).encode())
        digest.update(noise_name(self.backend).encode())
        digest.update(b"" if self.mitigation is None else self.mitigation.name.encode())
        return digest.hexdigest()

    def once(self, key: Hashable, work: Callable[[], _T]) -> _T:
        """What ``work`` gives, worked out the first time that it is asked for.

        Args:
            key: Under which it is kept, any that the method likes.
            work: Called if nothing is kept under the key yet.
        """
        if key not in self.memory:
            self.memory[key] = work()
        found: _T = self.memory[key]
        return found

    def on_device(self) -> Plan:
        """The same plan with circuits that are made to be counted as on a device."""
        return replace(self, counted=True, memory={})

    def for_each_tile(self, work: Callable[[int], None], *filled: NDArray[Any]) -> None:
        """Call ``work`` with the number of every tile of the output, on all cores.

        Args:
            work: Fills the tile, in the same way whenever it is called.
            filled: Arrays of the output's shape that ``work`` fills, so that a checkpoint can hold
                what is finished: it is then not called for tiles that were, which are filled in.
        """
        tiles = self.grid.tiles
        if self.kept is None or not filled:
            for_each(work, len(tiles), progress=self.progress)
            return
        finished, done = self.kept.remaining_tiles(self.seed, tiles, filled)

        def work_and_tell(number: int) -> None:
            work(number)
            done(number)

        for_each(work_and_tell, len(tiles), progress=self.progress, finished=finished)

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
        noise = "" if is_ideal(self.backend) else repr(self.method)  # does not treat methods alike
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


def _content(array: NDArray[np.float64]) -> bytes:
    """Digest of an array's numbers."""
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
