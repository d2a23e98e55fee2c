"""Losses: pure functions of logits and target, and the registry that names them.

Legend: B batch, K classes, H rows, W columns, N counted pixels.
"""

from ..core.outputs import IGNORE_INDEX as IGNORE_INDEX
