"""Visualization: figures and pictures. Requires the extra ``images``."""
