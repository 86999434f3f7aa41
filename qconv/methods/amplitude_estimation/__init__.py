"""Amplitude estimation: the method, its schedules, and the estimation of angles."""
