"""Augmentations by name: one small frozen dataclass each, whose fields are its options."""
