"""Bounds that a compiled loop and its plain equivalent share; they load nothing."""

LEAST_SHARE = 1e-3
"""A pixel of which less is observed has no value: grazing an observation by a rounding error is none."""
