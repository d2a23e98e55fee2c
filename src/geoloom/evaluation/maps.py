"""Evaluation of a finished map, of classes or of values, against truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ConfigError, ModelError
from ..core.grid import block_windows, window_grid
from ..core.legend import CodeNames, as_classes
from ..core.progress import Progress
from ..core.roi import Roi
from ..io.headers.header import Header, read_header
from ..io.raster import read
from ..io.vector.areas import RoiSource
from ..metrics.accuracy import Accuracy
from ..metrics.class_count import ClassCount
from ..metrics.subject import Subject
from ..metrics.value_accuracy import ValueAccuracy
from ..metrics.value_count import ValueCount
from ..models.identity import file_hash
from .areas import area_on, bounds_of, labels_in
from .truth import ClassTruth, ValueTruth, values_of
from .written import check_free, write_report

_BLOCK_PX = 1024


def evaluate_map(
    class_map: str | Path,
    truth: str | Path,
    *,
    classes: Classes | CodeNames | None = None,
    class_field: str | None = None,
    groups: Sequence[str | Sequence[str]] | None = None,
    probabilities: str | Path | None = None,
    roi: RoiSource | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Accuracy | ValueAccuracy:
    """Score a finished map, block by block: memory does not grow with the map.

    Truth is read or burned onto the map's own pixels. Pixels that have both a class and truth count; truth of
    a class that the map lacks counts as an error, in a row of the matrix of its own. Of a map of values,
    those pixels count that have both a prediction and a known value.

    Args:
        class_map: Raster of class codes; or of float values without names of classes.
        truth: Label raster, in any grid, or vector file, in any CRS; of values, a raster of measurements,
            whose bands bear the names of the map's (one alone may bear any).
        classes: Of the map, or names by code; None takes the names that it carries.
        class_field: Of a vector file: the attribute that gives the class.
        groups: Of a vector file: value, or values, for each class of the map; None where they are its names.
        probabilities: Raster of one band per class on the map's pixels, for curves and cross-entropy.
        roi: Where to count; see `core.roi.RoiLike`, or a vector file.
        out: JSON file to write; the same as text goes beside it, as `.txt`.
        overwrite: Replace these.
        progress: Called with (done, total).

    Returns:
        All figures; of classes, curves and cross-entropy where `probabilities` are given.

    Raises:
        ModelError: the map names no classes and none are given, or none match the truth's; or the truth lacks
            a value, or holds it in another unit.
        ConfigError: options of classes are given for a map of values.
        WriteError: `out` exists and `overwrite` is False.
    """
    check_free(out, overwrite=overwrite, inputs=(class_map, truth, probabilities, roi))
    header = read_header(class_map)
    area = area_on(roi, header.grid)
    blocks = [window_grid(header.grid, w) for w in block_windows(header.grid.shape, _BLOCK_PX)]
    advance = progress or _silent
    if classes is None and holds_values(header):
        if class_field or groups or probabilities:
            raise ConfigError(
                f"{class_map} holds measured values: class_field, groups and probabilities go with classes"
            )
        report: Accuracy | ValueAccuracy = _count_values(header, truth, area, blocks, advance)
    else:
        known = as_classes(classes) or map_classes(header)
        wanted = ClassTruth.of(truth, known, class_field=class_field, groups=groups)
        count = ClassCount(known, wanted.positions, wanted.names, str(truth))
        _count_classes(count, known, header, wanted, probabilities, area, blocks, advance)
        report = count.report()
    report = replace(report, subject=Subject("map", file_hash(class_map), bounds=bounds_of(area)))
    write_report(report, out)
    return report


def _count_classes(
    count: ClassCount,
    classes: Classes,
    header: Header,
    truth: ClassTruth,
    probabilities: str | Path | None,
    area: Roi | None,
    blocks: Sequence[GeoBox],
    progress: Progress,
) -> None:
    for done, grid in enumerate(blocks, start=1):
        codes, stated = labels_in(truth, area, grid)
        if stated.any():
            mapped = read(header, grid, bands=[1], resampling="nearest")
            guess, is_class = classes.encode(mapped.values[0])
            counted = stated & mapped.valid & is_class
            count.add_classes(codes, guess, counted)
            if probabilities is not None:
                scores = read(probabilities, grid).values
                observed = counted & np.isfinite(scores).all(axis=0)
                count.add_scores(codes, scores, observed, curves_alone=True)
        progress(done, len(blocks))


def _count_values(
    header: Header,
    truth: str | Path,
    area: Roi | None,
    blocks: Sequence[GeoBox],
    progress: Progress,
) -> ValueAccuracy:
    wanted = ValueTruth.of(truth)
    count = ValueCount(values_of(header), wanted.outputs, str(truth))
    for done, grid in enumerate(blocks, start=1):
        values, stated = labels_in(wanted, area, grid)
        if stated.any():
            mapped = read(header, grid, bands=header.data_bands, scaled=True)
            count.add_scores(values, mapped.values, stated & mapped.valid)
        progress(done, len(blocks))
    return count.report()


def _silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def holds_values(header: Header) -> bool:
    """Whether a map is of measured values: fractions, and no names of classes."""
    kinds = {np.dtype(header.dtypes[number - 1]).kind for number in header.data_bands}
    return not header.class_names and kinds == {"f"}


def map_classes(header: Header, named: CodeNames | None = None) -> Classes:
    """The classes that a map carries in its category names and colour table.

    Args:
        header: Of the map.
        named: Name by code, instead of the map's own names; its colours stay.

    Raises:
        ModelError: it carries none, and none are given.
    """
    if named:
        palette = header.colormap or {}
        return Classes.from_legend(named, palette)
    nodata = header.nodata[0]
    names = header.class_names or {}
    if not any(name for code, name in names.items() if code != nodata):
        raise ModelError(
            f"{header.uri} carries no class names, so that nothing says what its codes mean; give a map that "
            "geoloom predict wrote, or name them: --class 1=forest --class 2=water (classes=)"
        )
    return Classes.from_legend(names, header.colormap, unlabelled=nodata)
