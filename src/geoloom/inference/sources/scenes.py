"""The scenes of a folder, a dataset or a list of files one by one: a source, and so a map, of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import shapely

from ...core.errors import ConfigError, GridError
from ...core.interval import Interval
from ...core.query import Query
from ...core.roi import HINT
from ...datasets.base import GeoDataset
from ...datasets.region import describe_regions
from ...datasets.scene_dataset import SceneDataset
from ...io.headers.header import read_header
from ...io.vector.areas import RoiSource, roi_of
from .dataset import DatasetSource
from .grids import GridChoice
from .opening import Given, When, file_source, opened_dataset, raster_files
from .source import Source

if TYPE_CHECKING:
    from ...preparation.options import Join


def scene_sources(
    given: Given,
    *,
    join: Join | None = None,
    when: When = None,
    nodata: float | None = None,
    assume_crs: str | None = None,
    choice: GridChoice | None = None,
    roi: RoiSource | None = None,
) -> list[tuple[str, Source]]:
    """Each scene alone, on its own pixels or on those of choice, under a name that may name a file.

    Of several raster files each is a scene. Of a union or an intersection, a scene is what the dataset holds
    at the scene's time and place.

    Args:
        given: As of `open_source`.
        join: None: what is joined is no scene alone.
        when, nodata, assume_crs, choice: As of `open_source`.
        roi: Scenes that do not touch it are left out.

    Raises:
        ConfigError: files are to be joined, or what is given has no scenes.
        GridError: no scene touches the area of interest.
    """
    grid = choice or GridChoice()
    if join is not None:
        raise ConfigError(
            "per_scene maps each scene alone, and join makes one of several; keep one"
        )
    files = raster_files(given)
    named: Iterator[tuple[str, Source]]
    if files is not None:
        named = (
            (Path(file).stem, file_source(read_header(file, crs=assume_crs), nodata, grid))
            for file in files
        )
    else:
        named = _of_dataset(opened_dataset(given, nodata, assume_crs), Interval.of(when), grid)
    found = list(named)
    if roi is not None:
        area = roi_of(roi)
        found = [
            (name, source)
            for name, source in found
            if shapely.intersects(area.on(source.grid), source.grid.extent.geom)
        ]
        if not found:
            raise GridError(f"no scene touches {area.described()}; {HINT}")
    return _apart(found)


def _of_dataset(
    dataset: GeoDataset, when: Interval, choice: GridChoice
) -> Iterator[tuple[str, Source]]:
    near = [n for n, region in enumerate(dataset.regions) if region.during(when) is not None]
    if not near:
        raise ConfigError(
            f"{dataset!r} holds nothing during {when}: it holds {describe_regions(dataset.regions)}"
        )
    if isinstance(dataset, SceneDataset):
        for n, scene in enumerate(dataset.scenes):
            if scene.when.overlaps(when) and not scene.footprint.is_empty:
                alone = dataset.only([n])
                query = Query(choice.on(alone.regions, scene.name))
                yield scene.name, DatasetSource.of(alone, query, scene.name)
        return
    for n in near:
        region = dataset.regions[n]
        query = Query(choice.on([region], region.name), region.when)
        yield region.name, DatasetSource.of(dataset, query, f"{region.name} of {dataset!r}")


def _apart(found: list[tuple[str, Source]]) -> list[tuple[str, Source]]:
    """Under names without signs that files cannot bear, each different."""
    apart: dict[str, Source] = {}
    for scene, source in found:
        plain = re.sub(r"[^\w.-]+", "_", PurePath(scene).name)
        plain = re.sub(r"_+", "_", plain).strip("_.") or "scene"
        name, number = plain, 1
        while name in apart:
            number += 1
            name = f"{plain}_{number}"
        apart[name] = source
    return list(apart.items())
