"""Exact and Monte Carlo references for convolution, on numpy and scipy alone.

This package is the judge of ``qconv``: it shares no code with it and knows nothing about circuits.

- `convolve`, `correlate`: the exact result, by the definition, by FFT or by overlap-add.
- `stochastic_convolve`: the random process of the circuits, from a classical generator.
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
from classical.rate import Convergence, convergence
from classical.sampling import Sample, stochastic_convolve

__all__ = [
    "Comparison",
    "Convergence",
    "Sample",
    "compare",
    "convergence",
    "convolve",
    "correlate",
    "stochastic_convolve",
]
