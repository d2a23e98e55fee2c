"""Satellites and products, declared: file names, bands, classes."""
