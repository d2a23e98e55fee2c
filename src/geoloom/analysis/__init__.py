"""Figures, accuracy and area tables, and the report of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .areas import AreaTable as AreaTable
    from .areas import ClassArea as ClassArea
    from .areas import class_areas as class_areas
    from .change_matrix import ChangeMatrix as ChangeMatrix
    from .chips import plot_chips as plot_chips
    from .curves import plot_precision_recall_curve as plot_precision_recall_curve
    from .curves import plot_roc_curve as plot_roc_curve
    from .curves import plot_training as plot_training
    from .map_change import MapChange as MapChange
    from .map_change import change as change
    from .scatters import plot_scatter as plot_scatter
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".areas": ["AreaTable", "ClassArea", "class_areas"],
            ".change_matrix": ["ChangeMatrix"],
            ".chips": ["plot_chips"],
            ".curves": ["plot_precision_recall_curve", "plot_roc_curve", "plot_training"],
            ".map_change": ["MapChange", "change"],
            ".scatters": ["plot_scatter"],
        },
    )
