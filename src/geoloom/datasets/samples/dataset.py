"""Samples that lie ready in files, asked by number: a torch dataset of the usual kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch.utils.data import Dataset

from ...core.bands import Band, find_bands, names_of
from ...core.classes import Classes
from ...core.errors import DatasetError
from ...core.hints.keys import keyed
from ...core.outputs import ClassOutputs, Outputs
from ...core.query import Sample
from ...core.registry import Registry
from ...core.statistics import BandStatistics, band_statistics
from ...io.buffers import BUFFERS
from ...io.pictures.fit import Fit
from ...io.threads import reading_threads, usable_cpus
from ..options import picture_size, require_apart, require_callable, require_choice
from ..reading.sample import torch_dtype
from .drawn import DrawnSamples
from .listing import Listing, SampleSplit, SplitLists
from .masks import Masks
from .numbers import AskedByNumber, as_number
from .pixels import ImageSource, PixelArray
from .reader import SampleReader
from .sizes import one_size
from .stacks import narrowed
from .target import TargetSource

if TYPE_CHECKING:
    import pandas as pd

    from ..base import GeoDataset

Transform = Callable[[Sample], Sample]
GivenDtype = Literal["native", "stored", "float32"]
Size = int | tuple[int, int]

_AS_GEO: Registry[Callable[..., GeoDataset]] = Registry(
    "view", {"placed": "geoloom.datasets.placed_samples:placed"}
)
"""What makes the dataset of `as_geo`: by name, as it is built on this one."""

_AT_ONCE = 64
"""Pictures that are in memory while statistics are computed."""


class SampleDataset(DrawnSamples, AskedByNumber, Dataset[Sample]):
    """Samples that are numbered: `dataset[3]`, `len(dataset)`, shuffled by a `DataLoader`.

    Samples hold `image` (C, H, W), or (T, C, H, W) of series with `times` (T,) and `valid_series` (T, H, W);
    `valid` (H, W) bool, True = observed and, where pixels are labelled, labelled; and what they teach, by the
    keys of `outputs`: `label` () int64, `mask` (H, W) int64, both positions in `classes`, `value`, `boxes`
    and so on. Where labels are of pixels, `observed` (H, W) as well. Where all files tell their place, also
    `crs`, `transform` and `bounds`.

    A `DataLoader` asks for whole batches: threads decode them into the batch's own memory, which
    `geoloom.loader` hands on without a copy. A dataset never changes: what alters it returns another one.
    Picklable, and safe under fork and spawn.

    Args:
        listing: Which samples there are.
        image: How their pixels are read.
        targets: How what they teach is read, beyond what the listing knows of each as a whole.
        outputs: What a network for these samples gives; None where they teach nothing.
        placed: Whether samples have a place on Earth; None: where the listing has their grids.
        bands: Names of those wanted, in order; None: all.
        size: Rows and columns, or the side of a square, to which each picture is brought. None: its own;
            those of one batch must then be equal.
        fit: `crop` cuts and pads about the middle, values untouched; `resize` shows the whole picture, codes
            never mixed.
        dtype: Of the image. `native`: as stored, but uint16 as float32 and uint32 as int64, since torch can
            scarcely compute with those; `stored`: as stored; `float32`.
        transforms: What is done to each sample.

    Raises:
        DatasetError: an option is none, or there is no sample.
        BandError: a band is unknown.
    """

    def __init__(
        self,
        listing: Listing,
        image: ImageSource,
        targets: Sequence[TargetSource] = (),
        *,
        outputs: Outputs | None = None,
        placed: bool | None = None,
        bands: Sequence[str | Band] | None = None,
        size: Size | None = None,
        fit: Fit = "crop",
        dtype: GivenDtype = "native",
        transforms: Transform | None = None,
    ) -> None:
        require_choice("dtype", dtype, get_args(GivenDtype))
        require_callable(transforms)
        _require_positions(outputs)
        self._listing = listing
        self._outputs = outputs
        self._transforms = transforms
        channels = None
        if bands is not None:
            named = names_of(bands)
            require_apart("bands", named)
            known = [band.name for band in image.bands]
            channels = find_bands(named, known, where=str(listing.root))
            image, channels = narrowed(image, channels)
        given = image.dtype
        if dtype != "stored":
            given = np.dtype("float32") if dtype == "float32" else torch_dtype(image.dtype)
        self._reader = SampleReader(
            source=image,
            targets=tuple(target for target in targets if target.given(listing)),
            channels=channels,
            size=picture_size(size),
            fit=_checked_fit(fit),
            dtype=given,
            placed=listing.grids is not None if placed is None else placed,
        )

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order."""
        return self._reader.bands

    @property
    def outputs(self) -> Outputs | None:
        """What a network for these samples gives; None where they teach nothing."""
        return self._outputs

    @property
    def classes(self) -> Classes | None:
        """What labels, masks or boxes mean, by position; None where there are no classes."""
        return getattr(self._outputs, "classes", None)

    @property
    def layer_classes(self) -> dict[str, Classes]:
        """What codes of layers beside `mask` mean, by their keys, such as `mask:water_body`."""
        masks = (target for target in self._reader.targets if isinstance(target, Masks))
        return {mask.key: mask.classes for mask in masks if mask.classes is not None}

    @property
    def targets(self) -> NDArray[np.int64] | None:
        """(n,) class positions; None where samples have no labels as a whole."""
        return self._listing.labels

    @property
    def listing(self) -> Listing:
        """Which samples there are, and what is known of each."""
        return self._listing

    @property
    def reader(self) -> SampleReader:
        """How the listing's rows become samples."""
        return self._reader

    @property
    def path(self) -> Path:
        """The folder that the samples lie in."""
        return self._listing.root

    @property
    def sizes(self) -> dict[tuple[int, int], int]:
        """How many samples have so many rows and columns, the most frequent first.

        Raises:
            ReadError: a file's header has to be read for it, and is damaged.
        """
        if self._reader.size is not None:
            return {self._reader.size: len(self)}
        return dict(Counter(map(tuple, self._shapes().tolist())).most_common())

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every sample, pixels.

        Raises:
            DatasetError: pictures differ in size, and are not brought to one.
        """
        return self._reader.size or one_size(self._shapes(), "trained on together")

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds the values of all files; what samples hold, the option `dtype` says."""
        return self._reader.source.dtype

    @property
    def dates(self) -> int | None:
        """How many dates each sample has; None where images have no axis of dates."""
        return self._reader.source.dates

    @property
    def splits(self) -> dict[str, int]:
        """How many samples each split has; empty where they are not divided."""
        return self._listing.splits

    @property
    def transforms(self) -> Transform | None:
        """What is done to each sample before it is given."""
        return self._transforms

    @property
    def table(self) -> pd.DataFrame:
        """A row a sample: file, class, split and what else is known, label, height and width as stored."""
        return self._listing.table

    def class_counts(self) -> dict[str, int]:
        """How many samples each class has; empty where samples have no labels as a whole."""
        classes = self.classes
        counts = None if classes is None else self._listing.class_counts(len(classes))
        if counts is None or classes is None:
            return {}
        return dict(zip(classes.names, counts.tolist(), strict=True))

    def indices(self, split: str | None = None) -> NDArray[np.int64]:
        """Numbers of the samples of a split; of all for None.

        Raises:
            DatasetError: samples are not divided, or none is in it.
        """
        return np.arange(len(self)) if split is None else self._listing.rows_of(split)

    def labels(self, i: int) -> dict[str, NDArray[Any]]:
        """Sample `i` without its image, such as `label` () int64; empty where it teaches nothing.

        Raises:
            ReadError: a file is damaged.
        """
        return self._reader.labels(self._listing, i)

    def grid(self, i: int) -> GeoBox | None:
        """Where sample `i` lies; None where it has no place on Earth."""
        return self._reader.grid(self._listing, i)

    def as_geo(self) -> GeoDataset:
        """The same files as a geospatial dataset, which is asked by place and composes with others.

        Samples of it hold `image`, and `mask` where labels of pixels have a place, or where each picture has
        one class, which then holds wherever the picture lies.

        Raises:
            DatasetError: samples have no place on Earth, or do not lie in files of their own.

        Example:
            >>> chips = EuroSAT("eurosat").as_geo() & CDL("cdl")  # doctest: +SKIP
        """
        return _AS_GEO.get("placed")(self)

    def samples(self, indices: Sequence[int]) -> Self:
        """Some of the samples, images in the files' own type.

        Raises:
            DatasetError: samples pass through transforms, which a model would not know of.
        """
        if self._transforms is not None:
            raise DatasetError(
                f"{self!r} has transforms, which no model is saved with: what it predicts later would not "
                "pass through them; train without, with_transforms(None), or in a loop of your own"
            )
        return self.subset(indices)._read_as(dtype=self.dtype)

    def statistics(self, split: str | None = None) -> BandStatistics:
        """Per-band statistics over the valid pixels of a split's pictures, as stored; of all for None.

        Raises:
            DatasetError: samples are not divided, or none is in the split.
            ReadError: a picture is damaged.
        """
        chosen = (
            self.subset(self.indices(split))._read_as(dtype=self.dtype)._altered(_transforms=None)
        )

        def pixels_of(row: int) -> PixelArray:
            return chosen._reader.pixels(chosen._listing, row)

        def blocks() -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
            threads = reading_threads(usable_cpus())
            for start in range(0, len(chosen), _AT_ONCE):
                rows = range(len(chosen))[start : start + _AT_ONCE]
                for pixels in threads.map(pixels_of, rows):
                    if chosen.dates is None:
                        yield pixels.values, pixels.valid
                    else:
                        yield from zip(pixels.values, pixels.valid, strict=True)

        return band_statistics(blocks, [band.name for band in self.bands])

    def with_splits(self, splits: SampleSplit | SplitLists) -> Self:
        """The same samples, divided by a rule of `splits` or by lists of file names.

        Rules: `ClassSplit`, `GroupSplit`, `ColumnSplit`, `TimeSplit`, `RandomSplit`, and by where samples lie
        `BlockSplit`, `CellSplit`, `RoiSplit` and `SceneSplit`. `splits.divide` also measures the result.

        Raises:
            DatasetError: the lists do not fit the files.
            ConfigError: the rule does not fit the samples.
        """
        grids = None
        if self._listing.grids is not None or getattr(splits, "by_place", False):
            grids = [self.grid(i) for i in range(len(self))]
        return self._altered(_listing=self._listing.with_splits(splits, grids))

    def split(self, name: str) -> Self:
        """The samples of a split.

        Raises:
            DatasetError: samples are not divided, or none is in it.
        """
        return self.subset(self._listing.rows_of(name))

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> Self:
        """Some of the samples, by number, in the order given.

        Raises:
            DatasetError: there is no such sample.
        """
        chosen = np.asarray(rows, np.int64).reshape(-1)
        wrong = chosen[(chosen < 0) | (chosen >= len(self))]
        if len(wrong):
            raise DatasetError(f"there are samples 0 to {len(self) - 1}, not {wrong[0]}")
        return self._altered(_listing=self._listing.take(chosen))

    def with_transforms(self, transforms: Transform | None) -> Self:
        """The same dataset, whose samples pass through `transforms`.

        Raises:
            DatasetError: they cannot be called.
        """
        require_callable(transforms)
        return self._altered(_transforms=transforms)

    def with_size(self, size: Size | None, fit: Fit = "crop") -> Self:
        """The same samples, brought to one size; see the class.

        Raises:
            DatasetError: it is not a size.
        """
        return self._read_as(size=picture_size(size), fit=_checked_fit(fit))

    def _read_as(self, **changes: Any) -> Self:
        return self._altered(_reader=replace(self._reader, **changes))

    def _altered(self, **attributes: Any) -> Self:
        other = copy(self)
        vars(other).update(attributes)
        return other

    def __len__(self) -> int:
        return len(self._listing)

    def __getitem__(self, index: int) -> Sample:
        return self._samples([index], np.empty)[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        """The samples of a batch, read together by threads; a `DataLoader` asks for batches through this.

        Guarantee: equal, bit for bit, to asking for one after the other.

        Raises:
            DatasetError: pictures differ in size.
            ReadError: a picture is damaged.
        """
        return self._samples(indices, BUFFERS.take)

    def _samples(self, indices: Sequence[int], take: Callable[..., Any]) -> list[Sample]:
        rows = self._rows(indices).tolist()
        size = self._reader.size
        if size is None:
            size = one_size(self._reader.shapes(self._listing, rows), "stacked to one batch")
        samples = self._reader.read(self._listing, rows, size, take)
        return (
            samples if self._transforms is None else [keyed(self._transforms(s)) for s in samples]
        )

    def _rows(self, indices: Sequence[int]) -> NDArray[np.int64]:
        rows = np.array([as_number(index) for index in indices], np.int64)
        rows[rows < 0] += len(self)
        wrong = rows[(rows < 0) | (rows >= len(self))]
        if len(wrong):
            raise IndexError(f"there are samples 0 to {len(self) - 1}, not {wrong[0]}")
        return rows

    def _shapes(self) -> NDArray[np.int32]:
        """(n, 2) rows and columns as stored; headers are read once, where the listing knows none."""
        if self._listing.shapes is None:
            shapes = self._reader.shapes(self._listing, range(len(self)))
            self._listing = replace(self._listing, shapes=shapes)
        known = self._listing.shapes
        assert known is not None
        return known

    def __repr__(self) -> str:
        kinds = "" if self.classes is None else f"{len(self.classes)} classes, "
        dates = "" if self.dates is None else f"{self.dates} x "
        return (
            f"{type(self).__name__}({self._listing.root.name}: {len(self)} samples, {kinds}"
            f"{dates}{len(self.bands)} x {self._sized()}, {self.dtype})"
        )

    def _sized(self) -> str:
        """Rows and columns in words, no header read for it."""
        if self._reader.size is None and self._listing.shapes is None:
            return "H x W"
        high, wide = next(iter(self.sizes), (0, 0))
        more = f" and {len(self.sizes) - 1} other sizes" if len(self.sizes) > 1 else ""
        return f"{high} x {wide}{more}"


def _require_positions(outputs: Outputs | None) -> None:
    """Refuse classes whose codes are none of the positions that samples hold, as losses take them."""
    if not isinstance(outputs, ClassOutputs) or outputs.gives != "pixels":
        return
    codes = outputs.classes.codes
    if codes != tuple(range(len(codes))):
        raise DatasetError(
            f"the classes of these masks have the codes {', '.join(map(str, codes[:8]))}, expected 0 to "
            f"{len(codes) - 1}, as samples hold positions: give Classes.from_legend(dict(enumerate(names))), "
            "and map what is stored by Codes({stored: position, ...})"
        )


def _checked_fit(fit: Any) -> Fit:
    require_choice("fit", fit, get_args(Fit))
    return fit  # type: ignore[no-any-return]
