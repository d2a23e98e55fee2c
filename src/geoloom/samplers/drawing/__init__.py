"""Chips drawn to choose from: inside the ground of their split, around classes or points, with spare ones."""
