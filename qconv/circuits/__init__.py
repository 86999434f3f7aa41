"""Construction of circuits; this package does not run them."""
