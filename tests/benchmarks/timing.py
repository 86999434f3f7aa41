"""Timing of calls in alternation, so that changes of speed affect all of them."""

import time

import numpy as np


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratios(call, base, pairs):
    """Return the ratios of the durations of two calls in pairs, after one discarded pair."""
    call()
    base()
    return [seconds(call) / seconds(base) for _ in range(pairs)]


def spread(numbers, digits=2):
    """Return the median of some numbers and the range of the middle four fifths, as a string."""
    low, middle, high = np.quantile(numbers, [0.1, 0.5, 0.9])
    return f"{middle:.{digits}f} (80 % between {low:.{digits}f} and {high:.{digits}f})"
