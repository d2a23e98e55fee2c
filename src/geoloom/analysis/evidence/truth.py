"""Truth for a report: found in whatever file it is kept in, and drawn like a map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from odc.geo.geobox import GeoBox

from ...core.classes import Classes
from ...core.errors import GeoloomError, VectorError
from ...evaluation.truth import ClassTruth
from ...io.raster import Raster
from ...io.vector.layers import list_fields


@dataclass(frozen=True, slots=True)
class KnownTruth:
    """A truth layer whose classes are those of the map."""

    source: Path
    class_field: str | None
    """Of polygons: the attribute that gives the class."""
    truth: ClassTruth

    @classmethod
    def of(cls, source: Path, classes: Classes) -> KnownTruth:
        """A label raster; or polygons, by the attribute with most of the map's classes and fewest others.

        Raises:
            VectorError: no attribute of the polygons names a class of the map.
            ModelError: the raster's classes have other names than the map's.
        """
        try:
            return cls(source, None, ClassTruth.of(source, classes))
        except VectorError:
            fields = tuple(list_fields(source))
        by_field: dict[str, ClassTruth] = {}
        for field in fields:
            try:
                by_field[field] = ClassTruth.of(source, classes, class_field=field)
            except GeoloomError:
                continue
        if not by_field:
            raise VectorError(
                f"no attribute of {source} ({', '.join(fields) or 'it has none'}) holds the map's classes "
                f"({', '.join(classes.names)}); rasterise it with its classes grouped under these names, and "
                "give the label raster"
            )
        best = max(by_field, key=lambda field: _fit(by_field[field]))
        return cls(source, best, by_field[best])

    @property
    def name(self) -> str:
        """The file, and the attribute where there is one."""
        by = f", attribute {self.class_field}" if self.class_field else ""
        return f"{self.source.name}{by}"

    def codes_on(self, grid: GeoBox, classes: Classes) -> Raster:
        """True class codes on a grid; not valid where the truth is of no class of the map."""
        positions, known = self.truth.on(grid)
        return Raster(classes.decode(positions)[None], known, grid, ("truth",))


def _fit(truth: ClassTruth) -> tuple[int, int]:
    """How many of the map's classes a truth names, and how few others: those count as errors."""
    named = len(set(truth.positions.values()))
    return named, named - len(truth.names or ())
