"""The verbs of a layer: `conv1d` and `conv2d`, with the arguments that networks know."""

from __future__ import annotations

import os

from numpy.typing import ArrayLike

from qconv._checks import boolean, numpy_defaults, whole_number
from qconv._threads import worker_count
from qconv.execution.backends import Backend
from qconv.execution.options import Sampling
from qconv.execution.readout import ReadoutMitigation
from qconv.execution.seeds import Seed
from qconv.layer.geometry import Numbers, layer_geometry
from qconv.layer.layer import Layer
from qconv.methods.collapse.method import Collapse
from qconv.planning.allocation import check_tolerance, require_one_of
from qconv.result.convolution import Convolution


@numpy_defaults
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
    *,
    shots: int | None = 1024,
    baseline: bool = False,
    shared: bool = False,
    backend: Backend = None,
    seed: Seed = None,
    job_shots: int | None = None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Convolution:
    """Apply a network's convolution layer to a batch of images by measuring quantum circuits.

    The expectation is what ``torch.nn.functional.conv2d`` computes (a cross-correlation: kernels
    are not flipped). One circuit for each output channel puts a particle in superposition over
    input channel, row and column of its kernel; a shot is one of the pixels that an output sees.

    Args:
        input: Images, ``(N, C, H, W)`` or a single one ``(C, H, W)``, any unit; ``N`` may be 0.
        weight: Kernels, ``(O, C / groups, h, w)``, any sign and scale.
        bias: Added to each output channel, ``(O,)``; None for nothing.
        stride: Pixels from one output to the next, one number or one for each of rows and columns.
        padding: Zeros on either side, likewise; or ``"valid"`` for none, or ``"same"`` for as many
            as keep the size, an odd one at the end (needs stride 1).
        dilation: Pixels from one kernel position to the next, likewise.
        groups: Parts of the channels, each convolved by itself: a divisor of ``C`` and ``O``.
        shots: Executions for each output pixel of each channel; None for the exact expectation.
        baseline: Sample differences from the pixel under the kernel's centre, in each channel, as
            `Collapse` does: less variance where images are smooth.
        shared: All pixels and images use the same ``shots`` shots of each circuit, as `Collapse`
            does: fewer executions, errors that are correlated.
        backend: As for `convolve`.
        seed: As for `convolve`: the same seed gives the same counts on any number of cores.
        job_shots: As for `convolve`.
        mitigation: As for `convolve`.
        tolerance: As for `convolve`.
        checkpoint: As for `convolve`.
        progress: Show a progress bar over the circuits (needs tqdm).

    Returns:
        The output ``(N, O, H', W')`` (without ``N`` for a single image) and its standard error, in
        units of input times weight; a circuit for each output channel that is not all zeros.

    Raises:
        TypeError: An argument is of the wrong type, or complex.
        ValueError: An argument has a wrong value or shape, is not finite, or the work would not fit
            in memory. Nothing has run then.
        RuntimeError: A backend failed.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> images = np.arange(32.0).reshape(1, 2, 4, 4)  # one image of two channels
        >>> weight = np.ones((3, 2, 3, 3)) / 18  # three output channels
        >>> output = qconv.conv2d(images, weight, shots=100, seed=7)
        >>> output.image.shape, output.stderr.shape, len(output.circuits)
        ((1, 3, 2, 2), (1, 3, 2, 2), 3)
        >>> qconv.conv2d(images, weight, shots=None).image[0, 0]
        array([[13., 14.],
               [17., 18.]])
    """
    layer = laid_out(
        2,
        input,
        weight,
        bias,
        stride,
        padding,
        dilation,
        groups,
        shots=shots,
        baseline=baseline,
        shared=shared,
        backend=backend,
        seed=seed,
        job_shots=job_shots,
        mitigation=mitigation,
        tolerance=tolerance,
    )
    return layer.run(boolean(progress, "progress"), checkpoint)


@numpy_defaults
def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
    *,
    shots: int | None = 1024,
    baseline: bool = False,
    shared: bool = False,
    backend: Backend = None,
    seed: Seed = None,
    job_shots: int | None = None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Convolution:
    """Apply a network's convolution layer to a batch of signals: as `conv2d`, along one axis.

    Follows ``torch.nn.functional.conv1d``: ``input`` is ``(N, C, L)`` or ``(C, L)``, ``weight``
    ``(O, C / groups, h)``, the output ``(N, O, L')``. All arguments, errors and the result are
    those of `conv2d`.

    Example:
        >>> import qconv
        >>> signal, weight = [[0.0, 1, 2, 3]], [[[1, -1]]]  # one channel in, one out
        >>> qconv.conv1d(signal, weight, shots=None).image
        array([[-1., -1., -1.]])
    """
    layer = laid_out(
        1,
        input,
        weight,
        bias,
        stride,
        padding,
        dilation,
        groups,
        shots=shots,
        baseline=baseline,
        shared=shared,
        backend=backend,
        seed=seed,
        job_shots=job_shots,
        mitigation=mitigation,
        tolerance=tolerance,
    )
    return layer.run(boolean(progress, "progress"), checkpoint)


def laid_out(
    places: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: Numbers,
    padding: Numbers | str,
    dilation: Numbers,
    groups: int,
    *,
    shots: int | None,
    baseline: bool,
    shared: bool,
    backend: Backend,
    seed: Seed,
    job_shots: int | None,
    mitigation: ReadoutMitigation | str | None = None,
    tolerance: float | tuple[str, float] | None = None,
) -> Layer:
    """Check and lay out a layer with one or two axes of places; nothing runs.

    The arguments are those of `conv2d`, as are the errors.
    """
    sampling = Sampling.checked(backend, seed, job_shots, mitigation)
    worker_count()
    wanted = check_tolerance(tolerance)
    require_one_of(shots, wanted)
    return Layer(
        geometry=layer_geometry(places, input, weight, bias, stride, padding, dilation, groups),
        method=Collapse(shared=shared, baseline=baseline),
        shots=None if shots is None else whole_number(shots, "shots", 1),
        sampling=sampling,
        tolerance=wanted,
    )
