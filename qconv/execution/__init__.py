"""Execution: programs and a backend in; the law of their outcomes, or histograms of them, out."""
