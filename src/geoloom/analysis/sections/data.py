"""What went in: where chips lie on their scene, and how the scene's bands are distributed."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.errors import ChipError
from ...figures.histograms import plot_histograms
from ...io.raster import Raster
from ..chips import plot_chips
from ..content import Section
from ..evidence.mapped import Mapped
from .html import note, png, svg
from .tested_chips import chip_sheets, gap_note


def data_section(
    mapped: Mapped, seen: Raster | None, classes: Classes | None = None
) -> Section | None:
    """Chips over the scene as `seen`, what the test chips show, and the bands' histograms.

    Args:
        mapped: The map and what it was made from.
        seen: Its scene on the display grid, where it is known.
        classes: Of the map, where it is one of classes.

    Returns:
        The section; None where nothing is known.
    """
    parts = []
    if mapped.chips is not None and seen is not None:
        parts.append(_chips_figure(mapped, seen))
    if mapped.chips is not None:
        parts.append(gap_note(mapped.chips))
        parts.append("" if classes is None else chip_sheets(mapped, classes))
    if mapped.scene is not None:
        caption = (
            "Histogram of each band’s observed pixels, stored values, with a line of its density. "
            "The brightest 2 % lie outside the panels."
        )
        parts.append(svg(plot_histograms(mapped.scene, max_px=900), "histograms", caption))
    return Section("data", "Data", "Data", "".join(parts)) if any(parts) else None


def _chips_figure(mapped: Mapped, seen: Raster) -> str:
    try:
        figure = plot_chips(mapped.chips, seen)
    except ChipError:
        return note("The training chips come from another scene than the one shown.")
    splits = mapped.chips.table["split"].fillna("unsplit").value_counts()
    counts = ", ".join(f"{name} {n:,}" for name, n in splits.items())
    return png(figure, f"Where the {int(splits.sum()):,} chips lie, by split: {counts}.")
