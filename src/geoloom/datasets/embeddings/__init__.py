"""Precomputed embeddings: rasters of vectors, stored in few bits."""
