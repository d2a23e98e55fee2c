"""One training: its settings, its samples, what it starts with, its folder, and what comes of it."""
