"""Tasks that learn from labels, one a file."""
