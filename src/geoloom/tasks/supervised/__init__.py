"""Tasks that learn from labels, one per file."""
