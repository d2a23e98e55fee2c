"""Networks of our own, one paper per file."""
