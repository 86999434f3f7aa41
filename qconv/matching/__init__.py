"""Matching: the position of a template in an image, and its certainty."""
