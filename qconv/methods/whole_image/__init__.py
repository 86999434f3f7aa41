"""Whole images: the methods that hold all pixels in one circuit, and what they share."""
