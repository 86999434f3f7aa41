"""The ways to convolve: one folder or file each, none imports another."""
