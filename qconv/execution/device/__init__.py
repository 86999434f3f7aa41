"""What talks to backends: transpiling, jobs, samplers, retries, calibration."""
