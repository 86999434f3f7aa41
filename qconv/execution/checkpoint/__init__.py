"""Checkpoints: saved results of a call, from which an interrupted call resumes."""
