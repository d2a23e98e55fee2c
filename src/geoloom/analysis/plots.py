"""All figures in one place: `from geoloom.analysis import plots`."""

from __future__ import annotations

from .chips import plot_chips
from .curves import plot_precision_recall_curve, plot_roc_curve, plot_training
from .histograms import plot_histogram_lines, plot_histograms
from .images import plot_classes, plot_comparison, plot_image, plot_overlay
from .matrices import plot_confusion_matrices, plot_confusion_matrix
from .style import save_figure

__all__ = [
    "plot_chips",
    "plot_classes",
    "plot_comparison",
    "plot_confusion_matrices",
    "plot_confusion_matrix",
    "plot_histogram_lines",
    "plot_histograms",
    "plot_image",
    "plot_overlay",
    "plot_precision_recall_curve",
    "plot_roc_curve",
    "plot_training",
    "save_figure",
]
