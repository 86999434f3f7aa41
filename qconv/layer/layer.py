"""Layers: many kernels over many images, one circuit for each output channel.

The kernel of output channel ``o`` is a propagator over (input channel, row, column): a shot picks
one of the pixels that an output sees, in one of the channels, with the probability
``|k_j| / S``, ``S = sum_j |k_j|``, and counts it ``S sign(k_j)`` times. The mean of ``shots`` of
them is the layer's output without its bias, exact on average, with the variance

    v = (S sum_j |k_j| x_j**2 - (sum_j k_j x_j)**2) / shots.

Every output channel is a plan of its own, of a method such as `qconv.Collapse`, and adds what its
circuit gives to the result. A channel of zeros is known and runs nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import require_products
from qconv.execution.backends import Backend, is_ideal, noise_name
from qconv.execution.checkpoint import Checkpoint, digest
from qconv.execution.continuing import continued, how_measured
from qconv.execution.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.readout import ReadoutMitigation
from qconv.execution.run import Known, run
from qconv.execution.seeds import CHANNELS, derived, stream_name
from qconv.grid import Grid
from qconv.layer.geometry import Geometry
from qconv.planning.allocation import Tolerance
from qconv.planning.budget import Noisy, with_bias
from qconv.planning.method import Method
from qconv.planning.plan import Plan
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution
from qconv.result.making import made

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that is ready to run: input, kernels, and how to measure."""

    geometry: Geometry
    """Input, kernels, and what lies where."""
    method: Method
    """How each channel is measured."""
    shots: int | None
    """For each output pixel; None for the exact expectation."""
    backend: Backend
    """Where circuits run; None is the ideal Aer simulator."""
    seed: np.random.SeedSequence
    """Root of all randomness."""
    job_shots: int | None = None
    """Most shots of a job; None for as many as the backend says."""
    mitigation: ReadoutMitigation | None = None
    """How counts are corrected for readout errors; None for not at all."""
    tolerance: Tolerance | None = None
    """The error that is asked for, instead of shots."""
    any_seed: bool = False
    """Whether no seed was given, so that that of a checkpoint serves."""
    kept: Checkpoint | None = None
    """What was gathered before, and where to keep what is; None for nowhere."""

    def plans(self) -> Iterator[tuple[int, Plan]]:
        """The output channels that need a circuit, each as a plan of its own."""
        grid = self.geometry.grid
        for channel, kernel in enumerate(self.geometry.weight):
            if grid is not None and kernel.any():
                yield channel, self._plan(channel, grid)

    def run(
        self, progress: bool = False, checkpoint: str | os.PathLike[str] | None = None
    ) -> Convolution:
        """Run the circuits of all channels and put together what they gave.

        Args:
            progress: Show progress bars.
            checkpoint: As for `qconv.convolve`.
        """

        def work(
            kept: Checkpoint | None, seed: np.random.SeedSequence, shots: int | None
        ) -> Convolution:
            return replace(self, kept=kept, seed=seed, shots=shots)._run(progress)

        call = self._call
        return continued(checkpoint, call, self.seed, self.shots, work, any_seed=self.any_seed)

    def _run(self, progress: bool) -> Convolution:
        known: Known = {}
        result, outcomes = self._measured(progress, known)
        return with_bias(
            result,
            outcomes,
            noisy=lambda: replace(self, shots=None, kept=None)._measured(False, known)[0],
            ideal=lambda: self._ideal()._run(False),
        )

    def _ideal(self) -> Layer:
        """The exact expectation of the same without noise."""
        return replace(self, backend=None, shots=None, mitigation=None, kept=None)

    def _measured(self, progress: bool, known: Known) -> tuple[Convolution, Noisy]:
        """What the circuits of all channels gave, and their outcomes."""
        channels = self.channels()
        outcomes = Noisy(
            run(
                [program for channel in channels for program in channel.programs],
                self.backend,
                streams=self.streams,
                job_shots=self.job_shots,
                mitigation=self.mitigation,
                known=known,
                progress=progress,
                kept=self.kept,
            )
        )
        return self.together(channels, outcomes), outcomes

    @property
    def streams(self) -> frozenset[str]:
        """Name of the random stream, empty where nothing is random."""
        return frozenset() if self.shots is None else frozenset({stream_name(self.seed)})

    def channels(self) -> list[Channel]:
        """The output channels that need a circuit, with what runs for them."""
        return [
            Channel(number, plan, list(self.method.build(plan))) for number, plan in self.plans()
        ]

    def _call(self) -> dict[str, str]:
        """Digests of what the result depends on but seed and shots, by name."""
        geometry = self.geometry
        return {
            "input": digest(*geometry.groups),
            "weight": digest(geometry.weight),
            "bias": digest(geometry.bias),
            "geometry": repr((geometry.grid, geometry.output_shape)),
            "method": repr(self.method),
            "tolerance": repr(self.tolerance),
            **how_measured(self.backend, self.job_shots, self.mitigation),
        }

    def variance(self) -> _Array:
        """Variance of the output to be expected, without running anything; 0 if exact.

        Returns:
            Array of the output's shape; NaN where the method cannot know.
        """
        variance = np.zeros(self._batched)
        for number, plan in self.plans():
            expected = self.method.predict(plan).stderr
            variance[:, number] = np.nan if expected is None else np.square(expected[:, 0])
        return variance.reshape(self.geometry.output_shape)

    @property
    def _batched(self) -> tuple[int, ...]:
        """Shape of the output with its axis of images."""
        places = self.geometry.weight.ndim - 2
        images = self.geometry.output_shape[: -places - 1] or (1,)
        return (*images, *self.geometry.output_shape[-places - 1 :])

    def _plan(self, channel: int, grid: Grid) -> Plan:
        """One output channel as a plan of its own."""
        seen = self.geometry.seen_by(channel)
        propagator = Propagator.from_kernel(self.geometry.weight[channel][np.newaxis])
        largest = self._largest[self.geometry.group_of(channel)]
        with np.errstate(over="ignore"):
            require_products(float(2 * np.abs(propagator.weights).max() * largest), "input")
        plan = Plan(
            image=seen,
            propagator=propagator,
            grid=grid,
            method=self.method,
            shots=self.shots,
            backend=self.backend,
            seed=derived(self.seed, CHANNELS, channel),
            job_shots=self.job_shots,
            mitigation=self.mitigation,
            tolerance=self.tolerance,
            kept=self.kept,
            memory={"image": b"part of a layer"},  # whose own digest tells what was estimated
        )
        return self.method.allot(plan)

    @cached_property
    def _largest(self) -> list[np.float64]:
        """The largest magnitude in each group of input channels."""
        return [max(part.max(), -part.min()) for part in self.geometry.groups]

    @property
    def _quantity(self) -> str:
        """Digest of what is to be estimated: input, weights, bias, geometry, noise."""
        geometry = self.geometry
        digest = hashlib.blake2b(repr((geometry.grid, len(geometry.groups))).encode())
        for array in (*geometry.groups, geometry.weight, geometry.bias):
            digest.update(np.ascontiguousarray(array).data)
        noise = "" if is_ideal(self.backend) else noise_name(self.backend) + repr(self.method)
        if self.mitigation is not None:
            noise += self.mitigation.name
        return hashlib.blake2b(digest.digest() + noise.encode(), digest_size=16).hexdigest()

    def together(self, channels: list[Channel], outcomes: Iterator[Outcomes]) -> Convolution:
        """The result of all channels, from the outcomes of all their programs."""
        image, stderr = np.zeros((2, *self._batched))
        total, kept, calls, independent = 0, 0.0, 0, True
        circuits: list[QuantumCircuit] = []
        streams: frozenset[str] = frozenset()
        each = None if self.tolerance is None else np.zeros(self._batched, dtype=np.int64)
        for channel in channels:
            number, result = channel.decoded(outcomes)
            image[:, number] = result.image[:, 0]
            stderr[:, number] = result.stderr[:, 0]
            if each is not None and result.shots is not None:
                each[:, number] = np.broadcast_to(result.shots, result.image.shape)[:, 0]
            total += result.total_shots
            kept += result.total_shots * result.success_probability
            calls += result.oracle_calls
            independent &= result.independent
            circuits += result.circuits
            streams |= result.streams
        image += self.geometry.bias.reshape(-1, *[1] * (image.ndim - 2))
        return made(
            image=image.reshape(self.geometry.output_shape),
            stderr=stderr.reshape(self.geometry.output_shape),
            shots=self.shots if each is None else each.reshape(self.geometry.output_shape),
            total_shots=total,
            circuits=tuple(circuits),
            success_probability=kept / total if total else 1.0,
            oracle_calls=calls,
            independent=independent,
            quantity=self._quantity,
            streams=streams,
        )


@dataclass(frozen=True, eq=False)
class Channel:
    """An output channel with what runs for it."""

    number: int
    plan: Plan
    programs: list[Program]

    def decoded(self, outcomes: Iterator[Outcomes]) -> tuple[int, Convolution]:
        """Its number, and what the next outcomes, its own, make of it."""
        own = islice(outcomes, len(self.programs))
        result = self.plan.method.decode(self.plan, own)
        deque(own, maxlen=0)  # what it did not ask for
        self.plan.memory.clear()
        return self.number, result
