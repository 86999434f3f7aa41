"""`StochasticConv2d`: a ``torch.nn.Conv2d`` whose outputs are measured from circuits.

In the forward pass, every output is a mean of ``shots`` measurements, as in `qconv.conv2d`. The
layer's weights determine the outcome probabilities, and the error has a known variance. In the
backward pass, the gradients of the expectation are used, which is a plain convolution. The measured
output is linear in the input and in the weights, so these gradients are exact on average. Nonlinear
functions that follow are differentiated at the measured value, as is usual in stochastic
optimisation. This is a straight-through estimator (Bengio, Leonard and Courville, arXiv:1308.3432).
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from qconv._checks import real_number, shot_number
from qconv.execution.device.backends import Backend, check_backend
from qconv.layer.functional import check_kernel_only
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.options import known_method
from qconv.planning.method import Method
from qconv.torch.operator import Measurement, laid_out_tensors, measured

#: Maximum number of shots that `StochasticConv2d.shots_for` returns.
_MOST = 2**53

torch.fx.wrap("measured")  # one node of a symbolic trace


class StochasticConv2d(nn.Conv2d):  # type: ignore[misc]  # torch may be missing
    """Drop-in replacement of ``torch.nn.Conv2d``: forward pass measured, backward pass exact.

    It has the arguments, the ``state_dict`` and the initial weights of ``torch.nn.Conv2d``. Random
    numbers come from PyTorch's generator, which ``torch.manual_seed`` seeds. The layer computes on
    the CPU in double precision and returns the type that ``torch.nn.Conv2d`` would return.

    Args:
        in_channels: Number of input channels. This and all arguments down to ``dtype`` are those of
            ``torch.nn.Conv2d``.
        out_channels: Number of output channels, with one circuit each.
        kernel_size: Rows and columns of the kernels.
        stride: Pixels from one output to the next.
        padding: Number of pixels added on each side, or ``"same"`` or ``"valid"``.
        dilation: Pixels from one kernel position to the next.
        groups: Number of groups of channels.
        bias: Whether to add a bias.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        device: Device of the parameters.
        dtype: Type of the parameters.
        shots: Executions per output; None for the exact expectation. Can be changed later.
        method: As for `qconv.conv2d`.
        backend: As for `qconv.convolve`; None for the ideal Aer simulator.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument has a wrong value.

    Example:
        >>> import torch
        >>> import qconv.torch
        >>> seeded = torch.manual_seed(7)
        >>> layer = qconv.torch.StochasticConv2d(1, 2, kernel_size=3, shots=100)
        >>> output = layer(torch.rand(1, 1, 8, 8))
        >>> tuple(output.shape), layer.executions
        ((1, 2, 6, 6), 7200)
        >>> output.sum().backward()
        >>> tuple(layer.weight.grad.shape)
        (2, 1, 3, 3)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        shots: int | None = 1024,
        method: Method = DEFAULT_METHOD,
        backend: Backend = None,
    ) -> None:
        shape = in_channels, out_channels, kernel_size, stride, padding, dilation, groups
        super().__init__(*shape, bias, padding_mode, device, dtype)
        self.measure(shots, method=method, backend=backend)

    def measure(
        self,
        shots: int | None,
        *,
        method: Method = DEFAULT_METHOD,
        backend: Backend = None,
    ) -> None:
        """Set how later outputs are measured.

        Args:
            shots: Executions per output; None for the exact expectation.
            method: As for `qconv.conv2d`.
            backend: Backend that runs the circuits; None for the ideal Aer simulator.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If ``shots`` is below 1.
        """
        check_backend(backend)
        check_kernel_only(known_method(method))
        self._measurement = Measurement(_checked(shots), method, backend)

    @property
    def shots(self) -> int | None:
        """Executions per output; None for the exact expectation."""
        return self._measurement.shots

    @shots.setter
    def shots(self, shots: int | None) -> None:
        self._measurement.take(_checked(shots))

    @property
    def method(self) -> Method:
        """Method that measures the outputs, see `measure`."""
        return self._measurement.method

    @property
    def backend(self) -> Backend:
        """Backend that runs the circuits; None for the ideal Aer simulator."""
        return self._measurement.backend

    @property
    def added_variance(self) -> float | None:
        """Mean square of the standard errors of the last output; None before the first output."""
        return self._measurement.added_variance

    @property
    def executions(self) -> int:
        """Number of executions for the last output."""
        return self._measurement.executions

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def one_shot_variance(self, input: Tensor) -> Tensor:
        """Compute the variance of every output for a single shot on an ideal backend.

        Args:
            input: Images, shape ``(N, C, H, W)`` or ``(C, H, W)``.

        Returns:
            Variances in double precision, shape of the output. With ``n`` shots, the variances are
            ``n`` times smaller.

        Raises:
            TypeError: If a tensor has no values of its own, such as a meta tensor.
        """
        tensors = self._padded(input), self.weight, None
        one = replace(self._measurement, shots=1)
        layer = laid_out_tensors(one, *tensors, self.stride, self.dilation, self.groups)
        return torch.from_numpy(layer.variance())

    def shots_for(self, input: Tensor, stderr: float) -> int:
        """Compute the shots that reach a root mean square standard error of the outputs.

        Args:
            input: Typical input, shape ``(N, C, H, W)`` or ``(C, H, W)``.
            stderr: Root mean square standard error, in the unit of the output, above 0.

        Returns:
            Number of shots, at least 1.

        Raises:
            TypeError: If ``stderr`` is not a number.
            ValueError: If ``stderr`` is not above 0 or cannot be reached, or ``input`` is empty.
        """
        if real_number(stderr, "stderr") <= 0:
            raise ValueError(f"stderr: expected a number > 0, got {stderr!r}")
        variance = self.one_shot_variance(input)
        if not variance.numel():
            raise ValueError(f"input: expected at least one image, got {tuple(input.shape)}")
        ratio = math.sqrt(float(variance.mean())) / stderr
        if not ratio < math.sqrt(_MOST):
            raise ValueError(
                f"stderr: expected an error that {_MOST:.0e} shots can reach, got {stderr}"
            )
        return max(1, math.ceil(ratio**2))

    def extra_repr(self) -> str:
        """Return the options as one line."""
        return f"{super().extra_repr()}, shots={self.shots}"

    def __prepare_scriptable__(self) -> nn.Module:
        raise TypeError(
            "StochasticConv2d: expected torch.compile, torch.export or torch.jit.trace, got "
            "torch.jit.script, which cannot run Python objects such as backends"
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        expected = super()._conv_forward(input, weight, bias)
        tensors = self._padded(input), weight, bias, expected
        shape, how = (self.stride, self.dilation, self.groups), self._measurement
        output = measured(*tensors, *shape, how.token, how.sampled)
        # The difference is 0 and has the gradients of the expectation. It is not finite where a
        # type of half precision overflows.
        return output + (expected - expected.detach()).nan_to_num()

    def _padded(self, input: Tensor) -> Tensor:
        """Return the input with its padding."""
        margins = self._reversed_padding_repeated_twice
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return functional.pad(input, margins, mode=mode) if any(margins) else input


def _checked(shots: int | None) -> int | None:
    """Return the number of shots; raise an error if it is not None or an integer above 0."""
    return None if shots is None else shot_number(shots, "shots")


def convert(
    model: nn.Module,
    shots: int | None = 1024,
    *,
    method: Method = DEFAULT_METHOD,
    backend: Backend = None,
) -> nn.Module:
    """Replace every ``torch.nn.Conv2d`` of a model by a `StochasticConv2d` with its weights.

    Args:
        model: Any module, trained or not. It is not changed.
        shots: Executions per output of each convolution; None for the exact expectation.
        method: As for `qconv.conv2d`.
        backend: Backend that runs the circuits; None for the ideal Aer simulator.

    Returns:
        A copy of the model with its own parameters, hooks and modes. The arguments also apply to
        layers that already are stochastic.

    Raises:
        TypeError: If ``model`` is not a module, cannot be copied, or has a layer that the
            replacement would change: another subclass of ``Conv2d``, or a lazy, quantised or
            scripted layer.
        ValueError: If the model has no ``Conv2d``.

    Example:
        >>> import torch
        >>> import qconv.torch
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
        >>> measured = qconv.torch.convert(model, shots=100)
        >>> type(measured[0]).__name__, measured[0].shots
        ('StochasticConv2d', 100)
        >>> tuple(measured(torch.ones(1, 1, 8, 8)).shape)
        (1, 2, 6, 6)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {model!r}")
    try:
        made = copy.deepcopy(model, _computed(model))
    except (RuntimeError, TypeError) as error:  # raised by copies of tensors and by pickling
        raise TypeError(f"model: expected a model that can be copied, got: {error}") from error
    found = [(path, layer) for path, layer in made.named_modules() if _is_conv2d(layer)]
    for path, layer in found:
        # The object stays the same, because the model may also refer to it elsewhere.
        layer.__class__ = _stochastic(layer, path)
        layer.measure(shots, method=method, backend=backend)
    if not found:
        raise ValueError(f"model: expected at least one Conv2d, got none in {type(model).__name__}")
    return made


def _computed(model: nn.Module) -> dict[int, Any]:
    """Return copies, by id, of the weights that hooks recompute before every call.

    Pruning, and the older functions for weight and spectral normalisation, leave such weights in
    modules. PyTorch does not copy them.
    """
    values = (value for module in model.modules() for value in vars(module).values())
    computed = (value for value in values if isinstance(value, Tensor) and not value.is_leaf)
    return {id(value): value.detach().clone() for value in computed}


def _is_conv2d(module: nn.Module) -> bool:
    """Return whether a module is a ``Conv2d`` of any kind, even quantised or scripted."""
    names = [getattr(module, "original_name", ""), *(cls.__name__ for cls in type(module).__mro__)]
    return "Conv2d" in names


def _stochastic(layer: nn.Module, path: str) -> type[StochasticConv2d]:
    """Return the class of the stochastic layer that replaces a layer."""
    cls = type(layer)
    parametrised = parametrize.is_parametrized(layer)
    plain = cls.__bases__[0] if parametrised else cls
    if plain is StochasticConv2d:
        return cls
    if plain is not nn.Conv2d:
        raise TypeError(
            f"model: expected plain Conv2d layers, got {cls.__module__}.{cls.__qualname__} at "
            f"{path!r}; convert the layer to a Conv2d first (run a lazy layer once, convert before "
            "quantisation and scripting)"
        )
    if not parametrised:
        return StochasticConv2d
    # PyTorch gives every parametrised layer a class of its own, with properties for its weights.
    return type(f"Parametrized{StochasticConv2d.__name__}", (StochasticConv2d,), dict(vars(cls)))
