"""Compiled loops: the arithmetic on pixels, without the GIL."""
