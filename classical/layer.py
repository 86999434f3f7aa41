"""The convolution layer of a neural network, exactly and by random draws.

The conventions are those of ``torch.nn.functional.conv2d``. With ``o`` an output channel of group
``g``, and ``x`` the input extended by zeros::

    y[n, o, r, s] = bias[o]
        + sum_{c, i, j} weight[o, c, i, j] * x[n, g C/groups + c, r stride + i dilation, ...]

so the kernel is not flipped: this is a cross-correlation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import (
    Seed,
    generator,
    numpy_defaults,
    one_of,
    pair,
    real_array,
    true_or_false,
    whole_number,
)
from classical.sampling import Outcomes, Sample

_Array = NDArray[np.float64]
_Pair = tuple[int, int]

_WORDS = ("valid", "same")


@dataclass(frozen=True, eq=False)
class _Layer:
    """A convolution layer with its input, checked."""

    padded: _Array
    """The input with the zeros around it, shape (N, C, rows, columns)."""
    weight: _Array
    bias: _Array
    """A number per output channel."""
    stride: _Pair
    dilation: _Pair
    groups: int
    batched: bool
    """Whether the caller's input had an axis N, which then the output has as well."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the output: (N, O, rows, columns)."""
        size, covers = self.padded.shape[2:], _covers(self.weight, self.dilation)
        rows, columns = (
            (n - h) // step + 1 for n, h, step in zip(size, covers, self.stride, strict=True)
        )
        return len(self.padded), len(self.weight), rows, columns

    def seen_from(self, i: int, j: int) -> _Array:
        """What every output pixel sees through a position of the kernel, (N, C, rows, columns)."""
        window = tuple(
            slice(at * apart, at * apart + length * step, step)
            for at, apart, length, step in zip(
                (i, j), self.dilation, self.shape[2:], self.stride, strict=True
            )
        )
        return self.padded[:, :, *window]

    def output(self, values: _Array) -> _Array:
        """Give the caller as many axes as the input had."""
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
) -> _Array:
    """Apply the convolution layer of a neural network, exactly.

    It is a cross-correlation: the kernel is not flipped. A pair is for rows and columns.

    Args:
        input: Real array, shape ``(N, C, H, W)`` or ``(C, H, W)``, any unit; N may be 0.
        weight: Real array, shape ``(O, C / groups, kh, kw)``, any size and sign.
        bias: A number per output channel, shape ``(O,)``, in the unit of the result; None: 0.
        stride: Pixels from one place of the kernel to the next, one number or a pair.
        padding: Zeros around the input: one number or a pair, on both sides alike; ``"valid"``:
            none; ``"same"``: so many that the output is as large as the input, for stride 1 only,
            one more at the end if their number is odd.
        dilation: Pixels from one position of the kernel to the next, one number or a pair.
        groups: Into how many groups the channels are divided, in order; an output channel sees only
            the input channels of its own. It divides C and O.

    Returns:
        A float64 array, shape ``(N, O, rows, columns)`` or ``(O, rows, columns)``, in the unit of
        input times weight; ``rows = (H + zeros - dilation (kh - 1) - 1) // stride + 1``.

    Raises:
        TypeError: An argument is complex or has the wrong type.
        ValueError: An argument is out of range, empty or not finite; shapes do not fit together;
            the kernel is larger than the input with its zeros.

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
    total = np.zeros((count, layer.groups, outputs // layer.groups, rows * columns))
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
    shots: int = 1024,
    baseline: bool = False,
    seed: Seed = None,
) -> Sample:
    """Apply a convolution layer by drawing random positions of each output channel's kernel.

    With ``S = sum |w|`` over the weights of an output channel, a draw is position ``J`` (a channel
    of the group, a row and a column) with probability ``|w_J| / S`` and has the value
    ``S * sign(w_J) * x_J``. Each output pixel is the mean of ``shots`` draws of its own, plus the
    bias.

    With a baseline, what is drawn is how much a pixel differs from the one under the kernel's
    centre, ``b_c`` in its own channel: ``S' * sign(w_J) * (x_J - b_c)``, where the centre, row
    ``(kh - 1) // 2`` and column ``(kw - 1) // 2``, is never drawn, and ``S'`` is the sum over the
    others. What is known, ``sum_c (sum_ij w_cij) b_c``, is added. Smooth images have less noise.

    The standard error comes from the draws, as in `classical.stochastic_convolve`: those of all
    pixels of an output channel, of the whole batch, together.

    Args:
        input: As in `conv2d`.
        weight: As in `conv2d`; of an output channel whose weights are all zeros nothing is drawn.
        bias: As in `conv2d`.
        stride: As in `conv2d`.
        padding: As in `conv2d`.
        dilation: As in `conv2d`.
        groups: As in `conv2d`.
        shots: Draws per output pixel, at least 1.
        baseline: Whether to draw differences from the pixel under the kernel's centre.
        seed: Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same result.

    Returns:
        Image and standard error, both of the shape and in the unit of what `conv2d` returns, and
        shots. The standard error is exactly 0 where all positions give the same value or nothing is
        drawn, and NaN in an output channel in which a random draw was made only once in all.

    Raises:
        TypeError: An argument is complex or has the wrong type.
        ValueError: What `conv2d` refuses; shots or seed are out of range; the magnitudes of an
            output channel's weights add up to infinity.

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
    count, rng = whole_number("shots", shots, 1), generator(seed)
    differences = true_or_false("baseline", baseline)
    layer = _checked(input, weight, bias, stride, padding, dilation, groups)
    image, stderr = np.zeros(layer.shape), np.zeros(layer.shape)
    for channel in range(len(layer.weight) if image.size else 0):
        known, outcomes = _channel(layer, channel, differences)
        image[:, channel] = known
        if outcomes is not None:
            mean, stderr[:, channel] = outcomes.sample(count, rng)
            image[:, channel] += mean
    return Sample(layer.output(image), layer.output(stderr), count)


def _channel(layer: _Layer, channel: int, baseline: bool) -> tuple[_Array, Outcomes | None]:
    """What is known of an output channel, shape (N, rows, columns), and what is to be drawn."""
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
    """Check every argument of a layer, and that they fit together."""
    x, w = real_array("input", input, empty=True), real_array("weight", weight)
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
            f"weight: expected a kernel that fits into the input with its zeros, "
            f"{padded.shape[2:]}, got one that covers {covers} pixels (shape {w.shape}, "
            f"dilation {apart})"
        )
    return _Layer(padded, w, _bias(bias, len(w)), steps, apart, parts, x.ndim == 4)


def _groups(input: _Array, weight: _Array, groups: object) -> int:
    """The number of groups, which the channels of input and weight must fit."""
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


def _covers(weight: _Array, dilation: _Pair) -> _Pair:
    """Rows and columns of the input that a kernel reaches over."""
    height, width = weight.shape[2:]
    return dilation[0] * (height - 1) + 1, dilation[1] * (width - 1) + 1


def _zeros(padding: object, covers: _Pair, stride: _Pair) -> tuple[_Pair, _Pair]:
    """How many zeros come before and after the rows, and the columns, of the input."""
    if not isinstance(padding, str):
        rows, columns = pair("padding", padding, 0, ", 'valid' or 'same'")
        return (rows, rows), (columns, columns)
    if one_of("padding", padding, _WORDS) == "valid":
        return (0, 0), (0, 0)
    if stride != (1, 1):
        raise ValueError(f"stride: expected 1 for padding 'same', got {stride}")
    rows, columns = covers[0] - 1, covers[1] - 1
    return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def _bias(bias: ArrayLike | None, outputs: int) -> _Array:
    """A number per output channel."""
    if bias is None:
        return np.zeros(outputs)
    b = real_array("bias", bias)
    if b.shape != (outputs,):
        raise ValueError(
            f"bias: expected a number per output channel, shape {(outputs,)}, got shape {b.shape}"
        )
    return b
