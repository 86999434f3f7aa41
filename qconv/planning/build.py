"""Making plans from the arguments of a convolution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import number, number_array, require_finite
from qconv._memory import require_copies, require_memory
from qconv._threads import worker_count
from qconv.grid import AXES, Grid, plan_grid
from qconv.planning.axes import Axes, along_axes, axis_names
from qconv.planning.method import Method
from qconv.planning.options import Requested
from qconv.planning.plan import Plan
from qconv.propagator import Propagator


def laid_out(
    image: ArrayLike, kernel: ArrayLike | Propagator, requested: Requested, **where: Any
) -> Plan:
    """Check image, kernel, method and geometry as `qconv.plan` does, and make the plan."""
    require_copies(image, "image")
    array = number_array(image, "image", finite=False)
    fields = without_image(array.shape, kernel, requested, **where)
    grid: Grid = fields["grid"]
    if isinstance(grid.fillvalue, complex):
        array = array.astype(np.complex128, copy=False)
    padded_pixels = math.prod(grid.padded_shape)
    require_memory(
        array.itemsize * (padded_pixels + 2 * grid.pixels), f"image of shape {array.shape} is"
    )
    require_finite(array, "image")
    if array.dtype.kind == "c":
        require_complex(fields["method"], "image")
    return Plan(image=array, **fields).allotted()


def without_image(
    shape: tuple[int, ...],
    kernel: ArrayLike | Propagator,
    requested: Requested,
    *,
    method: Method,
    mode: str,
    boundary: str,
    fillvalue: float | complex,
    flipped: bool,
    axes: Axes | None = None,
    channel_axis: int | None = None,
) -> dict[str, Any]:
    """Return every field of a `Plan` except its image; only the shape of the image is known."""
    names = axis_names(shape, axes, channel_axis)
    if isinstance(kernel, str):
        raise TypeError(
            "kernel: expected an array of numbers, got str; perhaps "
            f"qconv.named_kernel({kernel!r})?"
        )
    if not isinstance(kernel, Propagator):
        require_copies(kernel, "kernel")
        kernel = number_array(kernel, "kernel", finite=False)
    kernel = along_axes(kernel, names, shape)
    propagator = kernel if isinstance(kernel, Propagator) else Propagator.from_kernel(kernel)
    if propagator.is_complex:
        require_complex(method, "kernel")
        propagator = propagator if flipped else propagator.conjugate
    worker_count()
    moving = [axis for axis, name in enumerate(names) if name in AXES]
    grid = plan_grid(
        tuple(shape[axis] for axis in moving),
        tuple(method.steps * (propagator.shape[axis] - 1) + 1 for axis in moving),
        mode=mode,
        boundary=boundary,
        fillvalue=number(fillvalue, "fillvalue"),
        flipped=flipped,
    )
    if len(moving) < len(names):
        grid = grid.with_batch(shape, names)
    _require_range(propagator, grid)
    return {
        "propagator": propagator,
        "grid": grid,
        "method": method,
        "shots": requested.shots,
        "sampling": requested.sampling,
        "tolerance": requested.tolerance,
    }


def require_complex(method: Method, name: str) -> None:
    """Raise a ``TypeError`` if a method does not take complex numbers."""
    if not method.takes_complex:
        raise TypeError(
            f"{name}: expected real numbers for {method!r}, got complex ones; use "
            "qconv.Collapse(), qconv.Interference(), qconv.Fourier() or qconv.AmplitudeEstimation()"
        )


def _require_range(propagator: Propagator, grid: Grid) -> None:
    """Raise a ``ValueError`` if products of kernel and fill value would overflow."""
    if grid.boundary != "fill" or not any(map(any, grid.pad_widths)):
        return
    with np.errstate(over="ignore"):
        largest = 2 * np.abs(propagator.weights).max() * np.float64(abs(grid.fillvalue))
    if not np.isfinite(largest):
        raise ValueError(
            "fillvalue: products with the kernel exceed 1.8e308; scale the image or the kernel down"
        )
