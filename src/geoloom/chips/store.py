"""Chip stores, read: fast random access, a table of where each chip lies, statistics, torch datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ChipError, suggest
from .layout import NO_SPLIT, SPLITS, Split, store_attributes
from .shards import ShardedArray
from .statistics import BandStatistics, band_statistics
from .writer import ChipWriter

if TYPE_CHECKING:
    import pandas as pd

    from .dataset import ChipDataset

__all__ = ["ChipStore", "ChipWriter"]


class ChipStore:
    """A finished chip store, read-only. Cheap to open, to pickle and to fork.

    Args:
        path: The folder that a `ChipWriter` made; with `#train`, `#test` or `#valid` behind it, only the
            chips of that split.

    Raises:
        ChipError: nothing is there, it is no chip store, it was never finished, or the split has no chip.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.zarr"
        >>> with ChipWriter(path, channels=1, size=2, dtype="uint8", bands=["red"]) as writer:
        ...     writer.add(np.full((1, 2, 2), 7, "uint8"), crs="EPSG:32622", split="train",
        ...                transform=(30, 0, 0, 0, -30, 0), source="scene.tif", row=0, col=0)
        >>> store = ChipStore.open(path)
        >>> len(store), store.bands, store.image(0).max()
        (1, ('red',), np.uint8(7))
    """

    def __init__(self, path: str | Path) -> None:
        name, _, split = str(path).partition("#")
        self.path = Path(name)
        attributes = store_attributes(self.path)
        self.bands: tuple[str, ...] = tuple(attributes["bands"])
        self.provenance: dict[str, Any] = attributes["provenance"]
        """How the chips were cut."""
        labels = attributes["classes"]
        self.classes: Classes | None = Classes.from_dict(labels) if labels else None
        planes = (
            ("image", "mask", "valid", "observed") if labels else ("image", "valid", "observed")
        )
        self._arrays = {name: ShardedArray(self.path / name) for name in planes}
        self._sources: dict[str, Any] = attributes["sources"]
        self._crs: list[str] = attributes["crs"]
        self._columns = _read_columns(self.path)
        self._positions: np.ndarray | None = None
        if split:
            self._positions = self.indices(split)  # type: ignore[arg-type]  # checked there
            self._columns = {k: column[self._positions] for k, column in self._columns.items()}

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
        """(H, W) uint8 class codes; meaningful where `valid`.

        Raises:
            ChipError: the store has no labels.
        """
        if "mask" not in self._arrays:
            raise ChipError(f"{self.path} has no labels; cut the chips with a label raster")
        return self._arrays["mask"][self._at(i)]

    def valid(self, i: int) -> np.ndarray:
        """(H, W) bool, True = observed and, in a store with labels, labelled."""
        return self._arrays["valid"][self._at(i)]

    def observed(self, i: int) -> np.ndarray:
        """(H, W) bool, True = observed in every band, labelled or not."""
        return self._arrays["observed"][self._at(i)]

    def _at(self, i: int) -> int:
        """Where chip `i` of this view is stored."""
        return i if self._positions is None else int(self._positions[i])

    def crs(self, i: int) -> str:
        """CRS of chip `i`, as `EPSG:n` or WKT; empty where it has no place on Earth."""
        return self._crs[int(self._columns["crs"][i])]

    def transform(self, i: int) -> np.ndarray:
        """(6,) float64, affine of the upper-left pixel corner of chip `i`."""
        return np.asarray(self._columns["transform"][i])

    def grid(self, i: int) -> GeoBox:
        """Where chip `i` lies."""
        return GeoBox(self.size, Affine(*self.transform(i)), self.crs(i) or None)

    @property
    def sources(self) -> dict[str, GeoBox | None]:
        """Native grid of each scene, None where it was not noted."""
        return {
            name: GeoBox(tuple(noted["shape"]), Affine(*noted["transform"]), noted["crs"] or None)
            if noted
            else None
            for name, noted in self._sources.items()
        }

    @property
    def table(self) -> pd.DataFrame:
        """One row a chip: index, split (None where undecided), source, row, col, crs, a..f."""
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
        found = np.flatnonzero(self._columns["split"] == SPLITS.index(split))
        if not len(found):
            counts = {s: int((self._columns["split"] == k).sum()) for k, s in enumerate(SPLITS)}
            raise ChipError(
                f"{self.path} has no chip in split {split!r}: found {counts} of {len(self)} chips"
            )
        return found

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

        return band_statistics(blocks, self.bands)

    def dataset(
        self, split: Split | None = None, indices: Sequence[int] | None = None
    ) -> ChipDataset:
        """A torch dataset of samples: of a split, of chosen chips, or of all.

        Raises:
            ChipError: the split is unknown or has no chip.
        """
        from .dataset import ChipDataset

        chosen = self.indices(split) if indices is None else np.asarray(indices, dtype=np.int64)
        return ChipDataset(self, chosen)

    def __repr__(self) -> str:
        height, width = self.size
        return (
            f"ChipStore({self.path.name}: {len(self)} chips of {self.channels} x {height} x {width} "
            f"{self.dtype}, {self.splits})"
        )


def _read_columns(path: Path) -> dict[str, np.ndarray]:
    import zarr

    group: Any = zarr.open_group(path, mode="r", zarr_format=3)
    names = ("split", "source", "crs", "row", "col", "transform")
    return {name: np.asarray(group[name][...]) for name in names}
