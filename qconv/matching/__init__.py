"""Matching: where a template is in an image, and how sure that is."""
