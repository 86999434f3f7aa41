"""`convert`: a trained model with all its convolutions measured from circuits."""

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
    """Swap every ``torch.nn.Conv2d`` of a model for a `StochasticConv2d` with its weights.

    Args:
        model: Any module, trained or not; stays as it is.
        shots: Executions for each output of each convolution; None for the exact expectation.
        method: As for `qconv.conv2d`.
        backend: Where circuits run; None is the ideal Aer simulator.

    Returns:
        A new model, with parameters, hooks and modes of its own, copied from the old one.
        Convolutions that were stochastic before are measured as said here.

    Raises:
        TypeError: ``model`` is no module; or one of its layers derives from ``Conv2d`` in a way of
            its own (lazy, parametrised, quantised), which swapping would lose.
        ValueError: There is no ``Conv2d`` in it.

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
                "make it a Conv2d first (run a lazy one once, remove parametrizations)"
            )
        layer.__class__ = StochasticConv2d  # the same object, wherever else the model keeps it
        layer.measure(shots, method=method, backend=backend)
    if not found:
        raise ValueError(f"model: expected at least one Conv2d, got none in {type(model).__name__}")
    return made
