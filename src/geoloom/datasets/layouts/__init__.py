"""Samples that lie ready in files: how folders tell which there are, and datasets that number them."""
