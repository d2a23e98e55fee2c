"""Finding scenes: scanning headers, opening a saved index, looking up: `python -m benchmarks.index`."""
