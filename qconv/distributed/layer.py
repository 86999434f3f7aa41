"""Lazy `conv2d` of Dask arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Unpack

import dask.array as da
import numpy as np
from dask.base import tokenize
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit

from qconv._checks import Numbers, number_array, numpy_defaults
from qconv._threads import one_thread
from qconv.distributed.convolution import (
    REFUSED,
    Known,
    check_backend,
    check_image,
    draws_of,
    probabilities_of,
)
from qconv.distributed.halo import (
    chunks_of,
    in_parts,
    part_lengths,
    part_of,
    require_finite,
)
from qconv.distributed.result import LazyConvolution, lazy_arrays
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.grid import Grid
from qconv.layer.functional import check_kernel_only, require_numbers
from qconv.layer.geometry import Frame, Integers, layer_frame
from qconv.layer.layer import Layer
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.options import check_options
from qconv.planning.method import Method
from qconv.planning.options import SamplingOptions


@numpy_defaults
def conv2d(
    input: da.Array,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Integers = 1,
    padding: Integers | str = 0,
    dilation: Integers = 1,
    groups: int = 1,
    *,
    method: Method = DEFAULT_METHOD,
    **sampling: Unpack[SamplingOptions],
) -> LazyConvolution:
    """Apply a network's convolution layer to a Dask array; nothing runs before it is computed.

    The same seed gives results that are bit-identical to `qconv.conv2d`. Blocks contain whole tiles
    of the output and all of its channels. The circuit of every channel is simulated once for all
    workers.

    Args:
        input: Dask array of real or complex numbers, shape ``(N, C, H, W)`` or ``(C, H, W)``, any
            chunks.
        weight: Kernels, as for `qconv.conv2d`.
        bias: Number to add to each output channel, shape ``(O,)``; None for no bias.
        stride: Pixels from one output to the next.
        padding: Number of zeros on each side, or ``"same"`` or ``"valid"``.
        dilation: Pixels from one kernel position to the next.
        groups: Number of groups of channels.
        method: As for `qconv.conv2d`.
        sampling: As for `qconv.distributed.convolve`.

    Returns:
        The output ``(N, O, H', W')`` and its standard error as lazy Dask arrays.

    Raises:
        TypeError: If ``input`` is not a Dask array, or an argument is of the wrong type.
        ValueError: If an argument has a wrong value or shape, or the backend can only count shots.

    Example:
        >>> import dask.array as da
        >>> import numpy as np
        >>> import qconv.distributed
        >>> images, weight = np.arange(64.0).reshape(2, 2, 4, 4), np.ones((3, 2, 3, 3)) / 18
        >>> lazy = qconv.distributed.conv2d(da.from_array(images, chunks=2), weight, seed=7)
        >>> at_once = qconv.conv2d(images, weight, seed=7)
        >>> np.array_equal(lazy.image.compute(), at_once.image)
        True
    """
    requested = check_options(sampling, method, refused=REFUSED)
    empty = getattr(input, "ndim", 0) == 4 and input.shape[0] == 0
    if not empty:
        check_image(input, "input", kinds="biufc")
    if input.ndim not in (3, 4):
        raise ValueError(
            "input: expected 4 axes (images, channels, pixels), or 3 for a single image, got "
            f"{input.ndim} (shape {input.shape})"
        )
    batch = input if input.ndim == 4 else input[np.newaxis]
    frame = layer_frame(batch.shape, weight, bias, stride, padding, dilation, groups)
    check_kernel_only(method)
    one = number_array(np.zeros(1, input.dtype), "input")
    kind = np.result_type(one, frame.weight, frame.bias)
    require_numbers(method, kind)
    shots = requested.shots
    check_backend(requested.sampling.backend, kernel_only=True, exact=shots is None)
    how = {"method": method, "shots": shots, "sampling": requested.sampling}
    if empty:
        nothing = da.zeros((0, len(frame.weight), *frame.grid.output_shape[2:]), dtype=kind)
        none = () if kind.kind != "c" else (nothing.real,)
        circuits = LayerWork(frame, how, (), one.dtype).circuits
        return LazyConvolution(nothing, nothing, shots, 0, circuits, *none)
    whole, outputs, channels = frame.grid, len(frame.weight), batch.shape[1]
    grid = replace(
        whole,
        image_shape=batch.shape,
        kernel_shape=(1, channels, *whole.kernel_shape[2:]),
        pad_widths=frame.margins,
    )
    lengths = part_lengths(batch, grid, whole.tile_sides, max(channels, outputs))
    token = tokenize(
        batch.name,
        lengths,
        (frame.weight, frame.bias, frame.groups, frame.margins),
        repr((whole, method, shots)),
        draws_of(requested.sampling),
    )
    work = LayerWork(frame, how, lengths, one.dtype)
    images, _, *places = map(chunks_of, whole.output_shape, lengths)
    blocks = in_parts(batch, grid, lengths)
    arrays = lazy_arrays("conv2d", token, work, blocks, (images, (outputs,), *places), kind)
    if input.ndim == 3:
        arrays = [array[0] for array in arrays]
    measured = int(np.any(frame.weight, axis=(1, 2, 3)).sum())
    planned = measured * method.executions(whole.pixels, shots or 0)
    image, stderr, *covariance = arrays
    return LazyConvolution(image, stderr, shots, planned, work.circuits, *covariance)


@dataclass(frozen=True, eq=False)
class LayerWork:
    """The computation of one part of a layer."""

    frame: Frame
    """Layer without its input."""
    how: dict[str, Any]
    """Arguments ``method``, ``shots`` and ``sampling`` of `Layer`."""
    lengths: tuple[int, ...]
    """Sides of a part, in output pixels."""
    kind: np.dtype[Any]
    """Type of the input's numbers: ``float64`` or ``complex128``."""

    @numpy_defaults
    def known(self) -> list[list[Known]]:
        """Compute the outcome probabilities of every channel's circuits."""
        with one_thread():
            return list(map(probabilities_of, self._without_pixels().channels.values()))

    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Return the circuits of all channels."""
        plans = replace(self._without_pixels(), shots=None).channels.values()
        return tuple(circuit for plan in plans for circuit in plan.circuits)

    @numpy_defaults
    def __call__(
        self, pixels: NDArray[Any], block_id: tuple[int, ...], known: list[list[Known]]
    ) -> Numbers:
        """Compute output and standard error of one part, shape ``(2, N, O, H', W')``.

        For complex numbers, a third entry along the first axis is the covariance of both parts.
        The arguments are those of `Work`; ``known`` has a list for each channel with circuits.
        """
        whole: Grid = self.frame.grid
        tile = part_of(whole, self.lengths, block_id[1:])
        grid = whole.part(tile)
        images, _, *places = grid.image_shape
        shown = pixels[(slice(images), slice(None), *map(slice, places))]
        axes = zip(shown.shape, tile, whole.strides, self.frame.margins, strict=True)
        starts = ((n, part.start * stride - low) for n, part, stride, (low, _) in axes)
        require_finite(shown, "input", [np.arange(start, start + n) for n, start in starts])
        seen: Numbers = number_array(shown, "input", finite=False)
        layer = self._layer(replace(self.frame, grid=grid), seen)
        with one_thread():
            outcomes = (
                Outcomes(program, **one)
                for plan, of_channel in zip(layer.channels.values(), known, strict=True)
                for program, one in zip(plan.prepared.programs, of_channel, strict=True)
            )
            result = layer.decode(outcomes)
        more = [] if result.covariance is None else [result.covariance]
        return np.stack([result.image, result.stderr, *more])

    def _layer(self, frame: Frame, padded: Numbers) -> Layer:
        """Return a layer with a padded input."""
        images, _, *places = frame.grid.output_shape
        shape = (images, len(frame.weight), *places)
        return Layer(geometry=frame.geometry(padded, shape), **self.how)

    def _without_pixels(self) -> Layer:
        """Return the layer with an all-zero input that takes no memory."""
        images, channels, *places = self.frame.grid.image_shape
        shape = (images, channels * self.frame.groups, *places)
        return self._layer(self.frame, np.broadcast_to(self.kind.type(0), shape))
