"""Accuracy of maps, all of it from one summed confusion matrix and one summed score histogram. Pure numpy.

Any split into batches, tiles or processes gives the same numbers: counts are summed, and ratios are taken
once, at the end. Averages of per-batch ratios depend on how the map was cut, and are not used.
"""
