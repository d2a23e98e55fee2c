"""A label raster: a vector layer's classes as codes on the pixels of a scene."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.classes import Classes
from ..core.errors import ConfigError
from ..core.progress import Progress
from ..io.headers.header import read_header
from ..io.vector.areas import RoiSource, features_of
from ..io.vector.layers import ClassChoice, read_features
from ..io.vector.widths import widened
from .label_plan import UNLABELLED, LabelPlan

log = logging.getLogger(__name__)


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
    contested: int = 0
    """Pixels in features of different classes: each has the class of the last of them."""


def rasterize(
    labels: str | Path,
    like: str | Path,
    out: str | Path,
    *,
    class_field: str | None = None,
    classes: ClassChoice | None = None,
    other: str | None = None,
    burn: str | None = None,
    background: str | None = None,
    background_within: RoiSource | None = None,
    radius: float | None = None,
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
    2, ... in the order of the classes; 0 is unlabelled. A pixel takes the class of the last feature, in the
    layer's order, that holds its centre; how many pixels lie in features of different classes is counted and
    warned of. The file appears under its name only when it is whole.

    Args:
        labels: Vector layer: shapefile, GeoPackage, GeoJSON, GeoParquet, ...; or a CSV of points with columns
            `lon` and `lat`, or `x` and `y`.
        like: The raster whose pixels are labelled.
        out: The label raster to write: a cloud-optimised GeoTIFF of uint8 codes, with colours and class
            names.
        class_field: Field that gives the class; `class` if neither it nor `burn` is given.
        classes: The field's values that are classes, in the order of their codes; a nested list makes one
            class of several values, and a mapping gives such groups their names, as in
            `{"forest": ["FLORESTA", "MATA"]}`. None takes every value, sorted.
        other: Name of a class for all other features; None leaves them out, as if they were not there.
        burn: Name of the one class of all features, such as footprints, instead of a field.
        background: Name of a class for pixels without a feature, whose code is the last. Maps draw it
            transparent, unless `colors` gives it a colour. None leaves these pixels unlabelled.
        background_within: Where they are of the background: a vector file, in any CRS, or another form of
            `core.roi.RoiLike`. Elsewhere they are unlabelled. None is everywhere.
        radius: Metres on the ground around points, and to both sides of lines; None labels the pixel that
            holds a point, and those along a line.
        colors: `#rrggbb`, or `transparent`, of classes by name, in the raster and in all maps made from it;
            the others get fitting ones.
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
        ConfigError: a colour is given for a class that there is not, or options do not go together.
        RoiError: the area of the background is none.
        ReadError: the raster cannot be read.
        WriteError: the file exists and `overwrite` is not set, or is an input.

    Example:
        >>> rasterize("truth.gpkg", "scene.tif", "labels.tif", other="rest")  # doctest: +SKIP
        LabelRaster(path=PosixPath('labels.tif'), ...)
    """
    problems = [
        f"{name} {message}"
        for name, message in label_problems(
            class_field=class_field,
            classes=classes,
            other=other,
            burn=burn,
            background=background,
            background_within=background_within,
            radius=radius,
        )
    ]
    if problems:
        raise ConfigError(f"rasterize: {'; '.join(problems)}")
    field = None if burn is not None else class_field or "class"
    features = read_features(
        labels, layer=layer, class_field=field, classes=classes, where=where, crs=assume_crs
    )
    if burn is not None:
        features = replace(features, class_names={1: burn})
    count, header = len(features), read_header(like)
    if radius is not None:
        features = widened(features, radius, header.grid)
    plan = LabelPlan.of(
        header,
        features,
        labels,
        other=other,
        background=background,
        background_within=None if background_within is None else features_of(background_within),
        colors=colors,
        all_touched=all_touched,
    )
    area = [background_within] if isinstance(background_within, str | Path) else []
    counts = plan.save(
        out, description="class", inputs=area, overwrite=overwrite, progress=progress
    )
    if counts.contested:
        log.warning(
            "%s: %s px lie in features of different classes; each has the class of the last of them",
            labels,
            f"{counts.contested:,}",
        )
    pixels = {name: int(counts.by_code[code]) for name, code, _ in plan.classes}
    unlabelled = int(counts.by_code[UNLABELLED])
    return LabelRaster(Path(out), plan.classes, count, pixels, unlabelled, counts.contested)


def label_problems(
    *,
    class_field: str | None,
    classes: ClassChoice | None,
    other: str | None,
    burn: str | None,
    background: str | None,
    background_within: object | None,
    radius: float | None,
) -> Iterator[tuple[str, str]]:
    """(option of `rasterize`, what is wrong with it): what does not go together, known before any file."""
    if burn is not None:
        for name, value in (("class_field", class_field), ("classes", classes), ("other", other)):
            if value:
                yield (
                    name,
                    f"goes with a field, and burn makes all features one class, {burn}; keep one",
                )
    if background_within is not None and background is None:
        yield (
            "background_within",
            "says where a background is; name it by background (--background)",
        )
    names = [name for name in (burn, other, background) if name]
    if len(set(names)) < len(names):
        yield (
            "background",
            f"found {background!r}, which is another class too; give it its own name",
        )
    if radius is not None and not (math.isfinite(radius) and radius > 0):
        yield "radius", f"found {radius}; expected metres on the ground, above 0"
