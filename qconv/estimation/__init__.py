"""Estimation of one amplitude from Grover powers: posterior, adaptive choice, fixed schedule."""
