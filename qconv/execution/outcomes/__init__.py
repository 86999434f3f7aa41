"""Outcomes: histograms, counts of each pixel, readout correction."""
