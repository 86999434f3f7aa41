"""Layers: many kernels applied to many images, with one circuit per output channel.

The kernel of output channel ``o`` is a propagator over (input channel, row, column). A shot selects
one of the pixels that an output depends on, in one of the channels, with probability ``|k_j| / S``,
where ``S = sum_j |k_j|``. The shot contributes this pixel times ``S sign(k_j)``. The mean of
``shots`` contributions estimates the output without its bias. The estimate is unbiased and has the
variance

    v = (S sum_j |k_j| x_j**2 - (sum_j k_j x_j)**2) / shots.

Every output channel is a separate plan of a method such as `qconv.Collapse`. A kernel that is all
zero needs no circuit.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import cast

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from qconv._checks import largest_magnitude, require_products
from qconv.execution.checkpoint.checkpoint import digest
from qconv.execution.device.backends import is_ideal, noise_name
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.program import Program
from qconv.execution.seeds import CHANNELS, derived
from qconv.grid import Grid
from qconv.layer.geometry import Geometry
from qconv.planning.method import Method
from qconv.planning.plan import Plan
from qconv.planning.running import run_or_resume
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution, made
from qconv.result.together import Together
from qconv.result.tolerance import Tolerance

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that is ready to run."""

    geometry: Geometry
    """Input, kernels and grid."""
    method: Method
    """Method that measures each channel."""
    shots: int | None
    """Shots per output pixel; None for the exact expectation."""
    sampling: Sampling
    """Backend, seed and other sampling options."""
    tolerance: Tolerance | None = None
    """Requested error, which determines the shots; None if shots were requested."""
    further: Mapping[int, Plan] | None = None
    """Plans of the channels for a further round, by channel number; None for the layer itself."""

    @cached_property
    def channels(self) -> Mapping[int, Plan]:
        """Plan of each output channel that needs a circuit, by number."""
        if self.further is not None:
            return self.further
        grid = self.geometry.grid
        return {
            channel: self._plan(channel, grid)
            for channel, kernel in enumerate(self.geometry.weight)
            if grid is not None and kernel.any()
        }

    @property
    def programs(self) -> list[Program]:
        """Programs of all channels, in order."""
        return [program for plan in self.channels.values() for program in plan.prepared.programs]

    def exact(self, sampling: Sampling) -> Layer:
        """Return the layer for the exact expectation."""
        return replace(self, shots=None, sampling=sampling)

    def loading_error(self) -> None:
        """Return None, because circuits hold only the kernel."""

    def lacking(self, result: Convolution, number: int) -> Layer | None:
        """Return the layer with the shots that channels still need; None if no shots are needed."""
        if self.tolerance is None or self.shots is None:
            return None
        each = np.broadcast_to(np.asarray(result.shots), result.shape).reshape(self._batched)
        stderr = result.stderr.reshape(self._batched)
        further: dict[int, Plan] = {}
        for channel, plan in self.channels.items():
            own = made(
                result.image.reshape(self._batched)[:, [channel]],
                stderr[:, [channel]],
                shots=each[:, [channel]],
                total_shots=0,
                circuits=(),
            )
            if (more := plan.prepared.lacking(own, number)) is not None:
                further[channel] = cast(Plan, more.plan)
        return replace(self, further=further) if further else None

    def run(
        self, progress: bool = False, checkpoint: str | os.PathLike[str] | None = None
    ) -> Convolution:
        """Run or resume the circuits of all channels and combine their results."""
        return run_or_resume(
            self, self._call, self._resumed, progress=progress, checkpoint=checkpoint
        )

    def _resumed(self, seed: np.random.SeedSequence, shots: int | None) -> Layer:
        """Return the layer with the seed and the missing shots of a checkpoint."""
        return replace(self, sampling=replace(self.sampling, seed=seed), shots=shots)

    def _call(self) -> dict[str, str]:
        """Return digests of everything but shots and sampling that determines the result."""
        geometry = self.geometry
        return {
            "input": digest(*geometry.groups),
            "weight": digest(geometry.weight),
            "bias": digest(geometry.bias),
            "geometry": repr((geometry.grid, geometry.output_shape)),
            "method": repr(self.method),
            "tolerance": repr(self.tolerance),
        }

    def variance(self) -> _Array:
        """Predict the variance of the output, same shape; 0 if exact, NaN if not known.

        The variance of complex numbers is the sum of the variances of both parts.
        """
        variance = np.zeros(self._batched)
        for number, plan in self.channels.items():
            expected = plan.prepared.predict().stderr
            variance[:, number] = np.nan if expected is None else np.square(np.abs(expected[:, 0]))
        return variance.reshape(self.geometry.output_shape)

    @property
    def _batched(self) -> tuple[int, ...]:
        """Shape of the output, including the axis of images."""
        places = self.geometry.weight.ndim - 2
        images = self.geometry.output_shape[: -places - 1] or (1,)
        return (*images, *self.geometry.output_shape[-places - 1 :])

    def _plan(self, channel: int, grid: Grid) -> Plan:
        """Return the plan of one output channel."""
        group = channel // (len(self.geometry.weight) // len(self.geometry.groups))
        propagator = Propagator.from_kernel(self.geometry.weight[channel][np.newaxis])
        with np.errstate(over="ignore"):
            require_products(
                float(2 * np.abs(propagator.weights).max() * self._largest[group]), "input"
            )
        plan = Plan(
            image=self.geometry.groups[group],
            propagator=propagator,
            grid=grid,
            method=self.method,
            shots=self.shots,
            sampling=replace(self.sampling, seed=derived(self.sampling.seed, CHANNELS, channel)),
            tolerance=self.tolerance,
            part_of="a layer",  # the layer has a digest of its own
        )
        return cast(Plan, self.method.prepare(plan).allot())

    @cached_property
    def _largest(self) -> list[float]:
        """Largest magnitude in each group of input channels."""
        return list(map(largest_magnitude, self.geometry.groups))

    @property
    def _quantity(self) -> str:
        """Digest of the estimated quantity: input, weights, bias, geometry, noise."""
        geometry = self.geometry
        digest = hashlib.blake2b(repr((geometry.grid, len(geometry.groups))).encode())
        for array in (*geometry.groups, geometry.weight, geometry.bias):
            digest.update(np.ascontiguousarray(array).data)
        backend, mitigation = self.sampling.backend, self.sampling.mitigation
        noise = "" if is_ideal(backend) else noise_name(backend) + repr(self.method)
        if mitigation is not None:
            noise += mitigation.name
        return hashlib.blake2b(digest.digest() + noise.encode(), digest_size=16).hexdigest()

    def decode(self, outcomes: Iterator[Outcomes]) -> Convolution:
        """Decode the outcomes of all channels' programs into the layer's output."""
        kind = self.geometry.result_type
        image, stderr = np.zeros((2, *self._batched), kind)
        covariance = np.zeros(self._batched) if kind.kind == "c" else None
        together = Together()
        circuits: list[QuantumCircuit] = []
        each = None if self.tolerance is None else np.zeros(self._batched, dtype=np.int64)
        for number, plan in self.channels.items():
            own = islice(outcomes, len(list(plan.prepared.programs)))
            result = plan.prepared.decode(own)
            deque(own, maxlen=0)  # skips outcomes that the channel did not read
            image[:, number] = result.image[:, 0]
            stderr[:, number] = result.stderr[:, 0]
            if covariance is not None and result.covariance is not None:
                covariance[:, number] = result.covariance[:, 0]
            if each is not None and result.shots is not None:
                each[:, number] = np.broadcast_to(result.shots, result.image.shape)[:, 0]
            together.add(result)
            circuits += result.circuits
        image += self.geometry.bias.reshape(-1, *[1] * (image.ndim - 2))
        shape = self.geometry.output_shape
        return made(
            image=image.reshape(shape),
            stderr=stderr.reshape(shape),
            shots=self.shots if each is None else each.reshape(shape),
            covariance=None if covariance is None else covariance.reshape(shape),
            circuits=tuple(circuits),
            tolerance=None if self.tolerance is None else self.tolerance.written,
            quantity=self._quantity,
            **together.fields(),
        )
