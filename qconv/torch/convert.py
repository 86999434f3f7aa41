"""`convert`, which measures all convolutions of a trained model from circuits."""

from __future__ import annotations

import copy

from torch import nn

from qconv.execution.device.backends import Backend
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.planning.method import Method
from qconv.torch.layer import StochasticConv2d


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
