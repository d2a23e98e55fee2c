"""Pictures of arrays, scenes and matrices; matplotlib is imported when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .histograms import plot_histogram_lines as plot_histogram_lines
    from .histograms import plot_histograms as plot_histograms
    from .images import plot_classes as plot_classes
    from .images import plot_comparison as plot_comparison
    from .images import plot_image as plot_image
    from .images import plot_overlay as plot_overlay
    from .matrices import plot_confusion_matrices as plot_confusion_matrices
    from .matrices import plot_confusion_matrix as plot_confusion_matrix
    from .samples import plot_sample as plot_sample
    from .sheets import sheet_of as sheet_of
    from .style import save_figure as save_figure
    from .values import plot_value_panels as plot_value_panels
    from .values import plot_values as plot_values
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".histograms": ["plot_histogram_lines", "plot_histograms"],
            ".images": ["plot_classes", "plot_comparison", "plot_image", "plot_overlay"],
            ".matrices": ["plot_confusion_matrices", "plot_confusion_matrix"],
            ".samples": ["plot_sample"],
            ".sheets": ["sheet_of"],
            ".style": ["save_figure"],
            ".values": ["plot_value_panels", "plot_values"],
        },
    )
