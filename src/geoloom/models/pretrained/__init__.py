"""Weights that others have trained on satellite images: which there are, fetching them, using them."""
