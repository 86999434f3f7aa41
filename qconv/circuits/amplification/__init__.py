"""Amplitude amplification: invertible preparations, and rounds that use them."""
