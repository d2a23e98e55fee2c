"""Truth for a map, whatever it is kept in, on the map's grid and in the map's codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import VectorError
from ..io.header import read_header
from ..io.raster import Kernel, Raster, read
from ..metrics.accuracy import Accuracy
from ..metrics.tally import Tally
from .areas import BLOCK_ROWS

if TYPE_CHECKING:
    from ..io.features import Features

_VECTORS = (".gpkg", ".shp", ".geojson", ".json", ".parquet", ".geoparquet", ".fgb", ".gml", ".kml")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true on any grid. One of `raster` and `features` is set."""

    source: str
    recode: Mapping[int, int]
    """Code in the classes of the map by the truth's own code; others are no class."""
    raster: str | None = None
    features: Features | None = None

    @classmethod
    def of(cls, source: str | Path, classes: Classes) -> Truth:
        """Truth in a label raster or in polygons.

        Classes are matched by name where the truth has names, else codes must be those of `classes`. Of
        polygons, the field is found whose values are the classes' names.

        Raises:
            VectorError: no field of the polygons holds a class of the map.
        """
        if Path(source).suffix.lower() in _VECTORS:
            features = _features_named(Path(source), classes)
            return cls(str(source), _by_name(features.class_names, classes), features=features)
        names = read_header(source).class_names or {}
        recode = _by_name(names, classes) or {code: code for code in classes.codes}
        return cls(str(source), recode, raster=str(source))

    def on(self, grid: GeoBox, *, kernel: Kernel = "nearest") -> Raster:
        """True codes on a grid; not valid where nothing is known, or it is of no class of the map."""
        if self.features is not None:
            codes = self.features.burn(grid)
            valid = np.ones(codes.shape, dtype=bool)
        else:
            assert self.raster is not None  # the other kind of truth
            read_raster = read(self.raster, grid, bands=[1], kernel=kernel)
            codes, valid = read_raster.values[0], read_raster.valid
        table = np.zeros(256, dtype=np.uint8)
        is_class = np.zeros(256, dtype=bool)
        for own, code in self.recode.items():
            table[own], is_class[own] = code, True
        inside = (codes >= 0) & (codes <= 255)
        at = np.where(inside, codes, 0).astype(np.intp)
        return Raster(table[at][None], valid & inside & is_class[at], grid, ("truth",))


def agreement(class_map: str | Path, truth: Truth, classes: Classes) -> Accuracy:
    """How a map agrees with truth at every pixel that has both, counted block by block."""
    grid = read_header(class_map).grid
    tally = Tally.empty(len(classes))
    for row in range(0, int(grid.shape[0]), BLOCK_ROWS):
        part = grid[row : row + BLOCK_ROWS, :]
        mapped = read(class_map, part, bands=[1], kernel="nearest")
        wanted = truth.on(part)
        predicted, is_class = classes.encode(mapped.values[0])
        positions, known = classes.encode(wanted.values[0])
        valid = mapped.valid & is_class & wanted.valid & known
        tally += Tally.of_classes(positions, predicted, len(classes), valid)
    return Accuracy.of(tally, classes)


def _by_name(names: Mapping[int, str], classes: Classes) -> dict[int, int]:
    code_of = {name.casefold(): code for name, code, _ in classes}
    return {own: code_of[n.casefold()] for own, n in names.items() if n.casefold() in code_of}


def _features_named(path: Path, classes: Classes) -> Features:
    """The polygons, by the field that tells most of the classes apart."""
    from ..io.vector import list_fields, read_features

    best: tuple[int, Features] | None = None
    fields = list_fields(path)
    for name in fields:
        try:
            features = read_features(path, class_field=name)
        except VectorError:
            continue
        matched = len(_by_name(features.class_names, classes))
        if matched and (best is None or matched > best[0]):
            best = (matched, features)
    if best is None:
        raise VectorError(
            f"no field of {path} ({', '.join(fields)}) holds the map's classes ({', '.join(classes.names)}); "
            "rasterise it first, with --class-field, and give the label raster"
        )
    return best[1]
