"""The verbs: convolve and correlate an image with a kernel, by measuring quantum circuits."""

from __future__ import annotations

import os

from numpy.typing import ArrayLike

from qconv.execution.backends import Backend
from qconv.execution.readout import ReadoutMitigation
from qconv.execution.seeds import Seed
from qconv.methods.collapse.method import Collapse
from qconv.planning.making import plan
from qconv.planning.method import Method
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution


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
    job_shots: int | None = None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
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
        backend: None for the ideal Aer simulator, or a simulator of noise (an ``AerSimulator`` with
            a noise model, an imitated device), whose outcomes are drawn from the probabilities that
            were computed for the circuit; or any other ``BackendV2`` or ``BaseSamplerV2``, which
            runs every shot (a million take an Aer simulator about half a second). Standard errors
            speak of sampling; what a noisy backend gets systematically wrong they cannot know.
        seed: A whole number, a ``SeedSequence`` or a ``Generator``; the same seed gives the same
            counts on any number of cores, with any version of NumPy. A ``BackendV2`` is seeded from
            it, whatever seed it was made with; samplers seed themselves. None for fresh randomness.
        job_shots: Most shots of a job on a backend; None for as many as it says that it takes (by
            the validator of its options, ``max_shots`` or ``configuration()``), at most a million.
        mitigation: ``"readout"`` corrects counts for readout errors: these are calibrated on the
            backend, by circuits that count in ``total_shots``, and what correcting costs in
            variance is in the standard errors. A `ReadoutMitigation` says how often to run these,
            or which errors are known. Standard errors of different pixels then have a part in
            common. For methods whose estimate is linear in the counts, not for ideal simulators.
        tolerance: Instead of ``shots``, the standard error that no pixel may exceed, or
            ``("rms", error)`` for the root mean square over all pixels, in the unit of the result.
            As few executions as leave it by what the method predicts without noise: `Collapse`
            gives every pixel the shots that it needs, and ``result.shots`` is an array. More than
            10**12 executions are refused.
        checkpoint: A file that holds what was gathered, saved at intervals; None for none. If the
            call is stopped, the same call goes on from it, and ends with the bytes of one that was
            not. A finished one gives its result at once, and with larger ``shots`` adds what is
            missing. Without a seed the checkpoint's serves. What is not the same call is refused.
        progress: Show a progress bar (needs tqdm).

    Returns:
        The estimate with its standard error, shape as SciPy's for ``mode``, in units of image times
        kernel.

    Raises:
        TypeError: An argument is of the wrong type, or complex.
        ValueError: An argument has a wrong value or shape, is not finite or empty, or the work
            would not fit in memory; the checkpoint is damaged, or another call's. Nothing has run
            then.
        RuntimeError: A backend failed, after it was asked several times. What was gathered is in
            the checkpoint, if there is one.

    Example:
        >>> import qconv
        >>> result = qconv.convolve([0, 10, 20], [1, 2, 1], shots=10_000, seed=7)
        >>> result.image.round(1)
        array([ 0. , 10.4, 40.2, 51.2, 20.2])
        >>> result.stderr.round(1)
        array([0. , 0.2, 0.3, 0.3, 0.3])
        >>> qconv.convolve([0, 10, 20], [1, 2, 1], shots=None).image  # the exact expectation
        array([ 0., 10., 40., 50., 20.])
    """
    laid_out = plan(
        image,
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
        tolerance=tolerance,
        flipped=True,
    )
    return laid_out.run(progress, checkpoint)


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
    job_shots: int | None = None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Convolution:
    """Cross-correlate an image with a kernel: as `convolve`, but the kernel is not flipped.

    Follows ``scipy.signal.correlate2d`` for any number of axes, also in where it puts an even
    kernel's centre in mode same (``numpy.correlate`` and ``scipy.signal.correlate`` put it one
    pixel off). Arguments, result and errors are those of `convolve`.

    Example:
        >>> import qconv
        >>> qconv.correlate([0, 10, 20], [1, 2, 0], shots=None, mode="same").image
        array([ 0., 20., 50.])
        >>> qconv.convolve([0, 10, 20], [1, 2, 0], shots=None, mode="same").image
        array([10., 40., 40.])
    """
    laid_out = plan(
        image,
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
        tolerance=tolerance,
        flipped=False,
    )
    return laid_out.run(progress, checkpoint)
