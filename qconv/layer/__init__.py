"""Convolution layers of neural networks, measured from circuits."""
