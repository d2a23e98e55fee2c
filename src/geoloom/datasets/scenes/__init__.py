"""Scenes: which there are, where their table is kept, and whether their files changed."""
