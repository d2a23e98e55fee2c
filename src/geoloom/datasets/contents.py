"""What a dataset says about itself: where it lies, which files it holds, and what an answer will read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import GridError
from ..core.grid import WGS84, as_crs, block_windows, window_grid
from ..core.hints.torchgeo import OF_PLOTS, hints_keywords
from ..core.interval import ALWAYS, Instant, Interval
from ..core.outputs import ClassOutputs, Outputs
from ..core.query import Query
from ..core.roi import Roi, RoiLike
from ..io.explain import FileRead, merged
from .query_checks import as_query
from .reading.read_plan import Plan
from .region import Region, common_lattice

if TYPE_CHECKING:
    import geopandas as gpd
    from matplotlib.figure import Figure

_EXPLAINED_PX = 4096
"""Side of the blocks in which a plan of a large query is described: a plan holds the arrays that it fills."""


class Contents(ABC):
    """Answers that follow from a dataset's regions and files."""

    @property
    @abstractmethod
    def regions(self) -> tuple[Region, ...]:
        """Where and when there is data, scene by scene."""

    @property
    @abstractmethod
    def crs(self) -> CRS:
        """The common CRS where one was asked for, else the first scene's."""

    @property
    @abstractmethod
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order; of the mask or the values, where there is no image."""

    @property
    @abstractmethod
    def classes(self) -> Classes | None:
        """What the mask's codes mean; None where unknown or where there is no mask."""

    @property
    def outputs(self) -> Outputs | None:
        """What a network learns from the labels; None where there are none, where the codes of a mask have no
        known meaning, and where there are both classes and values, which are two tasks."""
        return None if self.classes is None else ClassOutputs(self.classes)

    @property
    def files(self) -> tuple[str, ...]:
        """The files and addresses that it reads, each once, in the order of the scenes."""
        return ()

    @property
    def bounds(self) -> BoundingBox:
        """Around all scenes, in the dataset's CRS; to tell places apart look at `regions`."""
        rois = [Roi.of((region.area, region.crs)).to_crs(self.crs) for region in self.regions]
        boxes = np.array([roi.geometry.bounds for roi in rois])
        (left, bottom), (right, top) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        return BoundingBox(float(left), float(bottom), float(right), float(top), self.crs)

    @property
    def interval(self) -> Interval:
        """From the first scene's start to the last one's end; always, where none is dated."""
        return Interval.hull([region.when for region in self.regions])

    def to_geodataframe(self) -> gpd.GeoDataFrame:
        """One row per scene: `name`, `start` and `stop` (UTC; not a time where undated), outline in degrees.

        Vector formats hold it as it is: `dataset.to_geodataframe().to_file("scenes.gpkg")`.
        """
        import geopandas as gpd
        import pandas as pd

        dated = [region.when != ALWAYS for region in self.regions]
        times = {
            name: pd.to_datetime(
                [
                    getattr(region.when, name) if known else None
                    for region, known in zip(self.regions, dated, strict=True)
                ],
                utc=True,
            )
            for name in ("start", "stop")
        }
        columns = {"name": [region.name for region in self.regions], **times}
        outlines = [region.footprint for region in self.regions]
        return gpd.GeoDataFrame(columns, geometry=outlines, crs="EPSG:4326")

    @hints_keywords(OF_PLOTS)
    def plot(self, sample: Mapping[str, Any], *, title: str | None = None) -> Figure:
        """One of its samples as a picture, with a `prediction` that you have put in; see `plot_sample`.

        Red, green and blue are the dataset's `rgb_bands` where the sample has them, else chosen by what the
        bands measure.

        Example:
            >>> dataset.plot(dataset[query]).savefig("sample.png")     # doctest: +SKIP
        """
        from ..figures.samples import plot_sample

        rgb = tuple(getattr(self, "rgb_bands", ()))
        known = set(rgb) <= {band.name for band in self.bands}
        return plot_sample(
            sample,
            self.bands,
            self.outputs or self.classes,
            rgb=rgb if rgb and known else None,
            title=title,
        )

    def at(
        self,
        roi: RoiLike,
        *,
        crs: str | int | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        when: Interval | Instant | tuple[Instant, Instant] | None = None,
    ) -> Query:
        """The query for an area of interest.

        Args:
            roi: Where: bounds in degrees, a geometry, `(geometry, crs)`, or what else `Roi.of` takes.
            crs: Of the pixels. Default: the dataset's.
            res: Pixel size, units of that CRS. Default: the dataset's own, on its own lattice, so that
                nothing is resampled.
            when: Time. Default: any.

        Returns:
            A query whose grid holds the whole area; `dataset[query]` is the sample.

        Raises:
            GridError: the dataset has no pixels of its own (a vector layer), and no `res` is given.
            RoiError: the area is none.

        Example:
            >>> sample = dataset[dataset.at((13.0, 45.0, 13.1, 45.1), when="2019-06")]  # doctest: +SKIP
        """
        home = self.crs if crs is None else as_crs(crs)
        size = (res, res) if isinstance(res, int | float) else res
        area = Roi.of(roi).to_crs(home).geometry
        lattice = self._lattice(home, size)
        grid = lattice.enclosing(BoundingBox(*area.bounds, home))
        return Query(grid, Interval.of(when))

    @abstractmethod
    def plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None = None
    ) -> Sequence[Plan | None]:
        """What must be read for a batch; None where nothing lies near a query."""

    def framed(self, query: Query) -> Self:
        """The same dataset for windows of one query: what is decided for a query as a whole, such as which
        sensor comes first or which dates there are, is decided by this one.

        Guarantee: the answer to a window of the query's grid, asked with the query's time, is that window of
        the query's own answer.
        """
        return self

    def explain(
        self, query: Query | GeoBox, channels: tuple[int, ...] | None = None
    ) -> tuple[FileRead, ...]:
        """What the answer to a query will read: which windows of which files, from which overview, with which
        engine, and why; from the plan that then runs, before a pixel is read.

        Args:
            query: Where and when.
            channels: Which channels of the image, 0-based; None means all.

        Returns:
            One entry per file and way of reading it, in the order of their priority. Features of vector
            layers are not among them.

        Example:
            >>> for read in dataset.explain(dataset.at((13.0, 45.0, 13.1, 45.1))):  # doctest: +SKIP
            ...     read.uri, read.window, read.engine, read.how, read.why
        """
        asked = as_query(query)
        shape = int(asked.grid.shape[0]), int(asked.grid.shape[1])
        framed = self.framed(asked)
        blocks = (
            replace(asked, grid=window_grid(asked.grid, window))
            for window in block_windows(shape, _EXPLAINED_PX)
        )
        plans = (framed.plan([block], channels)[0] for block in blocks)
        return merged(read for plan in plans if plan is not None for read in plan.reads())

    def _lattice(self, crs: CRS, res: tuple[float, float] | None) -> GeoBox:
        frames = [region.frame for region in self.regions if region.frame is not None]
        own = next((frame for frame in frames if frame.crs == crs), None)
        if res is None and own is not None:
            return own
        if res is None and not frames:
            raise GridError(
                "the dataset has no pixels of its own, so that their size has to be given: "
                "at(..., res=10), in units of the CRS"
            )
        native = frames[0] if frames else GeoBox.from_bbox((0, 0, 1, 1), WGS84, shape=(1, 1))
        return common_lattice(native, crs, res)
