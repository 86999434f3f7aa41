"""Collapse: the method, and the samples that every kernel position gives every pixel."""
