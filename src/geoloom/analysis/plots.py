"""All figures in one place: `from geoloom.analysis import plots`."""

from __future__ import annotations

from ..figures.histograms import plot_histogram_lines, plot_histograms
from ..figures.images import plot_classes, plot_comparison, plot_image, plot_overlay
from ..figures.matrices import plot_confusion_matrices, plot_confusion_matrix
from ..figures.style import save_figure
from .chips import plot_chips
from .curves import plot_precision_recall_curve, plot_roc_curve, plot_training

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
