"""The chips of the test: how far they lie from the training, and where the map is worst and best on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from ...core.classes import Classes
from ...datasets.region import Region
from ...figures.sheets import plot_sheet, thumbnail
from ...figures.style import ERROR, MUTED
from ...figures.views import paint
from ...io.headers.header import Header
from ...io.raster import read
from ...splits.gaps.separation import Separation
from ..evidence.mapped import Mapped
from .html import note, png

_WORST, _BEST = 6, 3
_LOOKED_AT = 200
"""Test chips that are compared with the map, evenly spread among all: a report takes seconds."""
_MEASURED = 5_000
"""Chips whose outlines are put together."""


def gap_note(chips: Any) -> str:
    """What lies between the ground of training and test; empty where there is no test, or no place."""
    if not {"train", "test"} <= set(chips.splits) or not chips.table["crs"].map(bool).all():
        return ""
    parts = [chips.indices(split) for split in ("train", "test")]
    if sum(map(len, parts)) > _MEASURED:
        return note(
            f"How far training and test chips are apart is measured for up to {_MEASURED:,} chips."
        )
    apart = Separation.of(*([_region(chips, int(i)) for i in part] for part in parts))
    if apart.overlap_km2:
        return note(
            f"Training and test chips share {apart.overlap_km2:,.4g} km² of ground: figures of the test "
            "are not independent of the training there."
        )
    if not apart.gap_m:
        return note("Training and test chips touch: nothing lies between them.")
    return note(
        f"Between training and test chips lie at least {apart.gap_m:,.0f} m, measured on the ground."
    )


def _region(chips: Any, i: int) -> Region:
    return Region.of_frame(chips.grid(i), chips.when(i))


@dataclass(frozen=True, slots=True)
class _Compared:
    """A test chip on the map."""

    chip: int
    agrees: float
    """Share of its pixels, labelled and mapped, on which map and truth agree, 0..1."""
    ground: BaseGeometry
    """Its outline, in the CRS of the chip."""
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray]
    """Image, truth and map, uint8 (H, W, 4) each."""


def chip_sheets(mapped: Mapped, classes: Classes) -> str:
    """Image, truth and map of the worst and the best test chips; empty where there are none on the map."""
    chips = mapped.chips
    if chips is None or "test" not in chips.splits or chips.label_plane != "mask":
        return ""
    if chips.classes is None or set(chips.classes.names) != set(classes.names):
        return ""
    tested = chips.indices("test")
    chosen = tested[np.unique(np.linspace(0, len(tested) - 1, _LOOKED_AT).astype(int))]
    looked = [_compared(chips, int(i), mapped.header, classes) for i in chosen]
    ranked = sorted((c for c in looked if c is not None), key=lambda c: (c.agrees, c.chip))
    if not ranked:
        return ""
    worst = _apart(ranked, _WORST)
    shown = {one.chip for one in worst}
    best = _apart([one for one in reversed(ranked) if one.chip not in shown], _BEST)
    text = (
        f"{len(ranked):,} of {len(tested):,} test chips were compared with the map, pixel by pixel. Below "
        "each map: the share of its labelled pixels that carry their true class. Of chips that share more "
        "than a quarter of their ground, one is shown."
    )
    return (
        "<h3>Test chips</h3>"
        + note(text)
        + _sheet(worst, ERROR, "The test chips on which the map is worst")
        + _sheet(best, MUTED, "The test chips on which it is best")
    )


def _compared(chips: Any, i: int, header: Header, classes: Classes) -> _Compared | None:
    """One chip; None where the map shows nothing of its labelled ground."""
    grid = chips.grid(i)
    seen = read(header, grid, bands=[1], resampling="nearest")
    position, known = classes.encode(seen.values[0])
    labels = chips.labels(i)
    names = chips.classes.names
    to_model = np.array([classes.names.index(name) for name in names])
    truth, labelled = to_model[labels["mask"].clip(0, len(names) - 1)], labels["valid"]
    both = labelled & known & seen.valid
    if not both.any():
        return None
    image = thumbnail(chips.image(i), chips.observed(i), chips.band_names)
    drawn = paint(classes.decode(truth), labelled, classes)
    mapped = paint(seen.values[0], seen.valid & known, classes)
    agrees = float((truth == position)[both].mean())
    return _Compared(i, agrees, grid.extent.geom, (image, drawn, mapped))


def _apart(ranked: list[_Compared], most: int) -> list[_Compared]:
    """The first that share no more than a quarter of their ground with one before."""
    kept: list[_Compared] = []
    for one in ranked:
        shared = (one.ground.intersection(other.ground).area for other in kept)
        if len(kept) < most and all(area <= one.ground.area / 4 for area in shared):
            kept.append(one)
    return kept


def _sheet(compared: list[_Compared], color: str, title: str) -> str:
    if not compared:
        return ""
    pictures: list[np.ndarray] = []
    texts: list[str] = []
    for one in compared:
        pictures.extend(one.pictures)
        texts.extend((f"chip {one.chip}", "truth", f"map: {one.agrees:.1%}"))
    figure = plot_sheet(pictures, texts, [color] * len(pictures))
    return png(figure, f"{title}: image, truth and map of each, side by side.", wide=True)
