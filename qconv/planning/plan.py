"""Plans: convolutions that are ready to run or decode, with their circuits and cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from qiskit import QuantumCircuit

from qconv._checks import boolean, numpy_defaults
from qconv.execution.checkpoint.checkpoint import digest
from qconv.execution.checkpoint.resume import without_address
from qconv.planning.batch import prepared
from qconv.planning.cost import Cost, cost_of
from qconv.planning.counts import for_counts, from_elsewhere, gathered, read
from qconv.planning.export import exported
from qconv.planning.method import Method, Prepared
from qconv.planning.problem import Problem
from qconv.planning.running import run_or_resume, warn_of_shortfall, with_loading_bias
from qconv.result.convolution import Convolution
from qconv.result.numbers import in_words


@dataclass(frozen=True, eq=False)
class Plan(Problem):
    """Convolution that is ready to run; made by `qconv.plan`.

    ``print(plan)`` shows the cost. Call `run` to run the plan. Alternatively, run the `circuits`
    anywhere, each with its number of `executions`, and pass the counts to `decode`.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([0, 10, 20], [1, 3], method=qconv.Collapse(), shots=1000, seed=7)
        >>> plan.decode([{"0": 992, "1": 3008}]).image.shape  # counts from any machine
        (4,)
    """

    method: Method
    """Method of convolution, with its options."""

    @cached_property
    def prepared(self) -> Prepared[Any]:
        """The method prepared for this plan."""
        return prepared(self.method, self)

    def allotted(self) -> Plan:
        """Return the plan with the executions that its tolerance needs, prepared from this one."""
        found = cast(Plan, self.prepared.allot())
        if found is not self:
            vars(found)["prepared"] = self.prepared.again(found)  # the cached property
        return found

    @cached_property
    @numpy_defaults
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Circuits to run, before transpiling, with measurements and named registers."""
        return tuple(program.circuit() for program in self.prepared.programs)

    @cached_property
    @numpy_defaults
    def executions(self) -> tuple[int, ...]:
        """Number of executions of each of `circuits`; 0 for the exact expectation.

        `Collapse` discards outcomes that the ideal circuit never gives. On a noisy device it
        therefore needs more executions, see `decode`.
        """
        return tuple(program.executions or 0 for program in self.prepared.programs)

    @cached_property
    @numpy_defaults
    def cost(self) -> Cost:
        """Cost of running the plan: qubits, gates, executions, and the expected error."""
        return cost_of(self.prepared, self.prepared.again(self.on_device()))

    @numpy_defaults
    def run(
        self, progress: bool = False, checkpoint: str | os.PathLike[str] | None = None
    ) -> Convolution:
        """Run the circuits and decode their outcomes.

        Args:
            progress: Whether to show progress bars (needs tqdm).
            checkpoint: File in which intermediate results are saved, see `SamplingOptions`; None
                for no file.

        Returns:
            The estimate with its standard error.

        Raises:
            TypeError: If ``checkpoint`` is not a path.
            ValueError: If the computation would not fit in memory or on the backend, or if the
                checkpoint is damaged or belongs to a different call.
            RuntimeError: If a backend failed repeatedly.
        """
        return run_or_resume(
            self.prepared,
            self.call,
            self._resumed,
            progress=boolean(progress, "progress"),
            checkpoint=checkpoint,
        )

    def _resumed(self, seed: np.random.SeedSequence, shots: int | None) -> Prepared[Any]:
        """Return the same `Prepared` object with the seed and the missing shots of a checkpoint."""
        sampling = replace(self.sampling, seed=seed)
        again = self.prepared.again(replace(self, sampling=sampling, shots=shots, each=None))
        return again.again(again.allot())

    def call(self) -> dict[str, str]:
        """Return digests of everything that determines the result except shots and sampling."""
        propagator = self.propagator
        return {
            "image": digest(self.image),
            "kernel": digest(propagator.probabilities, propagator.weights),
            "geometry": repr(self.grid),
            "method": without_address(repr(self.method)),
            "tolerance": repr(self.tolerance),
        }

    @numpy_defaults
    def decode(self, counts: Any, *, first_bit: str = "right") -> Convolution:
        """Decode counts into an estimate, wherever and whenever the circuits ran.

        Args:
            counts: Counts of each of `circuits`, or of the circuits that `export` gave, in the same
                order. The numbers of circuits and of bits show which circuits ran. If the numbers
                fit both sets of circuits, the source of the counts decides. Results of other
                packages and counts with ``first_bit="left"`` are decoded as counts of the exported
                circuits, all other counts as counts of `circuits`.

                The counts of a circuit are a mapping from outcomes to integers, a ``BitArray``, or
                a ``DataBin`` or ``PubResult`` that contains one. Outcomes are bit strings (with or
                without spaces), hexadecimal strings or integers. The list can be a
                ``PrimitiveResult`` or a ``Result``. If there is one circuit, its counts need no
                list. Results of other packages are a ``cirq.Result``, pytket's ``BackendResult``,
                and Braket's ``GateModelQuantumTaskResult``.

                More counts than `executions` give a smaller error if the method can use them. Runs
                must be independent of each other. Runs of a noisy Aer simulator with consecutive
                seeds are not independent: outcome ``i + 1`` of one seed is outcome ``i`` of the
                next.
            first_bit: Position of the first bit in bit strings: ``"right"`` as in Qiskit, or
                ``"left"`` as in the counts of Braket and PennyLane.

        Returns:
            The estimate with its standard error. Standard errors are computed from the counts, not
            from the ideal circuit, because the circuits may have run with noise.

        Raises:
            TypeError: If ``counts`` is not one of these types, or a count is not an integer.
            ValueError: If the plan is for the exact expectation, or corrects readout errors that
                `ReadoutMitigation` does not specify. It is also raised if the number of items, bits
                or executions is wrong.
        """
        if self.shots is None:
            raise ValueError("shots: expected an integer to decode counts, got None (exact)")
        items = read(counts, first_bit)
        candidates = [lambda: self.prepared, lambda: self.on_device().prepared]
        if first_bit == "left" or from_elsewhere(counts):
            candidates.reverse()
        work, programs = for_counts(candidates, items)
        found = gathered(programs, items, self.seed, self.sampling.mitigation)
        result = work.decode(iter(found))
        warn_of_shortfall(result)
        return with_loading_bias(self.prepared, result)

    @numpy_defaults
    def export(
        self,
        format: str,
        path: str | os.PathLike[str] | None = None,
        *,
        basis: Sequence[str] | None = None,
    ) -> Any:
        """Export the circuits to text, to a file or to another package.

        The circuits are the circuits for a device: the image is prepared by gates, and all
        pairs of qubits are connected. They have no barriers. Bit ``i`` of an outcome is measured at
        qubit ``i``, into the register ``meas``. The plan `on_device` has these circuits; run
        each with its number of ``plan.on_device().executions``, and pass the counts to ``decode``.

        Args:
            format: ``"openqasm3"``, ``"openqasm2"``, ``"qpy"``, ``"cirq"``, ``"pytket"``,
                ``"braket"`` or ``"pennylane"``.
            path: File to write; None for no file. Several circuits are written to several files,
                with a number before the suffix; QPY files contain all circuits. Files of ``"cirq"``
                and ``"pytket"`` are JSON, and files of ``"braket"`` are OpenQASM 3.
            basis: Names of the basis gates, as in Qiskit; None for ``h``, ``x``, ``rx``, ``ry``,
                ``rz`` and ``cx``. Other packages accept also ``y``, ``z``, ``s``, ``sdg``, ``t``,
                ``tdg``, ``sx``, ``p``, ``cz`` and ``swap``.

        Returns:
            Bytes for ``"qpy"``. Otherwise, a tuple with one item per circuit: a string for
            OpenQASM, a ``cirq.Circuit``, ``pytket.Circuit`` or ``braket.circuits.Circuit``, or a
            PennyLane ``QuantumScript`` that returns counts.

        Raises:
            ModuleNotFoundError: If the package of the format is not installed.
            OSError: If the file cannot be written.
            TypeError: If ``basis`` is not a list of strings.
            ValueError: If the format is unknown or has no files, the basis does not suit it, or the
                circuits have too many gates.

        Example:
            >>> import qconv
            >>> plan = qconv.plan([0, 10, 20], [1, 3], method=qconv.Collapse(), shots=100)
            >>> print(plan.export("openqasm2")[0])
            OPENQASM 2.0;
            include "qelib1.inc";
            qreg kernel_column[1];
            creg meas[1];
            ry(2*pi/3) kernel_column[0];
            measure kernel_column[0] -> meas[0];
        """
        return exported(self.on_device().circuits, format, path, basis)

    def __str__(self) -> str:
        rows = [
            ("method", repr(self.method)),
            ("image", " x ".join(map(str, self.grid.image_shape))),
            ("kernel", " x ".join(map(str, self.propagator.shape))),
            ("output pixels", " x ".join(map(str, self.grid.output_shape))),
            ("shots per pixel", in_words(self.shots if self.each is None else self.each)),
        ]
        return "\n".join([*(f"{name:<26}{text}" for name, text in rows), str(self.cost)])

    def on_device(self) -> Plan:
        """Return the same plan with circuits as a device would run them, not a simulator.

        Images are prepared by gates. The circuits can have more flag qubits than those for a
        simulator, and `Blocks` can cut an image into more blocks, so that they fit.
        """
        return replace(self, counted=True)
