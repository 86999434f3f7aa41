"""Exact and Monte Carlo references for convolution, based on NumPy and SciPy only.

The results of ``qconv`` are checked against this package. It shares no code with ``qconv`` and
contains no circuits.

- `convolve`, `correlate`: the exact result, from the definition, by FFT, or by FFT in blocks.
- `conv2d`: a neural network's convolution layer, with batches, channels, strides, dilations and
  groups.
- `fourier_convolve`: linear or circular convolution as a product of spectra, with a choice of
  padding.
- `low_pass`, `high_pass`, `band_pass`, `gaussian_pass`: frequency masks. `filter_frequencies`
  applies a mask and `compression_ratio` measures how much the mask removes.
- `transfer_function`: the factors by which a kernel multiplies the frequencies.
- `diffuse`, `heat_kernel`: repeated convolution, and the Gaussian kernel that it approaches.
- `match_template`: how well a template fits at every position of an image.
- `stochastic_convolve`, `stochastic_conv2d`: the random process that the circuits carry out,
  simulated with a classical random generator.
- `compare`: compares an estimate and its standard error with the exact result and gives a verdict.
- `convergence`: the rate at which errors fall with the number of shots.

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
from classical.observables import band_energy, energy, mean, overlap, total
from classical.padding import fourier_convolve
from classical.rate import Convergence, convergence
from classical.sampling import Sample, stochastic_convolve

__all__ = [
    "Comparison",
    "Convergence",
    "Sample",
    "band_energy",
    "band_pass",
    "compare",
    "compression_ratio",
    "conv2d",
    "convergence",
    "convolve",
    "correlate",
    "diffuse",
    "energy",
    "filter_frequencies",
    "fourier_convolve",
    "gaussian_pass",
    "heat_kernel",
    "high_pass",
    "low_pass",
    "match_template",
    "mean",
    "overlap",
    "stochastic_conv2d",
    "stochastic_convolve",
    "total",
    "transfer_function",
]
