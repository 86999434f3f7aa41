"""Parts: the computation of a worker, from a block of the image and circuit probabilities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2

from qconv._checks import numpy_defaults, real_array
from qconv._threads import one_thread
from qconv.distributed.halo import part_of
from qconv.execution.device.backends import Backend
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.run import UNKNOWN_PROBABILITIES, run
from qconv.execution.simulate.noise import noise_of
from qconv.grid import Grid
from qconv.planning.plan import Plan

_Array = NDArray[np.float64]


#: Outcome probabilities of a circuit, as fields of `Outcomes`, small enough for all workers.
Known = dict[str, Any]


def check_backend(backend: Backend, *, kernel_only: bool, exact: bool) -> None:
    """Raise unless every part can have its own reproducible shots.

    A backend that seeds itself is rejected. With ``kernel_only``, a backend that would count the
    shots of all parts together is rejected as well.
    """
    if backend is None:
        return
    if not isinstance(backend, BackendV2) or not hasattr(backend.options, "seed_simulator"):
        raise ValueError(
            "backend: expected None or a simulator that takes a seed, so that the result does not "
            f"depend on the workers, got {backend!r}; qconv.convolve accepts any backend"
        )
    if kernel_only and not exact and noise_of(backend) is None:
        raise ValueError(
            f"{UNKNOWN_PROBABILITIES}, got {backend!r}; qconv.convolve accepts any backend"
        )


def probabilities_of(plan: Plan) -> list[Known]:
    """Compute the outcome probabilities of a plan's circuits."""
    if plan.sampling.backend is None:  # probabilities do not depend on the number of shots
        plan = replace(plan, shots=None)
    gathered = run(plan.prepared.programs, plan.sampling, counting=plan.shots is None)
    found = []
    for outcomes in gathered:
        if outcomes.probabilities is None:
            raise RuntimeError(UNKNOWN_PROBABILITIES)
        found.append(
            {
                "probabilities": outcomes.known_probabilities,
                "ideal": outcomes.ideal,
                "success": outcomes.success,
                "ran": outcomes.circuit,
            }
        )
    return found


def without_pixels(fields: dict[str, Any]) -> Plan:
    """Return a plan with an all-zero image that takes no memory."""
    black = np.broadcast_to(0.0, fields["grid"].image_shape)
    return Plan(image=black, **fields)


@dataclass(frozen=True, eq=False)
class Work:
    """The computation of one part of a convolution."""

    fields: dict[str, Any]
    """Fields of the plan of the whole convolution, without its image."""
    lengths: tuple[int, ...]
    """Sides of a part, in output pixels."""

    @numpy_defaults
    def known(self) -> list[Known] | None:
        """Compute the probabilities of the kernel's circuits; None if circuits hold the image."""
        if not self.fields["method"].kernel_only:
            return None
        with one_thread():
            return probabilities_of(without_pixels(self.fields))

    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Return the circuits for all parts; none if circuits hold the image."""
        exact = self.fields | {"shots": None}  # circuits do not depend on the number of shots
        return without_pixels(exact).circuits if self.fields["method"].kernel_only else ()

    @numpy_defaults
    def __call__(
        self, pixels: NDArray[Any], block_id: tuple[int, ...], known: list[Known] | None
    ) -> _Array:
        """Compute estimate and standard error of one part, shape ``(2, *outputs)``.

        Args:
            pixels: All pixels that the part depends on.
            block_id: Number of the part along each axis, after an axis for estimate and error.
            known: Probabilities of the kernel's circuits; None if circuits hold the image.
        """
        whole: Grid = self.fields["grid"]
        grid = whole.part(part_of(whole, self.lengths, block_id[1:]))
        seen = real_array(pixels[tuple(map(slice, grid.image_shape))], "image")
        fields = self.fields | {"grid": grid, "part_of": "a Dask array"}
        plan = Plan(image=np.ascontiguousarray(seen), **fields)
        programs = plan.prepared.programs
        with one_thread(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
            if known is None:
                gathered = run(programs, plan.sampling)
            else:
                gathered = (
                    Outcomes(each, **one) for one, each in zip(known, programs, strict=True)
                )
            result = plan.prepared.decode(gathered)
        return np.stack([result.image, result.stderr])
