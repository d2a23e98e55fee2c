"""Numbered samples whose files say where they lie, as layers of the Earth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ..core.classes import Classes
from ..core.errors import DatasetError
from ..core.grid import has_place
from ..core.interval import ALWAYS, Interval
from ..core.outline import footprints
from ..core.outputs import ClassOutputs
from ..core.query import Asset, Sample, Scene
from ..core.resampling import DEFAULT_OF_CLASSES
from ..io.headers.header import Header
from ..io.headers.scan import file_band, read_headers
from .base import GeoDataset, Layer, Transform
from .region import Region
from .samples.dataset import SampleDataset
from .samples.listing import Listing
from .samples.masks import Coding, Masks
from .samples.pixels import ImageSource, InFiles
from .samples.stacks import DateStack
from .scene_dataset import SceneDataset
from .vector import VectorDataset

_CODE = "class"


class PlacedSamples(SceneDataset):
    """The files of numbered samples as scenes, which answer queries on any grid.

    Each sample is a scene, or each of its dates; where they overlap, the first has a say. Values are those
    of the files: `size` and transforms of the samples have no part in it.

    Args:
        samples: Whose files have a place on Earth.
        source: Which of their sources; its channels are those of the scenes.
        gives: `image`, or `mask` where the source holds codes.
        channels: Positions of the bands wanted; None: all.
        classes: What codes mean.
        transforms: What is done to each sample that a query is answered with.

    Raises:
        DatasetError: samples have no place, or lie in the rows of arrays and not in files.
    """

    def __init__(
        self,
        samples: SampleDataset,
        source: ImageSource,
        *,
        gives: Layer = "image",
        channels: Sequence[int] | None = None,
        classes: Classes | None = None,
        transforms: Transform | None = None,
    ) -> None:
        self.gives, self.is_image = gives, gives == "image"
        self.mosaic = "first"
        self.resampling = None if self.is_image else DEFAULT_OF_CLASSES
        self.nodata = self._assume_crs = None
        self.scaled = self.overviews = False
        self.dtype = "native"
        self._classes, self._transforms = classes, transforms
        self._hold(_scenes(samples, source, channels))

    def _stored_classes(self) -> Classes | None:
        return self._classes

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which the files hold a layer; see `GeoDataset.file_dtype`."""
        if self._transforms is not None or layer not in self.layers:
            return None
        return self._stored_dtype

    def _find_regions(self) -> tuple[Region, ...]:
        return tuple(
            Region.of_frame(scene.grid, scene.when, name=scene.name, outline=scene.footprint)
            for scene in self.scenes
        )

    def _identity(self) -> Hashable:
        return self.gives, self._classes, self.bands, tuple(scene.name for scene in self.scenes)

    def __repr__(self) -> str:
        names = ", ".join(band.name for band in self.bands)
        return f"PlacedSamples({len(self.scenes)} scenes, bands {names})"


class _Recoded:
    """A transform: from values as files hold them to codes of classes."""

    def __init__(self, coding: Coding) -> None:
        self._coding = coding

    def __call__(self, sample: Sample) -> Sample:
        import torch

        stored = sample["mask"].numpy()
        # What is not observed holds 0, which a file need not know.
        valid = sample["valid"].numpy()
        seen = np.where(valid, stored, stored[valid][0] if valid.any() else 0)
        if not valid.any():
            return sample
        codes, labelled = self._coding.classes_of(seen[None], "a mask")
        whole: dict[str, Any] = {**sample, "mask": torch.from_numpy(codes * valid)}
        whole["valid"] = torch.from_numpy(valid & labelled)
        return whole  # type: ignore[return-value]  # a sample's keys are all optional


def placed(samples: SampleDataset) -> GeoDataset:
    """Numbered samples as a geospatial dataset: their images, and their labels where these have a place.

    Masks in files with a place are layers of codes. One class per picture is a mask of that class wherever
    the picture lies. Other labels (several classes, values, boxes) are left out: `layers` says what there is.

    Raises:
        DatasetError: samples have no place on Earth, or do not lie in files of their own.
    """
    if samples.grid(0) is None:
        raise DatasetError(
            f"the files of {samples!r} do not say where on Earth they lie, so that they cannot be asked by "
            "place; take them by number"
        )
    source, channels = samples.reader.source, samples.reader.channels
    images = PlacedSamples(samples, source, channels=channels)
    if samples.targets is not None and samples.classes is not None:
        return images & _as_areas(samples, images)
    for target in samples.reader.targets:
        if isinstance(target, Masks) and target.key == "mask" and _have_place(samples, target):
            outputs = samples.outputs
            assert isinstance(outputs, ClassOutputs)  # whose target `mask` is
            return images & PlacedSamples(
                samples,
                target.source,
                gives="mask",
                classes=outputs.classes,
                transforms=None if target.coding.is_plain else _Recoded(target.coding),
            )
    return images


def _have_place(samples: SampleDataset, target: Masks) -> bool:
    """Whether all samples have masks in files of one channel, and these a place, as the first one's has."""
    listing = samples.listing
    if not isinstance(target.source, InFiles) or len(target.source.bands) != 1:
        return False
    if any(file is None for file in listing.columns[target.column]):
        return False
    grid = target.source.grid(listing, 0)  # the others are looked at as scenes are made
    return grid is not None and has_place(grid.crs)


def _as_areas(samples: SampleDataset, images: PlacedSamples) -> VectorDataset:
    """The class of each picture wherever it lies."""
    import geopandas

    classes, labels = samples.classes, samples.targets
    assert classes is not None
    assert labels is not None
    names = [classes.names[label] for label in labels]
    outlines = [scene.footprint for scene in images.scenes]
    table = geopandas.GeoDataFrame({_CODE: names}, geometry=outlines, crs="EPSG:4326")
    return VectorDataset(table, class_field=_CODE, classes=list(classes.names))


def _scenes(
    samples: SampleDataset, source: ImageSource, channels: Sequence[int] | None
) -> list[Scene]:
    """A scene for each sample, or for each date of one, in the order of the samples."""
    dates = source.sources if isinstance(source, DateStack) else (source,)
    wanted = range(len(source.bands)) if channels is None else channels
    listing = samples.listing
    files: list[tuple[str, Interval, list[tuple[str, int]]]] = []
    for t, date in enumerate(dates):
        if not isinstance(date, InFiles):
            raise DatasetError(
                f"the samples of {samples!r} do not lie in files of their own, so that they cannot be asked "
                "by place; take them by number"
            )
        for row in range(len(listing)):
            places = date.places(listing, row)
            when = _when(source, listing, row, t)
            files.append((listing.name(row), when, [places[k] for k in wanted]))
    headers = read_headers(list(dict.fromkeys(uri for *_, own in files for uri, _ in own)))
    grids = [min((headers[uri] for uri, _ in own), key=_pixel_area).grid for *_, own in files]
    bands = [source.bands[k] for k in wanted]
    return [
        Scene(
            name=name,
            grid=grid,
            when=when,
            bands=tuple(
                file_band(band, headers[uri], index)
                for band, (uri, index) in zip(bands, own, strict=True)
            ),
            assets=tuple(
                Asset(uri, index, headers[uri].grid, dtype=headers[uri].dtypes[index - 1])
                for uri, index in own
            ),
            footprint=outline,
        )
        for (name, when, own), grid, outline in zip(files, grids, footprints(grids), strict=True)
    ]


def _pixel_area(header: Header) -> float:
    return abs(float(header.grid.affine.determinant))


def _when(source: ImageSource, listing: Listing, row: int, t: int) -> Interval:
    """The day of a date that is known, else any time."""
    if not (isinstance(source, DateStack) and source.times):
        return ALWAYS
    seconds = float(listing.columns[source.times[t]][row])
    if not np.isfinite(seconds):
        return ALWAYS
    start = datetime.fromtimestamp(seconds, UTC)
    return Interval(start, start + timedelta(days=1))
