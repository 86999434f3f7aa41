"""Making plans: a convolution's arguments checked and laid out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import (
    boolean,
    numpy_defaults,
    real_array,
    real_number,
    require_finite,
    whole_number,
)
from qconv._memory import require_copies, require_memory
from qconv._threads import worker_count
from qconv.execution.backends import Backend
from qconv.execution.options import Sampling
from qconv.execution.readout import ReadoutMitigation
from qconv.execution.seeds import Seed
from qconv.grid import Grid, plan_grid
from qconv.planning.allocation import check_tolerance, require_one_of
from qconv.planning.method import Method, check_method
from qconv.planning.plan import Plan
from qconv.propagator import Propagator


@numpy_defaults
def plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    *,
    method: Method,
    shots: int | None = 1024,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    backend: Backend = None,
    seed: Seed = None,
    job_shots: int | None = None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
    flipped: bool = True,
) -> Plan:
    """Check and lay out a convolution; nothing runs.

    Args:
        image: As for `qconv.convolve`, as are the other arguments.
        kernel: Real array with as many axes as the image, or a `Propagator`.
        method: How to convolve.
        shots: For each output pixel; None for the exact expectation.
        mode: ``full``, ``same`` or ``valid``.
        boundary: ``fill``, ``wrap`` or ``symm``.
        fillvalue: What lies outside with ``fill``.
        backend: For which the circuits are made; None for the ideal Aer simulator.
        seed: Of all randomness.
        job_shots: Most shots of a job.
        mitigation: ``"readout"`` or a `ReadoutMitigation`; None for none.
        tolerance: Instead of shots, the standard error that no pixel may exceed, or
            ``("rms", error)``.
        flipped: True for convolution, False for correlation.

    Returns:
        The plan: its circuits, its cost, and `Plan.run` or `Plan.decode` for its result.

    Raises:
        TypeError: An argument is of the wrong type, or complex.
        ValueError: An argument has a wrong value or shape, is not finite or empty, or the work
            would not fit in memory. Nothing large is allocated before it fits.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([[1, 2], [3, 4]], [[1, 2, 1]], method=qconv.Diffusion(), shots=1000)
        >>> plan.cost.qubits, plan.executions
        (5, (8000,))
    """
    method = check_method(method)
    require_copies(image, "image")
    array = real_array(image, "image", finite=False)
    fields = without_image(
        array.shape,
        kernel,
        method=method,
        shots=shots,
        mode=mode,
        boundary=boundary,
        fillvalue=fillvalue,
        backend=backend,
        seed=seed,
        job_shots=job_shots,
        mitigation=mitigation,
        flipped=flipped,
    )
    grid: Grid = fields["grid"]
    padded_pixels = math.prod(grid.padded_shape)
    require_memory(8 * (padded_pixels + 2 * grid.pixels), f"image of shape {array.shape} is")
    require_finite(array, "image")
    wanted = check_tolerance(tolerance)
    require_one_of(shots, wanted)
    return method.prepare(Plan(image=array, tolerance=wanted, **fields)).allot()


def without_image(
    shape: tuple[int, ...],
    kernel: ArrayLike | Propagator,
    *,
    method: Method,
    shots: int | None,
    mode: str,
    boundary: str,
    fillvalue: float,
    backend: Backend,
    seed: Seed,
    job_shots: int | None,
    mitigation: ReadoutMitigation | str | None = None,
    flipped: bool,
) -> dict[str, Any]:
    """Every field of a `Plan` but its image, of that shape, checked as `plan` does."""
    if len(shape) not in (1, 2, 3):
        raise ValueError(f"image: expected 1, 2 or 3 axes, got {len(shape)} (shape {shape})")
    if isinstance(kernel, str):
        raise TypeError(
            "kernel: expected an array of real numbers, got str; perhaps "
            f"qconv.named_kernel({kernel!r})?"
        )
    if not isinstance(kernel, Propagator):
        require_copies(kernel, "kernel")
        kernel = real_array(kernel, "kernel", finite=False)
    if len(kernel.shape) != len(shape):
        raise ValueError(
            f"kernel: expected as many axes as the image, {len(shape)}, got "
            f"{len(kernel.shape)} (shape {kernel.shape})" + _one_by_one(shape, kernel.shape)
        )
    propagator = kernel if isinstance(kernel, Propagator) else Propagator.from_kernel(kernel)
    sampling = Sampling.checked(backend, seed, job_shots, mitigation)
    if sampling.mitigation is not None and not method.corrects_readout:
        raise ValueError(
            "mitigation: expected a method whose estimate is linear in the counts, which can be "
            f"corrected for readout errors, got {method!r}"
        )
    worker_count()
    grid = plan_grid(
        shape,
        tuple(method.steps * (h - 1) + 1 for h in propagator.shape),
        mode=mode,
        boundary=boundary,
        fillvalue=real_number(fillvalue, "fillvalue"),
        flipped=boolean(flipped, "flipped"),
    )
    _require_range(propagator, grid)
    return {
        "propagator": propagator,
        "grid": grid,
        "method": method,
        "shots": None if shots is None else whole_number(shots, "shots", 1),
        "sampling": sampling,
    }


def _require_range(propagator: Propagator, grid: Grid) -> None:
    """Refuse a fill value whose products with the kernel leave the range of floating point."""
    if grid.boundary != "fill" or not any(map(any, grid.pad_widths)):
        return
    with np.errstate(over="ignore"):
        largest = 2 * np.abs(propagator.weights).max() * np.float64(abs(grid.fillvalue))
    if not np.isfinite(largest):
        raise ValueError(
            "fillvalue: expected products with the kernel below 1.8e308, got larger ones; scale one"
        )


def _one_by_one(image: tuple[int, ...], kernel: tuple[int, ...]) -> str:
    """What to do about a picture in colour."""
    if len(kernel) != 2 or len(image) != 3 or image[-1] not in (3, 4):
        return ""
    return f"; if the image's {image[-1]} are colours, convolve each alone: image[:, :, 0], ..."
