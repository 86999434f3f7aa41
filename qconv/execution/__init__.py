"""Execution: running programs on a backend to obtain outcome probabilities or histograms."""
