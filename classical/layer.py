"""The convolution layer of a neural network, computed exactly or by random draws.

The conventions of ``torch.nn.functional.conv2d`` apply. With an output channel ``o`` of group ``g``
and the zero-padded input ``x``, the result is::

    y[n, o, r, s] = bias[o]
        + sum_{c, i, j} weight[o, c, i, j] * x[n, g C/groups + c, r stride + i dilation, ...]

The kernel is not flipped: this is a cross-correlation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import (
    Seed,
    generator,
    number_array,
    numpy_defaults,
    one_of,
    pair,
    real_array,
    shot_number,
    true_or_false,
    whole_number,
)
from classical.sampling import Outcomes, Sample

_Array = NDArray[np.float64]
_Pair = tuple[int, int]

_WORDS = ("valid", "same")


@dataclass(frozen=True, eq=False)
class _Layer:
    """A convolution layer with its input, after all checks."""

    padded: NDArray[Any]
    """The input padded with zeros, shape (N, C, rows, columns)."""
    weight: NDArray[Any]
    """The kernels, shape (O, C / groups, kh, kw)."""
    bias: NDArray[Any]
    """Bias per output channel, shape (O,)."""
    stride: _Pair
    """Stride of rows and columns, in pixels."""
    dilation: _Pair
    """Dilation of rows and columns, in pixels."""
    groups: int
    """Number of groups of channels."""
    batched: bool
    """Whether the caller's input has an axis N, so that the output needs one too."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the output: (N, O, rows, columns)."""
        size, covers = self.padded.shape[2:], _covers(self.weight, self.dilation)
        rows, columns = (
            (n - h) // step + 1 for n, h, step in zip(size, covers, self.stride, strict=True)
        )
        return len(self.padded), len(self.weight), rows, columns

    def seen_from(self, i: int, j: int) -> NDArray[Any]:
        """Return the input pixels that a kernel position multiplies, (N, C, rows, columns)."""
        window = tuple(
            slice(at * apart, at * apart + length * step, step)
            for at, apart, length, step in zip(
                (i, j), self.dilation, self.shape[2:], self.stride, strict=True
            )
        )
        return self.padded[:, :, *window]

    def output(self, values: NDArray[Any]) -> NDArray[Any]:
        """Remove axis N from the output if the caller's input had no such axis."""
        return values if self.batched else values[0]


@numpy_defaults
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | _Pair = 1,
    padding: int | _Pair | str = 0,
    dilation: int | _Pair = 1,
    groups: int = 1,
) -> NDArray[Any]:
    """Apply the convolution layer of a neural network exactly.

    The operation is a cross-correlation: the kernel is not flipped. As in PyTorch, a complex kernel
    is not conjugated. The two numbers of a pair are
    for rows and columns.

    Args:
        input: Real or complex array, shape ``(N, C, H, W)`` or ``(C, H, W)``, any unit; N may be 0.
        weight: Real or complex array, shape ``(O, C / groups, kh, kw)``, any size and sign.
        bias: Bias per output channel, shape ``(O,)``, in the unit of the result; None for zeros.
        stride: Distance between neighbouring placements of the kernel in pixels, one number or a
            pair.
        padding: Number of zeros added on both sides of the input, one number or a pair, or a word.
            ``"valid"`` adds no zeros. ``"same"`` adds the number that makes the output as large as
            the input, with stride 1 only. If that number is odd, the additional zero is at the end.
        dilation: Distance between neighbouring kernel positions in pixels, one number or a pair.
        groups: Number of groups of consecutive channels, a divisor of C and O. An output channel
            depends only on the input channels of its own group.

    Returns:
        An array of shape ``(N, O, rows, columns)`` or ``(O, rows, columns)``, in the unit of input
        times weight. Here ``rows = (H + zeros - dilation (kh - 1) - 1) // stride + 1``. It is
        complex128 if an argument is complex, otherwise float64.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is out of range, empty or not finite. It is also raised if shapes
            do not match or the kernel is larger than the padded input.

    Source:
        PyTorch, ``torch.nn.functional.conv2d``.

    Example:
        >>> import classical
        >>> image = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]  # one channel
        >>> classical.conv2d(image, [[[[1, 1], [1, 1]]]], bias=[100])
        array([[[112., 116.],
                [124., 128.]]])
    """
    layer = _checked(input, weight, bias, stride, padding, dilation, groups)
    count, outputs, rows, columns = layer.shape
    _, channels, *kernel = layer.weight.shape
    grouped = layer.weight.reshape(layer.groups, -1, channels, *kernel)
    kind = np.result_type(layer.padded, layer.weight)
    total = np.zeros((count, layer.groups, outputs // layer.groups, rows * columns), kind)
    for i, j in np.ndindex(*kernel):
        seen = layer.seen_from(i, j).reshape(count, layer.groups, channels, rows * columns)
        total += grouped[..., i, j] @ seen
    return layer.output(total.reshape(layer.shape) + layer.bias[:, None, None])


@numpy_defaults
def stochastic_conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | _Pair = 1,
    padding: int | _Pair | str = 0,
    dilation: int | _Pair = 1,
    groups: int = 1,
    *,
    shots: float = 1024,
    baseline: bool = False,
    seed: Seed = None,
) -> Sample:
    """Apply a convolution layer by drawing random positions of each output channel's kernel.

    A position ``J`` is a channel of the group, a row and a column. Let ``S = sum |w|`` over the
    weights of an output channel. A draw selects position ``J`` with probability ``|w_J| / S`` and
    has the value ``S * sign(w_J) * x_J``. Each output pixel is the mean of ``shots`` draws of its
    own, plus the bias.

    With a baseline, draws estimate differences from ``b_c``, the pixel of channel ``c`` under the
    kernel's centre. The value of a draw is ``S' * sign(w_J) * (x_J - b_c)``. The centre, row
    ``(kh - 1) // 2`` and column ``(kw - 1) // 2``, is never drawn, and ``S'`` is the sum over all
    other positions. The known term ``sum_c (sum_ij w_cij) b_c`` is added. Smooth images then have
    less noise.

    The standard error is estimated from the draws, as in `classical.stochastic_convolve`. It uses
    the draws of all pixels of an output channel in the whole batch.

    Args:
        input: As in `conv2d`.
        weight: As in `conv2d`; an output channel with only zero weights needs no draws.
        bias: As in `conv2d`.
        stride: As in `conv2d`.
        padding: As in `conv2d`.
        dilation: As in `conv2d`.
        groups: As in `conv2d`.
        shots: Draws per output pixel, at least 1.
        baseline: Whether to draw differences from the pixel under the kernel's centre.
        seed: Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same result.

    Returns:
        Image, standard error and shots. Image and standard error have the shape and the unit of the
        result of `conv2d`. The standard error is exactly 0 where all positions give the same value
        or no draws are needed. It is NaN in an output channel with only one random draw in total.

    Raises:
        TypeError: If an argument is complex or has the wrong type.
        ValueError: If `conv2d` would raise it, or if shots or seed are out of range. It is also
            raised if the magnitudes of an output channel's weights have an infinite sum.

    Example:
        >>> import classical
        >>> image, weight = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], [[[[1, 1], [1, 1]]]]
        >>> sample = classical.stochastic_conv2d(image, weight, shots=10_000, seed=7)
        >>> sample.image.round(1)
        array([[[12.1, 16.1],
                [24. , 28.1]]])
        >>> sample.stderr.round(2)
        array([[[0.06, 0.06],
                [0.06, 0.06]]])
    """
    count, rng = shot_number("shots", shots), generator(seed)
    differences = true_or_false("baseline", baseline)
    layer = _checked(input, weight, bias, stride, padding, dilation, groups)
    for name, part in (("input", layer.padded), ("weight", layer.weight), ("bias", layer.bias)):
        real_array(name, part, empty=True)
    image, stderr = np.zeros(layer.shape), np.zeros(layer.shape)
    for channel in range(len(layer.weight) if image.size else 0):
        known, outcomes = _channel(layer, channel, differences)
        image[:, channel] = known
        if outcomes is not None:
            mean, stderr[:, channel] = outcomes.sample(count, rng)
            image[:, channel] += mean
    return Sample(layer.output(image), layer.output(stderr), count)


def _channel(layer: _Layer, channel: int, baseline: bool) -> tuple[_Array, Outcomes | None]:
    """Return an output channel's known term, shape (N, rows, columns), and the outcomes to draw."""
    kernel = layer.weight[channel]
    inputs, height, width = kernel.shape
    first = channel // (len(layer.weight) // layer.groups) * inputs
    known = np.full((layer.shape[0], *layer.shape[2:]), layer.bias[channel])
    drawn = kernel != 0
    if baseline:
        i, j = (height - 1) // 2, (width - 1) // 2
        middle = layer.seen_from(i, j)[:, first : first + inputs]
        known += np.tensordot(kernel.sum(axis=(1, 2)), middle, axes=(0, 1))
        drawn[:, i, j] = False
    positions = np.argwhere(drawn)
    if not positions.size:
        return known, None
    outcomes = Outcomes.of(
        "weight",
        kernel[drawn],
        [layer.seen_from(i, j)[:, first + c] for c, i, j in positions],
        total=float(np.abs(kernel[drawn]).sum()),
        baselines=[middle[:, c] for c, _, _ in positions] if baseline else None,
    )
    return known, outcomes


def _checked(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    stride: object,
    padding: object,
    dilation: object,
    groups: object,
) -> _Layer:
    """Check every argument of a layer and the consistency of all arguments."""
    x, w = number_array("input", input, empty=True), number_array("weight", weight)
    if x.ndim not in (3, 4):
        raise ValueError(
            f"input: expected 4 axes (N, C, H, W) or 3 (C, H, W), got {x.ndim} (shape {x.shape})"
        )
    if w.ndim != 4:
        raise ValueError(
            f"weight: expected 4 axes (O, C / groups, kh, kw), got {w.ndim} (shape {w.shape})"
        )
    parts = _groups(x, w, groups)
    if x.size == 0 and (x.ndim == 3 or len(x)):
        raise ValueError(f"input: expected at least one row and column, got shape {x.shape}")
    steps, apart = pair("stride", stride, 1), pair("dilation", dilation, 1)
    covers = _covers(w, apart)
    padded = np.pad(
        x if x.ndim == 4 else x[None], ((0, 0), (0, 0), *_zeros(padding, covers, steps))
    )
    if any(h > n for h, n in zip(covers, padded.shape[2:], strict=True)):
        raise ValueError(
            f"weight: expected a kernel no larger than the padded input, "
            f"{padded.shape[2:]}, got a kernel that covers {covers} pixels (shape {w.shape}, "
            f"dilation {apart})"
        )
    return _Layer(padded, w, _bias(bias, len(w)), steps, apart, parts, x.ndim == 4)


def _groups(input: NDArray[Any], weight: NDArray[Any], groups: object) -> int:
    """Return the number of groups after checking it against the channels."""
    parts = whole_number("groups", groups, 1)
    outputs, channels = weight.shape[:2]
    if outputs % parts:
        raise ValueError(
            f"groups: expected a divisor of the number of output channels, {outputs} "
            f"(weight of shape {weight.shape}), got {parts}"
        )
    if input.shape[-3] != parts * channels:
        raise ValueError(
            f"input: expected {parts * channels} channels (groups {parts}, weight of shape "
            f"{weight.shape}), got {input.shape[-3]} (shape {input.shape})"
        )
    return parts


def _covers(weight: NDArray[Any], dilation: _Pair) -> _Pair:
    """Return the numbers of input rows and columns that a dilated kernel covers."""
    height, width = weight.shape[2:]
    return dilation[0] * (height - 1) + 1, dilation[1] * (width - 1) + 1


def _zeros(padding: object, covers: _Pair, stride: _Pair) -> tuple[_Pair, _Pair]:
    """Return the numbers of zeros before and after the rows and the columns of the input."""
    if not isinstance(padding, str):
        rows, columns = pair("padding", padding, 0, ", 'valid' or 'same'")
        return (rows, rows), (columns, columns)
    if one_of("padding", padding, _WORDS) == "valid":
        return (0, 0), (0, 0)
    if stride != (1, 1):
        raise ValueError(f"stride: expected 1 for padding 'same', got {stride}")
    rows, columns = covers[0] - 1, covers[1] - 1
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def _bias(bias: ArrayLike | None, outputs: int) -> NDArray[Any]:
    """Return the bias per output channel, shape (O,)."""
    if bias is None:
        return np.zeros(outputs)
    b = number_array("bias", bias)
    if b.shape != (outputs,):
        raise ValueError(
            f"bias: expected one number per output channel, shape {(outputs,)}, got shape {b.shape}"
        )
    return b
