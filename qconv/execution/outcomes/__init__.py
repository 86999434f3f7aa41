"""What came out: histograms, counts of each pixel, readout correction."""
