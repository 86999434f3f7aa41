"""Amplitude amplification: preparations that can be undone, and rounds that use them."""
