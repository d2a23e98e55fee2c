"""Benchmark: networks and forests learned from few labels of real images."""
