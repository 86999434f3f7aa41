"""What simulates: probabilities, state vectors, density matrices, and draws from them."""
