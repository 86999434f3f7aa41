"""Whole images: the methods that encode all pixels in one circuit, and their common base."""
