"""Numbered samples: which there are, where their pixels and labels lie, and the dataset that reads them."""
