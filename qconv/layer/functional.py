"""Convolution layers `conv1d` and `conv2d`, with the arguments of PyTorch."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from qconv._checks import numpy_defaults
from qconv._threads import worker_count
from qconv.layer.geometry import Integers, layer_geometry
from qconv.layer.layer import Layer
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.options import check_options
from qconv.planning.build import require_complex
from qconv.planning.method import Method
from qconv.planning.options import Requested, SamplingOptions
from qconv.result.convolution import Convolution


@numpy_defaults
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Integers = 1,
    padding: Integers | str = 0,
    dilation: Integers = 1,
    groups: int = 1,
    *,
    method: Method = DEFAULT_METHOD,
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Apply a network's convolution layer to a batch of images by measuring quantum circuits.

    The expectation equals ``torch.nn.functional.conv2d``, a cross-correlation: kernels are not
    flipped. One circuit per output channel prepares a superposition over input channel, row and
    column of the kernel. Each shot selects one of the pixels that an output depends on.

    Args:
        input: Real or complex images, shape ``(N, C, H, W)``, or a single image, shape
            ``(C, H, W)``; any unit. ``N`` may be 0.
        weight: Real or complex kernels, shape ``(O, C / groups, h, w)``, any sign and scale. As in
            PyTorch, complex kernels are not conjugated.
        bias: Real or complex number to add to each output channel, shape ``(O,)``; None for no
            bias.
        stride: Pixels from one output to the next: one number, or one each for rows and columns.
        padding: Number of zeros on each side: one number, or one each for rows and columns.
            ``"valid"`` adds no zeros. ``"same"`` preserves the size and requires stride 1. If the
            number of zeros is odd, the additional zero is at the end.
        dilation: Pixels from one kernel position to the next: one number, or one each for rows and
            columns.
        groups: Number of groups of channels that are convolved separately: a divisor of ``C`` and
            ``O``.
        method: `Collapse`, with its options, or another method whose circuits hold only the kernel
            (`Method.kernel_only`). The baseline of each channel is the pixel under the kernel's
            centre.
        sampling: Options of measurement, see `SamplingOptions`.

    Returns:
        The output ``(N, O, H', W')`` (without ``N`` for a single image) and its standard error, in
        units of input times weight. Both are complex if an argument is complex. ``circuits`` has
        one circuit per output channel whose kernel is not all zero.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument has a wrong value or shape, is not finite, or the computation
            would not fit in memory. Nothing has run in these cases.
        RuntimeError: If a backend failed.

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
    requested = check_options(sampling, method)
    arguments = input, weight, bias, stride, padding, dilation, groups
    layer = laid_out(2, *arguments, method=method, requested=requested)
    return layer.run(requested.progress, requested.checkpoint)


@numpy_defaults
def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Integers = 1,
    padding: Integers | str = 0,
    dilation: Integers = 1,
    groups: int = 1,
    *,
    method: Method = DEFAULT_METHOD,
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Apply a network's convolution layer to a batch of signals, like `conv2d` along one axis.

    The function follows ``torch.nn.functional.conv1d``. The shape of ``input`` is ``(N, C, L)`` or
    ``(C, L)``, the shape of ``weight`` is ``(O, C / groups, h)``, and the shape of the output is
    ``(N, O, L')``. Arguments, errors and result are otherwise those of `conv2d`.

    Example:
        >>> import qconv
        >>> signal, weight = [[0.0, 1, 2, 3]], [[[1, -1]]]  # one input channel, one output channel
        >>> qconv.conv1d(signal, weight, shots=None).image
        array([[-1., -1., -1.]])
    """
    requested = check_options(sampling, method)
    arguments = input, weight, bias, stride, padding, dilation, groups
    layer = laid_out(1, *arguments, method=method, requested=requested)
    return layer.run(requested.progress, requested.checkpoint)


def laid_out(places: int, *layer: Any, method: Method, requested: Requested) -> Layer:
    """Check the arguments of a layer with 1 or 2 spatial axes, without running anything.

    Arguments and errors are those of `conv2d`.
    """
    check_kernel_only(method)
    worker_count()
    geometry = layer_geometry(places, *layer)
    require_numbers(method, geometry.result_type)
    return Layer(
        geometry=geometry,
        method=method,
        shots=requested.shots,
        sampling=requested.sampling,
        tolerance=requested.tolerance,
    )


def require_numbers(method: Method, kind: np.dtype[Any]) -> None:
    """Raise a ``TypeError`` if the numbers of a layer are complex and the method takes none."""
    if kind.kind == "c":
        require_complex(method, "input")


def check_kernel_only(method: Method) -> None:
    """Raise a ``TypeError`` if the circuits of a method hold the image."""
    if not method.kernel_only:
        raise TypeError(
            "method: expected a method whose circuits hold only the kernel, such as "
            f"qconv.Collapse(...), got {method!r}"
        )
