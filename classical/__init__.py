"""Exact and Monte Carlo references for convolution, on numpy and scipy alone.

This package is the judge of ``qconv``: it shares no code with it and knows nothing about circuits.

- `convolve`, `correlate`: the exact result, by the definition, by FFT, or by FFT in blocks.
- `conv2d`: the layer of a neural network, with batches, channels, strides, dilations and groups.
- `fourier_convolve`: the product of two spectra, by scheme of padding; linear or circular.
- `low_pass`, `high_pass`, `band_pass`, `gaussian_pass`: masks of frequencies; `filter_frequencies`
  applies one, `compression_ratio` says how much it removes.
- `transfer_function`: a kernel as what it multiplies every frequency by.
- `diffuse`, `heat_kernel`: convolution step after step, and the law that it approaches.
- `match_template`: how well a template fits at every place of an image.
- `stochastic_convolve`, `stochastic_conv2d`: the random process of the circuits, from a classical
  generator.
- `compare`: an estimate with its standard error against the exact result, with a verdict.
- `convergence`: how fast errors fall with shots.

Example:
    >>> import classical
    >>> sample = classical.stochastic_convolve([[1, 2], [3, 4]], [[1, 1]], shots=1000, seed=7)
    >>> exact = classical.convolve([[1, 2], [3, 4]], [[1, 1]])
    >>> report = classical.compare(sample, exact)
    >>> report.agrees
    True
"""

from classical.comparison import Comparison, compare
from classical.convolution import convolve, correlate
from classical.diffusion import diffuse, heat_kernel
from classical.frequency import (
    band_pass,
    compression_ratio,
    filter_frequencies,
    gaussian_pass,
    high_pass,
    low_pass,
    transfer_function,
)
from classical.layer import conv2d, stochastic_conv2d
from classical.matching import match_template
from classical.padding import fourier_convolve
from classical.rate import Convergence, convergence
from classical.sampling import Sample, stochastic_convolve

__all__ = [
    "Comparison",
    "Convergence",
    "Sample",
    "band_pass",
    "compare",
    "compression_ratio",
    "conv2d",
    "convergence",
    "convolve",
    "correlate",
    "diffuse",
    "filter_frequencies",
    "fourier_convolve",
    "gaussian_pass",
    "heat_kernel",
    "high_pass",
    "low_pass",
    "match_template",
    "stochastic_conv2d",
    "stochastic_convolve",
    "transfer_function",
]
