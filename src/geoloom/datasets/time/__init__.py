"""Layers in time: which dates go together, and series of them."""
