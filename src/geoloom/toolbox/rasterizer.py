"""`Rasterizer`: ground truth from a vector file as a raster of class codes on an image's pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..core.classes import Classes
from ..core.errors import ReadError, VectorError
from ..core.suffixes import VECTOR_SUFFIXES
from ..io.headers.header import Header, read_header
from ..io.vector.features import Features
from ..io.vector.layers import ClassChoice, read_features
from ..preparation.label_plan import UNLABELLED, CloudLabel, LabelPlan, label_classes
from ..transforms.clouds import QualityBand

NO_DATA = UNLABELLED

_RASTERS_TOO = {".gpkg", ".gdb"}
"""Endings of vector files that may hold a raster."""


class Rasterizer:
    """Burns the polygons of a vector file onto the lattice of a raster, in any CRSs.

    Codes: 0 = no data; 1..K = the classes of interest, in the order given; K+1 = `non_class_name`, where
    features of other classes lie. Later features lie on top of earlier ones. Results are written in blocks.

    Args:
        raster, vector: The image and the ground truth, in either order: the files show which is which.
        class_column: Attribute that gives the class; the paper's figure 3 gives it.
        classes_interest: Classes in the order of their codes. A nested list makes one class of several, and
            a dict gives such groups names. None takes all classes, sorted.
        non_class_name: Name of the class of all other features.
        all_touched: Burn every pixel that a polygon touches, as DeepGeo's code did; by default a pixel
            belongs to the polygon that holds its centre, which keeps areas right.
        layer: Which layer of the vector file, where it has several.

    Raises:
        ReadError: neither file is a raster.
        VectorError: the layer, column or a class is missing.

    Source:
        The DeepGeo paper, section 2.1 and figure 3.

    Example:
        >>> rasterizer = Rasterizer("my_labels.shp", "my_raster.tif", class_column="class",
        ...                         classes_interest=["deforestation", "forest"])  # doctest: +SKIP
        >>> rasterizer.rasterize_layer()  # doctest: +SKIP
        >>> rasterizer.save_labeled_raster_to_gtiff("my_labels.tif")  # doctest: +SKIP
    """

    def __init__(
        self,
        raster: str | Path,
        vector: str | Path,
        class_column: str = "class",
        classes_interest: ClassChoice | None = None,
        non_class_name: str = "non_class",
        *,
        all_touched: bool = False,
        layer: str | None = None,
    ) -> None:
        self.header, self.vector = _raster_and_vector(raster, vector)
        self.class_column = class_column
        self._choice = classes_interest
        self._non_class_name = non_class_name
        self._all_touched = all_touched
        self._layer = layer
        self._features: Features | None = None
        self._plan: LabelPlan | None = None
        self._clouds: CloudLabel | None = None

    def collect_class_names(self) -> tuple[str, ...]:
        """Read the vector file and settle the classes; `rasterize_layer` does it too."""
        return self.get_class_names()

    def get_class_names(self) -> tuple[str, ...]:
        """Names of the codes 1, 2, ..."""
        return self.classes.names

    @property
    def classes(self) -> Classes:
        """Names, codes and colours of the labels."""
        return label_classes(self._read(), other=self._other)

    @property
    def _other(self) -> str | None:
        """Name of the class of all features that are not asked for, where there are any."""
        return self._non_class_name if (self._read().codes == 0).any() else None

    def _read(self) -> Features:
        if self._features is None:
            self._features = read_features(
                self.vector,
                layer=self._layer,
                class_field=self.class_column,
                classes=self._choice,
            )
        return self._features

    def rasterize_layer(self) -> None:
        """Rasterise the vector file. Pixels are burned when they are asked for or saved, block by block.

        Raises:
            VectorError: no feature lies on the raster.
        """
        self._plan = LabelPlan.of(
            self.header,
            self._read(),
            self.vector,
            other=self._other,
            all_touched=self._all_touched,
        )

    def execute(self) -> None:
        """Collect the class names and rasterise."""
        self.collect_class_names()
        self.rasterize_layer()

    def remove_labels_under_cloud(
        self, pos_qa: int = 0, new_label: int = NO_DATA, *, sensor: QualityBand = "landsat_c2"
    ) -> None:
        """Give pixels whose ground is hidden another label.

        Args:
            pos_qa: Position of the quality band in the raster, 0-based.
            new_label: Code for them; 0 means no data.
            sensor: `landsat_c2` (QA_PIXEL of Collection 2) or `sentinel2_scl`.

        Raises:
            BandError: the raster has no such band.
        """
        number = self.header.find([pos_qa + 1])[0]
        self._clouds = CloudLabel(number, sensor, new_label)

    def get_labeled_raster(self) -> np.ndarray:
        """The labels in memory, (H, W) uint8, 0 = no data.

        Raises:
            VectorError: nothing was rasterised yet.
        """
        return self._labels().array()

    def save_labeled_raster_to_gtiff(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the labels to a GeoTIFF: uint8, nodata 0, with colours and class names.

        Raises:
            VectorError: nothing was rasterised yet.
            WriteError: the file exists, or is the raster or the vector file itself.
        """
        self._labels().save(path, may_be_empty=True, overwrite=overwrite)
        return Path(path)

    def _labels(self) -> LabelPlan:
        if self._plan is None:
            raise VectorError("nothing is rasterised yet; call rasterize_layer() first")
        return replace(self._plan, clouds=self._clouds)


def _raster_and_vector(one: str | Path, two: str | Path) -> tuple[Header, Path]:
    """Which of two files is the image, and which the features."""
    problems = []
    for image, features in ((one, two), (two, one)):
        if Path(image).suffix.lower() in VECTOR_SUFFIXES - _RASTERS_TOO:
            continue
        try:
            return read_header(image), Path(features)
        except ReadError as error:
            problems.append(str(error))
    raise ReadError(
        f"neither {one} nor {two} is a raster to rasterise onto: {'; '.join(problems) or 'both are vectors'}"
    )
