"""`StochasticConv2d`: a ``torch.nn.Conv2d`` whose outputs are measured from circuits.

In the forward pass, every output is a mean of ``shots`` measurements, as in `qconv.conv2d`. The
layer's weights determine the outcome probabilities, and the error has a known variance. In the
backward pass, gradients are those of the expectation, a plain convolution. The measured output is
linear in the input and in the weights, so these gradients are exact on average. Nonlinear functions
that follow are differentiated at the measured value, as is usual in stochastic optimisation. This
is a straight-through estimator (Bengio, Leonard and Courville, arXiv:1308.3432).
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from qconv._checks import real_number, whole_number
from qconv.execution.device.backends import Backend, check_backend
from qconv.layer.functional import check_kernel_only, laid_out
from qconv.layer.layer import Layer
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.planning.method import Method, check_method
from qconv.planning.options import Requested, SamplingOptions

#: Maximum number of shots that `StochasticConv2d.shots_for` returns.
_MOST = 2**53


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

    added_variance: float | None = None
    """Mean square of the standard errors of the last output; None before the first output."""
    executions: int = 0
    """Number of executions for the last output."""

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
        check_kernel_only(check_method(method))
        self.shots = shots
        self.method = method
        self.backend = backend

    @property
    def shots(self) -> int | None:
        """Executions per output; None for the exact expectation."""
        return self._shots

    @shots.setter
    def shots(self, shots: int | None) -> None:
        self._shots = None if shots is None else whole_number(shots, "shots", 1)

    def one_shot_variance(self, input: Tensor) -> Tensor:
        """Compute the variance of every output for a single shot on an ideal backend.

        Args:
            input: Images, shape ``(N, C, H, W)`` or ``(C, H, W)``.

        Returns:
            Variances in double precision, shape of the output. With ``n`` shots, the variances are
            ``n`` times smaller.
        """
        with torch.no_grad():
            return torch.from_numpy(self._laid_out(input, self.weight, None, 1).variance())

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

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("StochasticConv2d: cannot be traced, as every call measures again")
        expected = super()._conv_forward(input, weight, bias)
        seed = None if self.shots is None else int(torch.randint(2**63 - 1, ()))
        result = self._laid_out(input, weight, bias, self.shots, seed).run()
        self.added_variance = float(np.square(result.stderr).mean()) if result.stderr.size else 0.0
        self.executions = result.total_shots
        return _Measured.apply(expected, torch.from_numpy(result.image).to(expected))

    def _laid_out(
        self,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        shots: int | None,
        seed: int | None = None,
    ) -> Layer:
        """Return the layer with its input, after adding padding other than zeros."""
        padding = self.padding
        if self.padding_mode != "zeros":
            margins = self._reversed_padding_repeated_twice
            input, padding = functional.pad(input, margins, mode=self.padding_mode), 0
        options: SamplingOptions = {"shots": shots, "backend": self.backend, "seed": seed}
        requested = Requested.checked(options, self.method)
        arrays = [None if each is None else _numbers(each) for each in (input, weight, bias)]
        geometry = self.stride, padding, self.dilation, self.groups
        return laid_out(2, *arrays, *geometry, method=self.method, requested=requested)


class _Measured(torch.autograd.Function):  # type: ignore[misc]  # torch may be missing
    """Return the measured output, with the gradients of the expectation."""

    @staticmethod
    def forward(expected: Tensor, measured: Tensor) -> Tensor:
        return measured.clone()  # not the input itself, which may not be changed in place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: Tensor | None) -> Tensor:
        return tangent


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
        TypeError: If ``model`` is not a module, or one of its layers is a subclass of ``Conv2d``
            (lazy, parametrised, quantised), whose properties the replacement would lose.
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
    made = copy.deepcopy(model)
    found = [(path, layer) for path, layer in made.named_modules() if isinstance(layer, nn.Conv2d)]
    for path, layer in found:
        if type(layer) not in (nn.Conv2d, StochasticConv2d):
            raise TypeError(
                f"model: expected plain Conv2d layers, got {type(layer).__name__} at {path!r}; "
                "convert it to a Conv2d first (run a lazy layer once, remove parametrizations)"
            )
        layer.__class__ = (
            StochasticConv2d  # the same object, which the model may also use elsewhere
        )
        layer.measure(shots, method=method, backend=backend)
    if not found:
        raise ValueError(f"model: expected at least one Conv2d, got none in {type(model).__name__}")
    return made


def _numbers(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a tensor as a NumPy array in double precision, detached from its graph."""
    if tensor.is_complex():
        raise TypeError(f"input, weight: expected real numbers, got {tensor.dtype}")
    array: np.ndarray[Any, np.dtype[np.float64]] = tensor.detach().cpu().double().numpy()
    return array
