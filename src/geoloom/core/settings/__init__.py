"""Settings of a verb: declared once as a frozen dataclass, given as one, by name, or both."""
