"""A convolution layer of a neural network, measured from circuits."""
