"""Burning patches of a layer of a million polygons: `python -m benchmarks.vector`."""
