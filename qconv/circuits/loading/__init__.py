"""Approximate loading of real arrays with few CX: ansatz, gradient, fit and search."""
