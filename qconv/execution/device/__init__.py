"""Devices: transpiling, jobs, samplers, retries and calibration."""
