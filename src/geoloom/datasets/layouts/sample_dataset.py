"""Samples that lie ready in files, asked by number: a torch dataset of the usual kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from torch.utils.data import Dataset

from ...core.bands import Band, find_bands
from ...core.classes import Classes
from ...core.errors import DatasetError
from ...core.grid import place
from ...core.outputs import ClassOutputs
from ...core.progress import Progress
from ...core.query import Sample
from ...core.statistics import BandStatistics, band_statistics
from ...io.buffers import BUFFERS
from ...io.headers.scan import OnError
from ...io.pictures.fit import Fit, fit_into, fitted_transform
from ...io.threads import reading_threads, usable_cpus
from ..options import picture_size, require_apart, require_callable, require_choice
from ..reading.sample import torch_dtype
from .listing import Listing, SampleSplit, SplitLists
from .picture_files import PictureFiles

if TYPE_CHECKING:
    import pandas as pd

Transform = Callable[[Sample], Sample]
GivenDtype = Literal["native", "stored", "float32"]
Size = int | tuple[int, int]

_AT_ONCE = 64
"""Pictures that are in memory while statistics are computed."""


class SampleDataset(Dataset[Sample]):
    """Samples that are numbered: `dataset[3]`, `len(dataset)`, shuffled by a `DataLoader`.

    Samples hold `image` (C, H, W), `valid` (H, W) bool, True = observed, and `label` () int64, the class's
    position in `classes`. Where all pictures tell their place, also `crs`, `transform` and `bounds`.

    A `DataLoader` asks for whole batches: threads decode them into the batch's own memory, which
    `geoloom.loader` hands on without a copy. A dataset never changes: what alters it returns another one.
    Picklable, and safe under fork and spawn.

    Args:
        listing: Which samples there are.
        bands: Names of those wanted, in order; None: all.
        all_bands: What the files' channels are, a name or a `Band` each; None: as the files say. A declared
            fourth channel is data, not transparency.
        size: Rows and columns, or the side of a square, to which each picture is brought. None: its own;
            those of one batch must then be equal.
        fit: `crop` cuts and pads about the middle, values untouched; `resize` shows the whole picture.
        dtype: Of the image. `native`: as stored, but uint16 as float32 and uint32 as int64, since torch can
            scarcely compute with those; `stored`: as stored; `float32`.
        transforms: What is done to each sample.
        on_error: What becomes of pictures whose headers cannot be read.
        progress: Called with (headers read, pictures in all).

    Raises:
        DatasetError: an option is none, or pictures differ in their bands.
        BandError: a band is unknown.
        ReadError: a picture cannot be read.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        bands: Sequence[str] | None = None,
        all_bands: Sequence[str | Band] | None = None,
        size: Size | None = None,
        fit: Fit = "crop",
        dtype: GivenDtype = "native",
        transforms: Transform | None = None,
        on_error: OnError = "raise",
        progress: Progress | None = None,
    ) -> None:
        require_choice("dtype", dtype, get_args(GivenDtype))
        require_choice("on_error", on_error, get_args(OnError))
        require_callable(transforms)
        declared = None
        if all_bands is not None:
            declared = [band if isinstance(band, Band) else Band.named(band) for band in all_bands]
            require_apart("all_bands", [band.name for band in declared])
        pictures, read = PictureFiles.of(
            listing.paths, bands=declared, on_error=on_error, progress=progress
        )
        self._pictures = pictures
        self._listing = listing.take(read)
        self._numbers = np.arange(len(read))
        self._channels: tuple[int, ...] | None = None
        if bands is not None:
            require_apart("bands", list(bands))
            known = [band.name for band in pictures.bands]
            self._channels = find_bands(bands, known, where=str(listing.root))
        self._size, self._fit = picture_size(size), _checked_fit(fit)
        self._given = pictures.dtype
        if dtype != "stored":
            self._given = np.dtype("float32") if dtype == "float32" else torch_dtype(pictures.dtype)
        self._transforms = transforms

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order."""
        known = self._pictures.bands
        return known if self._channels is None else tuple(known[i] for i in self._channels)

    @property
    def classes(self) -> Classes | None:
        """What labels mean, by position; None where samples have none."""
        return self._listing.classes

    @property
    def outputs(self) -> ClassOutputs | None:
        """What a network for these samples gives; None where they have no labels."""
        return None if self.classes is None else ClassOutputs(self.classes, per="image")

    @property
    def targets(self) -> NDArray[np.int64] | None:
        """(n,) class positions; None where samples have no labels."""
        return self._listing.labels

    @property
    def path(self) -> Path:
        """The folder that the samples lie in."""
        return self._listing.root

    @property
    def sizes(self) -> dict[tuple[int, int], int]:
        """How many samples have so many rows and columns, the most frequent first."""
        if self._size is not None:
            return {self._size: len(self)}
        shapes = map(tuple, self._pictures.shapes[self._numbers].tolist())
        return dict(Counter(shapes).most_common())

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every sample, pixels.

        Raises:
            DatasetError: pictures differ in size, and are not brought to one.
        """
        return self._size_of(np.arange(len(self)), "trained on together")

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds the values of all files; what samples hold, the option `dtype` says."""
        return self._pictures.dtype

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
        import pandas as pd

        columns = dict(self._listing.columns)
        if self.targets is not None:
            columns["label"] = self.targets
        shapes = self._pictures.shapes[self._numbers]
        return pd.DataFrame({**columns, "height": shapes[:, 0], "width": shapes[:, 1]})

    def class_counts(self) -> dict[str, int]:
        """How many samples each class has; empty where samples have no labels."""
        if self.classes is None or self.targets is None:
            return {}
        counts = np.bincount(self.targets, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes.names, counts, strict=True))

    def indices(self, split: str | None = None) -> NDArray[np.int64]:
        """Numbers of the samples of a split; of all for None.

        Raises:
            DatasetError: samples are not divided, or none is in it.
        """
        return np.arange(len(self)) if split is None else self._listing.rows_of(split)

    def labels(self, i: int) -> dict[str, NDArray[Any]]:
        """Sample `i` without its image: `label` () int64; empty where samples have none."""
        return {} if self.targets is None else {"label": self.targets[i]}

    def grid(self, i: int) -> GeoBox | None:
        """Where sample `i` lies; None where it has no place on Earth."""
        if self._pictures.grids is None:
            return None
        grid = self._pictures.grids[int(self._numbers[i])]
        size = self._size or tuple(grid.shape)
        if size == tuple(grid.shape):
            return grid
        moved = grid.affine @ fitted_transform(tuple(grid.shape), size, self._fit)
        return GeoBox(size, Affine(*moved[:6]), grid.crs)

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
        return self.subset(indices)._altered(_given=self.dtype)

    def statistics(self, split: str | None = None) -> BandStatistics:
        """Per-band statistics over the valid pixels of a split's pictures, as stored; of all for None.

        Raises:
            DatasetError: samples are not divided, or none is in the split.
            ReadError: a picture is damaged.
        """
        chosen = self.subset(self.indices(split))._altered(_given=self.dtype, _transforms=None)

        def blocks() -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
            threads = reading_threads(usable_cpus())
            for start in range(0, len(chosen), _AT_ONCE):
                yield from threads.map(chosen._image, range(len(chosen))[start : start + _AT_ONCE])

        return band_statistics(blocks, [band.name for band in self.bands])

    def with_splits(self, splits: SampleSplit | SplitLists) -> Self:
        """The same samples, divided by a rule (`ClassSplit`, `ColumnSplit`) or by lists of file names.

        Raises:
            DatasetError: the lists do not fit the files.
            ConfigError: the rule does not fit the samples.
        """
        return self._altered(_listing=self._listing.with_splits(splits))

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
        return self._altered(_listing=self._listing.take(chosen), _numbers=self._numbers[chosen])

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
        return self._altered(_size=picture_size(size), _fit=_checked_fit(fit))

    def _altered(self, **attributes: Any) -> Self:
        other = copy(self)
        vars(other).update(attributes)
        return other

    def __len__(self) -> int:
        return len(self._numbers)

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
        import torch

        rows = self._rows(indices)
        size = self._size_of(rows, "stacked to one batch")
        image = take((len(rows), len(self.bands), *size), self._given)
        valid = take((len(rows), *size), np.dtype(np.bool_))

        def fill(k: int) -> None:
            self._fill(int(rows[k]), image[k], valid[k])

        threads = 1 if _in_worker() else usable_cpus()
        if threads == 1 or len(rows) == 1:
            for k in range(len(rows)):
                fill(k)
        else:
            for done in reading_threads(threads).map(fill, range(len(rows))):
                assert done is None
        layers = {"image": torch.from_numpy(image), "valid": torch.from_numpy(valid)}
        if self.targets is not None:
            layers["label"] = torch.from_numpy(self.targets[rows])
        places = [self._place(row) for row in rows.tolist()]
        samples: list[Any] = [
            {**{name: values[k] for name, values in layers.items()}, **places[k]}
            for k in range(len(rows))
        ]
        return samples if self._transforms is None else [self._transforms(s) for s in samples]

    def _rows(self, indices: Sequence[int]) -> NDArray[np.int64]:
        rows = np.array([int(index) for index in indices], np.int64)
        rows[rows < 0] += len(self)
        wrong = rows[(rows < 0) | (rows >= len(self))]
        if len(wrong):
            raise IndexError(f"there are samples 0 to {len(self) - 1}, not {wrong[0]}")
        return rows

    def _size_of(self, rows: NDArray[np.int64], purpose: str) -> tuple[int, int]:
        """Of samples that must have one size."""
        if self._size is not None:
            return self._size
        return self._pictures.one_size(self._numbers[rows], purpose)

    def _fill(self, row: int, image: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Decode one picture into its place in a batch."""
        picture = self._pictures.read(int(self._numbers[row]))
        values = picture.values if self._channels is None else picture.values[[*self._channels]]
        fit_into(values, picture.valid, self._fit, image, valid)

    def _image(self, row: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Image (C, H, W) and validity (H, W) of one sample."""
        size = self._size_of(np.array([row]), "read")
        image = np.empty((len(self.bands), *size), self._given)
        valid = np.empty(size, np.bool_)
        self._fill(row, image, valid)
        return image, valid

    def _place(self, row: int) -> Mapping[str, Any]:
        import torch

        grid = self.grid(row)
        if grid is None:
            return {}
        where = place(grid)
        for name in ("transform", "bounds"):
            where[name] = torch.from_numpy(where[name])
        return where

    def __repr__(self) -> str:
        high, wide = next(iter(self.sizes), (0, 0))
        more = f" and {len(self.sizes) - 1} other sizes" if len(self.sizes) > 1 else ""
        kinds = "" if self.classes is None else f"{len(self.classes)} classes, "
        return (
            f"{type(self).__name__}({self._listing.root.name}: {len(self)} samples, {kinds}"
            f"{len(self.bands)} x {high} x {wide}{more}, {self.dtype})"
        )


def _checked_fit(fit: Any) -> Fit:
    require_choice("fit", fit, get_args(Fit))
    return fit  # type: ignore[no-any-return]


def _in_worker() -> bool:
    """Whether this is a loader's worker process, beside which others already use the processors."""
    from torch.utils.data import get_worker_info

    return get_worker_info() is not None
