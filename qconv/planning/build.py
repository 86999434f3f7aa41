"""Making plans from the arguments of a convolution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import real_array, real_number, require_finite
from qconv._memory import require_copies, require_memory
from qconv._threads import worker_count
from qconv.grid import Grid, plan_grid
from qconv.planning.method import Method
from qconv.planning.options import Requested
from qconv.planning.plan import Plan
from qconv.propagator import Propagator


def laid_out(
    image: ArrayLike, kernel: ArrayLike | Propagator, requested: Requested, **where: Any
) -> Plan:
    """Check image, kernel, method and geometry as `qconv.plan` does, and make the plan."""
    require_copies(image, "image")
    array = real_array(image, "image", finite=False)
    fields = without_image(array.shape, kernel, requested, **where)
    grid: Grid = fields["grid"]
    padded_pixels = math.prod(grid.padded_shape)
    require_memory(8 * (padded_pixels + 2 * grid.pixels), f"image of shape {array.shape} is")
    require_finite(array, "image")
    return fields["method"].prepare(Plan(image=array, **fields)).allot()  # type: ignore[no-any-return]


def without_image(
    shape: tuple[int, ...],
    kernel: ArrayLike | Propagator,
    requested: Requested,
    *,
    method: Method,
    mode: str,
    boundary: str,
    fillvalue: float,
    flipped: bool,
) -> dict[str, Any]:
    """Return every field of a `Plan` except its image; only the shape of the image is known."""
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
            f"{len(kernel.shape)} (shape {kernel.shape}){_axes_hint(shape, kernel.shape)}"
        )
    propagator = kernel if isinstance(kernel, Propagator) else Propagator.from_kernel(kernel)
    worker_count()
    grid = plan_grid(
        shape,
        tuple(method.steps * (h - 1) + 1 for h in propagator.shape),
        mode=mode,
        boundary=boundary,
        fillvalue=real_number(fillvalue, "fillvalue"),
        flipped=flipped,
    )
    _require_range(propagator, grid)
    return {
        "propagator": propagator,
        "grid": grid,
        "method": method,
        "shots": requested.shots,
        "sampling": requested.sampling,
        "tolerance": requested.tolerance,
    }


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


def _axes_hint(image: tuple[int, ...], kernel: tuple[int, ...]) -> str:
    """Return the remedy for a kernel with too few axes; empty if it has too many."""
    if len(kernel) == 2 and len(image) == 3 and image[-1] in (3, 4):
        return "; convolve the colours of an image separately: image[:, :, 0], ..."
    if not 0 < len(kernel) < len(image):
        return ""
    new = ", ".join(["np.newaxis"] * (len(image) - len(kernel)))
    along = "every plane" if len(kernel) == 2 else "every row"
    return f"; to convolve {along}, write kernel[{new}]"
