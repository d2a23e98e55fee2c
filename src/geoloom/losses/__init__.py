"""Losses: pure functions of logits and target, and the registry that names them.

Legend: B batch, K classes, H rows, W columns, N counted pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from ..core.outputs.target import IGNORE_INDEX as IGNORE_INDEX
    from .binary import bce as bce
    from .binary import binary_dice as binary_dice
    from .binary import binary_focal as binary_focal
    from .binary import binary_focal_tversky as binary_focal_tversky
    from .binary import binary_jaccard as binary_jaccard
    from .binary import binary_tversky as binary_tversky
    from .lovasz_extension import lovasz as lovasz
    from .lovasz_extension import lovasz_hinge as lovasz_hinge
    from .overlap import avg_generalized_dice as avg_generalized_dice
    from .overlap import avg_soft_dice as avg_soft_dice
    from .overlap import bin_iou as bin_iou
    from .overlap import crossentropy_dice as crossentropy_dice
    from .overlap import dice as dice
    from .overlap import focal_tversky as focal_tversky
    from .overlap import jaccard as jaccard
    from .overlap import tversky as tversky
    from .pixel import cross_entropy as cross_entropy
    from .pixel import focal as focal
    from .pixel import weighted_cross_entropy as weighted_cross_entropy
    from .registry import get_loss as get_loss
    from .registry import list_losses as list_losses
    from .registry import register_loss as register_loss
    from .value import huber as huber
    from .value import mae as mae
    from .value import mse as mse
    from .value import quantile as quantile
    from .weights import class_weights as class_weights
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            "..core.outputs.target": ["IGNORE_INDEX"],
            ".binary": [
                "bce",
                "binary_dice",
                "binary_focal",
                "binary_focal_tversky",
                "binary_jaccard",
                "binary_tversky",
            ],
            ".lovasz_extension": ["lovasz", "lovasz_hinge"],
            ".overlap": [
                "avg_generalized_dice",
                "avg_soft_dice",
                "bin_iou",
                "crossentropy_dice",
                "dice",
                "focal_tversky",
                "jaccard",
                "tversky",
            ],
            ".pixel": ["cross_entropy", "focal", "weighted_cross_entropy"],
            ".registry": ["get_loss", "list_losses", "register_loss"],
            ".value": ["huber", "mae", "mse", "quantile"],
            ".weights": ["class_weights"],
        },
    )
