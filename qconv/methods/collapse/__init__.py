"""Collapse: the method, and the samples of kernel positions at pixels."""
