"""From queries to tensors: what has to be read, and how it becomes samples and batches."""
