"""Amplitude estimation: the method, and the likelihood of an angle."""
