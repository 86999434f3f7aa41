"""Checkpoints: what a call saves, and how it is resumed."""
