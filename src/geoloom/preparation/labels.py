"""A label raster: a vector layer's classes as codes on the pixels of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.classes import Classes
from ..core.progress import Progress
from ..io.headers.header import read_header
from ..io.vector.layers import ClassChoice, read_features
from .label_plan import UNLABELLED, LabelPlan


@dataclass(frozen=True, slots=True)
class LabelRaster:
    """What `rasterize` has written."""

    path: Path
    classes: Classes
    features: int
    """How many the layer has."""
    pixels: Mapping[str, int]
    """How many each class has, by name."""
    unlabelled: int
    """Pixels without a label."""


def rasterize(
    labels: str | Path,
    like: str | Path,
    out: str | Path,
    *,
    class_field: str = "class",
    classes: ClassChoice | None = None,
    other: str | None = None,
    colors: Mapping[str, str] | None = None,
    all_touched: bool = False,
    layer: str | None = None,
    where: str | None = None,
    assume_crs: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> LabelRaster:
    """Burn a vector layer's classes onto the pixels of a raster.

    Guarantee: the same bytes as `geoloom rasterize` writes with the same options. The layer may be in any
    CRS: only the features that the raster touches are reprojected, onto the raster's own pixels. Codes are 1,
    2, ... in the order of the classes; 0 is unlabelled. A pixel takes the class of the last feature that
    holds its centre. The file appears under its name only when it is whole.

    Args:
        labels: Vector layer: shapefile, GeoPackage, GeoJSON, GeoParquet, ...
        like: The raster whose pixels are labelled.
        out: The label raster to write: a cloud-optimised GeoTIFF of uint8 codes, with colours and class
            names.
        class_field: Field that gives the class.
        classes: The field's values that are classes, in the order of their codes; a nested list makes one
            class of several values, and a mapping gives such groups their names, as in
            `{"forest": ["FLORESTA", "MATA"]}`. None takes every value, sorted.
        other: Name of a class for all other features; None leaves them out, as if they were not there.
        colors: `#rrggbb` of classes by name, in the raster and in all maps made from it; the others get
            fitting ones.
        all_touched: Label every pixel that a feature touches, not only by its centre.
        layer: Which layer of the file, where it has several.
        where: Only features for which this holds, in SQL: `"year = 2016"`.
        assume_crs: Instead of the layer's missing or wrong one.
        overwrite: Replace the label raster.
        progress: Called with (blocks done, blocks in all).

    Returns:
        Path and classes of the label raster, and how many pixels each class has.

    Raises:
        VectorError: the layer, field or a class is missing, no feature lies on the raster, or no pixel gets
            a label.
        ConfigError: a colour is given for a class that there is not.
        ReadError: the raster cannot be read.
        WriteError: the file exists and `overwrite` is not set, or is an input.

    Example:
        >>> rasterize("truth.gpkg", "scene.tif", "labels.tif", other="rest")  # doctest: +SKIP
        LabelRaster(path=PosixPath('labels.tif'), ...)
    """
    features = read_features(
        labels, layer=layer, class_field=class_field, classes=classes, where=where, crs=assume_crs
    )
    plan = LabelPlan.of(
        read_header(like), features, labels, other=other, colors=colors, all_touched=all_touched
    )
    counts = plan.save(out, description="class", overwrite=overwrite, progress=progress)
    pixels = {name: int(counts[code]) for name, code, _ in plan.classes}
    return LabelRaster(Path(out), plan.classes, len(features), pixels, int(counts[UNLABELLED]))
