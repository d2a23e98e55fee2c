"""Stored blocks of pixels: decoded, cached, and copied out of."""
