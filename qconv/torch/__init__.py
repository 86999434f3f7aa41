"""PyTorch: trainable convolution layers that are measured from circuits.

    import qconv.torch
    measured = qconv.torch.convert(model, shots=100)

Requires the extra ``torch``.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "qconv.torch requires PyTorch; install it with: pip install 'qconv[torch]'", name=error.name
    ) from None

from qconv.torch.layer import StochasticConv2d, convert

__all__ = ["StochasticConv2d", "convert"]
