"""Chip stores, read: fast random access, a table of where each chip lies, statistics, torch datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import ChipError, suggest
from ..core.interval import ALWAYS, Interval, interval_between, microseconds
from ..core.outputs import ClassOutputs, ValueOutputs
from ..core.statistics import BandStatistics, band_statistics
from ..splits.names import SPLITS, Split
from .zarr.header import StoreHeader, grid_at
from .zarr.layout import NO_SPLIT
from .zarr.sample_columns import PREFIX, texts
from .zarr.shard_reader import ShardedArray
from .zarr.writer import ChipWriter

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import ChipDataset, GivenDtype, GivenLabels

__all__ = ["ChipStore", "ChipWriter"]


class ChipStore:
    """A finished chip store, read-only. Cheap to open, to pickle and to fork.

    Args:
        path: The folder that a `ChipWriter` made; with `#train`, `#val` or `#test` behind it, only the
            chips of that split.

    Raises:
        ChipError: nothing is there, it is not a chip store, it was never finished, a file of it is damaged or
            lost, or the split has no chip.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.zarr"
        >>> with ChipWriter(path, channels=1, size=2, dtype="uint8", bands=["red"]) as writer:
        ...     writer.add(np.full((1, 2, 2), 7, "uint8"), crs="EPSG:32622", split="train",
        ...                transform=(30, 0, 0, 0, -30, 0), source="scene.tif", row=0, col=0)
        >>> store = ChipStore.open(path)
        >>> len(store), store.band_names, store.image(0).max()
        (1, ('red',), np.uint8(7))
    """

    def __init__(self, path: str | Path) -> None:
        self.path, split = _split_of(str(path))
        header = StoreHeader.read(self.path)
        self.bands: tuple[Band, ...] = header.bands
        """What the stored numbers of each channel measure, with unit, scale and offset."""
        self.provenance: dict[str, Any] = header.provenance
        """How the chips were cut."""
        self.outputs: ClassOutputs | ValueOutputs | None = header.outputs
        """What the labels teach a network; None where there are none, or their classes are unknown."""
        self.label_plane: str | None = header.labels
        """What labels are: class codes (`mask`), measurements (`value`), or None where there are none."""
        checksums = header.columns["crc32c"]
        self._arrays = {
            name: ShardedArray(self.path / name, form, sizes, checksums[:, k])
            for k, (name, (form, sizes)) in enumerate(header.planes.items())
        }
        self._sources = header.sources
        self._crs = header.crs
        self._columns = dict(header.columns)
        self._samples, self._texts = dict(header.samples), header.texts
        self._positions: np.ndarray | None = None
        if split:
            self._positions = self.indices(split)  # type: ignore[arg-type]  # checked there
            self._columns = {k: column[self._positions] for k, column in self._columns.items()}
            self._samples = {k: column[self._positions] for k, column in self._samples.items()}

    @classmethod
    def open(cls, path: str | Path) -> ChipStore:
        """The store at `path`."""
        return cls(path)

    def __len__(self) -> int:
        return len(self._columns["row"])

    @property
    def channels(self) -> int:
        """Bands of every chip."""
        return self._arrays["image"].shape[1]

    @property
    def band_names(self) -> tuple[str, ...]:
        """Of every channel."""
        return tuple(band.name for band in self.bands)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of every chip, pixels."""
        height, width = self._arrays["image"].shape[2:]
        return height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored type of the images."""
        return self._arrays["image"].dtype

    def image(self, i: int) -> np.ndarray:
        """(C, H, W) in the stored dtype; 0 where not observed."""
        return self._arrays["image"][self._at(i)]

    def mask(self, i: int) -> np.ndarray:
        """(H, W) class codes, uint8 in a store that knows its classes; meaningful where `valid`.

        Raises:
            ChipError: the store has no labels.
        """
        if "mask" not in self._arrays:
            raise self._without("mask")
        return self._arrays["mask"][self._at(i)]

    def value(self, i: int) -> np.ndarray:
        """(K, H, W) float32 measured values in the units of `outputs`, NaN where unknown.

        Raises:
            ChipError: the store has no values.
        """
        if "value" not in self._arrays:
            raise self._without("value")
        return self._arrays["value"][self._at(i)]

    def _without(self, plane: str) -> ChipError:
        if self.label_plane is None:
            return ChipError(f"{self.path} has no labels; cut the chips with a label raster")
        kinds = {"mask": "classes", "value": "values"}
        return ChipError(
            f"the labels of {self.path} are {kinds[self.label_plane]}, expected {kinds[plane]}; ask for its "
            f"{self.label_plane}, or cut the chips with label_kind={kinds[plane]!r}"
        )

    def valid(self, i: int) -> np.ndarray:
        """(H, W) bool, True = observed and, in a store with labels, labelled."""
        return self._arrays["valid"][self._at(i)]

    def observed(self, i: int) -> np.ndarray:
        """(H, W) bool, True = observed in every band, labelled or not."""
        return self._arrays["observed"][self._at(i)]

    @property
    def has_labels(self) -> bool:
        """Whether chips have labels, of whichever kind, per pixel or per image."""
        return self.label_plane is not None or self.outputs is not None

    @property
    def classes(self) -> Classes | None:
        """What the mask's codes mean; None where that is unknown, or where there is no mask."""
        return self.outputs.classes if isinstance(self.outputs, ClassOutputs) else None

    def labels(self, i: int) -> dict[str, np.ndarray]:
        """Chip `i` without its image: `mask` (H, W) int64, class positions where `valid`; or `value`; or the
        label of the image as a whole.

        Raises:
            ChipError: the store has no labels.
        """
        if self.outputs is not None and self.outputs.gives == "image":
            key = self.outputs.target.key
            return {key: np.asarray(self._samples[key][i])}
        if self.label_plane == "value":
            return {"value": self.value(i), "valid": self.valid(i)}
        mask, valid = self.mask(i), self.valid(i)
        if self.classes is None:
            return {"mask": mask.astype(np.int64), "valid": valid}
        positions, known = self.classes.encode(mask)
        return {"mask": positions.astype(np.int64), "valid": valid & known}

    @property
    def column_names(self) -> tuple[str, ...]:
        """What chips hold besides pixels and place: labels per image, and whatever else samples held."""
        return tuple(self._samples)

    def column(self, name: str, chips: np.ndarray) -> np.ndarray | list[str]:
        """An entry of chips (n,): numbers (n,) or (n, k) as they are stored, fresh; or texts.

        Raises:
            ChipError: chips have no such entry.
        """
        if name not in self._samples:
            raise ChipError(f"{self.path} has no column {name!r}{suggest(name, self._samples)}")
        chosen = np.array(self._samples[name][chips])
        return texts(chosen) if name in self._texts else chosen

    def samples(self, indices: Sequence[int]) -> ChipDataset:
        """A torch dataset of chosen chips, images as they are stored."""
        return self.dataset(indices=indices, dtype="stored")

    def plane(self, name: str) -> ShardedArray:
        """A stored array as a whole: `image`, `mask` or `value`, `valid`, `observed`; see `places`."""
        return self._arrays[name]

    def places(self, chips: np.ndarray) -> np.ndarray:
        """Where chips (n,) of this view are stored in the arrays that `plane` gives, int64 (n,)."""
        stored: np.ndarray = chips if self._positions is None else self._positions[chips]
        return stored

    def _at(self, i: int) -> int:
        """Where chip `i` of this view is stored."""
        return i if self._positions is None else int(self._positions[i])

    def crs(self, i: int) -> str:
        """CRS of chip `i`, as `EPSG:n` or WKT; empty where it has no place on Earth."""
        return self._crs[int(self._columns["crs"][i])]

    def transform(self, i: int) -> np.ndarray:
        """(6,) float64, affine of the upper-left pixel corner of chip `i`."""
        return np.asarray(self._columns["transform"][i])

    def transforms(self, chips: np.ndarray) -> np.ndarray:
        """(n, 6) float64, fresh: `transform` of several chips."""
        return np.array(self._columns["transform"][chips])

    def when(self, i: int) -> Interval:
        """The time that chip `i` was asked for; always, where none was noted."""
        if "start" not in self._columns:
            return ALWAYS
        return interval_between(int(self._columns["start"][i]), int(self._columns["stop"][i]))

    def grid(self, i: int) -> GeoBox:
        """Where chip `i` lies.

        Raises:
            ChipError: its CRS is unknown.
        """
        return grid_at(self.size, self.transform(i), self.crs(i), self.path)

    @property
    def sources(self) -> dict[str, GeoBox | None]:
        """Native grid of each scene, None where it was not noted."""
        return {
            name: grid_at(noted.shape, noted.transform, noted.crs, self.path) if noted else None
            for name, noted in self._sources.items()
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row per chip: index, split (None where undecided), source, row, col, crs, a..f; and, where
        times were noted, start and stop (UTC, stop exclusive; not a time where a chip is of any time);
        and the columns of what samples held besides."""
        import pandas as pd

        names = np.array([*SPLITS, None], dtype=object)
        split = self._columns["split"]
        columns: dict[str, Any] = {
            "index": np.arange(len(self)),
            "split": names[np.where(split == NO_SPLIT, len(SPLITS), split)],
            "source": np.array(list(self._sources), dtype=object)[self._columns["source"]],
            "row": self._columns["row"],
            "col": self._columns["col"],
            "crs": np.array(self._crs, dtype=object)[self._columns["crs"]],
        }
        for i, letter in enumerate("abcdef"):
            columns[letter] = self._columns["transform"][:, i]
        if "start" in self._columns:
            times = np.stack([self._columns["start"], self._columns["stop"]])
            anytime = (times == np.array(microseconds(ALWAYS))[:, None]).all(axis=0)
            for name, column in zip(("start", "stop"), times.astype("datetime64[us]"), strict=True):
                instants = np.where(anytime, np.datetime64("NaT", "us"), column)
                columns[name] = pd.Series(instants).dt.tz_localize("UTC")
        for name in self._samples:
            entries = self.column(name, np.arange(len(self)))
            columns[name if name not in columns else PREFIX + name] = list(entries)
        return pd.DataFrame(columns)

    def indices(self, split: Split | None = None) -> np.ndarray:
        """Positions of the chips of a split, int64; of all chips for None.

        Raises:
            ChipError: the split is unknown or has no chip; the message counts those that have.
        """
        if split is None:
            return np.arange(len(self))
        if split not in SPLITS:
            raise ChipError(f"unknown split {split!r}{suggest(split, SPLITS)}")
        positions = np.flatnonzero(self._columns["split"] == SPLITS.index(split))
        if not len(positions):
            counts = {s: int((self._columns["split"] == k).sum()) for k, s in enumerate(SPLITS)}
            raise ChipError(
                f"{self.path} has no chip in split {split!r}: found {counts} of {len(self)} chips"
            )
        return positions

    @property
    def splits(self) -> dict[Split, int]:
        """How many chips each split holds; splits without one are left out."""
        counts = {s: int((self._columns["split"] == k).sum()) for k, s in enumerate(SPLITS)}
        return {split: count for split, count in counts.items() if count}

    def statistics(self, split: Split | None = None) -> BandStatistics:
        """Per-band statistics over the valid pixels of a split's chips; all chips for None.

        Raises:
            ChipError: the split is unknown or has no chip.
        """
        chosen = self.indices(split)

        def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return ((self.image(i), self.valid(i)) for i in chosen)

        return band_statistics(blocks, self.band_names)

    def dataset(
        self,
        split: Split | None = None,
        indices: Sequence[int] | None = None,
        *,
        dtype: GivenDtype = "native",
        labels: GivenLabels = "positions",
    ) -> ChipDataset:
        """A torch dataset of samples: of a split, of chosen chips, or of all.

        Args:
            split: Which chips; None means all.
            indices: Positions in the store, instead of a split.
            dtype, labels: As `ChipDataset` explains.

        Raises:
            ChipError: the split is unknown or has no chip.
        """
        from .dataset import ChipDataset

        chosen = self.indices(split) if indices is None else np.asarray(indices, dtype=np.int64)
        return ChipDataset(self, chosen, dtype=dtype, labels=labels)

    def __repr__(self) -> str:
        height, width = self.size
        return (
            f"ChipStore({self.path.name}: {len(self)} chips of {self.channels} x {height} x {width} "
            f"{self.dtype}, {self.splits})"
        )


def _split_of(name: str) -> tuple[Path, str]:
    """The folder that a name means, and the split behind `#`; a folder may have a `#` in its own name."""
    folder, mark, split = name.rpartition("#")
    if not mark or Path(name).exists():
        return Path(name), ""
    return (Path(folder), split) if split in SPLITS or Path(folder).exists() else (Path(name), "")
