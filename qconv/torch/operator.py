"""The operator ``qconv::measured``: outputs of a layer, measured from circuits.

PyTorch's transformations (``torch.compile``, ``torch.export``, ``torch.func``) treat the operator
as one operation. The result has the shape and the type of the expected output. It depends only on
the arguments, which include the seed. The derivative of the operator is not defined.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from qconv.execution.device.backends import Backend
from qconv.layer.functional import laid_out
from qconv.layer.layer import Layer
from qconv.planning.method import Method
from qconv.planning.options import Requested, SamplingOptions

_SCHEMA = (
    "(Tensor input, Tensor weight, Tensor? bias, Tensor expected, Tensor? seed, int[] stride, "
    "int[] dilation, int groups, int token) -> Tensor"
)

#: Largest seed and token, plus 1.
_INTEGERS = 2**63 - 1


@dataclass(eq=False)
class Measurement:
    """Options with which a layer is measured, and cost of its last output.

    Operators take numbers only, so a random token stands for the object in their graphs. A deep
    copy has a token of its own.
    """

    shots: int | None
    """Executions per output; None for the exact expectation."""
    method: Method
    """Method that measures the outputs."""
    backend: Backend
    """Backend that runs the circuits; None for the ideal Aer simulator."""
    added_variance: float | None = None
    """Mean square of the standard errors of the last output; None before the first output."""
    executions: int = 0
    """Number of executions for the last output."""
    sampled: bool = field(init=False)
    """Whether shots are drawn. Compiled layers depend on it, but not on the number of shots."""
    token: int = field(init=False)
    """Number that identifies the object in this process."""

    def __post_init__(self) -> None:
        self.take(self.shots)
        self.token = secrets.randbelow(_INTEGERS)
        _measurements[self.token] = self

    def take(self, shots: int | None) -> None:
        """Set the number of shots, which is not checked."""
        self.shots, self.sampled = shots, shots is not None

    def __reduce__(self) -> tuple[Any, ...]:
        last = self.added_variance, self.executions
        return Measurement, (self.shots, self.method, self.backend, *last)


_measurements: WeakValueDictionary[int, Measurement] = WeakValueDictionary()


def measured(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    expected: Tensor,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    token: int,
    sampled: bool,
) -> Tensor:
    """Measure the output of a layer.

    Args:
        input: Images with their padding, shape ``(N, C, H, W)`` or ``(C, H, W)``.
        weight: Kernels, shape ``(O, C / groups, h, w)``.
        bias: Number to add to each output channel, shape ``(O,)``; None for no bias.
        expected: Expected output, which has the shape and the type of the result.
        stride: Rows and columns from one output to the next.
        dilation: Rows and columns from one kernel position to the next.
        groups: Number of groups of channels.
        token: Token of the `Measurement`.
        sampled: Whether shots are drawn, with a seed from PyTorch's generator.

    Returns:
        Measured output without a gradient.

    Raises:
        RuntimeError: If ``torch.vmap`` does not allow random numbers, if the layer no longer
            exists, or if a graph without shots is run after the layer got shots.
    """
    seed = _drawn() if sampled else None
    tensors = [None if each is None else each.detach() for each in (input, weight, bias, expected)]
    return _operator(*tensors, seed, stride, dilation, groups, token)


def _drawn() -> Tensor:
    """Draw a seed; every sample of ``torch.vmap`` may have its own."""
    try:
        return torch.randint(_INTEGERS, (), device="cpu")
    except RuntimeError as error:
        if "randomness" not in str(error):
            raise
        raise RuntimeError(
            "StochasticConv2d: expected randomness='different' or 'same' in torch.func.vmap and "
            "jacfwd, because every call draws shots; layers with shots=None draw none"
        ) from error


@torch.library.custom_op("qconv::measured", mutates_args=(), schema=_SCHEMA)  # type: ignore[untyped-decorator]
def _operator(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    expected: Tensor,
    seed: Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    token: int,
) -> Tensor:
    measurement = _found(token)
    if measurement.sampled and seed is None:
        raise RuntimeError(
            "StochasticConv2d: expected shots=None, as when this graph was made, "
            f"got shots={measurement.shots}; make the graph again from the layer"
        )
    number = None if seed is None else int(seed)
    tensors = input, weight, bias
    layer = laid_out_tensors(measurement, *tensors, stride, dilation, groups, seed=number)
    result = layer.run()
    variance = np.square(result.stderr)
    measurement.added_variance = float(variance.mean()) if variance.size else 0.0
    measurement.executions = result.total_shots
    return torch.empty_like(expected).copy_(torch.from_numpy(result.image))


@_operator.register_fake  # type: ignore[untyped-decorator]
def _without_values(input: Tensor, weight: Tensor, bias: Any, expected: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(expected)


@_operator.register_vmap  # type: ignore[untyped-decorator]
def _each_sample(info: Any, axes: tuple[Any, ...], *arguments: Any) -> tuple[Tensor, int]:
    """Measure the samples of ``torch.vmap`` one after the other."""
    measurement = _found(arguments[-1])
    outputs, executions, variances = [], 0, []
    for sample in range(info.batch_size):
        own = [
            value.select(axis, sample) if isinstance(value, Tensor) and axis is not None else value
            for value, axis in zip(arguments, axes, strict=True)
        ]
        outputs.append(_operator(*own))
        executions += measurement.executions
        variances.append(measurement.added_variance or 0.0)
    measurement.executions, measurement.added_variance = executions, float(np.mean(variances))
    return torch.stack(outputs), 0


def _found(token: int) -> Measurement:
    """Return the measurement of a token."""
    measurement = _measurements.get(token)
    if measurement is None:
        raise RuntimeError(
            "StochasticConv2d: expected the layer from which this graph was made, but it does not "
            "exist in this process; make the graph again from the layer"
        )
    return measurement


def laid_out_tensors(
    measurement: Measurement,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *,
    seed: int | None = None,
) -> Layer:
    """Return the layer of some tensors, ready to run. The arguments are those of `measured`."""
    options: SamplingOptions = {
        "shots": measurement.shots,
        "backend": measurement.backend,
        "seed": seed,
    }
    requested = Requested.checked(options, measurement.method)
    arrays = [None if each is None else _numbers(each) for each in (input, weight, bias)]
    geometry = tuple(stride), 0, tuple(dilation), groups
    return laid_out(2, *arrays, *geometry, method=measurement.method, requested=requested)


def _numbers(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a tensor as a NumPy array in double precision, detached from its graph."""
    if tensor.is_complex():
        raise TypeError(f"StochasticConv2d: expected real numbers, got {tensor.dtype}")
    try:
        array: np.ndarray[Any, np.dtype[np.float64]] = tensor.detach().cpu().double().numpy()
    except (RuntimeError, NotImplementedError) as error:
        kind = "meta tensor" if tensor.is_meta else type(tensor).__name__
        raise TypeError(
            f"StochasticConv2d: expected tensors with values, got a {kind} ({error})"
        ) from error
    return array
