"""Hints of errors: what those who come from elsewhere write, and what to write here."""
