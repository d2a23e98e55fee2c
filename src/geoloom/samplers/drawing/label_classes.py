"""The classes of chips: given, named by the labels, or the codes that occur."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.classes import MAX_CODE, Classes
from ...core.errors import ChipError
from ...datasets.base import GeoDataset
from ...datasets.parts import Composition
from ...datasets.raster import RasterDataset
from ...datasets.scenes.located import header_of
from ..statistics import label_layer
from .sources import Source

log = logging.getLogger(__name__)

MOST_UNNAMED = 64
"""Classes that labels may have without a given name: legends of the land have 10 to 50."""


@dataclass(frozen=True, slots=True)
class Legend:
    """What a label layer says about its codes."""

    classes: Classes | None
    """None where it names none."""
    categorical: bool
    """Whether it says that its values are classes, if not which."""


def settle_classes(
    sources: Sequence[Source], counts: np.ndarray, classes: Classes | None
) -> Classes:
    """The classes of the chips: given, else named by the labels, else the codes that occur.

    A single class is warned of: from it alone nothing can be learned.

    Args:
        sources: With labels.
        counts: (256,) labelled pixels of each code.
        classes: Those given.

    Raises:
        ChipError: two label layers name their codes differently, no pixel has a class, or the labels look
            like measurements.
    """
    settled = _settled(sources, counts, classes)
    present = [name for name, code, _ in settled if counts[code]]
    if len(present) == 1:
        log.warning(
            "the labels hold one class only, %s: a network learns nothing from them; label what is not %s "
            "as well, by polygons of its own (geoloom rasterize --other rest makes one class of them)",
            present[0],
            present[0],
        )
    return settled


def _settled(sources: Sequence[Source], counts: np.ndarray, classes: Classes | None) -> Classes:
    legends = {} if classes is not None else _legends(sources)
    named = classes or _named(legends)
    if named is None:
        codes = [int(code) for code in np.flatnonzero(counts)]
        if not codes:
            raise ChipError(
                "no labelled pixel in any scene; check the label rasters and their nodata"
            )
        if len(codes) > MOST_UNNAMED and not any(own.categorical for own in legends.values()):
            raise ChipError(
                f"the labels of {', '.join(source.name for source in sources[:3])} hold {len(codes)} "
                "different values without names or colours: they look like a measurement, not like classes. "
                "Give the raster class names or a colour table if they are classes (in Python: classes=); "
                "learn them as values if they are not: label_kind='values' (--label-kind values)"
            )
        return Classes.of([f"class {code}" for code in codes], codes)
    if not counts[list(named.codes)].any():
        present = {int(c): int(counts[c]) for c in np.flatnonzero(counts)}
        raise ChipError(
            f"no pixel of the classes {_by_code(named)}; the labels hold {present} (code: pixels)"
        )
    return named


def _legends(sources: Sequence[Source]) -> dict[str, Legend]:
    """By the name of a source, one per dataset."""
    firsts: dict[int, Source] = {}
    for source in sources:
        firsts.setdefault(id(source.dataset), source)
    return {source.name: legend_of(source.dataset) for source in firsts.values()}


def _named(legends: dict[str, Legend]) -> Classes | None:
    named = None
    for source, own in legends.items():
        if named is not None and own.classes is not None and own.classes != named:
            raise ChipError(
                f"the labels of {source} name their codes {_by_code(own.classes)}, others {_by_code(named)}; "
                "rasterise them alike (in Python, classes= decides)"
            )
        named = named or own.classes
    return named


def legend_of(dataset: GeoDataset) -> Legend:
    """What the labels of a dataset say about their codes; a code that means unlabelled is not a class."""
    labels = label_layer(dataset)
    if isinstance(labels, Composition):
        legends = [legend_of(part) for part in labels.parts if "mask" in part.layers]
        return Legend(labels.classes, any(legend.categorical for legend in legends))
    if not isinstance(labels, RasterDataset) or not labels.keeps_codes:
        return Legend(labels.classes, labels.classes is not None)
    header = header_of(labels._to_read(0, (0,)).assets[0], labels._assume_crs)
    unlabelled = header.nodata[0] if labels.nodata is None else labels.nodata
    declared = header.class_names or labels.class_names
    names = {code: name for code, name in declared.items() if name and code != unlabelled}
    categorical = header.categorical or bool(labels.class_names)
    if not names or max(names) > MAX_CODE:
        return Legend(None, categorical)
    return Legend(Classes.from_legend(names, header.colormap or labels.cmap), categorical)


def _by_code(classes: Classes) -> dict[int, str]:
    return {code: name for name, code, _ in classes}
