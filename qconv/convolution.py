"""The verbs: convolve and correlate an image with a kernel, by measuring quantum circuits."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import boolean, real_array, real_number, require_finite, whole_number
from qconv._memory import require_memory
from qconv._threads import worker_count
from qconv.execution import Backend, Seed, check_backend, root_seed
from qconv.grid import plan_grid
from qconv.methods.collapse import Collapse
from qconv.problem import Problem
from qconv.propagator import Propagator
from qconv.result import Convolution


class Method(Protocol):
    """A way to convolve: a frozen options object that turns a problem into a result.

    One with a field ``steps`` applies the kernel that many times.
    """

    def estimate(self, problem: Problem) -> Convolution:
        """Run circuits and say what their outcomes mean for the convolution."""
        ...


def convolve(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    *,
    method: Method = Collapse(),  # noqa: B008  (frozen)
    shots: int | None = 1024,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    backend: Backend = None,
    seed: Seed = None,
    progress: bool = False,
) -> Convolution:
    """Convolve an image with a kernel by measuring quantum circuits.

    The measured average converges to the true convolution, as ``scipy.signal.convolve2d`` computes
    it, for kernels of any sign and scale; the result says how far off it is likely to be.

    Args:
        image: Real array with 1, 2 or 3 axes: a signal ``(L,)``, an image ``(H, W)`` or a volume
            ``(D, H, W)``, any unit.
        kernel: Real array with as many axes, or a `Propagator` (for example a softmax one).
        method: How to convolve, with its options; by default `Collapse`.
        shots: Executions of the circuit for each output pixel; None gives the exact expectation of
            the simulated circuit, with standard error 0.
        mode: ``full``, ``same`` or ``valid``, as in SciPy.
        boundary: ``fill``, ``wrap`` or ``symm``, as in SciPy.
        fillvalue: What lies outside the image with ``fill``, in the unit of the image.
        backend: None for the ideal Aer simulator, whose outcomes are drawn from the Born
            probabilities that it computed; or any ``BackendV2`` or ``BaseSamplerV2``, which is
            measured (a million shots take an Aer simulator about half a second). Standard errors
            speak of sampling; what a noisy backend gets systematically wrong they cannot know.
        seed: A whole number, a ``SeedSequence`` or a ``Generator``; the same seed gives the same
            bytes on any number of cores. A ``BackendV2`` is seeded from it, whatever seed it was
            made with; samplers seed themselves. None for fresh randomness.
        progress: Show a progress bar (needs tqdm).

    Returns:
        The estimate with its standard error, shape as SciPy's for ``mode``, in units of image times
        kernel.

    Raises:
        TypeError: An argument is of the wrong type, or complex.
        ValueError: An argument has a wrong value or shape, is not finite or empty, or the work
            would not fit in memory. Nothing has run then.
        RuntimeError: A backend failed.
    """
    problem = plan(
        image,
        kernel,
        method=method,
        shots=shots,
        mode=mode,
        boundary=boundary,
        fillvalue=fillvalue,
        backend=backend,
        seed=seed,
        progress=progress,
        flipped=True,
    )
    return method.estimate(problem)


def correlate(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    *,
    method: Method = Collapse(),  # noqa: B008  (frozen)
    shots: int | None = 1024,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    backend: Backend = None,
    seed: Seed = None,
    progress: bool = False,
) -> Convolution:
    """Cross-correlate an image with a kernel: as `convolve`, but the kernel is not flipped.

    Follows ``scipy.signal.correlate2d`` for any number of axes, also in where it puts an even
    kernel's centre in mode same (``numpy.correlate`` and ``scipy.signal.correlate`` put it one
    pixel off). Arguments, result and errors are those of `convolve`.
    """
    problem = plan(
        image,
        kernel,
        method=method,
        shots=shots,
        mode=mode,
        boundary=boundary,
        fillvalue=fillvalue,
        backend=backend,
        seed=seed,
        progress=progress,
        flipped=False,
    )
    return method.estimate(problem)


def plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    *,
    method: Method,
    shots: int | None = None,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float = 0.0,
    backend: Backend = None,
    seed: Seed = None,
    progress: bool = False,
    flipped: bool = True,
) -> Problem:
    """Check every argument and lay the problem out; nothing large is allocated before it fits."""
    if isinstance(method, type) or not hasattr(method, "estimate"):
        raise TypeError(f"method: expected a method such as qconv.Collapse(), got {method!r}")
    steps = getattr(method, "steps", 1)
    _require_room(image, "image")
    array = real_array(image, "image", finite=False)
    if array.ndim not in (1, 2, 3):
        raise ValueError(f"image: expected 1, 2 or 3 axes, got {array.ndim} (shape {array.shape})")
    if not isinstance(kernel, Propagator):
        _require_room(kernel, "kernel")
        kernel = real_array(kernel, "kernel", finite=False)
    if len(kernel.shape) != array.ndim:
        raise ValueError(
            f"kernel: expected as many axes as the image, {array.ndim}, got "
            f"{len(kernel.shape)} (shape {kernel.shape})"
        )
    propagator = kernel if isinstance(kernel, Propagator) else Propagator.from_kernel(kernel)
    check_backend(backend)
    worker_count()
    root = root_seed(seed)
    grid = plan_grid(
        array.shape,
        tuple(steps * (h - 1) + 1 for h in propagator.shape),
        mode=mode,
        boundary=boundary,
        fillvalue=real_number(fillvalue, "fillvalue"),
        flipped=flipped,
    )
    padded_pixels = math.prod(grid.padded_shape)
    require_memory(8 * (padded_pixels + 2 * grid.pixels), f"image of shape {array.shape} is")
    require_finite(array, "image")
    return Problem(
        image=array,
        propagator=propagator,
        grid=grid,
        steps=steps,
        shots=None if shots is None else whole_number(shots, "shots", 1),
        backend=backend,
        seed=root,
        progress=boolean(progress, "progress"),
    )


def _require_room(array: object, name: str) -> None:
    """Refuse an array whose floating-point copies would not fit, before making one."""
    if isinstance(array, np.ndarray):
        require_memory(3 * 8 * array.size, f"{name} of shape {array.shape} is")
