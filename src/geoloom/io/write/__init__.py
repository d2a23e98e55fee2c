"""Products on their way to disk: rasters, vectors, and the files beside them."""
