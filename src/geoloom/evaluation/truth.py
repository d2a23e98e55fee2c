"""Truth for a map: a label raster, polygons, or a raster of measured values, on the map's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ModelError, VectorError
from ..core.outputs import ValueOutputs
from ..core.suffixes import VECTOR_SUFFIXES
from ..io.headers.header import Header, read_header
from ..io.headers.scan import own_bands
from ..io.raster import read
from ..io.vector.features import Features
from ..io.vector.layers import list_fields, read_features
from ..metrics.class_count import match_classes, recode


class Truth(Protocol):
    """What is true on any grid."""

    def labels(self, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
        """Labels (..., H, W) as the truth's source holds them, and bool (H, W): there they say something."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassTruth:
    """What is true on any grid. One of `raster` and `features` is set."""

    positions: Mapping[int, int]
    """Position of the map's class by the truth's own code."""
    names: Mapping[int, str] | None = None
    """Class by the truth's own code, the map's or not; other codes are not a class. None where the truth
    names none: then every code that is not nodata is a class."""
    raster: Header | None = None
    features: Features | None = None

    @classmethod
    def of(
        cls,
        source: str | Path,
        classes: Classes,
        *,
        class_field: str | None = None,
        groups: Sequence[str | Sequence[str]] | None = None,
    ) -> ClassTruth:
        """Truth in a file, matched to the classes of a map.

        Args:
            source: Label raster or vector file.
            classes: Of the map.
            class_field: Of a vector file: the attribute that gives the class.
            groups: Of a vector file: the field's value, or values, for each class of the map in its order.
                None means that the values are the names of the classes.

        Raises:
            VectorError: a vector file comes without `class_field`, or lacks it.
            ModelError: no class of the truth is one of the map's, or the raster is not a label raster.
        """
        if Path(source).suffix.lower() in VECTOR_SUFFIXES:
            return cls._of_features(source, classes, class_field, groups)
        header = read_header(source)
        if header.class_names:
            names = {code: name for code, name in header.class_names.items() if name}
            return cls(match_classes(names, classes, str(source)), names, raster=header)
        if len(header.data_bands) > 1:
            raise ModelError(
                f"{source} has {len(header.data_bands)} bands and no class names: expected a label raster, "
                "one band of class codes"
            )
        return cls({code: i for i, code in enumerate(classes.codes)}, raster=header)

    @classmethod
    def _of_features(
        cls,
        source: str | Path,
        classes: Classes,
        class_field: str | None,
        groups: Sequence[str | Sequence[str]] | None,
    ) -> ClassTruth:
        if class_field is None:
            raise VectorError(
                f"{source} holds polygons: say which attribute gives the class, with class_field "
                f"(--class-field); it has {', '.join(list_fields(source))}"
            )
        features = read_features(source, class_field=class_field, classes=groups)
        if groups is None:
            names = features.class_names
            return cls(match_classes(names, classes, str(source)), names, features=features)
        if len(groups) != len(classes):
            raise ModelError(
                f"{len(groups)} groups of {class_field!r} were given for the map's {len(classes)} classes "
                f"({', '.join(classes.names)}); give one for each, in that order"
            )
        names = {i + 1: name for i, name in enumerate(classes.names)}
        return cls({code: code - 1 for code in names}, names, features=features)

    def on(self, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
        """Class positions int64 (H, W), and known bool (H, W): the truth there is a class of the map."""
        codes, stated = self.labels(grid)
        positions, is_class = recode(codes, self.positions)
        return positions, stated & is_class

    def labels(self, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
        """The truth's own codes (H, W), and stated bool (H, W): there it is a class, the map's or not.

        Raises:
            ModelError: a label raster holds fractions.
        """
        if self.features is not None:
            codes = self.features.burn(grid)
            stated = np.ones(codes.shape, dtype=bool)
        else:
            assert self.raster is not None  # the other kind of truth
            labels = read(self.raster, grid, bands=[1], resampling="nearest")
            codes, stated = labels.values[0], labels.valid
            self._check_whole(codes[stated])
        if self.names is not None:
            stated = stated & np.isin(codes, list(self.names))
        return codes, stated

    def _check_whole(self, codes: np.ndarray) -> None:
        if codes.dtype.kind != "f" or (codes == np.rint(codes)).all():
            return
        assert self.raster is not None  # the caller has looked
        raise ModelError(
            f"{self.raster.uri} holds {codes[codes != np.rint(codes)][0]}: expected whole class codes as "
            "truth for a map of classes; give a label raster"
        )


@dataclass(frozen=True, slots=True, eq=False)
class ValueTruth:
    """What was measured, on any grid."""

    outputs: ValueOutputs
    """Names and units of the raster's bands."""
    raster: Header

    @classmethod
    def of(cls, source: str | Path) -> ValueTruth:
        """Truth in a raster file.

        Raises:
            ModelError: it holds polygons or classes.
        """
        if Path(source).suffix.lower() in VECTOR_SUFFIXES:
            raise ModelError(
                f"{source} holds features, the map measured values: expected a raster of measurements"
            )
        header = read_header(source)
        if header.class_names:
            raise ModelError(
                f"{source} holds classes ({', '.join(header.class_names.values())}), the map measured "
                "values: expected a raster of measurements"
            )
        return cls(values_of(header), header)

    def labels(self, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
        """Values float32 (L, H, W) in their units, NaN = unknown; and bool (H, W): one at least is known."""
        bands = self.raster.data_bands
        layers = [
            read(self.raster, grid, bands=[band], scaled=True, unrounded=True) for band in bands
        ]
        values = np.stack([np.where(layer.valid, layer.values[0], np.nan) for layer in layers])
        return values, np.isfinite(values).any(axis=0)


def values_of(header: Header) -> ValueOutputs:
    """What a raster of measurements says of its bands."""
    return ValueOutputs(tuple(band.name for band in own_bands(header)), header.data_units)
