"""The parts of a simulated Amazon landscape: water, settlement, ground reflectance and sky.

Everything is measured in pixels of 30 m, x to the right and y downwards, until the scene is written.
"""
