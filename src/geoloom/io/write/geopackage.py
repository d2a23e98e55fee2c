"""GeoPackages of classified polygons, written piece by piece, with a style that QGIS applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from odc.geo.crs import CRS
from pyogrio.errors import DataLayerError, DataSourceError

from ...core.files import clear_scratch, hold, may_replace, scratch_path, writing
from ...core.grid import crs_name
from ...core.publish import ProductWriter, publish
from .sidecar import Rgba
from .xml_text import xml_attribute

STYLE_TABLE = "layer_styles"
"""Where QGIS looks for a layer's style inside a GeoPackage."""


class ClassPolygonWriter(ProductWriter):
    """Append polygons; the file appears under its name only when it is whole.

    Args:
        path: The GeoPackage. Its layer is called as the file is.
        crs: Of the geometries.
        names: Class name by code.
        colors: Code -> (red, green, blue, alpha).
        overwrite: Replace an existing file.

    Raises:
        WriteError: the file exists and `overwrite` is not set, another process writes it, or it cannot be
            written.
    """

    def __init__(
        self,
        path: str | Path,
        crs: CRS,
        *,
        names: Mapping[int, str],
        colors: Mapping[int, Rgba],
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self._crs, self._names, self._colors = crs, dict(names), dict(colors)
        self._part = scratch_path(self.path, ".gpkg")
        with ExitStack() as stack, writing(self.path):
            stack.enter_context(hold(self.path))
            may_replace(self.path, overwrite=overwrite)
            stack.callback(clear_scratch, self.path)
            clear_scratch(self.path)
            self._append(np.empty(0, dtype=object), np.empty(0, np.uint8), np.empty(0))
            self._held = stack.pop_all()

    def write(
        self, geometries: Sequence[Any] | np.ndarray, codes: np.ndarray, areas_m2: np.ndarray
    ) -> None:
        """Append polygons with their class code and their area in square metres."""
        if len(geometries):
            self._append(np.asarray(geometries, dtype=object), codes, areas_m2)

    def close(self) -> None:
        """Write the style, and give the file its name.

        Raises:
            WriteError: the system refuses; nothing is left then.
        """
        with self._held, writing(self.path):
            self._write_style()
            # SQLite would play the journal of the old file into the new one.
            for end in ("-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
            publish(self._part, self.path)

    def abandon(self) -> None:
        """Stop without a file."""
        self._held.close()

    def _append(self, geometries: np.ndarray, codes: np.ndarray, areas_m2: np.ndarray) -> None:
        frame = gpd.GeoDataFrame(
            {
                "class": pd.Series([self._names[int(code)] for code in codes], dtype="object"),
                "code": codes.astype(np.int32),
                "area_m2": areas_m2.astype(np.float64),
            },
            geometry=gpd.GeoSeries(geometries, crs=crs_name(self._crs)),
        )
        with writing(self.path, DataSourceError, DataLayerError):
            frame.to_file(
                self._part,
                layer=self.path.stem,
                driver="GPKG",
                engine="pyogrio",
                mode="a" if self._part.exists() else "w",
                geometry_type="MultiPolygon",
                promote_to_multi=True,
            )

    def _write_style(self) -> None:
        import pyogrio

        style = {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": self.path.stem,
            "f_geometry_column": "geom",
            "styleName": "classes",
            "styleQML": polygon_qml(self._names, self._colors),
            "styleSLD": "",
            "useAsDefault": True,
            "description": "Colours of the classes",
            "owner": "",
        }
        with writing(self.path, DataSourceError, DataLayerError):
            pyogrio.write_dataframe(
                pd.DataFrame([style]), self._part, layer=STYLE_TABLE, driver="GPKG", append=True
            )


def polygon_qml(names: Mapping[int, str], colors: Mapping[int, Rgba]) -> str:
    """A QGIS style that fills polygons by the field `class`."""
    categories = "".join(
        f'<category render="true" symbol="{i}" value={xml_attribute(names[code])} '
        f"label={xml_attribute(names[code])}/>"
        for i, code in enumerate(sorted(names))
    )
    symbols = "".join(
        f'<symbol type="fill" name="{i}" alpha="1" clip_to_extent="1">'
        '<layer class="SimpleFill" enabled="1" pass="0" locked="0">'
        f'<prop k="color" v="{",".join(map(str, colors.get(code, (0, 0, 0, 255))))}"/>'
        '<prop k="outline_style" v="no"/><prop k="style" v="solid"/></layer></symbol>'
        for i, code in enumerate(sorted(names))
    )
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.16" styleCategories="Symbology">\n'
        '<renderer-v2 type="categorizedSymbol" attr="class" symbollevels="0" enableorderby="0">\n'
        f"<categories>{categories}</categories>\n<symbols>{symbols}</symbols>\n"
        "</renderer-v2>\n</qgis>\n"
    )
