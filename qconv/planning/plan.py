"""Plans: one convolution, checked and laid out: its circuits, its cost, ready to run or decode."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit

from qconv._checks import boolean, numpy_defaults
from qconv.execution.checkpoint.checkpoint import digest
from qconv.execution.checkpoint.resume import without_address
from qconv.planning.cost import Cost, cost_of
from qconv.planning.counts import gathered
from qconv.planning.method import Method, Prepared
from qconv.planning.problem import Problem
from qconv.planning.running import run_or_resume
from qconv.result.convolution import Convolution
from qconv.result.numbers import in_words


@dataclass(frozen=True, eq=False)
class Plan(Problem):
    """A convolution that is ready to run here, or anywhere else; made by `qconv.plan`.

    ``print(plan)`` shows what it will cost. Either call `run`; or run `circuits`, as often as
    `executions` says, on a machine of your own, and give what was counted to `decode`.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 3], method=qconv.Collapse(), shots=1000, seed=7)
        >>> plan.decode([{"0": 992, "1": 3008}]).image.shape  # counts from any machine, any day
        (4,)
    """

    method: Method
    """How to convolve."""

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

    def on_device(self) -> Plan:
        """Return the same plan with circuits that are made for counting them as on a device."""
        return replace(self, counted=True)
