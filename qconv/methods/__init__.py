"""The ways to convolve: one small file each, none imports another."""
