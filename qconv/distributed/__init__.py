"""Dask: convolution of images too large for one machine, in blocks on any number of workers.

    import qconv.distributed
    result = qconv.distributed.convolve(dask_array, kernel, shots=100, seed=7)
    result.image, result.stderr  # Dask arrays, not computed yet

Requires the extra ``distributed``.
"""

try:
    import dask.array as _dask  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "qconv.distributed requires Dask; install it with: pip install 'qconv[distributed]'",
        name=error.name,
    ) from None

from qconv.distributed.convolution import convolve, correlate
from qconv.distributed.layer import conv2d
from qconv.distributed.result import LazyConvolution

__all__ = ["LazyConvolution", "conv2d", "convolve", "correlate"]
