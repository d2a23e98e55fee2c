"""Accuracy of maps, of classes and of values, each from one summed tally. Pure numpy.

Any split into batches, tiles or processes gives the same numbers: counts are summed, and ratios are taken
once, at the end. Averages of per-batch ratios depend on how the map was cut, and are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .accuracy import Accuracy as Accuracy
    from .baseline import Baseline as Baseline
    from .class_tally import ClassTally as ClassTally
    from .confusion import confusion_matrix as confusion_matrix
    from .confusion import f1 as f1
    from .confusion import iou as iou
    from .confusion import kappa as kappa
    from .confusion import macro_mean as macro_mean
    from .confusion import mean_accuracy as mean_accuracy
    from .confusion import overall_accuracy as overall_accuracy
    from .confusion import precision as precision
    from .confusion import recall as recall
    from .curves import Curve as Curve
    from .curves import auc as auc
    from .curves import average_precision as average_precision
    from .curves import precision_recall_curve as precision_recall_curve
    from .curves import roc_curve as roc_curve
    from .curves import score_histograms as score_histograms
    from .scatter import Scatter as Scatter
    from .tally import Report as Report
    from .tally import Tally as Tally
    from .value_accuracy import ValueAccuracy as ValueAccuracy
    from .value_tally import ValueTally as ValueTally
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".accuracy": ["Accuracy"],
            ".baseline": ["Baseline"],
            ".class_tally": ["ClassTally"],
            ".confusion": [
                "confusion_matrix",
                "f1",
                "iou",
                "kappa",
                "macro_mean",
                "mean_accuracy",
                "overall_accuracy",
                "precision",
                "recall",
            ],
            ".curves": [
                "Curve",
                "auc",
                "average_precision",
                "precision_recall_curve",
                "roc_curve",
                "score_histograms",
            ],
            ".scatter": ["Scatter"],
            ".tally": ["Report", "Tally"],
            ".value_accuracy": ["ValueAccuracy"],
            ".value_tally": ["ValueTally"],
        },
    )
