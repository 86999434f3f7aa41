"""Simulation: probabilities, state vectors, density matrices, and draws from them."""
