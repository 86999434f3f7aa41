"""Execution: programs run on a backend give outcome probabilities or histograms."""
