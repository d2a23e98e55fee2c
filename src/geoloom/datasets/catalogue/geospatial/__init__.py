"""Layers of the Earth, one declaration a file, named as on the command line."""
