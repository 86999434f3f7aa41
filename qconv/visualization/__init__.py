"""Visualization: figures and pictures. Needs the extra ``images``."""
