"""Timing calls against each other, in turns, so that a change of speed meets both alike."""

import time

import numpy as np


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratios(call, base, pairs):
    """Time of one call over that of another, for as many pairs after a first one."""
    call()
    base()
    return [seconds(call) / seconds(base) for _ in range(pairs)]


def spread(numbers, digits=2):
    """Median of some numbers, and between which four of five lie, as text."""
    low, middle, high = np.quantile(numbers, [0.1, 0.5, 0.9])
    return f"{middle:.{digits}f} (80 % between {low:.{digits}f} and {high:.{digits}f})"
