"""Families of networks that other libraries declare, each under a prefix such as `timm/`."""
