"""Losses: pure functions of logits and target, and the registry that names them.

Legend: B batch, K classes, H rows, W columns, N counted pixels.
"""

IGNORE_INDEX = -100
"""Target of pixels that do not count: unobserved, or without a label. torch's own default."""
