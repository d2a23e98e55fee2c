"""The loader against TorchGeo's: `python -m benchmarks.loader`."""
