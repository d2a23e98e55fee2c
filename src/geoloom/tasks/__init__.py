"""Training and evaluation: Lightning modules, chips as batches, and the two verbs `train` and `evaluate`."""
